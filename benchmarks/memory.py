"""What a process weighs: its proportional share of memory (PSS), which counts shared pages once."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from benchmarks.lines import Line
from benchmarks.servers import Installation, served_bare, share_of_memory, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUESTS, AT_ONCE = 200, 8
LARGE = 50_000


def run() -> Iterator[Line]:
    with tempfile.TemporaryDirectory() as folder, upstream(300) as sandbox:
        product = Installation.at(Path(folder), sandbox)
        departments = product.do("read_everything")
        cookies = product.do("sessions", AT_ONCE)
        with product.served() as worker, served_bare() as (url, bare):
            look_around(product.url, departments, cookies)
            visit(url, ["/healthz"] * REQUESTS)
            ours, least = share_of_memory(worker), share_of_memory(bare)
    yield Line(
        mark="G16",
        name="the web process, threads for jobs inside",
        figure=f"{ours / least:.2f} × ({ours:.0f} MB)",
        goal="≤ 1.4 ×",
        beside=f"a bare Django worker ({least:.0f} MB), each after {REQUESTS} requests",
        met=ours <= 1.4 * least,
    )
    with tempfile.TemporaryDirectory() as folder, upstream(LARGE) as sandbox:
        product = Installation.at(Path(folder), sandbox)
        sounds = product.do("weigh_the_sounds_of_names")
        reading = product.do("weigh_a_reading")
    grew = reading["grew"] - sounds
    yield Line(
        mark="G16",
        name=f"a reading of {LARGE:,}: growth at its heaviest",
        figure=f"{grew:+.0f} MB in {reading['seconds']:.0f} s",
        goal="≤ +40 MB",
        beside=f"before it; the sounds of names, {sounds:.0f} MB, are counted apart",
        met=grew <= 40,
    )


def look_around(url: str, departments: list[int], cookies: list[str]) -> None:
    """Nothing here needs the sounds of a name, whose tables only a reading or a search brings in."""
    some = departments[: REQUESTS // 4]
    paths = ["/departments/"] * len(some)
    paths += [f"/departments/{dept_id}/" for dept_id in some]
    paths += [f"/departments/{dept_id}/?live=1" for dept_id in some]
    paths += [f"/departments/{dept_id}/children/?part=tree" for dept_id in some]
    visit(url, paths, cookies)


def visit(url: str, paths: list[str], cookies: list[str] | None = None) -> None:
    def take_a_part(place: int) -> None:
        headers = {"HX-Request": "true"}
        if cookies:
            headers["Cookie"] = f"session={cookies[place]}"
        with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
            for path in paths[place::AT_ONCE]:
                client.get(path).raise_for_status()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(take_a_part, range(AT_ONCE)))
