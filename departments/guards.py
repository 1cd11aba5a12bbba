"""History is not rewritten: the database itself refuses to change or delete it.

The guards are triggers, put up after every migration and not by one: SQLite's way of altering a table (a new
table, copied and renamed) drops a table's triggers without a word
(https://www.sqlite.org/lang_altertable.html#otheralter).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import connections, transaction

from .models import AuditEntry, Operation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

#: An operation's only columns that may change: its author's account may be deleted, and is told how it ended.
_LOOSE = {"by_id", "owes_word"}

_TEXT = "history is not rewritten"
_FUNCTION = f"""
    CREATE OR REPLACE FUNCTION departments_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{_TEXT}' USING ERRCODE = 'integrity_constraint_violation'; END $$
"""


def put_up(*, using: str = "default", **_signal: Any) -> None:
    """Make the guards as this version has them. Does nothing where the tables do not exist."""
    connection = connections[using]
    tables = set(connection.introspection.table_names())
    if not {AuditEntry._meta.db_table, Operation._meta.db_table} <= tables:
        return
    with transaction.atomic(using=using):
        take_down(connection)
        _make(connection)


@contextmanager
def lifted(*, using: str = "default") -> Iterator[None]:
    """For the end of the time for which history is kept, and for nothing else.

    One transaction: nobody else ever finds the guards missing.
    """
    connection = connections[using]
    with transaction.atomic(using=using):
        take_down(connection)
        yield
        _make(connection)


def _guards() -> dict[str, tuple[str, str, str]]:
    """For each guard: the table, what it watches, and for which rows."""
    entries, operations = AuditEntry._meta.db_table, Operation._meta.db_table
    fixed = {str(field.column) for field in Operation._meta.local_fields} - _LOOSE
    return {
        "departments_entry_settled": (entries, "UPDATE", "OLD.settled_at IS NOT NULL"),
        "departments_entry_kept": (entries, "DELETE", ""),
        "departments_operation_fixed": (operations, f"UPDATE OF {', '.join(sorted(fixed))}", ""),
        "departments_operation_kept": (operations, "DELETE", ""),
    }


def _make(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_FUNCTION)
        for name, (table, event, rows) in _guards().items():
            when = f"WHEN ({rows})" if rows else ""
            act = (
                "EXECUTE FUNCTION departments_refuse()"
                if connection.vendor == "postgresql"
                else f"BEGIN SELECT RAISE(ABORT, '{_TEXT}'); END"
            )
            cursor.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW {when} {act}"
            )


def take_down(connection: BaseDatabaseWrapper) -> None:
    """Until the next migration puts them up again."""
    with connection.cursor() as cursor:
        for name, (table, _event, _rows) in _guards().items():
            on = f" ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on}")
