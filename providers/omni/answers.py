"""What an interaction says: still at it, a video, or why there is none (`docs/omni.md`, 'The answer')."""

import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

from google.genai.interactions import Interaction

from providers.omni.errors import failed_generation
from providers.veo.errors import filtered
from resolvers.ports import GenerationFailed, GeneratorUnreachable
from resolvers.texts import is_storable

_log = logging.getLogger("lookreel.providers")

# What the database has a number for.
MOST_TOKENS = 2**63 - 1
_WAITING = ("queued", "in_progress")
_WITH_RESULT = ("completed", "incomplete")
_WITHOUT_RESULT = ("failed", "cancelled", "budget_exceeded", "requires_action", "requires_continuation")


def video_in(interaction: Interaction) -> Any | None:  # noqa: ANN401 - the SDK's union of contents
    """Return the video, with a `uri` or its `data` in base64; None while it is being made.

    A status that is not known is taken for one of those of waiting: the SDK lets new ones through, and a job has a
    limit on the time that it takes.

    Raises GenerationFailed, GenerationInterrupted, and GeneratorUnreachable: the answer is no interaction.
    """
    status = interaction.status
    if not status:
        raise GeneratorUnreachable("The answer has no status")
    if status not in (*_WITH_RESULT, *_WITHOUT_RESULT):
        if status not in _WAITING:
            _log.warning("The interaction %s has a status that is not known: %s", interaction.id, status)
        return None
    videos = [
        content for content in _contents(interaction) if content.type == "video" and (content.uri or content.data)
    ]
    if videos and status in _WITH_RESULT:
        return videos[-1]
    raise _failure(interaction)


def _failure(interaction: Interaction) -> GenerationFailed:
    for code, message in _errors(interaction):
        return failed_generation(code, message)
    status = str(interaction.status)
    if status == "completed":
        return _without_video(interaction)
    if status == "budget_exceeded":
        _log.critical("The generator's budget is spent: it stopped the interaction %s", interaction.id)
    return failed_generation("", f"it ended as '{status}'")


def _without_video(interaction: Interaction) -> GenerationFailed:
    """Tell a refusal, which is a text in the video's place, from an answer that we cannot read."""
    texts = [str(content.text).strip() for content in _contents(interaction) if content.type == "text" and content.text]
    if text := " ".join(filter(None, texts)):
        return filtered(text)
    if tokens_of(interaction).get("output_video"):
        _log.critical("The interaction %s was billed for a video that is not found in its answer", interaction.id)
    return GenerationFailed("EMPTY_RESULT", "The generator finished without a video. Create a new video job.")


def _contents(interaction: Interaction) -> Iterator[Any]:
    """Yield what the model has put out; the input may be repeated in front of it."""
    for step in interaction.steps or ():
        if step.type == "model_output":
            yield from step.content or ()


def _errors(interaction: Interaction) -> Iterator[tuple[str, str]]:
    """Yield codes and messages, those of the whole interaction first."""
    for error in interaction.errors or ():
        yield str(error.code or ""), str(error.message or "no reason given")
    for step in interaction.steps or ():
        if status := getattr(step, "error", None):
            yield str(status.code or ""), str(status.message or "no reason given")


def tokens_of(interaction: Interaction) -> dict[str, int]:
    """Return what an interaction has used by direction and modality, such as `output_video`, where it can be read.

    Where an answer does not tell modalities, the direction alone is the kind.
    """
    try:
        tokens = _told_tokens(interaction)
        return {kind: number for kind, number in tokens.items() if is_storable(kind) and 0 < number <= MOST_TOKENS}
    except (AttributeError, TypeError):
        # The SDK lets through whatever comes. A video is not lost for its bookkeeping.
        _log.warning("What the interaction %s has used cannot be read", interaction.id)
        return {}


def _told_tokens(interaction: Interaction) -> Counter[str]:
    usage = interaction.usage
    tokens: Counter[str] = Counter()
    if usage is None:
        return tokens
    for direction, entries, total in (
        ("input", usage.input_tokens_by_modality, usage.total_input_tokens),
        ("output", usage.output_tokens_by_modality, usage.total_output_tokens),
    ):
        for entry in entries or ():
            tokens[f"{direction}_{entry.modality}"] += entry.tokens or 0
        if not entries:
            tokens[direction] = total or 0
    tokens["thought"] = usage.total_thought_tokens or 0
    return tokens
