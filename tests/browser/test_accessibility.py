"""axe finds nothing on any page: light and dark, wide and narrow, in both languages; none scrolls sideways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from tour import Tour
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


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_25_every_page_in_every_state(
    window: Callable[..., Page], dingtalk: DingTalk, settings: Any, watch: Watch, locale: str
) -> None:
    account("administrator")
    page = window(reduced_motion="reduce", locale=locale)
    found = []
    for stop in Tour(page, dingtalk, settings, watch).all():
        for width in (1280, 320):
            page.set_viewport_size({"width": width, "height": 800})
            if sideways(page) > 0:
                found.append(f"{stop} at {width}: scrolls sideways")
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                found += [f"{stop} at {width}, {scheme}: {one}" for one in violations(page)]
        page.set_viewport_size({"width": 1280, "height": 800})
        page.emulate_media(color_scheme="light")
    assert not found, "\n".join(found)


def violations(page: Page) -> list[str]:
    """What axe objects to, each with its rule and the first place."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return page.evaluate(
        "async () => (await axe.run({resultTypes: ['violations']})).violations.map("
        "({id, help, nodes}) => `${id}: ${help}: ${nodes.map(({html}) => html.slice(0, 200)).slice(0, 3)}`)"
    )
