"""Which part of history or of the departments somebody wants to see: the forms of their filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms as django_forms
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from . import forms
from .models import OPEN, WITHOUT_EFFECT, Department, Kind, Outcome
from .services import history, listing

if TYPE_CHECKING:
    from django.http import QueryDict

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

    def filters(self) -> history.Filters:
        told = self.cleaned_data
        ended = told["outcome"]
        return history.Filters(
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
        return reverse("departments:history-export", query=of | self.given())


#: The ready-made filters of the list, and the columns one can sort by, in the order of the table.
ONLY = {
    "no-manager": gettext_lazy("Without manager"),
    "empty": gettext_lazy("Empty: no people, nothing below"),
    "hidden": gettext_lazy("Hidden from Contacts"),
    "restricted": gettext_lazy("Members see limited Contacts"),
    "chat": gettext_lazy("With a Department Chat"),
    "namesake": gettext_lazy("Same name elsewhere"),
    "out-of-scope": gettext_lazy("Outside this app’s contact scope"),
    "changed": gettext_lazy("Changed in the last 7 days"),
    "unread": gettext_lazy("Details not read yet"),
}
COLUMNS = {
    "name": gettext_lazy("Name"),
    "path": gettext_lazy("Path"),
    "id": gettext_lazy("ID"),
    "code": gettext_lazy("Code"),
    "managers": gettext_lazy("Managers"),
    "people": gettext_lazy("People"),
    "chat": gettext_lazy("Chat"),
    "hidden": gettext_lazy("Hidden"),
    "restricted": gettext_lazy("Restricted"),
    "read": gettext_lazy("Read at"),
}
_FIRST_SORT = "name"


class ListingForm(django_forms.Form):
    """Which departments, and in which order. Sent by GET, so that every selection has an address."""

    q = forms.LineField(
        label=gettext_lazy("Name, pinyin, code or ID"),
        widget=django_forms.TextInput(attrs={"autocomplete": "off"}),
    )
    below = BranchField(
        label=gettext_lazy("Branch"),
        required=False,
        help_text=gettext_lazy("A department’s ID or name, with all below it."),
    )
    sort = django_forms.ChoiceField(label=gettext_lazy("Sort by"), required=False)
    only = django_forms.MultipleChoiceField(
        label=gettext_lazy("Only those"),
        required=False,
        choices=list(ONLY.items()),
        widget=django_forms.CheckboxSelectMultiple,
    )

    def __init__(self, given: QueryDict) -> None:
        self._all = given
        # One id for the page's own search box and this field would be one too many.
        super().__init__(given, auto_id="list-%s")
        self.fields["sort"].choices = [  # type: ignore[attr-defined]
            choice for name in listing.SORTS for choice in self._ways(name)
        ]

    @staticmethod
    def _ways(name: str) -> list[tuple[str, str]]:
        column = {"column": COLUMNS[name]}
        return [
            (name, _("%(column)s, ascending") % column),
            (f"-{name}", _("%(column)s, descending") % column),
        ]

    def filters(self) -> listing.Filters:
        told = self.cleaned_data
        return listing.Filters(
            text=told["q"], below=told.get("below"), only=tuple(dict.fromkeys(told["only"]))
        )

    def order(self) -> str:
        return self.cleaned_data["sort"] or _FIRST_SORT

    def narrowed(self) -> bool:
        return any(name != "sort" for name, _value in self._given())

    def address(self, **changes: str) -> str:
        """The list as this form has it, but for what is given here; a first page needs no number."""
        given = [pair for pair in self._given() if pair[0] not in changes]
        return reverse("departments:listing", query=[*given, *changes.items()])

    def export_address(self) -> str:
        return reverse("departments:listing-export", query=self._given())

    def _given(self) -> list[tuple[str, str]]:
        told = ((name, value) for name in self.fields for value in self._all.getlist(name))
        return [(name, value) for name, text in told if (value := text.strip())]
