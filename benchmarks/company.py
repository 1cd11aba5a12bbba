"""A company of 10,000 in a sandbox of this process, known to the product's memory, and people who visit it."""

from __future__ import annotations

import io
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache, cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import msgspec
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.db import SessionStore
from django.core.handlers.wsgi import WSGIHandler

from departments import dingtalk as wire
from departments import gateway
from departments.models import Department
from departments.services import sync
from sandbox import Organisation, Sandbox, company, names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SIZE = 10_000
#: Believable companies have no very wide departments: these are added to two of its own.
WIDE, NARROW = 1_000, 50
BATCH = 500

T = TypeVar("T")


@cache
def sandbox() -> Sandbox:
    found = Sandbox(org=planted())
    gateway.transport = httpx.WSGITransport(app=found)
    gateway.reset()
    client = gateway.dingtalk().in_background()
    told = Told([client.get_department(one.dept_id) for one in found.org])
    told.write_down()
    return found


def planted() -> Organisation:
    org = company(SIZE - WIDE - NARROW - 2)
    for count in (NARROW, WIDE):
        parent = org.create_department(f"门店 Stores {count}")
        for n in range(count):
            city, unit = names.CITIES[n % len(names.CITIES)], names.UNITS[n % len(names.UNITS)]
            org.create_department(
                f"{city.split()[0]}{unit.split()[0]} {n + 1}", parent=parent.dept_id
            )
    return org


@dataclass(frozen=True)
class Told:
    """What DingTalk tells of each department, and what it lists below each by that."""

    departments: list[wire.Department]

    @cached_property
    def levels(self) -> list[tuple[int, list[wire.ListedDepartment]]]:
        below: dict[int, list[wire.ListedDepartment]] = {
            one.dept_id: [] for one in self.departments
        }
        for one in self.departments:
            if one.parent_id:
                below[one.parent_id].append(msgspec.convert(one.as_dict(), wire.ListedDepartment))
        return list(below.items())

    def write_down(self) -> None:
        """In batches, as a reading does."""
        for levels in batches(self.levels):
            sync.levels_read(levels)
        for departments in batches(self.departments):
            sync.details_read(departments)


def batches(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), BATCH):
        yield values[start : start + BATCH]


def calls() -> int:
    return len(sandbox().calls)


def parent_of(about: int) -> int:
    """A department whose number of children is nearest to this."""
    parents = Department.objects.exclude(parent_id=None).values_list("parent_id", flat=True)
    sizes = Counter(parents)
    return min(sizes, key=lambda dept_id: abs(sizes[dept_id] - about))


class Visitor:
    """Somebody, signed in or not, whose requests go through the product's WSGI application and nothing else."""

    def __init__(self, user: User | None) -> None:
        self._application = application()
        self._cookie = f"session={signed_in(user)}" if user else ""

    def get(self, path: str, **headers: str) -> bytes:
        return self.ask(path, **headers)[1]

    def branch(self, dept_id: int) -> bytes:
        """What the tree asks for when a branch is opened."""
        return self._part(dept_id, "tree")

    def look_again(self, dept_id: int) -> bytes:
        """What it asks for beside that where the branch came from an old memory."""
        return self._part(dept_id, "look")

    def _part(self, dept_id: int, part: str) -> bytes:
        return self.get(f"/departments/{dept_id}/children/?part={part}", hx_request="true")

    def ask(self, path: str, **headers: str) -> tuple[Mapping[str, str], bytes]:
        told: dict[str, Any] = {}

        def start(status: str, headers: list[tuple[str, str]], _failure: object = None) -> None:
            told.update(status=status, headers=dict(headers))

        reply = self._application(self._environ(path, headers), start)
        try:
            content = b"".join(reply)
        finally:
            reply.close()
        if int(told["status"].split()[0]) >= HTTPStatus.MULTIPLE_CHOICES:
            raise RuntimeError(f"{told['status']} at {path}: {content[-2000:]!r}")
        return told["headers"], content

    def _environ(self, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
        address, _, query = path.partition("?")
        return {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": address.encode().decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost",
            "HTTP_COOKIE": self._cookie,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
        }


@cache
def application() -> WSGIHandler:
    return WSGIHandler()


@cache
def visitor(role: str) -> Visitor:
    user = User.objects.create_user(f"bench {role}")
    user.groups.add(Group.objects.get(name=role))
    return Visitor(user)


@cache
def stranger() -> Visitor:
    return Visitor(None)


@cache
def administrator() -> Visitor:
    return Visitor(User.objects.create_superuser("bench administrator"))


def signed_in(user: User) -> str:
    """The key of a session that is this user's, without the second a password takes."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "departments.accounts.Accounts"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def rows_in(content: bytes) -> int:
    """How many departments a part of the tree shows."""
    return len(re.findall(rb"<a id=\"d[0-9]", content))
