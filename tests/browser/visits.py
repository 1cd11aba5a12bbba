"""What browser tests speak of: DingTalk behind its socket, people with accounts, what a browser says."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.contrib.auth.models import Group, User
from playwright.sync_api import expect

from departments import gateway
from sandbox import Sandbox, serving

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Page

_PASSWORD = "a long password"
_NAMES = {"viewer": "Chen Yu", "editor": "Li Wei", "deleter": "Wang Fang"}


def reconnect() -> None:
    """The product's lines to DingTalk are cut, and made anew by the settings as they are now."""
    gateway.dingtalk().close()
    gateway.reset()


class DingTalk:
    """The sandbox behind its socket."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._open = ExitStack()
        self.url = self._open.enter_context(serving(sandbox))

    @property
    def org(self) -> Any:
        return self.sandbox.org

    def goes_away(self) -> None:
        """Nobody listens any more, and the lines that were open are cut."""
        self._open.close()
        reconnect()

    def comes_back(self) -> None:
        """At the address it had."""
        self._open.enter_context(serving(self.sandbox, port=urlsplit(self.url).port or 0))

    def writes(self) -> list[str]:
        """What the product has written so far; what an administrator did at the console is left out."""
        return [
            change.kind
            for change in self.sandbox.journal
            if change.who == "api" and change.kind.startswith("department.")
        ]


@dataclass
class Watch:
    """What browsers complained about. A test says beforehand which complaint it expects."""

    host: str
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def expect(self, *texts: str | int) -> None:
        """A status code stands for the browser's and htmx's own lines about an answer with it."""
        for text in texts:
            if isinstance(text, int):
                self.expected.append(f"the server responded with a status of {text} ")
                self.expected.append(f"Response Status Error Code {text} ")
            else:
                self.expected.append(text)

    def over(self, context: BrowserContext) -> None:
        context.add_init_script(
            "addEventListener('securitypolicyviolation', event =>"
            " console.error('CSP:', event.violatedDirective, event.blockedURI))"
        )
        context.on("console", self._said)
        context.on("weberror", lambda failure: self.complaints.append(f"uncaught: {failure.error}"))
        context.on("request", lambda request: self._asked(request.url))

    def unexpected(self) -> list[str]:
        return [
            text
            for text in self.complaints
            if not any(expected in text for expected in self.expected)
        ]

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            where = message.location
            self.complaints.append(f"{message.type}: {message.text} ({where.get('url', '')})")

    def _asked(self, url: str) -> None:
        if urlsplit(url).hostname != self.host and not url.startswith(("data:", "about:", "blob:")):
            self.complaints.append(f"asked another host: {url}")


def account(role: str) -> User:
    """An account with this role; its name is the role's."""
    first, _space, last = _NAMES.get(role, "Zhang Min").partition(" ")
    user, made = User.objects.get_or_create(
        username=role, defaults={"first_name": first, "last_name": last}
    )
    if made:
        user.set_password(_PASSWORD)
        user.is_staff = role == "administrator"
        user.save()
        user.groups.add(Group.objects.get(name=role))
    return user


def sign_in(page: Page, role: str) -> None:
    """By the form, as a person does."""
    page.locator("#id_username").fill(role)
    page.locator("#id_password").fill(_PASSWORD)
    page.locator("main form button.primary").click()
    expect(page).to_have_url(re.compile("/departments/"))
    page.wait_for_load_state()


def sideways(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
