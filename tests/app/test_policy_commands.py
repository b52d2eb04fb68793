"""`lookreel policy` and what starts: both read POLICY_FILE, and end with its mistakes."""

import tomllib
from pathlib import Path

import pytest

from app.policy_file import read_policy
from resolvers.policy import BUILT_IN, Policy
from tests.app.processes import lookreel
from tests.test_docs import ROOT

EXAMPLE = ROOT / "docs" / "policy.example.toml"


def test_the_command_prints_the_policy_in_force(data_dir: Path) -> None:
    built_in = lookreel("policy", DATA_DIR=data_dir)
    own = lookreel("policy", DATA_DIR=data_dir, POLICY_FILE=EXAMPLE)

    assert (built_in.returncode, built_in.stderr, own.returncode) == (0, "", 0)
    assert Policy.model_validate(tomllib.loads(built_in.stdout)) == BUILT_IN
    assert Policy.model_validate(tomllib.loads(own.stdout)) == read_policy(EXAMPLE)


def test_the_command_checks_a_file(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("welcome = -1\nrefund = []")

    good, refused = lookreel("policy", "--check", str(EXAMPLE)), lookreel("policy", "--check", str(bad))
    missing = lookreel("policy", "--check", str(tmp_path / "none.toml"))

    assert (good.returncode, good.stderr) == (0, "")
    assert (refused.returncode, refused.stdout, refused.stderr.splitlines()) == (
        78,
        "",
        [f"{bad}: welcome: Input should be greater than or equal to 0", f"{bad}: refund: there is no such setting"],
    )
    assert (missing.returncode, missing.stderr) == (
        78,
        f"{tmp_path / 'none.toml'}: cannot be read: No such file or directory\n",
    )


@pytest.mark.parametrize(
    "command", [("serve",), ("worker",), ("policy",), ("grant", "--email", "a@b.example", "--tokens", "5")]
)
def test_no_process_starts_with_a_bad_policy(tmp_path: Path, data_dir: Path, command: tuple[str, ...]) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("welcome = -1\nrefund = []")

    ended = lookreel(*command, DATA_DIR=data_dir, POLICY_FILE=bad, PORT=0)

    assert (ended.returncode, ended.stdout) == (78, "")
    assert ended.stderr.splitlines()[:2] == [
        f"{bad}: welcome: Input should be greater than or equal to 0",
        f"{bad}: refund: there is no such setting",
    ]
