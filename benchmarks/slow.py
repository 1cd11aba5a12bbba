"""What people feel of DingTalk's slowness who look at something else: gunicorn as the product configures it."""

from __future__ import annotations

import random
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.lines import Line, percentile
from benchmarks.servers import Installation, processor_time, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

PEOPLE, THINKING = 64, 2.0
PROBES, SECONDS, SETTLING = 4, 8.0, 2.0
SEED = 13


def run() -> Iterator[Line]:
    with tempfile.TemporaryDirectory() as folder, upstream(300) as sandbox:
        product = Installation.at(Path(folder), sandbox)
        departments = product.do("read_everything")
        cookies = product.do("sessions", PEOPLE + PROBES)
        with product.served() as worker:
            crowd = Crowd(product.url, departments, cookies, worker)
            crowd.probe(SETTLING)
            idle = crowd.probe(SECONDS)
            sandbox.switch(latency_ms=200)
            yield from compared("200 ms", idle, *crowd.probe_beside_people())
            sandbox.switch(latency_ms=0)
            sandbox.break_down(fault="hang", path="department/", times=None, seconds=60)
            yield from compared("no answer", idle, *crowd.probe_beside_people())


def compared(how: str, idle: list[float], beside: list[float], told: str) -> Iterator[Line]:
    for part, most in ((0.5, 1.5), (0.95, 2.0)):
        alone, with_people = percentile(idle, part), percentile(beside, part)
        ratio = with_people / alone
        yield Line(
            mark="G13",
            name=f"DingTalk takes {how}: others' page, p{100 * part:.0f}",
            figure=f"{ratio:.1f} × ({1000 * with_people:.0f} ms)",
            goal=f"≤ {most} ×",
            beside=f"idle, {1000 * alone:.0f} ms; {told}",
            met=ratio <= most,
            gate=ratio <= 4,
        )


class Crowd:
    """People on pages that ask DingTalk, and probes on a level of the tree, which does not."""

    def __init__(self, url: str, departments: list[int], cookies: list[str], worker: int) -> None:
        self._worker = worker
        self._host = url.removeprefix("http://")
        self._departments = departments
        self._probes, self._people = cookies[:PROBES], cookies[PROBES:]
        self._chance = random.Random(SEED)

    def probe(self, seconds: float) -> list[float]:
        """How long a level of the tree takes each probe, again and again."""
        ends = time.monotonic() + seconds

        def again_and_again(cookie: str) -> list[float]:
            took = []
            while time.monotonic() < ends:
                took.append(self._ask("/departments/1/children/?part=tree", cookie))
                time.sleep(0.05)
            return took

        with ThreadPoolExecutor(PROBES) as pool:
            return [one for took in pool.map(again_and_again, self._probes) for one in took]

    def probe_beside_people(self) -> tuple[list[float], str]:
        leave, pages = threading.Event(), list[float]()

        def look_around(cookie: str) -> None:
            leave.wait(self._chance.random() * THINKING)
            while not leave.is_set():
                department = self._chance.choice(self._departments)
                pages.append(self._ask(f"/departments/{department}/?live=1", cookie))
                leave.wait(THINKING)

        with ThreadPoolExecutor(PEOPLE) as pool:
            for cookie in self._people:
                pool.submit(look_around, cookie)
            time.sleep(SETTLING)
            before = len(pages), processor_time(self._worker)
            took = self.probe(SECONDS)
            opened = (len(pages) - before[0]) / SECONDS
            busy = (processor_time(self._worker) - before[1]) / SECONDS
            leave.set()
        return took, f"{PEOPLE} people open {opened:.0f} a second, {busy:.0%} of a core"

    def _ask(self, path: str, cookie: str) -> float:
        """As htmx does, over a connection of its own: browsers close those they have not needed."""
        headers = {"Cookie": f"session={cookie}", "HX-Request": "true", "HX-Target": "main"}
        begun = time.monotonic()
        connection = HTTPConnection(self._host, timeout=30)
        try:
            connection.request("GET", path, headers=headers)
            connection.getresponse().read()
        finally:
            connection.close()
        return time.monotonic() - begun
