"""Whatever is pressed, copied, reloaded or gone back to: one write, one operation, and what it did is seen.

With JavaScript the page itself holds back a second press; without it, and in a second tab, the server does.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from departments.models import OPEN, AuditEntry, Operation, Outcome
from sandbox.faults import Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page
    from visits import DingTalk, Watch

pytestmark = pytest.mark.usefixtures("everything_read")

HEADING = "main h1"
SAVE = "main form.form button.primary"
CONFIRM = "main form.form button.danger"
OUTCOME = "main .outcome"

WITH_AND_WITHOUT = pytest.mark.parametrize("javascript", [True, False])


def address(dingtalk: DingTalk, name: str, part: str = "") -> str:
    return f"/departments/{dingtalk.org[name].dept_id}/{part}"


def happened_once(dingtalk: DingTalk, kind: str) -> None:
    """One write in DingTalk's journal, one operation in ours, and both agree that it was done.

    A request that the browser has given up for the next one may still be at it.
    """
    until = time.monotonic() + 15
    while AuditEntry.objects.filter(outcome__in=OPEN).exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert dingtalk.writes() == [f"department.{kind}"]
    (operation,) = Operation.objects.all()
    assert operation.kind == {"update": "edit"}.get(kind, kind)
    assert operation.entry().last_word.outcome == Outcome.DONE


def press_ten_times(button: Locator) -> None:
    """In one go, faster than anything can be answered."""
    button.evaluate("button => { for (let n = 0; n < 10; n++) button.click(); }")


def press_and_enter(button: Locator) -> None:
    """Enter in a field, and the button before the answer is there."""
    button.evaluate("button => { button.form.requestSubmit(button); button.click(); }")


HOW = pytest.mark.parametrize("press", [press_ten_times, press_and_enter])


def fill_new(page: Page, dingtalk: DingTalk) -> None:
    page.goto(address(dingtalk, "Legal", "new/"))
    page.locator("#id_name").fill("Contracts")


def fill_edit(page: Page, dingtalk: DingTalk, name: str = "Legal Affairs") -> None:
    page.goto(address(dingtalk, "Legal", "edit/"))
    page.locator("#id_name").fill(name)


def open_plan(page: Page, dingtalk: DingTalk) -> None:
    page.goto(address(dingtalk, "Legal"))
    page.locator("section.danger button").click()
    expect(page.locator(HEADING)).to_have_text("Delete “Legal”?")


def copy_of(page: Page) -> Page:
    """Another tab with the very same form, as "Duplicate" makes it."""
    other = page.context.new_page()
    other.goto(page.url)
    for field in ("drawn", "name"):
        value = page.locator(f"main [name={field}]").input_value()
        other.locator(f"main [name={field}]").evaluate(
            "(field, value) => field.value = value", value
        )
    return other


# ── Pressed again and again ──────────────────────────────────────────────────────────────────────────────


@HOW
@WITH_AND_WITHOUT
def test_a_department_is_created_once(
    signed_in: Callable[..., Page],
    dingtalk: DingTalk,
    press: Callable[[Locator], None],
    javascript: bool,
) -> None:
    page = signed_in("editor", javascript=javascript)
    fill_new(page, dingtalk)
    press(page.locator(SAVE))
    expect(page.locator(HEADING)).to_contain_text("Contracts")
    happened_once(dingtalk, "create")
    page.goto(address(dingtalk, "Legal", "children/"))
    expect(page.locator("main tbody tr")).to_have_count(1)


@HOW
@WITH_AND_WITHOUT
def test_a_change_is_saved_once(
    signed_in: Callable[..., Page],
    dingtalk: DingTalk,
    press: Callable[[Locator], None],
    javascript: bool,
) -> None:
    page = signed_in("editor", javascript=javascript)
    fill_edit(page, dingtalk)
    press(page.locator(SAVE))
    expect(page.locator(HEADING)).to_contain_text("Legal")
    expect(page.locator(HEADING)).not_to_contain_text("Edit “")
    happened_once(dingtalk, "update")
    page.goto(address(dingtalk, "Legal Affairs"))
    expect(page.locator(HEADING)).to_have_text("Legal Affairs")


@HOW
@WITH_AND_WITHOUT
def test_a_department_is_deleted_once(
    signed_in: Callable[..., Page],
    dingtalk: DingTalk,
    press: Callable[[Locator], None],
    javascript: bool,
) -> None:
    page = signed_in(javascript=javascript)
    open_plan(page, dingtalk)
    plan = page.url
    press(page.locator(CONFIRM))
    expect(page).to_have_url(f"{plan}result/")
    happened_once(dingtalk, "delete")
    page.goto(f"{plan}result/")
    expect(page.locator(HEADING)).to_have_text("“Legal” was deleted")


@WITH_AND_WITHOUT
def test_enter_and_a_click_save_once(
    signed_in: Callable[..., Page], dingtalk: DingTalk, javascript: bool
) -> None:
    """By real keys and a real click, while DingTalk takes its time."""
    dingtalk.sandbox.barriers.hold("slow", path="department/update")
    page = signed_in("editor", javascript=javascript)
    fill_edit(page, dingtalk)
    page.locator(SAVE).scroll_into_view_if_needed()
    box = page.locator(SAVE).bounding_box()
    assert box
    page.keyboard.press("Enter")
    dingtalk.sandbox.barriers.wait_until_held("slow")
    page.mouse.click(box["x"] + 5, box["y"] + 5)
    if (
        not javascript
    ):  # the browser gives up the first answer for the second, which tells of the first
        expect(page.locator("main")).to_contain_text("This change is under way.")
    dingtalk.sandbox.barriers.release("slow")
    happened_once(dingtalk, "update")
    if not javascript:
        page.reload()
        expect(page.locator(OUTCOME)).to_have_text("done")
    else:
        expect(page.locator(HEADING)).to_have_text("Legal Affairs")


# ── Two tabs ─────────────────────────────────────────────────────────────────────────────────────────────


@WITH_AND_WITHOUT
@pytest.mark.parametrize(("fill", "kind"), [(fill_new, "create"), (fill_edit, "update")])
def test_the_same_form_in_two_tabs_writes_once_and_both_see_it(
    signed_in: Callable[..., Page],
    dingtalk: DingTalk,
    fill: Callable[[Page, DingTalk], None],
    kind: str,
    javascript: bool,
) -> None:
    page = signed_in("editor", javascript=javascript)
    fill(page, dingtalk)
    other = copy_of(page)
    page.locator(SAVE).click()
    expect(page.locator("main [role=status]").first).to_contain_text(re.compile("Saved|created"))
    other.locator(SAVE).click()
    expect(other).to_have_url(re.compile(r"/history/\d+/$"))
    expect(other.locator(OUTCOME)).to_have_text("done")
    happened_once(dingtalk, kind)


@WITH_AND_WITHOUT
def test_the_same_form_in_two_tabs_at_the_same_time_writes_once(
    signed_in: Callable[..., Page], dingtalk: DingTalk, javascript: bool
) -> None:
    """The second comes while the first is still on its way: it is told so, and later how it ended."""
    dingtalk.sandbox.barriers.hold("slow", path="department/update")
    page = signed_in("editor", javascript=javascript)
    fill_edit(page, dingtalk)
    other = copy_of(page)
    page.locator(SAVE).click(no_wait_after=True)
    dingtalk.sandbox.barriers.wait_until_held("slow")
    other.locator(SAVE).click()
    expect(other.locator("main")).to_contain_text("This change is under way.")
    dingtalk.sandbox.barriers.release("slow")
    expect(page.locator(HEADING)).to_have_text("Legal Affairs")
    if not javascript:
        other.reload()
    expect(other.locator(OUTCOME)).to_have_text("done")
    happened_once(dingtalk, "update")


@WITH_AND_WITHOUT
def test_the_same_form_with_other_words_is_not_sent_and_keeps_them(
    signed_in: Callable[..., Page], dingtalk: DingTalk, watch: Watch, javascript: bool
) -> None:
    watch.expect(409)
    page = signed_in("editor", javascript=javascript)
    fill_new(page, dingtalk)
    other = copy_of(page)
    other.locator("#id_name").fill("Treaties")
    page.locator(SAVE).click()
    expect(page.locator(HEADING)).to_have_text("Contracts")
    other.locator(SAVE).click()
    expect(other.locator("main .notice")).to_contain_text("This form has already been sent")
    expect(other.locator("#id_name")).to_have_value("Treaties")
    happened_once(dingtalk, "create")
    other.get_by_role("link", name="Show what happened").click()
    expect(other.locator(OUTCOME)).to_have_text("done")
    expect(other.locator("main")).to_contain_text("Contracts")


@WITH_AND_WITHOUT
def test_a_delete_confirmed_in_two_tabs_deletes_once_and_both_see_it(
    signed_in: Callable[..., Page], dingtalk: DingTalk, javascript: bool
) -> None:
    page = signed_in(javascript=javascript)
    open_plan(page, dingtalk)
    other = page.context.new_page()
    other.goto(page.url)
    for tab in (page, other):
        tab.locator(CONFIRM).click()
        expect(tab.locator(HEADING)).to_have_text("“Legal” was deleted")
    happened_once(dingtalk, "delete")


# ── Reload ───────────────────────────────────────────────────────────────────────────────────────────────


@WITH_AND_WITHOUT
def test_a_reload_after_saving_shows_the_department(
    signed_in: Callable[..., Page], dingtalk: DingTalk, javascript: bool
) -> None:
    page = signed_in("editor", javascript=javascript)
    fill_new(page, dingtalk)
    page.locator(SAVE).click()
    expect(page.locator(HEADING)).to_have_text("Contracts")
    for _time in range(3):
        page.reload()
        expect(page.locator(HEADING)).to_have_text("Contracts")
    happened_once(dingtalk, "create")


def test_a_reload_that_sends_the_form_again_leads_to_what_happened(
    signed_in: Callable[..., Page], dingtalk: DingTalk, watch: Watch
) -> None:
    """Without JavaScript the answer to a POST can be a page, and a reload is then the same POST again."""
    watch.expect(502)
    dingtalk.sandbox.faults.add(Rule("drop:after", path="department/create"))
    page = signed_in("editor", javascript=False)
    fill_new(page, dingtalk)
    page.locator(SAVE).click()
    expect(page.locator(OUTCOME)).to_have_text("not known yet")
    for _time in range(3):
        page.reload()
        expect(page).to_have_url(re.compile(r"/history/\d+/$|/new/$"))
        expect(page.locator(OUTCOME)).to_have_count(1)
    assert dingtalk.writes() == ["department.create"]
    (operation,) = Operation.objects.all()
    assert operation.kind == "create"


def test_a_reload_after_a_refusal_sends_nothing_new(
    signed_in: Callable[..., Page], dingtalk: DingTalk, watch: Watch
) -> None:
    """DingTalk said no: the same POST again shows that no, and asks it no second time."""
    watch.expect(409)
    page = signed_in("editor", javascript=False)
    page.goto(address(dingtalk, "Acme", "new/"))
    page.locator("#id_name").fill("Legal")  # the name is taken
    page.locator(SAVE).click()
    expect(page.locator("main .summary")).to_contain_text("already has a sub-department")
    asked = [call for call in dingtalk.sandbox.calls if call.path.endswith("/create")]
    page.reload()
    expect(page.locator(OUTCOME)).to_have_text("refused by DingTalk")
    assert [call for call in dingtalk.sandbox.calls if call.path.endswith("/create")] == asked
    assert dingtalk.writes() == []


# ── Back ─────────────────────────────────────────────────────────────────────────────────────────────────


@WITH_AND_WITHOUT
def test_back_to_the_form_and_sent_again_writes_once(
    signed_in: Callable[..., Page], dingtalk: DingTalk, watch: Watch, javascript: bool
) -> None:
    """Back may show the form as it was, or draw a new one: which DingTalk then refuses for its name."""
    watch.expect(409)
    page = signed_in("editor", javascript=javascript)
    page.goto(address(dingtalk, "Legal"))
    page.locator("main .actions a[href$='/new/']").click()
    page.locator("#id_name").fill("Contracts")
    page.locator(SAVE).click()
    expect(page.locator(HEADING)).to_have_text("Contracts")
    page.go_back()
    page.locator("#id_name").fill("Contracts")
    page.locator(SAVE).click()
    expect(page.locator("main .summary").or_(page.locator(OUTCOME))).to_be_visible()
    assert dingtalk.writes() == ["department.create"]
    done = [one for one in Operation.objects.all() if one.entry().outcome == Outcome.DONE]
    assert len(done) == 1


@WITH_AND_WITHOUT
def test_back_to_a_form_the_browser_kept_is_that_form(
    signed_in: Callable[..., Page], dingtalk: DingTalk, javascript: bool
) -> None:
    """Put back by hand where this browser would draw another: what the first one did is shown."""
    page = signed_in("editor", javascript=javascript)
    fill_new(page, dingtalk)
    drawn = page.locator("[name=drawn]").input_value()
    page.locator(SAVE).click()
    expect(page.locator(HEADING)).to_have_text("Contracts")
    fill_new(page, dingtalk)
    page.locator("[name=drawn]").evaluate("(field, value) => field.value = value", drawn)
    page.locator(SAVE).click()
    expect(page).to_have_url(re.compile(r"/history/\d+/$"))
    expect(page.locator(OUTCOME)).to_have_text("done")
    happened_once(dingtalk, "create")


@WITH_AND_WITHOUT
def test_back_after_a_delete_and_confirmed_again_deletes_once(
    signed_in: Callable[..., Page], dingtalk: DingTalk, javascript: bool
) -> None:
    page = signed_in(javascript=javascript)
    open_plan(page, dingtalk)
    page.locator(CONFIRM).click()
    expect(page.locator(HEADING)).to_have_text("“Legal” was deleted")
    page.go_back()
    if page.locator(CONFIRM).count():  # kept by the browser; the server would lead to the result
        page.locator(CONFIRM).click()
    expect(page.locator(HEADING)).to_have_text("“Legal” was deleted")
    happened_once(dingtalk, "delete")
