"""Asking Veo whether it would let us in, and what each of its failures means."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from providers.veo.generator import VeoAccess, VeoGenerator
from resolvers.ports import GenerationFailed, GeneratorMisconfigured, GeneratorUnreachable
from tests.doubles.answers import Answer, answered, error
from tests.doubles.google_account import service_account_file
from tests.doubles.serving import serving_app
from tests.doubles.veo import serving_veo
from tests.providers.veo.asking import MODEL


class Models:
    """A Google that answers every question about a model in one way."""

    def __init__(self) -> None:
        self.answer = Answer()
        self.asked = 0
        self.app = Starlette(routes=[Route("/{path:path}", self._answer)])

    async def _answer(self, request: Request) -> Response:
        self.asked += 1
        return await answered(request, self.answer, {"name": f"publishers/google/models/{MODEL}"})


def opened(url: str, scratch: Path, *, project: str | None = None, key: str | None = "the key") -> VeoGenerator:
    access = VeoAccess(
        project=project, location="us-central1", api_key=key, base_url=url, poll_seconds=10.0, scratch=scratch
    )
    return VeoGenerator(access)


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[tuple[Models, VeoGenerator]]:
    """One generator for all tests: each new one reads the system's certificates."""
    models = Models()
    async with serving_app(models.app) as url:
        veo = opened(url, Path("nowhere"))
        yield models, veo
        await veo.aclose()


async def test_a_model_that_is_there_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving_veo() as double:
        account = service_account_file(tmp_path / "account.json", f"{double.url}/token")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account))
        for project, key in (("double", None), (None, "the key")):
            veo = opened(double.url, tmp_path, project=project, key=key)
            await veo.check(MODEL)
            with pytest.raises(GenerationFailed, match="veo-none is not available"):
                await veo.check("veo-none")
            await veo.aclose()

    assert double.tokens == 1
    assert double.submits == []


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (error(401, "Bad key", reason="UNAUTHENTICATED"), GeneratorMisconfigured),
        (error(403, "API not enabled", reason="PERMISSION_DENIED"), GeneratorMisconfigured),
        (error(404, "No such model", reason="NOT_FOUND"), GenerationFailed),
        (error(400, "No", reason="INVALID_ARGUMENT"), GenerationFailed),
        (error(429, "Quota", reason="RESOURCE_EXHAUSTED"), GeneratorUnreachable),
        (error(503, "Later", reason="UNAVAILABLE"), GeneratorUnreachable),
        (Answer(trouble="drop"), GeneratorUnreachable),
        (Answer(b"<html>"), GeneratorUnreachable),
    ],
)
async def test_each_failure_has_its_meaning(
    served: tuple[Models, VeoGenerator], answer: Answer, meaning: type[Exception]
) -> None:
    models, veo = served
    models.answer, models.asked = answer, 0

    with pytest.raises(meaning) as raised:
        await veo.check(MODEL)

    assert type(raised.value) is meaning
    assert models.asked == 1


async def test_nobody_there_is_unreachable(tmp_path: Path) -> None:
    veo = opened("http://127.0.0.1:1", tmp_path)

    with pytest.raises(GeneratorUnreachable):
        await veo.check(MODEL)

    await veo.aclose()
