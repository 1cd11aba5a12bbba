"""Does DingTalk show what was wanted? Every verdict on a write rests on these few comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..dingtalk import WRITE_ONLY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..models import AuditEntry


def same(one: Any, other: Any) -> bool:
    """Equal as DingTalk means it: unset, false, empty text and empty list are one; lists have no order."""
    return bool(_plain(one) == _plain(other))


def judged(wanted: Mapping[str, Any]) -> list[str]:
    """The wanted fields that a read can show; write-only ones cannot be verified by anybody."""
    return [field for field in wanted if field not in WRITE_ONLY]


def not_taken(wanted: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The wanted fields that a read does not show."""
    return [field for field in judged(wanted) if not same(wanted[field], now.get(field))]


def untouched(entry: AuditEntry, now: Mapping[str, Any]) -> bool:
    """Everything that was to be written is as it was before."""
    return all(same(entry.before.get(field), now.get(field)) for field in judged(entry.wanted))


def shown(entry: AuditEntry, now: Mapping[str, Any]) -> bool:
    """Has the write left its mark? All that can be read is as wanted, or some field has turned to it.

    Without the mark a read may only be behind: a copy of DingTalk's that the write has not reached yet.
    """
    missing = set(not_taken(entry.wanted, now))
    turned = [
        field
        for field in judged(entry.wanted)
        if field not in missing and not same(entry.before.get(field), entry.wanted[field])
    ]
    return not missing or bool(turned)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return sorted(map(str, value)) or None
    return value or None
