"""Every URL of the app, grouped by flow; the order of flows is the same in every file."""

from django.urls import path, register_converter

from .views import account, browse, delete, edit, history, jobs, listing, move, search, setup


class DeptIdConverter:
    """A positive id that fits DingTalk's Long; anything else is simply no such page."""

    regex = "[1-9][0-9]{0,17}"

    @staticmethod
    def to_python(value: str) -> int:
        return int(value)

    @staticmethod
    def to_url(value: int) -> str:
        return str(value)


register_converter(DeptIdConverter, "dept_id")

app_name = "departments"

_browse = [
    path("departments/", browse.browse, name="browse"),
    path("departments/changes/", browse.changes, name="changes"),
    path("departments/<dept_id:dept_id>/", browse.department, name="department"),
    path("departments/<dept_id:dept_id>/children/", browse.children, name="children"),
]
_search = [
    path("search/", search.search, name="search"),
    path("list/", listing.listing, name="listing"),
    path("list/export/", listing.export, name="listing-export"),
]
_edit = [
    path("departments/<dept_id:dept_id>/edit/", edit.edit, name="edit"),
    path("departments/<dept_id:parent_id>/new/", edit.create, name="create"),
]
_delete = [
    path("departments/<dept_id:dept_id>/delete/", delete.start, name="delete"),
    path("deletions/<uuid:plan_id>/", delete.plan, name="plan"),
    path("deletions/<uuid:plan_id>/result/", delete.result, name="result"),
]
_move = [path("departments/<dept_id:dept_id>/move/", move.move, name="move")]
_history = [
    path(
        "departments/<dept_id:dept_id>/history/", history.of_department, name="department-history"
    ),
    path("history/", history.everything, name="history"),
    path("history/export/", history.export, name="history-export"),
    path("history/<int:number>/", history.entry, name="entry"),
]
_jobs = [
    path("jobs/", jobs.everything, name="jobs"),
    path("jobs/<uuid:job_id>/", jobs.one, name="job"),
]
_account = [
    path("account/", account.account, name="account"),
    path("help/keyboard/", account.keyboard, name="keyboard"),
]
_setup = [path("setup/", setup.setup, name="setup")]

urlpatterns = [*_browse, *_search, *_edit, *_delete, *_move, *_history, *_jobs, *_account, *_setup]
