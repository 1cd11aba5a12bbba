"""What pages do in a browser: keys, focus, sending once, bad days, narrow windows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from visits import account, sideways, sign_in

from departments.models import Department

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page
    from visits import DingTalk, Watch

pytestmark = pytest.mark.usefixtures("everything_read")

HEADING = "main h1"
SAVE = "main form.form button.primary"


def row(page: Page, dingtalk: DingTalk, name: str) -> Locator:
    """The tree's row of a department."""
    return page.locator(f"#d{dingtalk.org[name].dept_id}")


def address(dingtalk: DingTalk, name: str, page: str = "") -> str:
    return f"/departments/{dingtalk.org[name].dept_id}/{page}"


# ── The tree ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_tree_is_walked_with_keys(signed_in: Callable[..., Page], dingtalk: DingTalk) -> None:
    page = signed_in("viewer")
    root, sales = row(page, dingtalk, "Acme"), row(page, dingtalk, "Sales")
    east, north = row(page, dingtalk, "East"), row(page, dingtalk, "North")
    legal = row(page, dingtalk, "Legal")

    root.focus()
    page.keyboard.press("ArrowDown")
    expect(sales).to_be_focused()
    expect(sales).to_have_attribute("aria-expanded", "false")
    expect(east).to_have_count(0)

    page.keyboard.press("ArrowRight")  # loads, opens and stays
    expect(east).to_be_visible()
    expect(sales).to_be_focused()
    expect(sales).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#status")).to_have_text("Sales, 2 sub-departments")
    page.keyboard.press("ArrowRight")  # enters
    expect(east).to_be_focused()
    page.keyboard.press("ArrowLeft")  # to the parent
    expect(sales).to_be_focused()
    page.keyboard.press("ArrowLeft")  # closes
    expect(east).to_be_hidden()
    expect(sales).to_be_focused()

    page.keyboard.press("End")
    expect(legal).to_be_focused()
    page.keyboard.press("ArrowRight")  # a leaf
    expect(legal).to_be_focused()
    page.keyboard.press("Home")
    expect(root).to_be_focused()
    page.keyboard.type("re")
    expect(row(page, dingtalk, "Research")).to_be_focused()

    sales.focus()
    page.keyboard.press("*")
    expect(north).to_be_visible()
    expect(row(page, dingtalk, "Platform")).to_be_visible()
    expect(page.locator("dept-tree [tabindex='0']")).to_have_count(1)

    page.keyboard.press("Enter")
    expect(page.locator(HEADING)).to_have_text("Sales")
    expect(sales).to_be_focused()  # people browse on
    expect(sales).to_have_attribute("aria-current", "page")
    expect(page.locator("dept-tree [tabindex='0']")).to_have_count(1)


def test_tab_goes_from_the_tree_into_the_page(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("viewer")
    row(page, dingtalk, "Sales").focus()
    page.keyboard.press("Tab")
    expect(page.locator("dept-tree :focus")).to_have_count(0)
    page.keyboard.press("Shift+Tab")
    expect(row(page, dingtalk, "Sales")).to_be_focused()


def test_a_branch_nobody_has_read_is_read_when_it_is_opened(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    never_read("Research", "Legal")
    page = signed_in("viewer")
    research, legal = row(page, dingtalk, "Research"), row(page, dingtalk, "Legal")
    research.focus()
    page.keyboard.press("ArrowRight")
    expect(row(page, dingtalk, "Platform")).to_be_visible()
    expect(research).to_be_focused()

    expect(legal).to_have_attribute("aria-expanded", "false")  # it may have some
    legal.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#status")).to_have_text("No sub-departments")
    expect(legal).to_be_focused()
    expect(legal).not_to_have_attribute("aria-expanded", re.compile(""))
    expect(page.locator(f"#d{dingtalk.org['Legal'].dept_id} + .tw")).to_have_count(0)


def test_a_branch_that_cannot_be_read_says_so_and_can_be_tried_again(
    signed_in: Callable[..., Page], dingtalk: DingTalk, watch: Watch
) -> None:
    watch.expect(503)
    never_read("Research")
    page = signed_in("viewer")
    dingtalk.goes_away()
    row(page, dingtalk, "Research").focus()
    page.keyboard.press("ArrowRight")
    failed = page.locator("dept-tree .failed a")
    expect(failed).to_have_text("Couldn’t load. Try again")
    expect(row(page, dingtalk, "Sales")).to_be_visible()
    dingtalk.comes_back()
    failed.click()
    expect(row(page, dingtalk, "Platform")).to_be_visible()
    expect(failed).to_have_count(0)


def never_read(*names: str) -> None:
    """Memory has these departments, and nothing about what is below them."""
    rows = Department.objects.filter(name__in=names)
    Department.objects.filter(parent_id__in=rows.values_list("dept_id")).delete()
    rows.update(children_seen_at=None)


def test_opened_branches_are_open_after_a_reload(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("viewer")
    row(page, dingtalk, "Sales").focus()
    page.keyboard.press("ArrowRight")
    expect(row(page, dingtalk, "East")).to_be_visible()
    page.reload()
    expect(row(page, dingtalk, "East")).to_be_visible()
    page.goto(address(dingtalk, "Legal"))
    expect(row(page, dingtalk, "East")).to_be_visible()
    expect(row(page, dingtalk, "Platform")).to_have_count(0)


def test_an_address_opens_the_way_down_and_marks_the_place(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("viewer")
    page.goto(address(dingtalk, "Ningbo"))
    ningbo = row(page, dingtalk, "Ningbo")
    expect(ningbo).to_be_in_viewport()
    expect(ningbo).to_have_attribute("aria-current", "page")
    expect(ningbo).to_have_attribute("aria-level", "4")
    expect(ningbo).to_have_attribute("tabindex", "0")
    expect(page).to_have_title(re.compile("^Ningbo – "))
    expect(page.locator("[aria-current=page].nm")).to_have_count(1)


def test_without_javascript_the_tree_is_a_list_of_links(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("viewer", javascript=False)
    sales = dingtalk.org["Sales"].dept_id
    expect(page.locator("[role=tree]")).to_have_count(0)
    page.locator(f"#d{sales} + a[href$='/{sales}/children/']").click()
    expect(row(page, dingtalk, "East")).to_be_visible()
    page.locator("#q").fill("ningbo")
    page.keyboard.press("Enter")
    page.locator(".results .nm").click()
    expect(page.locator(HEADING)).to_have_text("Ningbo")


# ── Focus and titles ─────────────────────────────────────────────────────────────────────────────────────


def test_saving_leads_to_the_heading(signed_in: Callable[..., Page], dingtalk: DingTalk) -> None:
    page = signed_in("editor")
    page.goto(address(dingtalk, "Legal"))
    page.locator("main .actions a[href$='/edit/']").click()
    expect(page.locator(HEADING)).to_have_text("Edit “Legal”")
    page.locator("#id_name").fill("Legal Affairs")
    page.keyboard.press("Control+s")
    expect(page.locator(HEADING)).to_have_text("Legal Affairs")
    expect(page.locator(HEADING)).to_be_focused()
    expect(page.locator("main [role=status]").first).to_have_text("Saved.")
    expect(page).to_have_title(re.compile("^Legal Affairs – "))
    expect(page.locator("dept-tree [aria-current=page]")).to_contain_text("Legal Affairs")


@pytest.mark.parametrize("javascript", [True, False])
def test_a_wrong_name_leads_to_the_summary_and_keeps_the_text(
    signed_in: Callable[..., Page], dingtalk: DingTalk, watch: Watch, javascript: bool
) -> None:
    watch.expect(422)
    page = signed_in("editor", javascript=javascript)
    page.goto(address(dingtalk, "Sales", "new/"))
    page.locator("#id_name").fill("North-West")
    page.locator("#id_source_identifier").fill("ERP 12")
    page.locator(SAVE).click()
    summary = page.locator("main .summary")
    expect(summary).to_contain_text("hyphen")
    expect(page).to_have_title(re.compile("^Error: "))
    expect(page.locator("#id_name")).to_have_value("North-West")
    expect(page.locator("#id_name")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#id_source_identifier")).to_have_value("ERP 12")
    if javascript:
        expect(summary).to_be_focused()
    summary.get_by_role("link").click()
    expect(page.locator("#id_name")).to_be_focused()
    assert dingtalk.writes() == []


def test_after_a_delete_the_focus_is_on_what_happened(
    signed_in: Callable[..., Page], dingtalk: DingTalk, watch: Watch
) -> None:
    watch.expect(422)
    vault = dingtalk.org["Vault"].dept_id
    page = signed_in()
    page.goto(address(dingtalk, "Cellar"))
    page.locator("section.danger button").click()
    expect(page.locator(HEADING)).to_be_focused()
    page.locator("main form.form button.danger").click()  # without the box ticked
    expect(page.locator("main .summary")).to_be_focused()
    assert dingtalk.writes() == []
    page.locator("#id_chats_seen").check()
    page.locator("main form.form button.danger").click()
    expect(page.locator(HEADING)).to_have_text("“Cellar” was deleted")
    expect(page.locator(HEADING)).to_be_focused()
    expect(page.locator(f"#d{vault}")).to_have_count(0)
    assert dingtalk.writes() == ["department.delete"]


# ── Sending once ─────────────────────────────────────────────────────────────────────────────────────────


def press_ten_times(button: Locator) -> None:
    button.evaluate("button => { for (let n = 0; n < 10; n++) button.click(); }")


def press_twice(button: Locator) -> None:
    button.dblclick()


HOW_OFTEN = pytest.mark.parametrize("press", [press_twice, press_ten_times])


@HOW_OFTEN
@pytest.mark.parametrize("javascript", [True, False])
def test_create_pressed_again_and_again_creates_once(
    signed_in: Callable[..., Page],
    dingtalk: DingTalk,
    press: Callable[[Locator], None],
    javascript: bool,
) -> None:
    page = signed_in("editor", javascript=javascript)
    page.goto(address(dingtalk, "Legal", "new/"))
    page.locator("#id_name").fill("Contracts")
    press(page.locator(SAVE))
    expect(page.locator(HEADING)).to_contain_text("Contracts")
    page.goto(address(dingtalk, "Legal", "children/"))
    expect(page.locator("main tbody tr")).to_have_count(1)
    assert dingtalk.writes() == ["department.create"]


@HOW_OFTEN
def test_save_pressed_again_and_again_saves_once(
    signed_in: Callable[..., Page], dingtalk: DingTalk, press: Callable[[Locator], None]
) -> None:
    page = signed_in("editor")
    page.goto(address(dingtalk, "Legal", "edit/"))
    page.locator("#id_name").fill("Legal Affairs")
    press(page.locator(SAVE))
    expect(page.locator(HEADING)).to_have_text("Legal Affairs")
    assert dingtalk.writes() == ["department.update"]
    assert dingtalk.org["Legal Affairs"]


@HOW_OFTEN
def test_delete_pressed_again_and_again_deletes_once(
    signed_in: Callable[..., Page], dingtalk: DingTalk, press: Callable[[Locator], None]
) -> None:
    page = signed_in()
    page.goto(address(dingtalk, "Legal"))
    press(page.locator("section.danger button"))
    expect(page.locator(HEADING)).to_have_text("Delete “Legal”?")
    press(page.locator("main form.form button.danger"))
    expect(page.locator(HEADING)).to_have_text("“Legal” was deleted")
    assert dingtalk.writes() == ["department.delete"]


@pytest.mark.parametrize("javascript", [True, False])
def test_back_after_saving_and_sending_again_writes_nothing_more(
    signed_in: Callable[..., Page], dingtalk: DingTalk, watch: Watch, javascript: bool
) -> None:
    watch.expect(409, 422)
    page = signed_in("editor", javascript=javascript)
    page.goto(address(dingtalk, "Legal"))
    page.locator("main .actions a[href$='/edit/']").click()
    page.locator("#id_name").fill("Legal Affairs")
    page.locator(SAVE).click()
    expect(page.locator(HEADING)).to_have_text("Legal Affairs")
    page.go_back()
    expect(page.locator("#id_name")).to_be_visible()
    page.locator("#id_name").fill("Legal Affairs")
    page.locator(SAVE).click()
    expect(page.locator(HEADING)).not_to_contain_text("Edit")
    assert dingtalk.writes() == ["department.update"]

    page.goto(address(dingtalk, "Legal Affairs", "new/"))
    page.locator("#id_name").fill("Contracts")
    page.locator(SAVE).click()
    expect(page.locator(HEADING)).to_have_text("Contracts")
    page.go_back()
    page.locator("#id_name").fill("Contracts")
    page.locator(SAVE).click()
    # Either the same form was sent again, or a new one, which DingTalk refuses for its name.
    expect(page.locator(SAVE).or_(page.locator("main .outcome"))).to_be_visible()
    assert dingtalk.writes() == ["department.update", "department.create"]


# ── Bad days ─────────────────────────────────────────────────────────────────────────────────────────────


def test_with_dingtalk_away_pages_come_from_memory_and_text_is_kept(
    signed_in: Callable[..., Page], dingtalk: DingTalk, watch: Watch
) -> None:
    watch.expect(503)
    page = signed_in("editor")
    page.goto(address(dingtalk, "Legal", "edit/"))
    page.locator("#id_name").fill("Legal Affairs")
    dingtalk.goes_away()
    page.locator(SAVE).click()
    notice = page.locator("main .notice.warn")
    expect(notice).to_contain_text("DingTalk cannot be reached")
    expect(notice).to_contain_text("Nothing was changed")
    expect(page.locator("#id_name")).to_have_value("Legal Affairs")
    expect(page.locator("main :focus, main:focus")).to_have_count(1)
    expect(page.locator(SAVE)).to_have_text("Save")

    page.goto(address(dingtalk, "Sales"))
    expect(page.locator(HEADING)).to_have_text("Sales")
    page.locator(".freshness a").click()
    expect(notice).to_contain_text("DingTalk cannot be reached")
    expect(page.locator("section[aria-labelledby=card-basics]")).to_contain_text("Acme")
    expect(page.locator("#alert")).to_be_empty()
    assert dingtalk.writes() == []


def test_a_lost_server_leaves_the_text_and_says_so(
    signed_in: Callable[..., Page], dingtalk: DingTalk, watch: Watch
) -> None:
    watch.expect("net::ERR_INTERNET_DISCONNECTED", "htmx:sendError", "htmx:afterRequest")
    page = signed_in("editor")
    page.goto(address(dingtalk, "Legal", "edit/"))
    page.locator("#id_name").fill("Legal Affairs")
    page.context.set_offline(True)
    page.locator(SAVE).click()
    expect(page.locator("#alert")).to_contain_text("cannot be reached")
    expect(page.locator("#id_name")).to_have_value("Legal Affairs")
    page.context.set_offline(False)
    page.locator(SAVE).click()
    expect(page.locator(HEADING)).to_have_text("Legal Affairs")
    expect(page.locator("#alert")).to_be_empty()
    assert dingtalk.writes() == ["department.update"]


def test_signed_out_in_another_tab_a_save_says_so_and_goes_through_after_signing_in(
    signed_in: Callable[..., Page], dingtalk: DingTalk, watch: Watch
) -> None:
    watch.expect(401)
    page = signed_in("editor")
    page.goto(address(dingtalk, "Legal", "edit/"))
    page.locator("#id_name").fill("Legal Affairs")
    other = page.context.new_page()
    other.goto("/departments/")
    other.locator(".who summary").click()
    other.locator(".who form[action*=logout] button").click()
    expect(other.locator("#id_password")).to_be_visible()

    page.locator(SAVE).click()
    expect(page.locator("#alert")).to_contain_text("You were signed out")
    expect(page.locator("#id_name")).to_have_value("Legal Affairs")
    expect(page.locator("#main input[type=password]")).to_have_count(0)
    assert dingtalk.writes() == []

    with page.context.expect_page() as opened:
        page.locator("#alert a").click()
    sign_in(opened.value, "editor")
    page.bring_to_front()
    page.locator(SAVE).click()
    expect(page.locator(HEADING)).to_have_text("Legal Affairs")
    assert dingtalk.writes() == ["department.update"]


def test_a_viewer_finds_nothing_to_change_things_with(
    signed_in: Callable[..., Page], dingtalk: DingTalk, watch: Watch
) -> None:
    watch.expect(403)
    page = signed_in("viewer")
    page.goto(address(dingtalk, "Legal"))
    expect(page.locator("main form")).to_have_count(0)
    expect(page.locator("main a[href$='/edit/'], main a[href$='/new/']")).to_have_count(0)
    expect(page.get_by_text("You can view departments.")).to_be_visible()
    page.goto(address(dingtalk, "Legal", "edit/"))
    expect(page.locator(HEADING)).to_have_text("Your role does not allow this")


def test_after_signing_out_back_shows_nothing(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("viewer")
    page.goto(address(dingtalk, "Legal"))
    page.locator(".who summary").click()
    page.locator(".who form[action*=logout] button").click()
    expect(page.locator("#id_password")).to_be_visible()
    page.go_back()
    expect(page.locator("#id_password")).to_be_visible()
    expect(page.get_by_text("Legal")).to_have_count(0)


# ── Narrow windows ───────────────────────────────────────────────────────────────────────────────────────


def test_narrow_shows_one_pane_at_a_time(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("viewer", width=375)
    pane = page.locator(".tree-pane")
    expect(pane).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Departments")
    row(page, dingtalk, "Sales").click()
    expect(page.locator(HEADING)).to_have_text("Sales")
    expect(page.locator(HEADING)).to_be_in_viewport()
    expect(page.locator(HEADING)).to_be_focused()
    expect(pane).to_be_hidden()
    page.locator("main .back a").click()
    expect(pane).to_be_visible()
    expect(row(page, dingtalk, "Sales")).to_be_visible()
    page.reload()
    expect(pane).to_be_visible()


def test_at_320_pixels_nothing_scrolls_sideways(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    long = "大中华区供应链管理与可持续发展联合办公室（华东及长江三角洲地区）Supply Chain Management Office"
    dingtalk.org.create_department(long[:64], parent="Ningbo", create_dept_group=True)
    dingtalk.org.create_department("A" * 64, parent="Sales")
    page = signed_in(width=320, height=640)
    paths = ["/departments/", "/history/"]
    paths += [address(dingtalk, name) for name in ("Sales", "Ningbo", long[:64], "A" * 64)]
    paths += [address(dingtalk, long[:64], part) for part in ("edit/", "new/", "delete/")]
    paths += [address(dingtalk, "Sales", "children/")]
    for path in paths:
        page.goto(path)
        assert sideways(page) <= 0, path
    for name in ("Sales", "Empty", long[:64]):
        page.goto(address(dingtalk, name))
        page.locator("section.danger button").click()
        expect(page).to_have_url(re.compile("/deletions/"))
        assert sideways(page) <= 0, f"the plan of {name}"


# ── Signing in ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_wrong_password_is_said_and_the_way_there_is_kept(
    window: Callable[..., Page], dingtalk: DingTalk
) -> None:
    account("viewer")
    page = window()
    page.goto(address(dingtalk, "Legal"))
    page.locator("#id_username").fill("viewer")
    page.locator("#id_password").fill("something else")
    page.locator("main form button.primary").click()
    expect(page.locator("main .summary")).to_be_focused()
    expect(page).to_have_title(re.compile("^Error: "))
    expect(page.locator("#id_username")).to_have_value("viewer")
    sign_in(page, "viewer")
    expect(page.locator(HEADING)).to_have_text("Legal")
