"""What is shipped for deploying names settings, commands, addresses and numbers that are ours."""

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import typer.main

from app.asgi import rest_api
from app.commands import app
from app.environment import SECRETS
from app.http.requests import PLAIN
from app.http.server import KEEP_ALIVE_SECONDS
from app.serve import WORKER_SECONDS
from app.settings import Settings
from app.supervisor import EX_CONFIG
from providers.veo.generator import VeoAccess

ROOT = Path(__file__).parent.parent.parent
FILES = ("Dockerfile", "compose.yaml", "render.yaml", "deploy/lookreel.service", "deploy/kubernetes.yaml")
TEXTS = {name: (ROOT / name).read_text() for name in FILES}
NGINX = (ROOT / "deploy/nginx.conf").read_text()
# What others read: PostgreSQL's image, Python, the shell, uvicorn.
THEIRS = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "PATH", "PYTHONDONTWRITEBYTECODE", "FORWARDED_ALLOW_IPS"}
OURS = {name.upper() for name in Settings.model_fields} | {f"{name.upper()}_FILE" for name in SECRETS}
BEFORE = r"(?:^\s+(?=\w+: )|[{,] |key: |name: |ENV |Environment=|(?<=\w) |\$\{|\$)"
NAMED = re.compile(BEFORE + r"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|PATH|HOST|PORT)(?=[=:,}\]]|$)", re.MULTILINE)
RUN = re.compile(
    r"(?:dockerCommand|preDeployCommand|command|args): *(.*)|^(?:CMD|Exec\w+=\S+/lookreel) *(.*)", re.MULTILINE
)


def code(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.strip().startswith("#"))


@pytest.mark.parametrize("name", FILES)
def test_every_setting_that_is_named_is_one(name: str) -> None:
    named = set(NAMED.findall(code(TEXTS[name])))

    assert named - OURS - THEIRS == set()
    assert named & OURS, "nothing was found, so nothing was tested"


@pytest.mark.parametrize("name", FILES)
def test_every_command_is_one_with_such_options(name: str) -> None:
    text = re.sub(r'[\[\],"]+', " ", code(TEXTS[name]))
    commands = getattr(typer.main.get_command(app), "commands", {})
    used = [shlex.split("".join(found).replace("lookreel ", "")) for found in RUN.findall(text)]
    ours = [words for words in used if words[0] in commands]

    assert ours
    for command, *arguments in ours:
        options = {option for parameter in commands[command].params for option in parameter.opts}
        assert {word for word in arguments if word.startswith("--")} <= options


def test_every_address_of_health_is_one() -> None:
    paths = {route.path for route in rest_api().routes if hasattr(route, "path")} | PLAIN
    asked = {path for text in TEXTS.values() for path in re.findall(r"(?:\bpath: |CheckPath: |:8000)(/[a-z]+)", text)}

    assert asked == {"/readyz", "/livez", "/metrics"}
    assert asked <= paths
    hidden = re.search(r"location ~ (\S+) \{", NGINX)
    assert hidden is not None
    health = {"/metrics", "/livez", "/readyz", "/healthz"}
    # The API answers with a slash at the end as well.
    spellings = {f"{path}{slash}" for path in health | paths for slash in ("", "/")}
    assert {path for path in spellings if re.search(hidden[1], path)} == health | {f"{path}/" for path in health}


def test_ports_agree() -> None:
    port = str(Settings.model_fields["port"].default)

    assert f"EXPOSE {port}" in TEXTS["Dockerfile"]
    assert f"server api:{port};" in NGINX
    (socket,) = re.findall(r"# server (unix:\S+);$", NGINX, re.MULTILINE)
    folder = re.search(r"^RuntimeDirectory=(\w+)$", TEXTS["deploy/lookreel.service"], re.MULTILINE)
    assert folder is not None
    assert Settings(host=socket).host == f"unix:/run/{folder[1]}/api.sock"
    assert f"containerPort: {port}" in TEXTS["deploy/kubernetes.yaml"]
    assert f"targetPort: {port}" in TEXTS["deploy/kubernetes.yaml"]


def test_the_image_runs_as_nobody_special_and_with_settings_that_are_good(tmp_path: Path) -> None:
    text = code(TEXTS["Dockerfile"])
    (user,) = re.findall(r"^USER (\d+)$", text, re.MULTILINE)
    (line,) = re.findall(r"^ENV (.*)$", text, re.MULTILINE)
    values = {key.lower(): value for key, value in (word.split("=", 1) for word in line.split())}
    values["data_dir"] = str(tmp_path)

    assert int(user) > 0
    assert f"--uid {user}" in text
    settings = Settings.model_validate(values)
    assert (settings.host, settings.log_format) == ("0.0.0.0", "json")  # noqa: S104 - in a container


def test_the_image_has_every_package_and_the_migrations() -> None:
    left_out = {line.strip("/") for line in (ROOT / ".dockerignore").read_text().splitlines()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = {*project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]}
    needed |= {"pyproject.toml", project["project"]["readme"], "requirements.lock"}

    assert needed & (left_out - {"!README.md"}) == set()
    assert all((ROOT / name).exists() for name in needed)
    assert ".*" in left_out, "no settings, no repository"


def test_what_compose_depends_on_is_there() -> None:
    text = TEXTS["compose.yaml"]
    services = set(re.findall(r"^  (\w+):\n", text.split("\nservices:\n")[1], re.MULTILINE))

    assert services == {"database", "migrate", "api", "worker", "nginx"}
    assert set(re.findall(r"depends_on: \{(\w+):", text)) <= services
    assert "server api:" in NGINX
    mounted = re.findall(r"\./(deploy/[\w./]+)", text)
    assert [path for path in mounted if path != "deploy/tls" and not (ROOT / path).exists()] == []


def test_a_worker_has_the_time_that_a_submit_may_take() -> None:
    kubernetes = TEXTS["deploy/kubernetes.yaml"].split("name: lookreel-worker")[1]
    given = [
        re.search(pattern, text, re.MULTILINE)
        for pattern, text in (
            (r"terminationGracePeriodSeconds: (\d+)", kubernetes),
            (r"^TimeoutStopSec=(\d+)$", TEXTS["deploy/lookreel.service"]),
            (r"command: \[worker\](?:\n.*){1,3}\n +stop_grace_period: (\d+)s$", TEXTS["compose.yaml"]),
            (r"maxShutdownDelaySeconds: (\d+)$", TEXTS["render.yaml"]),
        )
    ]

    assert min(int(seconds[1]) for seconds in given if seconds) > WORKER_SECONDS > VeoAccess.timeout_seconds
    assert all(given)


def test_nobody_starts_again_what_cannot_run_as_configured() -> None:
    assert f"RestartPreventExitStatus={EX_CONFIG}" in TEXTS["deploy/lookreel.service"]


def seconds(directive: str) -> int:
    found = re.search(rf"^\s*{directive} (\d+)s;", NGINX, re.MULTILINE)
    assert found is not None, directive
    return int(found[1])


def test_nginx_waits_for_as_long_as_we_answer_and_closes_first() -> None:
    size = re.search(r"client_max_body_size (\d+)m;", NGINX)
    assert size is not None
    assert int(size[1]) > 110, "what is too large is refused by name"
    assert seconds("keepalive_timeout") < KEEP_ALIVE_SECONDS
    assert seconds("proxy_read_timeout") > 25 + Settings.model_fields["rest_timeout_seconds"].default
    assert 'proxy_set_header X-Forwarded-Prefix "";' in NGINX
    assert "$request_uri" not in NGINX.split("log_format")[1].split(";")[0]
    assert "$args" not in NGINX


NGINX_PROGRAM = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")


@pytest.mark.skipif(NGINX_PROGRAM is None, reason="nginx is not installed")
def test_nginx_accepts_it(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    make = (
        str(shutil.which("openssl")),
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=a",
        "-days",
        "1",
    )
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    text = NGINX.replace("/etc/nginx/tls/fullchain.pem", str(certificate)).replace("server api:", "server 127.0.0.1:")
    (tmp_path / "nginx.conf").write_text(text.replace("/etc/nginx/tls/privkey.pem", str(key)))

    tried = subprocess.run(
        [str(NGINX_PROGRAM), "-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-g", f"pid {tmp_path}/pid;"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert tried.returncode == 0, tried.stderr
