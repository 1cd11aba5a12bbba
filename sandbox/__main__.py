"""`python -m sandbox`: a believable company behind DingTalk's calls on a port of this machine."""

import argparse
import signal
import sys
from types import FrameType
from typing import NoReturn

from sandbox.app import Sandbox
from sandbox.seed import company
from sandbox.server import Server
from sandbox.switches import Switches


def main(arguments: list[str] | None = None) -> int:
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
        print(f"Cannot listen on {asked.host}:{asked.port}: {refusal.strerror}.", file=sys.stderr)
        return 1
    with server:
        org = sandbox.org
        extent = f"{len(org)} departments, {len(org.people)} people"
        print(f"Sandbox listening on {server.url} ({extent})", flush=True)
        server.serve_forever()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8801, help="0 for any free port")
    parser.add_argument("--departments", type=_positive, help="how many; default a small company")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same company")
    parser.add_argument("--client-id", default="dingsandbox")
    parser.add_argument("--client-secret", default="sandbox-secret")
    parser.add_argument("--latency-ms", type=int, default=0, help="how long each call takes")
    parser.add_argument(
        "--calls-per-second", type=_positive, help="throttle each API; DingTalk allows 20"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _leave(signum: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
