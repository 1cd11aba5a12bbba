"""How many people a department counts with everything below it, kept current so that no reading
walks a branch.
"""

from collections.abc import Iterable, Mapping


class Headcount:
    """For each department, how many posts each person holds in its branch. A person counts once."""

    def __init__(self) -> None:
        self._posts: dict[int, dict[str, int]] = {}

    def of(self, dept_id: int) -> int:
        return len(self._posts.get(dept_id, {}))

    def posts(self, dept_id: int) -> Mapping[str, int]:
        return dict(self._posts.get(dept_id, {}))

    def add(self, posts: Mapping[str, int], *, along: Iterable[int]) -> None:
        """Count posts in every department of a line of ancestors."""
        for dept_id in along:
            tally = self._posts.setdefault(dept_id, {})
            for userid, held in posts.items():
                tally[userid] = tally.get(userid, 0) + held

    def remove(self, posts: Mapping[str, int], *, along: Iterable[int]) -> None:
        for dept_id in along:
            tally = self._posts.setdefault(dept_id, {})
            for userid, held in posts.items():
                tally[userid] -= held
                if not tally[userid]:
                    del tally[userid]

    def forget(self, dept_id: int) -> None:
        self._posts.pop(dept_id, None)
