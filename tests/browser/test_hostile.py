"""Hostile names in a real browser: nothing runs, nothing is asked of anybody, no element comes from a name.

That each page keeps its shape for hundreds of names is shown without a browser (tests/departments/
test_hostile_names.py); here a browser parses what is sent, htmx swaps it and the page's own scripts read it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import uuid4

import reading
from hostile import NASTIEST
from playwright.sync_api import expect
from visits import account

from departments.models import AuditEntry
from departments.services import audit, edit

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from visits import DingTalk, Watch

HEADING = "main h1"
#: Of these, each page of its own is opened, too.
WORST = [*NASTIEST[:6], NASTIEST[12], *NASTIEST[-5:]]

#: Every element by its attributes, and every address that is followed or asked by itself. What scripts change
#: while something is under way is left out; the browser itself reports an inline style of anybody else's.
_SHAPES = """() => {
  const addresses = ['href', 'src', 'action', 'formaction', 'hx-get', 'hx-post'];
  const passing = ['class', 'style', 'tabindex', 'aria-busy', 'aria-disabled', 'aria-current'];
  const lasting = element => element.getAttributeNames().filter(name => !passing.includes(name)).sort();
  const shape = element => [element.localName, ...lasting(element)].join(' ');
  const follows = element => addresses.map(name => element.getAttribute(name)).filter(Boolean);
  const all = [...document.querySelectorAll('*')];
  return [[...new Set(all.map(shape))], [...new Set(all.flatMap(follows))]];
}"""
#: What a page of a department asks with by itself once memory is a minute old, which depends on the machine.
_LOOKS_AGAIN = "p hx-get hx-target hx-trigger"
_OURS = re.compile(r"(/[\w./-]*)?(\?[\w=&%.+~-]*)?(#[\w-]*)?")


class Onlooker:
    """Looks at every page that is shown, and remembers which elements plain names made."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.dialogs: list[str] = []
        self.plain = {_LOOKS_AGAIN}
        page.on("dialog", self._asked)

    def _asked(self, dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def learn(self) -> None:
        self.plain |= self._shapes()

    def nothing_new(self) -> None:
        assert self._shapes() <= self.plain
        assert self.dialogs == []

    def _shapes(self) -> set[str]:
        shapes, addresses = self.page.evaluate(_SHAPES)
        assert [one for one in addresses if not _OURS.fullmatch(one)] == []
        return set(shapes)


class Tour:
    """Somebody who opens every page of a department, by clicks where a person would click."""

    def __init__(self, page: Page, see: Callable[[], None]) -> None:
        self.page = page
        self.see = see

    def everything(self, dept_id: int, name: str) -> None:
        for url in (f"/departments/{dept_id}/", f"/search/?q={quote(name[:200])}", "/history/"):
            self._open(url)
        number = AuditEntry.objects.filter(dept_id=dept_id).values_list("pk", flat=True)[0]
        for part in ("edit/", "move/", "new/", "children/", "history/", "delete/"):
            self._open(f"/departments/{dept_id}/{part}")
        self._open(f"/history/{number}/")
        self.refused(dept_id, name)
        self._plan(dept_id)

    def in_the_tree(self, dept_id: int) -> None:
        """By htmx, and by what the tree's own script says."""
        self.page.locator(f"#d{dept_id}").click()
        expect(self.page.locator(f"main [data-dept-id='{dept_id}']")).to_be_visible()
        self.page.keyboard.press("ArrowRight")
        expect(self.page.locator(f"#d{dept_id}")).to_have_attribute("aria-expanded", "true")
        expect(self.page.locator(f"#g{dept_id} .nm")).to_have_count(1)
        self.see()

    def _open(self, url: str) -> None:
        self.page.goto(url)
        expect(self.page.locator(HEADING)).to_have_count(1)
        self.see()

    def refused(self, dept_id: int, name: str) -> None:
        """The name typed by a person, where it cannot be taken."""
        self.page.goto(f"/departments/{dept_id}/new/")
        for field in ("#id_name", "#id_source_identifier", "#id_order", "#id_parent_id"):
            self.page.locator(field).fill(f"x,{name}")
        self.page.locator("main form.form button.primary").click()
        expect(self.page.locator("main .summary")).to_be_visible()
        self.see()

    def _plan(self, dept_id: int) -> None:
        self.page.goto(f"/departments/{dept_id}/")
        self.page.locator("section.danger button").click()
        expect(self.page).to_have_url(re.compile("/deletions/"))
        expect(self.page.locator(HEADING)).to_be_focused()
        self.see()


def planted(dingtalk: DingTalk, name: str) -> int:
    """A department of this name, with this text wherever DingTalk keeps one, and a change that was made."""
    org = dingtalk.org
    texts = dict.fromkeys(("code", "source_identifier", "brief", "telephone", "extension"), name)
    here = org.create_department(
        name, create_dept_group=True, hide_dept=True, user_permits=[name], **texts
    )
    org.create_department(name, parent=here.dept_id)
    return int(here.dept_id)


def changed(dept_id: int) -> None:
    user = account("deleter")
    told = edit.read_live(dept_id=dept_id, by=user).as_dict()
    ask = audit.Ask(op_id=uuid4(), by=user, reason=told["name"])
    edit.save(dept_id=dept_id, changes={"outer_dept": True}, seen=told, ask=ask)


def test_names_stay_names_on_every_page(
    signed_in: Callable[..., Page], dingtalk: DingTalk, watch: Watch
) -> None:
    watch.expect(422)
    # With people inside a delete is refused: that page, too, is seen with plain names first.
    plain = planted(dingtalk, "Plain")
    named = {planted(dingtalk, name): name for name in NASTIEST}
    peopled = next(iter(named))
    for where in (plain, peopled):
        dingtalk.org.add_member(where, named.get(where, "Li Wei"), userid=f"u{where}")
    reading.read(below=1)
    worst = [dept_id for dept_id, name in named.items() if name in WORST]
    for dept_id in (plain, *worst):
        changed(dept_id)

    page = signed_in()
    onlooker = Onlooker(page)
    learning, seeing = Tour(page, onlooker.learn), Tour(page, onlooker.nothing_new)
    learning.everything(plain, "Plain")
    page.goto("/departments/")
    learning.in_the_tree(plain)
    dingtalk.org.remove_member(plain, f"u{plain}")
    learning.everything(plain, "Plain")
    learning.everything(plain, "nobody's name")
    learning.refused(plain, "invi\u200bsible")

    page.goto("/departments/")
    for dept_id in named:
        seeing.in_the_tree(dept_id)
    for dept_id in worst:
        seeing.everything(dept_id, named[dept_id])
