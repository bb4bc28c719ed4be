"""Sequences cannot bypass `final`, although they can in OpenWhisk itself."""

from __future__ import annotations

from testkit.openwhisk import OpenWhisk
from tests.openwhisk.contract.test_final import BOUND, ECHO, FINAL, OVERRIDES, REFUSAL


def sequence(whisk: OpenWhisk, name: str, *components: str) -> str:
    """Create a sequence and return its name."""
    body = {"exec": {"kind": "sequence", "components": [f"/_/{item}" for item in components]}}
    assert whisk.ask("PUT", f"/actions/{name}", body).status_code == 200
    return name


def test_a_request_may_not_set_final_parameters_of_the_first_action(whisk: OpenWhisk, name: str) -> None:
    whisk.action(name, ECHO, annotations=FINAL, parameters=BOUND)
    inner = sequence(whisk, f"{name}-inner", name)
    outer = sequence(whisk, f"{name}-outer", inner, name)
    for sequence_name in (inner, outer):
        for body in OVERRIDES:
            for query in ("blocking=true", "blocking=false"):
                answer = whisk.invoke(sequence_name, body, query)
                assert (answer.status_code, answer.json()["error"]) == (400, REFUSAL)
    assert whisk.ask("GET", f"/activations?name={name}").json() == []
    answer = whisk.invoke(inner, {"n": 1}, "blocking=true&result=true")
    assert answer.json()["SIMULATOR_URL"] == "value:http://own"


def test_one_action_may_not_set_final_parameters_of_the_next(whisk: OpenWhisk, name: str) -> None:
    whisk.action(name, ECHO, annotations=FINAL, parameters=BOUND)
    whisk.action(f"{name}-open", ECHO)
    for last in (name, sequence(whisk, f"{name}-inner", name)):
        both = sequence(whisk, f"{last}-both", f"{name}-open", last)
        for body in OVERRIDES:
            answer = whisk.invoke(both, body)
            assert answer.status_code == 502
            response = answer.json()["response"]
            assert (response["status"], response["result"]) == ("application error", {"error": REFUSAL})
    assert whisk.ask("GET", f"/activations?name={name}").json() == []


def test_a_web_action_that_is_a_sequence(whisk: OpenWhisk, name: str) -> None:
    whisk.action(name, ECHO, annotations=FINAL, parameters=BOUND)
    body = {
        "exec": {"kind": "sequence", "components": [f"/_/{name}"]},
        "annotations": [{"key": "web-export", "value": True}],
    }
    assert whisk.ask("PUT", f"/actions/{name}-web", body).status_code == 200
    url = f"{whisk.url}/web/guest/default/{name}-web.json"
    answer = whisk.session.get(url, params={"SIMULATOR_URL": "http://evil.example"}, timeout=30)
    assert (answer.status_code, answer.json()["error"]) == (400, REFUSAL)
