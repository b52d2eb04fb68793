"""The policy's parts and rules, and what is wrong with a part as a whole, found also where items of it are wrong."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from itertools import combinations
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    StrictBool,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

MOST_RULES = 200
# What rules may say besides the model.
CONDITIONS = {"provider", "resolution", "seconds", "sound", "mock"}

Label = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
# As `fnmatch` reads it, but for what else that understands.
ModelPattern = Annotated[Label, StringConstraints(pattern=r"^[^?\[\]]+$")]
Problems = Callable[[Any, ValidatorFunctionWrapHandler], Iterable[str]]


class Part(BaseModel):
    """Base of the policy's parts: nothing in them changes, and nothing is in them that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(Part):
    """A rule about videos that applies where no earlier one does. What it does not say may be anything.

    `model` is the id that is asked for, where `*` stands for any characters.
    """

    name: Label
    model: ModelPattern | None = None
    resolution: Literal["720p", "1080p"] | None = None
    sound: StrictBool | None = None

    def matches(self, *, model: str, **video: object) -> bool:
        """Whether a video is as the rule says; `video` has what each rule of the kind may say."""
        is_of_model = self.model is None or fnmatchcase(model, self.model)
        return is_of_model and all(getattr(self, name) in {None, value} for name, value in video.items())

    def conditions(self) -> set[tuple[str, object]]:
        """Return what it says besides the model; a later rule that says as much and more is never asked."""
        return set(self.model_dump(include=CONDITIONS, exclude_none=True).items())


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
        # No model stands for all there are.
        if says <= its and fnmatchcase(rule.model or "*", other.model or "*"):
            yield f"rule {later} never applies, since rule {earlier} comes before"


EACH_OF_USE = as_a_whole(_without_use)
