"""The list in a browser: sorted and filtered in place, kept in the address, readable in a narrow window."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from visits import sideways

from departments.models import Department
from sandbox import Organisation, company

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from visits import DingTalk

pytestmark = pytest.mark.usefixtures("everything_read")

ROWS = "main .table tbody tr"
PLACE = "main p[data-focus]"


@pytest.fixture
def org() -> Organisation:
    return company()


def names(page: Page) -> list[str]:
    return page.locator(f"{ROWS} td:first-child a").all_text_contents()


def test_sorting_and_turning_pages_happen_in_place(signed_in: Callable[..., Page]) -> None:
    page = signed_in("viewer")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="List").click()
    expect(page.locator("main h1")).to_have_text("List")
    first = names(page)

    page.get_by_role("columnheader", name="Name").get_by_role("link").click()

    expect(page.locator("th[aria-sort=descending]")).to_have_text(re.compile("Name"))
    expect(page.locator(PLACE)).to_be_focused()
    expect(page).to_have_url(re.compile(r"/list/\?sort=-name$"))
    turned = names(page)
    page.get_by_role("link", name="Next").click()
    expect(page.locator(PLACE)).to_have_text(re.compile("^51–"))
    assert [*reversed(turned + names(page))][: len(first)] == first

    page.go_back()
    expect(page.locator(PLACE)).to_have_text(re.compile("^1–50 of"))


def test_filters_are_in_the_address_and_can_be_cleared(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("viewer")
    page.goto("/list/")
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Hidden from Contacts").check()
    page.get_by_role("button", name="Apply filters").click()

    expect(page).to_have_url(re.compile("only=hidden"))
    hidden = set(Department.objects.filter(hidden=True).values_list("name", flat=True))
    expect(page.locator(ROWS)).to_have_count(len(hidden))
    assert set(names(page)) == hidden
    page.reload()
    assert set(names(page)) == hidden

    page.locator("#list-q").fill("nowhere")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No departments match these filters.")).to_be_visible()
    expect(page.locator("main .empty")).to_be_focused()
    page.locator("main .empty").get_by_role("link", name="Clear filters").click()
    expect(page.locator(PLACE)).to_have_text(re.compile("^1–50 of"))


def test_the_same_without_javascript(signed_in: Callable[..., Page]) -> None:
    page = signed_in("viewer", javascript=False)
    page.goto("/list/")

    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Sort by").select_option("-people")
    page.get_by_label("With a Department Chat").check()
    page.get_by_role("button", name="Apply filters").click()

    expect(page.locator("th[aria-sort=descending]")).to_have_text(re.compile("People"))
    expect(page.locator(ROWS)).to_have_count(Department.objects.filter(has_chat=True).count())


@pytest.mark.parametrize("width", [1280, 768, 320])
def test_only_the_table_moves_sideways(signed_in: Callable[..., Page], width: int) -> None:
    page = signed_in("viewer", width=width)
    page.goto("/list/?only=chat")

    assert sideways(page) <= 0
    table = page.get_by_role("region", name="List")
    expect(table).to_have_attribute("tabindex", "0")
    expect(page.locator(ROWS).first).to_be_visible()
