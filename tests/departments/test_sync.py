"""Memory follows DingTalk: single reads, levels, and what a batch of them writes down."""

import msgspec
import pytest
import reading
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from departments import gateway
from departments.dingtalk import ListedDepartment, OutOfContactScope
from departments.errors import DepartmentGone, DepartmentUnknown
from departments.models import Department
from departments.services import sync

pytestmark = pytest.mark.django_db

GET = "department/get"
LEVEL = "department/listsub"


def remembered(name):
    return Department.objects.get(name=name)


# ── One department ───────────────────────────────────────────────────────────────────────────────────────


def test_everything_one_read_tells_is_written_down(org, line):
    org.edit_department(
        "Legal", code="L-1", source_identifier="hr:1", order=5, hide_dept=True, outer_dept=True
    )

    row = sync.refresh(dept_id=org["Legal"].dept_id)

    assert (row.name, row.parent_id, row.order) == ("Legal", 1, 5)
    assert (row.code, row.source_identifier) == ("L-1", "hr:1")
    assert (row.hidden, row.restricted, row.has_chat) == (True, True, False)
    assert row.details["auto_approve_apply"] is False
    assert row.seen_at
    assert row.details_seen_at == row.seen_at


def test_of_very_long_values_the_beginning_is_searched_for_and_all_is_kept(org, line):
    """An index row of PostgreSQL's holds 2,704 bytes."""
    long = "𠮷" * 5000
    org.edit_department("Legal", code=long, source_identifier=long)

    row = sync.refresh(dept_id=org["Legal"].dept_id)

    assert row.code == row.source_identifier == long[:200]
    assert row.details["code"] == row.details["source_identifier"] == long


@pytest.mark.parametrize("told", ["absent", "zero", "null"])
def test_the_root_has_no_parent_however_dingtalk_says_so(sandbox, line, told):
    sandbox.switches.root_parent = told

    assert sync.refresh(dept_id=1).parent_id is None


def test_a_second_read_replaces_the_first(org, line):
    sync.refresh(dept_id=org["Legal"].dept_id)
    org.rename_department("Legal", "Law")

    sync.refresh(dept_id=org["Law"].dept_id)

    assert [row.name for row in Department.objects.all()] == ["Law"]


def test_what_nobody_knows_is_unknown(line):
    with pytest.raises(DepartmentUnknown):
        sync.refresh(dept_id=4711)


def test_what_was_known_is_gone_with_everything_below(org, line):
    reading.read(below=1)
    empty = org["Empty"].dept_id
    org.delete_department(empty)

    with pytest.raises(DepartmentGone) as gone:
        sync.refresh(dept_id=empty)

    assert gone.value.path == "Acme › Empty"
    assert remembered("Vault").gone_at


def test_outside_the_contact_scope_it_is_marked_unreadable(org, sandbox, line):
    reading.read(below=1)
    sandbox.switches.contact_scope = [org["Sales"].dept_id]

    with pytest.raises(OutOfContactScope):
        sync.refresh(dept_id=org["Legal"].dept_id)

    assert not remembered("Legal").readable


def test_back_in_scope_it_is_readable_again(org, sandbox, line):
    test_outside_the_contact_scope_it_is_marked_unreadable(org, sandbox, line)
    sandbox.switches.contact_scope = [1]

    assert sync.refresh(dept_id=org["Legal"].dept_id).readable


# ── One level ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_level_is_written_down_with_its_date(org, line):
    sync.refresh(dept_id=1)

    sync.refresh_children(dept_id=1)

    assert {row.name for row in Department.objects.children_of([1])} == {
        "Sales",
        "Research",
        "Empty",
        "Legal",
    }
    assert Department.objects.get(pk=1).children_seen_at
    assert remembered("Sales").details_seen_at is None


def test_a_level_does_not_forget_the_details_it_does_not_tell(org, line):
    org.edit_department("Legal", code="L-1")
    reading.read(below=1)

    sync.refresh_children(dept_id=1)

    assert remembered("Legal").code == "L-1"


def test_the_level_of_what_nobody_knows(line):
    with pytest.raises(DepartmentUnknown):
        sync.refresh_children(dept_id=4711)


def test_the_level_of_one_outside_the_scope(org, line):
    reading.read()
    line.answer(LEVEL, errcode=50004, errmsg="scope")

    with pytest.raises(OutOfContactScope):
        sync.refresh_children(dept_id=org["Empty"].dept_id)

    assert not remembered("Empty").readable
    assert remembered("Cellar").gone_at is None


def test_one_no_longer_listed_because_deleted_is_gone(org, line):
    reading.read(below=1)
    org.delete_department("Empty")

    sync.refresh_children(dept_id=1)

    assert remembered("Empty").gone_at
    assert remembered("Vault").gone_at
    assert remembered("Legal").gone_at is None


def test_one_no_longer_listed_because_moved_is_not_gone(org, line):
    reading.read(below=1)
    org.move_department("Cellar", to="Legal")

    sync.refresh_children(dept_id=org["Empty"].dept_id)

    assert remembered("Cellar").parent_id == org["Legal"].dept_id
    assert remembered("Cellar").gone_at is None
    assert remembered("Vault").gone_at is None


def test_one_no_longer_listed_because_out_of_scope_is_not_gone(org, sandbox, line):
    reading.read(below=1)
    line.answer(LEVEL, errcode=0, result=[])
    line.answer(GET, errcode=50004, errmsg="scope")

    sync.refresh_children(dept_id=org["Empty"].dept_id)

    assert remembered("Cellar").gone_at is None
    assert not remembered("Cellar").readable


def test_one_that_comes_back_is_looked_into_anew(org, sandbox, line, viewer):
    reading.read(below=1)
    cellar = org["Cellar"].dept_id
    sync.forget([cellar])

    page = viewer.get(f"/departments/{cellar}/children/")

    assert "Vault" in page.text
    assert remembered("Vault").gone_at is None


# ── What a batch writes down ─────────────────────────────────────────────────────────────────────────────


def listing(org, *names):
    """Levels as DingTalk lists them now, by the parent's name."""
    client = gateway.dingtalk()
    return [(org[name].dept_id, client.list_children(org[name].dept_id)) for name in names]


def details(org, *names):
    return [gateway.dingtalk().get_department(org[name].dept_id) for name in names]


def test_what_is_as_it_was_is_not_written(org, line):
    reading.read()
    everything = [org[dept_id].name for dept_id in org.branch(1)]
    before = list(Department.objects.order_by("pk").values("pk", "seen_at", "name", "changed_at"))
    levels, told = listing(org, *everything), details(org, *everything)

    with CaptureQueriesContext(connection) as queries:
        assert sync.levels_read(levels) == []
        sync.details_read(told)

    writes = [sql["sql"] for sql in queries if sql["sql"].startswith(("INSERT", "UPDATE"))]
    assert len(writes) == 2
    assert "children_seen_at" in writes[0]
    assert "details_seen_at" in writes[1]
    assert before == list(
        Department.objects.order_by("pk").values("pk", "seen_at", "name", "changed_at")
    )


def test_a_first_reading_changes_nothing(org, line):
    reading.read()

    assert not Department.objects.exclude(changed_at=None).exists()


def test_a_new_name_is_a_change_and_indexed(org, line):
    reading.read()
    org.rename_department("Legal", "法务")

    sync.levels_read(listing(org, "Acme"))

    assert remembered("法务").keys.split()[:2] == ["fawu", "fw"]
    assert changed() == ["法务"]


def test_one_that_is_new_where_we_had_looked_is_a_change(org, line):
    reading.read()
    org.create_department("Design", parent="Legal")
    org.create_department("Press", parent="Legal")

    sync.levels_read(listing(org, "Legal")[:1])

    assert changed() == ["Design", "Press"]


def test_one_that_is_new_and_opened_by_its_address_is_a_change(org, line):
    reading.read()
    design = org.create_department("Design", parent="Legal").dept_id

    sync.refresh(dept_id=design)

    assert changed() == ["Design"]


def test_one_that_moved_is_at_its_new_place_and_a_change(org, line):
    reading.read()
    org.move_department("Cellar", to="Legal")

    assert sync.levels_read(listing(org, "Empty", "Legal")) == []

    assert remembered("Cellar").parent_id == org["Legal"].dept_id
    assert changed() == ["Cellar"]


def test_one_that_is_not_listed_any_more_is_missing_until_it_is(org, line):
    reading.read()
    org.move_department("Cellar", to="Legal")

    assert sync.levels_read(listing(org, "Empty")) == [org["Cellar"].dept_id]
    assert remembered("Cellar").missing_at
    assert remembered("Cellar").gone_at is None

    assert sync.levels_read(listing(org, "Empty")) == []
    sync.levels_read(listing(org, "Legal"))
    assert remembered("Cellar").missing_at is None


def test_one_outside_the_scope_is_not_missed_for_not_being_listed(org, line):
    reading.read()
    Department.objects.filter(name="Cellar").update(readable=False)
    line.answer(LEVEL, errcode=0, result=[])

    assert sync.levels_read(listing(org, "Empty")) == []
    assert remembered("Cellar").missing_at is None


def test_one_without_keys_gets_them_though_nothing_has_changed(org, line):
    reading.read()
    Department.objects.update(keys=None)

    sync.levels_read(listing(org, "Acme"))
    sync.details_read(details(org, "Vault"))

    assert (remembered("Legal").keys, remembered("Vault").keys) == ("", "")
    assert remembered("Cellar").keys is None
    assert changed() == []


def test_settings_that_changed_are_a_change(org, line):
    reading.read()
    org.edit_department("Legal", code="L-2")

    sync.details_read(details(org, "Legal", "Sales"))

    assert remembered("Legal").code == "L-2"
    assert changed() == ["Legal"]


def test_people_who_come_and_go_are_no_change_of_the_department(org, line):
    reading.read()
    (told,) = details(org, "Legal")

    sync.details_read([msgspec.structs.replace(told, member_count=7, owning_member_count=3)])

    assert remembered("Legal").details["member_count"] == 7
    assert changed() == []


def test_details_that_an_older_version_kept_otherwise_are_written_anew(org, line):
    reading.read()
    Department.objects.filter(name="Legal").update(details={"name": 7})

    sync.details_read(details(org, "Legal"))

    assert remembered("Legal").details["name"] == "Legal"


def test_what_one_reply_leaves_out_another_has_told(org, line):
    reading.read()
    sales = org["Sales"].dept_id
    listed = [ListedDepartment(dept_id=sales, name="Sales")]
    (told,) = details(org, "Sales")

    sync.levels_read([(1, [*listed, *listing(org, "Acme")[0][1][1:]])])
    sync.details_read([msgspec.structs.replace(told, create_dept_group=None)])
    assert remembered("Sales").has_chat
    sync.levels_read([(1, [ListedDepartment(dept_id=sales, name="Verkauf")])])

    assert remembered("Verkauf").has_chat


def test_nothing_to_write_down_is_nothing_written(line):
    assert sync.levels_read([]) == []
    sync.details_read([])


def changed():
    rows = Department.objects.present().exclude(changed_at=None)
    return sorted(rows.values_list("name", flat=True))


# ── Beside the root ──────────────────────────────────────────────────────────────────────────────────────


def test_one_whose_parent_nobody_knows_is_detached_until_it_is_listed(org, line):
    vault = org["Vault"].dept_id

    assert sync.refresh(dept_id=vault).detached

    sync.refresh(dept_id=org["Cellar"].dept_id)
    sync.refresh_children(dept_id=org["Cellar"].dept_id)
    assert not remembered("Vault").detached


def test_one_below_itself_is_detached(org, line):
    reading.read()
    legal = org["Legal"].dept_id
    line.answer(GET, errcode=0, result={"dept_id": legal, "name": "Legal", "parent_id": legal})

    assert sync.refresh(dept_id=legal).detached

    line.mend()
    assert not sync.refresh(dept_id=legal).detached


def test_one_listed_below_what_lies_below_it_is_detached(org, line):
    reading.read()
    empty = {"dept_id": org["Empty"].dept_id, "name": "Empty"}
    vault = {"dept_id": org["Vault"].dept_id, "name": "Vault"}
    line.answer(LEVEL, errcode=0, result=[empty, vault])

    sync.refresh_children(dept_id=org["Cellar"].dept_id)

    assert [row.name for row in Department.objects.tops()] == ["Acme", "Empty"]
    line.mend()
    sync.refresh_children(dept_id=1)
    assert [row.name for row in Department.objects.tops()] == ["Acme"]


# ── Gone ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_forgetting_twice_keeps_the_first_date(org, line):
    reading.read(below=1)
    sync.forget([org["Legal"].dept_id])
    when = remembered("Legal").gone_at

    sync.forget([org["Legal"].dept_id])

    assert remembered("Legal").gone_at == when <= timezone.now()


def test_forgetting_nothing_is_possible():
    sync.forget([])
