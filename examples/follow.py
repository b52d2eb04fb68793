"""A job followed to its end with `gql`, whatever becomes of the connection.

Usage: python follow.py BASE_URL TOKEN VIDEO_JOB_ID; prints each state of the job as a line of JSON.
"""

import asyncio
import json
import sys
from typing import Any

from gql import Client, gql
from gql.transport.exceptions import TransportError
from gql.transport.websockets import WebsocketsTransport
from websockets.exceptions import WebSocketException

FOLLOW = """subscription ($id: ID!, $afterVersion: Int!) {
  videoJob(id: $id, afterVersion: $afterVersion) { id version status progressPercentage } }"""
ENDS = {"SUCCEEDED", "FAILED", "CANCELLED"}
PAUSE_SECONDS = 0.3


async def follow(base_url: str, token: str, job_id: str) -> None:
    """Print what happens; after a lost connection, go on behind the last version."""
    version, status = 0, ""
    while status not in ENDS:
        transport = WebsocketsTransport(
            f"{base_url.replace('http', 'ws', 1)}/graphql", init_payload={"Authorization": f"Bearer {token}"}
        )
        request = gql(FOLLOW)
        request.variable_values = {"id": job_id, "afterVersion": version}
        try:
            async with Client(transport=transport) as session:
                async for result in session.subscribe(request):
                    job: dict[str, Any] = result["videoJob"]
                    version, status = job["version"], job["status"]
                    print(json.dumps(job), flush=True)  # noqa: T201 - this is what the example is for
        except (TransportError, WebSocketException, OSError, TimeoutError):
            await asyncio.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    asyncio.run(follow(*sys.argv[1:4]))
