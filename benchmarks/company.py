"""The sandbox's company of 10,000, connected to the product in this process and read into memory."""

from __future__ import annotations

from functools import cache

import httpx
from django.contrib.auth.models import Group, User
from django.test import Client

from departments import gateway
from departments.services import sync
from sandbox import Sandbox, company

SIZE = 10_000


@cache
def sandbox() -> Sandbox:
    found = Sandbox(org=company(SIZE))
    gateway.transport = httpx.WSGITransport(app=found)
    gateway.reset()
    sync.crawl(below=1)
    return found


@cache
def person() -> Client:
    user = User.objects.create_user("bench")
    user.groups.add(Group.objects.get(name="deleter"))
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    return client


def calls() -> int:
    return len(sandbox().calls)
