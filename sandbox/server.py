"""A threaded HTTP/1.1 server for one WSGI application, with connections that stay open."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, NoReturn
from urllib.parse import unquote
from wsgiref.types import WSGIApplication, WSGIEnvironment

from sandbox.cuts import Cut


class Server(ThreadingMixIn, TCPServer):
    """A thread for each connection. Raises OSError where the address is taken."""

    # TCPServer rather than HTTPServer, whose start-up looks the host's name up in the DNS.
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, app: WSGIApplication, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.app = app
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        host, port = self.socket.getsockname()[:2]
        return f"http://{host}:{port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller who hangs up in the middle is no fault of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(app: WSGIApplication, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve an application in a thread while the block runs; gives its address."""
    with Server(app, host=host, port=port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Server

    protocol_version = "HTTP/1.1"
    server_version = "sandbox"
    sys_version = ""
    # Nagle's algorithm would hold the second packet of a reply back for the caller's delayed
    # acknowledgement, 40 ms; a buffered writer makes one packet of most replies anyway.
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        if self.headers.get("Transfer-Encoding"):
            # Bodies come with a length from every client of this API; chunks are not read.
            self.close_connection = True
            self.send_error(411)
            return
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal():
            self.close_connection = True
            self.send_error(400)
            return
        body = self.rfile.read(int(length))
        try:
            parts = self.server.app(self._environ(body), self._start_response)
        except Cut as cut:
            cut.play(self.connection)
            self._hang_up()
        for part in parts:
            self.wfile.write(part)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - http.server's names

    def _hang_up(self) -> NoReturn:
        """Close at once, as the socket's options say: the server would send a FIN first."""
        self.wfile.close()
        self.rfile.close()
        self.connection.close()
        raise ConnectionAbortedError

    def _say_goodbye_later(self) -> None:
        self.close_connection = True

    def _environ(self, body: bytes) -> WSGIEnvironment:
        path, _, query = self.path.partition("?")
        return {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": self.client_address[0],
            "SERVER_NAME": self.server.server_address[0],
            "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": self.request_version,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "sandbox.hang_up": self._say_goodbye_later,
            **self._header_variables(),
        }

    def _header_variables(self) -> dict[str, str]:
        return {
            f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items()
        }

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], _exc_info: object = None
    ) -> Callable[[bytes], object]:
        code, _, phrase = status.partition(" ")
        self.send_response(int(code), phrase)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        return self.wfile.write

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it has above
        """Nothing: the sandbox keeps its own log of calls."""
