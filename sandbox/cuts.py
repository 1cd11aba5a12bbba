"""Answers no WSGI application can give: the line goes dead, or what comes over it is not HTTP.

The socket server plays a `Cut` byte for byte. Within one process there is no line to cut: there the
exception reaches whoever called the application, and a test's transport raises what its HTTP client
would have raised. `as_httpx` is httpx's name for it:

    try:
        return self._inside.handle_request(request)
    except Cut as cut:
        raise getattr(httpx, cut.as_httpx)(cut.kind) from None

`kind` is the fault's name. `applied` says whether the call had changed the organisation by then, which
is for the test to know and not for the client. Nothing is waited for: a silence is raised at once.
"""

import socket
import struct
import time
from collections.abc import Callable

# Waits so many seconds; true when the faults were cleared meanwhile and the waiting is over.
Pause = Callable[[float], bool]

_LINGER_NOT = struct.pack("ii", 1, 0)
_BLOCK = b"10000\r\n" + b" " * 0x10000 + b"\r\n"


def never_mind(_seconds: float) -> bool:
    return True


class Cut(Exception):
    """What a caller gets instead of a reply; the connection ends with it."""

    as_httpx = "RemoteProtocolError"

    def __init__(
        self,
        kind: str,
        *,
        applied: bool = False,
        content: bytes = b"",
        seconds: float = 0.0,
        pause: Pause = never_mind,
    ) -> None:
        self.kind = kind
        self.applied = applied
        self.content = content
        self.seconds = seconds
        self.pause = pause
        super().__init__(f"{kind}, {'applied' if applied else 'not applied'}")

    def play(self, connection: socket.socket) -> None:
        """Do to a real connection what is left to do before it is closed."""
        connection.sendall(self.content)


class Dropped(Cut):
    """Closed (FIN) without a reply."""


class Garbled(Cut):
    """Closed after bytes that do not make a reply."""


class Reset(Cut):
    """Closed by RST."""

    as_httpx = "ReadError"

    def play(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)


class Silent(Cut):
    """Nothing for so many seconds, then closed."""

    as_httpx = "ReadTimeout"

    def play(self, _connection: socket.socket) -> None:
        self.pause(self.seconds)


class Dripped(Cut):
    """A whole reply, but from some byte on in single bytes, so many seconds apart."""

    as_httpx = "ReadTimeout"
    flows = 0  # how many bytes come at once before it begins to drip

    def play(self, connection: socket.socket) -> None:
        connection.sendall(self.content[: self.flows])
        for place in range(self.flows, len(self.content)):
            if self.pause(self.seconds):
                return
            connection.sendall(self.content[place : place + 1])


class Endless(Cut):
    """A body in chunks that does not end, as fast as it is read, for so many seconds at most."""

    as_httpx = "ReadTimeout"

    def play(self, connection: socket.socket) -> None:
        ends = time.monotonic() + self.seconds
        connection.settimeout(self.seconds)
        connection.sendall(self.content)
        while time.monotonic() < ends and not self.pause(0):
            connection.sendall(_BLOCK)
