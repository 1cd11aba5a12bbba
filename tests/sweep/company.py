"""`python -m tests.sweep.company`: a small company in a sandbox on a free port, said in the first line."""

from __future__ import annotations

import signal
import sys

from sandbox import Organisation, Sandbox
from sandbox.server import Server

OUTLINE = """
Acme
  Sales [chat] (Li Wei*)
  Research (Zhao Lei*)
  Archive
  Legal
  Workshop
  Plant [chat]
    North [chat]
      Foundry [chat]
    South [chat]
"""


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with Server(Sandbox(org=Organisation.plant(OUTLINE))) as server:
        print(server.url, flush=True)  # noqa: T201 - whoever started it reads the address
        server.serve_forever(0.05)


if __name__ == "__main__":
    main()
