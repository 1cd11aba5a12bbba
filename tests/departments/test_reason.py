"""Why somebody did it: optional, kept in the history, and no change by itself."""

from looking import sent, writes

from departments.models import Operation


def test_the_reason_of_an_edit_is_kept_and_not_sent(org, sandbox, editor):
    editor.save(org["Legal"].dept_id, name="Law", reason="Shorter")

    assert Operation.objects.get().reason == "Shorter"
    assert sent(sandbox).keys() == {"dept_id", "name"}


def test_the_reason_of_a_create_is_kept_and_not_sent(org, sandbox, editor):
    editor.create(1, name="Design", reason="New field")

    assert Operation.objects.get().reason == "New field"
    assert sent(sandbox).keys() == {"parent_id", "name"}


def test_a_reason_alone_changes_nothing(org, sandbox, editor):
    page = editor.save(org["Legal"].dept_id, reason="Just so")

    assert "Nothing has changed, so nothing was sent to DingTalk." in page.text
    assert writes(sandbox) == []


def test_a_double_click_with_another_reason_is_still_one_write(org, sandbox, editor):
    legal = org["Legal"].dept_id
    form = editor.open_edit(legal) | {"name": "Law"}

    editor.post(f"/departments/{legal}/edit/", form | {"reason": "One"})
    editor.post(f"/departments/{legal}/edit/", form | {"reason": "Two"})

    assert len(writes(sandbox)) == 1
    assert Operation.objects.get().reason == "One"


def test_a_reason_that_is_too_long_is_told_at_its_field(org, sandbox, editor):
    page = editor.save(org["Legal"].dept_id, name="Law", reason="x" * 201)

    assert page.status == 422
    assert "Reason: This has 201 characters. The limit is 200." in page.text
    assert writes(sandbox) == []


def test_the_reason_of_a_delete_is_kept(org, deleter):
    page = deleter.check(org["Legal"].dept_id)

    deleter.post(page.url, {"reason": " Merged into Finance "})

    assert Operation.objects.get().reason == "Merged into Finance"


def test_a_reason_that_is_too_long_deletes_nothing_and_is_kept(org, sandbox, deleter):
    plan = deleter.check(org["Legal"].dept_id)

    page = deleter.post(plan.url, {"reason": "x" * 201})

    assert page.status == 422
    assert "This has 201 characters. The limit is 200." in page.text
    assert page.field("reason") == "x" * 201
    assert writes(sandbox) == []


def test_the_reason_is_not_lost_when_the_confirmation_is_missing(org, sandbox, deleter):
    plan = deleter.check(org["Empty"].dept_id)

    page = deleter.post(plan.url, {"reason": "Moved out"})

    assert page.status == 422
    assert page.field("reason") == "Moved out"
    assert writes(sandbox) == []
