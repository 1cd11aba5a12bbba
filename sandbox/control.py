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
    POST reset      everything as it was at the start; calls that wait for something are dropped

What shall go wrong (see `sandbox.faults` and, for the names, `sandbox.catalogue`):

    GET  faults           the rules, what fired with its request ids, and how many calls come late
    GET  faults/known     every fault there is: its meaning, phases, and what becomes of a write
    POST faults           {"fault": "reset", "path": "department/create", "phase": "after"}: a rule, with
                          any of Rule's fields: fault, path, dept_id, nth, times, phase, seconds, size,
                          body, status, content (bytes as Latin-1). `times` null is for ever.
    POST faults/random    {"seed": 7, "rate": 0.1, "among": ["drop", "busy:after"], "path": "department/"}
    POST faults/clear     no more of it; what was put off still happens
    POST faults/hurry     what was put off happens now
    POST faults/call_off  what was put off never happens
    GET  barriers         each barrier's state: set, held, or given up
    POST barriers         {"hold": "name", "path": "department/update", "phase": "before"}, with any of
                          dept_id, nth, seconds; {"wait": "name", "seconds": 5} returns the id of the call
                          that is held there, once one is; {"release": "name"}; {"clear": true}

All replies tell the state afterwards, as the GET does.

Replies 200 with the answer, or 400 or 404 with {"message": "..."}. They are no part of DingTalk, are
not logged, and are as open as the port: listen on loopback.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sandbox import catalogue
from sandbox.exchange import Reply, Request
from sandbox.faults import Rule
from sandbox.records import Department, Member
from sandbox.refusals import Refused

if TYPE_CHECKING:
    from sandbox.app import Sandbox

PREFIX = "/_control/"

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
    if request.body is None:
        return _no("The body is not a JSON object.", status=400)
    call = request.path.removeprefix(PREFIX)
    try:
        # These wait for other calls, which may need the lock.
        if call.partition("/")[0] in {"faults", "barriers", "reset"}:
            return _disturb(sandbox, request.method, call, request.body)
        with sandbox.lock:
            return _answer(sandbox, request.method, call, request.body)
    except (Refused, LookupError, TypeError, ValueError, TimeoutError) as refusal:
        return _no(str(refusal), status=400)


def _disturb(sandbox: "Sandbox", method: str, call: str, body: Body) -> Reply:
    plan = sandbox.faults
    match method, call:
        case "POST", "reset":
            sandbox.reset()
            return Reply({"departments": len(sandbox.org)})
        case "GET", "faults/known":
            return Reply({"faults": catalogue.shown()})
        case ("GET", "faults") | ("GET", "barriers"):
            pass
        case "POST", "faults":
            plan.add(_rule(**body))
        case "POST", "faults/random":
            plan.random(**body)
        case "POST", "faults/clear":
            plan.clear()
        case "POST", "faults/hurry":
            plan.later.hurry()
        case "POST", "faults/call_off":
            plan.later.call_off()
        case "POST", "barriers":
            return _barrier(sandbox, **body)
        case _:
            return _no("There is no such control call.", status=404)
    return _faults(sandbox) if call.startswith("faults") else _barriers(sandbox)


def _rule(*, content: str = "", **fields: Any) -> Rule:
    return Rule(content=content.encode("latin-1"), **fields)


def _faults(sandbox: "Sandbox") -> Reply:
    plan = sandbox.faults
    seen = [asdict(one) | {"rule": one.rule.shown()} for one in plan.seen]
    rules = [rule.shown() for rule in plan.rules]
    return Reply({"rules": rules, "seed": plan.seed, "seen": seen, "later": len(plan.later)})


def _barrier(sandbox: "Sandbox", **body: Any) -> Reply:
    barriers = sandbox.barriers
    match body:
        case {"hold": str(name), **fields}:
            barriers.hold(name, **fields)
        case {"wait": str(name), **fields}:
            held = barriers.wait_until_held(name, **fields)
            return _barriers(sandbox, request_id=held)
        case {"release": str(name)}:
            barriers.release(name)
        case {"clear": True}:
            barriers.clear()
        case _:
            raise ValueError("Send one of hold, wait, release, clear.")
    return _barriers(sandbox)


def _barriers(sandbox: "Sandbox", **more: object) -> Reply:
    return Reply({"barriers": sandbox.barriers.states} | more)


def _answer(sandbox: "Sandbox", method: str, call: str, body: Body) -> Reply:
    match method, call:
        case "GET", "journal":
            return Reply({"journal": [asdict(change) for change in sandbox.journal]})
        case "GET", "calls":
            return Reply({"calls": [asdict(one) for one in sandbox.calls]})
        case "GET", "org":
            return _org(sandbox)
        case "GET", "switches":
            return _switches(sandbox)
        case "POST", "switches":
            sandbox.switches.change(body)
            return _switches(sandbox)
        case "POST", "tokens":
            return _tokens(sandbox, body)
        case "POST", "console":
            return _console(sandbox, **body)
        case _:
            return _no("There is no such control call.", status=404)


def _org(sandbox: "Sandbox") -> Reply:
    departments = [
        asdict(department) | {"userids": sandbox.org.member_ids(department.dept_id)}
        for department in sandbox.org
    ]
    return Reply(
        {"departments": departments, "people": [asdict(one) for one in sandbox.org.people]}
    )


def _switches(sandbox: "Sandbox") -> Reply:
    values = asdict(sandbox.switches)
    return Reply(values | {"granted_points": sorted(sandbox.switches.granted_points)})


def _tokens(sandbox: "Sandbox", body: Body) -> Reply:
    match dict(body):
        case {"expire": True}:
            sandbox.expire_tokens()
        case {"revoke": True}:
            sandbox.revoke_tokens()
        case _:
            raise ValueError('Send {"expire": true} or {"revoke": true}.')
    return Reply({"token_fetches": sandbox.token_fetches})


def _console(sandbox: "Sandbox", *, action: str, **arguments: Any) -> Reply:
    if action not in _ACTIONS:
        raise ValueError(f"There is no such action: {action}")
    done: object = getattr(sandbox.org, action)(**arguments)
    result = asdict(done) if isinstance(done, Department | Member) else done
    return Reply({"result": result})


def _no(message: str, *, status: int) -> Reply:
    return Reply({"message": message}, status=status)
