"""Every field of a department in a person's words: its label, its card, and how its value is said.

One table serves the department page, the forms' labels, conflicts and history.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.utils.functional import _StrPromise


@dataclass(frozen=True)
class Field:
    """`kind` decides how a value is said: text, yes/no, ids of departments, ids of people, and so on."""

    name: str
    label: str | _StrPromise
    kind: str = "text"
    note: str | _StrPromise = ""
    #: What no and yes are called here, where they are not just that.
    words: tuple[str | _StrPromise, str | _StrPromise] | None = None


@dataclass(frozen=True)
class Card:
    key: str
    title: str | _StrPromise
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Part:
    """A piece of a value; `dept_id` makes it a link to that department."""

    text: str
    dept_id: int | None = None
    code: bool = False


@dataclass(frozen=True)
class Row:
    """One field as shown. No parts: DingTalk has no value for it."""

    field: Field
    parts: list[Part]

    @property
    def unset(self) -> bool:
        return not self.parts


#: How far members may see where that is limited: no and yes of `outer_dept_only_self`.
REACH = (
    gettext_lazy("Only themselves"),
    gettext_lazy("Their own department and everything below it"),
)
_NEVER_TOLD = gettext_lazy("DingTalk does not tell the current value.")

CARDS: tuple[Card, ...] = (
    Card(
        "basics",
        gettext_lazy("Basics"),
        (
            Field("name", gettext_lazy("Name")),
            Field("dept_id", gettext_lazy("Department ID"), "id"),
            Field("parent_id", gettext_lazy("Parent"), "department"),
            Field(
                "order",
                gettext_lazy("Position value"),
                "order",
                gettext_lazy("Departments with smaller values come first among their siblings."),
            ),
            Field("dept_manager_userid_list", gettext_lazy("Managers"), "people"),
            Field("code", gettext_lazy("Department code")),
            Field(
                "source_identifier",
                gettext_lazy("Source identifier"),
                "text",
                gettext_lazy("Used by other systems. Not shown in DingTalk’s admin console."),
            ),
            Field("owning_member_count", gettext_lazy("People here"), "count"),
            Field("member_count", gettext_lazy("People including everything below"), "count"),
        ),
    ),
    Card(
        "visibility",
        gettext_lazy("Who can see it"),
        (
            Field("hide_dept", gettext_lazy("Hide from Contacts"), "switch"),
            Field("dept_permits", gettext_lazy("Departments that may still see it"), "departments"),
            Field("user_permits", gettext_lazy("People who may still see it"), "people"),
            Field("hide_scene_config", gettext_lazy("Where hiding applies"), "scenes"),
        ),
    ),
    Card(
        "restriction",
        gettext_lazy("What its members can see"),
        (
            Field("outer_dept", gettext_lazy("Limit what members see"), "switch"),
            Field(
                "outer_dept_only_self",
                gettext_lazy("Limited to"),
                "untold",
                _NEVER_TOLD,
                REACH,
            ),
            Field(
                "outer_permit_depts", gettext_lazy("Departments they may also see"), "departments"
            ),
            Field("outer_permit_users", gettext_lazy("People they may also see"), "people"),
            Field("outer_scene_config", gettext_lazy("Where the limit applies"), "scenes"),
        ),
    ),
    Card(
        "chat",
        gettext_lazy("Department Chat"),
        (
            Field("create_dept_group", gettext_lazy("Department Chat"), "chat"),
            Field("dept_group_chat_id", gettext_lazy("Chat ID"), "id"),
            Field("org_dept_owner", gettext_lazy("Chat owner"), "people"),
            Field("auto_add_user", gettext_lazy("Add new members to the chat"), "switch"),
            Field(
                "group_contain_sub_dept",
                gettext_lazy("Include people of sub-departments"),
                "switch",
            ),
            Field(
                "group_contain_outer_dept",
                gettext_lazy("Include outsourced departments"),
                "untold",
                _NEVER_TOLD,
            ),
            Field(
                "group_contain_hidden_dept",
                gettext_lazy("Include hidden departments"),
                "untold",
                _NEVER_TOLD,
            ),
        ),
    ),
    Card(
        "joining",
        gettext_lazy("Joining"),
        (
            Field(
                "auto_approve_apply", gettext_lazy("Approve join requests automatically"), "switch"
            ),
            Field("emp_apply_join_dept", gettext_lazy("Staff may apply to join"), "switch"),
        ),
    ),
    Card(
        "more",
        pgettext_lazy("heading of a card", "More"),
        (
            Field("brief", gettext_lazy("Introduction")),
            Field("telephone", gettext_lazy("Phone")),
            Field("extention", gettext_lazy("Extension"), "id"),
            Field("tags", gettext_lazy("Education tag")),
            Field("from_union_org", gettext_lazy("From a linked organisation"), "switch"),
            Field("union_dept_ext", gettext_lazy("Linked department"), "object"),
        ),
    ),
)

FIELDS: dict[str, Field] = {field.name: field for card in CARDS for field in card.fields}

_POINTING = [field.name for field in FIELDS.values() if field.kind in ("department", "departments")]

_SCENES = {
    "active": gettext_lazy("own setting instead of the organisation’s"),
    "node_list": gettext_lazy("organisation tree"),
    "search": gettext_lazy("search"),
    "profile": gettext_lazy("profile page"),
    "chatbox_subtitle": gettext_lazy("one-to-one chat"),
}


def label_of(name: str) -> str:
    return str(FIELDS[name].label) if name in FIELDS else name


def rows_of(card: Card, told: Mapping[str, Any], names: Mapping[int, str]) -> list[Row]:
    """A card's fields with what DingTalk told."""
    return [Row(field, parts_of(field, told, names)) for field in card.fields]


def parts_of(field: Field, told: Mapping[str, Any], names: Mapping[int, str]) -> list[Part]:
    value = told.get(field.name)
    if field.kind == "chat":
        return [Part(_chat_in_words(told))]
    if value is None or value in ("", [], {}):
        return []
    if field.words:
        return [Part(str(field.words[bool(value)]))]
    return _SAY[field.kind](value, told, names)


def in_words(name: str, value: Any, names: Mapping[int, str]) -> str:
    """A value in one line, for history and conflicts."""
    field = FIELDS.get(name, Field(name, name))
    kind = {"chat": "switch", "untold": "switch"}.get(field.kind, field.kind)
    parts = parts_of(replace(field, kind=kind), {name: value}, names)
    return listed(part.text for part in parts) or _("not set")


def told_in_words(name: str, told: Mapping[str, Any] | None, names: Mapping[int, str]) -> str:
    """What DingTalk told of a field, in one line; where it never tells, that."""
    field = FIELDS.get(name)
    if field is not None and field.kind == "untold":
        return str(field.note)
    return in_words(name, (told or {}).get(name), names)


def mentioned(*told: Mapping[str, Any]) -> set[int]:
    """The departments that these values point at by id."""
    ids: set[int] = set()
    for one in told:
        for name in _POINTING:
            value = one.get(name) or []
            ids.update(value if isinstance(value, list) else [value])
    return ids


def listed(texts: Iterable[object]) -> str:
    """Several things in one line, with what the language puts between them."""
    return pgettext("between items of a list", ", ").join(map(str, texts))


def _chat_in_words(told: Mapping[str, Any]) -> str:
    if told.get("dept_group_chat_id"):
        return _("Exists")
    if told.get("create_dept_group"):
        return _("Asked for; DingTalk has not made it yet")
    return _("None")


def _departments(value: Any, _told: Any, names: Mapping[int, str]) -> list[Part]:
    ids = value if isinstance(value, list) else [value]
    return [Part(names.get(dept_id, str(dept_id)), dept_id) for dept_id in ids]


def _people(value: Any, _told: Any, _names: Any) -> list[Part]:
    ids = value if isinstance(value, list) else [value]
    return [Part(userid, code=True) for userid in ids]


def _order(value: Any, told: Mapping[str, Any], _names: Any) -> list[Part]:
    # DingTalk reports the id where no order was ever set.
    never_set = value == told.get("dept_id")
    return [Part(_("%(order)s (never set)") % {"order": value} if never_set else str(value))]


def _scenes(value: Any, _told: Any, _names: Any) -> list[Part]:
    return [Part(str(_SCENES.get(scene, scene))) for scene, on in value.items() if on]


def _switch(value: Any, _told: Any, _names: Any) -> list[Part]:
    return [Part(_("Yes") if value else _("No"))]


_SAY = {
    "text": lambda value, _told, _names: [Part(str(value))],
    "id": lambda value, _told, _names: [Part(str(value), code=True)],
    "count": lambda value, _told, _names: [Part(str(value))],
    "object": lambda value, _told, _names: [Part(json.dumps(value, ensure_ascii=False), code=True)],
    "switch": _switch,
    "untold": _switch,
    "department": _departments,
    "departments": _departments,
    "people": _people,
    "order": _order,
    "scenes": _scenes,
}
