"""The command line: tokens, tokens of the other kind, and set-ups that do not add up."""

import os
from pathlib import Path
from uuid import uuid4

import jwt
import pytest

from app.settings import Settings
from db.models import LedgerEntry
from tests.app.processes import lookreel
from tests.house import House

KEY = "a key that only this test knows, long enough"


@pytest.fixture
def environment(house: House, settings: Settings) -> dict[str, str]:
    """Settings under which a command shares the database of the API under test."""
    assert settings.database_url is not None
    assert settings.jwt_secret_key is not None
    assert house.http
    return {
        "DATABASE_URL": settings.database_url,
        "JWT_SECRET_KEY": settings.jwt_secret_key,
        "DATA_DIR": str(settings.data_dir),
    }


async def test_a_token_is_the_last_line_and_the_same_user_for_the_same_address(
    house: House, environment: dict[str, str]
) -> None:
    first, second = (lookreel("token", "--email", email, **environment) for email in ("a@b.example", " A@B.example"))

    viewers = []
    for printed in (first, second):
        token = printed.stdout.splitlines()[-1]
        answer = await house.http.post(
            "/graphql",
            json={"query": "{ viewer { id email isAdmin } }"},
            headers={"Authorization": f"Bearer {token}"},
        )
        viewers.append(answer.json()["data"]["viewer"])

    assert viewers[0] == viewers[1]
    assert (viewers[0]["email"], viewers[0]["isAdmin"]) == ("a@b.example", False)


def test_a_token_can_name_the_user_the_role_and_the_lifetime(environment: dict[str, str]) -> None:
    user_id = str(uuid4())

    printed = lookreel(
        "token", "--email", "c@d.example", "--user-id", user_id, "--admin", "--expires", "2h", **environment
    )

    claims = jwt.decode(printed.stdout.splitlines()[-1], environment["JWT_SECRET_KEY"], algorithms=["HS256"])
    assert (claims["sub"], claims["role"]) == (user_id, "admin")


async def test_a_grant_goes_through_the_ledger(house: House, environment: dict[str, str]) -> None:
    printed = lookreel("grant", "--email", "rich@b.example", "--tokens", "1000", **environment)

    assert printed.stdout.splitlines()[-1] == "1100"
    assert await house.count(LedgerEntry.amount == 1000, LedgerEntry.kind == "GRANT", table=LedgerEntry) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("grant", "--email", "a@b.example", "--tokens", "0"), "The number of tokens to grant must be positive"),
        (("grant", "--email", "nobody", "--tokens", "5"), "'nobody' is not an e-mail address"),
        (("token", "--email", "a@b.example", "--expires", "soon"), "'soon' is not a duration"),
    ],
)
def test_a_bad_argument_is_told_in_a_sentence(
    environment: dict[str, str], arguments: tuple[str, ...], sentence: str
) -> None:
    refused = lookreel(*arguments, **environment)

    assert refused.returncode == 1
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"DATABASE_URL": "postgresql://localhost/x"}, "set JWT_SECRET_KEY (or JWT_JWKS_URL) too"),
        ({"JWT_SECRET_KEY": "short"}, "JWT_SECRET_KEY: String should have at least 32 characters"),
        ({"JWT_JWKS_URL": "https://id.example/keys"}, "JWT_JWKS_URL needs an asymmetric JWT_ALGORITHM"),
        ({"PORT": "many"}, "PORT: Input should be a valid integer"),
        ({"MOCK_SECONDS": "0"}, "MOCK_SECONDS: Input should be greater than 0"),
        ({"GENERATIONS_PER_WORKER": "1"}, "GENERATIONS_PER_WORKER: Input should be greater than or equal to 2"),
        ({"GENERATIONS_PER_WORKER": "many"}, "GENERATIONS_PER_WORKER: Input should be a valid integer"),
    ],
)
def test_a_set_up_that_does_not_add_up_is_refused_in_a_sentence(
    settings: dict[str, str], sentence: str, data_dir: Path
) -> None:
    refused = lookreel("serve", **{"DATA_DIR": data_dir, **settings})

    assert refused.returncode == 78
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_database_is_migrated_on_demand(environment: dict[str, str]) -> None:
    assert lookreel("migrate", **environment).returncode == 0


def test_an_unreachable_database_is_told_in_a_sentence(data_dir: Path) -> None:
    settings = {"DATABASE_URL": "postgresql://u@127.0.0.1:1/x", "JWT_SECRET_KEY": KEY, "DATA_DIR": data_dir}

    for command in (("migrate",), ("token", "--email", "a@b.example")):
        refused = lookreel(*command, **settings)
        assert refused.returncode == os.EX_UNAVAILABLE
        assert "The database cannot be reached" in refused.stderr
        assert "Traceback" not in refused.stderr
