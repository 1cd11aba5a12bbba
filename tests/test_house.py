"""What must hold everywhere, and is easily broken by somebody who means well."""

from __future__ import annotations

import ast
import gzip
import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.core.management import call_command
from django.template.loader import get_template

from departments import dingtalk, problems
from departments.dingtalk.errors import BUSY, KNOWN

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted(
    path.relative_to(ROOT / "templates") for path in (ROOT / "templates").rglob("*.html")
)
MODULES = sorted((ROOT / "departments").rglob("*.py"))
CATALOGUE = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"


def test_imports_keep_their_contracts() -> None:
    told = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 0, told.stdout


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.parametrize("name", TEMPLATES, ids=str)
def test_every_template_compiles(name: Path) -> None:
    get_template(str(name))


@pytest.mark.parametrize("name", TEMPLATES, ids=str)
def test_no_template_needs_a_weaker_policy_or_lets_markup_through(name: Path) -> None:
    text = (ROOT / "templates" / name).read_text()

    for forbidden in (
        r"\|safe\b",
        r"autoescape off",
        r"\sstyle=",
        r"\son[a-z]+=",
        r"hx-on",
        r"js:",
    ):
        assert not re.search(forbidden, text), forbidden
    # Outside quotes a name could bring attributes of its own.
    assert not re.search(r"\s[a-z-]+=\{", text)


@pytest.mark.parametrize(("ending", "most"), [("css", 15), ("js", 12)])
def test_own_styles_and_scripts_stay_small(ending: str, most: int) -> None:
    """Kilobytes, as a browser gets them."""
    files = (ROOT / "static").glob(f"*.{ending}")

    assert sum(len(gzip.compress(file.read_bytes())) for file in files) <= most * 1024


def test_no_code_lets_markup_through() -> None:
    for path in MODULES:
        assert "mark_safe" not in path.read_text(), path


def test_no_transaction_is_open_while_we_wait_for_dingtalk() -> None:
    assert not settings.DATABASES["default"].get("ATOMIC_REQUESTS")


def test_departments_are_written_only_by_services() -> None:
    writing = {"create_department", "update_department", "delete_department"}
    for path in MODULES:
        if path.parent.name == "services" or path.name == "client.py":
            continue
        called = {
            node.func.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        assert not called & writing, path


@pytest.mark.parametrize("code", [*KNOWN, *BUSY], ids=str)
def test_every_code_has_a_sentence_for_a_person(code: int | str) -> None:
    unlisted = str(problems.sentence_for("nobody lists this"))

    assert str(problems.sentence_for(code)) != unlisted


@pytest.mark.parametrize(
    "family", [name for name in dingtalk.__all__ if name[0].isupper()], ids=str
)
def test_every_failure_of_the_wire_has_a_page(family: str) -> None:
    found = getattr(dingtalk, family)
    if not (isinstance(found, type) and issubclass(found, dingtalk.DingTalkError)):
        return
    abstract = (dingtalk.DingTalkError, dingtalk.NotSent, dingtalk.SaidNo, dingtalk.NotAuthorised)
    if found not in abstract:
        assert any(parent in problems._TABLE for parent in found.__mro__), family


def test_every_variable_that_is_read_is_explained() -> None:
    read = re.findall(
        r'\benv\.\w+\(\s*"([A-Z_]+)"', (ROOT / "orgadmin" / "settings.py").read_text()
    )
    readme = (ROOT / "README.md").read_text()

    assert len(read) > 20
    assert [name for name in read if f"`{name}`" not in readme] == []


def test_every_test_that_the_checklist_names_exists() -> None:
    checklist = (ROOT / "docs" / "checklist.md").read_text()
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", checklist)

    assert len(named) > 70
    for module, test in named:
        assert f"def {test}(" in (ROOT / "tests" / module).read_text(), test


def test_the_translation_is_complete() -> None:
    catalogue = _read(CATALOGUE)

    missing = [m.id for m in catalogue if m.id and not all(_texts(m.string))]
    assert missing == []
    assert [m.id for m in catalogue if m.fuzzy and m.id] == []


def test_translations_keep_their_placeholders() -> None:
    for message in _read(CATALOGUE):
        if not message.id:
            continue
        wanted = {frozenset(_placeholders(text)) for text in _texts(message.id)}
        for text in _texts(message.string):
            assert frozenset(_placeholders(text)) in wanted, message.id


def test_the_compiled_translation_is_the_written_one() -> None:
    assert _sentences(CATALOGUE.with_suffix(".mo")) == _sentences(CATALOGUE)


def _read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_mo(file) if path.suffix == ".mo" else read_po(file)


def _texts(text: str | tuple[str, ...] | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def _sentences(path: Path) -> dict[tuple[str | None, str], list[str]]:
    # babel reads the context of an .mo as bytes, that of a .po as text
    return {
        (
            m.context.decode() if isinstance(m.context, bytes) else m.context,
            _texts(m.id)[0],
        ): _texts(m.string)
        for m in _read(path)
        if m.id
    }


def _placeholders(text: str) -> list[str]:
    return re.findall(r"%\(\w+\)s|\{\w+\}", text)
