"""Files of this site: reached by whoever was given an address, until it expires, and by nobody else."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from app.asgi import application, services_of
from app.settings import Settings
from auth.caller import Caller
from auth.signed_paths import LIFETIME_SECONDS, PERIOD_SECONDS, SignedPaths
from tests.house import House
from tests.inspected import InspectedDatabase

VIDEO = b"0123456789" * 100
ARABIC_ONES = "\u0661" * 10


@dataclass
class Signing:
    """An application that signs, with a clock that the tests move, and a video in a private look."""

    house: House
    http: httpx.AsyncClient
    owner: Caller
    look: str
    job: str
    now: float

    @property
    def headers(self) -> dict[str, str]:
        return self.house.headers(self.owner)

    @property
    def path(self) -> str:
        return f"/media/{self.job}.mp4"

    async def address(self) -> str:
        """Return where the job says that its video is."""
        job = (await self.http.get(f"/api/v1/video-jobs/{self.job}", headers=self.headers)).json()
        return str(job["cloudinaryUrl"])

    async def status(self, address: str, **headers: str) -> int:
        return (await self.http.get(address, headers=headers)).status_code


@asynccontextmanager
async def opened(house: House, settings: Settings, database: InspectedDatabase) -> AsyncIterator[Signing]:
    signing = Signing(house, house.http, await house.user(tokens=1000), "", "", time.time())
    services = services_of(settings, database)
    if settings.media_urls == "signed":
        addresses = SignedPaths(settings.media_secrets(), clock=lambda: signing.now)
        services = services._replace(
            rest=replace(services.rest, addresses=addresses), graphql=replace(services.graphql, addresses=addresses)
        )
    transport = httpx.ASGITransport(app=application(settings, services))
    async with httpx.AsyncClient(transport=transport, base_url="http://house") as signing.http:
        signing.look = str((await house.look(signing.owner)).id)
        signing.job = await house.create(signing.owner, lookId=signing.look)
        async with database.session() as session:
            statement = """UPDATE video_jobs SET status = 'SUCCEEDED', cloudinary_url = :url, thumbnail_url = :poster,
                started_at = now(), completed_at = now(), progress_percentage = 100, version = 3 WHERE id = :id"""
            poster = f"/media/{signing.job}-poster.jpg"
            await session.execute(text(statement), {"url": signing.path, "poster": poster, "id": signing.job})
        for name in (f"{signing.job}.mp4", f"{signing.job}-poster.jpg", "page.html", ".hidden.png"):
            (settings.media_folder / name).write_bytes(VIDEO)
        yield signing


@pytest.fixture
async def signing(house: House, settings: Settings, database: InspectedDatabase) -> AsyncIterator[Signing]:
    async with opened(house, settings.model_copy(update={"media_urls": "signed"}), database) as found:
        yield found


async def asked(signing: Signing, query: str, **variables: str) -> dict[str, object]:
    body = {"query": query, "variables": variables}
    answer: dict[str, object] = (await signing.http.post("/graphql", json=body, headers=signing.headers)).json()["data"]
    return answer


async def test_a_file_is_read_by_the_address_that_either_api_gives(signing: Signing) -> None:
    query = """query($job: ID!, $look: ID!) { videoJob(id: $job) { cloudinaryUrl thumbnailUrl }
        look(id: $look) { generatedImageUrl defaultThumbnailUrl videos { cloudinaryUrl } } }"""
    answer = await asked(signing, query, job=signing.job, look=signing.look)
    look = (await signing.http.get(f"/api/v1/looks/{signing.look}", headers=signing.headers)).json()
    job = (await signing.http.get(f"/api/v1/video-jobs/{signing.job}", headers=signing.headers)).json()
    listed = (await signing.http.get("/api/v1/video-jobs", headers=signing.headers)).json()["jobs"][0]

    video, poster, image = job["cloudinaryUrl"], job["thumbnailUrl"], look["generatedImageUrl"]
    assert answer["videoJob"] == {"cloudinaryUrl": video, "thumbnailUrl": poster}
    assert answer["look"] == {
        "generatedImageUrl": image,
        "defaultThumbnailUrl": image,
        "videos": [{"cloudinaryUrl": video}],
    }
    assert look["videos"][0]["cloudinaryUrl"] == listed["cloudinaryUrl"] == video
    assert job["associatedLooks"][0]["generatedImageUrl"] == listed["associatedLooks"][0]["generatedImageUrl"] == image
    assert [(await signing.http.get(url)).content for url in (video, poster)] == [VIDEO, VIDEO]


async def test_a_file_is_read_by_nothing_else(signing: Signing) -> None:
    address, poster = await signing.address(), f"/media/{signing.job}-poster.jpg"
    query, expiry = urlsplit(address).query, address.partition("expires=")[2].partition("&")[0]
    unknown_caller = signing.house.headers(await signing.house.user())
    forged = SignedPaths(["another secret, which is as long as it must be"], lambda: signing.now).signed(signing.path)
    later = query.replace(expiry, str(int(expiry) + 1))
    refused = {
        name: await signing.status(url, **headers)
        for name, url, headers in [
            ("bare", signing.path, {}),
            ("bare, by its owner", signing.path, signing.headers),
            ("bare, by another user", signing.path, unknown_caller),
            ("another file's", f"{poster}?{query}", {}),
            ("extended", f"{signing.path}?{later}", {}),
            ("forged", forged, {}),
            ("cut", address[:-1], {}),
            ("empty", f"{signing.path}?expires=&signature=", {}),
            ("without an expiry", f"{signing.path}?{query.partition('&')[2]}", {}),
            ("twice", f"{signing.path}?{query}&{query}", {}),
            ("not a number", f"{signing.path}?{query.replace(expiry, ARABIC_ONES)}", {}),
            ("a huge number", f"{signing.path}?{query.replace(expiry, '9' * 5000)}", {}),
        ]
    }

    assert refused == dict.fromkeys(refused, 403)
    answer = await signing.http.get(signing.path)
    assert (answer.json()["code"], answer.headers["Cache-Control"]) == ("FORBIDDEN", "no-store")
    assert VIDEO not in answer.content


async def test_only_names_of_ours_are_served(signing: Signing, settings: Settings) -> None:
    sign = SignedPaths(settings.media_secrets(), lambda: signing.now).signed
    names = ["page.html", ".hidden.png", f"{uuid4()}.mp4", "..%2Fjwt-secret", "", "sub/page.png"]

    assert [await signing.status(sign(f"/media/{name}")) for name in names] == [404] * len(names)


async def test_an_address_lasts_while_files_are_cached_and_ends_in_time(signing: Signing) -> None:
    signing.now = 6 * PERIOD_SECONDS
    first = await signing.address()
    signing.now += PERIOD_SECONDS - 1
    assert await signing.address() == first
    signing.now += 1
    second = await signing.address()
    assert second != first
    assert [await signing.status(url) for url in (first, second, f"{second}&download=1")] == [200, 200, 200]

    signing.now = 6 * PERIOD_SECONDS + LIFETIME_SECONDS - 1
    assert await signing.status(first) == 200
    signing.now += 1
    assert [await signing.status(first), await signing.status(second)] == [403, 200]
    assert LIFETIME_SECONDS <= 15 * 60


async def test_whoever_is_not_shown_a_look_any_more_is_locked_out_when_the_address_ends(signing: Signing) -> None:
    friend = await signing.house.user()
    share = {"visibility": "shared", "sharedWithUserIds": [str(friend.user_id)]}
    at = f"/api/v1/looks/{signing.look}"
    await signing.http.patch(f"{at}/visibility", json=share, headers=signing.headers)
    seen = (await signing.http.get(at, headers=signing.house.headers(friend))).json()["videos"][0]["cloudinaryUrl"]
    assert await signing.status(seen) == 200

    await signing.http.patch(f"{at}/visibility", json={"visibility": "private"}, headers=signing.headers)
    signing.now += LIFETIME_SECONDS

    assert await signing.status(at, **signing.house.headers(friend)) == 404
    assert await signing.status(seen) == 403
    assert await signing.status(await signing.address()) == 200


async def test_a_tag_is_not_current_any_more_when_addresses_change(signing: Signing) -> None:
    at = f"/api/v1/video-jobs/{signing.job}"
    signing.now = 6 * PERIOD_SECONDS
    tag = (await signing.http.get(at, headers=signing.headers)).headers["ETag"]
    signing.now += PERIOD_SECONDS - 1
    assert await signing.status(at, **signing.headers, **{"If-None-Match": tag}) == 304
    signing.now += 1

    renewed = await signing.http.get(at, headers={**signing.headers, "If-None-Match": tag})
    assert (renewed.status_code, await signing.status(renewed.json()["cloudinaryUrl"])) == (200, 200)
    assert renewed.headers["ETag"] != tag


async def test_the_tag_of_a_job_without_files_stays(signing: Signing) -> None:
    job = await signing.house.create(signing.owner)
    at = f"/api/v1/video-jobs/{job}"
    tag = (await signing.http.get(at, headers=signing.headers)).headers["ETag"]
    signing.now += 10 * PERIOD_SECONDS

    assert await signing.status(at, **signing.headers, **{"If-None-Match": tag}) == 304


async def test_players_and_downloads_work_with_it(signing: Signing) -> None:
    address = await signing.address()
    part = await signing.http.get(address, headers={"Range": "bytes=10-14"})
    beyond = await signing.http.get(address, headers={"Range": "bytes=5000-"})
    head = await signing.http.head(address)
    again = await signing.http.get(address, headers={"If-None-Match": head.headers["ETag"]})
    download = await signing.http.get(f"/api/v1/video-jobs/{signing.job}/download", headers=signing.headers)

    assert (part.status_code, part.content, part.headers["Content-Range"]) == (206, b"01234", "bytes 10-14/1000")
    assert (beyond.status_code, again.status_code) == (416, 304)
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, "1000", b"")
    assert (download.status_code, download.headers["Location"]) == (302, f"{address}&download")
    for answer in (part, head, again):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].endswith("; sandbox")
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        directive, age = answer.headers["Cache-Control"].split("=")
        assert directive == "private, max-age"
        assert 0 < int(age) <= LIFETIME_SECONDS
    assert head.headers["Content-Type"] == "video/mp4"


async def test_plain_addresses_stay_as_they_are(house: House, settings: Settings, database: InspectedDatabase) -> None:
    async with opened(house, settings, database) as plain:
        assert await plain.address() == f"http://house{plain.path}"
        signed = SignedPaths(settings.media_secrets()).signed(plain.path)
        assert [await plain.status(url) for url in (plain.path, signed, "/media/page.html")] == [200, 200, 404]


def test_a_secret_that_is_replaced_still_verifies() -> None:
    old, new = SignedPaths(["o" * 32]), SignedPaths(["n" * 32, "o" * 32])
    path, _, query = old.signed("/media/x.mp4").partition("?")

    assert new.seconds_left(path, query) > 0
    assert new.signed(path) != old.signed(path)


@pytest.mark.parametrize(
    "public",
    [
        {"jwt_algorithm": "RS256", "jwt_secret_key": "-----BEGIN PUBLIC KEY-----" + "x" * 32},
        {"jwt_algorithm": "RS256", "jwt_jwks_url": "https://identity.test/keys", "jwt_secret_key": None},
    ],
)
def test_a_public_key_signs_nothing(settings: Settings, public: dict[str, str | None]) -> None:
    verified = settings.model_copy(update=public)
    kept = verified.media_secrets()

    assert kept == verified.media_secrets() == [(settings.data_dir / "media-secret").read_text()]
    assert verified.model_copy(update={"media_secret_key": "m" * 32}).media_secrets() == ["m" * 32]


@pytest.mark.parametrize("wanted", ["bytes=9-1", "bytes=0-1,9-1", f"bytes={'9' * 5000}-", "items=0-1"])
async def test_what_is_no_range_asks_for_the_whole_file(signing: Signing, wanted: str) -> None:
    whole = await signing.http.get(await signing.address(), headers={"Range": wanted})

    assert (whole.status_code, len(whole.content)) == (200, 1000)
