"""Keys for the whole page, and where the focus is after each action."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from tour import EMPTY, FULL, Tour
from visits import account

from departments.models import Preferences
from sandbox import Organisation, company

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from visits import DingTalk, Watch

pytestmark = pytest.mark.usefixtures("everything_read")

HEADING = "main h1"
SAVE = "main form.form button.primary"


@pytest.fixture
def org() -> Organisation:
    return company()


def address(dingtalk: DingTalk, name: str, page: str = "") -> str:
    return f"/departments/{dingtalk.org[name].dept_id}/{page}"


# ── Structure ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("width", [1280, 320])
def test_26_every_page_has_its_landmarks_and_headings(
    window: Callable[..., Page], dingtalk: DingTalk, settings: Any, watch: Watch, width: int
) -> None:
    account("administrator")
    page = window(width=width)
    found = []
    for stop in Tour(page, dingtalk, settings, watch).all():
        found += [f"{stop}: {one}" for one in page.evaluate(_STRUCTURE)]
    assert not found, "\n".join(found)


_STRUCTURE = """() => {
    const seen = selector => [...document.querySelectorAll(selector)].filter(one => one.checkVisibility());
    const told = [];
    if (seen('h1').length !== 1) told.push(`${seen('h1').length} h1`);
    if (seen('main').length !== 1) told.push(`${seen('main').length} main`);
    if (!seen('main h1').length) told.push('the h1 is not in main');
    for (const nav of seen('nav, aside, [role="region"]')) {
        const by = document.getElementById(nav.getAttribute('aria-labelledby'));
        if (!nav.getAttribute('aria-label') && !by) told.push(`no name: ${nav.outerHTML.slice(0, 99)}`);
    }
    const levels = seen('main :is(h1, h2, h3, h4)').map(one => Number(one.localName[1]));
    levels.forEach((level, i) => { if (level > (levels[i - 1] ?? 0) + 1) told.push(`headings ${levels}`); });
    return told;
}"""


# ── Focus ────────────────────────────────────────────────────────────────────────────────────────────────


def focused(page: Page) -> dict[str, Any]:
    return page.evaluate(
        """() => {
            const one = document.activeElement, { outlineStyle, outlineWidth } = getComputedStyle(one);
            return { tag: one.localName, id: one.id, seen: one.matches(':focus-visible'),
                     ring: outlineStyle === 'solid' ? parseFloat(outlineWidth) : 0 };
        }"""
    )


def test_32_the_focus_is_somewhere_after_each_action(
    signed_in: Callable[..., Page], dingtalk: DingTalk, watch: Watch
) -> None:
    """With the keyboard alone, so that the ring must be there too."""
    watch.expect(422)
    page = signed_in("deleter")
    expect(page.locator("#tree[role=tree]")).to_be_visible()
    full = dingtalk.org[FULL].dept_id

    def then(selector: str) -> None:
        expect(page.locator(selector)).to_be_focused()
        now = focused(page)
        assert now["tag"] != "body"
        assert now["ring"] >= 2, (selector, now)

    def follow(selector: str) -> None:
        # Until htmx has settled what came last, a link there is a plain link and opens a page anew.
        link = page.locator(selector)
        while not link.evaluate("e => !e.matches('[hx-get]') || 'htmx-internal-data' in e"):
            page.wait_for_timeout(20)
        link.focus()
        page.keyboard.press("Enter")

    follow(f"#d{full}")  # from the tree: people browse on
    expect(page.locator(HEADING)).to_have_text(FULL)
    then(f"#d{full}")
    expect(page.locator("#status")).to_contain_text(FULL)
    follow(".tabs a[href$='/children/']")  # a tab
    expect(page.locator("main table")).to_be_visible()
    then(".tabs [aria-current=page]")
    follow("main tbody a >> nth=0")  # from inside main
    then(HEADING)
    page.goto(address(dingtalk, FULL))
    follow("main .actions a[href$='/edit/']")  # a form
    then("#id_name")
    page.keyboard.press("Control+a")
    page.keyboard.type("A-B")
    page.keyboard.press("Enter")  # 422
    then("main .summary")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # from the summary to the field
    then("#id_name")
    page.keyboard.press("Control+a")
    page.keyboard.type("Research")
    page.keyboard.press("Control+s")  # saved
    expect(page.locator(HEADING)).to_have_text("Research")
    then(HEADING)
    follow(".freshness a")  # a live look
    then(HEADING)
    page.goto(address(dingtalk, EMPTY))
    follow("section.danger button")  # a check
    then(HEADING)


def test_34_a_menu_and_a_dialog_give_the_focus_back(signed_in: Callable[..., Page]) -> None:
    page = signed_in("viewer")
    person = page.locator(".who summary")
    person.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".who .menu a").first).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(page.locator(".who .menu a").first).to_be_hidden()
    expect(person).to_be_focused()

    page.keyboard.press("Enter")
    page.locator(".who a[data-dialog]").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Keyboard")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    expect(person).to_be_focused()

    search = page.get_by_role("searchbox")
    current = page.locator(".sections [aria-current]")
    current.focus()
    page.keyboard.press("?")
    dialog.get_by_role("button", name="Close").click()
    expect(current).to_be_focused()
    search.focus()
    page.keyboard.type("?")
    expect(search).to_have_value("?")
    expect(dialog).to_have_count(0)


def test_the_keys_are_found_where_the_dialog_cannot_come(
    signed_in: Callable[..., Page], watch: Watch
) -> None:
    page = signed_in("viewer", javascript=False)
    page.locator(".who summary").click()
    page.locator(".who a[data-dialog]").click()
    expect(page.locator(HEADING)).to_have_text("Keyboard")

    elsewhere = signed_in("editor")
    elsewhere.context.clear_cookies()
    elsewhere.keyboard.press("?")
    expect(elsewhere).to_have_url(re.compile(r"/accounts/login/\?next=/help/keyboard/"))


def test_36_single_keys_can_be_turned_off(signed_in: Callable[..., Page]) -> None:
    page = signed_in("viewer")
    page.goto("/account/")
    page.keyboard.press("?")
    page.get_by_role("dialog").get_by_role("link", name="Turn them off").click()
    page.get_by_role("switch").uncheck()
    page.locator(SAVE).click()
    expect(page.locator("main .notice.ok")).to_be_visible()
    assert Preferences.objects.get().shortcuts is False

    page.goto("/departments/")
    search = page.get_by_role("searchbox")
    expect(page.locator("#tree[role=tree]")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.press("?")
    expect(search).not_to_be_focused()
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator(".search kbd")).to_be_hidden()
    page.keyboard.press("Control+k")  # not a single one
    expect(search).to_be_focused()


def test_38_the_skip_link_is_first_and_leads_past_everything(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("viewer")
    page.goto(address(dingtalk, FULL))
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport(ratio=1)
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_30_f6_goes_round_the_parts_of_the_page(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("viewer")
    page.goto(address(dingtalk, FULL))
    expect(page.locator("#tree[role=tree]")).to_be_visible()
    for expected in ("#q", "#tree [tabindex='0']", "#main", "#q"):
        page.keyboard.press("F6")
        expect(page.locator(expected)).to_be_focused()
    page.keyboard.press("Shift+F6")
    expect(page.locator("#main")).to_be_focused()


# ── Back and forward ─────────────────────────────────────────────────────────────────────────────────────


def test_89_back_and_forward_through_ten_pages(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("administrator")
    tree = page.locator("#tree[role=tree]")
    names = [FULL, "销售部 Sales", "市场部 Marketing", "财务部 Finance"]
    for name in names:
        page.locator(f"#d{dingtalk.org[name].dept_id}").click()
        expect(page.locator(HEADING)).to_have_text(name)
    page.locator(".tabs a[href$='/children/']").click()
    expect(page.locator("main table")).to_be_visible()
    page.locator(".tabs a[href$='/history/']").click()
    expect(page.locator("main .filters")).to_be_visible()
    page.locator(".sections a[href='/history/']").click()
    expect(page.locator(HEADING)).to_have_text("History")
    page.goto("/account/")
    page.goto(address(dingtalk, FULL, "edit/"))
    expect(page.locator(HEADING)).to_have_text(f"Edit “{FULL}”")

    titles = [f"Edit “{FULL}”", "Preferences", "History", "History of “财务部 Finance”"]
    titles += ["财务部 Finance", *reversed(names)]
    for title in titles[1:]:
        page.go_back()
        expect(page).to_have_title(re.compile(f"^{re.escape(title)}"))
        expect(page.locator("html > body > header")).to_have_count(1)
        expect(page.locator(HEADING)).to_have_count(1)
    for title in titles[-2::-1]:
        page.go_forward()
        expect(page).to_have_title(re.compile(f"^{re.escape(title)}"))
        expect(page.locator(HEADING)).to_have_count(1)
        if title != "Preferences":
            expect(tree).to_be_visible()
    row = page.locator(f"#d{dingtalk.org['销售部 Sales'].dept_id}")
    row.focus()
    page.keyboard.press("ArrowRight")
    expect(row).to_have_attribute("aria-expanded", "true")
