"""Nothing here waits: DingTalk's moments of delay are as short as a test wants them."""

import pytest

from departments.services import delete, edit


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edit, "_UNTIL_READABLE", (0.0, 0.0, 0.0))
    monkeypatch.setattr(delete, "_UNTIL_GONE", (0.0, 0.0, 0.0))
