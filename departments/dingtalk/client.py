"""What DingTalk can do for department work: one typed method for each endpoint.

Every method may raise NotSent and SaidNo with their children; reads also NoAnswer and NotUnderstood, writes
also OutcomeUnknown. The docstrings name what is particular to the call. "Page" is the page of DingTalk's
documentation below https://open.dingtalk.com/document/development/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self, TypeVar

import msgspec

from .errors import NotUnderstood, OutcomeUnknown
from .pace import Lane
from .payloads import (
    ContactScope,
    Department,
    DepartmentChanges,
    Id,
    ListedDepartment,
    PeoplePage,
    Person,
    Receipt,
    SearchPage,
)
from .wire import Call, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .wire import Reply

T = TypeVar("T")

_LARGEST_PAGE = 100


class DingTalkClient:
    """The department API of one app. Safe to share between threads; make it after fork."""

    def __init__(self, wire: Wire, *, lane: Lane = Lane.PERSON) -> None:
        self._wire = wire
        self._lane = lane

    def in_background(self) -> Self:
        """The same client for work nobody waits for: it yields to every person's call."""
        return type(self)(self._wire, lane=Lane.BACKGROUND)

    def close(self) -> None:
        self._wire.close()

    def create_department(self, fields: DepartmentChanges) -> Receipt:
        """Create a department and return its `dept_id`, which DingTalk assigns.

        Needs `name` and `parent_id` (1 is the root); takes the fields of `payloads.ON_CREATE`. A depth of 20
        levels and 1,000 children of one parent are the most.
        Permission point `qyapi_manage_addresslist`.
        Refused: 60001/60009 name, 60021 (60008) name exists beside it, 60002 too deep, 60110 too many,
        600109 exceptions, 40011 order, 60022 sensitive words, 40035 anything else. NotAuthorised: 50004 parent
        outside the contact scope. An unknown parent is Refused with 60004.
        Page: address-book-creation-department-established-department (2026-05-27)
        """
        endpoint = "/topapi/v2/department/create"
        reply = self._write(endpoint, fields)
        try:
            created = reply.read(endpoint, _Created)
        except NotUnderstood as unclear:
            # DingTalk said yes but not which department: it exists, and only a look can tell.
            raise OutcomeUnknown(
                endpoint, message=unclear.message, request_id=reply.request_id
            ) from None
        return Receipt(request_id=reply.request_id, dept_id=created.dept_id)

    def update_department(self, dept_id: int, changes: DepartmentChanges) -> Receipt:
        """Write only the fields given; the rest stays. `parent_id` moves the department.

        Managers are cleared by ``force_update_fields=["dept_manager_userid_list"]`` and leaving the list out;
        no other field has a documented way of being emptied. What DingTalk silently does not take shows only
        in a read afterwards.
        Permission point `qyapi_manage_addresslist`.
        Refused: 60018 root, 60001/60009/60021 name, 40011 order, 60004 no such parent, 60010 parent below the
        department itself, 60109 exceptions, 40031 manager not a member, 40093 chat owner not a member, 60510.
        NotThere: 60003. NotAuthorised: 50004.
        Page: address-book-update-department (2026-06-08)
        """
        reply = self._write("/topapi/v2/department/update", {"dept_id": dept_id, **changes})
        return Receipt(request_id=reply.request_id, dept_id=dept_id)

    def delete_department(self, dept_id: int) -> Receipt:
        """Delete a department, all its sub-departments, and dismiss their Department Chats.

        DingTalk refuses as a whole while anyone is a member anywhere in the branch (60005), and always for the
        root (60007). An older reading of its documents refuses sub-departments too (60006).
        Permission point `qyapi_manage_addresslist`. NotThere: 60003. NotAuthorised: 50004.
        Page: address-book-deletion-department (2026-05-27), operations-related-to-address-book-departments
        """
        reply = self._write("/topapi/v2/department/delete", {"dept_id": dept_id})
        return Receipt(request_id=reply.request_id, dept_id=dept_id)

    def get_department(self, dept_id: int) -> Department:
        """All that DingTalk tells about one department; `order` equals the id where none was ever set.

        Permission point `qyapi_get_department_list`. NotThere: 60003. NotAuthorised: 50004.
        Page: query-department-details0-v2 (2026-06-08)
        """
        return self._read("/topapi/v2/department/get", {"dept_id": dept_id}, Department)

    def list_children(self, dept_id: int) -> list[ListedDepartment]:
        """The direct children with basic fields, in no promised order, without paging.

        Only departments inside the contact scope. Permission point `qyapi_get_department_list`.
        NotThere: 60003. NotAuthorised: 50004.
        Page: user-management-acquires-the-list-departments
        """
        body = {"dept_id": dept_id}
        return self._read("/topapi/v2/department/listsub", body, list[ListedDepartment])

    def list_child_ids(self, dept_id: int) -> list[int]:
        """The ids of the direct children, those outside the contact scope included.

        Permission point `qyapi_get_department_list`. NotThere: 60003.
        Page: obtain-the-list-of-sub-department-ids
        """
        body = {"dept_id": dept_id}
        return self._read("/topapi/v2/department/listsubid", body, _ChildIds).dept_id_list

    def list_ancestor_ids(self, dept_id: int) -> list[int]:
        """The department itself, then its ancestors up to the root; ignores the contact scope.

        Tells "outside our scope" from "gone". Permission point `qyapi_get_department_list`. NotThere: 60003.
        Page: query-the-list-of-all-parent-departments-of-a-department
        """
        body = {"dept_id": dept_id}
        return self._read("/topapi/v2/department/listparentbydept", body, _ParentIds).parent_id_list

    def list_ancestor_ids_of_person(self, userid: str) -> list[list[int]]:
        """For each department of a person, the ids from it up to the root; ignores the contact scope.

        Permission point `qyapi_get_department_list`. NotThere: 33012.
        Page: queries-the-list-of-all-parent-departments-of-a-user
        """
        endpoint = "/topapi/v2/department/listparentbyuser"
        trails = self._read(endpoint, {"userid": userid}, _PersonsParents).parent_list
        return [trail.parent_dept_id_list for trail in trails]

    def search_departments(self, words: str, *, offset: int = 0, size: int = 50) -> SearchPage:
        """Ids of departments whose name or pinyin matches, on the new API.

        `offset` is called a page number in the text and an offset in the samples: ask on while `has_more`, and
        drop repeats. Permission point `qyapi_addresslist_search`. Refused: "parameter.error".
        Page: address-book-search-department-id (2025-09-11)
        """
        endpoint = "/v1.0/contact/departments/search"
        body = {"queryWord": words, "offset": offset, "size": size}
        call = Call(endpoint=endpoint, body=body, new_api=True)
        return self._wire.send(call, lane=self._lane).read(endpoint, SearchPage)

    def list_member_ids(self, dept_id: int) -> list[str]:
        """The userids of the direct members, without paging; ignores the contact scope.

        Permission point `qyapi_get_member`. NotThere: 60003.
        Page: query-the-list-of-department-userids
        """
        return self._read("/topapi/user/listid", {"dept_id": dept_id}, _MemberIds).userid_list

    def list_member_names(self, dept_id: int, *, cursor: int = 0, size: int = 100) -> PeoplePage:
        """One page of the direct members' userids and names; at most 100 a page (else 40069).

        Only people inside the contact scope. Permission point `qyapi_get_department_member`.
        NotThere: 60003. Refused: 40068 cursor, 40069 size.
        Page: queries-the-simple-information-of-a-department-user
        """
        body = {"dept_id": dept_id, "cursor": cursor, "size": size}
        return self._read("/topapi/user/listsimple", body, PeoplePage)

    def list_members(self, dept_id: int, *, cursor: int = 0, size: int = 100) -> PeoplePage:
        """One page of the direct members with title, manager flag and their departments.

        Permission point `qyapi_get_department_member`. NotThere: 60003. NotAuthorised: 50004.
        Page: queries-the-complete-information-of-a-department-user
        """
        body = {"dept_id": dept_id, "cursor": cursor, "size": size}
        return self._read("/topapi/v2/user/list", body, PeoplePage)

    def get_person(self, userid: str) -> Person:
        """One person with the departments they belong to.

        Permission point `qyapi_get_member`. NotThere: 33012, 60121. NotAuthorised: 50002.
        Page: query-user-details
        """
        return self._read("/topapi/v2/user/get", {"userid": userid}, Person)

    def every_member_name(self, dept_id: int) -> Iterator[Person]:
        """All direct members by name, page after page. NotUnderstood where the pages lead nowhere."""
        cursor, seen = 0, {0}
        while True:
            page = self.list_member_names(dept_id, cursor=cursor, size=_LARGEST_PAGE)
            yield from page.people
            if not page.has_more:
                return
            if page.next_cursor is None or page.next_cursor in seen:
                raise NotUnderstood("/topapi/user/listsimple", message="more, but no next page")
            cursor = page.next_cursor
            seen.add(cursor)

    def contact_scope(self) -> ContactScope:
        """The departments and people this app may see.

        Permission point `qyapi_base`, granted by default.
        Page: obtain-corpsecret-authorization-scope
        """
        endpoint = "/auth/scopes"
        reply = self._wire.send(Call(endpoint=endpoint), lane=self._lane)
        return reply.read(endpoint, _Scopes, whole=True).auth_org_scopes

    def _read(self, endpoint: str, body: Mapping[str, object], shape: type[T]) -> T:
        reply = self._wire.send(Call(endpoint=endpoint, body=body), lane=self._lane)
        return reply.read(endpoint, shape)

    def _write(self, endpoint: str, fields: Mapping[str, object]) -> Reply:
        call = Call(endpoint=endpoint, body=_joined(fields), write=True)
        return self._wire.send(call, lane=self._lane)


def _joined(fields: Mapping[str, object]) -> dict[str, object]:
    """Lists as DingTalk wants them in requests: comma-joined strings."""
    return {
        name: ",".join(map(str, value)) if isinstance(value, list) else value
        for name, value in fields.items()
    }


class _Created(msgspec.Struct, frozen=True):
    dept_id: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]


class _ChildIds(msgspec.Struct, frozen=True):
    dept_id_list: list[Id] = []


class _ParentIds(msgspec.Struct, frozen=True):
    parent_id_list: list[Id] = []


class _PersonsTrail(msgspec.Struct, frozen=True):
    parent_dept_id_list: list[Id] = []


class _PersonsParents(msgspec.Struct, frozen=True):
    parent_list: list[_PersonsTrail] = []


class _MemberIds(msgspec.Struct, frozen=True):
    userid_list: list[str] = []


class _Scopes(msgspec.Struct, frozen=True):
    auth_org_scopes: ContactScope
