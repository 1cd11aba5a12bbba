"""Our memory of DingTalk's departments, and the history of what people asked for.

DingTalk is the truth. A `Department` row is what we saw last and knows when that was; nothing is ever
decided on it. History has no foreign key to departments, so it outlives them.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import connection, models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

#: DingTalk allows 20 levels; broken data may hold cycles. No walk goes further than this.
_DEEPEST = 64


@models.BigIntegerField.register_lookup
class Among(models.Lookup):
    """`field__among=ids`: like `in`, with all ids in one parameter.

    A reading asks for hundreds of ids at a time, and Django spends more on each parameter of an `in` than the
    database on its row.
    """

    lookup_name = "among"
    prepare_rhs = False

    def as_sqlite(self, compiler: Any, connection: Any) -> Any:
        field, parameters = self.process_lhs(compiler, connection)
        ids = json.dumps(list(self.rhs))
        sql = f"{field} IN (SELECT value FROM json_each(%s))"  # noqa: S608 — `field` is Django's
        return sql, [*parameters, ids]

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        field, parameters = self.process_lhs(compiler, connection)
        return f"{field} = ANY(%s)", [*parameters, list(self.rhs)]


class DepartmentQuerySet(models.QuerySet["Department"]):
    def present(self) -> Self:
        """Without those DingTalk no longer has; their rows stay, so that a page can say what they were."""
        return self.filter(gone_at=None)

    def in_display_order(self) -> Self:
        """Smaller `order` first, ties by id; departments whose order was never read come last."""
        return self.order_by(models.F("order").asc(nulls_last=True), "dept_id")

    def children_of(self, dept_ids: Iterable[int]) -> Self:
        """What is drawn below these. Detached departments are drawn at the top, so that a circle ends."""
        below = self.present().filter(parent_id__among=set(dept_ids), detached=False)
        return below.in_display_order()

    def tops(self) -> Self:
        """Where the tree begins: the root, and what hangs from nothing that we know."""
        return self.present().filter(Q(parent_id=None) | Q(detached=True)).in_display_order()

    def trail(self, dept_id: int) -> list[Department]:
        """From the top down to the department itself; stops where memory or sense ends (cycles)."""
        walked = _walk(_UP, dept_id)
        rows = self.in_bulk(walked)
        return [rows[found] for found in reversed(walked)]

    def trails(self, dept_ids: Iterable[int]) -> dict[int, list[tuple[int, str]]]:
        """For each of these the ids and names from the top down to itself; one query for all."""
        starts = list(dept_ids)
        if not starts:
            return {}
        places = ", ".join(["%s"] * len(starts))
        found: dict[int, dict[int, str]] = {}
        with connection.cursor() as cursor:
            cursor.execute(_UP_FROM_MANY.format(places), [*starts, _DEEPEST])
            for start, dept_id, name in cursor.fetchall():
                found.setdefault(start, {}).setdefault(dept_id, name)
        return {start: list(reversed(above.items())) for start, above in found.items()}

    def depth(self, dept_id: int) -> int:
        """How many levels down it stands; the top is 1."""
        return len(_walk(_UP, dept_id))

    def branch_ids(self, dept_id: int) -> set[int]:
        """The department and everything remembered below it."""
        return set(_walk(BRANCH_SQL, dept_id))


class Department(models.Model):
    """What we saw of one department. `seen_at` dates name and place, `details_seen_at` the rest."""

    dept_id = models.BigIntegerField(primary_key=True)
    name = models.TextField()
    #: Not a foreign key: DingTalk may tell a child before its parent, or never its parent.
    parent_id = models.BigIntegerField(null=True, db_index=True)
    order = models.BigIntegerField(null=True)
    has_chat = models.BooleanField(null=True)
    code = models.TextField(default="", db_index=True)
    source_identifier = models.TextField(default="", db_index=True)
    hidden = models.BooleanField(null=True)
    restricted = models.BooleanField(null=True)
    linked = models.BooleanField(null=True)
    #: The name's pinyin and its initials, separated by blanks, for search and type-ahead; null: not made yet.
    keys = models.TextField(null=True)  # noqa: DJ001 — "" is a name without pinyin
    #: Outside the app's contact scope: we know that it is there, not what it is.
    readable = models.BooleanField(default=True)
    #: Everything `department/get` told, as it told it.
    details = models.JSONField(default=dict)
    #: When name and place were last written down; a reading that found them unchanged dates only the parent's
    #: `children_seen_at`.
    seen_at = models.DateTimeField()
    details_seen_at = models.DateTimeField(null=True)
    children_seen_at = models.DateTimeField(null=True)
    #: When a reading first found it other than we remembered, or new where we had looked before.
    changed_at = models.DateTimeField(null=True, db_index=True)
    #: Since when DingTalk no longer lists it where we had it; only a read of its own tells moved from gone.
    missing_at = models.DateTimeField(null=True)
    #: Its parent is not known here, or lies below itself: shown beside the root, not below anything.
    detached = models.BooleanField(default=False)
    #: When we found that DingTalk no longer has it.
    gone_at = models.DateTimeField(null=True)

    objects = DepartmentQuerySet.as_manager()

    class Meta:
        permissions = [("administer", "Can see set-up and manage people")]
        indexes = [
            # The few rows that every page asks for.
            models.Index(fields=["dept_id"], name="department_tops", condition=Q(parent_id=None)),
            models.Index(
                fields=["dept_id"], name="department_detached", condition=Q(detached=True)
            ),
            # Where nobody has looked yet: each search asks whether there is any such place.
            models.Index(
                fields=["dept_id"],
                name="department_unread",
                condition=Q(children_seen_at=None, gone_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.dept_id})"

    def details_older_than(self, moment: datetime) -> bool:
        return self.details_seen_at is None or self.details_seen_at < moment


class Managers(models.Func):
    """Of `details`, how many managers DingTalk told; null where it told nothing about any."""

    output_field = models.IntegerField()

    def as_sqlite(self, *args: Any, **more: Any) -> Any:
        more["template"] = "json_array_length(%(expressions)s, '$.dept_manager_userid_list')"
        return self.as_sql(*args, **more)

    def as_postgresql(self, *args: Any, **more: Any) -> Any:
        more["template"] = "jsonb_array_length(%(expressions)s -> 'dept_manager_userid_list')"
        return self.as_sql(*args, **more)


# The depth bounds a cycle on the way up, UNION ends one on the way down; both databases run them as they are.
_UP = """
    WITH RECURSIVE walk(dept_id, parent_id, level) AS (
        SELECT dept_id, parent_id, 0 FROM departments_department WHERE dept_id = %s
        UNION
        SELECT d.dept_id, d.parent_id, walk.level + 1
        FROM departments_department d JOIN walk ON d.dept_id = walk.parent_id
        WHERE walk.level < %s
    ) SELECT dept_id FROM walk ORDER BY level
"""
_UP_FROM_MANY = """
    WITH RECURSIVE walk(start, dept_id, parent_id, name, level) AS (
        SELECT dept_id, dept_id, parent_id, name, 0 FROM departments_department WHERE dept_id IN ({})
        UNION
        SELECT walk.start, d.dept_id, d.parent_id, d.name, walk.level + 1
        FROM departments_department d JOIN walk ON d.dept_id = walk.parent_id
        WHERE walk.level < %s
    ) SELECT start, dept_id, name FROM walk ORDER BY start, level
"""
#: A department and everything below it; public, because history asks for it inside its own queries.
BRANCH_SQL = """
    WITH RECURSIVE walk(dept_id) AS (
        SELECT dept_id FROM departments_department WHERE dept_id = %s
        UNION
        SELECT d.dept_id FROM departments_department d JOIN walk ON d.parent_id = walk.dept_id
    ) SELECT dept_id FROM walk
"""


def _walk(sql: str, dept_id: int) -> list[int]:
    parameters = [dept_id, _DEEPEST] if sql is _UP else [dept_id]
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(dict.fromkeys(row[0] for row in cursor.fetchall()))


class Outcome(models.TextChoices):
    """How a write ended. Only pending and unknown may still become something else."""

    PENDING = "pending", _("under way")
    DONE = "done", _("done")
    REFUSED = "refused", _("refused by DingTalk")
    NOT_SENT = "not_sent", _("not sent")
    UNKNOWN = "unknown", _("not known yet")
    NOT_DONE = "not_done", _("did not happen")
    CONFLICT = "conflict", _("needs a person’s look")


#: The truth about these is still open; their departments wait until it is known.
OPEN = (Outcome.PENDING, Outcome.UNKNOWN)
#: Nothing happened in DingTalk: the same form may be sent again as a new operation.
WITHOUT_EFFECT = (Outcome.REFUSED, Outcome.NOT_SENT, Outcome.NOT_DONE)


class Kind(models.TextChoices):
    CREATE = "create", _("Created")
    EDIT = "edit", _("Changed")
    MOVE = "move", _("Moved")
    DELETE = "delete", _("Deleted")


class Operation(models.Model):
    """What a person asked for, once: `op_id` is made with the form, so the same form cannot act twice."""

    op_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    #: The form it came from; several only where the earlier ones had no effect.
    form_id = models.UUIDField(db_index=True)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    #: The department acted on; for a create, the parent.
    dept_id = models.BigIntegerField(db_index=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="operations"
    )
    by_name = models.TextField()
    address = models.GenericIPAddressField(null=True)
    #: Tells the same form sent again from another one under the same id.
    digest = models.CharField(max_length=64)
    content = models.JSONField()
    reason = models.TextField(default="")
    noted_at = models.DateTimeField(auto_now_add=True, db_index=True)
    #: The author was told "not known yet" and is owed how it ended.
    owes_word = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["by"], name="owed_to", condition=Q(owes_word=True)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.dept_id} by {self.by_name}"

    def entry(self) -> AuditEntry:
        """The entry of the department that was acted on; a branch's other entries follow it."""
        return self.entries.all()[0]


class SettledRow(Exception):
    """A settled entry was to be changed. History is not rewritten."""


class AuditEntry(models.Model):
    """What an operation does to one department: before, wanted, after, and how it ended.

    Once settled it is never changed, neither here nor in the database (guards.py). What a later look
    brings is an entry of its own, which `corrects` the first.
    """

    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="entries")
    corrects = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="corrections"
    )
    dept_id = models.BigIntegerField(null=True, db_index=True)
    name = models.TextField()
    path = models.TextField()
    before = models.JSONField()
    wanted = models.JSONField()
    after = models.JSONField(null=True)
    #: Wanted fields that DingTalk accepted without a word and did not take.
    not_taken = models.JSONField(default=list)
    #: DingTalk said yes. Its yes is not yet proof: see `confirmed`.
    accepted = models.BooleanField(default=False)
    #: A look showed it. False when DingTalk said yes but could not be read afterwards.
    confirmed = models.BooleanField(default=False)
    outcome = models.CharField(max_length=16, choices=Outcome.choices, default=Outcome.PENDING)
    code = models.CharField(max_length=80, default="")
    message = models.TextField(default="")
    request_id = models.CharField(max_length=80, default="")
    noted_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        constraints = [
            models.CheckConstraint(
                name="settled_exactly_when_decided",
                condition=Q(outcome__in=OPEN, settled_at__isnull=True)
                | (~Q(outcome__in=OPEN) & Q(settled_at__isnull=False)),
            )
        ]
        indexes = [models.Index(fields=["outcome"], name="audit_outcome")]

    def __str__(self) -> str:
        return f"{self.operation.kind} {self.name}: {self.outcome}"

    #: As the database has it: such a row is not changed any more.
    _settled_in_db = False

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Self:
        entry = super().from_db(*args, **kwargs)
        # Not loaded counts as settled: what we cannot see we do not change.
        entry._settled_in_db = entry.__dict__.get("settled_at", ...) is not None
        return entry

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._settled_in_db:
            raise SettledRow(f"entry {self.pk} is settled")
        super().save(*args, **kwargs)
        self._settled_in_db = self.settled_at is not None

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        super().refresh_from_db(*args, **kwargs)
        self._settled_in_db = self.settled_at is not None

    def delete(self, *_args: Any, **_kwargs: Any) -> tuple[int, dict[str, int]]:
        raise SettledRow(f"entry {self.pk} is history")

    @property
    def is_open(self) -> bool:
        return self.outcome in OPEN

    @property
    def last_word(self) -> AuditEntry:
        """The newest correction, or the entry itself: what is known today."""
        return self.corrections.order_by("-pk").first() or self


class DeletionPlan(models.Model):
    """What a delete would take along, as it was live at `checked_at`; its id becomes the operation's."""

    plan_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    dept_id = models.BigIntegerField()
    name = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    checked_at = models.DateTimeField()
    fingerprint = models.CharField(max_length=64)
    plan = models.JSONField()

    def __str__(self) -> str:
        return f"plan to delete {self.name}"


class Job(models.Model):
    """Work too long for a request: what, how far, and who is at it. Services alone change it.

    Whoever works on it holds a lease and renews it; a lease that ran out was held by a process that died,
    and the next one goes on from `cursor`. Every step is safe to repeat.
    """

    class Kind(models.TextChoices):
        SYNC = "sync", _("Reading departments from DingTalk")

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("under way")
        PAUSED = "paused", _("paused")
        #: A person has to decide how it goes on: see `result`.
        ASKING = "asking", _("needs a decision")
        DONE = "done", _("done")
        FAILED = "failed", _("ended early")
        STOPPED = "stopped", _("stopped")

    job_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    #: What was asked for; for a reading `below`, the department it starts from.
    plan = models.JSONField(default=dict)
    #: Where to go on from.
    cursor = models.JSONField(default=dict)
    #: For each step by name, how many are done and of how many: {"tree": [120, 310]}.
    progress = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    #: Null: it began by itself, or on the command line.
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="jobs"
    )
    by_name = models.TextField(default="")
    asked_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    #: Held until then by the process that works on it.
    leased_until = models.DateTimeField(null=True)
    #: DingTalk makes it wait until then.
    resumes_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-asked_at"]
        indexes = [models.Index(fields=["state", "asked_at"], name="job_state")]
        constraints = [
            # Two people who press the button at once, or a night that finds a reading under way, get one.
            models.UniqueConstraint(
                fields=["kind"],
                name="one_reading_at_a_time",
                condition=Q(kind="sync", ended_at=None),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"

    @property
    def is_open(self) -> bool:
        return self.ended_at is None


class Preferences(models.Model):
    """How one person wants the pages: kept with the account, so that they are alike on every machine."""

    class Theme(models.TextChoices):
        SYSTEM = "", _("As the system has it")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    class Density(models.TextChoices):
        COMPACT = "", _("Compact")
        COMFORTABLE = "comfortable", _("Comfortable")

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE
    )
    #: Of settings.LANGUAGES; empty: what the browser asks for.
    language = models.CharField(max_length=16, default="", blank=True)
    theme = models.CharField(max_length=16, choices=Theme.choices, default="", blank=True)
    density = models.CharField(max_length=16, choices=Density.choices, default="", blank=True)
    #: Single-character keys for the whole page (WCAG 2.2, 2.1.4: they can be turned off).
    shortcuts = models.BooleanField(default=True)
    #: A name of the IANA database; empty: the installation's.
    time_zone = models.CharField(max_length=64, default="", blank=True)

    def __str__(self) -> str:
        return f"Preferences of {self.user_id}"
