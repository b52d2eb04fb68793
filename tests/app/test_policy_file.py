"""The policy's file: what it may say, what is wrong with it in a sentence each, and the commands about it."""

import re
from pathlib import Path
from typing import Any

import pytest

from app.policy_file import InvalidPolicy, as_toml, read_policy
from resolvers.failure_codes import FAILURE_CODES
from resolvers.policy import BUILT_IN, Policy
from tests.test_docs import ROOT

EXAMPLE = ROOT / "docs" / "policy.example.toml"


def mistakes(path: Path, text: str | bytes) -> list[str]:
    """Return what is wrong with a file, without its name."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(InvalidPolicy) as refusal:
        read_policy(path)
    lines = str(refusal.value).splitlines()
    assert all(line.startswith(f"{path}: ") for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines]


def test_what_is_built_in_is_the_seed() -> None:
    cost = BUILT_IN.video_cost(model="any", resolution="1080p", seconds=8, sound=True, mock=False)

    assert (BUILT_IN.welcome, BUILT_IN.tier("free").share, BUILT_IN.tier("free").slots) == (100, 100, 3)
    assert (cost, BUILT_IN.refunds, BUILT_IN.ceilings.model_dump(exclude_none=True)) == (
        (50, "operations.video_generation"),
        [],
        {},
    )
    assert not any(tier.renews for tier in BUILT_IN.tiers.values())
    assert [name for name, tier in BUILT_IN.tiers.items() if tier.unlimited] == ["ultimate"]


@pytest.mark.parametrize("policy", [BUILT_IN, read_policy(EXAMPLE)])
def test_what_is_printed_reads_as_the_same(tmp_path: Path, policy: Policy) -> None:
    printed = tmp_path / "policy.toml"
    printed.write_text(as_toml(policy))

    assert read_policy(printed) == policy
    assert read_policy(None) == BUILT_IN


def test_parts_that_are_left_out_are_built_in(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("welcome = 0")

    assert read_policy(tmp_path / "policy.toml") == BUILT_IN.model_copy(update={"welcome": 0})


def test_the_example_gives_back_what_the_generator_did_not_charge() -> None:
    refunds = set(read_policy(EXAMPLE).refunds)

    assert {"CONTENT_FILTERED", "REJECTED_BY_GENERATOR", "INTERNAL_ERROR", "STORAGE_UNAVAILABLE"} < refunds
    assert refunds & {"GENERATION_TIMED_OUT", "SUBMISSION_UNCERTAIN", "EMPTY_RESULT", "INVALID_RESULT"} == set()


def test_every_code_that_a_job_can_fail_with_is_known() -> None:
    sources = [path.read_text() for folder in ("providers", "worker") for path in (ROOT / folder).rglob("*.py")]
    raising = re.compile(r'(?:GenerationFailed|GenerationInterrupted|GeneratorMisconfigured|\.fail)\(\s*"([A-Z_]+)"')

    assert {code for source in sources for code in raising.findall(source)} == set(FAILURE_CODES)


def test_a_tier_that_is_in_the_policy_no_longer_has_the_first_ones_slots_and_no_share() -> None:
    own = Policy.model_validate({"tiers": {"free": {"name": "Free", "share": 7, "slots": 5}}})

    assert (own.tier("gone").slots, own.tier("gone").share, own.tier("free").share) == (5, 0, 7)


@pytest.mark.parametrize(
    ("video", "expected"),
    [
        ({}, (20, "silent")),
        ({"sound": True}, (50, "operations.video_generation")),
        ({"sound": True, "mock": True}, (0, "samples")),
        ({"seconds": 4}, (5, "short")),
        ({"seconds": 4, "resolution": "1080p"}, (20, "silent")),
        ({"model": "veo-lite-1", "seconds": 4}, (5, "short")),
        ({"model": "omni"}, (20, "silent")),
        ({"model": "omni", "sound": True}, (70, "omni")),
        ({"model": "omni-2", "sound": True}, (50, "operations.video_generation")),
    ],
)
def test_the_first_rule_that_fits_decides(video: dict[str, Any], expected: tuple[int, str]) -> None:
    rules = [
        {"name": "samples", "tokens": 0, "mock": True},
        {"name": "short", "tokens": 5, "model": "veo-*", "resolution": "720p", "seconds": 4},
        {"name": "silent", "tokens": 20, "sound": False},
        {"name": "omni", "tokens": 70, "model": "omni"},
    ]
    usual: dict[str, Any] = {"model": "veo-3", "resolution": "720p", "seconds": 8, "sound": False, "mock": False}

    assert Policy.model_validate({"video_prices": rules}).video_cost(**(usual | video)) == expected


def test_every_mistake_is_a_sentence_with_its_place(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path / "policy.toml",
        """
        welcom = 3
        welcome = -1
        refunds = ["CONTENT_FILTERED", "BAD_LUCK"]
        [operations]
        text_to_image = 1.5
        Image = 3
        [tiers.pro]
        name = "Pro"
        slots = "3"
        colour = "red"
        [[video_prices]]
        name = "a"
        sound = "yes"
        [ceilings]
        user_tokens_a_day = true
        """,
    )

    codes = ", ".join(FAILURE_CODES)
    assert sorted(found) == sorted([
        "welcom: there is no such setting",
        "welcome: Input should be greater than or equal to 0",
        f"refunds.1: there is no failure code 'BAD_LUCK'; there are {codes}",
        "operations.text_to_image: Input should be a valid integer",
        "operations.Image: String should match pattern '^[a-z][a-z0-9_]*$'",
        "operations: `video_generation` is missing, what a video costs that no rule is about",
        "tiers: `free` is missing, the tier of new accounts",
        "tiers.pro.slots: Input should be a valid integer",
        "tiers.pro.colour: there is no such setting",
        "video_prices.0.tokens: is missing",
        "video_prices.0.sound: Input should be a valid boolean",
        "ceilings.user_tokens_a_day: Input should be a valid integer",
    ])  # fmt: skip


def test_a_mistake_in_a_part_hides_no_other_of_it(tmp_path: Path) -> None:
    rules = [("a", "tokens = 5"), ("b", 'tokens = "5"'), ("a", 'tokens = 5\nmodel = "veo-3*"'), ("c", "colour = 1")]
    text = "".join(f'[[video_prices]]\nname = "{name}"\n{rest}\n' for name, rest in rules)

    found = mistakes(
        tmp_path / "policy.toml",
        f"""
        [operations]
        text_to_image = "3"
        [tiers.pro]
        name = "Pro"
        slots = "5"
        {text}
        [[generator_prices]]
        name = "a"
        [[generator_prices]]
        name = "b"
        [[generator_prices]]
        name = 5
        """,
    )

    assert found == [
        "operations.text_to_image: Input should be a valid integer",
        "operations: `video_generation` is missing, what a video costs that no rule is about",
        "tiers.pro.slots: Input should be a valid integer",
        "tiers: `free` is missing, the tier of new accounts",
        "video_prices.1.tokens: Input should be a valid integer",
        "video_prices.3.tokens: is missing",
        "video_prices.3.colour: there is no such setting",
        "video_prices: rule 2 has the name 'a' of rule 0",
        "video_prices: rule 2 never applies, since rule 0 comes before",
        "generator_prices.2.name: Input should be a valid string",
        "generator_prices: rule 1 never applies, since rule 0 comes before",
    ]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("[operations]\nx = 1", "operations: `video_generation` is missing, what a video costs that no rule is about"),
        ("[tiers.pro]\nname = 'Pro'", "tiers: `free` is missing, the tier of new accounts"),
        ("[tiers.free]\nslots = 3", "tiers.free.name: is missing"),
        ("operations = 3", "operations: should be a table"),
        ("tiers = []", "tiers: should be a table"),
        ("tiers.free = 3", "tiers.free: should be a table"),
        ("video_prices = {}", "video_prices: should be an array"),
        ("ceilings = 3", "ceilings: should be a table"),
        ("refunds = 'ALL'", "refunds: should be an array"),
        ("welcome = 2_000_000_001", "welcome: Input should be less than or equal to 2000000000"),
        ("welcome = nan", "welcome: Input should be a valid integer"),
        ("welcome = 1979-05-27", "welcome: Input should be a valid integer"),
        (
            '[[video_prices]]\nname = "a"\ntokens = 1\nresolution = "4k"',
            "video_prices.0.resolution: Input should be '720p' or '1080p'",
        ),
        ('[[video_prices]]\nname = "a"\ntokens = 1\nseconds = 5', "video_prices.0.seconds: Input should be 4 or 8"),
        ('"a\\nb\\u001b[31m" = 1', '"a\\nb\\u001b[31m": there is no such setting'),
        ('"" = 1', '"": there is no such setting'),
        ('ceilings."x y" = 3', 'ceilings."x y": there is no such setting'),
        ("ceilings.house_tokens_a_day = -1", "ceilings.house_tokens_a_day: Input should be greater than or equal to 0"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, mistake: str) -> None:
    assert mistakes(tmp_path / "policy.toml", text) == [mistake]


def test_a_rule_that_never_applies_is_a_mistake(tmp_path: Path) -> None:
    rules = [("a", "seconds = 4"), ("b", "seconds = 4\nsound = true"), ("a", "sound = true"), ("c", "seconds = 8")]
    text = "".join(f'[[video_prices]]\nname = "{name}"\ntokens = 5\n{rest}\n' for name, rest in rules)

    assert mistakes(tmp_path / "policy.toml", text) == [
        "video_prices: rule 1 never applies, since rule 0 comes before",
        "video_prices: rule 2 has the name 'a' of rule 0",
    ]


@pytest.mark.parametrize(
    ("earlier", "later", "covered"),
    [
        ('model = "*"', "", True),
        ('model = "*"', 'model = "veo-*"', True),
        ('model = "veo-*"', 'model = "veo-3.1-*"', True),
        ('model = "veo-*-preview"', 'model = "veo-3.1-fast-*-preview"', True),
        ('model = "veo-*"', "", False),
        ('model = "veo-3.1-*"', 'model = "veo-*"', False),
        ('model = "veo-*"\nsound = true', 'model = "veo-3.1-*"', False),
    ],
)
def test_a_rule_whose_models_all_have_another_rule_is_a_mistake(
    tmp_path: Path, earlier: str, later: str, *, covered: bool
) -> None:
    file = tmp_path / "policy.toml"
    text = "".join(
        f'[[video_prices]]\nname = "{name}"\ntokens = 5\n{rest}\n' for name, rest in (("a", earlier), ("b", later))
    )
    file.write_text(text)

    if covered:
        assert mistakes(file, text) == ["video_prices: rule 1 never applies, since rule 0 comes before"]
    else:
        assert [rule.name for rule in read_policy(file).video_prices] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        ("welcome = ", "is no TOML: "),
        ("a = 1\na = 2", "is no TOML: "),
        (b"welcome = 1 # \xff", "is not UTF-8, at byte 14"),
        ("#" * 200_001, "is larger than 200,000 bytes"),
        ("welcome = 1\n" + "a." * 99_000 + "b = 1", "line 2 has more than 100 dots: break it, or shorten its key"),
        ("[" + "a." * 99_000 + "b]", "line 1 has more than 100 dots: break it, or shorten its key"),
        ("x = {" + "a." * 99_000 + "b = 1}", "line 1 has more than 100 dots: break it, or shorten its key"),
        ("a = " + "[" * 100_000, "is no TOML: "),
        ("welcome = " + "1" * 5_000, "is no TOML: a number has too many digits"),
    ],
    ids=["unfinished", "twice", "latin", "large", "long key", "long head", "long within", "deep", "many digits"],
)
def test_what_is_no_toml_is_said_to_be_none(tmp_path: Path, text: str | bytes, beginning: str) -> None:
    (sentence,) = mistakes(tmp_path / "policy.toml", text)

    assert sentence.startswith(beginning)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none.toml", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(InvalidPolicy, match=f"^{path}: cannot be read: {why}$"):
            read_policy(path)
