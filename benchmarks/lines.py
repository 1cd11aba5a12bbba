"""What a measurement says, and how the cheapest of some rounds is found."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 15


@dataclass(frozen=True, kw_only=True)
class Line:
    """One figure. `goal` is where it should be, `gate` whether the run may pass: None where it is only told.

    `mark` names the goal as docs/benchmarks.md does; `beside` is what the figure is held against.
    """

    mark: str
    name: str
    figure: str
    goal: str = ""
    beside: str = ""
    met: bool = True
    gate: bool | None = None

    @property
    def passes(self) -> bool:
        return self.met if self.gate is None else self.gate

    def __str__(self) -> str:
        verdict = "told" if not self.goal else "ok" if self.met else "NOT"
        goal = f"goal: {self.goal}" if self.goal else ""
        if not self.met and self.passes:
            goal += " (missed, within the gate)"
        beside = f"beside: {self.beside}" if self.beside else ""
        return (
            f"{verdict:4} {self.mark:3} {self.name:46} {self.figure:34} {goal:36} {beside}".rstrip()
        )


def cheapest(*works: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """The least process time each work needed, over interleaved rounds: noise only ever adds."""
    best = [float("inf")] * len(works)
    for _round in range(rounds):
        for place, work in enumerate(works):
            started = time.process_time()
            work()
            best[place] = min(best[place], time.process_time() - started)
    return best


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]
