"""The app's one access token: 7200 seconds, the same one for whoever asks while it lives."""

import secrets
from collections.abc import Callable

LIFE = 7200


class Tokens:
    """Asking again repeats the token and extends it; a new one is issued only after expiry (reference §1.2)."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.fetches = 0
        self._clock = clock
        self._token = ""
        self._ends = 0.0

    def fetch(self) -> str:
        now = self._clock()
        if now >= self._ends:
            self._token = secrets.token_hex(16)
        self._ends = now + LIFE
        self.fetches += 1
        return self._token

    def accepts(self, token: str) -> bool:
        alive = self._clock() < self._ends
        return alive and secrets.compare_digest(token.encode(), self._token.encode())

    def expire(self) -> None:
        """As if its time were up."""
        self._ends = 0.0

    def revoke(self) -> None:
        """Forget it while it is alive. DingTalk documents no such call; a reset secret has this effect."""
        self._token = ""
        self._ends = 0.0
