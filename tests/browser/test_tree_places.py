"""Where the tree is open: by address, from memory, by a link; long levels, long names, odd data."""

from __future__ import annotations

import gzip
import re
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect
from rows import (
    CROWD,
    FIRST,
    one_tab_stop,
    open_by_key,
    remember,
    remember_a_crowd,
    row,
    rows,
)
from visits import account, sign_in

from departments.models import Department

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from visits import DingTalk

pytestmark = pytest.mark.usefixtures("everything_read")
HEADING = "main h1"
SAVE = "main form.form button.primary"
DEEP = 600


def remember_a_way_down(levels: int = 9) -> None:
    """Departments 602 … below the root, one below the other; the last one stands on this level."""
    remember(
        *(
            (DEEP + n, 1 if n == 2 else DEEP + n - 1, f"Level {n}")
            for n in range(2, levels + 1)
        )
    )  # fmt: skip


def test_01_02_an_address_nine_levels_down_opens_the_way(
    signed_in: Callable[..., Page], window: Callable[..., Page]
) -> None:
    remember_a_way_down()
    page = signed_in("viewer")
    page.goto(f"/departments/{DEEP + 9}/")
    private = window()  # no cookie
    private.goto(f"/departments/{DEEP + 9}/")
    sign_in(private, "viewer")
    for one in (page, private):
        here = row(one, DEEP + 9)
        expect(here).to_be_in_viewport()
        expect(here).to_have_attribute("aria-current", "page")
        expect(here).to_have_attribute("aria-level", "9")
        expect(here).to_have_attribute("tabindex", "0")
        for n in range(2, 9):
            expect(row(one, DEEP + n)).to_have_attribute("aria-expanded", "true")
        expect(one.locator("#tree [aria-current]")).to_have_count(1)


def test_03_the_first_page_of_a_large_company_is_small_and_asks_dingtalk_nothing(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    remember_a_crowd()
    Department.objects.filter(pk__gt=FIRST).update(keys="danyuan dy", has_chat=True)
    page = signed_in("viewer")
    open_by_key(page, row(page, CROWD))
    dingtalk.sandbox.calls.clear()
    answer = page.goto("/departments/")
    assert answer is not None
    assert row(page, FIRST + 200).is_visible()
    assert len(gzip.compress(answer.body())) < 60_000
    assert dingtalk.sandbox.calls == []


def test_04_a_wide_branch_shows_200_and_no_more_by_scrolling(
    signed_in: Callable[..., Page],
) -> None:
    remember_a_crowd()
    page = signed_in("viewer")
    open_by_key(page, row(page, CROWD))
    units = page.locator(f"#g{CROWD} .nm")
    more = page.locator("#tree .more a")
    expect(units).to_have_count(200)
    expect(more).to_have_text("Show 200 more. 1,800 of 2,000 not shown.")
    expect(row(page, FIRST + 1)).to_have_attribute("aria-setsize", "2000")
    expect(more).not_to_have_attribute("aria-posinset", re.compile(""))
    more.scroll_into_view_if_needed()
    page.mouse.wheel(0, 20_000)
    page.wait_for_timeout(400)
    expect(units).to_have_count(200)


def test_05_an_address_deep_in_a_wide_branch_shows_its_batch(
    signed_in: Callable[..., Page],
) -> None:
    remember_a_crowd()
    page = signed_in("viewer")
    page.goto(f"/departments/{FIRST + 1734}/")
    here = row(page, FIRST + 1734)
    units = page.locator(f"#g{CROWD} .nm")
    expect(here).to_be_in_viewport()
    expect(here).to_have_attribute("aria-posinset", "1734")
    expect(units).to_have_count(200)
    expect(units.first).to_have_text(re.compile("^Unit 1601"))
    expect(units.last).to_have_text(re.compile("^Unit 1800"))
    before, after = page.locator("#tree .more a").all()
    expect(before).to_have_text("Show 200 before")
    expect(after).to_have_text("Show 200 more. 200 of 2,000 not shown.")
    before.press("Enter")
    expect(row(page, FIRST + 1600)).to_be_focused()
    expect(page.locator("#status")).to_have_text("Rows 1,401 to 1,600 of 2,000")
    expect(row(page, FIRST + 1401)).to_have_attribute("aria-posinset", "1401")
    expect(here).to_have_attribute("aria-posinset", "1734")
    after.press("Enter")
    expect(row(page, FIRST + 1801)).to_be_focused()
    expect(units).to_have_count(600)
    expect(page.locator("#tree .more")).to_have_count(1)


def test_13_what_is_open_stays_open(signed_in: Callable[..., Page], dingtalk: DingTalk) -> None:
    page = signed_in("editor")
    sales, east, platform, legal = rows(page, dingtalk, "Sales", "East", "Platform", "Legal")
    open_by_key(page, sales)

    def still_open() -> None:
        expect(east).to_be_visible()
        expect(platform).to_be_hidden()
        one_tab_stop(page)

    page.reload()
    still_open()
    legal.click()
    expect(page.locator(HEADING)).to_have_text("Legal")
    page.locator("main .actions a[href$='/edit/']").click()
    page.locator("#id_name").fill("Law")
    page.locator(SAVE).click()
    expect(page.locator(HEADING)).to_have_text("Law")
    still_open()
    page.locator("main .actions a[href$='/new/']").click()
    page.locator("#id_name").fill("Contracts")
    page.locator(SAVE).click()
    expect(page.locator(HEADING)).to_have_text("Contracts")
    still_open()
    page.go_back()
    still_open()
    page.locator('button[lang="zh-Hans"]').click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    still_open()


def test_13_the_way_an_address_opened_stays_open_when_one_goes_on(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("viewer")
    ningbo, legal = rows(page, dingtalk, "Ningbo", "Legal")
    page.goto(f"/departments/{dingtalk.org['Ningbo'].dept_id}/")
    legal.click()
    expect(page.locator(HEADING)).to_have_text("Legal")
    page.reload()
    expect(ningbo).to_be_visible()


def test_14_a_new_department_leaves_the_other_branches_as_they_were(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("editor")
    sales, east, research, platform, cellar = rows(
        page, dingtalk, "Sales", "East", "Research", "Platform", "Cellar"
    )
    open_by_key(page, sales)
    open_by_key(page, research)
    listed = page.locator("#tree .nm").evaluate_all("links => links.map(link => link.id)")
    sales.click()
    expect(page.locator(HEADING)).to_have_text("Sales")
    page.locator("main .actions a[href$='/new/']").click()
    page.locator("#id_name").fill("West")
    page.locator(SAVE).click()
    expect(page.locator(HEADING)).to_have_text("West")
    west = row(page, dingtalk.org["West"].dept_id)
    expect(west).to_have_attribute("aria-current", "page")
    expect(west).to_have_attribute("tabindex", "0")
    expect(west).to_have_attribute("aria-setsize", "3")
    expect(west).to_be_in_viewport()
    expect(sales).to_have_accessible_name(re.compile("^Sales 3 sub-departments"))
    expect(east).to_be_visible()
    expect(platform).to_be_visible()
    expect(cellar).to_be_hidden()
    now = page.locator("#tree .nm").evaluate_all("links => links.map(link => link.id)")
    now.remove(f"d{dingtalk.org['West'].dept_id}")
    assert now == listed


def test_14_the_first_department_below_another_opens_it(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("editor")
    (legal,) = rows(page, dingtalk, "Legal")
    legal.click()
    expect(page.locator(HEADING)).to_have_text("Legal")
    page.locator("main .actions a[href$='/new/']").click()
    page.locator("#id_name").fill("Contracts")
    page.locator(SAVE).click()
    expect(page.locator(HEADING)).to_have_text("Contracts")
    contracts = row(page, dingtalk.org["Contracts"].dept_id)
    expect(contracts).to_be_visible()
    expect(contracts).to_have_attribute("aria-level", "3")
    expect(legal).to_have_attribute("aria-expanded", "true")
    expect(legal).to_have_accessible_name("Legal 1 sub-department")
    page.reload()
    expect(contracts).to_be_visible()


def test_14_a_department_that_is_deleted_or_moved_leaves_its_old_place(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("deleter")
    sales, east, north, cellar, empty = rows(
        page, dingtalk, "Sales", "East", "North", "Cellar", "Empty"
    )
    for branch in (sales, empty):
        open_by_key(page, branch)
    north.click()
    expect(page.locator(HEADING)).to_have_text("North")
    page.locator("main .actions a[href$='/move/']").click()
    page.locator("#id_parent_id").fill("Legal")
    page.locator("#id_parent_id").press("Tab")
    page.locator(SAVE).click()
    expect(page.locator(HEADING)).to_have_text("North")
    expect(north).to_have_count(1)
    expect(page.locator(f"#g{dingtalk.org['Legal'].dept_id} .nm")).to_have_text("North")
    expect(north).to_have_attribute("aria-current", "page")
    expect(east).to_be_visible()
    expect(cellar).to_be_visible()
    expect(sales).to_have_accessible_name(re.compile("^Sales 1 sub-department "))
    expect(page.locator("#tree-changes")).to_be_empty()


def test_15_a_link_to_this_view_shows_somebody_else_the_same_branches(
    signed_in: Callable[..., Page], dingtalk: DingTalk, window: Callable[..., Page]
) -> None:
    page = signed_in("editor", permissions=["clipboard-read", "clipboard-write"])
    sales, east = rows(page, dingtalk, "Sales", "East")
    open_by_key(page, sales)
    page.keyboard.press("ArrowRight")
    open_by_key(page, east)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(HEADING)).to_have_text("Ningbo")
    page.get_by_role("group", name="Actions").get_by_role("button", name="More").click()
    page.get_by_role("button", name="Copy link to this view").click()
    expect(page.locator("#status")).to_have_text("Link copied")
    link = page.evaluate("navigator.clipboard.readText()")

    account("viewer")
    other = window()
    other.goto(link)
    sign_in(other, "viewer")
    expect(other.locator(HEADING)).to_have_text("Ningbo")
    for seen in (page, other):
        expect(seen.locator("#tree .nm")).to_have_count(8)
    other.goto("/departments/")  # adopted: going on closes nothing
    expect(other.locator("#tree .nm")).to_have_count(8)


def test_16_what_was_never_read_has_no_mark_and_says_so(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    dingtalk.org.edit_department("Legal", hide_dept=True)
    Department.objects.filter(name="Legal").update(hidden=None, details_seen_at=None, details={})
    page = signed_in("viewer")
    (legal,) = rows(page, dingtalk, "Legal")
    expect(legal.locator(".ico")).to_have_count(0)
    waiting: list[Callable[[], None]] = []
    page.route("**/?live=1", lambda route: waiting.append(route.continue_))
    with page.expect_request("**/?live=1"):
        legal.click()
    expect(page.locator("main .freshness")).to_contain_text("Details not read yet.")
    expect(legal.locator(".ico")).to_have_count(0)
    waiting[0]()
    expect(page.locator("main .freshness")).to_contain_text("just now")
    expect(legal.locator(".ico")).to_have_text("hidden from Contacts")
    expect(legal).to_be_focused()
    expect(page.locator("#tree-changes")).to_be_empty()


@pytest.mark.parametrize("width", [1280, 320])
def test_19_a_name_of_64_characters_is_read_in_full(
    signed_in: Callable[..., Page], dingtalk: DingTalk, width: int
) -> None:
    name = "大中华区供应链管理与可持续发展联合办公室华东及长江三角洲地区" * 2 + "（上海）"
    name = name[-64:]
    remember((801, 1, name), has_chat=True)
    remember(*((802 + n, 801, f"Child {n}") for n in range(3)))
    page = signed_in("viewer", width=width)
    link = row(page, 801)
    expect(link).to_be_visible()
    assert link.evaluate(
        "one => one.scrollHeight <= one.clientHeight + 1 && one.scrollWidth <= one.clientWidth"
    )
    lines = link.evaluate(
        """one => {
            const range = document.createRange();
            range.selectNodeContents(one.firstChild);
            return new Set([...range.getClientRects()].map(box => Math.round(box.top))).size;
        }"""
    )
    assert lines >= 2
    link.click()
    expect(page.locator(HEADING)).to_have_text(name)
    assert page.locator(HEADING).evaluate("one => one.scrollWidth <= one.clientWidth")


def test_twenty_levels_leave_room_for_a_name(signed_in: Callable[..., Page]) -> None:
    remember_a_way_down(24)
    page = signed_in("viewer")
    page.goto(f"/departments/{DEEP + 24}/")
    starts = [
        row(page, DEEP + n).evaluate("one => parseFloat(getComputedStyle(one).paddingLeft)")
        for n in range(2, 25)
    ]
    steps = [round(after - before) for before, after in pairwise(starts)]
    assert steps[:6] == [20] * 6  # to level 8
    assert steps[6:18] == [8] * 12  # to level 20
    assert steps[20:] == [0] * 2
    box = row(page, DEEP + 24).bounding_box()
    assert box is not None
    assert box["width"] - starts[-1] >= 56  # four Han characters a line


@pytest.mark.parametrize("javascript", [True, False])
def test_81_odd_departments_have_their_place(
    signed_in: Callable[..., Page], javascript: bool
) -> None:
    remember((-7, 1, "家校通讯录"), readable=False)
    remember((77, 76, "Orphan"), (78, 76, "Another"), detached=True)
    remember((79, 1, "Walled"), readable=False, children_seen_at=timezone.now())
    page = signed_in("viewer", javascript=javascript)
    expect(row(page, -7)).to_contain_text("家校通讯录")
    expect(row(page, -7)).not_to_have_attribute("href", re.compile(""))
    expect(row(page, 79).locator(".ico")).to_have_text("outside this app’s contact scope")
    apart = page.locator("#tree [data-apart]")
    expect(apart).to_have_count(1)
    expect(apart).to_contain_text("Orphan")
    if javascript:
        row(page, 1).focus()
        for _ in range(5):
            page.keyboard.press("ArrowDown")
        page.locator("#d-7").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Shift+F10")
        expect(page.locator("#row-menu a:visible")).to_have_count(0)
        expect(page.locator("#row-menu button:focus")).to_have_text("Copy ID")
    else:
        row(page, 77).click()
        expect(page.locator(HEADING)).to_have_text("Orphan")


def test_81_without_javascript_a_row_is_two_links(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("editor", javascript=False)
    sales, east = rows(page, dingtalk, "Sales", "East")
    expect(page.locator("[role=tree], [role=treeitem]")).to_have_count(0)
    number = sales.locator("+ a")
    expect(number).to_have_text("2")
    expect(number).to_be_visible()
    number.click()
    expect(east).to_be_visible()
    east.click()
    expect(page.locator(HEADING)).to_have_text("East")
    toolbar = page.get_by_role("group", name="Actions")
    toolbar.get_by_role("button", name="More").click()
    expect(page.locator("#row-menu a:visible")).to_have_text(
        ["Open", "Add sub-department", "Edit", "Move"]
    )
    page.locator("#row-menu").get_by_role("link", name="Edit").click()
    expect(page.locator(HEADING)).to_have_text("Edit “East”")


def test_89_back_and_forward_show_whole_pages_and_a_tree_that_works(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("viewer")
    names = ["Sales", "Research", "Empty", "Legal", "Acme"]
    for name in names:
        (link,) = rows(page, dingtalk, name)
        link.click()
        expect(page.locator(HEADING)).to_have_text(name)
    for name in reversed(names[:-1]):
        page.go_back()
        expect(page).to_have_title(re.compile(f"^{name} – "))
        expect(page.locator(HEADING)).to_have_text(name)
    page.go_forward()
    expect(page.locator(HEADING)).to_have_text("Research")
    research, platform = rows(page, dingtalk, "Research", "Platform")
    expect(research).to_have_attribute("aria-current", "page")
    one_tab_stop(page)
    open_by_key(page, research)
    expect(platform).to_be_visible()
