"""Processes that share Redis share one token: it is fetched once for all, and once more when it is refused."""

from __future__ import annotations

PROCESSES, THREADS = 4, 16
ALL = PROCESSES * THREADS

FETCH = "/oauth2/accessToken"
GET = "/topapi/v2/department/get"


def test_64_threads_of_4_processes_fetch_one_token_and_after_its_refusal_one_more(
    install, redis_url, company
) -> None:
    # The second part waits, in every call, until the last of them has come.
    installation = install(CACHE_URL=redis_url, DINGTALK_READ_SECONDS="120")
    installation.prepare()

    with installation.together(*[("read_twice", THREADS)] * PROCESSES) as reading:
        reading.wait_until_ready()
        reading.sign()
        reading.wait_until_ready()
        assert len(company.calls(FETCH)) == 1
        assert [call["code"] for call in company.calls(GET)] == [0] * ALL

        held = [f"reader {n}" for n in range(ALL)]
        for name in held:
            company.ask("barriers", {"hold": name, "path": GET, "seconds": 100})
        reading.sign()
        for name in held:
            company.ask("barriers", {"wait": name, "seconds": 90})
        company.ask("tokens", {"revoke": True})
        for name in held:
            company.ask("barriers", {"release": name})
        failures = reading.results()

    assert failures == [[]] * PROCESSES
    codes = [str(call["sub_code"] or call["code"]) for call in company.calls(GET)[ALL:]]
    assert sorted(codes) == ["0"] * ALL + ["40014"] * ALL, "each was refused once, and then served"
    assert len(company.calls(FETCH)) == 2
