"""History is never changed, and deleted in one way only: when the time for which it is kept is over."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from looking import left_open

from departments import guards
from departments.models import AuditEntry, Operation, Outcome
from departments.services import audit, retention


def run(*arguments):
    out = StringIO()
    call_command("forget_history", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def settled(editor):
    entry = left_open(editor, 7, about=7)
    audit.settle(entry, Outcome.NOT_DONE)
    return entry


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE departments_auditentry SET outcome = 'done'",
        "UPDATE departments_auditentry SET after = '{}'",
        "DELETE FROM departments_auditentry",
        "UPDATE departments_operation SET by_name = 'somebody else'",
        "UPDATE departments_operation SET content = '{}'",
        "DELETE FROM departments_operation",
    ],
)
def test_the_database_refuses_to_rewrite_history(settled, sql):
    with (
        pytest.raises(DatabaseError, match="history is not rewritten"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)


def test_a_queryset_is_refused_too(settled):
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEntry.objects.update(outcome=Outcome.DONE)
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEntry.objects.filter(pk=settled.pk).delete()


def test_an_open_entry_may_be_decided_and_not_deleted(editor):
    left_open(editor, 7, about=7)

    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEntry.objects.all().delete()
    AuditEntry.objects.update(outcome=Outcome.UNKNOWN)


def test_whoever_leaves_the_company_stays_in_history_by_name(settled, editor):
    editor.user.delete()

    operation = Operation.objects.get()
    assert (operation.by, operation.by_name) == (None, "editor")


def test_what_has_outlived_its_time_is_deleted_when_asked(editor, settled, settings, time_machine):
    audit.correct(settled, Outcome.DONE, after={})
    time_machine.move_to(timezone.now() + timedelta(days=200))
    left_open(editor, 8, about=8)
    settings.HISTORY_MONTHS = 6

    assert "Operations older than 6 months: 1." in run()
    assert Operation.objects.count() == 2
    assert "Deleted, with their entries: 1." in run("--yes")

    assert [entry.dept_id for entry in AuditEntry.objects.all()] == [8]


def test_what_is_still_open_is_kept_however_old(editor, settings, time_machine):
    left_open(editor, 8, about=8)
    time_machine.move_to(timezone.now() + timedelta(days=4000))

    run("--yes")

    assert Operation.objects.count() == 1


def test_afterwards_the_guards_stand_again(settled):
    run("--yes")

    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEntry.objects.update(outcome=Outcome.DONE)


def test_without_the_command_even_retention_is_refused(settled, time_machine):
    time_machine.move_to(timezone.now() + timedelta(days=4000))

    with pytest.raises(DatabaseError), transaction.atomic():
        retention.forget()


def test_guards_are_put_up_only_where_there_is_something_to_guard(settled, monkeypatch):
    monkeypatch.setattr(connection.introspection, "table_names", list)

    guards.put_up()

    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEntry.objects.update(outcome=Outcome.DONE)
