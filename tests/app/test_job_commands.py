"""`lookreel jobs`, `queue` and `grant --reference`: what an operator sees and does at night."""

from subprocess import CompletedProcess

import pytest
from sqlalchemy import text

from app.settings import Settings
from auth.caller import Role
from db import pauses, submission_pace
from db.enums import AuditAction, LedgerEntryKind, PauseScope
from db.tables import AuditEntry, LedgerEntry
from tests.app.processes import lookreel
from tests.house import House
from tests.workers import at_work

MISSING = "00000000-0000-7000-8000-000000000000"
SECRET = "a prompt that nobody else may read"


def ids(done: CompletedProcess[str]) -> list[str]:
    assert "Traceback" not in done.stderr, done.stderr
    return [line.split()[0] for line in done.stdout.splitlines()]


async def acts(house: House) -> list[tuple[str, object, str, str]]:
    query = text("SELECT actor, actor_id, action, object_id FROM audit_log ORDER BY created_at, id")
    async with house.database.session() as session:
        return [(actor, by, action, str(job)) for actor, by, action, job in await session.execute(query)]


async def failed(house: House, settings: Settings, job_id: str) -> None:
    async with at_work(settings, house.database):
        assert (await house.finished(job_id)).status == "FAILED"


async def test_jobs_are_chosen_by_what_they_have_in_common(
    house: House, settings: Settings, environment: dict[str, object]
) -> None:
    one, other = await house.user(1000), await house.user(1000)
    broken = await house.create(one, prompt=f"[fail:EMPTY_RESULT] {SECRET}")
    await failed(house, settings, broken)
    mine, theirs = await house.create(one), await house.create(other)
    async with house.database.session() as session:
        await session.execute(
            text("UPDATE video_jobs SET created_at = now() - interval '2 h' WHERE id = :id"), {"id": mine}
        )

    def listed(*options: str) -> list[str]:
        return ids(lookreel("jobs", "list", *options, **environment))

    assert listed() == [theirs, broken, mine]
    assert listed("--limit", "1") == [theirs]
    assert listed("--status", "pending", "--email", str(one.email)) == [mine]
    assert listed("--code", "EMPTY_RESULT", "--user-id", str(one.user_id)) == [broken]
    assert (listed("--older", "1h"), listed("--newer", "1h")) == ([mine], [theirs, broken])
    assert listed("--model", "no such model") == []
    unreadable = lookreel("jobs", "list", "--model", "\udcff", **environment)
    said = (2, "What stands on the command line is no text in UTF-8.\n")
    assert (unreadable.returncode, unreadable.stderr) == said
    shown = lookreel("jobs", "show", broken, **environment)
    assert "error_code               EMPTY_RESULT\n" in shown.stdout
    assert " ERROR   " in shown.stdout
    assert SECRET not in shown.stdout


async def test_jobs_are_cancelled_with_their_tokens_back_each_by_itself(
    house: House, environment: dict[str, object]
) -> None:
    caller = await house.user(150)
    first, second = await house.create(caller), await house.create(caller)
    before = await house.traces(caller)

    meant = lookreel("jobs", "cancel", "--user-id", str(caller.user_id), "--dry-run", **environment)
    assert (ids(meant), await house.traces(caller)) == ([second, first], before)

    none = lookreel("jobs", "cancel", first, MISSING, **environment)
    assert (none.returncode, none.stderr) == (1, f"There are no such video jobs: {MISSING}. Nothing was done.\n")
    assert await house.traces(caller) == before

    one = lookreel("jobs", "cancel", first, **environment)
    assert (one.returncode, one.stdout) == (0, f"{first} CANCELLED\n")
    rest = lookreel("jobs", "cancel", "--newer", "1d", "--email", str(caller.email), **environment)
    assert (ids(rest), await house.tokens(caller)) == ([second], 150)
    assert await acts(house) == [("OPERATOR", None, "CANCEL_VIDEO_JOB", job_id) for job_id in (first, second)]


async def test_a_job_that_has_ended_is_refused_and_the_others_go_on(
    house: House, settings: Settings, environment: dict[str, object]
) -> None:
    caller = await house.user(1000)
    ended = await house.create(caller, prompt="[fail:EMPTY_RESULT]")
    await failed(house, settings, ended)
    open_ = await house.create(caller)

    done = lookreel("jobs", "cancel", ended, open_, **environment)

    assert (done.returncode, done.stdout) == (1, f"{open_} CANCELLED\n")
    assert done.stderr.splitlines()[-1] == "2 jobs, 1 refused"
    assert (await house.job(ended)).status == "FAILED"


async def test_failed_jobs_are_made_anew_once_for_their_owners(
    house: House, settings: Settings, environment: dict[str, object]
) -> None:
    caller, poor = await house.user(100), await house.user(50)
    job_id = await house.create(caller, prompt="[fail:EMPTY_RESULT]")
    unpaid = await house.create(poor, prompt="[fail:EMPTY_RESULT]")
    await failed(house, settings, job_id)
    await failed(house, settings, unpaid)

    done = lookreel("jobs", "retry", "--code", "EMPTY_RESULT", **environment)
    again = lookreel("jobs", "retry", job_id, **environment)

    (line,) = done.stdout.splitlines()
    anew = line.removeprefix(f"{job_id} is made anew as ")
    assert (done.returncode, again.stdout) == (1, done.stdout)
    assert done.stderr.startswith(f"{unpaid} ")
    assert ((await house.job(anew)).user_id, await house.tokens(caller), await house.count()) == (caller.user_id, 0, 3)
    assert await acts(house) == [("OPERATOR", None, "RETRY_VIDEO_JOB", job_id)]
    going_on = lookreel("jobs", "retry", anew, **environment)
    assert (going_on.returncode, going_on.stdout) == (1, "")
    assert "Failed and cancelled jobs are created anew; this one is PENDING" in going_on.stderr
    # An admin's retry, over GraphQL, is the same one: the owner does not pay twice.
    retry = f'{{ adminRetryVideoJobs(input: {{ filter: {{ ids: ["{job_id}"] }} }}) {{ matched errors {{ code }} }} }}'
    said = await house.graphql(await house.user(role=Role.ADMIN), f"mutation {retry}")
    assert said["data"]["adminRetryVideoJobs"] == {"matched": 0, "errors": []}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("cancel",), "Say which jobs"),
        (("retry", "--dry-run"), "Say which jobs"),
        (("show", "no-id"), "Video job not found"),
        (("cancel", MISSING, "no-id"), f"There are no such video jobs: {MISSING}, no-id. Nothing was done.\n"),
        (("retry", MISSING, "--code", "FAULT"), f"There are no such video jobs: {MISSING}. Nothing was done.\n"),
        (("list", "--older", "soon"), "'soon' is not a duration"),
        (("list", "--older", "0s"), "0s is out of range"),
        (("list", "--email", "nobody"), "'nobody' is not an e-mail address"),
        (("cancel", "--email", "nobody@example.com"), "There is no account of nobody@example.com."),
    ],
)
async def test_what_cannot_be_meant_is_a_sentence(
    house: House, environment: dict[str, object], arguments: tuple[str, ...], sentence: str
) -> None:
    job_id = await house.create(await house.user())

    done = lookreel("jobs", *arguments, **environment)

    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert done.stderr.startswith(sentence)
    assert (await house.job(job_id)).status == "PENDING"


async def test_the_queue_is_shown_with_what_holds_it_up(house: House, environment: dict[str, object]) -> None:
    await house.create(await house.user())
    async with house.database.transaction() as transaction:
        await pauses.begin(transaction, PauseScope.ALL, "Moving")
        await submission_pace.set_trouble(transaction, "veo", "no such key")
    async with house.database.session() as session:
        await session.execute(text("UPDATE video_jobs SET created_at = now() - interval '100 s'"))

    waiting, *rest = lookreel("queue", **environment).stdout.splitlines()

    assert waiting.startswith("waiting   1, the oldest for 10")
    assert rest == [
        "taken     0",
        "workers   0 alive",
        "jobs      1 PENDING, 0 RUNNING",
        "refused   by veo: no such key",
        "paused    ALL: Moving",
    ]


async def test_a_grant_for_a_reference_happens_once(house: House, environment: dict[str, object]) -> None:
    caller, other = await house.user(), await house.user()
    paid = ("grant", "--tokens", "500", "--reason", "Invoice 7", "--reference", f"pay-{caller.user_id}")

    done = [lookreel(*paid, "--email", str(caller.email), **environment) for _ in range(2)]
    reused = lookreel(*paid, "--email", str(other.email), **environment)
    blank = lookreel("grant", "--tokens", "5", "--email", str(other.email), "--reason", "x" * 501, **environment)

    assert [(each.returncode, each.stdout) for each in done] == [(0, "600\n")] * 2
    granted = (LedgerEntry.kind == LedgerEntryKind.GRANT, LedgerEntry.amount == 500)
    assert await house.count(*granted, LedgerEntry.description == "Invoice 7", table=LedgerEntry) == 1
    on_record = (AuditEntry.action == AuditAction.GRANT_TOKENS, AuditEntry.reason == "Invoice 7")
    assert await house.count(*on_record, AuditEntry.user_id == caller.user_id, table=AuditEntry) == 1
    assert (reused.returncode, blank.returncode, await house.tokens(other)) == (1, 1, 100)
    assert len(reused.stderr.splitlines()) == len(blank.stderr.splitlines()) == 1
