"""Deleting a department with everything below it: check, confirm, carry out, verify.

DingTalk deletes a department with all its sub-departments and dismisses their Department Chats, and refuses as
a whole while anyone is a member anywhere in the branch
(https://open.dingtalk.com/document/development/operations-related-to-address-book-departments, 2026-07-30).
It names neither who nor what. The plan (plan.py) does.
"""

from __future__ import annotations

import time
import unicodedata
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from django.conf import settings
from django.utils import timezone

from .. import policy
from ..dingtalk import ROOT_ID, DingTalkError, NotThere, Refused
from ..errors import FieldsWrong, Fixed, PlanChanged, PlanNotUsable
from ..gateway import dingtalk
from ..models import AuditEntry, DeletionPlan, Kind, Outcome
from . import audit, doubt, edit, sync
from .plan import Doomed, Plan, at_once, read

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from django.contrib.auth.models import User

    from ..dingtalk import Receipt

_GOOD_FOR = timedelta(minutes=10)
#: A deleted department may be readable a moment longer: these pauses, in seconds, and then no more.
_UNTIL_GONE = (0.0, 0.3, 0.9)
#: DingTalk's other reading of its own documents: sub-departments must go first.
_HAS_SUB_DEPARTMENTS = 60006
_NO_SUCH_DEPARTMENT = 60003
_BOTTOM_UP_TIME = 20.0  # s


def check(*, dept_id: int, by: User) -> DeletionPlan:
    """Read the whole branch live and keep what a delete would take along. Deletes nothing."""
    deletable(dept_id=dept_id, by=by)
    plan = read(dept_id=dept_id)
    return DeletionPlan.objects.create(
        dept_id=dept_id,
        name=plan.top.name,
        by=by,
        checked_at=timezone.now(),
        fingerprint=plan.fingerprint(),
        plan=msgspec.to_builtins(plan),
    )


def kept_plan(*, plan_id: UUID, by: User) -> DeletionPlan | None:
    policy.require(by, policy.DELETE)
    return DeletionPlan.objects.filter(pk=plan_id).first()


def plan_of(kept: DeletionPlan) -> Plan:
    return msgspec.convert(kept.plan, Plan)


def usable(*, kept: DeletionPlan, by: User) -> None:
    """Raise PlanNotUsable unless this person may confirm this plan now."""
    policy.require(by, policy.DELETE)
    if kept.by_id != by.pk:
        raise PlanNotUsable("another")
    if timezone.now() - kept.checked_at > _GOOD_FOR:
        raise PlanNotUsable("old")
    if plan_of(kept).end != "allowed":
        raise PlanNotUsable("end")


def good_until(kept: DeletionPlan) -> datetime:
    return kept.checked_at + _GOOD_FOR


def carry_out(
    *, kept: DeletionPlan, ask: audit.Ask, typed: str, chats_seen: bool
) -> list[AuditEntry]:
    """Delete what the plan shows, if it is still exactly that. Returns an entry for each department.

    Raises FieldsWrong for a missing confirmation, PlanChanged with the new plan when the branch is no longer
    what was shown; nothing is then deleted.
    """
    policy.require(ask.by, policy.DELETE)
    content = {"fingerprint": kept.fingerprint}
    ask = audit.claim(ask, Kind.DELETE, kept.dept_id, content)
    usable(kept=kept, by=ask.by)
    plan = plan_of(kept)
    _confirmed(plan, typed=typed, chats_seen=chats_seen)
    ids = [department.dept_id for department in plan.departments]
    doubt.nothing_in_doubt(doubt.Reach.of(Kind.DELETE, ids, {}))
    fresh = check(dept_id=kept.dept_id, by=ask.by)
    if fresh.fingerprint != kept.fingerprint:
        raise PlanChanged(kept, fresh)
    _last_look(kept, plan, ask.by)
    planned = [
        audit.Planned(
            dept_id=one.dept_id,
            name=one.name,
            path=one.path,
            before=one.details,
            wanted={"deleted": True},
        )
        for one in plan.departments
    ]
    with audit.writing(
        ask, kind=Kind.DELETE, dept_id=kept.dept_id, content=content, entries=planned
    ) as entries:
        receipt = _delete_branch(plan, entries)
    _verify(entries, receipt)
    return entries


def deletable(*, dept_id: int, by: User) -> None:
    """Raise what stands against ever deleting this department: the role, the root, the fence."""
    policy.require(by, policy.DELETE)
    if dept_id == ROOT_ID or dept_id == settings.DINGTALK_ROOT_ID:
        raise Fixed(dept_id, why="root")
    edit.inside_fence(dept_id)


def _confirmed(plan: Plan, *, typed: str, chats_seen: bool) -> None:
    wrong = {}
    if plan.must_be_typed and not _matches(typed, plan.top):
        wrong["typed"] = "mismatch"
    if plan.chats and not chats_seen:
        wrong["chats_seen"] = "required"
    if wrong:
        raise FieldsWrong(wrong)


def _matches(typed: str, top: Doomed) -> bool:
    """The name, or the id in ASCII or full-width digits; spaces at the ends and doubled ones do not count."""
    text = " ".join(unicodedata.normalize("NFC", typed).split())
    name = " ".join(unicodedata.normalize("NFC", top.name).split())
    return text == name or unicodedata.normalize("NFKC", text) == str(top.dept_id)


def _last_look(kept: DeletionPlan, plan: Plan, by: User) -> None:
    """The last reads before the call: has anyone added a department since? Then nothing is deleted."""
    children: dict[int, set[int]] = {place.dept_id: set() for place in plan.departments}
    for place in plan.departments[1:]:
        children[place.parent_id].add(place.dept_id)
    client = dingtalk()
    for place, ids in at_once(plan.departments, lambda p: client.list_child_ids(p.dept_id)):
        if isinstance(ids, DingTalkError):
            raise ids
        if set(ids) != children[place.dept_id]:
            raise PlanChanged(kept, check(dept_id=kept.dept_id, by=by))


def _delete_branch(plan: Plan, entries: list[AuditEntry]) -> Receipt | None:
    """One call for the whole branch; leaf by leaf only where DingTalk wants sub-departments gone first."""
    try:
        return dingtalk().delete_department(plan.top.dept_id)
    except NotThere as gone:
        if gone.code != _NO_SUCH_DEPARTMENT:
            raise
        # It was there a moment ago. Deleted elsewhere meanwhile, or by our own call, doubled on its way:
        # what was wanted is so, and the looks that follow say of which departments.
        for entry in entries:
            audit.told(entry, gone)
        return None
    except Refused as refusal:
        if refusal.code != _HAS_SUB_DEPARTMENTS or len(entries) == 1:
            raise
    _delete_bottom_up(plan, entries)
    return None


def _delete_bottom_up(plan: Plan, entries: list[AuditEntry]) -> None:
    """One by one, deepest first, each looked at afterwards; stops at the first surprise, or when time is up.

    Well before the settle window ends: an entry that is settled by a look must not be acted upon any more.
    """
    until = time.monotonic() + min(_BOTTOM_UP_TIME, settings.SETTLE_SECONDS / 3)
    levels = {place.dept_id: place.level for place in plan.departments}
    waiting = sorted(entries, key=lambda entry: -levels[entry.dept_id or 0])
    while waiting:
        entry = waiting[0]
        try:
            _verify([entry], dingtalk().delete_department(entry.dept_id or 0))
        except DingTalkError:
            _leave(waiting[1:])
            raise
        waiting.pop(0)
        if entry.outcome != Outcome.DONE or time.monotonic() > until:
            _leave(waiting)
            return


def _leave(entries: list[AuditEntry]) -> None:
    for untouched in entries:
        audit.settle(untouched, Outcome.NOT_SENT)


def _verify(entries: list[AuditEntry], receipt: Receipt | None) -> None:
    """Is each one gone? Its entry says so only when a read does; memory follows.

    DingTalk's yes stands even where that read fails: done, not confirmed. Where it is still shown, the entry
    stays open: DingTalk's copies may lag.
    """
    waiting = {entry.dept_id or 0: entry for entry in entries if entry.is_open}
    unread: dict[int, AuditEntry] = {}
    for pause in _UNTIL_GONE:
        time.sleep(pause if waiting else 0)
        for dept_id, answer in _look_for(waiting):
            if isinstance(answer, NotThere):
                audit.done(waiting.pop(dept_id), receipt, after={})
            elif isinstance(answer, DingTalkError):
                unread[dept_id] = waiting.pop(dept_id)
    for entry in unread.values():
        if receipt is None:
            audit.doubtful(entry, None)
        else:
            audit.done(entry, receipt, after=None)
    for entry in waiting.values():
        audit.doubtful(entry, receipt)
    sync.forget(
        entry.dept_id or 0 for entry in entries if entry.outcome == Outcome.DONE and entry.confirmed
    )


def _look_for(dept_ids: Iterable[int]) -> list[tuple[int, Any]]:
    places = [
        Doomed(dept_id=dept_id, name="", path="", parent_id=0, level=0) for dept_id in dept_ids
    ]
    client = dingtalk()
    answers = at_once(places, lambda place: client.get_department(place.dept_id))
    return [(place.dept_id, answer) for place, answer in answers]
