"""How close our own pace comes to the calls a second that DingTalk allows, and what asking for a slot costs."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks.lines import Line, cheapest
from benchmarks.servers import Installation, result_of, upstream
from departments.dingtalk import FilePace, Lane

if TYPE_CHECKING:
    from collections.abc import Iterator

CAP, PACE, SECONDS = 20, "19.8", 7.0
LISTSUB = "/topapi/v2/department/listsub"


def run() -> Iterator[Line]:
    for latency in (30, 150):
        for processes, threads in ((1, 16), (4, 4)):
            calls, cpu = calls_of(processes, threads, latency=latency)
            yield use_of_the_cap(calls, cpu, processes=processes, latency=latency)
    yield cost_of_a_slot()


def calls_of(processes: int, threads: int, *, latency: int) -> tuple[list[dict[str, Any]], float]:
    """What the sandbox heard, and the process time the callers spent."""
    with (
        tempfile.TemporaryDirectory() as folder,
        upstream(100, latency_ms=latency, calls_per_second=CAP) as sandbox,
        ExitStack() as stack,
    ):
        product = Installation.at(Path(folder), sandbox, DINGTALK_CALLS_PER_SECOND=PACE)
        callers = [
            stack.enter_context(product.doing("list_levels", threads, SECONDS))
            for _ in range(processes)
        ]
        for caller in callers:
            assert caller.stdout
            assert caller.stdout.readline() == "ready\n"
        for caller in callers:
            assert caller.stdin
            caller.stdin.write("\n")
            caller.stdin.flush()
        cpu = sum(result_of(caller)["cpu"] for caller in callers)
        return sandbox.calls(LISTSUB), cpu


def use_of_the_cap(
    calls: list[dict[str, Any]], cpu: float, *, processes: int, latency: int
) -> Line:
    served = [call["time"] for call in calls if call["code"] == 0]
    refused = len(calls) - len(served)
    use = (len(served) - 1) / (served[-1] - served[0]) / CAP
    who = "1 process" if processes == 1 else f"{processes} processes"
    return Line(
        mark="G2" if processes == 1 else "G3",
        name=f"use of the cap, {who}, {latency} ms",
        figure=f"{use:.3f}, {refused} refused, {cpu / SECONDS:.0%} of a core",
        goal="≥ 0.96, ≤ 0.5 % refused",
        beside=f"{CAP} calls a second",
        met=use >= 0.96 and refused <= 0.005 * len(calls),
    )


def cost_of_a_slot() -> Line:
    with tempfile.TemporaryDirectory() as folder, upstream(10) as sandbox, httpx.Client() as bare:
        pace = FilePace(Path(folder), calls_per_second=1e9)
        url = f"{sandbox.url}{LISTSUB}"

        def calls() -> None:
            for _ in range(100):
                bare.post(url, json={"dept_id": 1}).json()

        def slots() -> None:
            for _ in range(100):
                pace.wait(LISTSUB, Lane.BACKGROUND, 5)

        asking, calling = cheapest(slots, calls, rounds=5)
    return Line(
        mark="G3",
        name="a slot: process time",
        figure=f"{asking / calling:.3f} ({1e4 * asking:.0f} µs)",
        goal="≤ 0.1",
        beside=f"a bare httpx.Client call ({1e4 * calling:.0f} µs)",
        met=asking <= 0.1 * calling,
    )
