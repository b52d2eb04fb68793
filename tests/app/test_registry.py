"""The registry: what it opens, and what it costs those who only read what is offered."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app import worker
from app.environment import InvalidSettings, read_settings
from app.registry import REGISTRY, catalogue, express_mode_notice, open_generators
from app.settings import Settings
from providers.mock.generator import MockGenerator
from providers.omni.generator import OmniGenerator
from providers.veo.generator import VeoGenerator
from tests.app.processes import lookreel

NEITHER = {
    "google_api_key": None,
    "gemini_api_key": None,
    "google_express_api_key": None,
    "google_cloud_project": None,
}
WITH_KEY = NEITHER | {"gemini_api_key": "key"}
EXPRESS = NEITHER | {"google_express_api_key": "key"}
PROJECT = NEITHER | {"google_cloud_project": "ours"}
PREVIEW, FAST, OMNI = "veo-3.1-generate-preview", "veo-3.1-fast-generate-preview", "gemini-omni-1.2-flash"


async def test_what_can_be_used_here_is_opened_by_its_name(settings: Settings) -> None:
    opened = []
    for changes in (NEITHER, WITH_KEY, EXPRESS, PROJECT):
        async with open_generators(settings.model_copy(update=changes)) as generators:
            opened.append({name: type(generator) for name, generator in generators.items()})

    mock, veo, omni = {"mock": MockGenerator}, {"veo": VeoGenerator}, {"omni": OmniGenerator}
    assert opened == [mock, mock | omni, mock | veo, mock | veo | omni]


def test_what_cannot_be_used_says_what_to_do(settings: Settings) -> None:
    with_key, without = (catalogue(settings.model_copy(update=changes)) for changes in (WITH_KEY, NEITHER))

    for_veo = "For videos by Veo, set GOOGLE_CLOUD_PROJECT or GOOGLE_EXPRESS_API_KEY."
    for_omni = "For videos by Omni, set GEMINI_API_KEY or GOOGLE_CLOUD_PROJECT."
    assert {name: each.unavailable for name, each in with_key.providers.items()} == {"veo": for_veo, "omni": None}
    assert {name: each.unavailable for name, each in without.providers.items()} == {"veo": for_veo, "omni": for_omni}
    assert with_key.models.keys() == without.models.keys()


@pytest.mark.parametrize(
    ("changes", "makers"),
    [
        (NEITHER, {PREVIEW: ("veo", False), FAST: ("veo", False), OMNI: ("omni", False)}),
        (WITH_KEY, {PREVIEW: ("omni", True), FAST: ("omni", True), OMNI: ("omni", True)}),
        (NEITHER | {"google_api_key": "k"}, {PREVIEW: ("omni", True), FAST: ("omni", True), OMNI: ("omni", True)}),
        (EXPRESS, {PREVIEW: ("veo", True), FAST: ("veo", True), OMNI: ("omni", False)}),
        (PROJECT, {PREVIEW: ("veo", True), FAST: ("veo", True), OMNI: ("omni", True)}),
        (WITH_KEY | {"google_cloud_project": "p"}, {PREVIEW: ("veo", True), FAST: ("veo", True), OMNI: ("omni", True)}),
        (WITH_KEY | {"veo_models": {FAST: "veo-4"}}, {PREVIEW: ("omni", True), FAST: ("veo", False)}),
        (PROJECT | {"omni_models": {FAST: "omni-2"}}, {PREVIEW: ("veo", True), FAST: ("omni", True)}),
    ],
)
def test_who_makes_what(settings: Settings, changes: dict[str, Any], makers: dict[str, tuple[str, bool]]) -> None:
    models = catalogue(settings.model_copy(update=changes)).models

    assert {id_: (models[id_].provider, models[id_].available) for id_ in makers} == makers
    upstream = changes.get("omni_models", {}).get(FAST) or changes.get("veo_models", {}).get(FAST)
    assert upstream in (None, models[FAST].upstream_id)
    assert {model.upstream_id for model in models.values() if model.provider == "omni"} <= {OMNI, "omni-2"}


@pytest.mark.parametrize(
    ("environment", "is_told"),
    [
        ({"GOOGLE_API_KEY": "key"}, True),
        ({"GEMINI_API_KEY": "key"}, False),
        ({"GOOGLE_API_KEY": "key", "GOOGLE_CLOUD_PROJECT": "ours"}, False),
        ({"GOOGLE_API_KEY": "key", "GOOGLE_EXPRESS_API_KEY": "other"}, False),
        ({}, False),
    ],
)
def test_who_has_set_a_key_for_express_mode_is_told_of_its_new_name(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], *, is_told: bool
) -> None:
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_CLOUD_PROJECT", "GOOGLE_EXPRESS_API_KEY", "DATABASE_URL"):
        monkeypatch.setenv(name, environment.get(name, ""))

    notice = express_mode_notice(read_settings())

    assert ("GOOGLE_EXPRESS_API_KEY" in (notice or "")) == is_told


def test_an_id_belongs_to_one_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEO_MODELS", '{"a": "veo-4", "b": "veo-4"}')
    monkeypatch.setenv("OMNI_MODELS", '{"b": "omni-2"}')

    with pytest.raises(InvalidSettings, match="VEO_MODELS and OMNI_MODELS both name b: leave each id to one of them"):
        read_settings()


def test_every_model_leads_to_a_provider_that_is_registered(settings: Settings) -> None:
    offered = catalogue(settings)

    assert {model.provider for model in offered.models.values()} == set(offered.providers) == set(REGISTRY)
    for name, entry in REGISTRY.items():
        assert {model.provider for model in entry.models(settings)} == {name}


def test_settings_are_the_providers_limits(settings: Settings) -> None:
    veo = catalogue(settings.model_copy(update={"submits_per_minute": 7, "generations_at_once": 9})).providers["veo"]

    assert (veo.submits_per_minute, veo.generations_at_once) == (7, 9)


def test_reading_what_is_offered_loads_no_sdk() -> None:
    code = (
        "import sys; from app.environment import read_settings; from app.registry import catalogue\n"
        "catalogue(read_settings())\n"
        "print([name for name in ('google.genai', 'google.cloud.storage', 'av') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert run.stdout.strip() == "[]"


def test_a_price_of_what_is_not_offered_is_a_warning(tmp_path: Path, data_dir: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(
        """video_prices = [{name = "a", model = "veo-3.1-*", tokens = 1}, {name = "b", model = "veo-3.l-*", tokens = 2}]
        generator_prices = [{name = "c", model = "its-own"}, {name = "d", provider = "v*", model = "veo"}]"""
    )
    own = '{"its-own": "veo-4"}'

    checked = lookreel("policy", "--check", str(file), VEO_MODELS=own)
    in_force = lookreel("policy", POLICY_FILE=file, DATA_DIR=data_dir)
    unread = lookreel("policy", "--check", str(file), VEO_MODELS="?")
    new = lookreel("policy", "--check", str(file), VEO_MODELS=own, POLICY_FILE=tmp_path / "none.toml")
    shown = lookreel("policy", POLICY_FILE=file, DATA_DIR=data_dir, FALLBACK_MODELS='{"veo-4": "its-own"}')

    said = [
        f"Warning: {file}: {place} names '{name}', which is not offered here: no new video falls under the rule"
        for place, name in (
            ("video_prices.1.model", "veo-3.l-*"),
            ("generator_prices.1.model", "veo"),
            ("generator_prices.1.provider", "v*"),
        )
    ]
    assert (checked.returncode, checked.stderr.splitlines()) == (0, said)
    assert (new.returncode, new.stderr.splitlines()) == (0, said)
    assert checked.stdout.startswith(f"{file} is good. ")
    assert (in_force.returncode, in_force.stderr.count("Warning: ")) == (0, 4)
    assert (shown.returncode, shown.stdout) == (0, in_force.stdout)
    assert shown.stderr.startswith("Warning: models are not looked at: FALLBACK_MODELS")
    assert unread.returncode == 0
    assert unread.stderr.startswith("Warning: models are not looked at: VEO_MODELS: must be a JSON object")


async def test_a_worker_logs_the_warning(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('video_prices = [{name = "a", model = "veo-4", tokens = 1}]')

    async def run(_: Settings) -> None:
        pass

    monkeypatch.setattr(worker, "_run", run)

    await worker.run(settings.model_copy(update={"policy_file": file}))

    assert caplog.messages == [
        f"{file}: video_prices.0.model names 'veo-4', which is not offered here: no new video falls under the rule"
    ]
