"""What is tried: every fault in each of its phases without a crash, and the telling ones with every crash."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sandbox import catalogue

KINDS = ("create", "create with chat", "update", "move", "delete", "delete a branch")

#: The moments at which a process is killed.
BEFORE_THE_CALL = ("before note", "after note", "before send")
FROM_THE_CALL_ON = ("while sending", "after reply", "before settle", "after settle")

#: One of each way in which a call can end: for these a crash at every later moment is tried as well.
#: A crash before the call is sent meets no fault, so there the fault would make no other case.
TELLING = (
    "drop:before",
    "drop:after",
    "reset:after",
    "hang:before",
    "http-502:after",
    "bad-json:after",
    "busy:before",
    "busy:after",
    "rate-90018:before",
    "token-40014:before",
    "permission-60011:before",
    "unapplied:before",
    "late:before",
    "slow:before",
    "twice:after",
    "replayed:after",
    "lag:after",
)

#: Faults that land when the look has long been taken, and those after which nothing can be read.
BEYOND = ("late:before", "late-504:before", "lag:after")
BLIND = ("", "drop:before", "drop:after", "unapplied:before")

#: How long a call may take, and how long we wait before we look, in seconds.
DEADLINE = 0.9
WINDOW = 2.4

#: A late commit lands inside the window: a slow call after its deadline, and copies lag longer than the looks
#: that follow a write at once.
SECONDS = {
    "late": 0.5,
    "late-504": 0.5,
    "slow": 1.3,
    "lag": 1.6,
    "lag-details": 1.6,
    "lag-lists": 1.6,
}
#: Or beyond it: never by itself (the sweep lets it land when the look is over), or well after the look.
SECONDS_BEYOND = {"late": 60.0, "late-504": 60.0, "lag": WINDOW + 1.6}


@dataclass(frozen=True)
class Case:
    """One write of one kind; what goes wrong with it, and where its process dies."""

    kind: str
    fault: str = ""
    dies: str = ""
    #: "beyond": lands after the look. "blind": nothing can be read once the write was sent.
    then: str = ""

    def __str__(self) -> str:
        dies = f"kill {self.dies}" if self.dies else "no crash"
        return " · ".join(
            part for part in (self.kind, self.fault or "no fault", dies, self.then) if part
        )

    @property
    def fault_name(self) -> str:
        return self.fault.partition(":")[0]

    @property
    def seconds(self) -> float | None:
        table = SECONDS_BEYOND if self.then == "beyond" else SECONDS
        return table.get(self.fault_name)


@cache
def all_cases() -> tuple[Case, ...]:
    """The list, the same each time."""
    faults = ["", *map(str, catalogue.cases())]
    alive = [Case(kind, fault) for fault in faults for kind in KINDS]
    before = [Case(kind, "", point) for point in BEFORE_THE_CALL for kind in KINDS]
    later = [
        Case(kind, fault, point)
        for fault in ("", *TELLING)
        for point in FROM_THE_CALL_ON
        for kind in KINDS
    ]
    beyond = [Case(kind, fault, then="beyond") for fault in BEYOND for kind in KINDS]
    blind = [Case(kind, fault, then="blind") for fault in BLIND for kind in KINDS]
    return (*alive, *before, *later, *beyond, *blind)
