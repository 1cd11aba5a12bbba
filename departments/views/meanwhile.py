"""What saving an edit may come upon: fields somebody else has changed, or no department any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from .. import fields, forms, policy, problems
from ..http import redraw, respond
from ..models import Outcome
from ..services import browse
from ..services import history as past
from ..services.compare import same

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from django.http import HttpResponse

    from ..errors import ChangedMeanwhile, DepartmentGone
    from ..http import PersonRequest
    from ..models import AuditEntry

#: So many entries back we look for who changed a field.
_LOOK_BACK = 50


# ── Changed meanwhile ────────────────────────────────────────────────────────────────────────────────────


def disputed(drawn: forms.Drawn, conflict: ChangedMeanwhile, typed: forms.EditForm) -> forms.Drawn:
    """What the conflict page is drawn from: the fields in conflict as DingTalk has them now, and no others.

    Fields this person never touched stay as they saw them: they are still not theirs to write. A field in
    conflict before stays on the page while the two values differ, so that a choice can be looked at again.
    """
    clashing = {clash.field: clash.opened for clash in conflict.clashes}
    before = {
        name: value
        for name, value in drawn.disputed.items()
        if name in clashing or not same(typed.cleaned_data[name], conflict.now.get(name))
    }
    both = clashing | before
    seen = drawn.seen | {name: conflict.now.get(name) for name in both}
    return drawn.anew(seen=seen, disputed=both)


def still_meant(made: Mapping[str, str], before: forms.Drawn, after: forms.Drawn) -> dict[str, str]:
    """The choices between values that are still the same ones; the others have to be made again."""
    return {
        name: choice
        for name, choice in made.items()
        if name in after.disputed and same(before.seen.get(name), after.seen.get(name))
    }


def show_conflict(
    request: PersonRequest,
    dept_id: int,
    typed: forms.EditForm,
    drawn: forms.Drawn,
    choices: forms.ConflictForm,
    *,
    status: int,
) -> HttpResponse:
    opened = browse.open_department(dept_id=dept_id, by=request.user)
    name = drawn.disputed.get("name") or drawn.seen.get("name") or opened.department.name
    redraw(request, dept_id)  # the look has brought the tree's name up to date
    context = {
        "title": _("“%(name)s” changed since you opened it") % {"name": name},
        "error_title": bool(choices.errors),
        "department": opened.department,
        "trail": opened.trail,
        "opened_at": _moment(drawn.at),
        "choices": choices,
        "rows": _rows(request, dept_id, typed, drawn, choices),
        "rest": _rest(dept_id, typed, drawn),
        "carried": typed.carried(),
        "drawn": drawn.sealed(about=dept_id, by=request.user.pk),
    }
    return respond(request, "departments/conflict.html", context, status=status)


def _rows(
    request: PersonRequest,
    dept_id: int,
    typed: forms.EditForm,
    drawn: forms.Drawn,
    choices: forms.ConflictForm,
) -> list[dict[str, Any]]:
    """Each field in conflict: three values in words, who brought the second, and what may be chosen."""
    mine = typed.cleaned_data
    names = _names([drawn.disputed, drawn.seen, mine])
    writers = _writers(request, dept_id, drawn)
    rows = []
    for choice in choices:
        field, now, both = choice.name, drawn.seen.get(choice.name), None
        if forms.BOTH in dict(choice.field.choices):  # type: ignore[attr-defined]
            both = _said(field, forms.together(now, mine[field]), names, dept_id)
        rows.append(
            {
                "name": field,
                "label": fields.label_of(field),
                "opened": _said(field, drawn.disputed[field], names, dept_id),
                "now": _said(field, now, names, dept_id),
                "yours": _said(field, mine[field], names, dept_id),
                "both": both,
                "writer": writers.get(field),
                "choice": choice,
            }
        )
    return rows


def _rest(dept_id: int, typed: forms.EditForm, drawn: forms.Drawn) -> list[dict[str, str]]:
    """What else was changed, and nobody disputes."""
    changes = typed.changes_from(drawn.seen)
    names = _names([drawn.seen, changes])
    return [
        {
            "label": fields.label_of(field),
            "before": _said(field, drawn.seen.get(field), names, dept_id)
            if fields.FIELDS[field].kind != "untold"
            else "",
            "wanted": _said(field, value, names, dept_id),
        }
        for field, value in changes.items()
        if field not in drawn.disputed
    ]


def _writers(request: PersonRequest, dept_id: int, drawn: forms.Drawn) -> dict[str, dict[str, str]]:
    """By field, who here has written what DingTalk has now. Whom we do not find did it elsewhere."""
    done = past.entries(by=request.user).filter(
        dept_id=dept_id, outcome=Outcome.DONE, settled_at__gte=drawn.at
    )
    latest: dict[str, AuditEntry] = {}
    for entry in done.defer("before", "after")[:_LOOK_BACK]:
        for field in entry.wanted:
            latest.setdefault(field, entry)
    return {
        field: {"name": entry.operation.by_name, "time": _moment(entry.noted_at)}
        for field, entry in latest.items()
        if same(entry.wanted[field], drawn.seen.get(field))
    }


# ── Gone meanwhile ───────────────────────────────────────────────────────────────────────────────────────


def show_gone(
    request: PersonRequest, dept_id: int, gone: DepartmentGone, drawn: forms.Drawn | None
) -> HttpResponse:
    """The department is gone; what was typed for it is not."""
    seen = drawn.seen if drawn else {}
    typed = forms.EditForm.typed(request.POST, seen)
    parent_id = gone.remembered.parent_id or 0
    parent = None
    if browse.remembers(dept_id=parent_id) and policy.may(request.user, policy.CREATE):
        parent = {"dept_id": parent_id, "name": browse.names_of([parent_id])[parent_id]}
        redraw(request, parent_id, opened=True)
    problem = problems.of(gone)
    context = {
        "title": problem.title,
        "problem": problem,
        "rows": _typed_rows(dept_id, typed),
        "carried": typed.carried(),
        "parent": parent,
    }
    return respond(request, "departments/gone.html", context, status=410)


def _typed_rows(dept_id: int, typed: forms.EditForm) -> list[dict[str, Any]]:
    """Every field with something in it: in words, and as it was typed where that can be pasted elsewhere."""
    good = typed.cleaned_data
    names = _names([good])
    rows = []
    for name in typed.page_order():
        bound = typed[name]
        text = typed.data.get(name, "")
        value = good.get(name, text)
        nothing = value in (None, "", []) or (value is False and not _chosen(name))
        if bound.field.disabled or nothing:
            continue
        said = _said(name, value, names, dept_id)
        plain = isinstance(value, str | int | list) and not isinstance(value, bool)
        rows.append({"label": bound.label, "said": said, "copy": text if plain else ""})
    return rows


def _chosen(name: str) -> bool:
    """A switch that is off has nothing in it; a no among three answers was chosen."""
    return name in fields.FIELDS and fields.FIELDS[name].kind == "untold"


# ── Both ─────────────────────────────────────────────────────────────────────────────────────────────────


def _said(field: str, value: Any, names: Mapping[int, str], dept_id: int) -> str:
    return fields.in_words(field, forms.as_set(field, value, dept_id=dept_id), names)


def _names(values: list[Mapping[str, Any]]) -> dict[int, str]:
    """The names of all departments that these values mention."""
    lists = [value for some in values for value in some.values() if isinstance(value, list)]
    return browse.names_of({one for value in lists for one in value if isinstance(one, int)})


def _moment(at: datetime) -> str:
    """The time, with the day unless it is today."""
    here = timezone.localtime(at)
    return date_format(here, "H:i" if here.date() == timezone.localdate() else "DATETIME_FORMAT")
