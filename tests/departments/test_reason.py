"""Why somebody did it: optional, kept in the history, and no change by itself."""

from looking import writes

from departments.models import Operation


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
