"""How names sound: the only place that knows of pypinyin, and imports it where a name has Han in it."""

from __future__ import annotations

_SILENT = "-"


def readings(name: str) -> list[tuple[str, ...]]:
    """For each character all its readings in pinyin, without tones; none for what is not Han."""
    from pypinyin import Style, pinyin  # noqa: PLC0415 — half a second and 58 MB

    told = pinyin(list(name), Style.NORMAL, heteronym=True, errors=lambda _rest: _SILENT)
    return [() if sounds == [_SILENT] else tuple(sounds) for sounds in told]
