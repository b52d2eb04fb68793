"""A job followed to its end with `gql`, whatever becomes of the connection.

Usage: python follow.py BASE_URL TOKEN VIDEO_JOB_ID; prints each state of the job as a line of JSON. TOKEN may be the
address at which there is a new one, for when the last one has expired: most have that in their own backend.
"""

import asyncio
import json
import sys
from typing import Any
from urllib.request import urlopen

from gql import Client, gql
from gql.transport.exceptions import TransportError, TransportQueryError
from gql.transport.websockets import WebsocketsTransport
from websockets.exceptions import WebSocketException

FOLLOW = """subscription ($id: ID!, $afterVersion: Int!) {
  videoJob(id: $id, afterVersion: $afterVersion) { id version status progressPercentage } }"""
ENDS = {"SUCCEEDED", "FAILED", "CANCELLED"}
PAUSE_SECONDS = 0.3


def current(source: str) -> str:
    """Return the token, as it is when a connection begins."""
    if not source.startswith("http"):
        return source
    with urlopen(source, timeout=10) as answer:  # noqa: S310 - an address of our own
        return str(answer.read().decode())


async def follow(base_url: str, source: str, job_id: str) -> None:
    """Print what happens; after a lost connection, go on behind the last version."""
    version, status = 0, ""
    while status not in ENDS:
        request = gql(FOLLOW)
        request.variable_values = {"id": job_id, "afterVersion": version}
        try:
            payload = {"Authorization": f"Bearer {await asyncio.to_thread(current, source)}"}
            transport = WebsocketsTransport(f"{base_url.replace('http', 'ws', 1)}/graphql", init_payload=payload)
            async with Client(transport=transport) as session:
                async for result in session.subscribe(request):
                    job: dict[str, Any] = result["videoJob"]
                    version, status = job["version"], job["status"]
                    print(json.dumps(job), flush=True)  # noqa: T201 - this is what the example is for
        except (TransportError, WebSocketException, OSError, TimeoutError) as error:
            if isinstance(error, TransportQueryError) and "VIDEO_JOB_NOT_FOUND" in str(error):
                raise  # it has been deleted
            await asyncio.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    asyncio.run(follow(*sys.argv[1:4]))
