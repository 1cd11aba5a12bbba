"""The seed's journey, and a slow DingTalk, over real sockets: the product's own transport and deadlines."""

import time

import pytest
import stamina
from looking import outcomes, writes

from departments import gateway
from departments.models import AuditEntry, Outcome
from sandbox import serving


class Slowly:
    """The sandbox, taking its time over calls whose path holds this text."""

    def __init__(self, sandbox):
        self._sandbox = sandbox
        self.path = None

    def __call__(self, environ, start_response):
        answer = self._sandbox(environ, start_response)
        if self.path and self.path in environ["PATH_INFO"]:
            time.sleep(0.9)
        return answer


@pytest.fixture
def slowly(sandbox):
    return Slowly(sandbox)


@pytest.fixture
def connect(slowly, line, settings, monkeypatch):
    """Connects the product to the sandbox by nothing but an address, under the deadlines given."""
    # Attempts as in earnest: what is left of a deadline decides whether there is another.
    with stamina.set_testing(False), serving(slowly) as address:
        settings.DINGTALK_OAPI_URL = settings.DINGTALK_API_URL = address
        monkeypatch.setattr(gateway, "transport", None)

        def connected(**seconds):
            for name, value in seconds.items():
                setattr(settings, f"DINGTALK_{name.upper()}_SECONDS", value)
            gateway.dingtalk().close()
            gateway.reset()

        connected()
        yield connected
        gateway.dingtalk().close()
        gateway.reset()


def test_a_department_lives_and_dies(org, sandbox, connect, deleter):
    assert "“Design” was created." in deleter.create(1, name="Design").text
    design = org["Design"].dept_id
    assert "“Brand” was created." in deleter.create(design, name="Brand").text
    assert "Saved." in deleter.save(design, name="Design 设计", hide_dept="on").text
    assert org[design].hide_dept

    org.add_member("Brand", "Li Wei")
    page = deleter.check(design)
    assert "can’t be deleted yet" in page.text
    assert "Li Wei" in page.text

    org.remove_member("Brand", "Li Wei")
    page = deleter.check(design)
    page = deleter.post(page.url, {})
    assert "“Design 设计” was deleted" in page.text
    assert design not in org
    assert set(outcomes()) == {Outcome.DONE}
    assert len(writes(sandbox)) == 4


def test_a_slow_read_ends_at_its_deadline_and_memory_is_shown(org, connect, slowly, viewer):
    legal = org["Legal"].dept_id
    viewer.get(f"/departments/{legal}/")
    connect(read=0.8)
    slowly.path = "department/get"

    page = viewer.get(f"/departments/{legal}/?live=1")

    assert page.status == 200
    assert "DingTalk is not answering" in page.text
    assert "Legal" in page.text


def test_a_slow_write_is_unknown_at_its_deadline_and_settled_by_looking(
    org, sandbox, connect, slowly, editor, settings
):
    legal = org["Legal"].dept_id
    form = editor.open_edit(legal)
    connect(write=0.8)
    slowly.path = "department/update"

    page = editor.post(f"/departments/{legal}/edit/", form | {"name": "Law"})

    assert page.status == 502
    assert outcomes() == [Outcome.UNKNOWN]

    settings.SETTLE_SECONDS = 0
    editor.get(f"/history/{AuditEntry.objects.get().pk}/")
    assert outcomes() == [Outcome.DONE]
    assert org[legal].name == "Law"
    assert len(writes(sandbox)) == 1


def test_where_nobody_listens_nothing_is_sent(org, sandbox, connect, editor, settings):
    legal = org["Legal"].dept_id
    form = editor.open_edit(legal)
    settings.DINGTALK_OAPI_URL = "http://127.0.0.1:9"
    connect(read=0.8)

    page = editor.post(f"/departments/{legal}/edit/", form | {"name": "Law"})

    assert page.status == 503
    assert "There is no connection to DingTalk" in page.text
    assert page.field("name") == "Law"
    assert writes(sandbox) == []
