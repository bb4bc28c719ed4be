"""Triggers and rules."""

from __future__ import annotations

import json

import pytest

from tests.openwhisk.contract.api import Api, notes

ECHO = "def main(params):\n    print('echo')\n    return {'got': params}\n"


def made(api: Api, trigger: str = "", **fields: object) -> tuple[str, str, str]:
    """An action, a trigger and a rule that connects them."""
    action, trigger, rule = api.action(ECHO), trigger or api.name(), api.name()
    api.put(f"/triggers/{trigger}", dict(fields))
    api.put(f"/rules/{rule}", {"trigger": f"/_/{trigger}", "action": f"/_/{action}"})
    return action, trigger, rule


def test_a_trigger_is_created_read_listed_updated_and_deleted(api: Api, name: str) -> None:
    body = {"parameters": [{"key": "a", "value": 1}], "annotations": [{"key": "note", "value": "x"}]}
    created = api.put(f"/triggers/{name}", body)
    assert (created["namespace"], created["name"], created["version"]) == (api.namespace, name, "0.0.1")
    assert api.ask("GET", f"/triggers/{name}").json() == created
    refused = api.ask("PUT", f"/triggers/{name}", body)
    assert (refused.status_code, refused.json()["error"]) == (409, "resource already exists")
    updated = api.put(f"/triggers/{name}", {"annotations": []}, overwrite=True)
    assert updated["version"] == "0.0.2"
    assert notes(updated["parameters"]) == {"a": 1}
    assert name in {item["name"] for item in api.ask("GET", "/triggers?limit=200").json()}
    assert api.ask("GET", "/triggers?limit=1&skip=0").json()[0]["name"] == name
    assert api.ask("DELETE", f"/triggers/{name}").json()["name"] == name
    for method in ("GET", "DELETE", "POST"):
        assert api.ask(method, f"/triggers/{name}").status_code == 404


def test_a_trigger_without_active_rules_answers_204(api: Api, name: str) -> None:
    api.put(f"/triggers/{name}", {})
    answer = api.ask("POST", f"/triggers/{name}", {"a": 1})
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_fired_trigger_invokes_the_actions_of_its_rules(api: Api) -> None:
    action, trigger, rule = made(api, parameters=[{"key": "a", "value": 1}, {"key": "b", "value": 1}])
    answer = api.ask("POST", f"/triggers/{trigger}", {"b": 2}, headers={"X-Event": "push"})
    assert answer.status_code == 202
    record = api.record(answer.json()["activationId"])
    assert record["name"] == trigger
    assert record["response"]["result"] == {"b": 2}
    entry = json.loads(record["logs"][0])
    assert entry["rule"] == f"{api.namespace}/{rule}"
    assert entry["action"] == f"{api.namespace}/{action}"
    assert (entry["statusCode"], entry["success"]) == (0, True)
    invoked = api.record(entry["activationId"])
    assert invoked["name"] == action
    got = invoked["response"]["result"]["got"]
    headers = got.pop("__ow_headers")
    assert headers["x-event"] == "push"
    assert got == {"a": 1, "b": 2}


def test_a_rule_is_created_read_listed_updated_and_deleted(api: Api) -> None:
    action, trigger, rule = made(api)
    shown = api.ask("GET", f"/rules/{rule}").json()
    assert shown["status"] == "active"
    assert shown["trigger"] == {"path": api.namespace, "name": trigger}
    assert shown["action"] == {"path": api.namespace, "name": action}
    assert api.ask("GET", f"/triggers/{trigger}").json()["rules"] == {
        f"{api.namespace}/{rule}": {"action": {"path": api.namespace, "name": action}, "status": "active"}
    }
    assert rule in {item["name"] for item in api.ask("GET", "/rules?limit=200").json()}
    body = {"trigger": f"/_/{trigger}", "action": f"/_/{action}"}
    assert api.ask("PUT", f"/rules/{rule}", body).status_code == 409
    other = api.name()
    api.put(f"/triggers/{other}", {})
    moved = api.put(f"/rules/{rule}", {"trigger": f"/_/{other}"}, overwrite=True)
    assert (moved["version"], moved["status"], moved["trigger"]["name"]) == ("0.0.2", "active", other)
    assert not api.ask("GET", f"/triggers/{trigger}").json().get("rules")
    assert api.ask("DELETE", f"/rules/{rule}").status_code == 200
    assert not api.ask("GET", f"/triggers/{other}").json().get("rules")
    for method in ("GET", "DELETE"):
        assert api.ask(method, f"/rules/{rule}").status_code == 404


def test_a_rule_is_disabled_and_enabled(api: Api) -> None:
    _, trigger, rule = made(api)
    for status, fired in (("inactive", 204), ("inactive", 204), ("active", 202)):
        assert api.ask("POST", f"/rules/{rule}", {"status": status}).status_code in (200, 202)
        assert api.ask("GET", f"/rules/{rule}").json()["status"] == status
        assert api.ask("POST", f"/triggers/{trigger}", {}).status_code == fired
    # An update does not change it.
    api.ask("POST", f"/rules/{rule}", {"status": "inactive"})
    assert api.put(f"/rules/{rule}", {"annotations": []}, overwrite=True)["status"] == "inactive"


def test_an_inactive_rule_next_to_an_active_one_is_logged(api: Api) -> None:
    action, trigger, rule = made(api)
    second = api.name()
    api.put(f"/rules/{second}", {"trigger": f"/_/{trigger}", "action": f"/_/{action}"})
    api.ask("POST", f"/rules/{rule}", {"status": "inactive"})
    record = api.record(api.ask("POST", f"/triggers/{trigger}", {}).json()["activationId"])
    entries = {entry["rule"].split("/")[1]: entry for entry in map(json.loads, record["logs"])}
    assert entries[second]["success"]
    assert not entries[rule]["success"]
    assert "is inactive" in entries[rule]["error"]


def test_a_rule_without_its_trigger_is_inactive(api: Api) -> None:
    _, trigger, rule = made(api)
    api.ask("DELETE", f"/triggers/{trigger}")
    assert api.ask("GET", f"/rules/{rule}").json()["status"] == "inactive"
    assert api.ask("POST", f"/rules/{rule}", {"status": "active"}).status_code == 404


def test_a_rule_whose_action_is_missing_is_logged(api: Api) -> None:
    action, trigger, _ = made(api)
    api.ask("DELETE", f"/actions/{action}")
    record = api.record(api.ask("POST", f"/triggers/{trigger}", {}).json()["activationId"])
    entry = json.loads(record["logs"][0])
    assert not entry["success"]
    assert entry["error"] == "The requested resource does not exist."


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"trigger": "/_/test-absent", "action": "/_/test-absent"}, "does not exist"),
        ({"trigger": "/_/test-absent"}, "action"),
        ({"action": "/_/test-absent"}, "trigger"),
        ({"trigger": "/_/a/b/c", "action": "/_/x"}, "trigger"),
        ({"trigger": "/_/a", "action": 7}, "action"),
    ],
)
def test_wrong_rules_are_refused(api: Api, name: str, body: dict[str, object], message: str) -> None:
    answer = api.ask("PUT", f"/rules/{name}", body)
    assert answer.status_code == 400
    assert message in answer.json()["error"]
    assert api.ask("GET", f"/rules/{name}").status_code == 404


def test_a_wrong_status_is_refused(api: Api) -> None:
    _, _, rule = made(api)
    assert api.ask("POST", f"/rules/{rule}", {"status": "asleep"}).status_code == 400


def test_a_name_belongs_to_one_entity(api: Api, name: str) -> None:
    api.put(f"/triggers/{name}", {})
    answer = api.ask("PUT", f"/actions/{name}", {"exec": {"kind": "python:default", "code": ECHO}})
    assert answer.status_code == 409
    assert api.ask("GET", f"/packages/{name}").status_code in (404, 409)
