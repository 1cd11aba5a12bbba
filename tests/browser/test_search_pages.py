"""Searching in a browser: what is typed finds it, keys walk it, and clearing brings everything back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from tour import FULL
from visits import sideways

from departments.models import Department
from sandbox import Organisation, company

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from visits import DingTalk

pytestmark = pytest.mark.usefixtures("everything_read")

BOX = "#q"
RESULT = ".results .nm"
TREE = "#tree"


@pytest.fixture
def org() -> Organisation:
    return company()


def row(page: Page, dingtalk: DingTalk, name: str) -> Any:
    return page.locator(f"#d{dingtalk.org[name].dept_id}")


def type_in(page: Page, words: str) -> None:
    page.locator(BOX).press_sequentially(words, delay=20)


def test_39_pinyin_initials_han_code_source_and_id_find_it(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    dept_id = dingtalk.org[FULL].dept_id
    Department.objects.filter(pk=dept_id).update(code="RD-7", source_identifier="hr:77")
    page = signed_in("viewer")

    for words in ("yf", "yanfa", "研发", "rd-7", "hr:77", str(dept_id)):
        page.locator(BOX).fill(words)
        found = page.locator(f'{RESULT}[href="/departments/{dept_id}/"]')
        expect(found, words).to_be_visible()
    page.locator(BOX).fill("yf")
    expect(page.locator(f"{RESULT} mark").first).to_have_text("研发")


def test_40_what_is_still_being_composed_is_not_searched(signed_in: Callable[..., Page]) -> None:
    page = signed_in("viewer")
    asked: list[str] = []
    page.on(
        "request", lambda request: asked.append(request.url) if "/search/" in request.url else None
    )
    page.locator(BOX).focus()
    line = page.context.new_cdp_session(page)

    for composed in ("y", "ya", "yan", "yanfa"):
        line.send(
            "Input.imeSetComposition", {"text": composed, "selectionStart": 1, "selectionEnd": 1}
        )
        page.wait_for_timeout(300)
    assert asked == []
    line.send("Input.insertText", {"text": "研发"})

    expect(page.locator(RESULT).first).to_be_visible()
    assert [re.search(r"q=([^&]*)", url)[1] for url in asked] == ["%E7%A0%94%E5%8F%91"]  # type: ignore[index]


def test_one_latin_letter_is_too_little_and_one_han_is_enough(
    signed_in: Callable[..., Page],
) -> None:
    page = signed_in("viewer")
    asked: list[str] = []
    page.on(
        "request", lambda request: asked.append(request.url) if "/search/" in request.url else None
    )

    type_in(page, "y")
    page.wait_for_timeout(500)
    assert asked == []
    page.locator(BOX).fill("研")
    expect(page.locator(RESULT).first).to_be_visible()


def test_41_namesakes_are_told_apart_by_paths_with_matches_marked_and_a_count(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    for above in (FULL, "软件工程 Software"):
        Department.objects.create(
            dept_id=90_000 + dingtalk.org[above].dept_id % 1000,
            name="Twins",
            parent_id=dingtalk.org[above].dept_id,
            seen_at="2026-11-24T00:00Z",
        )
    page = signed_in("viewer")

    type_in(page, "twi")

    expect(page.locator(RESULT)).to_have_count(2)
    expect(page.locator("#found .found").first).to_have_text("2 results")
    expect(page.locator("#status")).to_have_text("2 results")
    expect(page.locator(f"{RESULT} mark")).to_have_text(["Twi", "Twi"])
    parents = page.locator(f"{RESULT} .path strong").all_text_contents()
    assert sorted(parents) == sorted([FULL, "软件工程 Software"])
    expect(page.locator(f"{RESULT} .path").first).to_have_attribute("title", re.compile(" › "))


def test_42_clearing_brings_the_tree_back_as_it_was(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("viewer")
    full = row(page, dingtalk, FULL)
    full.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    child = page.locator("#tree :focus")
    name = child.inner_text()
    address = page.url

    page.keyboard.press("Control+k")
    type_in(page, "tax")
    expect(page.locator(RESULT).first).to_be_visible()
    expect(page.locator(TREE)).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/search/\?q=tax$"))
    page.keyboard.press("Escape")

    expect(page.locator(TREE)).to_be_visible()
    expect(page.locator(RESULT)).to_have_count(0)
    expect(page.locator(BOX)).to_be_focused()
    expect(full).to_have_attribute("aria-expanded", "true")
    expect(page).to_have_url(address)
    page.keyboard.press("ArrowDown")
    assert page.locator("#tree :focus").inner_text() == name


def test_results_are_walked_and_left_with_keys(signed_in: Callable[..., Page]) -> None:
    page = signed_in("viewer")
    type_in(page, "en")
    results = page.locator(RESULT)
    expect(results.nth(1)).to_be_visible()

    page.keyboard.press("ArrowDown")
    expect(results.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(results.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_contain_text("loaded")
    expect(results.nth(1)).to_be_focused()
    expect(results.nth(1)).to_have_attribute("aria-current", "page")
    opened = page.url
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.locator(BOX)).to_be_focused()
    type_in(page, "g")
    expect(page).to_have_url(re.compile(r"/search/\?q=eng$"))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")  # from a result, too
    expect(page.locator(TREE)).to_be_visible()
    expect(page.locator(BOX)).to_be_focused()
    expect(page).to_have_url(opened)


@pytest.mark.parametrize("width", [1280, 360])
def test_43_show_in_tree_opens_the_way_and_focuses_the_row(
    signed_in: Callable[..., Page], dingtalk: DingTalk, width: int
) -> None:
    page = signed_in("viewer", width=width)
    type_in(page, "cloud")
    page.get_by_role("link", name="Show in tree").first.click()

    cloud = row(page, dingtalk, "云平台 Cloud Platform")
    expect(cloud).to_be_visible()
    expect(cloud).to_be_focused()
    expect(cloud).to_have_attribute("aria-current", "page")
    expect(row(page, dingtalk, FULL)).to_have_attribute("aria-expanded", "true")


def test_pages_of_results_are_turned_and_begin_with_their_place(
    signed_in: Callable[..., Page],
) -> None:
    Department.objects.bulk_create(
        Department(dept_id=n, name=f"Kiosk {n}", parent_id=1, seen_at="2026-11-24T00:00Z")
        for n in range(2000, 2120)
    )
    page = signed_in("viewer")
    type_in(page, "kiosk")
    expect(page.locator("#found .found").first).to_have_text("120 results · Page 1 of 3")

    page.get_by_role("link", name="Next").click()

    place = page.locator("#found .found").first
    expect(place).to_have_text("120 results · Page 2 of 3")
    expect(place).to_be_focused()
    expect(page).to_have_url(re.compile(r"/search/\?q=kiosk&page=2$"))
    page.locator(BOX).fill("")
    expect(page.locator(TREE)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/departments/$"))


def test_a_gap_in_memory_is_filled_by_dingtalks_own_search(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    tax = dingtalk.org["税务 Tax"].dept_id
    Department.objects.filter(pk=tax).delete()
    Department.objects.filter(pk=dingtalk.org[FULL].dept_id).update(children_seen_at=None)
    page = signed_in("viewer")

    type_in(page, "tax")

    expect(page.get_by_text("DingTalk’s own search also found:")).to_be_visible()
    page.get_by_role("link", name=f"Department {tax}").click()
    expect(page.locator("main h1")).to_have_text("税务 Tax")


def test_without_javascript_it_is_a_form(signed_in: Callable[..., Page]) -> None:
    page = signed_in("viewer", javascript=False)

    page.locator(BOX).fill("研发")
    page.locator(BOX).press("Enter")

    expect(page).to_have_url(re.compile(r"/search/\?q="))
    page.locator(RESULT).first.click()
    expect(page.locator("main h1")).to_have_text(FULL)


@pytest.mark.parametrize("width", [1280, 320])
def test_results_fit_the_window(signed_in: Callable[..., Page], width: int) -> None:
    page = signed_in("viewer", width=width)

    type_in(page, "en")
    expect(page.locator(RESULT).first).to_be_visible()

    assert sideways(page) <= 0
