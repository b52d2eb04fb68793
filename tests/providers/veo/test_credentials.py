"""Credentials: without them, with wrong ones, and without a way to exchange them for a token."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from google.auth.exceptions import RefreshError

from providers.veo.errors import failed_submit
from providers.veo.generator import VeoAccess, VeoGenerator
from resolvers.ports import GeneratorMisconfigured, GeneratorUnreachable, NotAccepted
from tests.doubles.answers import Answer
from tests.doubles.google_account import service_account_file
from tests.doubles.veo import VeoDouble
from tests.providers.veo.asking import MODEL, asked, free_port


def test_without_a_project_or_a_key_there_is_no_generator(access: VeoAccess) -> None:
    with pytest.raises(ValueError, match="project or an API key"):
        VeoGenerator(replace(access, api_key=None))


async def test_without_credentials_the_generator_is_misconfigured(
    another: Callable[..., VeoGenerator], veo: VeoDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    generator = another(project="ours", api_key=None)

    with pytest.raises(GeneratorMisconfigured) as caught:
        await generator.submit(asked())
    with pytest.raises(GeneratorUnreachable, match=r"missing\.json"):
        await generator.poll("projects/ours/operations/1")

    assert "missing.json" in caught.value.reason
    assert "missing.json" not in caught.value.message
    assert veo.submits == []


@pytest.mark.usefixtures("account")
async def test_with_refused_credentials_the_generator_is_misconfigured(
    another: Callable[..., VeoGenerator], veo: VeoDouble
) -> None:
    veo.script_token(Answer({"error": "invalid_grant", "error_description": "Invalid JWT"}, status=400))

    with pytest.raises(GeneratorMisconfigured) as caught:
        await another(project="ours", api_key=None).submit(asked())

    assert "Invalid JWT" in caught.value.reason
    assert veo.submits == []


async def test_without_a_way_to_the_token_endpoint_a_submit_was_certainly_not_accepted(
    another: Callable[..., VeoGenerator], veo: VeoDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = service_account_file(tmp_path / "account.json", f"http://127.0.0.1:{free_port()}/token")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))

    with pytest.raises(NotAccepted, match="TransportError") as caught:
        await another(project="ours", api_key=None).submit(asked())

    assert caught.value.is_certain
    assert veo.submits == []


def test_a_token_endpoint_in_trouble_is_no_misconfiguration() -> None:
    passing = RefreshError("503", retryable=True)  # type: ignore[no-untyped-call]
    meaning = failed_submit(passing, MODEL, went_out=False)

    assert isinstance(meaning, NotAccepted)
    assert meaning.is_certain
