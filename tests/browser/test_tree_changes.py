"""Changes from elsewhere are offered, not forced; a branch that fails says so and disturbs no other."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect
from rows import (
    CROWD,
    FIRST,
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
    from visits import DingTalk, Watch

pytestmark = pytest.mark.usefixtures("everything_read")
HEADING = "main h1"
OFFER = "#tree-changes"


def a_minute_later(page: Page) -> None:
    page.clock.fast_forward(60_500)


@pytest.fixture
def page(signed_in: Callable[..., Page]) -> Page:
    """Somebody's page, whose minutes a test lets pass."""
    page = signed_in("deleter")
    page.clock.install()
    page.reload()
    expect(page.locator("#tree")).to_have_attribute("role", "tree")
    return page


def test_what_changed_elsewhere_is_offered_and_shown_when_wanted(
    page: Page, dingtalk: DingTalk
) -> None:
    sales, east, north, ningbo = rows(page, dingtalk, "Sales", "East", "North", "Ningbo")
    open_by_key(page, sales)
    open_by_key(page, east)
    Department.objects.filter(name="East").update(name="Far East")
    remember((801, dingtalk.org["Sales"].dept_id, "West"))

    a_minute_later(page)
    expect(page.locator(OFFER)).to_contain_text("2 changes in open branches.")
    expect(east).to_contain_text("East")
    expect(row(page, 801)).to_have_count(0)

    north.focus()
    listen(page)
    page.get_by_role("button", name="Show").click()
    expect(row(page, 801)).to_be_visible()
    expect(east).to_contain_text("Far East")
    expect(ningbo).to_be_visible()  # what was open below it
    expect(east).to_have_attribute("aria-expanded", "true")
    expect(page.locator(OFFER)).to_be_empty()
    expect(north).to_be_focused()
    assert spoken(page) == ["The open branches are up to date."]
    one_tab_stop(page)
    a_minute_later(page)
    page.wait_for_load_state("networkidle")
    expect(page.locator(OFFER)).to_be_empty()
    page.keyboard.press("ArrowUp")
    expect(ningbo).to_be_focused()


def test_nothing_changed_offers_nothing_and_costs_dingtalk_nothing(
    page: Page, dingtalk: DingTalk
) -> None:
    (sales,) = rows(page, dingtalk, "Sales")
    open_by_key(page, sales)
    dingtalk.sandbox.calls.clear()
    with page.expect_response("**/departments/changes/**") as answer:
        a_minute_later(page)
    assert answer.value.status == 204
    expect(page.locator(OFFER)).to_be_empty()
    assert dingtalk.sandbox.calls == []


def test_an_old_level_is_looked_at_when_it_is_opened(page: Page, dingtalk: DingTalk) -> None:
    (sales,) = rows(page, dingtalk, "Sales")
    Department.objects.update(children_seen_at=timezone.now() - timedelta(hours=1))
    dingtalk.org.create_department("West", parent="Sales")
    west = row(page, dingtalk.org["West"].dept_id)
    open_by_key(page, sales)
    page.get_by_role("button", name="Show").click()
    expect(west).to_be_visible()
    expect(sales).to_have_accessible_name("Sales 3 sub-departments has Department Chat")
    expect(page.locator(OFFER)).to_be_empty()


def test_a_branch_opened_for_the_first_time_is_no_change_from_elsewhere(
    page: Page, dingtalk: DingTalk
) -> None:
    never_read("Research", "Sales")
    page.reload()
    research, sales = rows(page, dingtalk, "Research", "Sales")
    research.focus()
    page.keyboard.press("*")
    expect(research).to_have_accessible_name("Research 1 sub-department")
    expect(sales).to_have_accessible_name("Sales 2 sub-departments has Department Chat")
    with page.expect_response("**/departments/changes/**") as answer:
        a_minute_later(page)
    assert answer.value.status == 204


def test_ones_own_write_is_no_change_from_elsewhere(page: Page, dingtalk: DingTalk) -> None:
    sales, legal = rows(page, dingtalk, "Sales", "Legal")
    open_by_key(page, sales)
    legal.click()
    expect(page.locator(HEADING)).to_have_text("Legal")
    page.locator("main .actions a[href$='/edit/']").click()
    page.locator("#id_name").fill("Law")
    page.locator("main form.form button.primary").click()
    expect(page.locator(HEADING)).to_have_text("Law")
    expect(legal).to_contain_text("Law")
    with page.expect_response("**/departments/changes/**") as answer:
        a_minute_later(page)
    assert answer.value.status == 204


def test_35_when_the_row_goes_the_next_one_has_the_focus(page: Page, dingtalk: DingTalk) -> None:
    research, empty, legal = rows(page, dingtalk, "Research", "Empty", "Legal")

    def vanish(name: str) -> None:
        Department.objects.filter(name=name).update(gone_at=timezone.now())
        a_minute_later(page)
        page.get_by_role("button", name="Show").click()

    research.focus()
    vanish("Research")
    expect(research).to_have_count(0)
    expect(empty).to_be_focused()
    legal.focus()
    vanish("Legal")
    expect(legal).to_have_count(0)
    expect(empty).to_be_focused()
    for name in ("Empty", "Sales"):
        vanish(name)
    expect(row(page, 1)).to_be_focused()
    one_tab_stop(page)


def test_a_row_that_moved_is_in_one_place_with_what_was_open(
    page: Page, dingtalk: DingTalk
) -> None:
    sales, east, ningbo, research = rows(page, dingtalk, "Sales", "East", "Ningbo", "Research")
    for branch in (sales, east, research):
        open_by_key(page, branch)
    ningbo.focus()
    Department.objects.filter(name="East").update(parent_id=dingtalk.org["Research"].dept_id)
    a_minute_later(page)
    expect(page.locator(OFFER)).to_contain_text("3 changes in open branches.")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(f"#g{dingtalk.org['Research'].dept_id} > li > .nm")).to_have_count(2)
    expect(east).to_have_count(1)
    expect(ningbo).to_be_visible()
    expect(ningbo).to_be_focused()
    expect(page.locator(OFFER)).to_be_empty()


def test_of_a_long_level_only_the_batch_that_changed_is_drawn_anew(page: Page) -> None:
    remember_a_crowd(450)
    page.reload()
    open_by_key(page, row(page, CROWD))
    page.locator("#tree .more a").press("Enter")
    expect(row(page, FIRST + 201)).to_be_focused()
    row(page, FIRST + 1).evaluate("one => { one.untouched = true; }")
    Department.objects.filter(pk=FIRST + 250).update(name="Renamed")
    a_minute_later(page)
    page.get_by_role("button", name="Show").click()
    expect(row(page, FIRST + 250)).to_have_text("Renamed")
    assert row(page, FIRST + 1).evaluate("one => one.untouched")
    expect(page.locator(f"#g{CROWD} .nm")).to_have_count(400)
    expect(page.locator("#tree .more")).to_have_count(1)
    expect(row(page, FIRST + 250)).to_have_attribute("aria-posinset", "250")


def test_the_top_changes_too(page: Page) -> None:
    remember((77, 76, "Orphan"), detached=True)
    a_minute_later(page)
    page.get_by_role("button", name="Show").click()
    expect(row(page, 77)).to_be_visible()
    expect(row(page, 77)).to_have_attribute("aria-level", "1")
    expect(row(page, 1)).to_have_attribute("aria-expanded", "true")


def test_a_hidden_page_asks_nothing(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "/changes/" in one.url else None)
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true })")
    a_minute_later(page)
    page.wait_for_timeout(300)
    assert asked == []


def test_18_a_branch_that_fails_says_so_in_its_place_and_can_be_tried_again(
    page: Page, dingtalk: DingTalk, watch: Watch
) -> None:
    watch.expect(503)
    never_read("Research")
    page.reload()
    research, sales, east, platform = rows(page, dingtalk, "Research", "Sales", "East", "Platform")
    dingtalk.goes_away()
    research.focus()
    page.keyboard.press("ArrowRight")
    failed = page.locator("#tree .failed a")
    expect(failed).to_have_text("Couldn’t load. Try again")
    expect(failed).to_have_attribute("aria-level", "3")
    expect(page.locator("#status")).to_have_text("Couldn’t load. Try again")
    expect(research).to_be_focused()
    open_by_key(page, sales)
    expect(east).to_be_visible()
    research.focus()
    page.keyboard.press("ArrowRight")
    expect(failed).to_be_focused()
    dingtalk.comes_back()
    page.keyboard.press("Enter")
    expect(platform).to_be_visible()
    expect(failed).to_have_count(0)
    expect(research).to_be_focused()
    expect(page.locator("#alert")).to_be_empty()


def test_18_more_rows_that_fail_can_be_tried_again(page: Page, watch: Watch) -> None:
    watch.expect("net::ERR_FAILED")
    remember_a_crowd(450)
    page.reload()
    open_by_key(page, row(page, CROWD))
    more = page.locator("#tree .more a")
    page.route("**/*from=200*", lambda route: route.abort())
    more.press("Enter")
    expect(more).to_have_text("Couldn’t load. Try again")
    expect(more).to_be_focused()
    page.unroute("**/*from=200*")
    more.press("Enter")
    expect(row(page, FIRST + 201)).to_be_focused()


def test_18_a_branch_that_is_gone_goes(page: Page, dingtalk: DingTalk, watch: Watch) -> None:
    watch.expect(410)
    never_read("Legal")
    page.reload()
    empty, legal = rows(page, dingtalk, "Empty", "Legal")
    dingtalk.org.delete_department("Legal")
    legal.focus()
    page.keyboard.press("ArrowRight")
    expect(legal).to_have_count(0)
    expect(empty).to_be_focused()


def test_an_answer_that_comes_late_does_not_take_the_page_over(
    page: Page, dingtalk: DingTalk
) -> None:
    sales, legal = rows(page, dingtalk, "Sales", "Legal")
    waiting: list[Callable[[], None]] = []
    late = f"**/departments/{dingtalk.org['Sales'].dept_id}/"
    page.route(late, lambda route: waiting.append(route.continue_))
    sales.click()
    legal.click()
    expect(page.locator(HEADING)).to_have_text("Legal")
    with page.expect_response(late):
        waiting[0]()
    page.wait_for_load_state("networkidle")
    expect(page.locator(HEADING)).to_have_text("Legal")
    expect(legal).to_have_attribute("aria-current", "page")
    expect(page.locator("main")).not_to_have_attribute("aria-busy", "true")
