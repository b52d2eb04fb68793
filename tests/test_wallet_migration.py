"""Rows of the previous revision are carried over: nothing is lost, and the ledger says of them what is known."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from db import migrations
from tests.inspected import InspectedDatabase

BEFORE, AFTER = "0005", "0006_wallet"
OLD_ROWS = """
INSERT INTO users (id, email, tokens, created_at) VALUES
  ('{spender}', 'a@b.example', 100, '2026-01-01Z'), ('{newcomer}', NULL, 100, '2026-02-01Z');
INSERT INTO video_jobs (id, user_id, prompt, model, resolution, aspect_ratio, duration_seconds, generate_audio,
  mock_mode, status, status_message, tokens_consumed) VALUES
  ('{job}', '{spender}', repeat('x', 300), 'm', '720p', '16:9', 8, false, true, 'PENDING', '', 50);
INSERT INTO token_ledger (id, user_id, kind, amount, balance_after, video_job_id, created_at) VALUES
  (gen_random_uuid(), '{spender}', 'WELCOME', 100, 100, NULL, '2026-01-01Z'),
  (gen_random_uuid(), '{spender}', 'GRANT', 50, 150, NULL, '2026-01-02Z'),
  (gen_random_uuid(), '{spender}', 'CHARGE', -50, 100, '{job}', '2026-01-03Z'),
  (gen_random_uuid(), '{spender}', 'CHARGE', -50, 50, '{gone}', '2026-01-04Z'),
  (gen_random_uuid(), '{spender}', 'REFUND', 50, 100, '{gone}', '2026-01-05Z'),
  (gen_random_uuid(), '{newcomer}', 'WELCOME', 100, 100, NULL, '2026-02-01Z');
INSERT INTO idempotency_keys (user_id, key, request_digest, video_job_id) VALUES ('{spender}', 'k', 'd', '{job}');
"""
ENTRIES = """SELECT kind, amount, balance_after, actor, actor_id, operation, description, uncharged, reference
  FROM token_ledger WHERE user_id = $1 ORDER BY created_at"""
ACCOUNT = """SELECT tokens, tier, spent, lifetime_spent, period_start = created_at AS begins_with_it,
  period_end - period_start = interval '30 days' AS lasts_30_days FROM users WHERE id = $1"""


@pytest.fixture
async def old(database: InspectedDatabase) -> AsyncIterator[InspectedDatabase]:
    """A database of its own, as the previous release has left it."""
    async with database.beside(BEFORE) as own:
        yield own


async def test_the_ledger_and_the_accounts_are_carried_over(old: InspectedDatabase) -> None:
    ids = {name: uuid4() for name in ("spender", "newcomer", "job", "gone")}
    async with old.raw_connection() as connection:
        await connection.execute(OLD_ROWS.format(**ids))
        await migrations.upgrade(old.server.url, AFTER)

        entries = [tuple(row) for row in await connection.fetch(ENTRIES, ids["spender"])]
        accounts = [dict(row) for name in ("spender", "newcomer") for row in await connection.fetch(ACCOUNT, ids[name])]
        (key,) = await connection.fetch("SELECT key, video_job_id, ledger_entry_id FROM idempotency_keys")
        await connection.execute("DELETE FROM video_jobs")
        keys_left = await connection.fetchval("SELECT count(*) FROM idempotency_keys")

    spender, video = ids["spender"], "video_generation"
    shown = "Video generation: " + "x" * 100
    assert entries == [
        ("WELCOME", 100, 100, "SYSTEM", None, None, None, 0, None),
        ("GRANT", 50, 150, "SYSTEM", None, None, None, 0, None),
        ("CHARGE", -50, 100, "USER", spender, video, shown, 0, None),
        ("CHARGE", -50, 50, "USER", spender, video, None, 0, None),
        ("REFUND", 50, 100, "SYSTEM", None, None, None, 0, None),
    ]
    common: dict[str, Any] = {"tokens": 100, "tier": "free", "begins_with_it": True, "lasts_30_days": True}
    assert accounts == [common | {"spent": 50, "lifetime_spent": 50}, common | {"spent": 0, "lifetime_spent": 0}]
    assert dict(key) == {"key": "k", "video_job_id": ids["job"], "ledger_entry_id": None}
    assert keys_left == 1
