"""What the database itself refuses, whatever a process does: the last line of defence."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.house import House

FOREIGN_KEYS_WITHOUT_INDEX = """
SELECT constraints.conrelid::regclass || '.' || attributes.attname
FROM pg_constraint constraints
JOIN pg_attribute attributes ON attributes.attrelid = constraints.conrelid AND attributes.attnum = constraints.conkey[1]
WHERE constraints.contype = 'f'
  AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = constraints.conrelid AND i.indkey[0] = constraints.conkey[1]
                  AND i.indpred IS NULL)
"""


async def refused_by(house: House, statement: str, **values: Any) -> str:
    """Run a statement that must fail; return the name of the constraint that refused it."""
    with pytest.raises(IntegrityError) as refusal:
        async with house.database.session() as session:
            await session.execute(text(statement), values)
    return str(refusal.value.orig)


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ("status = 'DONE'", "ck_video_jobs_status"),
        ("progress_percentage = 101", "ck_video_jobs_progress_percentage"),
        ("progress_percentage = -1", "ck_video_jobs_progress_percentage"),
        ("tokens_consumed = -1", "ck_video_jobs_tokens_consumed"),
        ("submission = 'MAYBE'", "ck_video_jobs_submission"),
        ("content_credentials = 'FORGED'", "ck_video_jobs_content_credentials"),
        ("submission = 'SENT'", "ck_video_jobs_named_exactly_when_sent"),
        ("operation_name = 'x'", "ck_video_jobs_named_exactly_when_sent"),
        ("cloudinary_url = 'https://x'", "ck_video_jobs_url_exactly_when_succeeded"),
        ("status = 'SUCCEEDED', completed_at = now()", "ck_video_jobs_url_exactly_when_succeeded"),
        ("error_message = 'x'", "ck_video_jobs_error_exactly_when_failed"),
        ("status = 'FAILED', completed_at = now()", "ck_video_jobs_error_exactly_when_failed"),
        ("completed_at = now()", "ck_video_jobs_completed_exactly_when_terminal"),
        ("status = 'CANCELLED'", "ck_video_jobs_completed_exactly_when_terminal"),
    ],
)
async def test_a_job_cannot_contradict_itself(house: House, changes: str, constraint: str) -> None:
    job_id = await house.create(await house.user())

    refusal = await refused_by(house, f"UPDATE video_jobs SET {changes} WHERE id = :id", id=job_id)  # noqa: S608 - ours

    assert constraint in refusal


async def test_a_balance_never_goes_below_zero(house: House) -> None:
    caller = await house.user(tokens=20)

    refusal = await refused_by(house, "UPDATE users SET tokens = tokens - 50 WHERE id = :id", id=caller.user_id)

    assert "ck_users_tokens_never_negative" in refusal


@pytest.mark.parametrize(("kind", "amount"), [("CHARGE", -50), ("REFUND", 50)])
async def test_a_job_is_charged_and_refunded_once(house: House, kind: str, amount: int) -> None:
    caller = await house.user()
    job_id = await house.create(caller)
    entry = (
        "INSERT INTO token_ledger (id, user_id, kind, amount, balance_after, video_job_id, actor)"
        " VALUES (gen_random_uuid(), :user_id, :kind, :amount, 100, :job_id, 'SYSTEM')"
    )
    values = {"user_id": caller.user_id, "kind": kind, "amount": amount, "job_id": job_id}
    if kind == "REFUND":
        async with house.database.session() as session:
            await session.execute(text(entry), values)

    assert "uq_token_ledger_once_per_job" in await refused_by(house, entry, **values)


@pytest.mark.parametrize(
    ("kind", "amount", "constraint"),
    [
        ("CHARGE", 50, "ck_token_ledger_sign_of_amount"),
        ("REFUND", -50, "ck_token_ledger_sign_of_amount"),
        ("GRANT", -50, "ck_token_ledger_sign_of_amount"),
        ("GRANT", 0, "ck_token_ledger_sign_of_amount"),
        ("WELCOME", 0, "ck_token_ledger_sign_of_amount"),
        ("ADJUSTMENT", 0, "ck_token_ledger_sign_of_amount"),
        ("GRANT", 101, "ck_token_ledger_balance_never_negative"),
        ("GIFT", 50, "ck_token_ledger_kind"),
        ("WELCOME", 100, "uq_token_ledger_one_welcome"),
    ],
)
async def test_a_ledger_entry_makes_sense(house: House, kind: str, amount: int, constraint: str) -> None:
    caller = await house.user()

    refusal = await refused_by(
        house,
        "INSERT INTO token_ledger (id, user_id, kind, amount, balance_after, actor)"
        " VALUES (gen_random_uuid(), :user_id, :kind, :amount, 100, 'SYSTEM')",
        user_id=caller.user_id,
        kind=kind,
        amount=amount,
    )

    assert constraint in refusal


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ("'CHARGE', -5, 5, 100, 'USER', NULL", "ck_token_ledger_uncharged_exactly_where_nothing_was_paid"),
        ("'CHARGE', 0, -5, 100, 'USER', NULL", "ck_token_ledger_uncharged_exactly_where_nothing_was_paid"),
        ("'RESET', 0, 5, 100, 'USER', NULL", "ck_token_ledger_uncharged_exactly_where_nothing_was_paid"),
        ("'RESET', -5, 0, -1, 'USER', NULL", "ck_token_ledger_balance_never_negative"),
        ("'RESET', 0, 0, 100, 'NOBODY', NULL", "ck_token_ledger_actor"),
        ("'GRANT', 5, 0, 105, 'ADMIN', 'payment 1'", "uq_token_ledger_once_per_reference"),
    ],
)
async def test_an_entry_agrees_with_itself_and_with_others(house: House, columns: str, constraint: str) -> None:
    caller = await house.user()
    entry = (
        "INSERT INTO token_ledger (id, user_id, kind, amount, uncharged, balance_after, actor, reference)"
        " VALUES (gen_random_uuid(), :user_id, %s)"
    )
    async with house.database.session() as session:
        first = text(entry % "'GRANT', 5, 0, 105, 'ADMIN', 'payment 1'")
        await session.execute(first, {"user_id": caller.user_id})

    assert constraint in await refused_by(house, entry % columns, user_id=caller.user_id)


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ("spent = -1", "ck_users_spent_never_negative"),
        ("lifetime_spent = -1", "ck_users_spent_never_negative"),
        ("period_end = period_start", "ck_users_period_begins_before_it_ends"),
    ],
)
async def test_an_account_makes_sense(house: House, changes: str, constraint: str) -> None:
    caller = await house.user()

    refusal = await refused_by(house, f"UPDATE users SET {changes} WHERE id = :id", id=caller.user_id)  # noqa: S608 - ours

    assert constraint in refusal


async def test_a_key_stands_for_one_thing(house: House) -> None:
    caller = await house.user()

    refusal = await refused_by(
        house,
        "INSERT INTO idempotency_keys (user_id, key, request_digest) VALUES (:id, 'k', 'd')",
        id=caller.user_id,
    )

    assert "ck_idempotency_keys_stands_for_one" in refusal


async def test_a_look_has_one_default_video_at_most(house: House) -> None:
    caller = await house.user(tokens=1000)
    look = await house.look(caller)
    for _ in range(2):
        await house.create(caller, lookId=look.id)

    refusal = await refused_by(house, "UPDATE look_videos SET is_default = true WHERE look_id = :id", id=look.id)

    assert "uq_look_videos_one_default" in refusal


async def test_a_look_is_private_shared_or_public(house: House) -> None:
    look = await house.look(await house.user())

    refusal = await refused_by(house, "UPDATE looks SET visibility = 'secret' WHERE id = :id", id=look.id)

    assert "ck_looks_visibility" in refusal


async def test_a_job_needs_a_user(house: House) -> None:
    await house.create(await house.user())

    assert "fk_video_jobs_user_id_users" in await refused_by(house, "UPDATE video_jobs SET user_id = :id", id=uuid4())


async def test_every_foreign_key_has_an_index(house: House) -> None:
    async with house.database.session() as session:
        assert (await session.scalars(text(FOREIGN_KEYS_WITHOUT_INDEX))).all() == []
