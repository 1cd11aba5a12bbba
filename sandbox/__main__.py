"""`python -m sandbox`: a believable company behind DingTalk's calls on a port of this machine."""

import argparse
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from sandbox.app import Sandbox
from sandbox.seed import company
from sandbox.server import Server
from sandbox.switches import Switches


def main(arguments: list[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    sandbox = Sandbox(
        company(asked.departments, seed=asked.seed),
        client_id=asked.client_id,
        client_secret=asked.client_secret,
        switches=Switches(latency_ms=asked.latency_ms, calls_per_second=asked.calls_per_second),
    )
    try:
        server = Server(sandbox, host=asked.host, port=asked.port)
    except OSError as refusal:
        sys.exit(f"Cannot listen on {asked.host}:{asked.port}: {refusal.strerror}.")
    with server:
        org = sandbox.org
        extent = f"{len(org)} departments, {len(org.people)} people"
        print(f"Sandbox listening on {server.url} ({extent})", flush=True)  # noqa: T201
        server.serve_forever()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=_whole(0, 65535), default=8801, help="0 for any free port")
    parser.add_argument("--departments", type=_whole(1), help="how many; default a small company")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same company")
    parser.add_argument("--client-id", default="dingsandbox")
    parser.add_argument("--client-secret", default="sandbox-secret")
    parser.add_argument("--latency-ms", type=_whole(0), default=0, help="how long each call takes")
    parser.add_argument(
        "--calls-per-second", type=_whole(1), help="throttle each API; DingTalk allows 20"
    )
    return parser


def _whole(least: int, most: int | None = None) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least or (most is not None and int(text) > most):
            raise argparse.ArgumentTypeError(
                f"must be a whole number from {least}" + (f" to {most}" if most else "")
            )
        return int(text)

    return read


def _leave(*_: object) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    main()
