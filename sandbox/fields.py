"""Reads what a legacy call sends: JSON or a form, where lists are comma-joined strings and booleans
and numbers may be strings too (reference §0.3 and §2).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.exchange import Request, without_secrets
from sandbox.journal import Actor
from sandbox.org import Organisation
from sandbox.refusals import Refused
from sandbox.switches import Switches

if TYPE_CHECKING:
    from sandbox.app import Sandbox

BAD_FIELD = 400002
_NUMBER = re.compile(r"-?[0-9]{1,18}")  # a Long
LANGUAGES = ("zh_CN", "en_US")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A call that passed the gate: what was sent, of which organisation, by whom."""

    sent: Mapping[str, object]
    org: Organisation
    switches: Switches
    by: Actor

    @classmethod
    def through(
        cls,
        sandbox: "Sandbox",
        request: Request,
        sent: Mapping[str, object],
        *,
        of: Organisation,
    ) -> "Asked":
        return cls(
            sent=sent,
            org=of,
            switches=sandbox.switches,
            by=Actor("api", request.request_id, without_secrets(sent)),
        )

    def number(self, name: str, *, wrong: int = BAD_FIELD) -> int | None:
        """None when it was not sent. Raises Refused with the code `wrong` for anything but a number."""
        value = self.sent.get(name)
        if value is None:
            return None
        number = as_number(value)
        if number is None:
            raise Refused(wrong)
        return number

    def needed_number(self, name: str, *, wrong: int = BAD_FIELD) -> int:
        number = self.number(name, wrong=wrong)
        if number is None:
            raise Refused(wrong)
        return number

    def text(self, name: str, *, wrong: int = BAD_FIELD) -> str | None:
        value = self.sent.get(name)
        if value is not None and not isinstance(value, str):
            raise Refused(wrong)
        return value

    def needed_text(self, name: str, *, wrong: int = BAD_FIELD) -> str:
        text = self.text(name, wrong=wrong)
        if text is None:
            raise Refused(wrong)
        return text

    def flag(self, name: str, *, wrong: int = BAD_FIELD) -> bool | None:
        value = self.sent.get(name)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
        raise Refused(wrong)

    def listed(self, name: str, *, wrong: int = BAD_FIELD) -> tuple[str, ...] | None:
        """A comma-joined list; an empty text is an empty list."""
        text = self.text(name, wrong=wrong)
        if text is None:
            return None
        return tuple(item.strip() for item in text.split(",")) if text else ()

    def settings(self, name: str, *, wrong: int = BAD_FIELD) -> Mapping[str, object] | None:
        value = self.sent.get(name)
        if value is not None and not isinstance(value, dict):
            raise Refused(wrong)
        return value

    def check_language(self) -> None:
        if (self.text("language") or LANGUAGES[0]) not in LANGUAGES:
            raise Refused(BAD_FIELD)


def as_number(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value)
    return None
