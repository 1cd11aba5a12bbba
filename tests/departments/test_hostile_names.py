"""Whatever DingTalk tells and whatever people type: every page stays the page it is.

A page is read by a parser and compared with the same page of a company in which everything has a plain name:
the same elements in the same order with the same attributes and addresses; only texts may differ. Pages are
found by walking the URLs of the app, so that a new page is opened here before anybody thinks of it.

What people type may be refused for one name and taken for another, and then the page legitimately differs.
Those pages are compared in kind: no element, attribute or address occurs that does not occur on some plain
answer of the same form (`PLAIN_ANSWERS`).
"""

from __future__ import annotations

import csv
import io
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import zip_longest
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

import msgspec
import pytest
import reading
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms import Textarea, TextInput
from django.test import Client
from django.urls import reverse
from hostile import HOSTILE, NASTIEST, PLAIN, in_turns
from looking import writes

from departments import urls
from departments.dingtalk import DingTalkError, payloads
from departments.forms import department_name
from departments.services import audit, crawl, delete, edit
from sandbox import Organisation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Line, Page, Person

pytestmark = pytest.mark.proof

# ── Reading a page ───────────────────────────────────────────────────────────────────────────────────────

#: Attributes that are read out or edited, never followed or run: a name may stand in them.
SAYS = {"value", "data-status", "data-version", "aria-label", "placeholder", "title", "alt"}
#: Attributes that a name has or has not, by the script it is written in.
BY_NAME = {"lang", "data-k"}
#: What differs from one run to the next.
VOLATILE = [
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "UUID"),
    (re.compile(r"/history/[0-9]+/"), "/history/N/"),
    (re.compile(r"([?&]q=)[^&#]*"), r"\1Q"),
]
#: What a spreadsheet computes, also behind what nobody sees.
FORMULA = re.compile(r"[\t\r\n\0]|[\s\ufeff\u200b-\u200f\u2060]*[=+\-@＝＋－＠]")

Piece = tuple[str, tuple[tuple[str, str], ...]]


class _Reader(HTMLParser):
    """Elements with their attributes, in order, and all that is said by them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[Piece] = []
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        by_name = {name: value for name, value in attrs if name in BY_NAME and tag != "html"}
        self.said += [value or "" for value in by_name.values()]
        there = sorted((one for one in attrs if one[0] not in by_name), key=str)
        self.pieces.append((tag, tuple(self._attribute(*one) for one in there)))

    def handle_endtag(self, tag: str) -> None:
        self.pieces.append((f"/{tag}", ()))

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    def handle_comment(self, data: str) -> None:
        self.pieces.append(("!--", ()))

    def handle_decl(self, decl: str) -> None:
        self.pieces.append(("!", (("", decl),)))

    def unknown_decl(self, data: str) -> None:
        self.pieces.append(("![", ()))

    def handle_pi(self, data: str) -> None:
        self.pieces.append(("?", ()))

    def _attribute(self, name: str, value: str | None) -> tuple[str, str]:
        if name in SAYS:
            self.said.append(value or "")
            return name, "…"
        value = value or ""
        for pattern, instead in VOLATILE:
            value = pattern.sub(instead, value)
        return name, value


@dataclass
class Look:
    """A page as far as it must be the same whatever things are called."""

    status: int
    pieces: list[Piece]
    said: str
    #: A cell of a table is told in one line.
    one_line: bool = False

    @classmethod
    def at(cls, response: Any) -> Look:
        content = response.getvalue().decode()
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        if kind == "text/csv":
            return cls.at_table(content, response.status_code)
        assert kind in ("text/html", ""), f"a page of kind {kind}: teach this test to read it"
        reader = _Reader()
        reader.feed(content)
        reader.close()
        return cls(response.status_code, reader.pieces, "".join(reader.said))

    @classmethod
    def at_table(cls, content: str, status: int) -> Look:
        """A table for a spreadsheet, of which no cell is a formula."""
        rows = list(csv.reader(io.StringIO(content.removeprefix("\ufeff"), newline="")))
        for cell in (cell for row in rows for cell in row):
            assert not FORMULA.match(cell), f"a spreadsheet would compute {cell[:60]!r}"
        said = "\n".join(" ".join(cell.split()) for row in rows for cell in row)
        return cls(
            status, [("row", (("cells", str(len(row))),)) for row in rows], said, one_line=True
        )

    @property
    def kinds(self) -> set[Piece]:
        return set(self.pieces)

    def says(self, text: str) -> int:
        """How often; what stands around a text does not count.

        A list of departments to be edited, and a cell, tell each name in one line.
        """
        forms = {" ".join(text.split())} | ({text.strip()} if not self.one_line else set())
        return sum(map(self.said.count, forms))


def difference(plain: Look, hostile: Look) -> str:
    """Where two pages part; empty where they do not."""
    if plain.status != hostile.status:
        return f"status {hostile.status} instead of {plain.status}: {hostile.said[:200]!r}"
    for place, (expected, found) in enumerate(zip_longest(plain.pieces, hostile.pieces)):
        if expected != found:
            before = [tag for tag, _attributes in hostile.pieces[max(place - 4, 0) : place]]
            return f"after {before}: {found} instead of {expected}"
    return ""


# ── A company, and everything there is to see of it ──────────────────────────────────────────────────────


def kept(text: str) -> str:
    """As it is after it has come from DingTalk: PostgreSQL's text holds no NUL."""
    return text.replace("\0", "\ufffd")


class Texts:
    """Hands out the texts; each is remembered by the place it has."""

    def __init__(self, texts: list[str]) -> None:
        self._left = iter(texts)
        self.given: dict[str, str] = {}

    def __call__(self, place: str) -> str:
        if place not in self.given:
            self.given[place] = next(self._left)
        return self.given[place]

    def typed(self, place: str) -> str:
        """One that a person gives: no form takes a NUL."""
        self.given[place] = kept(self(place))
        return self.given[place]


class Company:
    """Departments with a name, a code, people … of every kind, under ids that are the same each time."""

    def __init__(self, org: Organisation, text: Texts) -> None:
        self.org = org
        org.edit_department(1, name=text("the root"))
        self.above = self._below(1, text("above"))
        self.middle = self._below(self.above, text("in the middle"))
        self.friend = self._below(1, text("somebody who may see it"))
        self.here = self._here(text)
        self.lost = self._below(self.here, text("a child with a write in doubt"))
        for number in (2, 3):
            self._below(self.here, text(f"child {number}"))
        self.blocked = self._blocked(text)
        self.doomed = self._doomed(text)
        self.leaving = self._below(1, text("deleted here"))
        self.gone = self._below(1, text("deleted there"))
        self.calm = self._below(1, "Calm", source_identifier=text("the source that was"))

    def _below(self, parent: int, name: str, **more: Any) -> int:
        return self.org.create_department(name, parent=parent, **more).dept_id

    def _here(self, text: Texts) -> int:
        return self._below(
            self.middle,
            text("the department"),
            code=text("code"),
            source_identifier=text("source"),
            brief=text("brief"),
            telephone=text("telephone"),
            extension=text("extension"),
            hide_dept=True,
            dept_permits=[self.friend],
            user_permits=[text("somebody's userid")],
            hide_scene_config={text("a scene"): True},
        )

    def _blocked(self, text: Texts) -> int:
        blocked = self._below(1, text("not empty"), outer_dept=True)
        elsewhere = self._below(1, text("where one of them is too"))
        self.org.add_member(blocked, text("a person"), userid=text("a userid"))
        self.org.add_member(blocked, text("another person"), userid="zhang")
        self.org.move_member("zhang", to=blocked)
        self.org.add_member(elsewhere, "", userid="zhang")
        self.org.edit_department(blocked, dept_manager_userid_list=[text("a userid")])
        return blocked

    def _doomed(self, text: Texts) -> int:
        doomed = self._below(1, text("to be deleted"))
        chat = {"dept_group_chat_id": text("a chat"), "org_dept_owner": text("its owner")}
        self._below(doomed, text("below it"), create_dept_group=True, **chat)
        self._below(1, text("mentions it"), hide_dept=True, dept_permits=[doomed])
        return doomed


def edit_of(dept_id: int) -> str:
    return f"/departments/{dept_id}/edit/"


def below(dept_id: int) -> str:
    return f"/departments/{dept_id}/new/"


@dataclass
class Walk:
    """Somebody who opens everything there is."""

    org: Organisation
    line: Line
    person: Person
    text: Texts
    #: As a page of its own (None), as the part of it that htmx asks for ("main"), or both.
    ways: tuple[str | None, ...]
    looks: dict[str, Look] = field(default_factory=dict)

    def everything(self) -> dict[str, Look]:
        self.company = Company(self.org, self.text)
        reading.read(below=1)
        self._make_history()
        self._make_plans()
        self.org.delete_department(self.company.gone)
        self._open_every_url()
        self._open_with_words()
        self._open_with_errors()
        self._disagree()
        self._confirm_too_late()
        return self.looks

    def get(self, label: str, url: str) -> None:
        for way in self.ways:
            self._look(label, way, lambda way=way: self.person.get(url, htmx=way))

    def post(self, label: str, url: str, data: dict[str, Any], **changes: str) -> None:
        """Only what is refused: it may be sent twice, as two forms."""
        for way in self.ways:
            fresh = {**data, **changes, **self._drawn_anew(url)}
            self._look(
                label, way, lambda way=way, fresh=fresh: self.person.post(url, fresh, htmx=way)
            )

    def _drawn_anew(self, url: str) -> dict[str, str]:
        return (
            {"drawn": self.person.get(url).field("drawn")}
            if url.startswith("/departments/")
            else {}
        )

    def _look(self, label: str, way: str | None, opened: Callable[[], Page]) -> None:
        label = f"{label}, for htmx" if way else label
        try:
            self.looks[label] = Look.at(opened().response)
        except Exception as failure:
            failure.add_note(f"when opening {label}")
            raise

    def _make_history(self) -> None:
        here = self.company.here
        self._write(here, order=7, outer_dept=True, outer_permit_depts=[self.company.friend])
        with self._refusing("department/update", 60022):
            self._write(here, source_identifier=self.text.typed("a source that was refused"))
        self.line.lose_reply_to("department/update")
        self._write(self.company.lost, order=8)
        self.line.mend()

    def _write(self, dept_id: int, **changes: Any) -> None:
        seen = edit.read_live(dept_id=dept_id, by=self.person.user).as_dict()
        ask = audit.Ask(op_id=uuid4(), by=self.person.user, reason=self.text.typed("a reason"))
        with suppress(DingTalkError):
            edit.save(dept_id=dept_id, changes=changes, seen=seen, ask=ask)  # type: ignore[arg-type]

    @contextmanager
    def _refusing(self, path: str, code: int) -> Iterator[None]:
        said = {"errmsg": self.text("DingTalk's words"), "request_id": self.text("a request id")}
        self.line.answer(path, errcode=code, **said)
        yield
        self.line.mend()

    def _make_plans(self) -> None:
        def check(dept_id: int) -> Any:
            return delete.check(dept_id=dept_id, by=self.person.user)

        self.allowed = check(self.company.doomed)
        self.blocked = check(self.company.blocked)
        with self._refusing("user/listid", 50004):
            self.unchecked = check(self.company.doomed)
        self.carried_out = check(self.company.leaving)
        ask = audit.Ask(op_id=self.carried_out.plan_id, by=self.person.user)
        delete.carry_out(kept=self.carried_out, ask=ask, typed="", chats_seen=True)

    def _open_every_url(self) -> None:
        company, plans = self.company, [self.allowed, self.blocked, self.unchecked]
        about = [1, company.here, company.lost, company.blocked, company.doomed, company.gone]
        known = {
            "dept_id": about,
            "parent_id": about[:3],
            "plan_id": [plan.plan_id for plan in (*plans, self.carried_out)],
            "number": list(range(self._first_entry(), self._first_entry() + 4)),
            "job_id": [self._failed_reading(), self._asking_reading()],
        }
        for pattern in urls.urlpatterns:
            wanted = list(pattern.pattern.converters)
            assert len(wanted) < 2, (
                f"{pattern.name}: two arguments are more than this test can give"
            )
            assert set(wanted) <= known.keys(), (
                f"the new page {pattern.name!r} wants {wanted}: say here which ones there are"
            )
            for number, value in enumerate(known[wanted[0]] if wanted else [None]):
                given = {wanted[0]: value} if wanted else {}
                url = reverse(f"departments:{pattern.name}", kwargs=given)
                if str(pattern.name).startswith("listing"):
                    url += "?sort=id"  # by name they stand otherwise when they are called otherwise
                self.get(f"{pattern.name} {number}", url)

    def _failed_reading(self) -> UUID:
        job = crawl.start(below=1, by=self.person.user)
        with self._refusing("department/get", 60011):
            reading.go_on(job)
        return job.pk

    def _asking_reading(self) -> UUID:
        names = [self.text.typed("a department that is missing"), "Sales"]
        job = crawl.start(below=1, by=self.person.user)
        job.state, job.result = job.State.ASKING, {"missing": 2, "of": 9, "names": names}
        job.save()
        return job.pk

    @staticmethod
    def _first_entry() -> int:
        from departments.models import AuditEntry

        return int(AuditEntry.objects.order_by("pk").values_list("pk", flat=True)[0])

    def _open_with_words(self) -> None:
        here = self.company.here
        self.get("found by its id", f"/search/?q={here}")
        self._look("found", "found", lambda: self.person.get(f"/search/?q={here}", htmx="found"))
        part = f"/departments/{here}/children/?part=tree"
        self._look("a level of the tree", "g1", lambda: self.person.get(part, htmx="g1"))
        everything = ".".join(str(one.dept_id) for one in self.org)
        self.get("the open tree", f"/departments/?open={everything}")
        # A name is no page, whatever it looks like.
        missing = quote(self.text("a page")[:200], safe="")
        self.get("no such page", f"/departments/x{missing}/")

    def _open_with_errors(self) -> None:
        company = self.company
        with self._refusing("department/get", 50004):
            # From here on known to be out of scope: the first to hear it gets its row of the tree drawn anew.
            self.person.get(f"/departments/{company.calm}/?live=1")
        for code in (60011, 12345, 90018, 50004):
            with self._refusing("department/get", code):
                self.get(
                    f"the department, refused with {code}", f"/departments/{company.calm}/?live=1"
                )
                self.get(f"a form, refused with {code}", f"/departments/{company.calm}/edit/")
        with self._refusing("auth/scopes", 60020), self._refusing("department/listsub", 60011):
            self.get("set-up, refused", "/setup/")
        self._send_in_vain()

    def _send_in_vain(self) -> None:
        calm, lost = self.company.calm, self.company.lost
        edited, new = self.person.open_edit(calm), self.person.open_create(calm)
        with self._refusing("department/update", 60001):
            self.post("a refused edit", edit_of(calm), edited, source_identifier="mine")
        with self._refusing("department/create", 60008):
            self.post("a refused create", below(calm), new, name="New")
        self.post("a create in doubt", below(lost), new, name="New", parent_id=str(lost))

    def _disagree(self) -> None:
        calm = self.company.calm
        form = {**self.person.open_edit(calm), "name": "Calmer", "source_identifier": "mine"}
        now = {"name": self.text("its name now"), "source_identifier": self.text("the source now")}
        self.org.edit_department(calm, **now)
        for way in self.ways:
            self._look(
                "a conflict", way, lambda way=way: self.person.post(edit_of(calm), form, htmx=way)
            )
        url = f"/departments/{calm}/move/"
        moved = {
            "drawn": self.person.get(url).field("drawn"),
            "parent_id": str(self.company.middle),
        }
        self.org.move_department(calm, to=self.company.friend)
        for way in self.ways:
            self._look("moved twice", way, lambda way=way: self.person.post(url, moved, htmx=way))

    def _confirm_too_late(self) -> None:
        url, doomed = f"/deletions/{self.allowed.plan_id}/", self.company.doomed
        typed = self.text.typed("typed to confirm")
        self.post("a wrong confirmation", url, {"typed": typed})
        self.org.create_department(self.text("came meanwhile"), parent=doomed)
        self.org.add_member(doomed, self.text("joined meanwhile"), userid="joined")
        self.post("something changed", url, {"typed": str(doomed), "chats_seen": "on"})


# ── Walks ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def org() -> Organisation:
    """Founded, and nothing else: each walk plants its own company."""
    return Organisation()


@pytest.fixture
def walk(
    org: Organisation, line: Line, people: Callable[..., Person], settings: Any
) -> Callable[[list[str]], Walk]:
    """Everything there is to see of a company with these texts; afterwards it has never been."""
    settings.DELETE_TYPE_FROM = 2
    founded = org.snapshot()

    def walked(texts: list[str], ways: tuple[str | None, ...] = (None, "main")) -> Walk:
        org.restore(founded)
        with transaction.atomic():
            text = Texts(texts)
            person = people("administrator")
            name = text.typed("who is signed in")[:150]
            text.given["who is signed in"] = person.user.first_name = name
            person.user.save()
            one = Walk(org, line, person, text, ways)
            one.everything()
            transaction.set_rollback(True)
        return one

    return walked


_PLAIN_WALK: list[Walk] = []


@pytest.fixture
def plain(walk: Callable[[list[str]], Walk]) -> Walk:
    """The walk through a company that means no harm; done once for all tests."""
    if not _PLAIN_WALK:
        _PLAIN_WALK.append(walk(PLAIN))
    return _PLAIN_WALK[0]


def compare(plain: Walk, hostile: Walk) -> str:
    """Every page that is another one, and every text that was not shown as it is."""
    assert plain.looks.keys() >= hostile.looks.keys()
    wrong = []
    for label, look in hostile.looks.items():
        expected = plain.looks[label]
        if parted := difference(expected, look):
            wrong.append(f"{label}: {parted}")
        for place, text in plain.text.given.items():
            theirs = kept(hostile.text.given[place])
            if place == "a request id":
                theirs = theirs[:80]  # as much as history keeps
            if label.startswith("listing"):
                theirs = theirs[:200]  # as much of a code as memory looks for and lists
            if look.says(theirs) < expected.says(text):
                wrong.append(f"{label}: {place} is not shown as it is: {theirs[:60]!r}")
    return "\n".join(wrong)


def test_there_are_enough_of_them() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 300


ROUNDS = in_turns(HOSTILE, len(PLAIN))


@pytest.mark.parametrize("turn", range(len(ROUNDS)))
def test_no_page_becomes_another_for_a_name(plain, walk, turn):
    ways = ((None, "main")[turn % 2],)  # by turns, for the sake of time
    assert compare(plain, walk(ROUNDS[turn], ways)) == ""


def test_no_page_becomes_another_with_every_name_in_every_place(plain, walk):
    everything = " ".join(HOSTILE)
    assert compare(plain, walk([f"{number} {everything}" for number in range(len(PLAIN))])) == ""


# ── Every name in every field of a department ────────────────────────────────────────────────────────────


def told_with(text: str, dept_id: int) -> dict[str, Any]:
    """A department as DingTalk may tell it, this text in every field that holds a text."""
    known: dict[str, Any] = {
        "dept_id": dept_id,
        "parent_id": 1,
        "order": 7,
        "from_union_org": False,
    }
    of_kind: dict[Any, Any] = {str: text, list[str]: [text], dict[str, Any]: {text: text}}
    of_kind |= {bool: True, list[payloads.Id]: [1], payloads.Bigint: 3}
    for one in msgspec.structs.fields(payloads.Department):
        kinds = [of_kind[kind] for kind in of_kind if _may_be(one.type, kind)]
        assert kinds, f"a field of a new kind: {one.name}"
        known.setdefault(one.name, kinds[0])
    return known


def by_turns(texts: list[str], turn: int) -> list[str]:
    """Every other one, for the sake of time, and all of them at once."""
    return [*texts[turn % 2 :: 2], " ".join(texts)]


def _may_be(annotation: Any, kind: Any) -> bool:
    return kind == annotation or kind in getattr(annotation, "__args__", ())


def test_whatever_stands_in_a_departments_fields_its_pages_stay_what_they_are(org, line, editor):
    legal = org.create_department("Legal").dept_id
    reading.read(below=1)

    def look(url: str, text: str) -> Look:
        line.mend()
        line.answer("department/get", errcode=0, result=told_with(text, legal))
        return Look.at(editor.get(url, htmx="main").response)

    for turn, url in enumerate([f"/departments/{legal}/?live=1", edit_of(legal)]):
        plain = look(url, PLAIN[0])
        for text in by_turns(HOSTILE, turn):
            hostile = look(url, text)
            assert difference(plain, hostile) == "", text
            assert hostile.says(kept(text)) >= 4, text


# ── What people type ─────────────────────────────────────────────────────────────────────────────────────

#: What our own rules, or DingTalk's, refuse in one way or another, and what they take.
PLAIN_ANSWERS = [
    "Plain",
    "",
    "  ",
    "a-b",
    "a,b",
    "a\u200bb",
    "a\0b",
    "x" * 5000,
    "1",
    "1 Acme",
    "a\nb",
]


def text_fields(form: Any) -> set[str]:
    """Every field of the form that takes text."""
    fields = form.fields.items()
    return {name for name, one in fields if isinstance(one.widget, TextInput | Textarea)}


@pytest.mark.parametrize(("turn", "form"), enumerate(["edit", "new", "move"]))
def test_whatever_is_typed_into_a_form_comes_back_as_text(org, line, editor, sandbox, turn, form):
    legal = org.create_department("Legal").dept_id
    reading.read(below=1)
    url = f"/departments/{legal}/{form}/"
    names = text_fields(editor.get(url).response.context["form"])
    assert len(names) >= 2
    drawn = editor.get(url).field("drawn")

    def sent(text: str) -> Look:
        data = dict.fromkeys(names, text) | {"order": f"no number {text}", "hide_dept": "on"}
        return Look.at(editor.post(url, {**data, "drawn": drawn}, htmx="main").response)

    possible = set().union(*(sent(text).kinds for text in PLAIN_ANSWERS))
    for text in by_turns(HOSTILE, turn):
        look = sent(text)
        assert look.status == 422, text
        assert look.kinds <= possible, (text, look.kinds - possible)
        assert look.says(text) >= len(names), text
    assert writes(sandbox) == []


def allowed(text: str) -> bool:
    try:
        return department_name(text) == text
    except ValidationError:
        return False


def test_a_department_can_be_called_anything_our_rules_allow(org, line, editor):
    reading.read(below=1)
    before = org.snapshot()

    def created(name: str) -> Look:
        org.restore(before)
        with transaction.atomic():
            page = editor.create(1, name=name, source_identifier=name)
            transaction.set_rollback(True)
        assert [change.after[0].name for change in org.journal] == [name]
        return Look.at(page.response)

    plain = created(PLAIN[0])
    assert PLAIN[0] in plain.said
    names = [text for text in HOSTILE if allowed(text)]
    assert len(names) > 200
    for name in names[::5]:  # each is eight calls and three pages
        hostile = created(name)
        assert difference(plain, hostile) == "", name
        assert f"“{name}” was created." in hostile.said, name


def test_whatever_is_searched_for_is_said_as_text(org, line, viewer):
    for text in NASTIEST:
        org.create_department(text, source_identifier=text)
    reading.read(below=1)

    def found(text: str, way: str | None) -> Look:
        page = viewer.get(f"/search/?q={quote(text)}", htmx=way)
        address = page.response.headers.get("HX-Replace-Url", "/search/?q=")
        assert re.fullmatch(r"/search/\?q=[!-~]*", address), text
        return Look.at(page.response)

    for way in ("found", None):
        possible = set().union(*(found(text, way).kinds for text in ("1", "<", "nobody", "")))
        for text in HOSTILE if way else NASTIEST:
            look = found(text, way)
            assert look.status == 200, text
            links = {piece for piece in look.kinds if piece[0] == "a"}
            assert look.kinds - links <= possible, (text, look.kinds - possible)
            assert all(
                re.fullmatch(r"/[\w/]*(\?[\w=&]*)?(#d\d+)?|#main", dict(a)["href"])
                for _tag, a in links
            ), text


def test_whatever_stands_in_an_address_its_page_stays_what_it_is(org, line, administrator):
    """Every page that needs no argument, with every filter it has and those that only addresses have."""
    org.create_department("Legal")
    reading.read(below=1)
    pages = [one.name for one in urls.urlpatterns if not one.pattern.converters]
    for url in map(reverse, (f"departments:{name}" for name in pages)):
        shown = Look.at(administrator.get(url).response)
        names = filters_of(shown) | {"page", "open", "from", "until", "live", "part", "q"}
        looks = {
            text: Look.at(
                administrator.get(f"{url}?{urlencode(dict.fromkeys(names, text))}").response
            )
            for text in [*PLAIN_ANSWERS, *NASTIEST]
        }
        possible = shown.kinds.union(*(looks[text].kinds for text in PLAIN_ANSWERS))
        for text in NASTIEST:
            assert looks[text].status < 500, (url, text)
            assert looks[text].kinds <= possible, (url, text, looks[text].kinds - possible)


def filters_of(look: Look) -> set[str]:
    """Names of what can be typed or chosen in forms that only ask."""
    names, asks = set(), False
    for tag, attributes in look.pieces:
        given = dict(attributes)
        if tag == "form":
            asks = given.get("method", "get").lower() == "get"
        elif asks and tag in ("input", "select", "textarea", "button"):
            names.add(given.get("name", ""))
    return names - {""}


def test_whatever_is_typed_to_sign_in_comes_back_as_text(line, db):
    def looks(text: str) -> list[Look]:
        client, url = Client(), f"/accounts/login/?next={quote(text)}"
        return [
            Look.at(client.get(url)),
            Look.at(client.post(url, {"username": text, "next": text})),
        ]

    expected = looks(PLAIN[0])
    for text in NASTIEST:
        if (
            text.strip() and "\0" not in text
        ):  # which are "nothing typed" and "not allowed": another sentence
            assert [difference(*pair) for pair in zip(expected, looks(text), strict=True)] == [
                "",
                "",
            ], text


# ── What a database does not keep ────────────────────────────────────────────────────────────────────────


def test_a_name_with_a_nul_is_shown(org, line, viewer):
    legal = org.create_department("Le\0gal", source_identifier="\0").dept_id
    for url in ("/departments/", f"/departments/{legal}/?live=1", "/departments/1/children/"):
        assert viewer.get(url).status == 200


def test_a_request_id_may_be_of_any_length(org, line, editor):
    """It comes with the answer to a write: a fault here would be a fault after the fact."""
    legal = org.create_department("Legal").dept_id
    form = {**editor.open_edit(legal), "source_identifier": "x"}
    line.answer("department/update", errcode=60001, request_id="r" * 4096)

    assert editor.post(edit_of(legal), form).status == 409
