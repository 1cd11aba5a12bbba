"""Each person reads the product in their own language, all of it, and hears it in the right voice."""

from __future__ import annotations

import re
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import pseudo
import pytest
from playwright.sync_api import expect
from tour import FULL, Tour
from visits import account

from departments.forms import PreferencesForm
from departments.models import Preferences
from sandbox import Organisation, company

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page
    from visits import DingTalk, Watch

pytestmark = pytest.mark.usefixtures("everything_read")

CHINESE = 'button[lang="zh-Hans"]'


@pytest.fixture
def org() -> Organisation:
    return company()


def test_27_pages_say_their_language_and_names_of_another_say_theirs(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("viewer")
    page.goto(f"/departments/{dingtalk.org[FULL].dept_id}/")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("main h1")).to_have_attribute("lang", "zh-Hans")
    page.locator(CHINESE).click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page.locator("main h1")).not_to_have_attribute("lang", re.compile(""))
    expect(page.get_by_role("button", name="English")).to_have_attribute("lang", "en")


def test_85_switching_stays_on_the_page_one_walked_to(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    page = signed_in("viewer")
    page.locator(f"#d{dingtalk.org[FULL].dept_id}").click()
    expect(page.locator("main h1")).to_have_text(FULL)
    here = page.url
    page.locator(CHINESE).click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page).to_have_url(here)
    expect(page.locator("main h1")).to_have_text(FULL)


@pytest.mark.parametrize("javascript", [True, False])
def test_85_the_language_goes_with_the_account(
    signed_in: Callable[..., Page], javascript: bool
) -> None:
    at_work = signed_in("viewer", javascript=javascript)
    at_work.locator(CHINESE).click()
    expect(at_work.locator("html")).to_have_attribute("lang", "zh-Hans")

    at_home = signed_in("viewer", javascript=javascript)
    expect(at_home.locator("html")).to_have_attribute("lang", "zh-Hans")
    sent_by_a_colleague = signed_in("editor", javascript=javascript)
    sent_by_a_colleague.goto("/history/")
    at_home.goto(sent_by_a_colleague.url)
    expect(sent_by_a_colleague.locator("html")).to_have_attribute("lang", "en")
    expect(at_home.locator("html")).to_have_attribute("lang", "zh-Hans")


def test_85_no_sentence_on_any_page_escapes_translation(
    window: Callable[..., Page],
    dingtalk: DingTalk,
    settings: Any,
    watch: Watch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pseudo.speak(monkeypatch)
    account("administrator")
    page = window()
    found = []
    known = {dingtalk.url, settings.DINGTALK_CLIENT_ID}
    for stop in Tour(page, dingtalk, settings, watch).all():
        known |= {*data_of(dingtalk.org)}  # what is gone or has another name by now is still told
        found += [f"{stop}: {one}" for one in pseudo.left_over(page.content(), known)]
    assert not found, "\n".join(found)


#: DingTalk's own words, alike in every language, and each language's name in its own; what the tour types.
TERMS = (
    "English",
    "简体中文",
    "Client ID",
    "Corp ID",
    "DINGTALK_CLIENT_SECRET",
    "DINGTALK_CLIENT_ID",
)
TYPED = (
    "nobody",
    "something else",
    "A-B",
    "first",
    "Nowhere",
    "STEUER",
    "Night Desk",
    "quality",
    "nowhere",
)


def data_of(org: Any) -> Iterator[str]:
    """Everything that is shown and is not ours to translate."""
    yield from (*TERMS, *TYPED, "Zhang Min", "administrator")
    yield from (zone for zone, _label in PreferencesForm.base_fields["time_zone"].choices)
    members = [org.member(userid) for each in org for userid in org.member_ids(each.dept_id)]
    for record in [*org, *members]:
        yield from (value for value in astuple(record) if isinstance(value, str))


def test_86_chinese_pages_are_set_as_chinese(
    signed_in: Callable[..., Page], dingtalk: DingTalk
) -> None:
    Preferences.objects.create(user=account("editor"), language="zh-hans")
    page = signed_in("editor")
    sales = dingtalk.org[FULL].dept_id
    for address in (f"/departments/{sales}/", f"/departments/{sales}/edit/", "/account/"):
        page.goto(address)
        assert page.evaluate(SLANTED) == []
        assert page.evaluate(TIGHT) == []
    family = page.evaluate("getComputedStyle(document.body).fontFamily")
    assert family.startswith("system-ui")  # its digits, not those of a Chinese font
    assert family.index("PingFang SC") > family.index("Roboto")

    page.goto(f"/departments/{sales}/edit/")
    page.locator("#id_code").fill("YF")
    page.locator("main form.form button.primary").click()
    expect(page.locator("main .notice.ok")).to_be_visible()
    page.goto("/history/")
    expect(page.locator("main tbody td").first).to_have_text(
        re.compile(r"^\d{4}年\d{1,2}月\d{1,2}日 \d\d:\d\d$")
    )


_WITH_TEXT = """[...document.querySelectorAll('body *')].filter(one =>
    one.getClientRects().length && !one.closest('svg, code, kbd, .counts strong')
    && [...one.childNodes].some(({ nodeType, data }) => nodeType === 3 && data.trim()))"""
SLANTED = f"""{_WITH_TEXT}.filter(one => getComputedStyle(one).fontStyle !== 'normal')
    .map(one => one.outerHTML.slice(0, 120))"""
TIGHT = f"""{_WITH_TEXT}.filter(one => !one.matches('option, [lang=en]')).filter(one => {{
    const {{ lineHeight, fontSize }} = getComputedStyle(one);
    return parseFloat(lineHeight) / parseFloat(fontSize) < 1.595;
}}).map(one => `${{getComputedStyle(one).lineHeight}} ${{one.outerHTML.slice(0, 120)}}`)"""
