"""Digests of requests outlive releases: what a client repeats after an update is still the same request."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import select

from db.enums import ImageRole
from db.tables import IdempotencyKey
from resolvers.video_job_input import JobImage, VideoJobInput
from tests.house import FORM, House
from tests.wires import Wire

LOOK = "0190a6e0-7b3c-7f3e-8a53-0c6f6f1f2d11"
PLAIN = VideoJobInput(
    model="veo-3.1-generate-preview",
    resolution="720p",
    aspect_ratio="16:9",
    mock_mode=True,
    prompt="The model turns slowly",
)
PLAIN_DIGEST = "5102a6607ab575021151faac9934842fb449abc63a940c13aad8d7b7fe1c52bc"


def image(role: ImageRole, position: int, sha256: str, name: str = "stored-under-any-name") -> JobImage:
    return JobImage(role, position, sha256 * 64, "image/png", "png", name)


FIRST, LAST = image(ImageRole.INITIAL, 0, "a"), image(ImageRole.END, 1, "b")
REFERENCES = tuple(image(ImageRole.REFERENCE, position, sha256) for position, sha256 in ((2, "a"), (3, "b"), (4, "c")))
# As the first release has stored them.
DIGESTS = {
    "plain": (PLAIN, PLAIN_DIGEST),
    "with every default given": (
        replace(PLAIN, duration_seconds=8, generate_audio=False, look_id=None, images=(), idempotency_key=None),
        PLAIN_DIGEST,
    ),
    "with another key": (replace(PLAIN, idempotency_key="another"), PLAIN_DIGEST),
    "for a look": (
        replace(PLAIN, look_id=LOOK),
        "e74cac7fd0e52e39da2ebc27873c9dbd99b5934bf0076e8ba8288cf7caf00c43",
    ),
    "with sound": (
        replace(PLAIN, generate_audio=True),
        "455592924f9e29c4f84099620b086f0fa760fbf3e5113b947038ba38fcded677",
    ),
    "four seconds": (
        replace(PLAIN, duration_seconds=4),
        "1a97e5c4ca232bb5551b34ee1f51c30b144e9c99dac291e0cd755089d04a4910",
    ),
    "a real one": (
        replace(PLAIN, mock_mode=False),
        "d97ae476109e5762b66b6dd0a83072f5ae392b8c4262b12ce84ac5e7e170bf6d",
    ),
    "an image and no prompt": (
        replace(PLAIN, prompt=None, images=(FIRST,)),
        "54123932bb5bd1d673e69d444cc149e45c5444908f036d7bc38dea2d0cafa012",
    ),
    "two frames": (
        replace(PLAIN, images=(FIRST, LAST)),
        "40b550841f339bb44eef3702bbc2cf6bf82926904c8151c276d869f42a348de3",
    ),
    "references": (
        replace(PLAIN, images=REFERENCES),
        "fd101ee0f4da4e39f6e7c1430eefec0b1e07555593753bf4ba764e6aba13e4e9",
    ),
    "everything": (
        VideoJobInput(
            model="veo-3.1-fast-generate-001",
            resolution="1080p",
            aspect_ratio="9:16",
            mock_mode=False,
            prompt="Ein Kleid — ☀",
            generate_audio=True,
            look_id=LOOK,
            images=(FIRST,),
        ),
        "ec529d5e10c29e90551d7e287961152277f07a7629f8b4ef20c6094496885db3",
    ),
}
requests = pytest.mark.parametrize(("request_", "digest"), DIGESTS.values(), ids=DIGESTS)


@dataclass(frozen=True)
class LaterInput(VideoJobInput):
    """A request as a later release may know it."""

    seed: int | None = None
    negative_prompt: str = ""
    is_loop: bool = False
    tags: list[str] = field(default_factory=list)


def as_later(request: VideoJobInput, **new: object) -> LaterInput:
    return LaterInput(**(vars(request) | new))


@requests
def test_todays_digests_stay_good(request_: VideoJobInput, digest: str) -> None:
    assert request_.digest() == digest


@requests
def test_a_field_of_a_later_release_does_not_count_at_its_default(request_: VideoJobInput, digest: str) -> None:
    assert as_later(request_).digest() == digest
    assert as_later(request_, seed=None, negative_prompt="", is_loop=False, tags=[]).digest() == digest


def test_a_field_of_a_later_release_counts_otherwise() -> None:
    later = [
        as_later(PLAIN, **new)
        for new in ({"seed": 0}, {"seed": 1}, {"negative_prompt": "rain"}, {"is_loop": True}, {"tags": ["rain"]})
    ]

    assert len({PLAIN_DIGEST, *(request.digest() for request in later)}) == 1 + len(later)


def test_different_requests_have_different_digests() -> None:
    same = [digest for _, digest in DIGESTS.values()].count(PLAIN_DIGEST)
    changes: list[dict[str, Any]] = [
        {"model": "veo-9"},
        {"resolution": "1080p"},
        {"aspect_ratio": "9:16"},
        {"prompt": "She waits"},
    ]
    moved = replace(PLAIN, images=(image(ImageRole.INITIAL, 0, "b"), image(ImageRole.END, 1, "a")))

    digests = {digest for _, digest in DIGESTS.values()}
    others = {replace(PLAIN, **change).digest() for change in changes} | {moved.digest()}

    assert (same, len(digests), len(others), digests & others) == (3, len(DIGESTS) - 2, len(changes) + 1, set())


async def test_both_wires_store_the_digest_and_replay_by_it(house: House, wire: Wire) -> None:
    caller = await house.user()
    created = await wire.create(caller, idempotencyKey="once", model=f" models/{FORM['model']} ")
    async with house.database.session() as session:
        stored = (await session.scalars(select(IdempotencyKey.request_digest))).all()

    again = await wire.create(caller, idempotencyKey="once", durationSeconds="8", generateAudio="false")

    assert stored == [PLAIN_DIGEST]
    assert created.job is not None
    assert again.job is not None
    assert (again.job["id"], again.replayed) == (created.job["id"], True)
    assert await house.charges(caller) == 1
