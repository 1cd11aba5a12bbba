"""What browser tests of the tree speak of: rows, what is planted, what is spoken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from playwright.sync_api import expect

from departments.models import Department

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page
    from visits import DingTalk

CROWD = 700
FIRST = 10_000
LEVEL_OF_CROWD = f"**/departments/{CROWD}/children/?part=tree*"


def row(page: Page, dept_id: int) -> Locator:
    return page.locator(f"#d{dept_id}")


def rows(page: Page, dingtalk: DingTalk, *names: str) -> list[Locator]:
    return [row(page, dingtalk.org[name].dept_id) for name in names]


def remember(*departments: tuple[int, int | None, str], **more: Any) -> None:
    """Rows of (id, parent, name), as if they had just been read."""
    now = timezone.now()
    known = {"seen_at": now, "details_seen_at": now, "children_seen_at": now, **more}
    Department.objects.bulk_create(
        Department(dept_id=dept_id, parent_id=parent_id, name=name, **known)
        for dept_id, parent_id, name in departments
    )


def remember_a_crowd(size: int = 2000) -> None:
    """A department “Crowd” below the root, with so many children: “Unit 1” has the id FIRST + 1."""
    remember((CROWD, 1, "Crowd"))
    remember(*((FIRST + n, CROWD, f"Unit {n}") for n in range(1, size + 1)))


def never_read(*names: str) -> None:
    """Memory has these departments, and nothing about what is below them."""
    found = Department.objects.filter(name__in=names)
    Department.objects.filter(parent_id__in=found.values_list("dept_id")).delete()
    found.update(children_seen_at=None)


def open_by_key(page: Page, link: Locator) -> None:
    link.focus()
    page.keyboard.press("ArrowRight")
    expect(link).to_have_attribute("aria-expanded", "true")
    expect(link).not_to_have_attribute("aria-busy", "true")


def one_tab_stop(page: Page) -> None:
    expect(page.locator("#tree [tabindex='0']")).to_have_count(1)


def listen(page: Page) -> None:
    """From now on the page notes what it says to those who do not see."""
    page.evaluate(
        """() => {
            window.spoken = [];
            for (const id of ["status", "alert"]) {
                const region = document.getElementById(id);
                new MutationObserver(() => region.textContent.trim() && spoken.push(region.textContent.trim()))
                    .observe(region, { childList: true, characterData: true, subtree: true });
            }
        }"""
    )


def spoken(page: Page) -> list[str]:
    said = page.evaluate("window.spoken.splice(0)")
    return list(said)
