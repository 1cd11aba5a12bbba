"""A walk past every page of the product in every state that looks different."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from playwright.sync_api import expect
from visits import sign_in

from departments.models import Job
from departments.services import crawl
from sandbox.faults import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page
    from visits import DingTalk, Watch

FULL = "研发中心 R&D Center"
EMPTY = "旧上海办公室（已迁出）Former Shanghai Office"
LONG = "Joint Office for Supplier Quality New Materials and Localisation"
WATCHED = "Project Lotus 并购项目组"
CONFINED = "薪酬福利 Compensation and Benefits"

SAVE = "main form.form button.primary"
CHECK = "section.danger button"
DELETE = "main form.form button.danger"

FAR = {"tree": [40, 66], "details": [12, None]}
READING: tuple[tuple[str, dict[str, Any]], ...] = (
    ("waiting", {"resumes_at": timezone.now() + timedelta(days=1)}),
    ("running", {"started_at": timezone.now(), "resumes_at": None}),
    ("paused", {}),
    ("asking", {"result": {"missing": 12, "of": 66, "names": [FULL, LONG]}}),
    ("failed", {"result": {"failure": {"family": "Unreachable", "endpoint": "/listsub"}}}),
    (
        "done",
        {"result": {"departments": 66, "changed": 3, "unreadable": 1, "gone": 1, "missing": 1}},
    ),
)


class Tour:
    """`looking` and the others are walks; each stops at every page it names."""

    def __init__(self, page: Page, dingtalk: DingTalk, settings: Any, watch: Watch) -> None:
        self.page = page
        self.dingtalk = dingtalk
        self.settings = settings
        watch.expect(403, 404, 409, 410, 422, 502, 503)

    def signing_in(self) -> Iterator[str]:
        self.page.goto("/departments/")
        yield "sign-in"
        self.page.locator("#id_username").fill("nobody")
        self.page.locator("#id_password").fill("something")
        self.page.locator("main form button.primary").click()
        self.there(".summary")
        yield "sign-in refused"
        sign_in(self.page, "administrator")

    def looking(self) -> Iterator[str]:
        page = self.page
        page.goto("/departments/")
        yield "browse"
        self.open(FULL)
        yield "department"
        self.open(WATCHED)
        yield "hidden department"
        self.open(CONFINED)
        yield "restricted department"
        self.open(LONG)
        yield "long name"
        page.goto("/departments/1/")
        yield "root"
        self.open(FULL, "children/")
        yield "children"
        self.open(LONG, "children/")
        yield "no children"
        page.goto("/search/?q=quality")
        yield "search"
        page.goto("/search/?q=nowhere")
        yield "nothing found"
        page.goto("/search/?q=zl")
        yield "search by initials"
        page.goto("/search/?q=424242")
        yield "search by an unknown ID"
        page.goto("/list/")
        yield "list"
        page.goto("/list/?only=hidden")
        yield "filtered list"
        page.goto("/list/?only=hidden&only=empty&q=nowhere")
        yield "empty list"

    def the_person(self) -> Iterator[str]:
        page = self.page
        page.goto("/account/")
        yield "preferences"
        page.locator("#id_time_zone").evaluate(
            "one => one.add(new Option('Atlantis', 'Asia/Atlantis'))"
        )
        page.locator("#id_time_zone").select_option("Asia/Atlantis")
        page.locator(SAVE).click()
        self.there("main .summary")
        yield "preferences with an error"
        page.goto("/account/")
        page.locator(SAVE).click()
        self.there("main .notice.ok")
        yield "preferences saved"
        page.goto("/help/keyboard/")
        yield "keyboard"
        page.goto("/departments/")
        page.locator(".who summary").click()
        self.there(".who .menu a")
        yield "open menu"
        page.locator(".who a[data-dialog]").click()
        self.there("dialog[open]")
        yield "dialog"

    def forms(self) -> Iterator[str]:
        page = self.page
        self.open(FULL, "new/")
        yield "create"
        self.open(WATCHED, "edit/")
        yield "edit"
        page.locator("#id_name").fill("A-B")
        page.locator("#id_order").fill("first")
        page.locator("#id_dept_permits").fill("Nowhere")
        page.locator(SAVE).click()
        self.there("main .summary")
        yield "edit with errors"
        self.open("税务 Tax", "edit/")
        self.dingtalk.org.edit_department("税务 Tax", code="TAX")
        page.locator("#id_code").fill("STEUER")
        page.locator(SAVE).click()
        self.there("main .notice.warn")
        yield "conflict"
        self.open("品牌 Brand", "edit/")
        page.locator("#id_name").fill("采购 Procurement")
        page.locator("#id_code").fill("B")
        page.locator(SAVE).click()
        self.there("main .notice.ok")
        yield "saved"
        self.open("数字营销 Digital", "edit/")
        page.locator("#id_name").fill("采购 Procurement")
        page.locator(SAVE).click()
        self.there("main .summary")
        yield "refused"
        self.dingtalk.sandbox.faults.add(Rule("drop:after", path="department/update"))
        self.open("招聘 Talent Acquisition", "edit/")
        page.locator("#id_code").fill("TA")
        page.locator(SAVE).click()
        self.there("main .outcome.unknown")
        yield "unknown"
        self.dingtalk.sandbox.faults.clear()

    def deleting(self) -> Iterator[str]:
        page = self.page
        self.open(EMPTY, "delete/")
        yield "delete"
        self.check(FULL)
        yield "plan blocked"
        points = self.dingtalk.sandbox.switches.granted_points
        points.remove("qyapi_get_member")
        self.check(EMPTY)
        yield "plan unchecked"
        points.add("qyapi_get_member")
        self.settings.DELETE_TYPE_FROM = 3
        self.check(EMPTY)
        yield "plan allowed"
        page.locator("#id_typed").fill("something else")
        page.locator(DELETE).click()
        self.there("main .summary")
        yield "plan not confirmed"
        self.dingtalk.org.create_department("Night Desk", parent="前台 Reception")
        self.confirm()
        self.there("main ins.now")
        yield "plan changed"
        self.check(EMPTY)
        self.confirm()
        self.there("main .outcome.done")
        yield "result"

    def looking_back(self) -> Iterator[str]:
        page = self.page
        page.goto("/history/")
        yield "history"
        page.locator("main tbody a").last.click()
        self.there("main dl.facts")
        yield "entry"
        self.open("注塑 Moulding", "history/")
        yield "empty history"

    def problems(self) -> Iterator[str]:
        page = self.page
        page.goto("/departments/77/")
        yield "unknown department"
        page.goto("/nowhere/")
        yield "404"
        tax = self.dingtalk.org["税务 Tax"].dept_id
        for member in self.dingtalk.org.member_ids(tax):
            self.dingtalk.org.remove_member(tax, member)
        self.dingtalk.org.delete_department(tax)
        page.goto(f"/departments/{tax}/?live=1")
        yield "410"
        page.goto("/departments/1/edit/")
        yield "root cannot be edited"
        self.settings.DINGTALK_ROOT_ID = self.dingtalk.org[FULL].dept_id
        self.open(CONFINED, "edit/")
        yield "403"
        self.settings.DINGTALK_ROOT_ID = 1

    def working(self) -> Iterator[str]:
        """A reading in each of its states. Nobody works on it: there are no workers in a test."""
        page = self.page
        Job.objects.all().delete()
        page.goto("/jobs/")
        yield "no jobs"
        job = crawl.start(below=1, by=None)
        for state, more in READING:
            ended = timezone.now() if state in ("done", "failed", "stopped") else None
            Job.objects.update(state=state, ended_at=ended, progress=FAR, **more)
            page.goto(f"/jobs/{job.pk}/")
            yield f"{state} job"
            if state == "running":
                page.goto("/departments/")
                yield "browse during a reading"
                page.goto("/jobs/")
                yield "jobs"

    def setting_up(self) -> Iterator[str]:
        page = self.page
        page.goto("/setup/")
        yield "set-up"
        self.dingtalk.sandbox.switches.granted_points.remove("qyapi_get_member")
        page.goto("/setup/")
        yield "set-up with a problem"
        self.settings.DINGTALK_CLIENT_SECRET = ""
        page.goto("/")
        yield "set-up missing"

    def all(self) -> Iterator[str]:
        for walk in (
            self.signing_in,
            self.looking,
            self.the_person,
            self.forms,
            self.deleting,
            self.looking_back,
            self.problems,
            self.working,
            self.setting_up,
        ):
            yield from walk()

    def open(self, name: str, part: str = "") -> None:
        self.page.goto(f"/departments/{self.dingtalk.org[name].dept_id}/{part}")

    def check(self, name: str) -> None:
        self.open(name)
        self.page.locator(CHECK).click()
        expect(self.page).to_have_url(re.compile("/deletions/"))

    def confirm(self) -> None:
        self.page.locator("#id_chats_seen").check()
        self.page.locator("#id_typed").fill(EMPTY)
        self.page.locator(DELETE).click()

    def there(self, selector: str) -> None:
        self.page.wait_for_load_state()
        expect(self.page.locator(selector).first).to_be_visible()
