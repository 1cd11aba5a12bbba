"""What was done, by whom, and how it ended."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import forms as django_forms
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, override, pgettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from .. import fields, forms, policy, problems
from ..http import PersonRequest, respond
from ..models import OPEN, WITHOUT_EFFECT, AuditEntry, Department, Kind, Outcome
from ..services import browse, settle, sync
from ..services import history as service

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import tzinfo

    from django.http import HttpResponse, QueryDict
    from django.http.response import HttpResponseBase

    from ..models import Operation

_PAGE = 50


@require_safe
@permission_required(policy.VIEW, raise_exception=True)
def everything(request: PersonRequest) -> HttpResponse:
    form = HistoryForm(request.GET)
    return _show_list(request, form, reverse("departments:history"), {"title": _("History")})


@require_safe
@permission_required(policy.VIEW, raise_exception=True)
def of_department(request: PersonRequest, dept_id: int) -> HttpResponse:
    opened = service.remembered(dept_id=dept_id, by=request.user)
    context = {
        "title": _("History of “%(name)s”") % {"name": opened["department"].name},
        "tab": "history",
        **opened,
    }
    form = HistoryForm(request.GET, of=dept_id)
    return _show_list(request, form, request.path, context)


@require_safe
@permission_required(policy.VIEW, raise_exception=True)
def export(request: PersonRequest) -> HttpResponseBase:
    """Exactly what the list shows with the same address, as a file for a spreadsheet."""
    form = HistoryForm(request.GET)
    if not form.is_valid():
        return _show_list(request, form, reverse("departments:history"), {"title": _("History")})
    batches = service.export(by=request.user, filters=form.filters())
    # What is read while it streams is read after the request: its language and time zone are over then.
    text = _as_csv(batches, get_language() or "en", timezone.get_current_timezone())
    response = StreamingHttpResponse(text, content_type="text/csv; charset=utf-8")
    name = f"history-{timezone.localdate():%Y-%m-%d}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_safe
@permission_required(policy.VIEW, raise_exception=True)
def entry(request: PersonRequest, number: int) -> HttpResponse:
    found = service.entry(number=number, by=request.user)
    if found is None:
        raise Http404
    return _show_entry(request, settle.look_again(entry=found, by=request.user))


def show_outcome(operation: Operation) -> HttpResponse:
    """The same form again: what became of it the first time."""
    return redirect("departments:entry", operation.entry().pk)


def show_unknown(request: PersonRequest, operation: Operation, failure: Exception) -> HttpResponse:
    """Sent, and no answer: the entry's page, which looks again by itself."""
    return _show_entry(request, operation.entry(), status=problems.of(failure).status)


# ── The filters ──────────────────────────────────────────────────────────────────────────────────────────

_ANY = ("", pgettext_lazy("no filter", "Any"))
_ENDED: dict[str, tuple[str, ...]] = {"open": OPEN, "failed": WITHOUT_EFFECT}
_OUTCOMES = [
    _ANY,
    ("open", gettext_lazy("still open")),
    ("failed", gettext_lazy("failed only")),
    *[choice for choice in Outcome.choices if choice[0] not in OPEN],
]


class BranchField(forms.DepartmentsField):
    """One department: its ID, or a name that only one has or, if none has it now, that only one had."""

    widget = django_forms.TextInput(attrs={"list": "all-departments", "autocomplete": "off"})  # type: ignore[assignment]

    def clean(self, value: Any) -> int | None:  # type: ignore[override]
        found = super().clean(value)
        if len(found) > 1:
            raise ValidationError(_("Choose one department."))
        return found[0] if found else None

    @staticmethod
    def _one(line: str) -> int:
        try:
            return forms.DepartmentsField._one(line)
        except ValidationError:
            gone = Department.objects.exclude(gone_at=None).filter(name=line)
            ids = list(gone.values_list("pk", flat=True)[:2])
            if len(ids) != 1 or Department.objects.present().filter(name=line).exists():
                raise
            return int(ids[0])


def _day(label: Any) -> django_forms.DateField:
    return django_forms.DateField(
        label=label,
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=django_forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": gettext_lazy("Enter a day like this: 2026-11-24.")},
    )


class HistoryForm(django_forms.Form):
    """Which part of history. Sent by GET, so that every selection has an address."""

    person = forms.LineField(
        label=gettext_lazy("Person"),
        help_text=gettext_lazy("Part of a name, or a user name."),
        widget=django_forms.TextInput(attrs={"list": "all-people", "autocomplete": "off"}),
    )
    action = django_forms.ChoiceField(
        label=gettext_lazy("Action"), required=False, choices=[_ANY, *Kind.choices]
    )
    branch = BranchField(
        label=gettext_lazy("Branch"),
        required=False,
        help_text=gettext_lazy("A department’s ID or name, with all below it, now or then."),
    )
    outcome = django_forms.ChoiceField(
        label=gettext_lazy("Outcome"),
        required=False,
        choices=_OUTCOMES,
        help_text=gettext_lazy(
            "How it ended at first. What a later look found is an entry of its own."
        ),
    )
    since = _day(gettext_lazy("From day"))
    until = _day(gettext_lazy("To day"))
    department = BranchField(label=gettext_lazy("Only this department"), required=False)
    operation = django_forms.UUIDField(
        label=gettext_lazy("Operation ID"),
        required=False,
        error_messages={"invalid": gettext_lazy("This is not the ID of an operation.")},
    )

    def __init__(self, given: QueryDict, *, of: int | None = None) -> None:
        """`of` is the department that the page itself is about."""
        super().__init__({**given.dict(), "department": str(of)} if of else given)
        self._of = of
        zone = str(timezone.get_current_timezone())
        self.fields["until"].help_text = _("Both days included, in the time of %(zone)s.") % {
            "zone": zone
        }
        if of:
            del self.fields["branch"]

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        since, until = told.get("since"), told.get("until")
        for name in {"since", "until"} & self.errors.keys():
            # A browser's field for days throws away what is none.
            self.fields[name].widget.input_type = "text"
        if since and until and since > until:
            self.add_error("until", _("This day lies before the first one."))
        return told

    def filters(self) -> service.Filters:
        told = self.cleaned_data
        ended = told["outcome"]
        return service.Filters(
            person=told["person"],
            kind=told["action"],
            outcomes=_ENDED.get(ended, (ended,) if ended else ()),
            branch=told.get("branch"),
            dept_id=told["department"],
            op_id=told["operation"],
            since=told["since"],
            until=told["until"],
        )

    def shown(self) -> list[Any]:
        """Two of the fields come only with a link from elsewhere, to be seen and emptied here."""
        rare = {"operation"} | ({"department"} if not self._of else set())
        never = {"department"} if self._of else set()
        return [
            bound
            for bound in self
            if bound.name not in never and (bound.name not in rare or bound.value())
        ]

    def given(self) -> dict[str, str]:
        """What narrows the list, as it goes into an address; the page's own department is not part of it."""
        names = [name for name in self.fields if not (self._of and name == "department")]
        return {name: value for name in names if (value := str(self.data.get(name, "")).strip())}

    def export_address(self) -> str:
        of = {"department": str(self._of)} if self._of else {}
        return _address(reverse("departments:history-export"), of | self.given())


def _address(path: str, given: Mapping[str, Any]) -> str:
    return f"{path}?{urlencode(given)}" if given else path


# ── The list ─────────────────────────────────────────────────────────────────────────────────────────────


def _show_list(
    request: PersonRequest, form: HistoryForm, here: str, context: dict[str, Any]
) -> HttpResponse:
    context = {
        **context,
        "here": here,
        "form": form,
        "given": form.given(),
        "people": service.people(by=request.user),
        "suggestions": browse.suggestions(by=request.user),
        "zone": str(timezone.get_current_timezone()),
    }
    if not form.is_valid():
        context["error_title"] = True
        return respond(request, "departments/history.html", context, status=422)
    found = service.listed(by=request.user, filters=form.filters())
    page = Paginator(found, _PAGE).get_page(request.GET.get("page"))
    context |= {
        "page": page,
        "rows": [(one, _later_in_short(one)) for one in page],
        "newer": _page_address(here, form, page.number - 1) if page.has_previous() else "",
        "older": _page_address(here, form, page.number + 1) if page.has_next() else "",
    }
    return respond(request, "departments/history.html", context)


def _page_address(here: str, form: HistoryForm, number: int) -> str:
    return _address(here, {**form.given(), "page": number})


# ── Later looks ──────────────────────────────────────────────────────────────────────────────────────────

_IN_SHORT = {
    "confirmed": gettext_lazy("confirmed later"),
    "happened": gettext_lazy("corrected: it did happen"),
    "said": gettext_lazy("corrected: DingTalk said yes"),
    "denied": gettext_lazy("corrected: it did not happen"),
    "doubtful": gettext_lazy("corrected: needs a person’s look"),
}
_IN_FULL = {
    "confirmed": gettext_lazy("It is confirmed: DingTalk shows it."),
    "happened": gettext_lazy("It did happen after all: DingTalk shows it."),
    "said": gettext_lazy("DingTalk said yes after all, but could not be read afterwards."),
    "denied": gettext_lazy("DingTalk said yes, but it did not happen."),
    "doubtful": gettext_lazy(
        "What DingTalk shows is neither the old state nor the wanted one. It needs a person’s look."
    ),
}


def _found(look: AuditEntry, first: AuditEntry) -> str:
    """What a later look says about the first entry, in one word of ours."""
    if look.outcome == Outcome.NOT_DONE:
        return "denied"
    if look.outcome != Outcome.DONE:
        return "doubtful"
    if first.outcome == Outcome.DONE:
        return "confirmed"
    return "happened" if look.confirmed else "said"


def _later_in_short(first: AuditEntry) -> Any:
    """The newest look's word on it; `corrections` are fetched newest first."""
    newest = next(iter(first.corrections.all()), None)
    return _IN_SHORT[_found(newest, first)] if newest else ""


# ── One entry ────────────────────────────────────────────────────────────────────────────────────────────


def _show_entry(request: PersonRequest, found: AuditEntry, *, status: int = 200) -> HttpResponse:
    looks = found.corrections.order_by("-pk")
    others, count = service.companions(entry=found, by=request.user)
    context = {
        "title": f"{found.operation.get_kind_display()} · {found.name}",
        "entry": found,
        "looks": [(look, _IN_FULL[_found(look, found)]) for look in looks],
        "first": found.corrects,
        "look_found": _IN_FULL[_found(found, found.corrects)] if found.corrects else "",
        "rows": _rows(found),
        "picture": _picture(found),
        "others": others,
        "more": count - len(others),
        "of_operation": _address(reverse("departments:history"), {"operation": found.operation_id}),
        "not_taken": forms.labels(found.not_taken),
        "settles_at": settle.settles_at(found),
        "under_way": found.outcome == Outcome.PENDING and timezone.now() < settle.settles_at(found),
        "sentence": problems.sentence_for(_code(found.code)) if found.code else "",
    }
    return respond(request, "departments/entry.html", context, status=status)


def _code(text: str) -> int | str:
    return int(text) if text.lstrip("-").isdigit() else text


def _rows(found: AuditEntry) -> list[dict[str, Any]]:
    """Field by field: before, wanted, and what DingTalk showed afterwards."""
    if found.operation.kind == Kind.DELETE:
        return []
    names = _names(found.before, found.wanted, found.after or {})
    if found.operation.kind == Kind.MOVE:
        names |= _places(found)
    return [
        {
            "label": fields.label_of(name),
            "before": _told(name, found.before, names),
            "wanted": fields.in_words(name, value, names),
            "after": _told(name, found.after, names) if _tells(found.after, name) else "",
            "not_taken": name in found.not_taken,
        }
        for name, value in found.wanted.items()
    ]


def _told(name: str, told: Mapping[str, Any] | None, names: Mapping[int, str]) -> str:
    field = fields.FIELDS.get(name)
    if field is not None and field.kind == "untold":
        return str(field.note)
    return fields.in_words(name, (told or {}).get(name), names)


def _tells(after: Mapping[str, Any] | None, name: str) -> bool:
    """A full read leaves out what is not set; a list of children (it has no order) does not tell the rest."""
    return after is not None and (name in after or "order" in after)


def _places(found: AuditEntry) -> dict[int, str]:
    """For a move the parents by their whole paths: the old one as it was then, others as memory has them."""
    told = (found.before, found.wanted, found.after or {})
    ids = {one["parent_id"] for one in told if one.get("parent_id")}
    places = {dept_id: path for dept_id in ids if (path := sync.path_of(dept_id))}
    then = found.path.rpartition(" › ")[0]
    if then and "parent_id" in found.before:
        places[found.before["parent_id"]] = then
    return places


def _picture(found: AuditEntry) -> list[tuple[Any, str]]:
    """For a delete the department as it was, field by field; what had no value is left out."""
    if found.operation.kind != Kind.DELETE or not found.before:
        return []
    names = _names(found.before)
    return [
        (row.field.label, fields.listed(part.text for part in row.parts))
        for card in fields.CARDS
        for row in fields.rows_of(card, found.before, names)
        if not row.unset
    ]


_POINTING = [f.name for f in fields.FIELDS.values() if f.kind in ("department", "departments")]


def _names(*told: Mapping[str, Any]) -> dict[int, str]:
    """The names of the departments that these values mention by id."""
    ids: set[int] = set()
    for one in told:
        for name in _POINTING:
            value = one.get(name) or []
            ids.update(value if isinstance(value, list) else [value])
    return browse.names_of(ids) if ids else {}


# ── The file ─────────────────────────────────────────────────────────────────────────────────────────────

_HEADINGS = [
    gettext_lazy("Entry"),
    gettext_lazy("Noted"),
    gettext_lazy("Settled"),
    gettext_lazy("Who"),
    gettext_lazy("From address"),
    gettext_lazy("What"),
    gettext_lazy("Department ID"),
    gettext_lazy("Path then"),
    gettext_lazy("Outcome"),
    gettext_lazy("Confirmed"),
    gettext_lazy("Reason"),
    gettext_lazy("Change asked for: before → wanted"),
    gettext_lazy("Not taken"),
    gettext_lazy("DingTalk’s code"),
    gettext_lazy("What DingTalk said"),
    gettext_lazy("Request ID"),
    gettext_lazy("Operation ID"),
    gettext_lazy("A later look at entry"),
]

#: What a spreadsheet takes for a formula, also behind blanks and what nobody sees
#: (https://owasp.org/www-community/attacks/CSV_Injection, which names the full-width forms too).
_FORMULA = re.compile(r"[\t\r\n\0]|[\s\0\ufeff\u200b-\u200f\u2060]*[=+\-@＝＋－＠]")


class _Line:
    """The csv module wants a file: this one hands the line back."""

    @staticmethod
    def write(line: str) -> str:
        return line


def _as_csv(batches: Iterable[list[AuditEntry]], language: str, zone: tzinfo) -> Iterator[str]:
    """RFC 4180, with a BOM: without one Excel reads UTF-8 as something else."""
    writer = csv.writer(_Line())
    with override(language):
        first = writer.writerow([_cell(heading) for heading in _HEADINGS])
    yield f"\ufeff{first}"
    for batch in batches:
        with override(language), timezone.override(zone):
            names = _names(*(told for one in batch for told in (one.before, one.wanted)))
            lines = [writer.writerow(map(_cell, _record(one, names))) for one in batch]
        yield "".join(lines)


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if _FORMULA.match(text) else text


def _record(one: AuditEntry, names: Mapping[int, str]) -> list[Any]:
    operation = one.operation
    return [
        one.pk,
        timezone.localtime(one.noted_at).isoformat(timespec="seconds"),
        timezone.localtime(one.settled_at).isoformat(timespec="seconds") if one.settled_at else "",
        operation.by_name,
        operation.address,
        operation.get_kind_display(),
        one.dept_id,
        one.path,
        one.get_outcome_display(),
        _("Yes") if one.confirmed else _("No"),
        operation.reason,
        _changes(one, names),
        forms.labels(one.not_taken),
        one.code,
        one.message,
        one.request_id,
        operation.pk,
        one.corrects_id,
    ]


def _changes(one: AuditEntry, names: Mapping[int, str]) -> str:
    """In one line; a delete's is its action."""
    if one.operation.kind == Kind.DELETE:
        return ""
    told = [
        _("%(field)s: %(before)s → %(after)s")
        % {
            "field": fields.label_of(name),
            "before": _told(name, one.before, names),
            "after": fields.in_words(name, value, names),
        }
        for name, value in one.wanted.items()
    ]
    return " ".join("; ".join(told).split())
