"""Sequences: actions one after another."""

from __future__ import annotations

import pytest

from tests.openwhisk.contract.api import Api, notes

ADD = "def main(p):\n    return {'n': p['n'] + p.get('by', 1)}\n"


def sequence(api: Api, *components: str, name: str = "") -> str:
    """Create a sequence and return its name."""
    name = name or api.name()
    body = {"exec": {"kind": "sequence", "components": [f"/_/{item}" for item in components]}}
    document = api.put(f"/actions/{name}", body, overwrite=True)
    assert document["exec"]["kind"] == "sequence"
    assert document["exec"]["components"] == [f"/{api.namespace}/{item}" for item in components]
    assert notes(document["annotations"])["exec"] == "sequence"
    return name


def test_each_action_gets_the_result_of_the_one_before(api: Api) -> None:
    action = api.action(ADD)
    package = api.name()
    api.put(f"/packages/{package}", {"parameters": [{"key": "by", "value": 10}]})
    ten = api.action(ADD, name=f"{package}/add")
    name = sequence(api, action, ten, action)
    record = api.ask("POST", f"/actions/{name}?blocking=true", {"n": 1}).json()
    assert record["response"]["result"] == {"n": 13}
    annotations = notes(record["annotations"])
    assert (annotations["kind"], annotations["topmost"]) == ("sequence", True)
    parts = [api.record(item) for item in record["logs"]]
    assert [part["name"] for part in parts] == [action, "add", action]
    assert all(part["cause"] == record["activationId"] for part in parts)
    assert all(notes(part["annotations"])["causedBy"] == "sequence" for part in parts)
    assert record["duration"] == sum(part["duration"] for part in parts)
    assert api.record(record["activationId"])["response"]["result"] == {"n": 13}


def test_a_sequence_may_be_part_of_another(api: Api) -> None:
    action = api.action(ADD)
    inner = sequence(api, action, action)
    outer = sequence(api, inner, action)
    record = api.ask("POST", f"/actions/{outer}?blocking=true", {"n": 0}).json()
    assert record["response"]["result"] == {"n": 3}
    within = api.record(record["logs"][0])
    assert notes(within["annotations"])["topmost"] is False
    assert within["cause"] == record["activationId"]
    assert len(within["logs"]) == 2


@pytest.mark.parametrize(
    ("code", "status", "message"),
    [
        ("def main(p):\n    return {'error': 'not today'}\n", "application error", "not today"),
        ("def main(p):\n    raise ValueError('not now')\n", "application error", "not now"),
        ("import sys\ndef main(p):\n    sys.exit(1)\n", "action developer error", None),
    ],
)
def test_it_ends_at_the_first_error(api: Api, code: str, status: str, message: str | None) -> None:
    action, wrong = api.action(ADD), api.action(code)
    answer = api.ask("POST", f"/actions/{sequence(api, action, wrong, action)}?blocking=true", {"n": 1})
    assert answer.status_code == 502
    record = answer.json()
    assert record["response"]["status"] == status
    assert len(record["logs"]) == 2
    if message:
        assert record["response"]["result"] == {"error": message}


def test_a_non_blocking_invocation_answers_202(api: Api) -> None:
    name = sequence(api, api.action(ADD))
    answer = api.ask("POST", f"/actions/{name}", {"n": 1})
    assert answer.status_code == 202
    assert api.record(answer.json()["activationId"])["response"]["result"] == {"n": 2}


def test_a_missing_action_is_reported(api: Api) -> None:
    action = api.action(ADD)
    name = sequence(api, action)
    api.ask("DELETE", f"/actions/{action}")
    answer = api.ask("POST", f"/actions/{name}?blocking=true&result=true", {"n": 1})
    assert (answer.status_code, answer.json()) == (502, {"error": "Sequence component does not exist."})


def test_it_may_not_contain_itself(api: Api) -> None:
    action = api.action(ADD)
    inner = sequence(api, action)
    outer = sequence(api, inner)
    for name, component in ((inner, inner), (inner, outer)):
        body = {"exec": {"kind": "sequence", "components": [f"/_/{component}"]}}
        answer = api.ask("PUT", f"/actions/{name}?overwrite=true", body)
        assert answer.status_code == 400
        assert "itself" in answer.json()["error"]


@pytest.mark.parametrize(
    ("components", "message"),
    [
        ([], "No component"),
        (None, "components"),
        (["/_/test-absent"], "does not exist"),
        (["/_/x"] * 51, "Too many"),
        (["x"], "components"),
        ([7], "components"),
    ],
)
def test_wrong_sequences_are_refused(api: Api, name: str, components: object, message: str) -> None:
    answer = api.ask("PUT", f"/actions/{name}", {"exec": {"kind": "sequence", "components": components}})
    assert answer.status_code == 400
    assert message in answer.json()["error"]


def test_a_trigger_may_fire_a_sequence(api: Api) -> None:
    import json

    name, trigger, rule = sequence(api, api.action(ADD)), api.name(), api.name()
    api.put(f"/triggers/{trigger}", {})
    api.put(f"/rules/{rule}", {"trigger": f"/_/{trigger}", "action": f"/_/{name}"})
    record = api.record(api.ask("POST", f"/triggers/{trigger}", {"n": 1}).json()["activationId"])
    assert api.record(json.loads(record["logs"][0])["activationId"])["response"]["result"] == {"n": 2}
