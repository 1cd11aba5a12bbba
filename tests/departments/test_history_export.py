"""History as a file for a spreadsheet: exactly what was filtered, and nothing that a spreadsheet would run."""

import csv
import io
import logging
from datetime import datetime

import pytest
import reading
import time_machine
from looking import ask, left_open

from departments.models import AuditEntry, Kind, Outcome
from departments.services import audit, history


def download(person, query=""):
    response = person.client.get(f"/history/export/{query}")
    assert response.status_code == 200, response.content
    return response


def text_of(response):
    return b"".join(response.streaming_content).decode()


def rows_of(response):
    """The file as a spreadsheet reads it, without its BOM."""
    text = text_of(response)
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline=""), strict=True))


def noted(person, *, name="Sales", path="", about=7, **wanted):
    planned = audit.Planned(
        dept_id=about,
        name=name,
        path=path or f"Acme › {name}",
        before={"name": name},
        wanted=wanted,
    )
    with audit.writing(
        ask(person.user), kind=Kind.EDIT, dept_id=about, content={}, entries=[planned]
    ) as (row,):
        audit.done(row, None, after={"name": name, **wanted})
    return row


def test_a_change_is_one_line_with_everything(org, editor):
    reading.read(below=1)
    editor.save(
        org["Legal"].dept_id, name="Law", hide_dept="on", dept_permits=str(org["Sales"].dept_id)
    )
    entry = AuditEntry.objects.get()

    response = download(editor)
    (row,) = rows_of(response)

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert row["Entry"] == str(entry.pk)
    assert row["Who"] == "editor"
    assert row["From address"] == "127.0.0.1"
    assert row["What"] == "Changed"
    assert row["Department ID"] == str(org["Law"].dept_id)
    assert row["Path then"] == "Acme › Legal"
    assert row["Outcome"] == "done"
    assert row["Confirmed"] == "Yes"
    assert "Name: Legal → Law" in row["Change asked for: before → wanted"]
    assert "may still see it: not set → Sales" in row["Change asked for: before → wanted"]
    assert row["Request ID"] == entry.request_id
    assert row["Operation ID"] == str(entry.operation_id)
    assert row["A later look at entry"] == ""


def test_times_have_their_offset_and_the_file_the_day(editor):
    with time_machine.travel(datetime.fromisoformat("2026-03-01T23:30:00+00:00")):
        noted(editor)
        response = download(editor)

    (row,) = rows_of(response)
    assert row["Noted"] == row["Settled"] == "2026-03-02T07:30:00+08:00"
    assert response["Content-Disposition"] == 'attachment; filename="history-2026-03-02.csv"'


def test_a_refusal_keeps_dingtalks_words(org, editor):
    editor.save(org["Legal"].dept_id, name="Sales")

    (row,) = rows_of(download(editor))

    assert row["Outcome"] == "refused by DingTalk"
    assert row["DingTalk’s code"] == "60021"
    assert row["What DingTalk said"] == AuditEntry.objects.get().message


def test_what_is_open_has_no_end(editor):
    left_open(editor, 7, about=None)

    (row,) = rows_of(download(editor))

    assert (row["Settled"], row["Department ID"], row["Confirmed"]) == ("", "", "No")


def test_a_later_look_names_the_entry_it_is_about(editor):
    row = noted(editor)
    audit.correct(row, Outcome.NOT_DONE, after=None, not_taken=["code"])

    look, first = rows_of(download(editor))

    assert look["A later look at entry"] == first["Entry"] == str(row.pk)
    assert look["Not taken"] == "Department code"


def test_a_delete_is_its_action(org, deleter):
    page = deleter.check(org["Legal"].dept_id)
    deleter.post(page.url, {})

    (row,) = rows_of(download(deleter))

    assert row["What"] == "Deleted"
    assert row["Change asked for: before → wanted"] == ""


def test_exactly_what_is_filtered_is_in_it(editor, deleter):
    noted(editor, name="Legal", about=8)
    noted(editor)
    noted(deleter, name="Legal", about=9)

    assert len(rows_of(download(editor))) == 3
    assert len(rows_of(download(editor, "?person=editor"))) == 2
    (row,) = rows_of(download(editor, "?person=editor&department=8&outcome=done"))
    assert row["Department ID"] == "8"


def test_wrong_filters_make_no_file(editor):
    page = editor.get("/history/export/?since=soon")

    assert page.status == 422
    assert "Enter a day like this" in page.text


def test_without_a_role_there_is_no_file(people, django_user_model, client):
    client.force_login(django_user_model.objects.create_user("nobody"))

    assert client.get("/history/export/").status_code == 403


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "＝1",
        "＋1",
        "－1",
        "＠x",
        "  =1",
        "\u3000=1",
        "\u200b=1",
        "\t1",
        "\r1",
    ],
)
def test_nothing_is_a_formula(editor, text):
    noted(editor, path=text)

    (row,) = rows_of(download(editor))

    assert row["Path then"] == f"'{text}"


@pytest.mark.parametrize("text", ["Acme › =1", "A-B", "1", "'=1", "R&D", "研发"])
def test_what_is_no_formula_stays_as_it_is(editor, text):
    noted(editor, path=text)

    (row,) = rows_of(download(editor))

    assert row["Path then"] == text


def test_quotes_commas_and_lines_stay_inside_their_cell(editor):
    noted(editor, name='A "B", C\nD', about=8, brief="one\ntwo")

    text = text_of(download(editor))
    (row,) = rows_of(download(editor))

    assert row["Path then"] == 'Acme › A "B", C\nD'
    assert '"Acme › A ""B"", C\nD"' in text
    assert text.endswith("\r\n")
    assert "Introduction: not set → one two" in row["Change asked for: before → wanted"]


def test_the_headings_speak_the_persons_language(editor):
    noted(editor)

    response = editor.client.get("/history/export/", headers={"Accept-Language": "zh-hans"})

    assert "完成" in text_of(response)


def test_a_long_history_is_read_in_pieces(editor, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(history, "_BATCH", 4)
    for number in range(10):
        noted(editor, about=number + 100)

    with django_assert_max_num_queries(12):
        rows = rows_of(download(editor))

    assert [row["Department ID"] for row in rows] == [str(n) for n in range(109, 99, -1)]


def test_who_took_it_along_is_logged_without_what(editor, caplog):
    caplog.set_level(logging.INFO, "departments.services.history")
    noted(editor, name="Secret Project")
    response = download(editor, "?person=editor&outcome=done")
    text_of(response)

    (line,) = [r.msg for r in caplog.records if r.name == "departments.services.history"]

    assert line["event"] == "history exported"
    assert (line["by"], line["filters"]) == ("editor", 2)
    assert "Secret" not in str(line)
