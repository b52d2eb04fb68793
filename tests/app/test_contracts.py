"""The committed API descriptions match the code, and a difference is seen."""

from pathlib import Path

import pytest

from tests import contracts


def test_the_committed_descriptions_match_the_code() -> None:
    assert list(contracts.differences()) == []


def test_a_difference_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    committed = tmp_path / "schema.graphql"
    committed.write_text("type Query { old: Int }\n")
    monkeypatch.setattr(contracts, "descriptions", lambda: {committed: "type Query { new: Int }\n"})

    assert "+type Query { new: Int }" in list(contracts.differences())


def test_a_missing_migration_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(_url: object) -> None:
        return

    monkeypatch.setattr("db.migrations.upgrade", nothing)

    assert contracts.missing_migration() is not None
