"""Pages at any size: zoomed in, with wide text spacing, under a finger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from tour import FULL, Tour
from visits import account, sideways

from sandbox import Organisation, company

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from visits import DingTalk, Watch

pytestmark = pytest.mark.usefixtures("everything_read")


@pytest.fixture
def org() -> Organisation:
    return company()


def test_83_84_every_page_at_every_size(
    window: Callable[..., Page], dingtalk: DingTalk, settings: Any, watch: Watch
) -> None:
    """1280 pixels zoomed to 200 and 400 % are 640 and 320; then with the spacing of WCAG 1.4.12 on top."""
    account("administrator")
    page = window()
    found = []
    for stop in Tour(page, dingtalk, settings, watch).all():
        for width, height in ((1280, 800), (640, 400), (320, 256)):
            page.set_viewport_size({"width": width, "height": height})
            found += [f"{stop} at {width}: {one}" for one in (*cut_off(page), *small(page))]
            page.evaluate(_WIDE_SPACING)
            found += [f"{stop} at {width}, wide spacing: {one}" for one in cut_off(page)]
            page.evaluate("document.adoptedStyleSheets = []")
        page.set_viewport_size({"width": 1280, "height": 800})
    assert not found, "\n".join(dict.fromkeys(found))


def cut_off(page: Page) -> list[str]:
    """What runs out of the window or out of its own box."""
    beyond = sideways(page)
    return [f"scrolls sideways by {beyond}"] * (beyond > 0) + page.evaluate(_CUT_OFF)


def small(page: Page) -> list[str]:
    """What can be pressed and is smaller than 24 × 24 (WCAG 2.5.8), links inside a sentence apart."""
    return page.evaluate(_SMALL)


#: Sheets made by a script are no breach of the policy; a bookmarklet of this kind works so, too.
_WIDE_SPACING = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important }
                       * { word-spacing: .16em !important } p { margin-bottom: 2em !important }`);
    document.adoptedStyleSheets = [sheet];
}"""

_CUT_OFF = """() => [...document.querySelectorAll('body *')].filter(one => {
    if (one.closest('.skip, [hidden], thead, svg, select, input, textarea')) return false;
    if (!one.getClientRects().length) return false;
    const { overflowX, overflowY, clipPath } = getComputedStyle(one);
    if (clipPath !== 'none') return false;        // only for screen readers
    const hides = way => way === 'hidden' || way === 'clip';
    return hides(overflowX) && one.scrollWidth > one.clientWidth + 1
        || hides(overflowY) && one.scrollHeight > one.clientHeight + 1;
}).map(one => `cut off: ${one.outerHTML.slice(0, 160)}`)"""

_SMALL = """() => [...document.querySelectorAll('a, button, input, select, textarea, summary')].filter(one => {
    if (one.closest('.sr, .skip, [hidden]') || !one.getClientRects().length) return false;
    if (getComputedStyle(one).visibility !== 'visible' || one.type === 'hidden') return false;
    const sentence = getComputedStyle(one).display === 'inline' && one.matches('a')
        && [...one.parentElement.childNodes].some(({ nodeType, data }) => nodeType === 3 && data.trim());
    if (sentence) return false;
    const label = one.matches('[type=checkbox], [type=radio]') && one.labels[0];
    const { width, height } = (label || one).getBoundingClientRect();
    return width < 23.9 || height < 23.9;
}).map(one => { const { width, height } = one.getBoundingClientRect();
                return `${Math.round(width)} × ${Math.round(height)}: ${one.outerHTML.slice(0, 160)}`; })"""


def test_83_no_bar_covers_what_has_the_focus(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("editor", width=320, height=480)
    page.goto(f"/departments/{dingtalk.org[FULL].dept_id}/edit/")
    expect(page.locator("#id_name")).to_be_visible()
    hidden = page.evaluate(
        """() => [...document.querySelectorAll('main :is(input, select, textarea, a, button)')].filter(one => {
            if (one.type === 'hidden' || !one.getClientRects().length) return false;
            one.focus();
            const { left, top, width, height } = one.getBoundingClientRect();
            const seen = document.elementFromPoint(left + width / 2, top + height / 2);
            return !one.contains(seen) && ![...one.labels ?? []].some(label => label.contains(seen));
        }).map(one => one.outerHTML.slice(0, 120))"""
    )
    assert hidden == []


def test_84_under_a_finger_rows_are_44_pixels_high(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("deleter", width=390, height=844, has_touch=True, is_mobile=True)
    assert page.evaluate("matchMedia('(pointer: coarse)').matches")
    rows = page.locator("dept-tree [role=treeitem]:visible")
    assert rows.count() > 10
    for row in rows.all():
        assert row.bounding_box()["height"] >= 44
    for button in page.locator("dept-tree .tw:visible, dept-tree .act:visible").all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 44
    page.goto(f"/departments/{dingtalk.org[FULL].dept_id}/")
    for button in page.locator("main .button:visible").all():
        assert button.bounding_box()["height"] >= 44
    page.goto(f"/departments/{dingtalk.org[FULL].dept_id}/edit/")
    for field in page.locator("main input[type=text]:visible").all():
        assert field.bounding_box()["height"] >= 44
        assert field.evaluate("one => getComputedStyle(one).fontSize") == "16px"  # or iOS zooms in
