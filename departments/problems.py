"""From an exception to what a person reads: status, what happened, what it means, what to do.

One table for our own rules, one for DingTalk's codes. DingTalk's words are shown beside ours, never instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import dingtalk, errors, fields, policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.utils.functional import _StrPromise

    Text = str | _StrPromise


@dataclass(frozen=True)
class Problem:
    """An exception as a person meets it."""

    status: int
    title: Text
    text: Text = ""
    advice: Text = ""
    #: DingTalk's own words, code and request id, to quote to its support.
    code: str = ""
    request_id: str = ""
    verbatim: str = ""
    links: list[tuple[str, Text]] = field(default_factory=list)
    retry: bool = False


#: Roles as people know them.
ROLE_NAMES: dict[str, Text] = {
    "viewer": gettext_lazy("viewer"),
    "editor": gettext_lazy("editor"),
    "deleter": gettext_lazy("deleter"),
    "administrator": gettext_lazy("administrator"),
}

#: What an administrator can do about it.
_REMEDIES: dict[type[dingtalk.NotAuthorised], Text] = {
    dingtalk.CredentialsRefused: gettext_lazy(
        "An administrator can check the Client ID and the Client Secret against DingTalk’s developer console."
    ),
    dingtalk.TokenRefused: gettext_lazy(
        "An administrator can check in DingTalk’s developer console that the app is published and switched on."
    ),
    dingtalk.AddressNotAllowed: gettext_lazy(
        "An administrator can add this server’s address to the app’s server IP list in the developer console."
    ),
    dingtalk.OutOfContactScope: gettext_lazy(
        "An administrator can widen the app’s contact scope in DingTalk’s developer console."
    ),
    dingtalk.AppDisabled: gettext_lazy(
        "An administrator can switch it on again in DingTalk’s admin console."
    ),
}
_OURS = gettext_lazy(
    "DingTalk did not accept how this product asked. This is a fault here, not yours."
)
_FASTER = gettext_lazy("DingTalk is limiting how often this app may ask.")
_TOKEN = gettext_lazy("DingTalk refused this app’s access token, also after it was renewed.")
_SECRET = gettext_lazy("DingTalk refused the Client ID or the Client Secret.")
_NAME_TAKEN = gettext_lazy("The parent already has a sub-department with this name.")
_NO_PERSON = gettext_lazy("DingTalk does not know this person.")
_EXCEPTIONS = gettext_lazy(
    "DingTalk did not accept the list of exceptions. Check the IDs and their number."
)
_PERMISSION = gettext_lazy("This app has not been given the permission for this.")
_CHAT = gettext_lazy("DingTalk’s rules for chats do not allow this.")
_BUSY = gettext_lazy("DingTalk was too busy to answer.")

#: What each of DingTalk's codes means for department work. Codes, never texts: DingTalk changes those
#: (https://open.dingtalk.com/document/development/server-api-error-codes-1, 2026-05-06).
SENTENCES: dict[int | str, Text] = {
    **dict.fromkeys(dingtalk.BUSY, _BUSY),
    60001: gettext_lazy("DingTalk does not accept this name. Names have 1 to 64 characters."),
    60002: gettext_lazy("This would be deeper than the 20 levels DingTalk allows."),
    60003: gettext_lazy("This department no longer exists in DingTalk."),
    60004: gettext_lazy("The parent department does not exist in DingTalk."),
    60005: gettext_lazy("People still belong to this department or to one below it."),
    60006: gettext_lazy("DingTalk wants the sub-departments deleted first."),
    60007: gettext_lazy("The root department cannot be deleted."),
    60008: _NAME_TAKEN,
    60009: gettext_lazy("The name contains a character that DingTalk does not allow."),
    60010: gettext_lazy("The new parent is this department itself or lies below it."),
    60011: _PERMISSION,
    60016: gettext_lazy("DingTalk says that this department ID already exists."),
    60017: gettext_lazy("DingTalk does not let apps change this setting of the organisation."),
    60018: gettext_lazy("The root department can only be changed in DingTalk’s admin console."),
    60019: gettext_lazy("DingTalk could not read the department’s members."),
    60020: gettext_lazy("DingTalk does not accept calls from this server’s address."),
    60021: _NAME_TAKEN,
    60022: gettext_lazy(
        "DingTalk found words it considers sensitive. Change the text and try again."
    ),
    60066: gettext_lazy("A setting of the organisation is missing in DingTalk."),
    60067: gettext_lazy("The chat owner does not exist. Choose somebody from this department."),
    60068: gettext_lazy("A manager does not exist. Choose people from this department."),
    60109: _EXCEPTIONS,
    600109: _EXCEPTIONS,
    60110: gettext_lazy("DingTalk’s limit for the number of departments is reached."),
    60510: gettext_lazy("DingTalk could not set who may see what."),
    40009: gettext_lazy("DingTalk does not accept this department ID."),
    40010: gettext_lazy("DingTalk does not accept this parent."),
    40011: gettext_lazy("The position value must be a whole number greater than 0."),
    40031: gettext_lazy(
        "One of these people is not in this department or not in the organisation."
    ),
    40032: gettext_lazy("The list of people is empty or too long."),
    40093: gettext_lazy("The chat owner must be a member of this department."),
    40000: gettext_lazy("DingTalk did not accept one of the values."),
    40035: gettext_lazy("DingTalk did not accept one of the values."),
    40036: gettext_lazy("DingTalk misses a value."),
    40066: gettext_lazy("DingTalk did not accept the list of departments."),
    41102: gettext_lazy("A value is larger than DingTalk allows."),
    400002: gettext_lazy("DingTalk did not accept one of the values."),
    "parameter.error": gettext_lazy("DingTalk did not accept one of the values."),
    "invalidDept": gettext_lazy("DingTalk does not accept this department ID."),
    33012: _NO_PERSON,
    40003: _NO_PERSON,
    41009: _NO_PERSON,
    46004: _NO_PERSON,
    60111: _NO_PERSON,
    60121: _NO_PERSON,
    "invalidParameter.user.notFound": _NO_PERSON,
    49003: _CHAT,
    49005: gettext_lazy("The chat would have more people than DingTalk allows."),
    49006: _CHAT,
    49013: gettext_lazy("The chat needs an owner."),
    49018: gettext_lazy("The chat owner must be an employee of the organisation."),
    50002: gettext_lazy("This person is outside this app’s contact scope."),
    50004: gettext_lazy("This department is outside this app’s contact scope."),
    50003: gettext_lazy("This app has been switched off in DingTalk."),
    50005: gettext_lazy("The organisation has been disabled in DingTalk."),
    70001: gettext_lazy("The organisation no longer exists in DingTalk."),
    43007: _PERMISSION,
    48002: _PERMISSION,
    "Forbidden.AccessDenied.AccessTokenPermissionDenied": _PERMISSION,
    "Forbidden.AccessDenied.IpNotInWhiteList": gettext_lazy(
        "DingTalk does not accept calls from this server’s address."
    ),
    90020: gettext_lazy("The organisation’s calls for this month are used up."),
    "Forbidden.AccessDenied.ApiCountLimitForOrg": gettext_lazy(
        "The organisation’s calls for this month are used up."
    ),
    **dict.fromkeys(dingtalk.codes_of(dingtalk.RateLimited), _FASTER),
    **dict.fromkeys(dingtalk.codes_of(dingtalk.TokenRefused), _TOKEN),
    **dict.fromkeys(dingtalk.codes_of(dingtalk.CredentialsRefused), _SECRET),
    **dict.fromkeys(
        [
            22,
            404,
            40018,
            40033,
            40038,
            40068,
            40069,
            40070,
            43001,
            43002,
            43003,
            43004,
            43005,
            43009,
            44002,
            47001,
        ],
        _OURS,
    ),
}

#: Beside which field of a form a refusal belongs.
FIELD_OF: dict[int | str, str] = {
    **dict.fromkeys([60001, 60008, 60009, 60021, 60022], "name"),
    **dict.fromkeys([60002, 60004, 60010, 60110, 40010], "parent_id"),
    40011: "order",
}


def sentence_for(code: int | str | None) -> Text:
    """What a code means, or that nobody lists it."""
    if code is not None and code in SENTENCES:
        return SENTENCES[code]
    return gettext_lazy("DingTalk answered in a way this product does not know.")


def of(failure: Exception) -> Problem:
    """The problem to show. Raises LookupError for an exception that is not ours."""
    for family in type(failure).__mro__:
        if family in _TABLE:
            return _TABLE[family](failure)
    raise LookupError(type(failure).__name__)


class _Said(TypedDict):
    code: str
    request_id: str
    verbatim: str


def _said(failure: dingtalk.DingTalkError) -> _Said:
    return {
        "code": "" if failure.code is None else str(failure.code),
        "request_id": failure.request_id,
        "verbatim": failure.message if failure.code is not None else "",
    }


def _unreachable(_failure: Exception) -> Problem:
    return Problem(
        503,
        _("DingTalk cannot be reached"),
        _("There is no connection to DingTalk at the moment. Nothing was changed."),
        _("What was read before can still be looked at. Try again in a minute."),
        retry=True,
    )


def _too_busy_here(_failure: Exception) -> Problem:
    return Problem(
        503,
        _("Too much is under way"),
        _("Too many calls to DingTalk are waiting. This one was not sent and nothing was changed."),
        _("Try again in a moment."),
        retry=True,
    )


def _blocked(failure: dingtalk.Blocked) -> Problem:
    until = date_format(timezone.localtime(failure.until), "H:i")
    return Problem(
        503,
        _("DingTalk has paused this server"),
        _("DingTalk refuses every call from this server until about %(time)s. Nothing was changed.")
        % {"time": until},
        _("What was read before can still be looked at."),
    )


def _no_answer(failure: dingtalk.DingTalkError) -> Problem:
    return Problem(
        503,
        _("DingTalk is not answering"),
        _("DingTalk did not answer in time. Nothing was changed."),
        _("What was read before can still be looked at. Try again in a minute."),
        retry=True,
        **_said(failure),
    )


def _not_understood(failure: dingtalk.DingTalkError) -> Problem:
    return Problem(
        502,
        _("DingTalk’s answer could not be read"),
        sentence_for(failure.code),
        _("Nothing was changed. Try again; if it stays, quote the code and the request ID."),
        retry=True,
        **_said(failure),
    )


def _unknown(failure: dingtalk.DingTalkError) -> Problem:
    return Problem(
        502,
        _("We do not know yet whether this happened"),
        _("DingTalk’s answer was lost. The change may or may not have been made."),
        _("Do not send it again. We look again by ourselves and say here what we find."),
        **_said(failure),
    )


def _refused(failure: dingtalk.DingTalkError) -> Problem:
    return Problem(
        409, _("DingTalk did not accept this"), sentence_for(failure.code), **_said(failure)
    )


def _not_there(failure: dingtalk.DingTalkError) -> Problem:
    return Problem(404, _("Not found in DingTalk"), sentence_for(failure.code), **_said(failure))


def _rate_limited(failure: dingtalk.DingTalkError) -> Problem:
    return Problem(
        429,
        _("DingTalk is limiting us"),
        sentence_for(failure.code),
        _("Nothing was changed. Try again in a moment."),
        retry=True,
        **_said(failure),
    )


def _not_authorised(failure: dingtalk.NotAuthorised) -> Problem:
    return Problem(
        503,
        _("DingTalk does not allow this app to do that"),
        sentence_for(failure.code),
        _REMEDIES[type(failure)],
        **_said(failure),
    )


def _permission_missing(failure: dingtalk.PermissionMissing) -> Problem:
    names = fields.listed(failure.scopes) or _("DingTalk did not say which")
    url = failure.apply_url
    return Problem(
        503,
        _("A permission is missing in DingTalk"),
        _("This app has not been given the permission point %(names)s.") % {"names": names},
        _("An administrator can request it in DingTalk’s developer console."),
        links=[(url, _("Open DingTalk’s page for requesting it"))] if url else [],
        **_said(failure),
    )


def _not_permitted(failure: errors.NotPermitted) -> Problem:
    role = ROLE_NAMES[policy.lowest_role_with(failure.permission)]
    return Problem(
        403,
        _("Your role does not allow this"),
        _("This needs the role %(role)s.") % {"role": role},
        _("An administrator can give it to you."),
    )


def _department_unknown(failure: errors.DepartmentUnknown) -> Problem:
    return Problem(
        404,
        _("There is no such department"),
        _("Neither DingTalk nor our history knows a department with the ID %(id)s.")
        % {"id": failure.dept_id},
    )


def _department_gone(failure: errors.DepartmentGone) -> Problem:
    seen = date_format(timezone.localtime(failure.remembered.seen_at), "DATETIME_FORMAT")
    return Problem(
        410,
        _("“%(name)s” no longer exists") % {"name": failure.remembered.name},
        _("It was last seen on %(time)s as %(path)s.") % {"time": seen, "path": failure.path},
        _("It has been deleted in DingTalk, here or elsewhere."),
    )


def _fixed(failure: errors.Fixed) -> Problem:
    if failure.why == "linked":
        text = _("It comes from a linked organisation and can only be changed there.")
    else:
        text = _("The top department can only be changed in DingTalk’s admin console.")
    return Problem(409, _("This department cannot be changed here"), text)


def _outside_fence(_failure: Exception) -> Problem:
    return Problem(
        403,
        _("Outside the part that may be changed"),
        _("This installation may change only one part of the organisation; this lies outside it."),
    )


def _in_doubt(failure: errors.InDoubt) -> Problem:
    return Problem(
        423,
        _("An earlier change is not settled yet"),
        _(
            "We do not know yet how an earlier change to “%(name)s” ended. Until then it is left alone."
        )
        % {"name": failure.entry.name},
        _("We are looking again; this takes about a minute."),
        links=[(f"/history/{failure.entry.pk}/", _("Show that change"))],
    )


def _asked_before(failure: errors.AskedBefore) -> Problem:
    return Problem(
        409,
        _("This form has already been sent"),
        _(
            "It was sent with other content before, and that may have had its effect. Nothing more was sent."
        ),
        _("Look at what happened first. If you still want this, save once more."),
        links=[(f"/history/{failure.operation.entry().pk}/", _("Show what happened"))],
    )


def _plan_not_usable(failure: errors.PlanNotUsable) -> Problem:
    text = {
        "old": _("This check is too old. Check again."),
        "another": _("This check was made by somebody else. Make your own."),
        "end": _("This check does not allow the delete."),
    }[failure.why]
    return Problem(409, _("Nothing has been deleted"), text)


_TABLE: dict[type, Callable[[Any], Problem]] = {
    dingtalk.Unreachable: _unreachable,
    dingtalk.TooBusyHere: _too_busy_here,
    dingtalk.Blocked: _blocked,
    dingtalk.NoAnswer: _no_answer,
    dingtalk.NotUnderstood: _not_understood,
    dingtalk.OutcomeUnknown: _unknown,
    dingtalk.Refused: _refused,
    dingtalk.NotThere: _not_there,
    dingtalk.RateLimited: _rate_limited,
    **dict.fromkeys(_REMEDIES, _not_authorised),
    dingtalk.PermissionMissing: _permission_missing,
    errors.NotPermitted: _not_permitted,
    errors.DepartmentUnknown: _department_unknown,
    errors.DepartmentGone: _department_gone,
    errors.Fixed: _fixed,
    errors.OutsideFence: _outside_fence,
    errors.InDoubt: _in_doubt,
    errors.AskedBefore: _asked_before,
    errors.PlanNotUsable: _plan_not_usable,
}
