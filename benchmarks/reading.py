"""Reading a whole company: its calls, how close it comes to the least time, and what a person feels of it."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from benchmarks.lines import Line, percentile
from benchmarks.servers import Installation, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.servers import Upstream

LISTSUB, GET = "/topapi/v2/department/listsub", "/topapi/v2/department/get"
LATENCY, CALLERS = 30, 16
LARGE, SERIAL = 2_000, 60
CAP, PACE, SMALL = 20, "19.8", 160


def run() -> Iterator[Line]:
    with tempfile.TemporaryDirectory() as folder, upstream(LARGE, latency_ms=LATENCY) as sandbox:
        took = Installation.at(Path(folder), sandbox).do("read")
        yield from calls_of(sandbox)
        yield against_the_least(took, serially(sandbox))
    options = {"latency_ms": LATENCY, "calls_per_second": CAP}
    with tempfile.TemporaryDirectory() as folder, upstream(SMALL, **options) as sandbox:
        product = Installation.at(Path(folder), sandbox, DINGTALK_CALLS_PER_SECOND=PACE)
        felt = product.do("read_beside_a_person")
        yield use_of_the_cap(sandbox)
        yield what_a_person_feels(felt)


def calls_of(sandbox: Upstream) -> Iterator[Line]:
    for name, path in (("the tree, by listsub", LISTSUB), ("the details, by get", GET)):
        asked = Counter(call["body"]["dept_id"] for call in sandbox.calls(path))
        yield Line(
            mark="G1",
            name=f"a whole reading: {name}",
            figure=f"{asked.total():,} calls, {asked.total() - len(asked)} twice",
            goal="one each",
            beside=f"{LARGE:,} departments",
            met=asked.total() == len(asked) == LARGE,
        )


def serially(sandbox: Upstream) -> float:
    """Seconds a call of a plain script's: one client, one call after the other."""
    credentials = {"appKey": "dingsandbox", "appSecret": "sandbox-secret"}
    with httpx.Client(base_url=sandbox.url) as client:
        token = client.post("/v1.0/oauth2/accessToken", json=credentials).json()["accessToken"]
        begun = time.monotonic()
        for _ in range(SERIAL):
            client.post(LISTSUB, params={"access_token": token}, json={"dept_id": 1}).json()
        return (time.monotonic() - begun) / SERIAL


def against_the_least(took: float, serial: float) -> Line:
    """Two calls a department, sixteen under way."""
    least = 2 * LARGE * LATENCY / 1000 / CALLERS
    script = 2 * LARGE * serial
    return Line(
        mark="G5",
        name=f"reading {LARGE:,} with no cap, {CALLERS} under way",
        figure=f"{took / least:.2f} × ({took:.1f} s), {script / took:.0f} × a script's speed",
        goal="≤ 1.2 ×",
        beside=f"2·N·L/{CALLERS} at {LATENCY} ms; an httpx.Client loop needs {script:.0f} s",
        met=took <= 1.2 * least,
    )


def use_of_the_cap(sandbox: Upstream) -> Line:
    calls = sandbox.calls(LISTSUB)
    served = [call["time"] for call in calls if call["code"] == 0]
    tree = served[:SMALL]  # after them only the person goes on listing, while details are read
    use = (len(tree) - 1) / (tree[-1] - tree[0]) / CAP
    refused = len(calls) - len(served)
    return Line(
        mark="G2",
        name="a reading and a person: use of the cap",
        figure=f"{use:.3f}, {refused} refused",
        goal="≥ 0.96, ≤ 0.5 % refused",
        beside=f"{CAP} calls a second, {LATENCY} ms",
        met=use >= 0.96 and refused <= 0.005 * len(calls),
    )


def what_a_person_feels(took: list[float]) -> Line:
    least = LATENCY / 1000 + 1 / CAP
    p50, p95 = percentile(took, 0.5), percentile(took, 0.95)
    return Line(
        mark="G4",
        name="a person's call during a reading, p95",
        figure=f"{p95 / least:.2f} × ({1000 * p95:.0f} ms; p50 {1000 * p50:.0f})",
        goal="≤ 1.5 ×",
        beside=f"L + 1/Q = {1000 * least:.0f} ms; {len(took)} calls",
        met=p95 <= 1.5 * least,
        gate=p95 <= 2.5 * least,
    )
