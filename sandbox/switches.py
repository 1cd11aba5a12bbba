"""Everything about the stand-in that can be turned: what the app may do, how fast, and which reading
of DingTalk's documents holds where they contradict each other (reference §12 and §13).
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, fields
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

ALL_POINTS = frozenset(
    {
        "qyapi_base",
        "qyapi_manage_addresslist",
        "qyapi_get_department_list",
        "qyapi_get_department_member",
        "qyapi_get_member",
        "qyapi_addresslist_search",
    }
)


@dataclass(slots=True, kw_only=True)
class Switches:
    """All switches with their defaults. Change them at any time; the next call sees it."""

    # What the app may do (reference §5).
    granted_points: set[str] = field(default_factory=lambda: set(ALL_POINTS))
    contact_scope: list[int] = field(default_factory=lambda: [1])
    contact_scope_users: list[str] = field(default_factory=list)
    listed_ips: list[str] | None = None  # None: no list; entries may end in "*"

    # How fast (§6.1). None: no limit.
    calls_per_second: int | None = None  # app x API; DingTalk's Standard edition allows 20
    calls_per_second_of_all_apps: int | None = None  # 1200 was seen for listsub
    calls_per_20_seconds_of_ip: int | None = None  # 10,000 at DingTalk, then five minutes' ban
    ip_banned: bool = False
    ip_ban_shape: Literal["html", "json"] = "html"
    monthly_quota: int | None = None  # 5,000 in the Standard edition
    quota_counts_contacts: bool = False  # DingTalk leaves contacts calls out of the count
    latency_ms: int = 0
    patience_ms: int = (
        3000  # the platform gives up on a slower call; what it asked for still happens
    )
    slow_call_code: Literal[15, 88] = 15

    # Which code stands for a refusal.
    refused_token_code: Literal[40014, 42001, 40001, 33001] = 40014
    missing_point_shape: Literal["wrapped", "60011", "43007"] = "wrapped"
    throttling_wrapped: bool = True
    scope_code: Literal[50004, 60003] = 50004
    illegal_name_code: Literal[60009, 60001] = 60009
    sibling_name_code: Literal[60021, 60008] = 60021
    root_delete_code: Literal[60007, 400002] = 60007
    unknown_user_code: Literal[60121, 33012] = 60121

    # What a write does.
    delete_cascades: bool = True  # off: 60006 while there are sub-departments
    create_accepts_code: bool = False
    undocumented_fields: bool = False  # brief, telephone, extension and the like are kept
    empty_value_clears: bool = True  # off: an empty text or list leaves the field as it was
    false_dismisses_chat: bool = False  # create_dept_group=false on update
    refuses_ascii_escapes: bool = True  # 40033

    # What a reply looks like.
    empty_lists_shown: bool = True  # visibility lists that are off: [] or left out
    no_managers_shown: bool = False  # nobody: left out or []
    root_parent: Literal["absent", "zero", "null"] = "absent"
    search_offset: Literal["item", "page"] = "item"
    search_in_scope: bool = True

    # Limits (§6.2) and our own housekeeping.
    depth_limit: int = 20
    children_limit: int = 1000
    departments_limit: int | None = None
    visibility_limit: int = 50
    calls_kept: int = 100_000

    def become(self, other: "Switches") -> None:
        """Stand as the other's switches do."""
        for one in fields(self):
            setattr(self, one.name, deepcopy(getattr(other, one.name)))

    def change(self, values: Mapping[str, object]) -> None:
        """Turn switches by name. Raises ValueError, having changed none, for an unknown name or a misfit."""
        hints = get_type_hints(type(self))
        if unknown := sorted(values.keys() - hints.keys()):
            raise ValueError(f"There is no switch called {', '.join(unknown)}.")
        fitted = {name: _fit(name, value, hints[name]) for name, value in values.items()}
        for name, value in fitted.items():
            setattr(self, name, value)


def _fit(name: str, value: object, hint: Any) -> object:
    if not _fits(value, hint):
        raise ValueError(f"{name} cannot be {value!r}.")
    return set(value) if get_origin(hint) is set and isinstance(value, list) else value


def _fits(value: object, hint: Any) -> bool:
    kind, of = get_origin(hint), get_args(hint)
    if kind is Literal:
        # 1 == True in Python, so the type is compared too.
        return any(value == choice and type(value) is type(choice) for choice in of)
    if kind is UnionType:
        return any(_fits(value, choice) for choice in of)
    if kind in {list, set}:
        return isinstance(value, list) and all(_fits(item, of[0]) for item in value)
    if hint is NoneType or hint is None:
        return value is None
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return isinstance(value, hint)
