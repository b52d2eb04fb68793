"""The command line: tokens, tokens of the other kind, and set-ups that do not add up."""

import os
from pathlib import Path
from uuid import UUID, uuid4

import jwt
import pytest
from sqlalchemy import select, update

from db.tables import LedgerEntry, Look, User
from tests.admin_jobs import recorded
from tests.app.processes import lookreel
from tests.house import House

KEY = "a key that only this test knows, long enough"
ES256 = {"JWT_ALGORITHM": "ES256"}


async def test_a_token_is_the_last_line_and_the_same_user_for_the_same_address(
    house: House, environment: dict[str, object]
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
    acts = [(entry.action, entry.actor, str(entry.user_id), entry.details) for entry in await recorded(house)]
    assert acts == [("ISSUE_TOKEN", "OPERATOR", viewers[0]["id"], "Role user, valid for 1d")] * 2


@pytest.mark.usefixtures("house")
def test_a_token_can_name_the_user_the_role_and_the_lifetime(environment: dict[str, object]) -> None:
    user_id = str(uuid4())

    printed = lookreel(
        "token", "--email", "c@d.example", "--user-id", user_id, "--admin", "--expires", "2h", **environment
    )

    claims = jwt.decode(printed.stdout.splitlines()[-1], str(environment["JWT_SECRET_KEY"]), algorithms=["HS256"])
    assert (claims["sub"], claims["role"]) == (user_id, "admin")


async def test_a_grant_goes_through_the_ledger(house: House, environment: dict[str, object]) -> None:
    caller = await house.user()

    printed = lookreel("grant", "--email", f" {caller.email} ".upper(), "--tokens", "1000", **environment)

    assert (printed.returncode, printed.stdout.splitlines(), printed.stderr) == (
        0,
        ["1100"],
        _meant(caller.email, caller.user_id),
    )
    assert await house.tokens(caller) == 1100
    assert await grants(house, caller.user_id) == [1000]


async def test_a_grant_to_an_address_that_nobody_has_is_refused_unless_it_is_to_make_the_account(
    house: House, environment: dict[str, object]
) -> None:
    arguments = ("grant", "--email", f"{uuid4()}@b.example", "--tokens", "5")
    users = await house.count(table=User)

    refused = lookreel(*arguments, **environment)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == f"There is no account of {arguments[2]}. Check the address, or make one by --create.\n"
    assert (await house.count(table=User), await house.count(table=LedgerEntry)) == (users, 0)

    made = lookreel(*arguments, "--create", **environment)
    assert (made.returncode, made.stdout) == (0, "105\n")
    assert f"Made an account for {arguments[2]}, " in made.stderr
    assert await house.count(table=User) == users + 1

    again = lookreel(*arguments, "--create", **environment)
    assert (again.returncode, again.stdout) == (0, "110\n")
    assert again.stderr == made.stderr.replace("Made an account for", "The account of")


async def test_an_address_that_several_have_needs_an_id(house: House, environment: dict[str, object]) -> None:
    first, second, other = await house.user(), await house.user(), await house.user()
    async with house.database.session() as session:
        await session.execute(update(User).where(User.id == second.user_id).values(email=first.email))
    arguments = ("--email", str(first.email))

    for command in (("grant", "--tokens", "5", "--create"), ("token",), ("sample",)):
        refused = lookreel(*command, *arguments, **environment)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert f"{first.user_id}, {second.user_id}" in refused.stderr
    granted = lookreel("grant", "--tokens", "5", *arguments, "--user-id", str(second.user_id), **environment)
    elsewhere = lookreel("grant", "--tokens", "5", *arguments, "--user-id", str(other.user_id), **environment)

    assert (granted.returncode, granted.stdout) == (0, "105\n")
    assert (elsewhere.returncode, elsewhere.stdout) == (1, "")
    assert [await house.tokens(user) for user in (first, second, other)] == [100, 105, 100]
    assert await house.count(Look.user_id == first.user_id, table=Look) == 0


async def test_an_account_that_a_command_makes_is_told(house: House, environment: dict[str, object]) -> None:
    for command in ("token", "sample"):
        email = f"{uuid4()}@b.example"
        first, second = (lookreel(command, "--email", email, **environment) for _ in range(2))

        assert (first.returncode, second.returncode) == (0, 0)
        assert second.stderr == first.stderr.replace("Made an account for", "The account of")
        assert f"Made an account for {email}, " in first.stderr
        assert await house.count(User.email == email, table=User) == 1


def _meant(email: str | None, user_id: UUID) -> str:
    return f"The account of {email}, {user_id}.\n"


async def test_an_account_is_locked_out_and_let_in_by_its_address_or_its_id(
    house: House, environment: dict[str, object]
) -> None:
    first, second = await house.user(), await house.user()
    async with house.database.session() as session:
        await session.execute(update(User).where(User.id == second.user_id).values(email=first.email))

    async def now() -> list[tuple[str, str]]:
        async with house.database.session() as session:
            ids = (first.user_id, second.user_id)
            found = {row.id: (row.status, row.role) for row in await session.scalars(select(User)) if row.id in ids}
        return [found[id_] for id_ in ids]

    asked = lookreel("user", "suspend", "--email", str(first.email), **environment)
    assert (asked.returncode, asked.stdout) == (1, "")
    assert f"{first.user_id}, {second.user_id}" in asked.stderr
    for arguments, sentence in {
        (): "Say whose account it is: --email or --user-id\n",
        ("--email", "nobody@b.example"): "There is no account of nobody@b.example.\n",
        ("--user-id", str(uuid4())): "There is no account of",
    }.items():
        refused = lookreel("user", "suspend", *arguments, **environment)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.startswith(sentence)
    assert await now() == [("active", "user"), ("active", "user")]

    chosen = ("--email", str(first.email), "--user-id", str(second.user_id))
    suspended = lookreel("user", "suspend", *chosen, **environment)
    promoted = lookreel("user", "role", "admin", "--user-id", str(first.user_id), **environment)
    assert (suspended.stdout, promoted.stdout) == (f"{second.user_id} suspended\n", f"{first.user_id} admin\n")
    assert await now() == [("active", "admin"), ("suspended", "user")]
    lookreel("user", "activate", "--user-id", str(second.user_id), **environment)
    lookreel("user", "role", "user", "--user-id", str(first.user_id), **environment)
    assert await now() == [("active", "user"), ("active", "user")]
    assert [(entry.action, entry.user_id, entry.details) for entry in await recorded(house)] == [
        ("SET_STATUS", second.user_id, "suspended"),
        ("SET_ROLE", first.user_id, "admin"),
        ("SET_STATUS", second.user_id, "active"),
        ("SET_ROLE", first.user_id, "user"),
    ]


async def grants(house: House, user_id: UUID) -> list[int]:
    async with house.database.session() as session:
        query = select(LedgerEntry.amount).where(LedgerEntry.user_id == user_id, LedgerEntry.kind == "GRANT")
        return list(await session.scalars(query))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("grant", "--email", "a@b.example", "--tokens", "0"), "The number of tokens to grant must be positive"),
        (("grant", "--email", "a@b.example", "--tokens", "-5"), "The number of tokens to grant must be positive"),
        (("grant", "--email", "a@b.example", "--tokens", "9" * 30, "--create"), "An account holds at most"),
        (("grant", "--email", "nobody", "--tokens", "5"), "'nobody' is not an e-mail address"),
        (("token", "--email", "a\a@c.example"), r"'a\x07@c.example' is not an e-mail address"),
        (("sample", "--email", "a@b." + "e" * 5_000), "eee'... is not an e-mail address"),
        (("token", "--email", "a@b.example", "--user-id", ""), "A user's id has 1 to 255 characters"),
        (("token", "--email", "a@b.example", "--expires", "soon"), "'soon' is not a duration"),
        (("token", "--email", "a@b.example", "--expires", "0s"), "0s is out of range: write 1s to"),
        (("token", "--email", "a@b.example", "--expires", "999999w"), "999999w is out of range"),
        (("token", "--email", "a@b.example", "--expires", "99999999w"), "99999999w is out of range"),
        (("token", "--email", "a@b.example", "--expires", "9" * 5_000 + "w"), "is not a duration"),
    ],
)
async def test_a_bad_argument_is_told_in_a_sentence(
    house: House, environment: dict[str, object], arguments: tuple[str, ...], sentence: str
) -> None:
    users = await house.count(table=User)

    refused = lookreel(*arguments, **environment)

    assert (refused.returncode, refused.stdout) == (1, "")
    assert sentence in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert (await house.count(table=User), await house.count(table=LedgerEntry)) == (users, 0)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"DATABASE_URL": "postgresql://localhost/x"}, "set JWT_SECRET_KEY (or JWT_JWKS_URL) too"),
        ({"JWT_SECRET_KEY": "short"}, "JWT_SECRET_KEY: String should have at least 32 characters"),
        ({"JWT_JWKS_URL": "https://id.example/keys"}, "JWT_JWKS_URL needs an asymmetric JWT_ALGORITHM"),
        ({"JWT_ALGORITHM": "RS265"}, "JWT_ALGORITHM: must be one of HS256, HS384, HS512, RS256,"),
        ({"JWT_ALGORITHM": "none"}, "JWT_ALGORITHM: must be one of HS256,"),
        (
            {"JWT_ALGORITHM": "RS256"},
            "JWT_ALGORITHM RS256 needs JWT_JWKS_URL, or a public key in PEM as JWT_SECRET_KEY.",
        ),
        ({"JWT_ALGORITHM": "RS256", "JWT_SECRET_KEY": KEY}, "JWT_SECRET_KEY is no key for JWT_ALGORITHM RS256: "),
        (ES256 | {"JWT_JWKS_URL": "id.example/keys"}, "JWT_JWKS_URL: Input should be a valid URL"),
        (ES256 | {"JWT_JWKS_URL": "ftp://id.example/keys"}, "JWT_JWKS_URL: URL scheme should be 'http' or 'https'"),
        (ES256 | {"JWT_JWKS_URL": "file:///keys"}, "JWT_JWKS_URL: URL scheme should be 'http' or 'https'"),
        (ES256 | {"JWT_JWKS_URL": "https://"}, "JWT_JWKS_URL: Input should be a valid URL, empty host"),
        (ES256 | {"JWT_JWKS_URL": "https://me:pass@id.example"}, "JWT_JWKS_URL: must not contain a user name"),
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


@pytest.mark.parametrize(
    "command",
    [
        ("grant", "--email", "a@b.example", "--tokens"),
        ("jobs", "list", "--limit"),
        ("user", "list", "--limit"),
        ("migrate", "--wait"),
        ("serve", "--workers"),
    ],
)
@pytest.mark.parametrize("text", ["1_0", "\u0663", "1.5.0"])
def test_a_number_has_plain_digits(command: tuple[str, ...], text: str) -> None:
    refused = lookreel(*command, text)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"'{command[-1]}': Input should be a valid" in refused.stderr


def test_a_whole_number_has_no_point() -> None:
    refused = lookreel("jobs", "list", "--limit", "3.0")

    assert (refused.returncode, refused.stdout) == (2, "")
    assert "'--limit': Input should be a valid integer" in refused.stderr


@pytest.mark.usefixtures("house")
def test_the_database_is_migrated_on_demand(environment: dict[str, object]) -> None:
    assert lookreel("migrate", **environment).returncode == 0


def test_an_unreachable_database_is_told_in_a_sentence(data_dir: Path) -> None:
    settings = {"DATABASE_URL": "postgresql://u@127.0.0.1:1/x", "JWT_SECRET_KEY": KEY, "DATA_DIR": data_dir}

    for command in (("migrate",), ("token", "--email", "a@b.example")):
        refused = lookreel(*command, **settings)
        assert refused.returncode == os.EX_UNAVAILABLE
        assert "The database cannot be reached" in refused.stderr
        assert "Traceback" not in refused.stderr
