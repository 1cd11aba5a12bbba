"""How the tree looks in all its states: to axe, to a finger, in forced colours, at 320 pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect
from rows import CROWD, never_read, open_by_key, remember, remember_a_crowd, row, rows
from visits import sideways

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from visits import DingTalk, Watch

pytestmark = pytest.mark.usefixtures("everything_read")
VIOLATIONS = """async () => (await axe.run({ resultTypes: ["violations"] })).violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).slice(0, 3)}`)"""


def remember_everything_odd() -> None:
    remember_a_crowd(450)
    remember((801, 1, "大中华区供应链管理与可持续发展联合办公室华东及长江三角洲地区（上海）"))
    remember((802, 801, "Many marks"), linked=True, hidden=True, restricted=True, has_chat=True)
    remember((803, 801, "Walled"), readable=False)
    remember((-7, 1, "家校通讯录"), readable=False)
    remember((77, 76, "Orphan"), (78, 76, "Another"), detached=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_25_axe_finds_nothing_in_any_state_of_the_tree(
    signed_in: Callable[..., Page], dingtalk: DingTalk, watch: Watch, width: int, scheme: str
) -> None:
    watch.expect("net::ERR_FAILED")
    remember_everything_odd()
    never_read("Research")
    page = signed_in("deleter", width=width, color_scheme=scheme, reduced_motion="reduce")
    page.evaluate(AXE_SCRIPT)

    def fine() -> None:
        assert page.evaluate(VIOLATIONS) == []
        assert sideways(page) <= 0

    fine()
    for dept_id in (CROWD, 801):
        open_by_key(page, row(page, dept_id))
    (research,) = rows(page, dingtalk, "Research")
    page.route("**/children/?part=tree", lambda route: None)
    research.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tree .loading")).to_be_visible()
    fine()
    page.unroute("**/children/?part=tree")
    page.route("**/children/?part=tree", lambda route: route.abort())
    row(page, dingtalk.org["Empty"].dept_id).focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tree .failed")).to_be_visible()
    fine()
    page.keyboard.press("Shift+F10")
    expect(page.locator("#row-menu")).to_be_visible()
    fine()


def test_28_marks_beyond_the_second_are_counted_and_all_are_in_words(
    signed_in: Callable[..., Page],
) -> None:
    remember((802, 1, "Many"), linked=True, hidden=True, restricted=True, has_chat=True)
    page = signed_in("viewer")
    link = row(page, 802)
    expect(link.locator(".icon:visible")).to_have_count(2)
    rest = "one => getComputedStyle(one, '::after').content"
    assert link.locator(".ico").last.evaluate(rest).startswith('"+" counter(rest)')
    expect(link).to_have_accessible_name(
        "Many from a linked organisation hidden from Contacts"
        " members see limited Contacts has Department Chat"
    )


def test_29_in_forced_colours_the_current_row_and_the_focus_are_seen(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("viewer", forced_colors="active")
    sales, legal = rows(page, dingtalk, "Sales", "Legal")
    sales.click()
    expect(sales).to_have_attribute("aria-current", "page")
    page.keyboard.press("End")
    expect(legal).to_be_focused()
    for link in (sales, legal):
        style = link.evaluate(
            "one => [getComputedStyle(one).outlineStyle, getComputedStyle(one).outlineWidth]"
        )
        assert style == ["solid", "2px"]  # fmt: skip


def test_84_fingers_find_44_pixels_and_pointers_24(
    signed_in: Callable[..., Page],
) -> None:
    remember_everything_odd()
    parts = "#tree .nm, #tree .tw, #tree .act, #tree .more a, .tree-pane .toolbar :is(a, button)"
    sizes = f"""() => [...document.querySelectorAll("{parts}")]
        .filter(one => one.checkVisibility())
        .map(one => one.getBoundingClientRect())
        .map(({{ width, height }}) => Math.min(width, height))"""
    mouse = signed_in("editor")
    open_by_key(mouse, row(mouse, CROWD))
    assert min(mouse.evaluate(sizes)) >= 24
    finger = signed_in("editor", width=375, has_touch=True, is_mobile=True)
    finger.locator(f"#d{CROWD} + .tw").tap()
    expect(row(finger, CROWD + 9301)).to_be_visible()
    assert min(finger.evaluate(sizes)) >= 44
    finger.locator(f"#d{CROWD} ~ .act").tap()
    expect(finger.locator("#row-menu")).to_be_in_viewport(ratio=1)
