"""The stand-in as a process of its own, over a real socket."""

import re
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from sandbox import Organisation, Sandbox
from sandbox.server import serving

ROOT = Path(__file__).parents[2]
CREDENTIALS = {"appKey": "dingsandbox", "appSecret": "sandbox-secret"}


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "sandbox", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def address_in(line: str) -> str:
    match = re.fullmatch(r"Sandbox listening on (\S+) \(\d+ departments, \d+ people\)\n", line)
    assert match, line
    return match[1]


def test_it_says_where_it_listens_and_leaves_quietly():
    with started("--port", "0") as process:
        address = address_in(process.stdout.readline())
        reply = httpx.post(f"{address}/v1.0/oauth2/accessToken", json=CREDENTIALS)
        assert reply.json()["expireIn"] == 7200

        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=10) == 0
        assert process.stdout.read() == ""
        assert process.stderr.read() == ""


def test_control_c_is_quiet_too():
    with started("--port", "0") as process:
        process.stdout.readline()

        process.send_signal(signal.SIGINT)

        assert process.wait(timeout=10) == 0
        assert process.stderr.read() == ""


def test_a_port_in_use_is_refused_in_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        with started("--port", port) as process:
            assert process.wait(timeout=10) == 1
            assert process.stderr.read() == (
                f"Cannot listen on 127.0.0.1:{port}: Address already in use.\n"
            )


def test_its_options():
    options = (
        *("--port", "0", "--departments", "80", "--seed", "2"),
        *("--client-id", "dingmine", "--client-secret", "mine"),
        *("--calls-per-second", "3", "--latency-ms", "5"),
    )
    with started(*options) as process:
        line = process.stdout.readline()
        assert "(80 departments, " in line
        with httpx.Client(base_url=address_in(line)) as http:
            credentials = {"appKey": "dingmine", "appSecret": "mine"}
            assert "accessToken" in http.post("/v1.0/oauth2/accessToken", json=credentials).json()
            switches = http.get("/_control/switches").json()

    assert (switches["calls_per_second"], switches["latency_ms"]) == (3, 5)


@pytest.mark.parametrize("option", ["--port=70000", "--departments=0", "--latency-ms=slow"])
def test_an_impossible_option(option):
    with started(option) as process:
        assert process.wait(timeout=10) == 2


def connected(address: str) -> socket.socket:
    host, port = address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)))


@pytest.fixture
def address() -> Iterator[str]:
    with serving(Sandbox(org=Organisation.plant("Acme\n  Sales"))) as address:
        yield address


def test_a_connection_stays_open(address):
    with connected(address) as connection, connection.makefile("rb") as file:
        for _ in range(3):
            connection.sendall(b"GET /gettoken HTTP/1.1\r\nHost: sandbox\r\n\r\n")
            assert file.readline() == b"HTTP/1.1 200 OK\r\n"
            headers = dict(line.split(b": ") for line in iter(file.readline, b"\r\n"))
            assert b"40035" in file.read(int(headers[b"Content-Length"]))


def test_both_families_answer_on_the_one_port(address):
    with httpx.Client(base_url=address) as http:
        token = http.post("/v1.0/oauth2/accessToken", json=CREDENTIALS).json()["accessToken"]
        listed = http.post("/topapi/v2/department/listsub", params={"access_token": token}).json()
        found = http.post(
            "/v1.0/contact/departments/search",
            json={"queryWord": "Sales", "offset": 0, "size": 5},
            headers={"x-acs-dingtalk-access-token": token},
        ).json()

    assert found["list"] == [listed["result"][0]["dept_id"]]


def test_many_write_at_once_and_nothing_is_lost(address):
    with httpx.Client(base_url=address) as http:
        token = http.post("/v1.0/oauth2/accessToken", json=CREDENTIALS).json()["accessToken"]

        def create(number: int) -> int:
            reply = http.post(
                "/topapi/v2/department/create",
                params={"access_token": token},
                json={"name": f"Department {number}", "parent_id": 1},
            )
            return reply.json()["result"]["dept_id"]

        with ThreadPoolExecutor(8) as pool:
            made = set(pool.map(create, range(64)))
        journal = http.get("/_control/journal").json()["journal"]

    assert {change["dept_ids"][0] for change in journal} == made
    assert [change["sequence"] for change in journal] == list(range(1, 65))


def test_a_body_without_a_length_is_refused(address):
    def chunks() -> Iterator[bytes]:
        yield b"{}"

    assert (
        httpx.post(f"{address}/topapi/v2/department/listsub", content=chunks()).status_code == 411
    )


def test_a_length_that_is_no_number_is_refused(address):
    with connected(address) as connection, connection.makefile("rb") as file:
        connection.sendall(b"POST /gettoken HTTP/1.1\r\nContent-Length: two\r\n\r\n")

        assert file.readline().startswith(b"HTTP/1.1 400 ")


def test_a_caller_who_hangs_up_disturbs_nobody(address, capfd):
    with connected(address) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(b"POST /gettoken HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf")

    assert httpx.get(f"{address}/gettoken").status_code == 200
    assert capfd.readouterr().err == ""


def test_a_method_nobody_knows(address):
    assert httpx.request("BREW", f"{address}/gettoken").status_code == 501
