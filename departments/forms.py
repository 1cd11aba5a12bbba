"""What people type, checked for what can be known without DingTalk, and turned into the fields to write."""

from __future__ import annotations

import re
import unicodedata
import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.forms.renderers import TemplatesSetting
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .fields import FIELDS, REACH, label_of, listed
from .models import Department, Preferences

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .dingtalk import DepartmentChanges

_SALT = "departments.form"

NAME_LIMIT = 64
CODE_LIMIT = 30
_ID = re.compile(r"[1-9][0-9]{0,17}")


class BoundField(forms.BoundField):
    """A field that says what is wrong with it to assistive technology too."""

    def css_classes(self, extra_classes: str | Iterable[str] | None = None) -> str:  # noqa: ARG002
        kind = "switch" if isinstance(self.field, forms.BooleanField) else ""
        return " ".join(filter(None, ["field", kind, "wrong" if self.errors else ""]))


class Renderer(TemplatesSetting):
    field_template_name = "forms/field.html"
    bound_field_class = BoundField


@dataclass(frozen=True)
class Drawn:
    """What a form was drawn from: its operation id and the values the person saw. Travels signed."""

    op_id: uuid.UUID
    seen: dict[str, Any]
    #: When the person opened it; it stays so when the form comes back to them.
    at: datetime
    #: Of a conflict page: the fields in conflict, as they were when the person opened the form.
    disputed: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def now(cls, seen: Mapping[str, Any]) -> Drawn:
        return cls(uuid.uuid4(), dict(seen), timezone.now())

    def anew(
        self, *, seen: Mapping[str, Any] | None = None, disputed: Mapping[str, Any] | None = None
    ) -> Drawn:
        """The same work before the same person, who may see something new, under a new operation id."""
        seen = self.seen if seen is None else seen
        return replace(self, op_id=uuid.uuid4(), seen=dict(seen), disputed=dict(disputed or {}))

    def sealed(self, *, about: int, by: int | None) -> str:
        content = {
            "op": self.op_id.hex,
            "seen": self.seen,
            "at": self.at.isoformat(),
            "disputed": self.disputed,
            "about": about,
            "by": by,
        }
        return signing.dumps(content, salt=_SALT, compress=True)

    @classmethod
    def opened(cls, sealed: str, *, about: int, by: int | None) -> Drawn | None:
        """None unless we drew it, for this department and this person."""
        try:
            content = signing.loads(sealed, salt=_SALT)
        except signing.BadSignature:
            return None
        # A form of an older version has no "at": it is shown once more like one that cannot be verified.
        if (content["about"], content["by"]) != (about, by) or "at" not in content:
            return None
        at = datetime.fromisoformat(content["at"])
        return cls(uuid.UUID(content["op"]), content["seen"], at, content["disputed"])


def department_name(text: str) -> str:
    """The rules of DingTalk's reference, one sentence for each breach."""
    text = unicodedata.normalize("NFC", text).strip()
    if not text:
        raise ValidationError(_("Enter a name."))
    if any(unicodedata.category(letter) in {"Cc", "Cf", "Zl", "Zp", "Cs"} for letter in text):
        raise ValidationError(
            _("The name contains an invisible character. Type it again without it.")
        )
    if len(text) > NAME_LIMIT:
        raise ValidationError(
            ngettext(
                "The name has %(n)s character. The limit is 64.",
                "The name has %(n)s characters. The limit is 64.",
                len(text),
            )
            % {"n": len(text)}
        )
    if "-" in text:
        raise ValidationError(_("The name can’t contain a hyphen (-). Try “·” or a space."))
    if "," in text or "，" in text:
        raise ValidationError(_("The name can’t contain a comma (, or ，)."))
    return text


class NameField(forms.CharField):
    """Counts characters, not UTF-16 units, so the browser is given no maxlength."""

    widget = forms.TextInput(attrs={"data-count": NAME_LIMIT, "autocomplete": "off"})

    def to_python(self, value: Any) -> str:
        return str(value or "").replace("\r\n", "\n")

    def clean(self, value: Any) -> str:
        return department_name(self.to_python(value))


class LineField(forms.CharField):
    """One line of text; empty is allowed and means "no value"."""

    def __init__(self, *, limit: int = 200, **kwargs: Any) -> None:
        self._limit = limit
        super().__init__(required=False, strip=True, **kwargs)

    def clean(self, value: Any) -> str:
        text = unicodedata.normalize("NFC", super().clean(value))
        if any(unicodedata.category(letter) in {"Cc", "Cf", "Zl", "Zp", "Cs"} for letter in text):
            raise ValidationError(
                _("This contains an invisible character. Type it again without it.")
            )
        if len(text) > self._limit:
            raise ValidationError(
                _("This has %(n)s characters. The limit is %(max)s.")
                % {"n": len(text), "max": self._limit}
            )
        return text


def reason_field() -> LineField:
    """Why somebody does it: no change by itself, so history keeps it beside what was changed."""
    return LineField(label=gettext_lazy("Reason"), help_text=gettext_lazy("Kept in the history."))


class OrderField(forms.CharField):
    widget = forms.TextInput(
        attrs={"inputmode": "numeric", "class": "short", "autocomplete": "off"}
    )

    def clean(self, value: Any) -> int | None:
        text = super().clean(value).strip()
        if not text:
            return None
        if not _ID.fullmatch(text):
            raise ValidationError(_("Enter a whole number greater than 0."))
        return int(text)


class DepartmentsField(forms.CharField):
    """Departments, one a line: "ID", "ID name" or a name that only one department has."""

    widget = forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"})

    def __init__(self, *, most: int | None = None, **kwargs: Any) -> None:
        self._most = most
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        names = dict(Department.objects.filter(pk__in=value).values_list("dept_id", "name"))
        # A line of its own for each, though DingTalk may tell a name with a line break in it.
        return "\n".join(_in_one_line(f"{one} {names.get(one, '')}") for one in value)

    def clean(self, value: Any) -> list[int]:
        lines = [line.strip() for line in super().clean(value).splitlines() if line.strip()]
        return list(dict.fromkeys(self._one(line) for line in lines))

    @staticmethod
    def _one(line: str) -> int:
        first, *name = line.split(maxsplit=1)
        if _ID.fullmatch(first) and _may_be_called(int(first), name):
            return int(first)
        if not name and first.lstrip("-+").isdigit():
            raise ValidationError(_("“%(text)s” is not a department ID.") % {"text": first})
        found = list(
            Department.objects.present().filter(name=line).values_list("pk", flat=True)[:6]
        )
        if not found:
            raise ValidationError(
                _("No department is called “%(text)s”. Use its ID.") % {"text": line}
            )
        if len(found) > 1:
            raise ValidationError(
                _("Several departments are called “%(text)s”: %(ids)s. Use the ID.")
                % {"text": line, "ids": listed(found)}
            )
        return int(found[0])


def _may_be_called(dept_id: int, name: list[str]) -> bool:
    """Is “7 Sales” department 7, or is it called that? Not 7, where memory knows 7 by another name."""
    row = Department.objects.filter(pk=dept_id).first() if name else None
    return row is None or _in_one_line(row.name) == _in_one_line(name[0])


def _in_one_line(text: str) -> str:
    """All that `splitlines` takes for the end of a line, and all spaces, are one space each."""
    return " ".join(text.split())


class ParentField(DepartmentsField):
    """Exactly one department."""

    widget = forms.TextInput(attrs={"list": "all-departments", "autocomplete": "off"})  # type: ignore[assignment]

    default_error_messages = {"required": gettext_lazy("Choose the parent department.")}

    def clean(self, value: Any) -> int:  # type: ignore[override]
        return super().clean(value)[0]


class PeopleField(forms.CharField):
    """User IDs, one a line."""

    widget = forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        found = list(dict.fromkeys(re.split(r"[\s,，;；、]+", super().clean(value).strip())))
        return [userid for userid in found if userid]


#: Fields that DingTalk takes but never tells back: leaving them alone is the first choice.
_LEAVE = ("", gettext_lazy("Leave as it is in DingTalk"))
_ON_OFF = [_LEAVE, ("1", gettext_lazy("On")), ("0", gettext_lazy("Off"))]
_REACH = [_LEAVE, *zip("01", REACH, strict=True)]


def _untold(name: str, choices: list[tuple[str, Any]]) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(
        label=FIELDS[name].label,
        choices=choices,
        required=False,
        coerce=lambda chosen: chosen == "1",
        empty_value=None,
        widget=forms.RadioSelect,
        help_text=FIELDS[name].note,
    )


def _switch(name: str, help_text: Any = "") -> forms.BooleanField:
    return forms.BooleanField(
        label=FIELDS[name].label,
        required=False,
        help_text=help_text,
        widget=forms.CheckboxInput(attrs={"role": "switch"}),
    )


_LINES = gettext_lazy("One a line: the ID, or the name if only one department has it.")
_USERS = gettext_lazy("One user ID a line, as in DingTalk’s admin console.")


class DepartmentForm(forms.Form):
    """The fields that creating and changing share. `changes` holds only what differs from what was seen."""

    name = NameField(label=FIELDS["name"].label)
    order = OrderField(label=FIELDS["order"].label, required=False, help_text=FIELDS["order"].note)
    source_identifier = LineField(
        label=FIELDS["source_identifier"].label, help_text=FIELDS["source_identifier"].note
    )
    hide_dept = _switch(
        "hide_dept", gettext_lazy("Others no longer find it in the company’s Contacts.")
    )
    dept_permits = DepartmentsField(
        label=FIELDS["dept_permits"].label, required=False, help_text=_LINES
    )
    user_permits = PeopleField(label=FIELDS["user_permits"].label, required=False, help_text=_USERS)
    outer_dept = _switch(
        "outer_dept", gettext_lazy("Its members then see only part of the Contacts.")
    )
    outer_dept_only_self = _untold("outer_dept_only_self", _REACH)
    outer_permit_depts = DepartmentsField(
        label=FIELDS["outer_permit_depts"].label, required=False, help_text=_LINES
    )
    outer_permit_users = PeopleField(
        label=FIELDS["outer_permit_users"].label, required=False, help_text=_USERS
    )
    create_dept_group = _switch("create_dept_group")
    auto_approve_apply = _switch("auto_approve_apply")
    reason = reason_field()
    drawn = forms.CharField(widget=forms.HiddenInput, required=False)

    #: Which fields stand in which card of the page, with the switch that shows the rest of the card.
    layout: tuple[tuple[str, Any, tuple[str, ...], tuple[str, ...]], ...] = (
        ("basics", gettext_lazy("Basics"), ("name", "order", "source_identifier"), ()),
        (
            "visibility",
            gettext_lazy("Who can see it"),
            ("hide_dept",),
            ("dept_permits", "user_permits"),
        ),
        (
            "restriction",
            gettext_lazy("What its members can see"),
            ("outer_dept",),
            ("outer_dept_only_self", "outer_permit_depts", "outer_permit_users"),
        ),
        ("chat", gettext_lazy("Department Chat"), ("create_dept_group",), ()),
        ("joining", gettext_lazy("Joining"), ("auto_approve_apply",), ()),
    )

    @classmethod
    def page_order(cls) -> list[str]:
        """The fields from the top of the page to its end."""
        names = [name for _key, _title, first, rest in cls.layout for name in (*first, *rest)]
        return [*names, "reason"]

    def cards(self) -> list[dict[str, Any]]:
        return [
            {
                "key": key,
                "title": title,
                "fields": [self[name] for name in first if name in self.fields],
                "dependent": [self[name] for name in rest if name in self.fields],
            }
            for key, title, first, rest in self.layout
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for one, other in (
            ("dept_permits", "user_permits"),
            ("outer_permit_depts", "outer_permit_users"),
        ):
            chosen = len(cleaned.get(one) or []) + len(cleaned.get(other) or [])
            if chosen > settings.VISIBILITY_LIMIT:
                self.add_error(
                    one,
                    _("You chose %(n)s. DingTalk allows %(max)s departments and people together.")
                    % {"n": chosen, "max": settings.VISIBILITY_LIMIT},
                )
        return cleaned

    def changes_from(self, seen: Mapping[str, Any]) -> DepartmentChanges:
        """The fields that differ from what was seen, as they are to be written.

        What hangs on a switch that is off is not shown, means nothing to DingTalk, and is not written.
        """
        idle = {
            name
            for _key, _title, first, rest in self.layout
            if rest and not self.cleaned_data[first[0]]
            for name in rest
        }
        changes: dict[str, Any] = {}
        for name, value in self.cleaned_data.items():
            if name in _ASIDE or name in idle or value is None:
                continue
            before = seen.get(name)
            if name in _UNTOLD or _comparable(value) != _comparable(before):
                changes[name] = value
        return changes  # type: ignore[return-value]


#: What a form asks besides the department's own fields.
_ASIDE = {"drawn", "reason", "parent_id"}
_UNTOLD = {"outer_dept_only_self", "group_contain_outer_dept", "group_contain_hidden_dept"}


def _comparable(value: Any) -> Any:
    """As far as a change counts: lists have no order, and nothing typed is nothing set."""
    if isinstance(value, list):
        return sorted(map(str, value)) or None
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value).strip() or None
    return value or None


class EditForm(DepartmentForm):
    """A department as it is, to be changed."""

    #: What it was drawn from.
    seen: Mapping[str, Any] | None = None

    code = LineField(label=FIELDS["code"].label, limit=CODE_LIMIT)
    auto_add_user = _switch("auto_add_user")
    group_contain_sub_dept = _switch("group_contain_sub_dept")
    group_contain_outer_dept = _untold("group_contain_outer_dept", _ON_OFF)
    group_contain_hidden_dept = _untold("group_contain_hidden_dept", _ON_OFF)

    layout = (
        ("basics", gettext_lazy("Basics"), ("name", "order", "code", "source_identifier"), ()),
        *DepartmentForm.layout[1:3],
        (
            "chat",
            gettext_lazy("Department Chat"),
            ("create_dept_group",),
            (
                "auto_add_user",
                "group_contain_sub_dept",
                "group_contain_outer_dept",
                "group_contain_hidden_dept",
            ),
        ),
        DepartmentForm.layout[4],
    )

    @classmethod
    def showing(cls, told: Mapping[str, Any], *, by: int | None) -> EditForm:
        dept_id = told["dept_id"]
        seen = cls.seen_of(told)
        initial = {name: as_set(name, value, dept_id=dept_id) for name, value in seen.items()}
        initial["drawn"] = Drawn.now(seen).sealed(about=dept_id, by=by)
        form = cls(initial=initial)
        form.drawn_from(seen)
        return form

    @classmethod
    def seen_of(cls, told: Mapping[str, Any]) -> dict[str, Any]:
        """The part of a department this form shows, as the person sees it."""
        return {name: told.get(name) for name in cls.base_fields if name not in _ASIDE}

    def drawn_from(self, seen: Mapping[str, Any]) -> None:
        """What the department is decides what may be asked of it."""
        self.seen = seen
        if seen.get("create_dept_group"):
            # A chat that exists cannot be switched off here: nobody documents what that would do to it.
            field = self.fields["create_dept_group"]
            field.disabled = True
            field.initial = True
            field.help_text = _("It exists. It is dismissed when the department is deleted.")

    def clean(self) -> dict[str, Any]:
        """What DingTalk has already is not judged: a name with a hyphen stays, while the code is changed."""
        for name, value in (self.seen or {}).items():
            if name in self.errors and self._as_drawn(name, value):
                del self.errors[name]
                self.cleaned_data[name] = value
        return super().clean()

    def _as_drawn(self, name: str, value: Any) -> bool:
        drawn = str(self.fields[name].prepare_value(value))
        return str(self.data.get(name)).splitlines() == drawn.splitlines()

    @classmethod
    def typed(cls, data: Any, seen: Mapping[str, Any]) -> EditForm:
        """The form as somebody sent it."""
        form = cls(data)
        form.drawn_from(seen)
        form.is_valid()
        return form

    def carried(self) -> dict[str, Any]:
        """Everything typed, as it was typed, for the page that comes next."""
        return {name: self.data[name] for name in self.data if name in {*self.fields} - {"drawn"}}

    def with_choices(
        self, choices: Mapping[str, str], theirs: Mapping[str, Any], *, dept_id: int
    ) -> EditForm:
        """This form with DingTalk's value, or both together, where that was chosen over what was typed."""
        data = dict(self.data.items())
        for name, choice in choices.items():
            value = as_set(name, theirs.get(name), dept_id=dept_id)
            if choice == BOTH:
                value = together(value, self.cleaned_data[name])
            if choice != MINE:
                data[name] = self.fields[name].prepare_value(value) or ""
        return self.typed(data, theirs)


def as_set(name: str, value: Any, *, dept_id: int) -> Any:
    """A value as DingTalk told it; None for an order that was never set, where it reports the ID."""
    return None if name == "order" and value == dept_id else value


#: How somebody settles one field that somebody else has changed meanwhile.
THEIRS, MINE, BOTH = "theirs", "mine", "both"


def together(theirs: list[Any] | None, mine: list[Any]) -> list[Any]:
    return list(dict.fromkeys([*(theirs or []), *mine]))


class ConflictForm(forms.Form):
    """One choice for each field in conflict. None is made in advance, unless it was made already."""

    def __init__(
        self,
        ways: Mapping[str, list[str]],
        data: Mapping[str, Any] | None = None,
        *,
        made: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=made, prefix="keep")
        for name, some in ways.items():
            missing = _("Choose a value for %(field)s.") % {"field": label_of(name)}
            self.fields[name] = forms.ChoiceField(
                choices=[(way, way) for way in some],
                error_messages={"required": missing, "invalid_choice": missing},
            )

    @classmethod
    def between(
        cls,
        typed: EditForm,
        drawn: Drawn,
        data: Mapping[str, Any] | None = None,
        *,
        made: dict[str, Any] | None = None,
    ) -> ConflictForm:
        """`data` is what came back from the page, where one button may decide about all fields at once."""
        ways = {
            name: _ways(drawn.seen.get(name), typed.cleaned_data[name])
            for name in typed.page_order()
            if name in drawn.disputed
        }
        if data is not None and data.get("all") in (THEIRS, MINE):
            data = {f"keep-{name}": data["all"] for name in ways}
        return cls(ways, data, made=made)


def _ways(theirs: Any, mine: Any) -> list[str]:
    """Both together is only offered where it is a third value."""
    if not isinstance(mine, list) or {*together(theirs, mine)} in ({*(theirs or [])}, {*mine}):
        return [THEIRS, MINE]
    return [THEIRS, MINE, BOTH]


class CreateForm(DepartmentForm):
    """A department that is to be."""

    parent_id = ParentField(
        label=gettext_lazy("Parent department"),
        help_text=gettext_lazy("The ID, or the name if only one department has it."),
    )
    layout = (
        ("basics", gettext_lazy("Basics"), ("parent_id", "name", "order", "create_dept_group"), ()),
        *DepartmentForm.layout[1:3],
        ("other", gettext_lazy("Other"), ("source_identifier", "auto_approve_apply"), ()),
    )

    @classmethod
    def below(cls, parent_id: int, *, by: int | None) -> CreateForm:
        return cls.again(parent_id, {}, by=by)

    @classmethod
    def again(cls, parent_id: int, typed: Mapping[str, Any], *, by: int | None) -> CreateForm:
        """Filled in with what was typed into the form of a department that is gone."""
        known = {name: typed[name] for name in cls.base_fields if name in typed}
        sealed = Drawn.now({}).sealed(about=0, by=by)
        return cls(initial={**known, "parent_id": [parent_id], "drawn": sealed})

    @classmethod
    def not_asked(cls, typed: Mapping[str, Any]) -> list[str]:
        """What was set in an edit form and cannot be given when a department is created."""
        later = [name for name in EditForm.base_fields if name not in cls.base_fields]
        return [name for name in later if typed.get(name)]


class MoveForm(forms.Form):
    """Below which department it is to stand. `drawn` holds where it stood when the form was opened."""

    parent_id = ParentField(
        label=gettext_lazy("New parent department"),
        help_text=gettext_lazy("The ID, or the name if only one department has it."),
    )
    reason = reason_field()
    drawn = forms.CharField(widget=forms.HiddenInput, required=False)

    @classmethod
    def from_place(cls, dept_id: int, parent_id: int | None, *, by: int | None) -> MoveForm:
        return cls(initial={"drawn": cls._sealed(parent_id, about=dept_id, by=by)})

    def anew(self, parent_id: int | None, *, about: int, by: int | None) -> MoveForm:
        """The same form with what was typed, under a new operation id and drawn from where it stands now."""
        sealed = self._sealed(parent_id, about=about, by=by)
        anew = type(self)({**self.data.dict(), "drawn": sealed})  # type: ignore[attr-defined]
        anew.is_valid()
        return anew

    @staticmethod
    def _sealed(parent_id: int | None, *, about: int, by: int | None) -> str:
        return Drawn.now({"parent_id": parent_id}).sealed(about=about, by=by)


class DeleteForm(forms.Form):
    """The confirmation of a delete. Whether each part is asked for, the plan decides."""

    typed = forms.CharField(required=False, strip=True)
    chats_seen = forms.BooleanField(required=False)
    reason = reason_field()


#: As the IANA database divides the world.
_AREAS = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)


def _installed_zone() -> str:
    return _("Default (%(zone)s)") % {"zone": settings.TIME_ZONE}


@cache
def _zones() -> list[str]:
    """Those named for a place, and UTC: the rest are old names and single countries' rules."""
    known = available_timezones()  # looks at hundreds of files
    return ["UTC", *sorted(zone for zone in known if zone.partition("/")[0] in _AREAS)]


class PreferencesForm(forms.Form):
    """How a person wants the pages."""

    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        required=False,
        choices=lambda: [("", _("As the browser asks for")), *settings.LANGUAGES],
        help_text=gettext_lazy("Departments keep the names they have in DingTalk."),
    )
    theme = forms.ChoiceField(
        label=gettext_lazy("Colours"),
        required=False,
        choices=Preferences.Theme.choices,
        widget=forms.RadioSelect,
    )
    density = forms.ChoiceField(
        label=gettext_lazy("Rows and buttons"),
        required=False,
        choices=Preferences.Density.choices,
        widget=forms.RadioSelect,
        help_text=gettext_lazy("On a touch screen they are always large enough for a finger."),
    )
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        required=False,
        choices=lambda: [("", _installed_zone()), *((zone, zone) for zone in _zones())],
        help_text=gettext_lazy("Times in the history are shown in it."),
    )
    shortcuts = forms.BooleanField(
        label=gettext_lazy("Single keys work as shortcuts"),
        required=False,
        widget=forms.CheckboxInput(attrs={"role": "switch"}),
        help_text=gettext_lazy(
            "/ goes to the search box and ? shows the keys. Speech input may press them by mistake."
        ),
    )

    @classmethod
    def showing(cls, kept: Preferences) -> PreferencesForm:
        return cls(initial={name: getattr(kept, name) for name in cls.base_fields})


def labels(names: Iterable[str]) -> str:
    """Field names as a person reads them, in one line."""
    return listed(label_of(name) for name in names)
