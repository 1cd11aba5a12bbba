"""Sixteen processes write at once, on the database of the small installation: SQLite."""

from __future__ import annotations

from collections import Counter

WRITERS, TIMES = 16, 5
EACH = WRITERS * TIMES


def test_16_writers_on_sqlite_lose_nothing_and_double_nothing(install, company) -> None:
    installation = install()
    installation.prepare()
    parents = company.department_ids()[:WRITERS]

    outcomes = installation.do_at_once(*[("write", parent_id, TIMES) for parent_id in parents])

    assert outcomes == [["done"] * 2 * TIMES] * WRITERS
    assert "database is locked" not in installation.log.read_text()

    created = company.changes("department.create")
    renamed = company.changes("department.update")
    expected = {f"Writer {parent_id} {n}" for parent_id in parents for n in range(TIMES)}
    assert Counter(change["after"][0]["name"] for change in created) == Counter(expected)
    assert Counter(change["before"][0]["name"] for change in renamed) == Counter(expected)
    assert {change["after"][0]["name"] for change in renamed} == {
        f"{name} again" for name in expected
    }

    with installation.database() as database:
        entries = database.execute(
            "SELECT o.kind, e.outcome, e.confirmed, e.settled_at IS NULL, COUNT(*), COUNT(DISTINCT e.dept_id)"
            " FROM departments_operation o JOIN departments_auditentry e ON e.operation_id = o.op_id"
            " GROUP BY 1, 2, 3, 4 ORDER BY 1"
        ).fetchall()
    assert entries == [("create", "done", 1, 0, EACH, EACH), ("edit", "done", 1, 0, EACH, EACH)]
