"""Beats two and four: no note, no call; and an outcome that never claims what is not known."""

from uuid import uuid5

import pytest
from django.db import DatabaseError, connection, transaction
from looking import ask, left_open, outcomes, writes

from departments import dingtalk
from departments.errors import AskedBefore, InDoubt, Repeated
from departments.models import AuditEntry, Kind, Operation, Outcome
from departments.services import audit, doubt, edit

LAW = {"name": "Law"}


def noted(person, *, op=None, content=LAW, dept_id=7, kind=Kind.EDIT, names=("Legal",)):
    planned = [
        audit.Planned(dept_id=dept_id + n, name=name, path=name) for n, name in enumerate(names)
    ]
    return audit.writing(
        op or ask(person.user), kind=kind, dept_id=dept_id, content=content, entries=planned
    )


def reach(*dept_ids):
    return doubt.Reach.of(Kind.EDIT, dept_ids, LAW)


def ended(person, failure=None, **about):
    """Note, and let the call end so."""
    op = ask(person.user)
    try:
        with noted(person, op=op, **about) as rows:
            if failure:
                raise failure
            for row in rows:
                audit.settle(row, Outcome.DONE)
    except dingtalk.DingTalkError:
        pass
    return op


REFUSAL = dingtalk.Refused("/x", code=60001, message="不合法", request_id="r1")


# ── The note ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_note_is_there_before_the_call(org, line, editor):
    seen = []
    line.when("department/update", lambda: seen.extend(outcomes()))

    editor.save(org["Legal"].dept_id, name="Law")

    assert seen == [Outcome.PENDING]


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_dingtalk_is_asked(org, line, editor):
    open_ones = []
    for path in ("department/get", "department/update"):
        line.when(path, lambda: open_ones.append(connection.in_atomic_block))

    edit.save(
        dept_id=org["Legal"].dept_id, changes=LAW, seen={"name": "Legal"}, ask=ask(editor.user)
    )

    assert open_ones == [False, False]


def test_what_cannot_be_noted_is_not_sent(org, sandbox, editor, monkeypatch):
    def full(*_args, **_kwargs):
        raise DatabaseError("disk full")

    monkeypatch.setattr(AuditEntry.objects, "create", full)

    with pytest.raises(DatabaseError):
        edit.save(
            dept_id=org["Legal"].dept_id, changes=LAW, seen={"name": "Legal"}, ask=ask(editor.user)
        )

    assert writes(sandbox) == []
    assert Operation.objects.count() == 0


def test_who_and_from_where_is_noted(editor):
    editor.user.first_name, editor.user.last_name = "Wei", "Li"
    op = audit.Ask(
        op_id=ask(editor.user).op_id, by=editor.user, address="10.0.0.1", reason="Because"
    )

    with noted(editor, op=op):
        pass

    operation = Operation.objects.get()
    assert (operation.by_name, operation.address, operation.reason) == (
        "Wei Li",
        "10.0.0.1",
        "Because",
    )


# ── How a call ends ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (REFUSAL, Outcome.REFUSED),
        (dingtalk.NotThere("/x", code=60003), Outcome.REFUSED),
        (dingtalk.RateLimited("/x", code=90018), Outcome.REFUSED),
        (dingtalk.PermissionMissing("/x", code=60011), Outcome.REFUSED),
        (dingtalk.Unreachable("/x"), Outcome.NOT_SENT),
        (dingtalk.TooBusyHere("/x"), Outcome.NOT_SENT),
        (dingtalk.OutcomeUnknown("/x"), Outcome.UNKNOWN),
        (dingtalk.NotUnderstood("/x"), Outcome.UNKNOWN),
    ],
)
def test_the_failure_decides_the_outcome(editor, failure, outcome):
    ended(editor, failure)

    (entry,) = AuditEntry.objects.all()
    assert entry.outcome == outcome
    assert bool(entry.settled_at) == (outcome != Outcome.UNKNOWN)


def test_dingtalks_words_are_kept(editor):
    ended(editor, REFUSAL)

    (entry,) = AuditEntry.objects.all()
    assert (entry.code, entry.message, entry.request_id) == ("60001", "不合法", "r1")


def test_of_very_long_words_the_beginning_is_kept(org, line, editor):
    """PostgreSQL refuses what is longer than its column, and the write would have happened already."""
    long = "r" * 4096
    ended(editor, dingtalk.Refused("/x", code="c" * 4096, message=long, request_id=long))
    line.answer("department/update", errcode=0, request_id=long)
    editor.save(org["Legal"].dept_id, name="Law")

    newest, oldest = AuditEntry.objects.order_by("-pk")
    assert (oldest.code, oldest.message, oldest.request_id) == ("c" * 80, long, "r" * 80)
    assert (newest.accepted, newest.request_id) == (True, "r" * 80)


def test_every_entry_of_a_branch_ends_alike_but_those_already_decided(editor):
    def two_of_three_refused():
        with noted(editor, names=("A", "B", "C")) as rows:
            audit.done(rows[0], None, after={})
            raise REFUSAL

    with pytest.raises(dingtalk.Refused):
        two_of_three_refused()

    assert outcomes() == [Outcome.DONE, Outcome.REFUSED, Outcome.REFUSED]


def test_an_interrupted_process_leaves_it_pending(editor):
    with pytest.raises(KeyboardInterrupt), noted(editor):
        raise KeyboardInterrupt

    assert outcomes() == [Outcome.PENDING]


def test_done_keeps_the_receipt(editor):
    with noted(editor, kind=Kind.CREATE) as (row,):
        row.dept_id = None
        audit.done(row, dingtalk.Receipt("r7", 42), after={"name": "Law"}, not_taken={"b", "a"})

    (entry,) = AuditEntry.objects.all()
    assert (entry.dept_id, entry.request_id) == (42, "r7")
    assert (entry.confirmed, entry.not_taken) == (True, ["a", "b"])


def test_an_entry_keeps_its_own_department_whatever_the_receipt_names(editor):
    with noted(editor, kind=Kind.DELETE, names=("A", "B")) as rows:
        for row in rows:
            audit.done(row, dingtalk.Receipt("r7", 7), after={})

    assert [entry.dept_id for entry in AuditEntry.objects.all()] == [7, 8]


# ── The same form again ──────────────────────────────────────────────────────────────────────────────────


def claim(op, content=LAW, kind=Kind.EDIT):
    return audit.claim(op, kind, 7, content)


def test_a_new_form_acts_under_its_own_id(editor):
    op = ask(editor.user)

    assert claim(op) is op


@pytest.mark.parametrize(
    "failure", [None, REFUSAL, dingtalk.Unreachable("/x"), dingtalk.OutcomeUnknown("/x")]
)
def test_the_same_form_again_is_the_same_operation_however_it_ended(editor, failure):
    op = ended(editor, failure)

    with pytest.raises(Repeated) as again:
        claim(op)

    assert again.value.operation.op_id == op.op_id


@pytest.mark.parametrize("failure", [REFUSAL, dingtalk.Unreachable("/x")])
def test_other_content_after_nothing_happened_is_a_new_operation(editor, failure):
    op = ended(editor, failure)

    again = claim(op, {"name": "Other"})

    digest = audit.digest_of(Kind.EDIT, 7, {"name": "Other"})
    assert again.op_id == uuid5(op.op_id, digest)
    assert again.by == op.by


def test_a_double_click_on_that_is_one_too(editor):
    op = ended(editor, REFUSAL)
    second = claim(op, {"name": "Other"})
    with noted(editor, op=second, content={"name": "Other"}):
        pass

    with pytest.raises(Repeated) as again:
        claim(op, {"name": "Other"})

    assert again.value.operation.op_id == second.op_id


def test_third_content_after_the_second_was_done_is_asked_about(editor):
    """Every operation of a form counts, not only its first."""
    op = ended(editor, REFUSAL)
    with noted(editor, op=claim(op, {"name": "Other"}), content={"name": "Other"}) as (row,):
        audit.done(row, None, after={})

    with pytest.raises(AskedBefore):
        claim(op, {"name": "Yet another"})


@pytest.mark.parametrize("failure", [None, dingtalk.OutcomeUnknown("/x")])
def test_other_content_after_it_may_have_happened_is_asked_about(editor, failure):
    op = ended(editor, failure)

    with pytest.raises(AskedBefore):
        claim(op, {"name": "Other"})


def test_the_same_words_for_another_department_or_deed_are_other_content(editor):
    op = ended(editor)

    with pytest.raises(AskedBefore):
        audit.claim(op, Kind.EDIT, 8, LAW)
    with pytest.raises(AskedBefore):
        claim(op, kind=Kind.CREATE)


def test_somebody_elses_form_is_nobodys_to_repeat(editor, deleter):
    op = ended(editor)
    stolen = audit.Ask(op_id=op.op_id, by=deleter.user)

    with pytest.raises(AskedBefore):
        claim(stolen)


def test_content_is_the_same_in_any_order():
    one = audit.digest_of(Kind.EDIT, 7, {"a": 1, "b": [2, 3]})

    assert one == audit.digest_of(Kind.EDIT, 7, {"b": [2, 3], "a": 1})
    assert one != audit.digest_of(Kind.EDIT, 7, {"b": [3, 2], "a": 1})


# ── Quarantine ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("failure", [dingtalk.OutcomeUnknown("/x"), None])
def test_an_unsettled_entry_keeps_its_department_waiting(editor, failure):
    if failure:
        ended(editor, failure)
    else:
        with noted(editor):
            pass

    with pytest.raises(InDoubt) as waiting:
        doubt.nothing_in_doubt(reach(5, 7))

    assert waiting.value.entry == AuditEntry.objects.get()
    doubt.nothing_in_doubt(reach(8))


@pytest.mark.parametrize(
    "waits",
    [
        doubt.Reach.of(Kind.CREATE, [], {"parent_id": 5}),
        doubt.Reach.of(Kind.MOVE, [9], {"parent_id": 5}),
        doubt.Reach.of(Kind.DELETE, [4, 5], {}),
    ],
    ids=["create below it", "move into it", "delete it"],
)
@pytest.mark.parametrize("kind", [Kind.CREATE, Kind.MOVE])
def test_where_one_may_still_appear_these_wait(editor, kind, waits):
    left_open(editor, 5, kind=kind, about=None, wanted={"name": "East", "parent_id": 5})

    with pytest.raises(InDoubt):
        doubt.nothing_in_doubt(waits)


def test_where_one_may_still_appear_others_go_on(editor):
    left_open(editor, 5, kind=Kind.CREATE, about=None, wanted={"name": "East", "parent_id": 5})

    doubt.nothing_in_doubt(reach(5))
    doubt.nothing_in_doubt(doubt.Reach.of(Kind.CREATE, [], {"parent_id": 6}))
    doubt.nothing_in_doubt(doubt.Reach.of(Kind.DELETE, [6], {}))


def test_below_what_may_be_gone_nothing_is_created_or_moved(editor):
    left_open(editor, 5, kind=Kind.DELETE, about=5)

    for kind in (Kind.CREATE, Kind.MOVE):
        with pytest.raises(InDoubt):
            doubt.nothing_in_doubt(doubt.Reach.of(kind, [9], {"parent_id": 5}))


@pytest.mark.parametrize("act", ["edit", "move", "delete"])
def test_what_a_create_in_doubt_may_have_made_is_left_alone(org, sandbox, line, deleter, act):
    """Found by a machine that moved it away within the window: no look could recognise it then."""
    form = deleter.open_create(1)
    line.lose_reply_to("department/create")
    deleter.post("/departments/1/new/", form | {"name": "Design"})
    line.mend()
    design, sales = org["Design"].dept_id, org["Sales"].dept_id

    if act == "edit":
        page = deleter.save(design, name="Brand")
    elif act == "move":
        form = {"drawn": deleter.get(f"/departments/{design}/move/").field("drawn")}
        page = deleter.post(f"/departments/{design}/move/", form | {"parent_id": str(sales)})
    else:
        page = deleter.post(deleter.check(design).url, {})

    assert page.status == 423
    assert len(writes(sandbox)) == 1


def test_its_elder_siblings_need_not_wait(org, sandbox, line, editor):
    form = editor.open_create(1)
    line.lose_reply_to("department/create")
    editor.post("/departments/1/new/", form | {"name": "Design"})
    line.mend()

    assert "Saved." in editor.save(org["Legal"].dept_id, name="Law").text


def test_a_settled_entry_keeps_nobody_waiting(editor):
    ended(editor)
    ended(editor, REFUSAL, kind=Kind.CREATE)

    doubt.nothing_in_doubt(reach(7))


def test_what_was_noted_since_our_look_is_in_doubt_too(editor):
    """Two people, one department, the same moment: the second note finds the first."""
    with noted(editor), pytest.raises(InDoubt), noted(editor):
        pass

    assert Operation.objects.count() == 1


def test_the_other_half_of_a_double_click_is_no_stranger(editor):
    op = ask(editor.user)

    with noted(editor, op=op), pytest.raises(Repeated), noted(editor, op=op):
        pass


def test_a_form_whose_first_sending_has_ended_meanwhile_is_a_repeat(editor):
    op = ended(editor)

    with pytest.raises(Repeated), noted(editor, op=op):
        pass


def test_what_a_look_has_settled_meanwhile_is_not_opened_again(editor):
    def lost_and_looked_at():
        with noted(editor):
            audit.settle(AuditEntry.objects.get(), Outcome.NOT_DONE)
            raise dingtalk.OutcomeUnknown("/x")

    with pytest.raises(dingtalk.OutcomeUnknown):
        lost_and_looked_at()

    assert outcomes() == [Outcome.NOT_DONE]


def test_the_outer_transaction_of_a_careless_caller_is_not_needed(editor):
    """Settling holds the row only as long as deciding takes."""
    with noted(editor) as (row,):
        audit.settle(row, Outcome.DONE)

    assert not transaction.get_connection().needs_rollback
