"""Listens, while a test runs, for secrets where none belongs: in logs at their loudest, pages and the database.

The client secret of the tests is made up so that each of its written forms differs from the others; tokens are
noted as the sandbox gives them out.
"""

from __future__ import annotations

import base64
import html
import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote, quote_plus

from django.db import connection
from django.test import Client

from sandbox.tokens import Tokens

#: In place of the sandbox's own. Written in a URL, in HTML, in base64 or in JSON it looks another each time.
SECRET = 'canary&secret/8f2b61+d07c="?>'

_PLAIN = vars(logging.makeLogRecord({})).keys()


@dataclass
class Watch:
    """What one test has said where people and backups can read it, and what must not be among it."""

    secrets: set[str] = field(default_factory=lambda: {SECRET})
    heard: list[tuple[str, str]] = field(default_factory=list)

    def hear(self, where: str, what: object) -> None:
        self.heard.append((where, what if isinstance(what, str) else str(what)))

    def hear_page(self, response: Any) -> None:
        """An answer of the product: its headers and its body, where it comes in pieces each as it comes."""
        where = f"the answer to {response.request['PATH_INFO']}"
        self.hear(where, f"{response.items()} {response.cookies}")
        if response.streaming:
            response.streaming_content = self._overheard(where, response.streaming_content)
        else:
            self.hear(where, response.content.decode(errors="replace"))

    def hear_database(self) -> None:
        """Every row of every table, where the test had a database."""
        try:
            connection.ensure_connection()
        except RuntimeError:  # pytest-django's: it had none
            return
        if connection.needs_rollback:
            return
        raw = connection.connection
        for table in connection.introspection.table_names():
            for row in raw.execute(f'SELECT * FROM "{table}"').fetchall():
                self.hear(f"the table {table}", row)

    def finds(self) -> list[str]:
        """Where a secret was heard, in whichever form; empty is as it should be. Never says the secret."""
        forms = [form for secret in self.secrets for form in _forms(secret)]
        return sorted({where for where, what in self.heard if any(form in what for form in forms)})

    def _overheard(self, where: str, parts: Iterable[bytes]) -> Iterator[bytes]:
        for part in parts:
            self.hear(where, part.decode(errors="replace"))
            yield part


@cache
def _forms(secret: str) -> frozenset[str]:
    return frozenset(_written(secret))


def _written(secret: str) -> Iterator[str]:
    yield from (secret, quote(secret), quote(secret, safe=""), quote_plus(secret))
    yield from (html.escape(secret), json.dumps(secret)[1:-1], repr(secret.encode())[2:-1])
    yield from (secret[::-1], secret.encode().hex())
    # Inside a longer text, such as Basic's "id:secret", base64 has three alignments: the secret's own part.
    for before in range(3):
        first, last = -(-8 * before // 6), 8 * (before + len(secret.encode())) // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(b" " * before + secret.encode()).decode()[first:last]


class _Ear(logging.Handler):
    """Hears every record as it is written: the sentence, its arguments, what hangs on it, its exception."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(logging.DEBUG)
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        extra = {name: value for name, value in vars(record).items() if name not in _PLAIN}
        failure = record.exc_info[1] if record.exc_info else None
        chain = "".join(f" {type(one).__name__}: {one!r} {one}" for one in _chain(failure))
        said = f"{record.getMessage()} {record.args!r} {extra!r}{chain} {record.stack_info}"
        self._watch.hear(f"the log of {record.name}", said)


def _chain(failure: BaseException | None) -> Iterator[BaseException]:
    """An exception and all that led to it; their source lines hold no values."""
    seen: set[int] = set()
    while failure is not None and id(failure) not in seen:
        seen.add(id(failure))
        yield failure
        failure = failure.__cause__ or failure.__context__


#: The one who listens now, for the pages that a `Person` is answered.
watch = Watch()


class HeardClient(Client):
    """Django's test client; what the product answers is heard, every step of a redirect."""

    def request(self, **request: Any) -> Any:
        response = super().request(**request)
        watch.hear_page(response)
        return response


@contextmanager
def listening(to: Watch | None = None) -> Iterator[Watch]:
    """Hear all there is, at DEBUG. httpx and httpcore stay as quiet as the product has them."""
    global watch  # noqa: PLW0603 - tests run one after another
    before, watch = watch, to or Watch()
    ear, root = _Ear(watch), logging.getLogger()
    level, issue = root.level, Tokens.fetch

    def noted(tokens: Tokens) -> str:
        token = issue(tokens)
        watch.secrets.add(token)
        return token

    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    Tokens.fetch = noted  # type: ignore[method-assign]
    try:
        yield watch
    finally:
        Tokens.fetch = issue  # type: ignore[method-assign]
        root.setLevel(level)
        root.removeHandler(ear)
        watch = before


def check() -> None:
    """Raise AssertionError where a secret was heard. While what the test had is still there."""
    watch.hear_database()
    found = watch.finds()
    assert not found, f"a secret is in {', '.join(found)}"
