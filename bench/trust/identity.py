"""The identity provider hangs: who is known goes on, who is not is told to come again, and nobody waits for it."""

import asyncio
import time
from collections import Counter

import httpx

from bench.trust.findings import Effort, Finding
from bench.trust.installation import installed
from tests.doubles.identity_provider import identity_provider
from tests.house import House

LONGEST_SECONDS = 15.0
QUERY = {"query": "{ viewer { id } }"}


async def hang(effort: Effort) -> Finding:
    """Ask with a known key, with an unknown one, and with the known one again while the provider hangs."""
    finding = Finding("Fault: the identity provider hangs")
    with identity_provider() as provider:
        settings = {"JWT_JWKS_URL": provider.url, "JWT_ALGORITHM": "ES256"}
        async with installed(**settings) as installation:
            known = provider.authorization()
            finding.check(await _asked(installation.house, known, effort.odd) == {200: 2 * effort.odd}, "no answer")
            provider.trouble = "hang"
            begun = time.monotonic()
            unknown = [provider.authorization(f"unknown {number}") for number in range(5)]
            asked = [_asked(installation.house, known, effort.odd)]
            asked += [_asked(installation.house, each, 1) for each in unknown]
            first, *others = await asyncio.gather(*asked)
            seconds = time.monotonic() - begun
            finding.check(first == {200: 2 * effort.odd}, f"known users were answered {first}")
            statuses = sum(others, Counter[int]())
            finding.check(set(statuses) <= {401, 503}, f"unknown keys were answered {statuses}")
            finding.check(seconds < LONGEST_SECONDS, f"the answers took {seconds:.0f} s")
            await installation.close_books(finding)
    finding.tried = f"{4 * effort.odd:,} requests with a known key, {statuses.total()} with others, in {seconds:.1f} s"
    return finding


async def _asked(house: House, authorization: str, times: int) -> Counter[int]:
    """Ask over both wires; count the statuses."""
    headers, statuses = {"Authorization": authorization}, Counter[int]()
    for _ in range(times):
        answers: list[httpx.Response] = [
            await house.http.get("/api/v1/subscription/info", headers=headers),
            await house.http.post("/graphql", json=QUERY, headers=headers),
        ]
        statuses.update(answer.status_code for answer in answers)
    return statuses
