"""What is wrong with a case, if anything: the sandbox's journal against our history and what people were told.

A pure function. The journal is the truth: what our app changed, when, and where.

*Lost*: said to be done, and it never happened; or never settled. *Doubled*: carried out, or sent, more often
than asked. *Unaudited*: carried out without a committed entry noted before. *Misreported*: the last word of
history, or a page somebody saw, says something definite that the journal contradicts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

CATEGORIES = ("lost", "doubled", "unaudited", "misreported")

_OPEN = {"pending", "unknown"}
_CLAIM = {
    "done": "yes",
    "refused": "no",
    "not_sent": "no",
    "not_done": "no",
    "pending": "nothing",
    "unknown": "nothing",
    "conflict": "nothing",
}
#: Sentences with which a page says that it happened, and the one with which it takes that back a little.
_YES = ("Saved.", "was created.", "Moved.", "was moved", "was deleted")
_NOT_CONFIRMED = "not confirmed yet"
#: With which an entry's page says what a later look found, and what that may be.
_LATER = "Later, at "
_FOUND = {
    "It is confirmed: DingTalk shows it.": "yes",
    "It did happen after all: DingTalk shows it.": "yes",
    "DingTalk said yes after all, but could not be read afterwards.": "nothing",
    "DingTalk said yes, but it did not happen.": "no",
    "What DingTalk shows is neither": "nothing",
}
_UNKNOWN = 502
_BROKEN = 500
_PROBLEM = 400

#: A proxy that doubles our call: then two mutations are not our doing, and of a create nobody can tell whose
#: the second department is.
DOUBLED_ELSEWHERE = {"twice", "replayed"}


@dataclass(frozen=True)
class Evidence:
    """All that is known about one case. Pages and moments are as `person` writes them down."""

    kind: str
    fault: str
    settled: dict[str, Any]
    read: dict[str, Any]
    end: dict[str, Any]
    told: dict[str, Any] | None = None
    looked: list[dict[str, Any]] = field(default_factory=list)
    again: dict[str, Any] | None = None
    #: The writes that left us, and how many entries were committed when each did.
    sent: list[dict[str, Any]] = field(default_factory=list)
    #: A history that is written after the call can be no more than complete.
    noted_first: bool = True


@dataclass(frozen=True)
class Verdict:
    """What is wrong, each with its category; and how many entries ended in conflict, which claims nothing."""

    wrong: list[tuple[str, str]]
    conflicts: int

    def __bool__(self) -> bool:
        return not self.wrong


def judge(case: Evidence) -> Verdict:
    rows = _first(case.read["rows"])
    words = [_last_word(row, case.read["rows"]) for row in rows]
    wrong = [
        *_lost(case, rows, words),
        *_doubled(case),
        *_unaudited(case),
        *_misreported(case, rows, words),
    ]
    conflicts = sum(word["outcome"] == "conflict" for word in words)
    return Verdict(wrong, conflicts)


def _lost(
    case: Evidence, rows: list[dict[str, Any]], words: list[dict[str, Any]]
) -> list[tuple[str, str]]:
    wrong = []
    for row, word in zip(rows, words, strict=True):
        if word["outcome"] in _OPEN:
            wrong.append(f"entry {row['entry']} is still {word['outcome']}")
        if word["outcome"] == "done" and not _happened(case.kind, row, case.read):
            wrong.append(f"entry {row['entry']} says done, and it never happened")
        if word["outcome"] == "done" and not word["confirmed"]:
            wrong.append(f"entry {row['entry']} says done, and no look ever confirmed it")
    if not rows and case.again is not None and not _mutations(case.end):
        wrong.append("the form was sent again after a start anew, and nothing came of it")
    return [("lost", why) for why in wrong]


def _doubled(case: Evidence) -> list[tuple[str, str]]:
    wrong = []
    asked, made, after = 1, len(_mutations(case.read)), len(_mutations(case.end))
    if made > asked and case.fault not in DOUBLED_ELSEWHERE:
        wrong.append(f"carried out {made} times")
    # Never noted means never sent: then the second sending is the first.
    if after > (made if case.read["rows"] else asked):
        wrong.append(f"the same form sent again made {after} of {made}")
    sent = len(case.sent)
    # A refused token is the one thing after which the same call may go out again.
    if sent > (2 if case.fault.startswith("token-") else 1):
        wrong.append(f"sent {sent} times")
    return [("doubled", why) for why in wrong]


def _unaudited(case: Evidence) -> list[tuple[str, str]]:
    wrong = []
    rows = _first(case.end["rows"])
    for change in _mutations(case.end):
        for dept_id in change["dept_ids"] if case.kind.startswith("delete") else [None]:
            noted = [
                row["noted_at"] for row in rows if dept_id is None or row["dept_id"] == dept_id
            ]
            if not noted or (case.noted_first and min(noted) > change["time"]):
                wrong.append(f"{change['kind']} {dept_id or ''} has no entry noted before it")
    if case.noted_first:
        wrong += [f"{call['call']} left before its note" for call in case.sent if not call["noted"]]
    return [("unaudited", why) for why in wrong]


def _misreported(
    case: Evidence, rows: list[dict[str, Any]], words: list[dict[str, Any]]
) -> list[tuple[str, str]]:
    wrong = []
    for row, word in zip(rows, words, strict=True):
        happened = _happened(case.kind, row, case.read)
        if _CLAIM[word["outcome"]] == "no" and happened:
            wrong.append(f"entry {row['entry']} says {word['outcome']}, and it happened")
        if word["outcome"] == "conflict" and not _ambiguous(case):
            wrong.append(f"entry {row['entry']} says conflict, and the truth is plain")
        if word["outcome"] == "done" and _namesakes(case):
            wrong.append(f"entry {row['entry']} says done, and there are two of it")
    if case.told and not case.fault and "yes" not in _claims(case.told) and _all_well(rows):
        wrong.append("the first page does not say that all went well")
    pages = [("the first page", case.told, rows, case.read)]
    pages += [
        ("an entry's page", page, [row], case.settled)
        for row, page in zip(_first(case.settled["rows"]), case.looked, strict=False)
    ]
    pages.append(("the page after sending again", case.again, _first(case.end["rows"]), case.end))
    for name, page, about, moment in pages:
        wrong += [f"{name} {why}" for why in _page(case, page, about, moment)] if page else []
    return [("misreported", why) for why in wrong]


def _all_well(rows: list[dict[str, Any]]) -> bool:
    return bool(rows) and all(row["outcome"] == "done" and row["confirmed"] for row in rows)


def _page(
    case: Evidence, page: dict[str, Any], rows: list[dict[str, Any]], moment: dict[str, Any]
) -> list[str]:
    if page["status"] == _BROKEN:
        return ["broke"]
    wrong = []
    for place, claim in enumerate(_claims(page)):
        # A page that names each department is read line by line; any other speaks of all of them.
        about = rows[place : place + 1] if len(page["outcomes"]) == len(rows) else rows
        truths = [_happened(case.kind, row, moment) for row in about] or [bool(_mutations(moment))]
        if claim == "yes" and not all(truths):
            wrong.append("says that it happened, and it did not")
        if claim == "no" and any(truths):
            wrong.append("says that it did not happen, and it did")
    return wrong


def _claims(page: dict[str, Any]) -> list[str]:
    _before, later, said = page["text"].partition(_LATER)
    if later:
        # The newest look stands first.
        places = {said.find(sentence): claim for sentence, claim in _FOUND.items()}
        return [places[min(place for place in places if place >= 0)]]
    # An entry's page begins with its own outcome; those of the same operation's other entries may follow.
    outcomes = page["outcomes"][: 1 if page["url"].startswith("/history/") else None]
    if outcomes and _NOT_CONFIRMED not in page["text"]:
        return [_CLAIM[outcome] for outcome in outcomes]
    if page["status"] == _UNKNOWN:
        return ["nothing"]
    if page["status"] >= _PROBLEM:
        return ["no"]
    said = any(sentence in page["text"] for sentence in _YES)
    return ["yes" if said and _NOT_CONFIRMED not in page["text"] else "nothing"]


def _ambiguous(case: Evidence) -> bool:
    return case.kind.startswith("create") and case.fault in DOUBLED_ELSEWHERE


def _namesakes(case: Evidence) -> bool:
    return case.kind.startswith("create") and len(_mutations(case.read)) > 1


def _happened(kind: str, row: dict[str, Any], moment: dict[str, Any]) -> bool:
    changes = _mutations(moment)
    if kind.startswith("delete"):
        return any(row["dept_id"] in change["dept_ids"] for change in changes)
    return bool(changes)


def _mutations(moment: dict[str, Any]) -> list[dict[str, Any]]:
    """Chats follow their departments and are not counted again."""
    return [change for change in moment["journal"] if change["kind"].startswith("department.")]


def _first(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["corrects"] is None]


def _last_word(row: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    corrections = [one for one in rows if one["corrects"] == row["entry"]]
    return corrections[-1] if corrections else row
