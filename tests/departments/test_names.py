"""What people type for a name without an input method."""

import subprocess
import sys

import pytest

from departments.services import names


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("研发中心", "yanfazhongxin yfzx"),
        ("研发中心 R&D Center", "yanfazhongxin yfzx"),
        ("华东 研发", "huadongyanfa hdyf"),
        ("A1组", "a1zu a1z"),
    ],
)
def test_first_the_whole_pinyin_then_the_initials(name, keys):
    assert names.keys_of(name).startswith(keys)


@pytest.mark.parametrize("name", ["Sales", "", "R&D 2", "ÉTÉ"])
def test_a_name_without_han_has_none(name):
    assert names.keys_of(name) == ""


def test_words_mislead_so_other_readings_count_too():
    """The words around it make 长 a zhang here: 司长, a head of department."""
    keys = names.keys_of("重庆分公司长沙").split()

    assert keys[0] == "chongqingfengongsizhangsha"
    assert "chongqingfengongsichangsha" in keys
    assert "cqfgscs" in keys


def test_there_are_no_more_combinations_than_anybody_could_mean():
    keys = names.keys_of("长" * 30).split()

    assert len(keys) == len(set(keys))
    assert len(keys) <= 32


@pytest.mark.parametrize("name", ["行" * 5000, "长" * 64, "行 " * 100])
def test_very_long_names_have_keys_of_a_bounded_length(name):
    assert 0 < len(names.keys_of(name)) <= 500


def test_every_key_is_of_one_piece():
    assert names.keys_of("研\t发\u3000部").split(" ")[0] == "yanfabu"


def test_each_word_counts_by_itself_too():
    keys = names.keys_of("华东-研发").split()

    assert {"huadongyanfa", "hdyf", "huadong", "hd", "yanfa", "yf"} <= set(keys)


def test_the_dictionary_is_loaded_only_where_a_name_needs_it():
    """58 MB, which a company without Chinese names does not pay for."""
    look = (
        "import sys; from departments.services import names; names.keys_of('Sales');"
        "sys.exit('pypinyin' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0
