"""History on a database as `prepare` makes it: whoever writes to it, Django or not, cannot rewrite it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from installation import PATIENCE, Installation, new_database, sandbox_process

SETTLED = "settled_at IS NOT NULL"
OPEN = "settled_at IS NULL"
ENTRIES, OPERATIONS = "departments_auditentry", "departments_operation"
LOOSE = {"by_id", "owes_word"}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def lived_in(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """With one department made and renamed, and one write that nobody knows the end of."""
    variables = {}
    if request.param == "postgresql":
        variables["DATABASE_URL"] = new_database(request.getfixturevalue("postgresql_url"))
    folder = tmp_path_factory.mktemp("history") / request.param
    with sandbox_process(departments=4) as company:
        installation = Installation.at(folder, company, **variables)
        installation.prepare()
        one, another = company.department_ids()[:2]
        assert installation.does("write", one, 1) == ["done", "done"]
        installation.does("die_after_the_note", another)
        yield installation


@pytest.fixture
def installation(lived_in: Installation, tmp_path: Path) -> Iterator[Installation]:
    copy = lived_in.copied_to(tmp_path / "copy")
    yield copy
    copy.check_log()


def is_refused(database: Any, sql: str) -> bool:
    """Whether the database refuses a statement for the sake of history. Raises what it refuses otherwise."""
    import psycopg

    try:
        database.execute(sql)
    except (sqlite3.IntegrityError, psycopg.IntegrityError) as refusal:
        if "history is not rewritten" not in str(refusal):
            raise
        return True
    return False


def columns(database: Any, table: str) -> list[str]:
    return [column[0] for column in database.execute(f"SELECT * FROM {table}").description]


def rows(database: Any, table: str, where: str = "1 = 1") -> list[Any]:
    return database.execute(f"SELECT * FROM {table} WHERE {where} ORDER BY 1").fetchall()


def test_what_is_settled_is_neither_changed_nor_deleted(installation) -> None:
    with installation.database() as database:
        before = rows(database, ENTRIES, SETTLED)
        assert len(before) == 2

        for column in columns(database, ENTRIES):
            assert is_refused(
                database, f'UPDATE {ENTRIES} SET "{column}" = "{column}" WHERE {SETTLED}'
            )
        assert is_refused(database, f"UPDATE {ENTRIES} SET outcome = 'refused'")
        assert is_refused(database, f"DELETE FROM {ENTRIES} WHERE {SETTLED}")

        assert rows(database, ENTRIES, SETTLED) == before


def test_what_is_open_may_be_settled_but_not_deleted(installation) -> None:
    with installation.database() as database:
        assert is_refused(database, f"DELETE FROM {ENTRIES} WHERE {OPEN}")
        assert not is_refused(
            database,
            f"UPDATE {ENTRIES} SET outcome = 'not_done', settled_at = noted_at WHERE {OPEN}",
        )

        assert rows(database, ENTRIES, OPEN) == []
        assert is_refused(database, f"UPDATE {ENTRIES} SET settled_at = NULL, outcome = 'unknown'")


def test_of_an_operation_only_two_columns_may_change(installation) -> None:
    with installation.database() as database:
        names = columns(database, OPERATIONS)
        assert set(names) > LOOSE

        changeable = {
            name
            for name in names
            if not is_refused(database, f'UPDATE {OPERATIONS} SET "{name}" = "{name}"')
        }

        assert changeable == LOOSE
        assert is_refused(database, f"UPDATE {OPERATIONS} SET owes_word = owes_word, reason = ''")
        assert is_refused(database, f"DELETE FROM {OPERATIONS}")
        assert len(rows(database, OPERATIONS)) == 3


def test_an_authors_account_may_go_and_the_name_stays(installation) -> None:
    assert installation.does("delete_the_author") == [[None, "admin"]] * 3


def test_the_guards_can_be_lifted_and_are_up_again_afterwards(installation) -> None:
    assert installation.does("fail_to_prune") == [3, 3], "what fails has deleted nothing"
    with installation.database() as database:
        assert is_refused(database, f"DELETE FROM {OPERATIONS}")

    assert installation.does("prune") == [0, 0]

    with installation.database() as database:
        guards = {
            "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
            "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
        }
        asked = guards["sqlite" if isinstance(database, sqlite3.Connection) else "postgresql"]
        assert sorted(name for (name,) in database.execute(asked)) == [
            "departments_entry_kept",
            "departments_entry_settled",
            "departments_operation_fixed",
            "departments_operation_kept",
        ]


def test_two_containers_that_prepare_at_once_both_succeed(install, postgresql_url, company) -> None:
    installation = install(DATABASE_URL=new_database(postgresql_url))

    with (
        installation.starting("manage.py", "prepare") as one,
        installation.starting("manage.py", "prepare") as other,
    ):
        ends = [one.wait(PATIENCE), other.wait(PATIENCE)]

    assert ends == [0, 0], installation.log.read_text()
    assert installation.does("write", company.department_ids()[0], 1) == ["done", "done"]
    with installation.database() as database:
        assert database.execute("SELECT COUNT(*) FROM auth_user").fetchone() == (1,)
        assert is_refused(database, f"DELETE FROM {ENTRIES}")
