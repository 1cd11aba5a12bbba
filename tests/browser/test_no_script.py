"""Everything that is work goes without JavaScript: links, forms, pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from visits import DingTalk

pytestmark = pytest.mark.usefixtures("everything_read")

HEADING = "main h1"
SAVE = "main form.form button.primary"


def test_81_a_day_at_work_without_javascript(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("deleter", javascript=False)

    def heading(text: str) -> None:
        expect(page.locator(HEADING)).to_have_text(text)
        expect(page.locator("[role=tree], [role=treeitem]")).to_have_count(0)

    def row(name: str) -> str:
        return f"#d{dingtalk.org[name].dept_id}"

    # The tree: the number beside a name leads to what is below it.
    page.locator(f"{row('Sales')} + a").click()
    expect(page.locator(row("East"))).to_be_visible()
    page.locator(row("East")).click()
    heading("East")

    # Search, and on from a result.
    page.locator("#q").fill("ningbo")
    page.keyboard.press("Enter")
    page.locator(".results .nm").click()
    heading("Ningbo")

    # Create, edit, move.
    page.locator("main .actions a[href$='/new/']").click()
    page.locator("#id_name").fill("Harbour")
    page.locator(SAVE).click()
    heading("Harbour")
    page.locator("main .actions a[href$='/edit/']").click()
    page.locator("#id_code").fill("NB1")
    page.locator(SAVE).click()
    heading("Harbour")
    expect(page.locator("main .notice.ok")).to_contain_text("Saved.")
    page.locator("main .actions a[href$='/move/']").click()
    page.locator("#id_parent_id").fill("Legal")
    page.locator(SAVE).click()
    heading("Harbour")
    expect(page.locator(".trail")).to_contain_text("Legal")

    # Look back, and delete.
    page.locator(".tabs a[href$='/history/']").click()
    expect(page.locator("main tbody tr")).to_have_count(3)
    page.locator(".tabs a").first.click()
    page.locator("section.danger button").click()
    heading("Delete “Harbour”?")
    page.locator("main form.form button.danger").click()
    heading("“Harbour” was deleted")
    assert dingtalk.writes() == [
        "department.create",
        "department.update",
        "department.update",  # a move
        "department.delete",
    ]


def test_81_preferences_menus_and_help_without_javascript(signed_in: Callable[..., Page]) -> None:
    page = signed_in("viewer", javascript=False)
    page.locator(".who summary").click()
    page.locator(".who .menu a[href='/account/']").click()
    page.locator("#id_time_zone").select_option("Europe/Berlin")
    page.locator(SAVE).click()
    expect(page.locator("main .notice.ok")).to_be_visible()
    expect(page.locator("#id_time_zone")).to_have_value("Europe/Berlin")
    page.locator("main a[data-dialog]").click()
    expect(page.locator(HEADING)).to_have_text("Keyboard")
    page.locator('button[lang="zh-Hans"]').click()
    expect(page).to_have_url(re.compile("/help/keyboard/$"))
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    page.locator(".who summary").click()
    page.locator(".who .menu form button").click()
    expect(page.locator("#id_username")).to_be_visible()
