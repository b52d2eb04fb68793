"""Whatever is sent to make a video: all of it is found again in the job, or nothing is made and the client is told."""

import json
import unicodedata
from collections import Counter
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from pydantic.alias_generators import to_snake
from sqlalchemy import select

from auth.caller import Caller
from db.enums import ImageRole
from db.tables import VideoJobImage
from tests.house import FORM, House
from tests.schema.mutate import png
from tests.schema.uploads import nothing_written
from tests.wires import CREATE

Pair = tuple[str, Any]
COLORS = ["red", "lime", "blue", "white"]
FILES = {color: png(color) for color in COLORS}
ROLES = {"initialImage": ImageRole.INITIAL, "endFrame": ImageRole.END, "referenceImages": ImageRole.REFERENCE}
LOOK = "the caller's look"
PROMPTS = st.sampled_from(["Rain", " Rain ", "Cafe\u0301", "", "x" * 4001]) | st.text(max_size=12)
CHOICES = {
    "prompt": PROMPTS,
    "model": st.sampled_from([FORM["model"], f"models/{FORM['model']}", "veo-9", ""]),
    "resolution": st.sampled_from(["720p", "1080p", "4k"]),
    "aspectRatio": st.sampled_from(["16:9", "9:16", "1:1"]),
    "durationSeconds": st.sampled_from(["4", "8", "8", "", "x"]),
    "generateAudio": st.sampled_from(["true", "off", ""]),
    "mockMode": st.sampled_from(["true", "TRUE", "1", "maybe"]),
    "lookId": st.sampled_from([LOOK, LOOK, "", "00000000-0000-7000-8000-000000000000"]),
}
ODD = st.sampled_from(["seed", "Prompt", "image", "prompt[]", "lookID", "referenceImage", "reference-images"])
WAYS = settings(
    deadline=None,
    derandomize=True,
    max_examples=40,
    phases=[Phase.generate],  # to shrink what needs a server takes long
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def spelled(name: str) -> st.SearchStrategy[str]:
    items = ["", "[]", "[0]", "[1]", ".0", ".1"] if name == "referenceImages" else [""]
    return st.tuples(st.sampled_from([name, to_snake(name)]), st.sampled_from(items)).map("".join)


def text_part(name: str) -> st.SearchStrategy[Pair]:
    return st.tuples(spelled(name), CHOICES[name])


def file_part(name: str) -> st.SearchStrategy[Pair]:
    return st.tuples(spelled(name), st.sampled_from([*COLORS, "blank"]).map(lambda color: (color,)))


USUAL = st.fixed_dictionaries({}, optional={name: text_part(name) for name in ("durationSeconds", "generateAudio")})
MORE = st.lists(
    st.one_of(
        *(file_part(name) for name in ROLES),
        *(file_part("referenceImages") for _ in range(2)),
        text_part("lookId"),
        st.sampled_from(list(CHOICES)).flatmap(text_part),
        st.tuples(ODD, st.sampled_from([("red",), "x"])),
    ),
    max_size=4,
)


def form_part(name: str, value: Any, look_id: str) -> Pair:
    if isinstance(value, tuple):
        blank = ("", b"", "application/octet-stream")
        return name, blank if value == ("blank",) else ("a.png", FILES[value[0]], "image/png")
    return name, (None, look_id if value == LOOK else value)


def canonical(name: str) -> str:
    bare = name.partition("[")[0].partition(".")[0]
    return next((known for known in (*CHOICES, *ROLES) if bare in {known, to_snake(known)}), name)


def found_in(job: dict[str, Any], name: str, value: str, look_id: str) -> bool:
    """Whether a job shows what was sent."""
    if name == "lookId":
        return [look["id"] for look in job["associatedLooks"]] == [look_id] if value == LOOK else not value.strip()
    shown = job[name]
    match shown:
        case bool():
            return value in ({"true", "TRUE", "1"} if shown else {"off", "false", ""})
        case int():
            return str(shown) == (value or "8")
    sent = unicodedata.normalize("NFC", value.strip()).removeprefix("models/" if name == "model" else "")
    return (shown or "") == sent


async def images_of(house: House, job_id: str) -> Counter[tuple[str, bytes]]:
    query = select(VideoJobImage.role, VideoJobImage.address).where(VideoJobImage.video_job_id == job_id)
    async with house.database.session() as session:
        kept = (await session.execute(query)).all()
    return Counter([(role, (await house.http.get(address)).content) for role, address in kept])


async def asked(house: House) -> tuple[Caller, str, tuple[object, ...]]:
    caller = await house.user()
    look = await house.look(caller)
    return caller, str(look.id), await nothing_written(house, caller)


def told(answer: httpx.Response) -> bool:
    return 400 <= answer.status_code < 500 and bool(answer.json()["detail"])


@WAYS
@given(usual=USUAL, more=MORE, order=st.randoms(use_true_random=False))
async def test_all_of_a_form_is_in_the_job(house: House, usual: dict[str, Pair], more: list[Pair], order: Any) -> None:
    caller, look_id, before = await asked(house)
    sent: list[Pair] = [*FORM.items(), *usual.values(), *more]
    order.shuffle(sent)

    parts = [form_part(name, value, look_id) for name, value in sent]
    answer = await house.http.post("/api/v1/video-jobs", files=parts, headers=house.headers(caller))

    if answer.status_code != 202:
        assert told(answer), answer.text
        assert await nothing_written(house, caller) == before
        return
    event("accepted")
    job = answer.json()
    files = [(canonical(name), value[0]) for name, value in sent if isinstance(value, tuple)]
    expected = Counter([(ROLES[name], FILES[color]) for name, color in files if color != "blank"])
    assert await images_of(house, job["id"]) == expected
    for name, value in sent:
        assert isinstance(value, tuple) or found_in(job, canonical(name), value, look_id), (name, value, job)


def as_json(name: str, value: str) -> str:
    bare = {"true": "true", "TRUE": "true", "1": "true", "off": "false", "maybe": "null", "": "false"}
    if name in {"mockMode", "generateAudio"} and value in bare:
        return bare[value]
    return value if name == "durationSeconds" and value.isdecimal() else json.dumps(value)


@WAYS
@given(
    more=st.lists(st.sampled_from(list(CHOICES)).flatmap(text_part) | st.tuples(ODD, st.just("x")), max_size=2),
    beside=st.sampled_from(["", "", "", "", "", ', "lookId": "x"', ', "input": {}']),
)
async def test_all_of_a_json_input_is_in_the_job(house: House, more: list[Pair], beside: str) -> None:
    caller, look_id, before = await asked(house)
    replaced = {canonical(name) for name, _ in more[:1]}
    sent = [*((name, value) for name, value in FORM.items() if name not in replaced), *more]

    members = [
        f"{json.dumps(name)}: {as_json(canonical(name), look_id if value == LOOK else value)}" for name, value in sent
    ]
    body = f'{{"query": {json.dumps(CREATE)}, "variables": {{"input": {{{", ".join(members)}}}{beside}}}}}'
    headers = house.headers(caller) | {"Content-Type": "application/json"}
    answer = (await house.http.post("/graphql", content=body.encode(), headers=headers)).json()

    payload = (answer.get("data") or {}).get("createVideoJob") or {}
    job = payload.get("videoJob")
    if job is None:
        assert answer.get("errors") or payload["errors"]
        assert await nothing_written(house, caller) == before
        return
    event("accepted")
    assert not beside
    assert len({name for name, _ in sent}) == len(sent)
    for name, value in sent:
        assert name == canonical(name)
        assert found_in(job, name, value, look_id), (name, value, job)
