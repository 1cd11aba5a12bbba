"""What shall go wrong, and when. Without rules nothing does, and nothing is paid for it.

    sandbox.faults.add(Rule("reset", path="department/create", phase="after"))
    sandbox.faults.add(Rule("late", path="department/update", dept_id=93001234, seconds=2))
    sandbox.faults.random(7, 0.1, among=["drop", "http-502:before"], path="department/")

`FAULTS` names all there is, `cases()` each in each of its phases, for a sweep. Over a socket everything
is real. Within one process, faults that need a socket raise a `Cut`: see `sandbox.cuts`.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from sandbox.barriers import Phase
from sandbox.catalogue import FAULTS, Applied, Case, Fault, cases
from sandbox.cuts import Cut, Dripped, Dropped, Endless, Garbled, Reset, Silent
from sandbox.exchange import Reply, Request
from sandbox.fates import Struck
from sandbox.later import Later

if TYPE_CHECKING:
    from sandbox.app import Sandbox

__all__ = [
    "FAULTS",
    "Applied",
    "Case",
    "Cut",
    "Dripped",
    "Dropped",
    "Endless",
    "Fault",
    "Fired",
    "Garbled",
    "Phase",
    "Plan",
    "Reset",
    "Rule",
    "Silent",
    "cases",
]


_KINDS: Mapping[str, Any] = {
    **dict.fromkeys(("fault", "path"), str),
    **dict.fromkeys(("dept_id", "nth", "times", "size"), int | None),
    "seconds": int | float | None,
    "status": int,
    "body": dict | str | bytes | None,
}


@dataclass(slots=True, eq=False)
class Rule:
    """One fault, for the next `times` matching calls, the n-th of them first; `times` None is for ever.

    `fault` is a name, or a name with its phase: `drop:after`. Without a phase it is the fault's first,
    which is before the call is carried out wherever that is possible. `path` is any part of the path,
    `dept_id` the body's, or the parent's in a create. `seconds` and `size` are the fault's own if left
    out. `content` is for "raw", `body` and `status` for "reply". Raises ValueError or TypeError for what
    cannot be.
    """

    fault: str
    path: str = ""
    dept_id: int | None = None
    nth: int | None = None
    times: int | None = 1
    phase: Phase | None = None
    seconds: float | None = None
    size: int | None = None
    content: bytes = b""
    body: Mapping[str, Any] | str | bytes | None = None
    status: int = 200

    def __post_init__(self) -> None:
        for name, kind in _KINDS.items():
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"{name} cannot be {getattr(self, name)!r}.")
        self.fault, _, phase = self.fault.partition(":")
        if self.fault not in FAULTS:
            raise ValueError(f"There is no fault called {self.fault}.")
        possible = FAULTS[self.fault].applied
        wanted = phase or self.phase or next(iter(possible))
        self.phase = next((one for one in possible if one == wanted), None)
        if self.phase is None:
            raise ValueError(f"{self.fault} cannot come {wanted!r}, only {' or '.join(possible)}.")
        if any(count is not None and count < 1 for count in (self.nth, self.times)):
            raise ValueError("Calls are counted from 1.")

    @property
    def applied(self) -> Applied:
        """What becomes of a write that the organisation would have accepted."""
        return next(then for when, then in FAULTS[self.fault].applied.items() if when == self.phase)

    def shown(self) -> dict[str, Any]:
        """As JSON has it."""
        values = asdict(self)
        return {
            name: value.decode("latin-1") if isinstance(value, bytes) else value
            for name, value in values.items()
        }


@dataclass(slots=True, eq=False)
class Fired:
    """A rule that struck a call. `applied` turns true once the call has changed the organisation."""

    number: int
    rule: Rule
    request_id: str
    path: str
    applied: bool = False

    def __str__(self) -> str:
        return f"{self.number}. {self.rule.fault}:{self.rule.phase} {self.path} {self.request_id}"


@dataclass(slots=True, eq=False)
class _Standing:
    """A rule, how many calls it matched, and how many it struck."""

    rule: Rule
    matched: int = 0
    struck: int = 0

    def strikes(self, request: Request) -> bool:
        """To be asked about every call, since it counts them."""
        rule = self.rule
        if not request.concerns(path=rule.path, dept_id=rule.dept_id):
            return False
        self.matched += 1
        return self.matched >= (rule.nth or 1) and (rule.times is None or self.struck < rule.times)


@dataclass(slots=True, eq=False)
class _Chance:
    seed: int
    rate: float
    path: str
    among: list[Case]
    seconds: float | None
    dice: Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = Random(self.seed)

    def rule(self, request: Request) -> Rule | None:
        """Both dice fall for each call that matches, so that the n-th has the n-th fate of its seed."""
        if not request.concerns(path=self.path):
            return None
        struck, case = self.dice.random() < self.rate, self.dice.choice(self.among)
        return Rule(str(case), path=self.path, seconds=self.seconds) if struck else None


class Plan:
    """The rules of a sandbox, and what came of them. Safe to use from any thread.

    `later` holds what was put off: `later.hurry()` lets it happen now, `later.call_off()` never.
    """

    def __init__(self) -> None:
        self.later = Later()
        self._lock = threading.Lock()
        self._standing: list[_Standing] = []
        self._chance: _Chance | None = None
        self._seen: list[Fired] = []
        self._cleared = threading.Event()

    def add(self, *rules: Rule) -> None:
        """Put rules behind those there are. The first that fits a call strikes it, and no other."""
        with self._lock:
            self._standing.extend(_Standing(rule) for rule in rules)

    def random(
        self,
        seed: int,
        rate: float,
        *,
        among: Iterable[str] | None = None,
        path: str = "",
        seconds: float | None = None,
    ) -> None:
        """Strike this share of the matching calls, where no rule does, with one of these faults.

        The same seed strikes the n-th matching call in the same way. `among` holds names of `FAULTS`,
        with a phase or without, which means all of theirs; by default there is everything.
        """
        among = list(FAULTS if among is None else among)
        possible = [case for case in cases() if {case.fault, str(case)} & set(among)]
        unknown = set(among) - {name for case in possible for name in (case.fault, str(case))}
        if unknown or not possible:
            raise ValueError(f"There is no fault called {', '.join(sorted(unknown)) or 'so'}.")
        if not 0 <= rate <= 1:
            raise ValueError("The rate is a share, from 0 to 1.")
        with self._lock:
            self._chance = _Chance(seed, rate, path, possible, seconds)

    def clear(self) -> None:
        """No more faults. Silences end, slow calls go on, and what was put off still happens."""
        with self._lock:
            self._standing.clear()
            self._chance = None
            self._seen.clear()
            self._cleared.set()
            self._cleared = threading.Event()

    @property
    def rules(self) -> list[Rule]:
        with self._lock:
            return [one.rule for one in self._standing]

    @property
    def seed(self) -> int | None:
        with self._lock:
            return self._chance.seed if self._chance else None

    @property
    def seen(self) -> list[Fired]:
        """What fired since the plan was last cleared."""
        with self._lock:
            return list(self._seen)

    def __str__(self) -> str:
        """For the message of a test that failed: the seed, and what fired."""
        told = [f"seed {self.seed}"] if self.seed is not None else []
        return "\n".join([*told, *map(str, self.seen)])

    def strike(self, sandbox: "Sandbox", request: Request) -> Struck | None:
        """The call with the fault that hits it, if one does."""
        if not self._standing and self._chance is None:
            return None
        with self._lock:
            rule = self._rule(request)
            if rule is None:
                return None
            fired = Fired(len(self._seen) + 1, rule, request.request_id, request.path)
            self._seen.append(fired)
            fault = FAULTS[rule.fault]
            return Struck(
                sandbox,
                request,
                fired,
                seconds=fault.seconds if rule.seconds is None else rule.seconds,
                size=fault.size if rule.size is None else rule.size,
                cleared=self._cleared,
            )

    def _rule(self, request: Request) -> Rule | None:
        striking = [one for one in self._standing if one.strikes(request)]
        if striking:
            striking[0].struck += 1
            return striking[0].rule
        return self._chance.rule(request) if self._chance else None


def answer(struck: Struck) -> Reply:
    """What a struck call brings its caller. Raises Cut where that is no reply."""
    fault = FAULTS[struck.rule.fault]
    reply = fault.fate(struck)
    struck.sandbox.barriers.meet(struck.request, "after")
    return fault.bend(struck, reply)
