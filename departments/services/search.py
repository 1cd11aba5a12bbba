"""Finding a department by what people type: in memory, and where that has gaps by DingTalk's own search.

Plain LIKE on purpose: Chinese words have one or two characters, for which a trigram index finds nothing or
reads everything.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Case, Count, IntegerField, Q, TextField, Value, When, Window
from django.db.models.functions import Concat

from .. import policy
from ..gateway import dingtalk
from ..models import Department
from . import names
from .tree import Marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from django.contrib.auth.models import User

    from ..models import DepartmentQuerySet

PAGE = 50
#: Nobody reads further; more letters help more than more pages.
MOST = 500
_WORDS = 10
#: DingTalk's names have 64 characters at most; what is longer comes from elsewhere.
_SPOKEN = 64
_ID = re.compile(r"[0-9]{1,18}")
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")


class Part(NamedTuple):
    """A piece of a text, and whether it is what was searched for."""

    text: str
    marked: bool


class Place(NamedTuple):
    """Where something lies: the `whole` path, and the one that is drawn, `above` the `parent` shortened."""

    whole: str
    above: list[str]
    parent: str


@dataclass(frozen=True, slots=True)
class Hit:
    """One department found. `twin`: another one in the same list has its name."""

    id: str
    name: list[Part]
    place: Place
    twin: bool
    marks: Marks | None
    #: The name in one piece.
    plain: str
    #: What else of it was meant: "code", "source" or "id", and its text.
    also: list[tuple[str, list[Part]]]


@dataclass(frozen=True, slots=True)
class Found:
    """A page of results. `total` counts on beyond the MOST that can be turned to."""

    hits: list[Hit] = field(default_factory=list)
    total: int = 0
    page: int = 1
    #: An id was typed that memory does not have.
    unknown_id: str = ""
    #: Memory has gaps, so that DingTalk's own search may know more.
    incomplete: bool = False

    @property
    def pages(self) -> int:
        return -(-min(self.total, MOST) // PAGE)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What only DingTalk's own search found: departments that memory has under other words, and bare ids."""

    hits: list[Hit]
    ids: list[str]
    more: bool


class _Row(NamedTuple):
    dept_id: int
    name: str
    code: str
    source: str
    readable: bool
    linked: bool | None
    hidden: bool | None
    restricted: bool | None
    missing: object
    detached: bool
    chat: bool | None


_FIELDS = ["dept_id", "name", "code", "source_identifier", "readable", "linked", "hidden"]
_FIELDS += ["restricted", "missing_at", "detached", "has_chat"]


def search(*, text: str, by: User, page: int = 1) -> Found:
    """Departments in which every word is found, best first: one query for the page, one for all its paths."""
    policy.require(by, policy.VIEW)
    words = words_in(text)
    if not words:
        return Found()
    page = min(page, MOST // PAGE)
    rows = _best_first(words).annotate(total=Window(Count("*")))
    start = (page - 1) * PAGE
    told = list(rows.values_list(*_FIELDS, "total")[start : start + PAGE])
    if not told and page > 1:  # an old address, and there are fewer by now
        return search(text=text, by=by)
    total = told[0][-1] if told else 0
    return Found(
        hits=_hits([_Row._make(row[:-1]) for row in told], words),
        total=total,
        page=page,
        unknown_id=_unknown_id(words),
        incomplete=_is_incomplete(total=total),
    )


def ask_dingtalk(*, text: str, by: User) -> Elsewhere:
    """What DingTalk's own search finds (names and pinyin) and `search` does not. Raises as a live read does."""
    policy.require(by, policy.VIEW)
    words = words_in(text)
    if not words:
        return Elsewhere([], [], more=False)
    answer = dingtalk().search_departments(" ".join(words), size=PAGE)
    ids = [dept_id for dept_id in dict.fromkeys(answer.dept_ids) if dept_id > 0]
    remembered = Department.objects.present().filter(pk__in=ids)
    rows = {row[0]: _Row._make(row) for row in remembered.values_list(*_FIELDS)}
    found = set(remembered.filter(_matching(words)).values_list("pk", flat=True))
    beyond = [rows[dept_id] for dept_id in ids if dept_id in rows and dept_id not in found]
    return Elsewhere(
        hits=_hits(beyond, words),
        ids=[str(dept_id) for dept_id in ids if dept_id not in rows],
        more=answer.has_more,
    )


def words_in(text: str) -> list[str]:
    """At most ten words; the last one is all the rest."""
    # PostgreSQL takes no NUL, and SQLite ends a pattern at one.
    plain = unicodedata.normalize("NFC", text.replace("\0", "")).strip()
    return plain.split(maxsplit=_WORDS - 1)


def matching(text: str) -> Q:
    """The condition that every word of it is found somewhere in a department."""
    return _matching(words_in(text))


def places_of(dept_ids: Iterable[int]) -> dict[int, Place]:
    """Where each of these lies, without itself; one query for all."""
    trails = Department.objects.trails(dept_ids)
    return {
        dept_id: _place([name for _id, name in above[:-1]]) for dept_id, above in trails.items()
    }


# ── In the database ──────────────────────────────────────────────────────────────────────────────────────


def _matching(words: Iterable[str]) -> Q:
    matches = Q()
    for word in words:
        matches &= _one(word)
    return matches


def _one(word: str) -> Q:
    matches = _begins("code", word) | _begins("source_identifier", word) | _contains("name", word)
    if word.isascii():
        matches |= Q(keys__contains=word.lower())
    if _ID.fullmatch(word):
        matches |= Q(pk=int(word))
    return matches


def _contains(field: str, text: str) -> Q:
    return _like(field, "contains", text)


def _begins(field: str, text: str) -> Q:
    return _like(field, "startswith", text)


def _like(field: str, how: str, text: str) -> Q:
    """Whatever the case; Han has none, which spares PostgreSQL to look at each name in capitals."""
    if text.lower() == text.upper():
        return Q((f"{field}__{how}", text))
    # SQLite's LIKE knows no case beyond ASCII: "é" is not "É" to it.
    spelt = {text} if text.isascii() else {text, text.lower(), text.upper(), text.title()}
    matches = Q()
    for one in sorted(spelt):
        matches |= Q((f"{field}__i{how}", one))
    return matches


def _best_first(words: Sequence[str]) -> DepartmentQuerySet:
    phrase, letters = " ".join(words), "".join(words).lower()
    by_name = [
        (_like("name", "exact", phrase), 0),
        (_begins("name", phrase), 1),
        (_contains("name", phrase), 4),
    ]
    # The first key is the whole name's pinyin, the initials come after: they have a blank before them.
    by_sound = [
        (Q(tokens__contains=f" {letters} "), 2),
        (Q(keys__contains=f" {letters}"), 3),
        (Q(keys__startswith=letters), 5),
        (Q(keys__contains=letters), 6),
    ]
    by_number = [
        (_begins("code", phrase) | _begins("source_identifier", phrase), 7),
    ]
    ranks = [*by_name, *(by_sound if letters.isascii() else []), *by_number]
    ranks.sort(key=lambda rank: rank[1])
    rank = Case(
        *[When(condition, then=Value(number)) for condition, number in ranks],
        default=Value(8),
        output_field=IntegerField(),
    )
    rows = Department.objects.present().filter(_matching(words))
    rows = rows.annotate(tokens=Concat(Value(" "), "keys", Value(" "), output_field=TextField()))
    return rows.order_by(rank, "name", "dept_id")


def _unknown_id(words: Sequence[str]) -> str:
    """The id that was typed, as the address of a page has it, if memory does not have the department."""
    if len(words) != 1 or not _ID.fullmatch(words[0]) or int(words[0]) == 0:
        return ""
    number = int(words[0])
    return "" if Department.objects.present().filter(pk=number).exists() else str(number)


def _is_incomplete(*, total: int) -> bool:
    """Somewhere nobody has looked yet: a new department there would be in DingTalk and not in memory.

    Whoever has found more than a page is helped by more letters, not by more results.
    """
    if total > PAGE:
        return False
    rows = Department.objects.present()
    unread = rows.filter(children_seen_at=None, readable=True, dept_id__gt=0)
    return unread.exists() or not (total or rows.exists())


# ── As it is drawn ───────────────────────────────────────────────────────────────────────────────────────


def _hits(rows: Sequence[_Row], words: Sequence[str]) -> list[Hit]:
    places = places_of(row.dept_id for row in rows)
    names_told = Counter(row.name for row in rows)
    return [_hit(row, words, places, twin=names_told[row.name] > 1) for row in rows]


def _hit(row: _Row, words: Sequence[str], places: Mapping[int, Place], *, twin: bool) -> Hit:
    marks = Marks(
        unreadable=not row.readable,
        linked=bool(row.linked),
        hidden=bool(row.hidden),
        restricted=bool(row.restricted),
        missing=row.missing is not None,
        detached=row.detached,
        chat=bool(row.chat),
    )
    return Hit(
        id=str(row.dept_id),
        name=_marked(row.name, [place for word in words for place in _found_in(row.name, word)]),
        # A forgotten one between our two queries has no place.
        place=places.get(row.dept_id, _place([])),
        twin=twin,
        marks=marks if True in marks else None,
        plain=row.name,
        also=list(_also(row, words)),
    )


def _also(row: _Row, words: Sequence[str]) -> Iterator[tuple[str, list[Part]]]:
    for what, text in (("code", row.code), ("source", row.source)):
        begun = [len(word) for word in words if text.lower().startswith(word.lower())]
        if begun:
            yield what, _marked(text, [(0, max(begun))])
    number = str(row.dept_id)
    if any(_ID.fullmatch(word) and int(word) == row.dept_id for word in words):
        yield "id", [Part(number, marked=True)]


def _found_in(name: str, word: str) -> list[tuple[int, int]]:
    """Where a word stands in a name, as written or else as spoken."""
    written = [found.span() for found in re.finditer(re.escape(word), name, re.IGNORECASE)]
    if written or not word.isascii():
        return written
    return _spoken_in(name, word.lower())


def _spoken_in(name: str, word: str) -> list[tuple[int, int]]:
    """The first characters whose initials, or else whose pinyin, make the word, if any do."""
    spoken = name[:_SPOKEN]
    if not _HAN.search(spoken):
        return []
    readings = zip(spoken, names.readings(spoken), strict=True)
    # A blank has no sound: people type on.
    sounds = [told or (letter.lower().strip(),) for letter, told in readings]
    initials = [[sound[:1] for sound in one] for one in sounds]
    # Nobody types the end of a Latin word and goes on in pinyin.
    begins = [
        start
        for start, letter in enumerate(spoken)
        if _HAN.match(letter) or (letter.isalnum() and not spoken[:start][-1:].isalnum())
    ]
    for heard in (initials, sounds):
        for start in begins:
            if end := _end_of(word, heard, start):
                return [(start, end)]
    return []


def _end_of(word: str, sounds: Sequence[Sequence[str]], at: int) -> int:
    """Where the word ends if it is spoken from here on; 0 if something else is."""
    if at == len(sounds):
        return 0
    for sound in sounds[at]:
        if sound.startswith(word):
            return at + 1
        if word.startswith(sound) and (end := _end_of(word[len(sound) :], sounds, at + 1)):
            return end
    return 0


def _marked(text: str, places: Iterable[tuple[int, int]]) -> list[Part]:
    lit = [False] * len(text)
    for start, end in places:
        lit[start:end] = [True] * (end - start)
    return [
        Part("".join(letter for letter, _lit in run), marked)
        for marked, run in groupby(zip(text, lit, strict=True), key=lambda pair: pair[1])
    ]


def _place(names: Sequence[str]) -> Place:
    """First › … › last two: what tells places apart is mostly at the end."""
    if not names:
        return Place("", [], "")
    *above, parent = names
    short = [above[0], "…", above[-1]] if len(above) > 2 else above
    return Place(" › ".join(names), short, parent)
