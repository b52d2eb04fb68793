"""What is wrong with a part of the policy as a whole, found also where single items of it are wrong."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from itertools import combinations
from typing import Any, Protocol

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import InitErrorDetails, PydanticCustomError

MOST_RULES = 200

Problems = Callable[[Any, ValidatorFunctionWrapHandler], Iterable[str]]


class Rule(Protocol):
    """A rule that applies where no earlier one does; `model` has `*` for any characters, None stands for all models."""

    name: str
    model: str | None

    def conditions(self) -> set[tuple[str, object]]:
        """Return what it says besides the model; a later rule that says as much and more is never asked."""
        ...


def as_a_whole(problems: Problems) -> WrapValidator:
    """Find a part's problems beside its items' mistakes, so that none hides others until it is mended.

    `problems` is given what the file says, of whatever type, and what validates such a part.
    """

    def checked(value: Any, validated: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401 - Pydantic's signature
        part, mistakes = None, list[InitErrorDetails]()
        try:
            part = validated(value)
        except ValidationError as error:
            mistakes += [
                InitErrorDetails(type=it["type"], loc=it["loc"], input=it["input"], ctx=it.get("ctx", {}))
                for it in error.errors()
            ]
        for problem in problems(value, validated):
            type_ = PydanticCustomError("problem", "{problem}", {"problem": problem})
            mistakes.append(InitErrorDetails(type=type_, input=value))
        if mistakes:
            raise ValidationError.from_exception_data("policy", mistakes)
        return part

    return WrapValidator(checked)


def with_entry(name: str, what: str) -> WrapValidator:
    """Have a table that has an entry of that name."""
    missing = [f"`{name}` is missing, {what}"]
    return as_a_whole(lambda value, _: missing if isinstance(value, dict) and name not in value else ())


def _without_use(value: Any, validated: ValidatorFunctionWrapHandler) -> Iterator[str]:  # noqa: ANN401 - of a file
    """Yield what keeps rules from being told apart or from ever applying, as far as single rules can be read."""
    rules: dict[int, tuple[Rule, set[tuple[str, object]]]] = {}
    for number, item in enumerate(value[:MOST_RULES] if isinstance(value, list) else ()):
        with suppress(ValidationError):
            (rule,) = validated([item])
            rules[number] = rule, rule.conditions()
    for (earlier, (other, says)), (later, (rule, its)) in combinations(rules.items(), 2):
        if rule.name == other.name:
            yield f"rule {later} has the name '{rule.name}' of rule {earlier}"
        if says <= its and _covers(other.model, rule.model):
            yield f"rule {later} never applies, since rule {earlier} comes before"


def _covers(pattern: str | None, other: str | None) -> bool:
    """Whether all models of another pattern are of this one; None stands for all there are."""
    return fnmatchcase(other or "*", pattern or "*")


EACH_OF_USE = as_a_whole(_without_use)
