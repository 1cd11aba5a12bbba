"""Whether a search finds all it should for the shortest Chinese words, and what it costs."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

from django.contrib.auth.models import User

from benchmarks import company
from benchmarks.lines import Line, cheapest
from departments.models import Department
from departments.services import search

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED, SAMPLE = 10, 500
_HAN = re.compile(r"[\u3400-\u9fff]+")


def run() -> Iterator[Line]:
    company.sandbox()
    company.visitor("viewer")
    viewer = User.objects.get(username="bench viewer")
    names = dict(Department.objects.present().values_list("dept_id", "name"))
    asked = words_in(names.values())
    chosen = random.Random(SEED).sample(asked, min(SAMPLE, len(asked)))
    wanted = found = incomplete = 0
    for word in chosen:
        expected = {dept_id for dept_id, name in names.items() if word in name}
        told = everything(word, viewer)
        wanted, found = wanted + len(expected), found + len(expected & told)
        incomplete += not expected <= told
    yield Line(
        mark="G10",
        name="words of 1 and 2 Chinese characters: recall",
        figure=f"{found / wanted:.2%}, {incomplete} words incomplete",
        goal="100 %",
        beside=f"a scan of all names, for {len(chosen)} of {len(asked)} words (seed {SEED})",
        met=incomplete == 0,
    )
    word = max(chosen, key=lambda word: sum(word in name for name in names.values()))
    asking, scanning = cheapest(
        lambda: search.search(text=word, by=viewer),
        lambda: [dept_id for dept_id, name in names.items() if word in name],
    )
    yield Line(
        mark="G10",
        name="a page of results for the commonest: time",
        figure=f"{asking / scanning:.0f} × ({1000 * asking:.1f} ms)",
        beside=f"a scan of a list of {len(names):,} names",
    )


def words_in(names: object) -> list[str]:
    """Every word of one or two Chinese characters that occurs in a name."""
    words = set()
    for name in names:  # type: ignore[attr-defined]
        for run_of in _HAN.findall(name):
            words.update(run_of)
            words.update(run_of[at : at + 2] for at in range(len(run_of) - 1))
    return sorted(words)


def everything(word: str, viewer: User) -> set[int]:
    """What all pages of a search list; beyond the last that is shown, what the search counts."""
    first = search.search(text=word, by=viewer)
    if first.total > search.MOST:
        return set(
            Department.objects.present()
            .filter(search.matching(word))
            .values_list("dept_id", flat=True)
        )
    pages = [first]
    while sum(len(page.hits) for page in pages) < first.total:
        pages.append(search.search(text=word, by=viewer, page=len(pages) + 1))
    return {int(hit.id) for page in pages for hit in page.hits}
