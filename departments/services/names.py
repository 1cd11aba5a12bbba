"""How names sound: the only place that knows of pypinyin, and imports it where a name has Han in it."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import combinations, islice, product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SILENT = "-"
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
_WORD = re.compile(r"\w+")
#: DingTalk's names have 64 characters at most; what is longer comes from elsewhere.
_SPOKEN = 64
#: 长 alone has two readings: a long name would have thousands of combinations.
_COMBINATIONS = 16
_LONGEST = 500


def keys_of(name: str) -> str:
    """What people type for a name without an input method, separated by blanks; empty where it has no Han.

    Of each word with Han in it the pinyin, then the initials, then the same for other readings of its
    characters: words around them mislead, 长沙 in 分公司长沙 would be "zhangsha" alone. Letters and digits that
    stand in such a word stay in place. Of several such words first all of them in one.
    """
    words = [word for word in _WORD.findall(name[:_SPOKEN].lower()) if _HAN.search(word)]
    usual = [_usual(word) for word in words]
    found = _spoken("".join(words), [sound for sounds in usual for sound in sounds])
    if len(words) > 1:
        for word, sounds in zip(words, usual, strict=True):
            found |= _spoken(word, sounds)
    keys = ""
    for key in found:
        if keys and len(keys) + len(key) >= _LONGEST:
            break
        keys += f" {key}" if keys else key
    return keys


def readings(name: str) -> list[tuple[str, ...]]:
    """For each character all its readings in pinyin, without tones; none for what is not Han."""
    return [_readings(character) for character in name]


def _usual(word: str) -> list[str]:
    """How each character is read beside the others."""
    from pypinyin import Style, pinyin  # noqa: PLC0415 — half a second and 58 MB

    told = pinyin(word, Style.NORMAL, errors=list)  # type: ignore[arg-type]  # one by one
    return [sounds[0] for sounds in told]


@lru_cache(maxsize=4096)
def _readings(character: str) -> tuple[str, ...]:
    if not _HAN.match(character):
        return ()
    from pypinyin import Style, pinyin  # noqa: PLC0415 — half a second and 58 MB

    told = pinyin(character, Style.NORMAL, heteronym=True, errors=lambda _rest: _SILENT)
    return () if told == [[_SILENT]] else tuple(told[0])


def _spoken(word: str, usual: Sequence[str]) -> dict[str, None]:
    """The pinyin and the initials of a word, as it is usually read and as it may be read, in this order."""
    found: dict[str, None] = {}
    if word:
        for sounds in islice(_combinations(usual, readings(word)), _COMBINATIONS):
            found["".join(sounds)] = None
            found["".join(sound[:1] for sound in sounds)] = None
    return found


def _combinations(
    usual: Sequence[str], others: Sequence[tuple[str, ...]]
) -> Iterator[tuple[str, ...]]:
    """The usual readings first, then with one character read otherwise, then with two, and so on."""
    unusual = {
        place: [sound for sound in sounds if sound != usual[place]]
        for place, sounds in enumerate(others)
        if len(sounds) > 1
    }
    for how_many in range(len(unusual) + 1):
        for places in combinations(unusual, how_many):
            for chosen in product(*(unusual[place] for place in places)):
                otherwise = dict(zip(places, chosen, strict=True))
                yield tuple(otherwise.get(place, sound) for place, sound in enumerate(usual))
