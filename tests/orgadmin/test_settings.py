"""The environment is read once; what is wrong in it stops the start with a name, never a value."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from django.conf import settings

from orgadmin.keys import kept_secret_key

if TYPE_CHECKING:
    from pathlib import Path


def start(tmp_path: Path, show: str = "''", **environment: str) -> subprocess.CompletedProcess[str]:
    """Read the settings in a process of its own and print one expression about them."""
    return subprocess.run(
        [sys.executable, "-c", f"import orgadmin.settings as s; print({show})"],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "canary"),
        ("PORT", "70000"),
        ("DATABASE_URL", "mysql://canary"),
        ("DATABASE_URL", "postgresql://u:ca[nary@h/d"),
        ("DATABASE_URL", "postgresql://u:canary@h:notaport/d"),
        ("TIME_ZONE", "Mars/canary"),
        ("TIME_ZONE", "Asia"),
        ("TIME_ZONE", "../canary"),
        ("CACHE_URL", "canary://"),
        ("DINGTALK_EDITION", "canary"),
        ("DINGTALK_OAPI_URL", "ftp://canary"),
        ("DINGTALK_API_URL", "canary"),
        ("DINGTALK_ROOT_ID", "0"),
        ("DINGTALK_CALLS_PER_SECOND", "-1"),
        ("SETTLE_SECONDS", "canary"),
        ("PUBLIC_URL", "canary"),
        ("LOG_LEVEL", "canary"),
        ("DEBUG", "canary"),
    ],
)
def test_a_wrong_value_stops_the_start_and_is_not_shown(
    tmp_path: Path, name: str, value: str
) -> None:
    told = start(tmp_path, **{name: value})

    assert told.returncode != 0
    assert f"{name}:" in told.stderr
    assert "canary" not in told.stderr
    assert "Traceback" not in told.stderr


def test_every_wrong_value_is_named_at_once(tmp_path: Path) -> None:
    told = start(tmp_path, PORT="x", DINGTALK_EDITION="x")

    assert "PORT:" in told.stderr
    assert "DINGTALK_EDITION:" in told.stderr


def test_a_secret_may_come_from_a_file_and_its_line_end_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("sekrit\n")

    told = start(
        tmp_path,
        "repr(s.DINGTALK_CLIENT_SECRET)",
        DINGTALK_CLIENT_SECRET_FILE=str(tmp_path / "secret"),
    )

    assert told.stdout.strip() == "'sekrit'"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    told = start(tmp_path, DINGTALK_CLIENT_SECRET_FILE="/no/such/file")

    assert told.returncode != 0
    assert (
        told.stderr.strip() == "DINGTALK_CLIENT_SECRET_FILE: Must be the path of a readable file."
    )


def test_the_edition_decides_the_hosts(tmp_path: Path) -> None:
    show = "s.DINGTALK_OAPI_URL, s.DINGTALK_API_URL, s.DINGTALK_IS_REAL"

    china = start(tmp_path, show).stdout
    abroad = start(tmp_path, show, DINGTALK_EDITION="international").stdout
    elsewhere = start(tmp_path, show, DINGTALK_OAPI_URL="http://127.0.0.1:8801/").stdout

    assert "https://oapi.dingtalk.com https://api.dingtalk.com True" in china
    assert "https://oapi.dingtalk.io https://api.dingtalk.io True" in abroad
    assert "http://127.0.0.1:8801 https://api.dingtalk.com False" in elsewhere


def test_https_makes_cookies_secure_and_says_so_to_the_browser(tmp_path: Path) -> None:
    show = (
        "s.SESSION_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.SECURE_HSTS_SECONDS, s.ALLOWED_HOSTS[0]"
    )

    told = start(tmp_path, show, PUBLIC_URL="https://departments.example.com").stdout

    assert told.split() == ["__Host-session", "True", "31536000", "departments.example.com"]


def test_postgresql_wants_a_key_of_its_own(tmp_path: Path) -> None:
    told = start(tmp_path, DATABASE_URL="postgresql://u:canary@127.0.0.1/d")

    assert told.stderr.startswith("SECRET_KEY: Needed with PostgreSQL")
    assert "canary" not in told.stderr


def test_a_key_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    path = tmp_path / "var" / "secret-key"

    first, second = kept_secret_key(path), kept_secret_key(path)

    assert first == second
    assert len(first) > 50
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_processes_that_start_together_agree_on_the_key(tmp_path: Path) -> None:
    show = "s.SECRET_KEY"
    environment = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path)}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", f"import orgadmin.settings as s; print({show})"],
            cwd=settings.BASE_DIR,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _process in range(4)
    ]

    keys = {process.communicate()[0] for process in both}

    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]
