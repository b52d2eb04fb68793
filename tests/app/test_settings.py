"""What cannot be honoured in the environment is a sentence; what can be, whatever its spelling, is."""

from datetime import timedelta
from importlib import metadata
from pathlib import Path

import pytest

from app.environment import InvalidSettings, read_settings
from app.setting_types import origins_of
from auth.errors import InvalidCredentials
from auth.tokens import Authenticator, sign
from tests.app.processes import lookreel
from tests.house import House

LIFETIME = timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", []),
        (" , ,", []),
        ("*", ["*"]),
        ("https://studio.example", ["https://studio.example"]),
        ("HTTPS://Studio.Example/", ["https://studio.example"]),
        ("https://a.example:443, http://a.example:80", ["https://a.example", "http://a.example"]),
        ("http://localhost:5173/, http://LOCALHOST:5173", ["http://localhost:5173"]),
        ("https://bücher.example", ["https://xn--bcher-kva.example"]),
        ("http://[::1]:5173/", ["http://[::1]:5173"]),
    ],
)
def test_origins_are_spelled_as_browsers_spell_them(text: str, origins: list[str]) -> None:
    assert origins_of(text) == origins


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("localhost:5173", "write https://localhost:5173, or http://localhost:5173"),
        ("studio.example", "write https://studio.example, or http://studio.example"),
        ("https://studio.example/app", "an origin has no path; write https://studio.example"),
        ("https://a.example?x=1", "an origin has no path; write https://a.example"),
        ("ftp://studio.example", "neither http:// nor https://"),
        ("null", "neither http:// nor https://"),
        ("https://*.example", "write a scheme, a host and a port"),
        ("https://", "write a scheme, a host and a port"),
        ("https://a.example:http", "write a scheme, a host and a port"),
        ("https://a.example:99999", "write a scheme, a host and a port"),
        ("https://me@a.example", "write a scheme, a host and a port"),
        ("https://a.example https://b.example", "write a scheme, a host and a port"),
    ],
)
def test_what_is_no_origin_is_refused_with_the_right_spelling(
    monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    monkeypatch.setenv("CORS_ORIGINS", f"https://good.example,{text}")

    with pytest.raises(InvalidSettings) as refusal:
        read_settings()

    assert str(refusal.value).startswith("CORS_ORIGINS: ")
    assert said in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1


async def test_keys_come_from_both_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, house: House) -> None:
    caller, keys = await house.user(), ["first" * 8, "second" * 8, "third" * 8]
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    signed = {}
    for name, value in (("JWT_SECRET_KEYS", ", ".join(keys[1:])), ("JWT_SECRET_KEY", keys[0])):
        monkeypatch.setenv(name, value)
        signed[name] = sign(read_settings().token_policy(), caller, lifetime=LIFETIME)
    authenticator = Authenticator(read_settings().token_policy())

    assert {await authenticator.authenticate(f"Bearer {token}") for token in signed.values()} == {caller}
    monkeypatch.delenv("JWT_SECRET_KEY")
    with pytest.raises(InvalidCredentials):
        await Authenticator(read_settings().token_policy()).authenticate(f"Bearer {signed['JWT_SECRET_KEY']}")


def test_short_keys_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET_KEYS", f"{'a' * 32},short")

    with pytest.raises(InvalidSettings, match="JWT_SECRET_KEYS: each key should have at least 32 characters"):
        read_settings()


@pytest.mark.parametrize(
    "models",
    ["veo", "{", "[]", '"veo"', "7", '{"veo": 1}', '{"veo": null}', '{"veo": ""}', '{" ": "veo"}', '{"a": []}'],
)
def test_models_that_are_none_are_refused(monkeypatch: pytest.MonkeyPatch, models: str) -> None:
    monkeypatch.setenv("VEO_MODELS", models)

    with pytest.raises(InvalidSettings) as refusal:
        read_settings()

    assert str(refusal.value).startswith("VEO_MODELS: ")
    assert len(str(refusal.value).splitlines()) == 1


def test_the_version_is_printed() -> None:
    printed = lookreel("--version")

    assert (printed.returncode, printed.stdout, printed.stderr) == (0, f"lookreel {metadata.version('lookreel')}\n", "")


ACCOUNT = {
    "CLOUDINARY_CLOUD_NAME": "demo",
    "CLOUDINARY_API_KEY": "123456",
    "CLOUDINARY_API_SECRET": "s-e_cret",
}


@pytest.fixture
def no_account(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in (*ACCOUNT, "CLOUDINARY_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        (ACCOUNT, "cloudinary://123456:s-e_cret@demo"),
        (ACCOUNT | {"CLOUDINARY_URL": "cloudinary://a:b@c"}, "cloudinary://a:b@c"),
        ({"CLOUDINARY_URL": "cloudinary://a:b@c", "CLOUDINARY_API_KEY": "1"}, "cloudinary://a:b@c"),
        (dict.fromkeys(ACCOUNT, ""), None),
    ],
)
def test_the_parts_of_a_cloudinary_account_are_its_url(
    no_account: pytest.MonkeyPatch, environment: dict[str, str], url: str | None
) -> None:
    for name, value in environment.items():
        no_account.setenv(name, value)

    assert read_settings().cloudinary_url == url


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"CLOUDINARY_CLOUD_NAME": "demo"}, "Cloudinary needs CLOUDINARY_API_KEY, CLOUDINARY_API_SECRET as well"),
        (ACCOUNT | {"CLOUDINARY_CLOUD_NAME": ""}, "Cloudinary needs CLOUDINARY_CLOUD_NAME as well, or CLOUDINARY_URL"),
        (ACCOUNT | {"CLOUDINARY_API_SECRET": "hush@hush"}, "CLOUDINARY_API_SECRET must consist of letters"),
        (ACCOUNT | {"CLOUDINARY_CLOUD_NAME": "demo/../x"}, "CLOUDINARY_CLOUD_NAME must consist of letters"),
    ],
)
def test_a_part_without_the_others_is_a_sentence(
    no_account: pytest.MonkeyPatch, environment: dict[str, str], sentence: str
) -> None:
    for name, value in environment.items():
        no_account.setenv(name, value)

    with pytest.raises(InvalidSettings, match=sentence) as caught:
        read_settings()

    assert "hush" not in str(caught.value)
