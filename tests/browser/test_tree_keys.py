"""The tree in a browser: keys, focus, the one tab stop, actions of a row."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from rows import (
    CROWD,
    FIRST,
    LEVEL_OF_CROWD,
    listen,
    never_read,
    one_tab_stop,
    open_by_key,
    remember,
    remember_a_crowd,
    row,
    rows,
    spoken,
)

from departments.models import Department

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from visits import DingTalk

pytestmark = pytest.mark.usefixtures("everything_read")
HEADING = "main h1"


def test_06_every_key_of_the_tree_does_its_part(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("deleter")
    acme, sales, east, north, platform, legal = rows(
        page, dingtalk, "Acme", "Sales", "East", "North", "Platform", "Legal"
    )
    sales.focus()
    page.keyboard.press("ArrowRight")
    expect(east).to_be_visible()
    expect(sales).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(east).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(north).to_be_focused()
    page.keyboard.press("ArrowRight")  # a leaf
    expect(north).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(sales).to_be_focused()
    page.keyboard.press("End")
    expect(legal).to_be_focused()
    page.keyboard.press("Home")
    expect(acme).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(sales).to_be_focused()
    page.keyboard.press("*")
    expect(platform).to_be_visible()
    expect(sales).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(east).to_be_hidden()
    page.keyboard.press("ArrowLeft")
    expect(acme).to_be_focused()

    page.keyboard.type("le")
    expect(legal).to_be_focused()
    page.wait_for_timeout(600)  # the word has ended: a space is no letter of it
    page.keyboard.press("Space")
    expect(page.locator(HEADING)).to_have_text("Legal")
    expect(legal).to_be_focused()
    sales.focus()
    page.keyboard.press("Enter")
    expect(page.locator(HEADING)).to_have_text("Sales")
    expect(sales).to_be_focused()
    page.keyboard.press("F2")
    expect(page.locator(HEADING)).to_have_text("Edit “Sales”")
    expect(page.locator("main :focus, main:focus")).to_have_count(1)
    sales.focus()
    page.keyboard.press("Delete")
    expect(page).to_have_url(re.compile("/delete/$"))
    assert dingtalk.writes() == []


def test_06_keys_for_what_one_may_not_do_do_nothing(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("viewer")
    (legal,) = rows(page, dingtalk, "Legal")
    legal.focus()
    for key in ("F2", "Delete"):
        page.keyboard.press(key)
    expect(legal).to_be_focused()
    expect(page).to_have_url(re.compile("/departments/$"))


def test_06_nobody_edits_moves_or_deletes_the_root_from_here(
    signed_in: Callable[..., Page],
) -> None:
    page = signed_in("deleter")
    row(page, 1).focus()
    for key in ("F2", "Delete"):
        page.keyboard.press(key)
    expect(row(page, 1)).to_be_focused()
    page.keyboard.press("Shift+F10")
    expect(page.locator("#row-menu a:visible")).to_have_text(["Open", "Add sub-department"])


def test_06_one_press_of_the_star_asks_for_at_most_twenty_branches(
    signed_in: Callable[..., Page],
) -> None:
    remember(*((800 + n, 1, f"Branch {n}") for n in range(30)))
    remember(*((900 + n, 800 + n, f"Leaf {n}") for n in range(30)))
    page = signed_in("viewer")
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "part=tree" in one.url else None)
    row(page, 800).focus()
    page.keyboard.press("*")
    expect(row(page, 900)).to_be_visible()
    expect(page.locator("#tree [aria-busy]")).to_have_count(0)
    assert len(asked) == 20
    page.keyboard.press("*")
    expect(row(page, 929)).to_be_visible()


def test_07_the_first_right_opens_and_the_second_enters(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("viewer")
    sales, east = rows(page, dingtalk, "Sales", "East")
    open_by_key(page, sales)
    expect(sales).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(east).to_be_focused()


def test_08_while_a_branch_loads_right_does_nothing_and_who_moves_on_stays_there(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("viewer")
    acme, sales, east = rows(page, dingtalk, "Acme", "Sales", "East")
    waiting: list[Callable[[], None]] = []
    page.route("**/children/?part=tree", lambda route: waiting.append(route.continue_))
    sales.focus()
    page.keyboard.press("ArrowRight")
    expect(sales).to_have_attribute("aria-busy", "true")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(sales).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(acme).to_be_focused()
    assert len(waiting) == 1
    waiting[0]()
    expect(east).to_be_visible()
    expect(acme).to_be_focused()
    one_tab_stop(page)


def test_09_after_show_200_more_the_focus_is_on_the_first_of_them(
    signed_in: Callable[..., Page],
) -> None:
    remember_a_crowd(450)
    page = signed_in("viewer")
    open_by_key(page, row(page, CROWD))
    page.locator("#tree .more a").focus()
    page.keyboard.press("Enter")
    expect(row(page, FIRST + 201)).to_be_focused()
    expect(page.locator("#status")).to_have_text("Rows 201 to 400 of 450")
    expect(row(page, FIRST + 201)).to_have_attribute("aria-posinset", "201")
    one_tab_stop(page)


def test_10_there_is_one_tab_stop_whatever_happens(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("editor")
    sales, legal = rows(page, dingtalk, "Sales", "Legal")
    one_tab_stop(page)
    open_by_key(page, sales)
    one_tab_stop(page)
    page.keyboard.press("ArrowRight")
    sales.locator("+ .tw").click()  # closes the branch that has the tab stop
    one_tab_stop(page)
    expect(sales).to_be_focused()
    legal.click()
    expect(page.locator(HEADING)).to_have_text("Legal")
    one_tab_stop(page)
    page.reload()
    one_tab_stop(page)
    page.go_back()
    one_tab_stop(page)


def test_11_typing_lands_on_a_name_by_its_pinyin_or_initials(
    signed_in: Callable[..., Page],
) -> None:
    remember((801, 1, "人事部"), keys="renshibu rsb")
    remember((802, 1, "人力资源部"), keys="renliziyuanbu rlzyb")
    page = signed_in("viewer")
    row(page, 1).focus()
    page.keyboard.type("rlzy")
    expect(row(page, 802)).to_be_focused()
    page.wait_for_timeout(600)
    page.keyboard.type("rens")
    expect(row(page, 801)).to_be_focused()
    page.wait_for_timeout(600)
    page.keyboard.type("r")  # the next that begins so
    expect(row(page, 802)).to_be_focused()
    page.wait_for_timeout(600)
    page.keyboard.type("nobody is called that")
    expect(page.locator("#tree :focus")).to_have_count(1)


def test_12_down_through_2000_rows_passes_every_one(signed_in: Callable[..., Page]) -> None:
    remember_a_crowd()
    page = signed_in("viewer")
    open_by_key(page, row(page, CROWD))
    for shown in range(200, 2000, 200):
        page.locator("#tree .more a").click()
        expect(row(page, FIRST + shown + 1)).to_be_focused()
    row(page, CROWD).focus()
    passed, slowest = page.evaluate(
        """() => {
            const passed = [], down = { key: "ArrowDown", bubbles: true, cancelable: true };
            let slowest = 0;
            for (let n = 0; n < 2000; n++) {
                const before = performance.now();
                document.activeElement.dispatchEvent(new KeyboardEvent("keydown", down));
                slowest = Math.max(slowest, performance.now() - before);
                passed.push(document.activeElement.id);
            }
            return [passed, slowest];
        }"""
    )
    assert passed == [f"d{FIRST + n}" for n in range(1, 2001)]
    assert slowest < 1000  # a guard against an endless one, on a shared machine; 2 ms here


def test_17_a_branch_that_turns_out_to_be_empty_loses_its_arrow(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    never_read("Legal")
    page = signed_in("viewer")
    (legal,) = rows(page, dingtalk, "Legal")
    expect(legal).to_have_attribute("aria-expanded", "false")
    expect(legal).to_have_accessible_name("Legal sub-departments not read yet")
    legal.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#status")).to_have_text("No sub-departments")
    expect(legal).not_to_have_attribute("aria-expanded", re.compile(""))
    expect(legal.locator("+ .tw")).to_have_count(0)
    expect(legal).to_be_focused()
    expect(legal).to_have_accessible_name("Legal")


def test_20_with_a_modifier_a_row_opens_elsewhere(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("viewer")
    legal, sales = rows(page, dingtalk, "Legal", "Sales")
    with page.context.expect_page() as opened:
        legal.click(modifiers=["Control"])
    expect(opened.value.locator(HEADING)).to_have_text("Legal")
    with page.context.expect_page() as opened:
        sales.click(button="middle")
    expect(opened.value.locator(HEADING)).to_have_text("Sales")
    expect(page).to_have_url(re.compile("/departments/$"))


def test_21_a_row_says_name_number_and_marks(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    Department.objects.filter(name="Sales").update(hidden=True)
    page = signed_in("viewer")
    sales, research = rows(page, dingtalk, "Sales", "Research")
    expect(sales).to_have_accessible_name(
        "Sales 2 sub-departments hidden from Contacts has Department Chat"
    )
    expect(research).to_have_accessible_name("Research 1 sub-department")
    open_by_key(page, sales)
    for n, link in enumerate(rows(page, dingtalk, "East", "North"), start=1):
        expect(link).to_have_attribute("aria-level", "3")
        expect(link).to_have_attribute("aria-posinset", str(n))
        expect(link).to_have_attribute("aria-setsize", "2")
    expect(page.locator("#tree [role=group]").nth(1)).to_have_id(
        re.compile(f"^g{dingtalk.org['Sales'].dept_id}$")
    )


def test_24_each_act_says_one_sentence(signed_in: Callable[..., Page], dingtalk: DingTalk) -> None:
    remember_a_crowd(450)
    page = signed_in("viewer")
    (sales,) = rows(page, dingtalk, "Sales")
    listen(page)
    open_by_key(page, sales)
    assert spoken(page) == ["Sales, 2 sub-departments"]
    page.keyboard.press("Enter")
    expect(page.locator(HEADING)).to_have_text("Sales")
    expect(page.locator("#status")).to_have_text("“Sales” loaded")
    assert spoken(page) == ["“Sales” loaded"]
    open_by_key(page, row(page, CROWD))
    assert spoken(page) == ["Crowd, 450 sub-departments"]
    page.locator("#tree .more a").press("Enter")
    expect(row(page, FIRST + 201)).to_be_focused()
    assert spoken(page) == ["Rows 201 to 400 of 450"]


def test_30_a_row_has_a_menu_for_keys(signed_in: Callable[..., Page], dingtalk: DingTalk) -> None:
    page = signed_in("deleter")
    (legal,) = rows(page, dingtalk, "Legal")
    menu = page.locator("#row-menu")
    for key in ("Shift+F10", "ContextMenu"):
        legal.focus()
        page.keyboard.press(key)
        expect(menu.get_by_role("link", name="Open")).to_be_focused()
        page.keyboard.press("Escape")
        expect(menu).to_be_hidden()
        expect(legal).to_be_focused()
    page.keyboard.press("Shift+F10")
    expect(menu.locator("a:visible, button:visible")).to_have_text(
        ["Open", "Add sub-department", "Edit", "Move", "Copy ID", "Check and delete…", "Copy link to this view"]
    )  # fmt: skip
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/{dingtalk.org['Legal'].dept_id}/new/$"))
    expect(menu).to_be_hidden()
    expect(page.locator("main :focus, main:focus")).to_have_count(1)


def test_31_every_act_on_a_row_is_a_single_click(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("deleter")
    sales, east, legal = rows(page, dingtalk, "Sales", "East", "Legal")
    sales.locator("+ .tw").click()
    expect(east).to_be_visible()
    expect(sales).to_be_focused()
    sales.locator("+ .tw").click()
    expect(east).to_be_hidden()
    legal.hover()
    legal.locator("~ .act").click()
    menu = page.locator("#row-menu")
    expect(menu).to_be_visible()
    expect(menu).to_be_in_viewport(ratio=1)
    menu.get_by_role("link", name="Move").click()
    expect(page).to_have_url(re.compile(f"/{dingtalk.org['Legal'].dept_id}/move/$"))


def test_31_the_toolbar_speaks_of_the_row_with_the_tab_stop(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("editor")
    (sales,) = rows(page, dingtalk, "Sales")
    toolbar = page.get_by_role("group", name="Actions")
    expect(toolbar.get_by_role("link")).to_have_count(1)
    sales.focus()
    expect(toolbar.get_by_role("link", name="Move “Sales”")).to_be_visible()
    toolbar.get_by_role("link", name="Add a department below “Sales”").click()
    expect(page).to_have_url(re.compile(f"/{dingtalk.org['Sales'].dept_id}/new/$"))
    toolbar.get_by_role("button", name="More").click()
    expect(page.locator("#row-menu")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    expect(toolbar.get_by_role("button", name="More")).to_be_focused()


def test_32_the_focus_is_never_lost(signed_in: Callable[..., Page]) -> None:
    remember_a_crowd(450)
    page = signed_in("viewer")
    row(page, CROWD).focus()
    for key in ("ArrowRight", "ArrowRight", "End", "Enter", "ArrowLeft", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
        expect(page.locator("#tree [aria-busy]")).to_have_count(0)
        page.wait_for_load_state("networkidle")
        expect(page.locator("#tree :focus, main :focus, main:focus")).to_have_count(1)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_37_tab_leads_from_the_tree_into_the_page(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("editor")
    (sales,) = rows(page, dingtalk, "Sales")
    sales.click()
    expect(page.locator(HEADING)).to_have_text("Sales")
    page.keyboard.press("Tab")
    expect(page.locator("main :focus")).to_have_count(1)
    first = "[...document.querySelectorAll('main a')].find(link => link.checkVisibility())"
    assert page.evaluate(f"document.activeElement === {first}")
    page.keyboard.press("Shift+Tab")
    expect(sales).to_be_focused()


def test_08_slow_levels_show_that_they_load_and_only_then(
    signed_in: Callable[..., Page],
) -> None:
    remember_a_crowd(10)
    page = signed_in("viewer")
    waiting: list[Callable[[], None]] = []
    page.route(LEVEL_OF_CROWD, lambda route: waiting.append(route.continue_))
    row(page, CROWD).focus()
    page.keyboard.press("ArrowRight")
    loading = page.locator("#tree .loading")
    assert loading.evaluate("li => getComputedStyle(li).animationDelay") == "0.3s"
    expect(loading).to_have_text("Loading…")
    expect(loading).to_be_visible()
    waiting[0]()
    expect(row(page, FIRST + 1)).to_be_visible()
    expect(loading).to_have_count(0)
