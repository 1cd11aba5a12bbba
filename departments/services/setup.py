"""Is everything there that the product needs to work? Each check is one harmless look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from .. import gateway
from ..dingtalk import ROOT_ID, DingTalkError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Check:
    """One line of the doctor. `failure` is what DingTalk or the wire said, None when all is well."""

    code: str
    failure: DingTalkError | None = None
    missing: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return str(_TITLES[self.code])

    @property
    def ok(self) -> bool:
        return self.failure is None and not self.missing


_TITLES = {
    "S01": _("Client ID and Client Secret are set"),
    "S02": _("DingTalk gives an access token"),
    "S03": _("Departments can be read (qyapi_get_department_list)"),
    "S05": _("People can be counted (qyapi_get_member)"),
    "S05n": _("People can be named (qyapi_get_department_member)"),
}


def missing_settings() -> list[str]:
    return gateway.missing_settings()


def checks() -> list[Check]:
    """Credentials, token and contact scope, reading departments, counting people, naming people.

    Without credentials only the first is made; without a token only the first two.
    """
    missing = tuple(gateway.missing_settings())
    if missing:
        return [Check("S01", missing=missing)]
    client = gateway.dingtalk()
    token = _tried("S02", client.contact_scope)
    if not token.ok:
        return [Check("S01"), token]
    return [
        Check("S01"),
        token,
        _tried("S03", lambda: client.list_child_ids(ROOT_ID)),
        _tried("S05", lambda: client.list_member_ids(ROOT_ID)),
        _tried("S05n", lambda: client.list_member_names(ROOT_ID, size=1)),
    ]


def _tried(code: str, look: Callable[[], object]) -> Check:
    try:
        look()
    except DingTalkError as failure:
        return Check(code, failure)
    return Check(code)
