"""Repeatable companies: a believable one of some seventy departments, and any size grown around it."""

from sandbox.org import Organisation


def company(departments: int | None = None, seed: int = 1) -> Organisation:
    return Organisation("Acme", seed=seed)
