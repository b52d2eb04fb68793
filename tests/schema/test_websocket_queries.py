"""Queries and mutations over WebSocket: each shows what is there now, however long the connection has been open."""

import json
from typing import Any

from websockets.asyncio.client import ClientConnection

from tests.house import House
from tests.schema.test_websocket_messages import connected, subscribe

LOOK = "query ($id: ID!) { look(id: $id) { videoCount videos { videoJobId } } }"


async def asked(connection: ClientConnection, query: str, **variables: Any) -> Any:
    """Return the data that one query is answered with."""
    await connection.send(json.dumps(subscribe(query=query, variables=variables)))
    answer = json.loads(await connection.recv())
    assert (answer["id"], answer["type"]) == ("1", "next")
    assert json.loads(await connection.recv()) == {"id": "1", "type": "complete"}
    return answer["payload"]["data"]


async def test_a_query_shows_what_has_changed_since_the_one_before_on_the_connection(house: House) -> None:
    caller = await house.user()
    look = str((await house.look(caller)).id)
    connection = await connected(house, caller)

    before = await asked(connection, LOOK, id=look)
    job = await house.create(caller, lookId=look)
    after = await asked(connection, LOOK, id=look)
    await connection.close()

    assert before == {"look": {"videoCount": 0, "videos": []}}
    assert after == {"look": {"videoCount": 1, "videos": [{"videoJobId": job}]}}
