"""Every setting with values that cannot be honoured: a sentence each, and exit code 78 from every command."""

import os
import socket
from pathlib import Path

import pytest

from app.environment import InvalidSettings, read_settings
from app.listening import listen
from app.settings import Settings
from app.worker import answer_metrics
from tests.app.database_commands import COMMANDS
from tests.app.processes import lookreel

NUMBERS = (
    "a",
    "0",
    "-1",
    "nan",
    "inf",
    "1e400",
    "9" * 30,
    "9" * 5000,
    "1\n2",
    "\udcff",
    "1,5",
    "0x10",
    "ten",
    "1_0",
    "\u00a07",
    "\u0661",
)
SECONDS = NUMBERS
COUNTS = (*NUMBERS, "1.5")
FLAGS = ("maybe", "2", "tru", "\udcff", "yes\nno")
NO_LINE = ("two\nlines", "\udcff" * 40)
PRIVATE = "hush-hush-hush-hush-hush-hush-hush-hush"

BAD: dict[str, tuple[str, ...]] = {
    "database_url": ("x", "mysql://h/db", "postgres://h:port/db", *NO_LINE),
    "database_direct_url": ("x", "mysql://h/db", *NO_LINE),
    "database_pooler_mode": ("statement", "Session ", *NO_LINE),
    "host": ("unix:", "unix:api.sock", f"unix:/{'a' * 107}", *NO_LINE),
    "port": ("a", "-1", "65536", "8000.5", "9" * 5000, "\udcff", "80 80", "8_000"),
    "data_dir": ("/proc/version/data", "/dev/null", "x" * 300, "/" + "x/" * 3000, "two\nlines"),
    "jwt_secret_key": ("short", "\udcff" * 40),
    "jwt_secret_keys": (f"{'a' * 32},short", "\udcff" * 40),
    "jwt_algorithm": ("none", "HS257", "hs256", *NO_LINE),
    "jwt_jwks_url": ("x", "ftp://h/keys", "https://me:pw@h/keys", *NO_LINE),
    "jwt_audience": NO_LINE,
    "jwt_issuer": NO_LINE,
    "log_level": ("LOUD", "7", *NO_LINE),
    "log_format": ("xml", "JSON ", *NO_LINE),
    "log_requests": FLAGS,
    "metrics_token": ("short", "é" * 40, "a token of several words, long enough ", *NO_LINE),
    "metrics_port": ("a", "-1", "0", "65536", "8000.5", "80 80"),
    "otel_exporter_otlp_endpoint": ("collector:4318", "ftp://h", "https://me:pw@h", *NO_LINE),
    "otel_exporter_otlp_protocol": ("grpc", "http/json", *NO_LINE),
    "mock_seconds": SECONDS,
    "refund_failed_jobs": FLAGS,
    "google_cloud_project": ("my project", "projects/mine", " ", "-", "é", *NO_LINE),
    "google_cloud_location": ("us central1", "US", "us/central1", *NO_LINE),
    "google_api_key": ("a key", "kéy", "\x7f", *NO_LINE),
    "gemini_api_key": ("a key", "kéy", *NO_LINE),
    "google_express_api_key": ("a key", "kéy", *NO_LINE),
    "google_gemini_base_url": ("localhost:8080", "ftp://h", "https://me:pw@h", "https://h?x=1", *NO_LINE),
    "google_vertex_base_url": (
        "localhost:8080", "ftp://h", "https://", "http://h:99999", "http://h:p", "https://me:pw@h", "https://h?x=1",
        "https://h#x", "http://a b", "http://[::1", *NO_LINE,
    ),
    "veo_poll_seconds": (*SECONDS, "3601"),
    "veo_output_gcs_uri": ("bucket", "s3://bucket", "gs://", *NO_LINE),
    "veo_models": ("veo", "[]", '{"a": 1}', '{"a": "\udcff"}', r'{"a": "\ud800"}'),
    "omni_api_version": ("1", "v", "v1/beta", " ", *NO_LINE),
    "omni_poll_seconds": (*SECONDS, "3601"),
    "omni_labels": FLAGS,
    "omni_models": ("omni", "[]", '{"a": 1}', '{"a": ""}', r'{"a": "\ud800"}'),
    "fallback_models": ("omni", "[]", '{"a": 1}', '{"a": ""}', r'{"a": "\ud800"}'),
    "inputs_kept_days": ("-1", "3651", "1.5", "a week"),
    "cloudinary_url": NO_LINE,
    "cloudinary_cloud_name": NO_LINE,
    "cloudinary_api_key": NO_LINE,
    "cloudinary_api_secret": NO_LINE,
    "media_urls": ("sign", "none", "Signed ", *NO_LINE),
    "media_secret_key": ("short", "\udcff" * 40),
    **dict.fromkeys(
        ("retain_jobs_days", "retain_job_logs_days", "retain_queue_statistics_days", "retain_audit_days"),
        ("-1", "3651", "1.5", "a week"),
    ),
    "generations_at_once": (*COUNTS, "1000001"),
    "generations_per_worker": (*COUNTS, "1", "1000001"),
    "no_worker_seconds": (*(number for number in COUNTS if number != "0"), "86401"),
    "submits_per_minute": (*COUNTS, "1000001"),
    "streams_per_user": (*COUNTS, "1000001"),
    "connections": (*COUNTS, "1000001"),
    "websockets_per_address": (*COUNTS, "1000001"),
    "large_bodies_megabytes": (*COUNTS, "1000001"),
    "allowed_hosts": ("https://studio.example", "studio.example:80", "a b", "*", *NO_LINE),
    "policy_file": ("/no/such/file", "/dev/null/policy"),
    "cors_origins": ("localhost:5173", "https://a.example,null", *NO_LINE),
    "graphql_introspection": FLAGS,
    "graphql_fast_execution": FLAGS,
    "graphql_timeout_seconds": SECONDS,
    "graphql_most_values": (*COUNTS, "1000001"),
    "rest_timeout_seconds": SECONDS,
    "database_pool_size": (*COUNTS, "10001"),
    "database_pool_timeout_seconds": SECONDS,
    "database_connect_timeout_seconds": SECONDS,
    "database_statement_timeout_seconds": SECONDS,
    "database_lock_timeout_seconds": SECONDS,
    "database_idle_transaction_timeout_seconds": SECONDS,
    "public_url": ("studio.example", "ftp://h", "https://h?x=1", "https://h/a b", "https://me:pw@h", *NO_LINE),
}  # fmt: skip


def refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> str:
    monkeypatch.setenv(name.upper(), value)
    with pytest.raises(InvalidSettings) as refusal:
        read_settings()
    return str(refusal.value)


def test_no_setting_is_left_out() -> None:
    assert BAD.keys() == Settings.model_fields.keys()


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_honoured_is_a_sentence(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", PRIVATE)
    for value in BAD[name]:
        sentence = refused(monkeypatch, name, value)
        shown = value.encode(errors="replace").decode()[:20]
        assert len(sentence.splitlines()) == 1, (shown, sentence)
        named = (f"{name.upper()}: ", f"{name.upper()} cannot be used: ", f"{value}: ")  # a file is named by its path
        assert sentence.startswith(named), (shown, sentence)
        assert len(sentence) < 400
        assert PRIVATE not in sentence
        sentence.encode()


@pytest.mark.parametrize("name", BAD)
def test_what_is_blank_is_a_sentence(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", PRIVATE)

    sentence = refused(monkeypatch, name, " " * 40)

    is_json = name.endswith("_models")
    remedy = "must be a JSON object" if is_json else "is blank: leave it out where nothing is meant"
    assert sentence.startswith(f"{name.upper()}: {remedy}")


def test_a_folder_below_a_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    sentence = refused(monkeypatch, "data_dir", str(tmp_path / "file" / "data"))

    assert sentence == f"DATA_DIR: must be a folder that we may write to, or make: {tmp_path / 'file'} is none"


STORED_ELSEWHERE = {
    "DATABASE_URL": "postgresql://h/db",
    "JWT_SECRET_KEY": PRIVATE,
    "CLOUDINARY_URL": "cloudinary://key:secret@cloud",
}


@pytest.mark.parametrize("missing", [None, *STORED_ELSEWHERE])
def test_a_folder_may_be_read_only_where_nothing_is_stored_in_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, missing: str | None
) -> None:
    for name, value in STORED_ELSEWHERE.items():
        if name != missing:
            monkeypatch.setenv(name, value)
    # Root may write everywhere.
    monkeypatch.setattr("os.access", lambda _path, mode: not mode & os.W_OK)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))

    if missing is None:
        settings = read_settings()
        assert tmp_path not in settings.scratch_folder.parents
    elif missing == "JWT_SECRET_KEY":
        with pytest.raises(InvalidSettings, match="JWT_SECRET_KEY"):
            read_settings()
    else:
        with pytest.raises(
            InvalidSettings, match=rf"^DATA_DIR: must be a folder that we may write to.*{tmp_path} is none$"
        ):
            read_settings()


def test_a_folder_in_the_home_is_one_for_all_that_is_stored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DATA_DIR", "~/x")

    assert read_settings().media_folder == tmp_path / "x" / "media"


def test_a_port_for_metrics_that_is_taken_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidSettings, match=rf"^METRICS_PORT: cannot listen on 127.0.0.1:{port}: "):
            answer_metrics("127.0.0.1", port)


@pytest.mark.parametrize("host", ["ä..b", "no.such.host.invalid", "a" * 70])
def test_a_host_that_cannot_be_one_is_a_sentence(host: str) -> None:
    with pytest.raises(InvalidSettings, match=r"^Cannot listen on "):
        listen(host, 0)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("LOG_LEVEL", "debug", "DEBUG"),
        ("LOG_LEVEL", " Info ", "INFO"),
        ("GOOGLE_VERTEX_BASE_URL", "http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("GOOGLE_VERTEX_BASE_URL", "https://[::1]:8080/v1", "https://[::1]:8080/v1"),
        ("PUBLIC_URL", "https://studio.example/lookreel/", "https://studio.example/lookreel"),
        ("GOOGLE_CLOUD_PROJECT", "example.com:my-project", "example.com:my-project"),
        ("GOOGLE_CLOUD_PROJECT", "123456789012", "123456789012"),
        ("MOCK_SECONDS", "0.05", 0.05),
        ("REFUND_FAILED_JOBS", "on", True),
    ],
)
def test_what_can_be_honoured_is_whatever_its_spelling(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, read: object
) -> None:
    monkeypatch.setenv(name, value)

    assert getattr(read_settings(), name.lower()) == read


@pytest.mark.parametrize("command", [*COMMANDS, ("demo",)])
@pytest.mark.parametrize(("name", "value"), [("DATA_DIR", "/dev/null"), ("GOOGLE_VERTEX_BASE_URL", "localhost:8080")])
def test_every_command_ends_in_78(command: tuple[str, ...], name: str, value: str, tmp_path: Path) -> None:
    done = lookreel(*command, **{"DATA_DIR": tmp_path / "data", "PORT": 0} | {name: value})

    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith(f"{name}: ")
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
