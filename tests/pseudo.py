"""A language in which every translated sentence stands in brackets: one that is not translated shows."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from django.utils.translation import trans_real

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

_OPEN, _CLOSE = "⟦", "⟧"
_CONTEXT = "\x04"


class _Bracketed(trans_real.DjangoTranslation):
    def gettext(self, message: str) -> str:
        return f"{_OPEN}{message.rpartition(_CONTEXT)[2]}{_CLOSE}"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


def speak(monkeypatch: pytest.MonkeyPatch) -> None:
    """English is pseudo-English until the test ends."""
    monkeypatch.setitem(trans_real._translations, "en", _Bracketed("en"))


def left_over(page: str, data: Iterable[str]) -> list[str]:
    """What a person reads or hears on this page that was not translated and is no data."""
    reader = _Reader()
    reader.feed(page)
    known = sorted({text for text in data if text}, key=len, reverse=True)
    return [told for told in reader.told if _untranslated(told, known)]


def _untranslated(told: str, known: list[str]) -> bool:
    inner = re.compile(f"{_OPEN}[^{_OPEN}{_CLOSE}]*{_CLOSE}")
    while inner.search(told):
        told = inner.sub(" ", told)
    for text in known:
        told = told.replace(text, " ")
    return re.search(r"[^\W\d_]", told) is not None


class _Reader(HTMLParser):
    """Texts, and attributes that people read or hear."""

    _SAID = ("aria-label", "aria-description", "title", "placeholder", "alt", "label")
    #: Data by their nature: identifiers, keys of the keyboard, what DingTalk said, the languages' own names.
    _DATA = ("code", "kbd", "bdi", "script", "style")
    #: Classes of elements in which a name stands in pieces, with what was searched for marked.
    _NAMES = ("t",)
    #: States of rows, and what they sound like: for the script.
    _FOR_SCRIPTS = ("data-not", "data-k")
    _VOID = ("meta", "link", "input", "br", "hr", "img", "use", "path", "circle", "rect")

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []
        self._inside: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        other_language = "lang" in given and tag != "html"
        for name, value in attrs:
            if not value or name in self._FOR_SCRIPTS:
                continue
            if name in self._SAID or (name.startswith("data-") and _is_text(value)):
                self.told.append(value)
        if tag not in self._VOID:
            a_name = (given.get("class") or "") in self._NAMES
            is_data = tag in self._DATA or a_name or other_language
            self._inside.append(is_data or any(self._inside[-1:]))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._VOID and self._inside:
            self._inside.pop()

    def handle_data(self, data: Any) -> None:
        if data.strip() and not any(self._inside[-1:]):
            self.told.append(" ".join(data.split()))


def _is_text(value: str) -> bool:
    """Names of states, addresses and numbers are for scripts and style sheets."""
    return re.fullmatch(r"[a-z0-9_./?=&{}:%# -]*", value) is None or bool(
        re.search(r"[a-z]{3,} [a-z]{3,}", value)
    )
