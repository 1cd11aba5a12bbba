"""The stand-in's own calls, for a test or a demonstration in another process. JSON, under /_control/.

    GET  journal    every change of the organisation, with the records before and after
    GET  calls      every request and how it was answered, without tokens and secrets
    GET  org        the whole tree, each department with its members' userids
    GET  switches   all switches
    POST switches   {"delete_cascades": false, ...}; replies with all switches
    POST tokens     {"expire": true} or {"revoke": true}
    POST console    {"action": "move_department", "where": 93001234, "to": 1}: an administrator's edit
                    behind the app's back. The actions are `Organisation`'s methods by name:
                    create_department(name, parent, ...), edit_department(where, ...),
                    rename_department(where, name), move_department(where, to),
                    delete_department(where), add_member(where, name, userid, ...),
                    remove_member(where, who), move_member(who, to, out_of).
                    A department is given by its id or by a name only it has.
    POST reset      everything as it was at the start

Replies 200 with the answer, or 400 or 404 with {"message": "..."}. They are no part of DingTalk, are
not logged, and are as open as the port: listen on loopback.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

from sandbox.exchange import Reply, Request
from sandbox.refusals import DingTalkError

if TYPE_CHECKING:
    from sandbox.app import Sandbox

PREFIX = "/_control/"

Answer = dict[str, object]
Body = Mapping[str, Any]

_ACTIONS = frozenset(
    {
        "create_department",
        "edit_department",
        "rename_department",
        "move_department",
        "delete_department",
        "add_member",
        "remove_member",
        "move_member",
    }
)


def answer(sandbox: "Sandbox", request: Request) -> Reply:
    handle = _CALLS.get((request.method, request.path.removeprefix(PREFIX)))
    if handle is None:
        return Reply({"message": "There is no such control call."}, status=404)
    if request.body is None:
        return Reply({"message": "The body is not a JSON object."}, status=400)
    try:
        return Reply(handle(sandbox, request.body))
    except (DingTalkError, LookupError, TypeError, ValueError) as refusal:
        return Reply({"message": str(refusal)}, status=400)


def _journal(sandbox: "Sandbox", body: Body) -> Answer:
    return {"journal": [asdict(change) for change in sandbox.journal]}


def _calls(sandbox: "Sandbox", body: Body) -> Answer:
    return {"calls": [asdict(call) for call in sandbox.calls]}


def _org(sandbox: "Sandbox", body: Body) -> Answer:
    departments = [
        asdict(department) | {"userids": sandbox.org.member_ids(department.dept_id)}
        for department in sandbox.org
    ]
    return {"departments": departments, "people": [asdict(one) for one in sandbox.org.people]}


def _switches(sandbox: "Sandbox", body: Body) -> Answer:
    values = asdict(sandbox.switches)
    return values | {"granted_points": sorted(sandbox.switches.granted_points)}


def _change_switches(sandbox: "Sandbox", body: Body) -> Answer:
    sandbox.switches.change(body)
    return _switches(sandbox, body)


def _tokens(sandbox: "Sandbox", body: Body) -> Answer:
    match dict(body):
        case {"expire": True}:
            sandbox.expire_tokens()
        case {"revoke": True}:
            sandbox.revoke_tokens()
        case _:
            raise ValueError('Send {"expire": true} or {"revoke": true}.')
    return {"token_fetches": sandbox.token_fetches}


def _console(sandbox: "Sandbox", body: Body) -> Answer:
    arguments = dict(body)
    action = arguments.pop("action", None)
    if action not in _ACTIONS:
        raise ValueError(f"There is no such action: {action}")
    done = getattr(sandbox.org, action)(**arguments)
    return {"result": asdict(done) if is_dataclass(done) and not isinstance(done, type) else done}


def _reset(sandbox: "Sandbox", body: Body) -> Answer:
    sandbox.reset()
    return {"departments": len(sandbox.org)}


_CALLS: Mapping[tuple[str, str], Callable[["Sandbox", Body], Answer]] = {
    ("GET", "journal"): _journal,
    ("GET", "calls"): _calls,
    ("GET", "org"): _org,
    ("GET", "switches"): _switches,
    ("POST", "switches"): _change_switches,
    ("POST", "tokens"): _tokens,
    ("POST", "console"): _console,
    ("POST", "reset"): _reset,
}
