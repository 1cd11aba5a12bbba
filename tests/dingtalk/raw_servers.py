"""Servers on real sockets that do with a connection what a test tells them, and one that does not answer."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any


class Caller:
    """A connection as a misbehaving server holds it."""

    def __init__(self, connection: socket.socket, leaving: threading.Event) -> None:
        self._connection = connection
        self._connection.settimeout(30)
        self._leaving = leaving

    def hear(self) -> bytes:
        """The whole request, so that nothing unread turns our closing into a reset."""
        heard = b""
        while b"\r\n\r\n" not in heard:
            heard += self._receive()
        head, _, body = heard.partition(b"\r\n\r\n")
        lengths = [
            line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        ]
        length = int(lengths[0].partition(b":")[2]) if lengths else 0
        while len(body) < length:
            body += self._receive()
        return head + body

    def hear_the_beginning(self) -> bytes:
        return self._connection.recv(5)

    def say(self, content: bytes) -> None:
        self._connection.sendall(content)

    def drip(self, content: bytes, *, every: float) -> None:
        for place in range(len(content)):
            self.say(content[place : place + 1])
            self.dawdle(every)

    def dawdle(self, seconds: float = 60) -> None:
        """Stay silent, but not longer than the test lasts."""
        if self._leaving.wait(seconds):
            raise ConnectionAbortedError

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def secure(self, context: Any) -> None:
        self._connection = context.wrap_socket(self._connection, server_side=True)

    def hang_up(self) -> None:
        """Wake up whoever waits for this connection."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._connection.close()

    def _receive(self) -> bytes:
        received = self._connection.recv(65536)
        if not received:
            raise ConnectionAbortedError
        return received


@contextmanager
def serving_raw(behave: Callable[[Caller], None]) -> Iterator[str]:
    """A server that treats each connection as told, in a thread of its own. Gives its address."""
    leaving = threading.Event()
    callers: list[Caller] = []
    threads: list[threading.Thread] = []

    def treat(caller: Caller) -> None:
        try:
            with suppress(OSError):
                behave(caller)
        finally:
            caller.close()

    def listen() -> None:
        while not leaving.is_set():
            with suppress(TimeoutError):
                callers.append(Caller(listener.accept()[0], leaving))
                threads.append(threading.Thread(target=treat, args=(callers[-1],), daemon=True))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.02)
        listening = threading.Thread(target=listen, daemon=True)
        listening.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            leaving.set()
            listening.join()
            for caller in callers:
                caller.hang_up()
            for thread in threads:
                thread.join()


@contextmanager
def deaf(address: str, port: int = 0) -> Iterator[int]:
    """An address where connections never come about: its queue is full and nobody accepts."""
    with socket.socket() as listener:
        listener.bind((address, port))
        listener.listen(0)
        queue = []
        try:
            for _ in range(4):
                waiting = socket.socket()
                queue.append(waiting)
                waiting.setblocking(False)
                with suppress(BlockingIOError):
                    waiting.connect(listener.getsockname())
            yield listener.getsockname()[1]
        finally:
            for waiting in queue:
                waiting.close()
