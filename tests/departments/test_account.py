"""A person's language, looks, keys and time zone: on the account, and so on every machine."""

from __future__ import annotations

import pseudo
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from departments.models import Preferences
from departments.services import crawl

AS_IT_IS = {"language": "", "theme": "", "density": "", "time_zone": "", "shortcuts": "on"}
CHINESE = {"Accept-Language": "zh-CN"}


def speak(person, language, **more):
    return person.client.post("/i18n/setlang/", {"language": language, **more})


def html_of(page):
    return page.html[page.html.index("<html") : page.html.index("<head>")]


# ── Preferences ──────────────────────────────────────────────────────────────────────────────────────────


def test_who_never_chose_has_what_everybody_has(viewer):
    page = viewer.get("/account/")

    assert page.status == 200
    assert page.response.context["form"]["shortcuts"].value() is True
    assert "data-theme" not in html_of(page)
    assert "data-density" not in html_of(page)
    assert "data-shortcuts" not in html_of(page)
    assert not Preferences.objects.exists()


def test_what_was_chosen_stands_in_the_page_before_any_script_runs(viewer):
    chosen = AS_IT_IS | {"theme": "dark", "density": "comfortable", "shortcuts": ""}
    page = viewer.post("/account/", chosen)

    assert page.url == "/account/"
    assert "Your preferences are saved." in page.text
    assert 'data-theme="dark" data-density="comfortable" data-shortcuts="off"' in html_of(page)
    assert 'data-theme="dark"' in html_of(viewer.get("/departments/"))
    assert page.response.context["form"]["theme"].value() == "dark"


def test_they_belong_to_the_account_and_not_to_the_machine(viewer, editor):
    viewer.post("/account/", AS_IT_IS | {"theme": "dark"})
    elsewhere = Client()
    elsewhere.force_login(viewer.user)

    assert b'data-theme="dark"' in elsewhere.get("/departments/").content
    assert "data-theme" not in html_of(editor.get("/departments/"))


def test_a_second_choice_replaces_the_first(viewer):
    viewer.post("/account/", AS_IT_IS | {"theme": "dark", "density": "comfortable"})
    viewer.post("/account/", AS_IT_IS | {"theme": "light"})

    kept = Preferences.objects.get()
    assert (kept.user, kept.theme, kept.density) == (viewer.user, "light", "")


def test_what_is_no_choice_is_refused_and_changes_nothing(viewer):
    page = viewer.post("/account/", AS_IT_IS | {"theme": "pink", "time_zone": "Asia/Atlantis"})

    assert page.status == 422
    assert "There is a problem" in page.text
    assert "Colours: Select a valid choice. pink is not one of the available choices." in page.text
    assert "<title>Error: Preferences" in page.html
    assert not Preferences.objects.exists()


def test_the_page_is_for_everyone_who_is_signed_in(db, line):
    client = Client()
    client.force_login(User.objects.create_user("nobody"))

    assert client.get("/account/").status_code == 200
    assert client.get("/help/keyboard/").status_code == 200
    assert Client().get("/account/").status_code == 302


# ── Language ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_language_in_the_header_is_kept_on_the_account(viewer):
    response = speak(viewer, "zh-hans")

    assert response.cookies["django_language"].value == "zh-hans"
    assert Preferences.objects.get().language == "zh-hans"
    assert 'lang="zh-Hans"' in html_of(viewer.get("/departments/"))


def test_switching_leads_back_to_the_page_one_was_on(viewer, org):
    here = f"/departments/{org['Sales'].dept_id}/"
    response = viewer.client.post(
        "/i18n/setlang/", {"language": "zh-hans"}, headers={"Referer": f"http://testserver{here}"}
    )

    assert response.url.endswith(here)


def test_a_persons_language_goes_before_cookie_and_browser(viewer):
    viewer.client.cookies["django_language"] = "zh-hans"
    assert 'lang="zh-Hans"' in html_of(viewer.get("/account/"))

    speak(viewer, "en")
    viewer.client.cookies["django_language"] = "zh-hans"
    page = viewer.get("/account/", **CHINESE)

    assert '<html lang="en"' in html_of(page)
    assert page.response.headers["Content-Language"] == "en"


def test_who_is_not_signed_in_goes_by_the_cookie_and_then_the_browser(db, line):
    visitor = Client()
    assert b'lang="zh-Hans"' in visitor.get("/accounts/login/", headers=CHINESE).content

    visitor.post("/i18n/setlang/", {"language": "en"})
    assert b'<html lang="en"' in visitor.get("/accounts/login/", headers=CHINESE).content
    assert not Preferences.objects.exists()


def test_a_language_we_do_not_speak_is_not_kept(viewer):
    assert speak(viewer, "tlh").status_code == 302
    assert not Preferences.objects.exists()

    Preferences.objects.create(user=viewer.user, language="tlh")
    assert '<html lang="en"' in html_of(viewer.get("/account/"))


def test_one_address_is_read_by_each_in_their_own_language(viewer, editor, org):
    speak(viewer, "zh-hans")
    here = f"/departments/{org['Sales'].dept_id}/history/"

    assert "历史记录" in viewer.get(here).text
    assert "History" in editor.get(here).text


def test_one_persons_language_does_not_stay_for_the_next(viewer, editor):
    speak(viewer, "zh-hans")
    viewer.get("/departments/")

    assert '<html lang="en"' in html_of(editor.get("/departments/"))


def test_the_form_tells_the_cookie_too_and_answers_in_the_new_language(viewer):
    viewer.post("/account/", AS_IT_IS | {"language": "zh-hans"})
    assert viewer.client.cookies["django_language"].value == "zh-hans"

    page = viewer.post("/account/", AS_IT_IS)
    assert viewer.client.cookies["django_language"].value == ""
    assert '<html lang="en"' in html_of(page)


def test_the_header_changes_nothing_but_the_language(viewer):
    viewer.post("/account/", AS_IT_IS | {"theme": "dark", "shortcuts": ""})
    speak(viewer, "zh-hans")

    kept = Preferences.objects.get()
    assert (kept.language, kept.theme, kept.shortcuts) == ("zh-hans", "dark", False)


def test_a_refusal_is_in_the_persons_language_too(viewer):
    speak(viewer, "zh-hans")
    viewer.client.cookies["django_language"] = "en"

    assert 'lang="zh-Hans"' in html_of(viewer.get("/nowhere/"))
    assert 'lang="zh-Hans"' in html_of(viewer.get("/departments/4711/"))


def test_85_files_for_a_spreadsheet_are_in_ones_own_language(viewer, monkeypatch):
    pseudo.speak(monkeypatch)
    for address in ("/history/export/", "/list/export/"):
        file = b"".join(viewer.client.get(address).streaming_content).decode("utf-8-sig")
        assert all(heading.startswith("⟦") for heading in file.splitlines()[0].split(",")), address


# ── Names in the other script ────────────────────────────────────────────────────────────────────────────


def test_a_chinese_name_is_read_by_a_chinese_voice(viewer, org):
    beijing = org.create_department("北京", parent="Sales").dept_id
    here = f"/departments/{beijing}/"

    assert '<h1 tabindex="-1" lang="zh-Hans">北京</h1>' in viewer.get(here).html
    assert (
        '<h1 tabindex="-1">Sales</h1>' in viewer.get(f"/departments/{org['Sales'].dept_id}/").html
    )
    speak(viewer, "zh-hans")
    assert '<h1 tabindex="-1">北京</h1>' in viewer.get(here).html


# ── Time zone ────────────────────────────────────────────────────────────────────────────────────────────


def test_times_are_those_of_the_persons_own_zone(viewer, editor, deleter, org):
    with time_machine.travel("2026-11-22T06:05:00Z", tick=True):
        editor.save(org["Legal"].dept_id, name="Law")
    page = viewer.get("/history/")
    assert "22 Nov 2026, 14:05" in page.text
    assert "Asia/Shanghai" in page.text

    viewer.post("/account/", AS_IT_IS | {"time_zone": "Europe/Berlin"})
    page = viewer.get("/history/")
    assert "22 Nov 2026, 07:05" in page.text
    assert "Times are those of Europe/Berlin." in page.text
    assert "22 Nov 2026, 14:05" in deleter.get("/history/").text


def test_dates_on_a_chinese_page_are_written_as_in_china(viewer, editor, org):
    with time_machine.travel("2026-11-22T06:05:00Z", tick=True):
        editor.save(org["Legal"].dept_id, name="Law")
    speak(viewer, "zh-hans")

    assert "2026年11月22日 14:05" in viewer.get("/history/").text


def test_a_zone_that_is_no_longer_known_is_the_installations(viewer, editor, org):
    editor.save(org["Legal"].dept_id, name="Law")
    Preferences.objects.create(user=viewer.user, time_zone="Asia/Atlantis")

    assert "Times are those of Asia/Shanghai." in viewer.get("/history/").text


# ── Keys, jobs, the way out ──────────────────────────────────────────────────────────────────────────────


def test_the_keys_are_a_page_and_a_part_for_a_dialog(viewer, editor):
    page = viewer.get("/help/keyboard/")
    assert "<h1" in page.html
    assert "to the search box" in page.text
    assert "edit the department" not in page.text
    assert "edit the department" in editor.get("/help/keyboard/").text

    part = viewer.get("/help/keyboard/?part=dialog", htmx="dialog")
    assert part.html.strip().startswith('<h2 id="keys-h">')
    assert "<html" not in part.html


def test_keys_that_are_turned_off_are_not_listed(viewer):
    viewer.post("/account/", AS_IT_IS | {"shortcuts": ""})
    page = viewer.get("/help/keyboard/")

    assert "<kbd>?</kbd>" not in page.html
    assert "turned off in your preferences" in page.text


def test_open_jobs_are_counted_for_who_may_see_them(viewer, people, line):
    crawl.start(below=1, by=None)
    client = Client()
    client.force_login(User.objects.create_user("nobody"))

    assert viewer.get("/departments/").response.context["jobs"] == 1
    assert client.get("/account/").context["jobs"] == 0


def test_signing_out_forgets_which_branches_were_open(viewer):
    viewer.client.cookies["tree"] = "1.2f"
    response = viewer.client.post("/accounts/logout/")

    assert response.url == "/accounts/login/"
    assert (response.cookies["tree"].value, response.cookies["tree"]["path"]) == ("", "/")
    assert viewer.client.get("/departments/").status_code == 302
