"""Remakes the pictures under docs/screenshots/ from the demo's company: make screenshots."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from tour import EMPTY, FULL

from sandbox import Organisation, company

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page
    from visits import DingTalk

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"

pytestmark = [
    pytest.mark.skipif(
        os.environ.get("SCREENSHOTS") != "1", reason="pictures are remade with SCREENSHOTS=1"
    ),
    pytest.mark.usefixtures("everything_read"),
]


@pytest.fixture
def org() -> Organisation:
    return company()


@pytest.fixture(autouse=True)
def _no_banner(settings: Any, dingtalk: DingTalk) -> None:
    """As at work: the banner would show the port that this run's sandbox happens to have."""
    settings.DINGTALK_IS_REAL = True


@pytest.mark.parametrize(
    ("picture", "more"),
    [
        ("browse", {}),
        ("browse-zh", {"locale": "zh-CN"}),
        ("browse-dark", {"color_scheme": "dark"}),
    ],
)
def test_browsing(
    signed_in: Callable[..., Page], dingtalk: DingTalk, picture: str, more: dict[str, Any]
) -> None:
    page = signed_in("deleter", **more)
    for name in (FULL, "软件工程 Software"):
        page.locator(f"#d{dingtalk.org[name].dept_id}").focus()
        page.keyboard.press("ArrowRight")
    expect(page.locator(f"#d{dingtalk.org['云平台 Cloud Platform'].dept_id}")).to_be_visible()
    page.locator(f"#d{dingtalk.org[FULL].dept_id}").click()
    expect(page.locator("main h1")).to_have_text(FULL)
    take(page, picture)


def test_searching(signed_in: Callable[..., Page]) -> None:
    page = signed_in("deleter")
    page.locator("#q").press_sequentially("zx", delay=20)
    expect(page.locator(".results .nm").first).to_be_visible()
    take(page, "search")


def test_listing(signed_in: Callable[..., Page]) -> None:
    page = signed_in("deleter")
    page.goto("/list/")
    take(page, "list")


def test_deleting(signed_in: Callable[..., Page], dingtalk: DingTalk) -> None:
    page = signed_in("deleter")
    page.goto(f"/departments/{dingtalk.org[EMPTY].dept_id}/")
    page.locator("section.danger button").click()
    expect(page).to_have_url(re.compile("/deletions/"))
    expect(page.locator("main form.form button.danger")).to_have_count(1)
    take(page, "delete")


def test_narrow(signed_in: Callable[..., Page], dingtalk: DingTalk) -> None:
    page = signed_in("deleter", width=375, height=812, device_scale_factor=2)
    take(page, "narrow")


def take(page: Page, picture: str) -> None:
    page.evaluate("document.activeElement.blur()")
    page.mouse.move(0, 0)
    page.screenshot(path=FOLDER / f"{picture}.png", animations="disabled")
