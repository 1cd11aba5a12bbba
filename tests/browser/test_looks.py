"""How pages look: light, dark, dense, in forced colours, unmoved, on a slow line; within their policy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from tour import CONFINED, FULL, Tour
from visits import account

from departments.models import Preferences
from sandbox import Organisation, company

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page, Response
    from visits import DingTalk, Watch

pytestmark = pytest.mark.usefixtures("everything_read")

LIGHT, DARK = "rgb(255, 255, 255)", "rgb(20, 25, 32)"
SAVE = "main form.form button.primary"


@pytest.fixture
def org() -> Organisation:
    return company()


def prefers(role: str, **chosen: Any) -> None:
    Preferences.objects.create(user=account(role), **chosen)


def style(place: Locator, name: str, pseudo: str = "") -> str:
    return place.evaluate(f"one => getComputedStyle(one, '{pseudo}')['{name}']")


# ── Dark and light ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("chosen", "system", "seen"),
    [
        ("", "light", LIGHT),
        ("", "dark", DARK),
        ("dark", "light", DARK),
        ("light", "dark", LIGHT),
    ],
)
def test_87_dark_follows_the_system_and_the_setting(
    signed_in: Callable[..., Page], chosen: str, system: str, seen: str
) -> None:
    """Without any script: what the server sends is right from the first paint on."""
    prefers("viewer", theme=chosen)
    page = signed_in("viewer", color_scheme=system, javascript=False)
    assert style(page.locator("main"), "backgroundColor") == seen
    assert style(page.locator(":root"), "colorScheme") in (
        ["light dark"] if not chosen else [chosen]
    )


def test_87_a_choice_is_seen_at_once(signed_in: Callable[..., Page]) -> None:
    page = signed_in("viewer")
    page.goto("/account/")
    page.get_by_role("radio", name="Dark").check()
    page.locator(SAVE).click()
    expect(page.locator("main .notice.ok")).to_be_visible()
    assert style(page.locator("main"), "backgroundColor") == DARK
    page.get_by_role("radio", name="As the system has it").check()
    page.locator(SAVE).click()
    expect(page.locator(":root")).not_to_have_attribute("data-theme", re.compile(""))


@pytest.mark.parametrize(("density", "height"), [("", 32), ("comfortable", 36)])
def test_rows_are_as_dense_as_somebody_likes(
    signed_in: Callable[..., Page], dingtalk: DingTalk, density: str, height: int
) -> None:
    prefers("viewer", density=density)
    page = signed_in("viewer")
    assert page.locator(f"#d{dingtalk.org[FULL].dept_id}").bounding_box()["height"] == height


# ── More than colour ─────────────────────────────────────────────────────────────────────────────────────


def test_28_no_icon_stands_without_words(
    window: Callable[..., Page], dingtalk: DingTalk, settings: Any, watch: Watch
) -> None:
    account("administrator")
    page = window()
    found = []
    for stop in Tour(page, dingtalk, settings, watch).all():
        found += [f"{stop}: {one}" for one in page.evaluate(_WORDLESS)]
    assert not found, "\n".join(found)


#: Icons that assistive technology meets, and icons in something that has neither words nor a name.
_WORDLESS = """[...document.querySelectorAll('svg')].filter(icon => {
    const home = icon.closest('a, button, summary, li, p, .empty, form');
    const words = home.textContent.trim() || home.getAttribute('aria-label')
                  || home.querySelector('[aria-label]') || home.closest('[aria-hidden="true"]');
    return !icon.closest('[aria-hidden="true"]') || !words;
}).map(icon => icon.parentElement.outerHTML.slice(0, 200))"""


def test_28_states_are_words_too(
    signed_in: Callable[..., Page], dingtalk: DingTalk, watch: Watch
) -> None:
    page = signed_in("administrator")
    page.goto(f"/departments/{dingtalk.org[CONFINED].dept_id}/")
    for badge in page.locator("main .badge, main .outcome").all():
        assert badge.inner_text().strip()
    page.goto("/setup/")
    for outcome in page.locator("main .outcome").all():
        assert outcome.inner_text().strip() == "well"
    current = page.locator(".sections [aria-current]")
    assert style(current, "fontWeight") == "600"  # and a line below it


def test_29_in_forced_colours_everything_has_an_edge(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("administrator", forced_colors="active")
    assert page.evaluate("matchMedia('(forced-colors: active)').matches")
    page.goto(f"/departments/{dingtalk.org[FULL].dept_id}/")
    row = page.locator(f"#d{dingtalk.org[FULL].dept_id}")
    expect(row).to_have_attribute("aria-current", "page")
    outlined = row.evaluate(
        "row => [row, row.parentElement].some(one => getComputedStyle(one).outlineStyle === 'solid')"
    )
    assert outlined
    for button in page.locator("main .button:visible").all():
        assert style(button, "borderTopStyle") == "solid"
        assert float(style(button, "borderTopWidth")[:-2]) >= 1
    for badge in page.locator("main .badge:visible").all():
        assert style(badge, "borderTopStyle") == "solid"
    tab = page.locator(".tabs [aria-current]")
    assert style(tab, "backgroundColor", "::after") != style(
        page.locator("main"), "backgroundColor"
    )
    page.locator("main .button").first.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_with_reduced_motion_nothing_moves(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("editor", reduced_motion="reduce")
    page.goto(f"/departments/{dingtalk.org[FULL].dept_id}/edit/")
    moving = page.evaluate(
        """[...document.querySelectorAll('*')].filter(one => getComputedStyle(one).transitionDuration !== '0s'
               || getComputedStyle(one).animationName !== 'none').map(one => one.outerHTML.slice(0, 100))"""
    )
    assert moving == []


# ── A slow line ──────────────────────────────────────────────────────────────────────────────────────────


def test_82_who_waits_is_told_so_after_a_moment(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("editor")
    page.goto(f"/departments/{dingtalk.org[FULL].dept_id}/edit/")
    held: list[Any] = []
    page.route("**/edit/", lambda route: held.append(route))  # noqa: PLW0108 — Playwright looks into it
    page.locator("#id_code").fill("YF")
    button = page.locator(SAVE)
    button.click()
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_text("Saving…")
    expect(button).to_be_focused()
    expect(page.locator("main")).to_have_attribute("aria-busy", "true")
    assert style(page.locator("main"), "animationDelay", "::before").split(", ")[0] == "0.3s"
    button.evaluate("button => button.click()")
    page.keyboard.press("Enter")
    assert len(held) == 1
    held[0].continue_()
    expect(page.locator("main .notice.ok")).to_be_visible()
    expect(page.locator("main")).not_to_have_attribute("aria-busy", "true")
    assert dingtalk.writes() == ["department.update"]


def test_82_the_first_text_is_there_on_a_slow_line(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("viewer")
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    line.send("Network.clearBrowserCache")
    slow_3g = {"latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
    line.send("Network.emulateNetworkConditions", {"offline": False, **slow_3g})
    page.goto(f"/departments/{dingtalk.org[FULL].dept_id}/", wait_until="load")
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert painted < 5000


def test_who_is_offline_is_told_so_and_when_it_is_over(signed_in: Callable[..., Page]) -> None:
    page = signed_in("viewer")
    page.context.set_offline(True)
    expect(page.locator("#alert")).to_contain_text("cannot be reached")
    page.context.set_offline(False)
    expect(page.locator("#alert")).to_be_empty()


# ── The policy ───────────────────────────────────────────────────────────────────────────────────────────


def test_88_no_page_breaks_its_policy(
    window: Callable[..., Page], dingtalk: DingTalk, settings: Any, watch: Watch
) -> None:
    """The window fails the test when the console complains or anything is asked of another host."""
    account("administrator")
    page = window()
    given: dict[str, int] = {}

    def seen(response: Response) -> None:
        policy = response.headers.get("content-security-policy", "")
        if "/static/" not in response.url:  # served by the test's own server
            given[policy] = given.get(policy, 0) + 1

    page.on("response", seen)
    for _stop in Tour(page, dingtalk, settings, watch).all():
        pass
    (policy,) = given
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


# ── Signed out ───────────────────────────────────────────────────────────────────────────────────────────


def test_90_signing_out_leaves_nothing_at_the_machine(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("viewer")
    row = page.locator(f"#d{dingtalk.org[FULL].dept_id}")
    row.focus()
    page.keyboard.press("ArrowRight")
    expect(row).to_have_attribute("aria-expanded", "true")
    assert "tree" in {cookie["name"] for cookie in page.context.cookies()}
    page.locator(".who summary").click()
    page.locator(".who .menu form button").click()
    expect(page.locator("#id_username")).to_be_visible()
    assert {cookie["name"] for cookie in page.context.cookies()} <= {"csrf"}
    stored = page.evaluate("[...Object.values(sessionStorage), ...Object.values(localStorage)]")
    assert all(
        re.fullmatch(r"/[\w/]*", text) for text in stored
    )  # where one was, not what was there
    page.go_back()
    expect(page.locator("#id_username")).to_be_visible()
    expect(page.locator("dept-tree")).to_have_count(0)
