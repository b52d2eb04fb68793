"""Settings from `.env`, and secrets from files that the environment names."""

from pathlib import Path

import pytest

from app.environment import MOST_BYTES, SECRETS, InvalidSettings, read_settings
from app.settings import Settings

KEY = "a secret key of the file's own, long enough"
OPERATING = (Path(__file__).parent.parent.parent / "docs/OPERATING.md").read_text()


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def refused() -> str:
    with pytest.raises(InvalidSettings) as refusal:
        read_settings()
    return str(refusal.value)


def test_the_environment_wins_over_a_named_file_and_that_over_env(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    (tmp_path / ".env").write_text(
        "# ours\nLOG_LEVEL=debug\nPORT=8001\nexport HOST='::1'\nJWT_SECRET_KEY="
        + "e" * 40
        + "\nHOME_OF_SOMEBODY=else\n"
    )
    monkeypatch.setenv("PORT", "8002")
    monkeypatch.setenv("JWT_SECRET_KEY_FILE", str(tmp_path / "key"))

    settings = read_settings()

    assert (settings.log_level, settings.port, settings.host, settings.jwt_secret_key) == ("DEBUG", 8002, "::1", KEY)


@pytest.mark.parametrize("name", SECRETS)
def test_each_secret_may_be_in_a_file_and_is_documented_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    value = {"cloudinary_url": "cloudinary://k:s@c"}.get(name, "postgresql://u@h/db" if "_url" in name else "k" * 40)
    (tmp_path / "secret").write_text(f"{value}\r\n")
    monkeypatch.setenv("JWT_SECRET_KEYS", "" if name == "jwt_secret_keys" else "j" * 40)
    monkeypatch.setenv(f"{name.upper()}_FILE", str(tmp_path / "secret"))
    if name.startswith("cloudinary_api"):
        monkeypatch.setenv("CLOUDINARY_URL", "cloudinary://k:s@c")

    if name == "database_direct_url":
        monkeypatch.setenv("DATABASE_URL", "postgresql://u@pooler/db")

    assert getattr(read_settings(), name) == value
    assert f"`{name.upper()}_FILE`" in OPERATING


def test_a_file_of_several_lines_is_a_key_in_pem_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "lines").write_text("-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----\n")
    monkeypatch.setenv("JWT_ALGORITHM", "RS256")
    monkeypatch.setenv("JWT_SECRET_KEY_FILE", str(tmp_path / "lines"))
    assert str(read_settings().jwt_secret_key).count("\n") == 2

    monkeypatch.setenv("GEMINI_API_KEY_FILE", str(tmp_path / "lines"))
    assert refused() == "GEMINI_API_KEY: must be a line of text in UTF-8"


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        (None, "the file cannot be read: No such file or directory"),
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"\xff" * 40, "the file cannot be read: it is no text in UTF-8"),
        (b"k" * (MOST_BYTES + 1), "the file is too large"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, contents: bytes | None, reason: str
) -> None:
    if contents is not None:
        (tmp_path / "secret").write_bytes(contents)
    monkeypatch.setenv("METRICS_TOKEN_FILE", str(tmp_path / "secret"))

    assert refused() == f"METRICS_TOKEN_FILE: {reason}"


def test_a_folder_is_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("METRICS_TOKEN_FILE", str(tmp_path))

    assert refused() == "METRICS_TOKEN_FILE: the file cannot be read: Is a directory"


def test_a_secret_that_is_given_twice_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)
    monkeypatch.setenv("JWT_SECRET_KEY", KEY)
    monkeypatch.setenv("JWT_SECRET_KEY_FILE", str(tmp_path / "key"))

    assert refused() == "JWT_SECRET_KEY_FILE: JWT_SECRET_KEY is set as well. Leave one of them out."


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        (b"LOG_LEVEL=LOUD\n", "LOG_LEVEL: "),
        (b"PORT=x\n", "PORT: "),
        (b"VEO_MODELS=[\n", "VEO_MODELS: must be a JSON object"),
        (b"A=\xff\xff\n", ".env: cannot be read: it is no text in UTF-8"),
    ],
)
def test_what_is_wrong_in_env_is_a_sentence(tmp_path: Path, contents: bytes, sentence: str) -> None:
    (tmp_path / ".env").write_bytes(contents)

    told = refused()

    assert told.startswith(sentence)
    assert len(told.splitlines()) == 1


def test_settings_that_are_made_in_code_read_no_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=8001\n")
    monkeypatch.delenv("PORT", raising=False)

    assert Settings().port == 8000


@pytest.mark.parametrize("line", ["PORT: 8001", 'PORT="8001', "the port = 8001", "=8001"])
def test_a_line_that_means_nothing_is_refused_with_its_place(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"# ours\nLOG_LEVEL=debug\n{line}\n")

    assert refused() == ".env: line 3 cannot be read: write NAME=value, and close quotes"


def test_env_may_name_files_of_what_the_environment_does_not_say(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "url").write_text("postgresql://u@h/db\n")
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbf" + KEY.encode() + b"\r\n")
    lines = ["database_url_file=url", "JWT_SECRET_KEY_FILE=key", "METRICS_TOKEN_FILE=missing"]
    (tmp_path / ".env").write_text("\n".join(lines))
    monkeypatch.setenv("METRICS_TOKEN", "m" * 40)

    settings = read_settings()

    assert (settings.database_url, settings.jwt_secret_key) == ("postgresql://u@h/db", KEY)
    monkeypatch.delenv("METRICS_TOKEN")
    assert refused() == "METRICS_TOKEN_FILE: the file cannot be read: No such file or directory"
