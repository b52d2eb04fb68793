"""The policy's file: read with every mistake said in a sentence with its place, and written as it stands."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from resolvers.policy import BUILT_IN, Policy

LARGEST_FILE = 200_000
# To read a key takes time and memory by the square of its dots.
MOST_DOTS = 100
# As TOML has it; all others are quoted.
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# What TOML calls what Pydantic names after Python.
EXPECTED = dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "should be a table") | {
    "list_type": "should be an array"
}


class InvalidPolicy(Exception):
    """The file is no policy. The message has one sentence for each mistake."""


def read_policy(path: Path | None) -> Policy:
    """Return the policy of a file; without one, what is built in. Parts that the file leaves out are built in, too.

    Raises InvalidPolicy.
    """
    if path is None:
        return BUILT_IN
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_FILE + 1)
        if len(text) > LARGEST_FILE:
            raise InvalidPolicy(f"{path}: is larger than {LARGEST_FILE:,} bytes")
        return Policy.model_validate(_values(text.decode("utf-8-sig"), path))
    except OSError as error:
        raise InvalidPolicy(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InvalidPolicy(f"{path}: is not UTF-8, at byte {error.start}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidPolicy(f"{path}: is no TOML: {error}") from None
    except ValidationError as error:
        sentences = (f"{path}: {sentence}" for sentence in _mistakes(error))
        raise InvalidPolicy("\n".join(sentences)) from None
    except ValueError:  # Python's own limit, of which it says how to switch it off
        raise InvalidPolicy(f"{path}: is no TOML: a number has too many digits") from None


def _values(text: str, path: Path) -> dict[str, Any]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > MOST_DOTS and not line.lstrip().startswith("#"):
            raise InvalidPolicy(f"{path}: line {number} has more than {MOST_DOTS} dots: break it, or shorten its key")
    return tomllib.loads(text)


def _mistakes(error: ValidationError) -> Iterator[str]:
    for mistake in error.errors():
        place = ".".join(_key(str(part)) for part in mistake["loc"] if part != "[key]")
        if mistake["type"] == "extra_forbidden":
            yield f"{place}: there is no such setting"
        elif mistake["type"] == "missing":
            yield f"{place}: is missing"
        else:
            message = EXPECTED.get(mistake["type"], mistake["msg"].removeprefix("Value error, "))
            yield from (f"{place}: {line}" if place else line for line in message.splitlines())


def _key(text: str) -> str:
    return text if BARE_KEY.fullmatch(text) else json.dumps(text)


def as_toml(policy: Policy) -> str:
    """Return the whole of a policy as a file that says the same."""
    values = policy.model_dump(exclude_none=True)
    tables = [f"{name} = {json.dumps(values[name])}" for name in ("welcome", "refunds", "currency")]
    tables.append(_table("[operations]", values["operations"]))
    tables += [_table(f"[tiers.{name}]", tier) for name, tier in values["tiers"].items()]
    tables += [_table("[[video_prices]]", price) for price in values["video_prices"]]
    tables += [_table("[[generator_prices]]", price) for price in values["generator_prices"]]
    tables += [_table(f"[{name}]", values[name]) for name in ("ceilings", "queue", "quotas")]
    return "\n".join(tables)


def _table(head: str, values: dict[str, object]) -> str:
    # Numbers, booleans and texts without control characters are written in JSON as in TOML.
    return "\n".join(
        ["", head, *(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items())]
    )
