"""The seam: which client a process gets, and a token that nobody else can read."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import cache

from departments import gateway

pytestmark = pytest.mark.django_db


def test_a_process_has_one_client(line):
    with ThreadPoolExecutor(8) as pool:
        clients = {id(client) for client in pool.map(lambda _: gateway.dingtalk(), range(32))}

    assert len(clients) == 1


def test_a_forked_process_makes_its_own(line, monkeypatch):
    ours = gateway.dingtalk()
    monkeypatch.setattr(os, "getpid", lambda: -1)

    assert gateway.dingtalk() is not ours


def test_after_a_reset_there_is_a_new_one(line):
    ours = gateway.dingtalk()

    gateway.reset()

    assert gateway.dingtalk() is not ours


def test_the_client_is_the_accounts_of_the_settings(line, sandbox):
    assert gateway.dingtalk().get_department(1).name == "Acme"
    assert sandbox.token_fetches == 1


def test_missing_credentials_are_named(line, settings):
    assert gateway.is_configured()

    settings.DINGTALK_CLIENT_SECRET = ""

    assert gateway.missing_settings() == ["DINGTALK_CLIENT_SECRET"]
    assert not gateway.is_configured()


# ── The sealed cache ─────────────────────────────────────────────────────────────────────────────────────


def test_what_is_kept_comes_back(line):
    store = gateway.SealedCache()

    store.set("key", {"token": "abc", "until": 1.5}, timeout=60)

    assert store.get("key") == {"token": "abc", "until": 1.5}


def test_what_is_kept_cannot_be_read_without_the_key(line):
    gateway.SealedCache().set("key", "a-token", timeout=60)

    assert b"a-token" not in cache.get("key")


def test_the_real_token_is_nowhere_in_the_cache(line, sandbox):
    gateway.dingtalk().get_department(1)
    token = sandbox.tokens.fetch().encode()

    kept = [value for value, *_ in (cache._cache or {}).values() if isinstance(value, tuple)]

    assert cache._cache
    assert not any(token in bytes(value) for value in cache._cache.values())
    assert kept == []


def test_nothing_kept_is_none(line):
    assert gateway.SealedCache().get("key") is None


@pytest.mark.parametrize("stranger", ["text", b"bytes", 17, {"a": 1}])
def test_what_we_did_not_seal_is_as_good_as_absent(line, stranger):
    cache.set("key", stranger)

    assert gateway.SealedCache().get("key") is None


def test_another_secret_key_opens_nothing(line, settings):
    gateway.SealedCache().set("key", "a-token", timeout=60)
    settings.SECRET_KEY = "another"

    assert gateway.SealedCache().get("key") is None


def test_a_lock_is_taken_once(line):
    store = gateway.SealedCache()

    assert store.add("lock", "one", timeout=60)
    assert not store.add("lock", "two", timeout=60)
    assert store.get("lock") == "one"


def test_what_is_deleted_is_gone(line):
    store = gateway.SealedCache()
    store.set("key", 1, timeout=60)

    store.delete("key")

    assert store.get("key") is None


# ── Without Redis ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def without_redis(settings):
    """Redis is where pace and token are kept, and it is away."""
    url = "redis://127.0.0.1:1/0"
    settings.CACHE_URL = url
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
    }
    gateway.reset()


def test_without_redis_calls_go_on_with_a_token_and_a_pace_of_this_process(
    line, sandbox, without_redis, caplog
):
    for _ in range(2):
        assert gateway.dingtalk().get_department(1).name == "Acme"

    assert sandbox.token_fetches == 1
    assert "the shared pace does not answer" in caplog.text
    assert "the shared cache does not answer" in caplog.text


def test_a_token_of_this_process_is_sealed_and_can_be_forgotten(line, without_redis):
    store = gateway.SealedCache()

    assert store.add("key", "a-token", timeout=60)
    assert not store.add("key", "another", timeout=60)
    store.set("key", "a newer", timeout=60)
    assert store.get("key") == "a newer"
    store.delete("key")
    assert store.get("key") is None


def test_when_redis_is_back_the_shared_token_is_used(line, without_redis, settings):
    store = gateway.SealedCache()
    store.set("key", "alone", timeout=60)
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    cache.clear()
    assert store.get("key") == "alone"

    store._alone_until = 0.0
    assert store.get("key") is None
