"""Deciding between two people's changes, and going on after a department is gone, as a person does it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from test_accessibility import violations
from visits import sideways

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from visits import DingTalk, Watch

pytestmark = pytest.mark.usefixtures("everything_read")

HEADING = "main h1"
SAVE = "main form.form button.primary"


def conflict(page: Page, dingtalk: DingTalk) -> int:
    """Sales is open with a new name and code typed; somebody at DingTalk was faster."""
    sales: int = dingtalk.org["Sales"].dept_id
    page.goto(f"/departments/{sales}/edit/")
    dingtalk.org.edit_department(sales, name="Trade", code="S-9")
    page.locator("#id_name").fill("Field Sales")
    page.locator("#id_code").fill("S-1")
    page.locator("#id_source_identifier").fill("hr:1")
    page.locator("#id_reason").fill("New region")
    page.locator(SAVE).click()
    expect(page.locator(HEADING)).to_have_text("“Sales” changed since you opened it")
    return sales


@pytest.mark.parametrize("javascript", [True, False])
def test_a_conflict_is_decided_field_by_field(
    signed_in: Callable[..., Page], dingtalk: DingTalk, watch: Watch, javascript: bool
) -> None:
    watch.expect(409, 422)
    page = signed_in("editor", javascript=javascript)
    sales = conflict(page, dingtalk)
    expect(page.locator("main input[type=radio]:checked")).to_have_count(0)

    page.get_by_role("radio", name="Name Now in DingTalk Trade").check()
    page.locator(SAVE).click()
    summary = page.locator("main .summary")
    expect(summary).to_contain_text("Choose a value for Department code.")
    if javascript:
        expect(summary).to_be_focused()
    summary.get_by_role("link").click()
    expect(page.locator("#code-theirs")).to_be_focused()
    expect(page.locator("#name-theirs")).to_be_checked()

    page.get_by_role("radio", name="Department code Your change S-1").check()
    page.locator(SAVE).click()
    expect(page.locator(HEADING)).to_have_text("Trade")
    expect(page.locator("main .notice.ok")).to_have_text("Saved.")
    saved = dingtalk.org[sales]
    assert (saved.name, saved.code, saved.source_identifier) == ("Trade", "S-1", "hr:1")
    assert dingtalk.writes() == ["department.update"]


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize(
    ("button", "name"),
    [("Keep all of DingTalk’s", "Trade"), ("Keep all of mine", "Field Sales")],
)
def test_one_button_decides_about_all(
    signed_in: Callable[..., Page],
    dingtalk: DingTalk,
    watch: Watch,
    javascript: bool,
    button: str,
    name: str,
) -> None:
    watch.expect(409)
    page = signed_in("editor", javascript=javascript)
    sales = conflict(page, dingtalk)
    page.get_by_role("button", name=button).click()
    expect(page.locator(HEADING)).to_have_text(name)
    saved = dingtalk.org[sales]
    assert (saved.name, saved.source_identifier) == (name, "hr:1")


@pytest.mark.parametrize("javascript", [True, False])
def test_a_department_that_is_gone_is_created_again(
    signed_in: Callable[..., Page], dingtalk: DingTalk, watch: Watch, javascript: bool
) -> None:
    watch.expect(410)
    page = signed_in("editor", javascript=javascript)
    ningbo = dingtalk.org["Ningbo"].dept_id
    page.goto(f"/departments/{ningbo}/edit/")
    dingtalk.org.delete_department(ningbo)
    page.locator("#id_name").fill("Ning Bo")
    page.locator("#id_code").fill("N-1")
    page.locator("#id_hide_dept").check()
    page.locator("#id_user_permits").fill("liwei\nchenyu")
    page.locator(SAVE).click()
    expect(page.locator(HEADING)).to_have_text("“Ningbo” no longer exists")
    expect(page.locator("main tbody tr")).to_have_count(4)

    page.get_by_role("button", name="Create it again under “East”").click()
    expect(page.locator("main .notice.info")).to_contain_text("Department code")
    expect(page.locator("#id_name")).to_have_value("Ning Bo")
    expect(page.locator("#id_user_permits")).to_have_value("liwei\nchenyu")
    assert dingtalk.writes() == []
    page.locator(SAVE).click()
    expect(page.locator(HEADING)).to_have_text("Ning Bo")
    expect(page).to_have_url(re.compile(f"/departments/{dingtalk.org['Ning Bo'].dept_id}/$"))
    assert dingtalk.writes() == ["department.create"]


def test_both_pages_can_be_read_by_everybody(
    signed_in: Callable[..., Page], dingtalk: DingTalk, watch: Watch
) -> None:
    watch.expect(409, 410, 422)
    page = signed_in("editor", reduced_motion="reduce")
    found = []

    def look(name: str) -> None:
        for width in (1280, 320):
            page.set_viewport_size({"width": width, "height": 800})
            if sideways(page) > 0:
                found.append(f"{name} at {width}: scrolls sideways")
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                found.extend(f"{name} at {width}, {scheme}: {one}" for one in violations(page))

    conflict(page, dingtalk)
    look("conflict")
    page.locator(SAVE).click()
    expect(page.locator("main .summary")).to_be_visible()
    look("conflict with errors")
    ningbo = dingtalk.org["Ningbo"].dept_id
    page.goto(f"/departments/{ningbo}/edit/")
    dingtalk.org.delete_department(ningbo)
    page.locator("#id_code").fill("N-1")
    page.locator(SAVE).click()
    expect(page.locator("main .notice.warn")).to_be_visible()
    look("gone")
    page.locator("main form button.primary").click()
    expect(page.locator("main .notice.info")).to_be_visible()
    look("again")
    assert not found, "\n".join(found)
