"""Finding a department: by what it is called or how that sounds, best first, and told apart."""

from urllib.parse import urlencode

import pytest
import reading
from django.utils import timezone
from looking import reads

from departments.errors import NotPermitted
from departments.models import Department
from departments.services import search, sync


def remember(*departments, **fields):
    """Rows of (id, parent, name), and pinyin keys if they matter, as if somebody had read them."""
    now = timezone.now()
    known = {"seen_at": now, "details_seen_at": now, "children_seen_at": now} | fields
    return Department.objects.bulk_create(
        Department(dept_id=n, parent_id=above, name=name, keys=keys[0] if keys else "", **known)
        for n, above, name, *keys in departments
    )


@pytest.fixture
def read(line, db):
    """Memory holds the whole company."""
    reading.read(below=1)


@pytest.fixture
def labs(line, db):
    remember(
        (1, None, "Acme"),
        (2, 1, "研发中心", "yanfazhongxin yfzx"),
        (3, 1, "Sales"),
        (4, 3, "华东研发部", "huadongyanfabu hdyfb"),
        (5, 3, "Yunfu Office"),
    )
    Department.objects.filter(pk=2).update(code="RD-1", source_identifier="hr:4711")


def ids(person, text, page=1):
    return [int(hit.id) for hit in search.search(text=text, by=person.user, page=page).hits]


def marked(parts):
    return "".join(f"[{part.text}]" if part.marked else part.text for part in parts)


def look(person, text, **query):
    return person.get("/search/?" + urlencode({"q": text, **query}), htmx="found")


# ── What is found ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("ningbo", "Ningbo"),
        ("NING", "Ningbo"),
        ("  Ningbo ", "Ningbo"),
        ("l-1", "Legal"),
        ("hr:", "Legal"),
    ],
)
def test_a_department_is_found_by_name_code_or_identifier(org, viewer, line, words, found):
    org.edit_department("Legal", code="L-1", source_identifier="hr:1")
    reading.read(below=1)

    page = look(viewer, words)

    assert page.status == 200
    assert "1 result" in page.text
    assert found in page.text
    assert page.response["HX-Replace-Url"].startswith("/search/?q=")


@pytest.mark.parametrize(
    "words", ["yf", "YF", "yanfa", "yan fa", "研发", "研", "发中", "中心", "rd-1", "hr:4711", "2"]
)
def test_39_one_department_is_found_in_every_way(labs, viewer, words):
    assert 2 in ids(viewer, words)


def test_a_word_may_begin_inside_a_syllable(labs, viewer):
    found = search.search(text="anfa", by=viewer.user).hits

    assert {hit.id for hit in found} == {"2", "4"}
    assert marked(found[0].name) == "华东研发部", "nothing to mark: it is not how anybody speaks"


def test_every_word_must_be_found_somewhere(labs, viewer):
    assert ids(viewer, "华东 研发") == ids(viewer, "yf huadong") == [4]
    assert ids(viewer, "华东 Sales") == []
    assert ids(viewer, "rd-1 中心") == [2]


def test_case_means_nothing_in_any_alphabet(line, viewer):
    remember((1, None, "Équipe"), (2, 1, "ОТДЕЛ продаж"), (3, 1, "Büro"))

    assert ids(viewer, "équipe") == ids(viewer, "ÉQUIPE") == [1]
    assert ids(viewer, "отдел") == [2]
    assert ids(viewer, "BÜRO") == [3]


def test_composed_and_decomposed_are_the_same(line, viewer):
    remember((1, None, "Büro"))

    assert ids(viewer, "Bu\u0308ro") == [1]


def test_short_chinese_words_find_all_they_should(line, viewer):
    names = ["研发", "发展", "展览", "览胜", "研究发展", "行政", "政企", "企划", "划拨"]
    remember(*((n, None, name) for n, name in enumerate(names, start=1)))
    words = {name[at : at + size] for name in names for at in range(len(name)) for size in (1, 2)}

    for word in words:
        should = {n for n, name in enumerate(names, start=1) if word in name}
        assert set(ids(viewer, word)) == should, word


def test_a_department_is_found_by_its_id_with_its_path(org, viewer, read):
    page = viewer.get(f"/search/?q={org['Vault'].dept_id}")

    assert "Vault Acme › Empty › Cellar" in page.text


def test_nothing_found_is_said(viewer, read):
    assert "No department matches “nowhere”." in look(viewer, "nowhere").text


@pytest.mark.parametrize("words", ["", "   "])
def test_an_empty_search_finds_nothing_and_keeps_the_address(viewer, read, words):
    page = look(viewer, words)

    assert page.status == 200
    assert page.html.strip() == ""
    assert "HX-Replace-Url" not in page.response
    assert viewer.get("/search/").status == 200


def test_strange_words_find_nothing_and_do_no_harm(viewer, read):
    for words in ("%", "_", "\\", "'", '"', "<b>", "a\0b", "𠮷", "9" * 300, "%' OR 1=1", "q " * 90):
        page = viewer.get("/search/?" + urlencode({"q": words}))

        assert page.status == 200
        assert "0 results" not in page.text
        assert "No department matches" in page.text
        assert "<b>" not in page.html


def test_what_is_gone_is_not_found(org, viewer, read):
    sync.forget([org["Legal"].dept_id])

    assert ids(viewer, "Legal") == []


# ── In which order ───────────────────────────────────────────────────────────────────────────────────────


def test_the_best_match_comes_first(line, viewer):
    remember((1, None, "Acme"), (5, 1, "The Sales"), (6, 1, "Sales West"), (7, 1, "Sales"))

    assert ids(viewer, "sales") == [7, 6, 5]


def test_names_come_before_initials_before_pinyin_before_codes(line, viewer):
    remember(
        (1, None, "Legal"),
        (2, 1, "财务研发", "caiwuyanfa cwyf"),  # inside
        (3, 1, "研发中心", "yanfazhongxin yfzx"),  # the initials begin so
        (4, 1, "研发", "yanfa yf"),  # the initials are it
        (5, 1, "The YF Fund"),
        (6, 1, "YF West"),
        (7, 1, "yf"),
        (8, 1, "衣服", "yifu yf"),
    )
    Department.objects.filter(pk=1).update(code="YF-9")

    assert ids(viewer, "yf") == [7, 6, 4, 8, 3, 5, 2, 1]


# ── How it is shown ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "name", "shown"),
    [
        ("sal", "Sales", "[Sal]es"),
        ("S", "Sales", "[S]ale[s]"),
        ("研发", "研发中心", "[研发]中心"),
        ("yf", "研发中心", "[研发]中心"),
        ("yfzx", "研发中心", "[研发中心]"),
        ("yanfa", "华东研发部", "华东[研发]部"),
        ("yanf", "华东研发部", "华东[研发]部"),
        ("east 研发", "East 研发部", "[East] [研发]部"),
        ("itbm", "IT部门", "[IT部门]"),
        ("zx", "研发 中心", "研发 [中心]"),
        ("fazhong", "研发 中心", "研[发 中]心"),
        ("cqfgs", "重庆分公司", "[重庆分公司]"),
        ("xyz", "研发中心", "研发中心"),
        ("yanfazhongxinbu", "研发中心", "研发中心"),
        ("yf", "研" * 70 + "研发", "研" * 70 + "研发"),
    ],
)
def test_what_matched_is_marked(line, viewer, words, name, shown):
    remember((1, None, name, f"{words.replace(' ', '')} {words.replace(' ', '')}"))
    Department.objects.filter(pk=1).update(code=words.split()[-1])

    (hit,) = search.search(text=words.split()[-1], by=viewer.user).hits or (None,)
    parts = search._marked(
        name, [at for word in words.split() for at in search._found_in(name, word)]
    )

    assert hit is not None
    assert marked(parts) == shown


def test_the_code_that_matched_is_shown(labs, viewer):
    page = look(viewer, "rd")

    assert "研发中心 Acme" in page.text
    assert "Code RD -1" in page.text
    assert "<mark>RD</mark>-1" in page.html
    assert "Source identifier hr -1" not in look(viewer, "rd").text
    assert "Source identifier hr:4711" in look(viewer, "hr:4711").text
    assert "ID 2" in look(viewer, "2").text


def test_a_long_path_is_shortened_in_the_middle_and_told_in_full(line, viewer):
    levels = ["Acme", "Sales", "China", "East", "Ningbo"]
    remember(*((n, n - 1 or None, name) for n, name in enumerate(levels, start=1)), (9, 5, "Shop"))

    page = look(viewer, "shop")

    assert "Acme › … › East › Ningbo" in page.text
    assert 'title="Acme › Sales › China › East › Ningbo"' in page.html
    assert '<span class="sr">Acme › Sales › China › East › Ningbo</span>' in page.html


def test_41_namesakes_are_told_apart_by_their_parents_in_bold(line, viewer):
    remember((1, None, "Acme"), (2, 1, "East"), (3, 1, "West"), (4, 2, "Shop"), (5, 3, "Shop"))
    remember((6, 3, "Shopping"))

    page = look(viewer, "shop")

    assert "<strong>East</strong>" in page.html
    assert page.html.count("<strong>West</strong>") == 1


def test_marks_say_what_is_special_and_the_tree_is_one_step_away(labs, viewer):
    Department.objects.filter(pk=2).update(has_chat=True, hidden=True)

    page = look(viewer, "中心")

    assert "hidden from Contacts" in page.text
    assert "has Department Chat" in page.text
    assert 'href="/departments/2/?view=tree#d2"' in page.html


def test_names_are_text_wherever_they_are_cut(line, viewer):
    remember((1, None, "<i>Acme</i>"), (2, 1, "<b>bold</b>"))

    page = look(viewer, "bold")

    assert "&lt;b&gt;<mark>bold</mark>&lt;/b&gt;" in page.html
    assert "<b>" not in page.html
    assert "<i>" not in page.html


# ── Many ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def crowd(line, db):
    remember((1, None, "Acme"), *((n, 1, f"D{n}") for n in range(1000, 1120)))


def test_many_results_come_in_pages(crowd, viewer):
    first, last = look(viewer, "d1"), look(viewer, "d1", page=3)

    assert "120 results · Page 1 of 3" in first.text
    assert "Previous" not in first.text
    assert "data-focus" not in first.html
    assert 'hx-get="/search/?q=d1&amp;page=2"' in first.html
    assert "Next" not in last.text
    assert "data-focus" in last.html
    assert last.response["HX-Replace-Url"] == "/search/?q=d1&page=3"
    assert ids(viewer, "d1") + ids(viewer, "d1", 2) + ids(viewer, "d1", 3) == [*range(1000, 1120)]


@pytest.mark.parametrize("number", ["0", "-1", "x", "9" * 9, "٣", "7"])
def test_a_page_there_is_not_is_the_first(crowd, viewer, number):
    assert "120 results · Page 1 of 3" in look(viewer, "d1", page=number).text


def found_from(person, address, **query):
    """What htmx is given while the browser shows that address."""
    url = "/search/?" + urlencode(query)
    return person.get(url, htmx="found", HX_Current_URL=f"http://testserver{address}")


def test_42_the_address_comes_back_with_the_tree(crowd, viewer):
    typed = found_from(viewer, "/departments/1000/?open=1", q="d1")
    before = typed.field("before")
    again = found_from(viewer, "/search/?q=d1", q="d1", page=2, before=before)
    cleared = found_from(viewer, "/search/?q=d1&page=2", q="", before=again.field("before"))

    assert typed.response["HX-Replace-Url"] == "/search/?q=d1"
    assert again.response["HX-Replace-Url"] == "/search/?q=d1&page=2"
    assert cleared.response["HX-Replace-Url"] == "/departments/1000/?open=1"
    assert cleared.html == ""


@pytest.mark.parametrize("before", ["", "https://example.com/", "//example.com/", "javascript:x"])
def test_only_an_address_of_ours_comes_back(crowd, viewer, before):
    cleared = found_from(viewer, "/search/?q=d1", q="", before=before)

    assert cleared.response["HX-Replace-Url"] == "/search/"


def test_too_many_results_ask_for_more_letters(line, viewer):
    remember(*((n, None, f"D{n}") for n in range(1000, 1600)))

    page = look(viewer, "d1", page=10)

    assert "More than 500 results. Type more letters. · Page 10 of 10" in page.text
    assert "Next" not in page.text
    assert ids(viewer, "d1", 10) == ids(viewer, "d1", 99)


def test_a_search_costs_the_same_at_any_size(crowd, viewer, django_assert_num_queries):
    ids(viewer, "d1000")  # warm: permissions

    for words in ("d1000", "d1"):
        # The page, its paths, and for a few results whether memory is complete.
        with django_assert_num_queries(3 if words == "d1000" else 2):
            search.search(text=words, by=viewer.user)


# ── What memory does not have ────────────────────────────────────────────────────────────────────────────


def test_an_id_that_is_not_known_can_be_looked_up(labs, viewer):
    page = look(viewer, "0812345")

    assert "No department with the ID 812345 has been read yet." in page.text
    assert 'href="/departments/812345/"' in page.html
    assert "Look it up in DingTalk" in page.text


@pytest.mark.parametrize("words", ["2", "0", "2 3", "x", "٣٤", "9" * 19])
def test_only_an_id_that_could_be_one_can_be_looked_up(labs, viewer, words):
    assert "Look it up" not in look(viewer, words).text


def test_a_complete_memory_asks_dingtalk_nothing(org, sandbox, viewer, read):
    sandbox.calls.clear()

    page = look(viewer, "sales")

    assert sandbox.calls == []
    assert "not complete" not in page.text


def test_an_incomplete_memory_asks_afterwards(org, sandbox, viewer):
    viewer.get("/departments/")  # reads the first levels
    sandbox.calls.clear()

    page = look(viewer, "st")

    assert sandbox.calls == []
    assert "Our copy is not complete yet." in page.text
    assert 'hx-get="/search/?part=dingtalk&amp;q=st" hx-trigger="load"' in page.html


def test_more_than_a_page_is_enough_and_dingtalk_not_asked(crowd, viewer):
    Department.objects.filter(pk=1).update(children_seen_at=None)

    assert "not complete" not in look(viewer, "d1").text
    assert "not complete" in look(viewer, "d111").text


def test_an_empty_memory_is_not_complete(viewer):
    assert "Our copy is not complete yet." in look(viewer, "sales").text


def more_of(person, text):
    return person.get("/search/?" + urlencode({"q": text, "part": "dingtalk"}), htmx="")


def test_dingtalks_own_search_adds_what_memory_does_not_have(org, sandbox, viewer):
    viewer.get("/departments/")
    east = org["East"].dept_id
    sandbox.calls.clear()

    page = more_of(viewer, "east")

    assert [call.path for call in sandbox.calls if "search" in call.path]
    assert "DingTalk’s own search also found:" in page.text
    assert f"Department {east}" in page.text
    assert f'href="/departments/{east}/"' in page.html
    assert "East" in viewer.get(f"/departments/{east}/").text


def test_what_memory_found_is_not_said_twice(org, viewer):
    viewer.get("/departments/")

    assert "found no more" in more_of(viewer, "sales").text


def test_what_memory_has_under_another_name_is_shown_by_that(org, viewer):
    viewer.get("/departments/")
    org.edit_department("Sales", name="Commerce")

    page = more_of(viewer, "commerce")

    assert "Sales" in page.text
    assert "Acme" in page.text


def test_more_than_a_page_of_dingtalks_is_said(line, viewer):
    line.answer("departments/search", hasMore=True, totalCount=90, list=[17, 17, -3])

    page = more_of(viewer, "anything")

    assert "DingTalk knows more. Type more letters." in page.text
    assert page.html.count("/departments/17/") == 2, "once as a link, once for htmx"


def test_a_dingtalk_that_does_not_search_is_one_quiet_sentence(line, viewer):
    line.swallow("departments/search")

    page = more_of(viewer, "sales")

    assert page.status == 200
    assert page.text == "Our copy is not complete yet, and DingTalk’s own search is not available."


def test_dingtalk_is_not_asked_for_nothing(sandbox, viewer):
    assert "found no more" in more_of(viewer, " ").text
    assert reads(sandbox) == []


def test_without_javascript_both_are_one_page(org, viewer):
    viewer.get("/departments/")

    page = viewer.get("/search/?" + urlencode({"q": "st", "also": "dingtalk"}))

    assert "DingTalk’s own search also found:" in page.text
    assert "Ask DingTalk’s own search too" not in page.text


# ── Roles ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_service_asks_for_a_role(sandbox, line, django_user_model, db):
    nobody = django_user_model.objects.create_user("nobody")

    for act in (search.search, search.ask_dingtalk):
        with pytest.raises(NotPermitted):
            act(text="x", by=nobody)

    assert sandbox.calls == []
