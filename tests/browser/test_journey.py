"""The seed's journey, as a person makes it: sign in, create, create below, look, update, delete."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from visits import account, sign_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from visits import DingTalk

# Everything is found by what holds in every language: roles, addresses, ids of fields.
SAVE = "main form.form button.primary"
DELETE = "main form.form button.danger"
HEADING = "main h1"


@pytest.mark.parametrize(
    ("language", "javascript"), [("en", True), ("en", False), ("zh-hans", True)]
)
def test_a_department_from_its_making_to_its_end(
    window: Callable[..., Page], dingtalk: DingTalk, language: str, javascript: bool
) -> None:
    account("deleter")
    page = window(javascript=javascript)
    page.goto("/")
    if language != "en":
        page.locator(f'button[lang="{_lang(language)}"]').click()
    expect(page.locator("html")).to_have_attribute("lang", _lang(language))
    sign_in(page, "deleter")
    english = language == "en"

    # Create under the root, and below what was created.
    page.locator("main .actions a[href$='/1/new/']").click()
    _fill_and_send(page, "Projects", saying="“Projects” was created." if english else "Projects")
    page.locator("main .actions a[href$='/new/']").click()
    _fill_and_send(page, "Lotus", chat=True, saying="“Lotus” was created." if english else "Lotus")

    # Its details.
    projects, lotus = dingtalk.org["Projects"], dingtalk.org["Lotus"]
    assert (projects.parent_id, lotus.parent_id) == (1, projects.dept_id)
    expect(page).to_have_url(re.compile(f"/departments/{lotus.dept_id}/$"))
    basics = page.locator("section[aria-labelledby=card-basics] dd")
    expect(basics.nth(0)).to_have_text("Lotus")
    expect(basics.nth(1)).to_have_text(str(lotus.dept_id))
    expect(basics.nth(2).get_by_role("link")).to_have_text("Projects")
    expect(page.locator("section[aria-labelledby=card-chat] dd").first).not_to_be_empty()
    expect(page.locator(f"#d{lotus.dept_id}")).to_have_attribute("aria-current", "page")

    # Update.
    page.locator("main .actions a[href$='/edit/']").click()
    expect(page.locator("#id_create_dept_group")).to_be_checked()
    page.locator("#id_code").fill("LOTUS")
    _fill_and_send(page, "Lotus East", saying="Saved." if english else "")
    expect(basics.nth(5)).to_have_text("LOTUS")
    assert dingtalk.org["Lotus East"].code == "LOTUS"
    expect(page.locator(f"#d{lotus.dept_id}")).to_contain_text("Lotus East")

    # Deleting the upper one is refused because somebody is inside the lower one, and it says who.
    dingtalk.org.add_member("Lotus East", "Zhao Lei")
    page.locator("main .trail").get_by_role("link", name="Projects").click()
    expect(page.locator(HEADING)).to_have_text("Projects")
    page.locator("section.danger button").click()
    if english:
        expect(page.locator(HEADING)).to_have_text("“Projects” can’t be deleted yet")
    inside = page.locator("main tbody tr")
    expect(inside).to_have_count(1)
    expect(inside).to_contain_text("Acme › Projects › Lotus East")
    expect(inside).to_contain_text("Zhao Lei")
    expect(page.locator(DELETE)).to_have_count(0)

    # They leave; the check is made again and shows all that goes along.
    dingtalk.org.remove_member("Lotus East", "Zhao Lei")
    page.locator("main form button.primary").click()
    if english:
        expect(page.locator(HEADING)).to_have_text("Delete “Projects” and everything under it?")
        expect(page.locator(DELETE)).to_have_text("Delete 2 departments")
    doomed = page.locator("section[aria-labelledby=doomed] tbody tr")
    expect(doomed).to_have_count(2)
    expect(doomed.nth(0)).to_contain_text(str(projects.dept_id))
    expect(doomed.nth(1)).to_contain_text("Acme › Projects › Lotus East")
    expect(page.locator("section[aria-labelledby=chats] li")).to_contain_text("Lotus East")
    page.locator("#id_chats_seen").check()
    page.locator(DELETE).click()
    if english:
        expect(page.locator(HEADING)).to_have_text("“Projects” was deleted")
    expect(page).to_have_url(re.compile("/result/$"))
    expect(page.locator("main .outcome.done")).to_have_count(2)

    # Gone in the tree and in DingTalk.
    page.locator("main .actions a.primary").click()
    expect(page.locator(HEADING)).to_have_text("Acme")
    expect(page.locator("#d1")).to_be_visible()
    expect(page.locator(f"#d{projects.dept_id}")).to_have_count(0)
    assert projects.dept_id not in dingtalk.org
    assert lotus.dept_id not in dingtalk.org
    assert dingtalk.writes() == [
        "department.create",
        "department.create",
        "department.update",
        "department.delete",
    ]
    assert dingtalk.sandbox.journal[-1].kind == "chat.dismiss"


def _fill_and_send(page: Page, name: str, *, chat: bool = False, saying: str) -> None:
    page.locator("#id_name").fill(name)
    if chat:
        page.locator("#id_create_dept_group").check()
    page.locator(SAVE).click()
    expect(page.locator(HEADING)).to_have_text(name)
    expect(page.locator("main .notice.ok")).to_contain_text(saying)


def _lang(language: str) -> str:
    return {"zh-hans": "zh-Hans"}.get(language, language)
