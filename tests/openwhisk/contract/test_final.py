"""A caller may not set parameters that are bound to an action annotated `final`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.openwhisk.contract.api import Api

ECHO = "def main(params):\n    return params\n"
REFUSAL = "Request defines parameters that are not allowed (e.g., reserved properties)."
FINAL = [{"key": "final", "value": True}]
#: As deployments bind them: a setting with a value, and one without.
BOUND = [{"key": "SIMULATOR_URL", "value": "value:http://own"}, {"key": "KAFKA_X", "value": "value:"}]
OVERRIDES: list[dict[str, Any]] = [
    {"SIMULATOR_URL": "http://evil.example"},
    {"KAFKA_X": "evil.example:9092"},
    {"KAFKA_X": None, "n": 1},
    {"SIMULATOR_URL": "value:http://own"},
]


def made(api: Api, where: str, **fields: Any) -> str:
    """A final action with its own parameters, those of its package, or those of its package's binding."""
    if where == "action":
        return api.action(ECHO, annotations=FINAL, parameters=BOUND, **fields)
    package, name = api.name(), api.name()
    api.put(f"/packages/{package}", {"parameters": BOUND[:1] if where == "binding" else BOUND})
    api.action(ECHO, f"{package}/{name}", annotations=FINAL, **fields)
    if where == "package":
        return f"{package}/{name}"
    binding = api.name()
    body = {"binding": {"namespace": "_", "name": package}, "parameters": BOUND[1:]}
    api.put(f"/packages/{binding}", body)
    return f"{binding}/{name}"


@pytest.mark.parametrize("where", ["action", "package", "binding"])
def test_an_invocation_may_not_set_them(api: Api, where: str) -> None:
    name = made(api, where)
    for body in OVERRIDES:
        for query in ("blocking=true", "blocking=true&result=true", "blocking=false"):
            answer = api.ask("POST", f"/actions/{name}?{query}", body)
            assert (answer.status_code, answer.json()["error"]) == (400, REFUSAL)
    assert api.result(name, {"n": 1, "simulator_url": "x"}) == {
        "SIMULATOR_URL": "value:http://own",
        "KAFKA_X": "value:",
        "n": 1,
        "simulator_url": "x",
    }


def test_parameters_without_a_value_may_be_set(api: Api) -> None:
    """OpenWhisk does this too, which is why settings that are not set are bound as well."""
    parameters = [{"key": "a", "value": None}, {"key": "b", "value": ""}]
    name = api.action(ECHO, annotations=FINAL, parameters=parameters)
    assert api.result(name, {"a": 1}) == {"a": 1, "b": ""}
    assert api.ask("POST", f"/actions/{name}", {"b": 1}).status_code == 400


def test_without_the_annotation_they_may_be_set(api: Api) -> None:
    for notes in ([], [{"key": "final", "value": False}]):
        name = api.action(ECHO, annotations=notes, parameters=BOUND)
        assert api.result(name, {"KAFKA_X": "y"})["KAFKA_X"] == "y"


def test_a_rule_may_not_set_them(api: Api) -> None:
    for body in OVERRIDES:
        for trigger_has in (True, False):
            name, trigger, rule = made(api, "package"), api.name(), api.name()
            parameters = [{"key": key, "value": value} for key, value in body.items()] if trigger_has else []
            api.put(f"/triggers/{trigger}", {"parameters": parameters})
            api.put(f"/rules/{rule}", {"trigger": f"/_/{trigger}", "action": f"/_/{name}"})
            answer = api.ask("POST", f"/triggers/{trigger}", {} if trigger_has else body)
            record = api.record(answer.json()["activationId"])
            entry = json.loads(record["logs"][0])
            assert (entry["success"], REFUSAL in entry["error"]) == (False, True)
            assert api.ask("GET", f"/activations?name={name}").json() == []


def test_the_caller_of_a_web_action_may_not_set_them(api: Api) -> None:
    package, name = api.name(), api.name()
    api.put(f"/packages/{package}", {"parameters": BOUND})
    api.action(ECHO, f"{package}/{name}", annotations=[*FINAL, {"key": "web-export", "value": True}])
    path = f"/{package}/{name}.json"
    for body in OVERRIDES:
        assert api.web("POST", path, json=body).json()["error"] == REFUSAL
        refused = api.web("POST", path, data={key: str(value) for key, value in body.items()})
        assert (refused.status_code, refused.json()["error"]) == (400, REFUSAL)
        key, value = next(iter(body.items()))
        assert api.web("GET", path, params={key: str(value)}).status_code == 400
    assert api.web("GET", path).json()["SIMULATOR_URL"] == "value:http://own"
