"""A company in the sandbox and a client on a line to it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import stamina
from other_side import SECRET, Line, Shelf, account, wire_over

from departments.dingtalk import DingTalkClient, FilePace, Wire
from sandbox import Organisation, Sandbox


@pytest.fixture(autouse=True)
def _no_waiting_between_attempts() -> Iterator[None]:
    """Attempts follow each other at once; how many there are stays the wire's affair."""
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


@pytest.fixture
def org() -> Organisation:
    return Organisation.plant("""
        Acme
          Sales [chat] (Li Wei, Chen Yu*)
            East
            West (Zhao Min)
          Legal
    """)


@pytest.fixture
def east(org: Organisation) -> int:
    return org["East"].dept_id


@pytest.fixture
def sandbox(org: Organisation) -> Sandbox:
    return Sandbox(org, client_id="dingcanaryclient", client_secret=SECRET)


@pytest.fixture
def line(sandbox: Sandbox) -> Line:
    return Line(sandbox)


@pytest.fixture
def store() -> Shelf:
    return Shelf()


@pytest.fixture
def pace(tmp_path: Path) -> FilePace:
    """A pace that holds nobody back, and remembers a ban."""
    return FilePace(tmp_path / "pace", calls_per_second=100_000)


@pytest.fixture
def make_wire(sandbox: Sandbox, line: Line, store: Shelf) -> Iterator[Callable[..., Wire]]:
    """Makes wires that differ from the usual one in what is given."""
    made: list[Wire] = []

    def make(**given: Any) -> Wire:
        usual: dict[str, Any] = {"transport": line, "who": account(sandbox), "store": store}
        made.append(wire_over(**(usual | given)))
        return made[-1]

    yield make
    for wire in made:
        wire.close()


@pytest.fixture
def wire(make_wire: Callable[..., Wire]) -> Wire:
    return make_wire()


@pytest.fixture
def client(wire: Wire) -> DingTalkClient:
    return DingTalkClient(wire)
