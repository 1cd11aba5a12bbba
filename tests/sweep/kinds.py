"""How a person makes each kind of write: which form they open, what they fill in, where they send it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.test import Client


@dataclass(frozen=True)
class Form:
    """What a browser holds: where it will send what was filled in."""

    url: str
    data: dict[str, Any]

    def send(self, client: Client) -> Page:
        return Page.of(client.post(self.url, self.data, follow=True))


@dataclass(frozen=True)
class Page:
    """What somebody was told."""

    status: int
    url: str
    text: str
    #: The outcomes that an entry's page, or a delete's result, shows.
    outcomes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, response: Any) -> Page:
        html = response.content.decode()
        main = html[html.find("<main") :]
        return cls(
            response.status_code,
            response.request["PATH_INFO"],
            _text(main),
            re.findall(r'class="outcome (\w+)"', main),
        )


@dataclass(frozen=True)
class Kind:
    """One kind of write; `about` names the departments it is about, `below` where a new one is to appear."""

    #: DingTalk's call for it.
    call: str
    about: tuple[str, ...]
    open: Callable[[Client, Mapping[str, int]], Form]
    below: str = ""

    def body(self, places: Mapping[str, int], filled: Mapping[str, Any]) -> dict[str, Any]:
        """The same write as a plain caller of DingTalk's API would send it."""
        target = (
            {"parent_id": places[self.below]} if self.below else {"dept_id": places[self.about[0]]}
        )
        return {**target, **filled}


CREATED = {"name": "Design"}
CREATED_WITH_CHAT = {"name": "Design", "create_dept_group": True}
UPDATED = {"name": "Legal affairs", "hide_dept": True}
BRANCH = ("Plant", "North", "Foundry", "South")


def _filled(page: Any, **filled: Any) -> dict[str, Any]:
    """The form of a page as a browser would send it, with some fields filled in."""
    data: dict[str, Any] = {}
    for bound in page.context["form"]:
        value = bound.value()
        if bound.field.disabled or value is None or value is False:
            continue
        data[bound.name] = "on" if value is True else bound.field.prepare_value(value)
    return {**data, **{name: "on" if value is True else value for name, value in filled.items()}}


def _create(**filled: Any) -> Callable[[Client, Mapping[str, int]], Form]:
    def opened(client: Client, places: Mapping[str, int]) -> Form:
        url = f"/departments/{places['Research']}/new/"
        return Form(url, _filled(client.get(url), **filled))

    return opened


def _update(client: Client, places: Mapping[str, int]) -> Form:
    url = f"/departments/{places['Legal']}/edit/"
    return Form(url, _filled(client.get(url), **UPDATED))


def _move(client: Client, places: Mapping[str, int]) -> Form:
    url = f"/departments/{places['Legal']}/move/"
    return Form(url, _filled(client.get(url), parent_id=str(places["Archive"])))


def _delete(top: str, **confirmed: Any) -> Callable[[Client, Mapping[str, int]], Form]:
    def opened(client: Client, places: Mapping[str, int]) -> Form:
        checked = client.post(f"/departments/{places[top]}/delete/", follow=True)
        return Form(checked.request["PATH_INFO"], dict(confirmed))

    return opened


KINDS: dict[str, Kind] = {
    "create": Kind("department/create", (), _create(**CREATED), below="Research"),
    "create with chat": Kind(
        "department/create", (), _create(**CREATED_WITH_CHAT), below="Research"
    ),
    "update": Kind("department/update", ("Legal",), _update),
    "move": Kind("department/update", ("Legal",), _move),
    "delete": Kind("department/delete", ("Workshop",), _delete("Workshop")),
    "delete a branch": Kind("department/delete", BRANCH, _delete("Plant", chats_seen="on")),
}


def plain_fields(kind: str, places: Mapping[str, int]) -> dict[str, Any]:
    """What the write of this kind sets, in DingTalk's words."""
    return {
        "create": CREATED,
        "create with chat": CREATED_WITH_CHAT,
        "update": UPDATED,
        "move": {"parent_id": places["Archive"]},
    }.get(kind, {})


def _text(html: str) -> str:
    """What a person reads: no tags, single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()
