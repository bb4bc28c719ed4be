"""Compositions: a conductor action decides which action runs next."""

from __future__ import annotations

from typing import Any

import pytest

from tests.openwhisk.contract.api import Api, notes

TRIPLE = "def main(p):\n    return {'value': p['value'] * 3}\n"
ADD = "def main(p):\n    return {'value': p['value'] + 1}\n"
#: Follows the steps in its parameter `steps`, each the name of an action; the state keeps those to come.
FOLLOW = (
    "def main(p):\n"
    "    steps = p.pop('steps')\n"
    "    if not steps or 'error' in p:\n"
    "        return {'params': p}\n"
    "    return {'action': steps[0], 'params': p, 'state': {'steps': steps[1:]}}\n"
)
CONDUCTOR = [{"key": "conductor", "value": True}]


def conductor(api: Api, code: str = FOLLOW, **fields: Any) -> str:
    """Create a conductor action and return its name."""
    return api.action(code, **{"annotations": CONDUCTOR} | fields)


def returns(expression: str) -> str:
    """Return code that returns the value of a Python expression."""
    return f"def main(p):\n    return {expression}\n"


def run(api: Api, name: str, body: Any) -> tuple[int, dict[str, Any]]:
    """Return the status and the record of a blocking invocation."""
    answer = api.ask("POST", f"/actions/{name}?blocking=true", body)
    return answer.status_code, answer.json()


def test_each_action_gets_the_parameters_that_the_conductor_gives(api: Api) -> None:
    triple, add, name = api.action(TRIPLE), api.action(ADD), conductor(api)
    status, record = run(api, name, {"value": 3, "steps": [triple, f"/{api.namespace}/{add}"]})
    assert (status, record["response"]["result"]) == (200, {"value": 10})
    annotations = notes(record["annotations"])
    assert (annotations["kind"], annotations["topmost"], annotations["conductor"]) == ("sequence", True, True)
    assert annotations["path"] == f"{api.namespace}/{name}"
    assert "causedBy" not in annotations
    assert "cause" not in record
    parts = [api.record(item) for item in record["logs"]]
    assert [part["name"] for part in parts] == [name, triple, name, add, name]
    for part in parts:
        shown = notes(part["annotations"])
        assert (part["cause"], shown["causedBy"]) == (record["activationId"], "sequence")
        assert shown["kind"].startswith("python:")
        assert not {"topmost", "conductor"} & shown.keys()
    assert record["duration"] == sum(part["duration"] for part in parts)
    assert api.record(record["activationId"])["logs"] == record["logs"]


def test_the_ways_to_invoke_one(api: Api) -> None:
    add, name = api.action(ADD), conductor(api)
    body = {"value": 1, "steps": [add]}
    assert api.result(name, body) == {"value": 2}
    begun = api.ask("POST", f"/actions/{name}", body)
    assert begun.status_code == 202
    assert api.record(begun.json()["activationId"])["response"]["result"] == {"value": 2}


def test_the_memory_is_the_largest_of_its_actions(api: Api) -> None:
    large, name = api.action(ADD, limits={"memory": 320}), conductor(api)
    _, record = run(api, name, {"value": 1, "steps": [large]})
    assert notes(record["annotations"])["limits"]["memory"] == 320


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("{'value': 1}", {"value": 1}),
        ("{'params': {'value': 1}, 'other': 2}", {"value": 1}),
        ("{'params': 7}", {"value": 7}),
        ("{'params': [1]}", {"value": [1]}),
        ("{'state': 1}", {"state": 1}),
    ],
)
def test_its_result_is_in_params_or_is_the_whole(api: Api, expression: str, result: Any) -> None:
    status, record = run(api, conductor(api, returns(expression)), {})
    assert (status, record["response"]["result"], len(record["logs"])) == (200, result, 1)


def test_values_that_are_no_objects_become_objects(api: Api) -> None:
    echo = api.action("def main(p):\n    return {'got': p}\n")
    code = (
        "def main(p):\n    if 'got' in p:\n        return {'params': p}\n"
        f"    return {{'action': {echo!r}, 'params': 7, 'state': 8}}\n"
    )
    _, record = run(api, conductor(api, code), {})
    assert record["response"]["result"] == {"got": {"value": 7}, "state": 8}


def test_the_state_takes_precedence_over_the_result(api: Api) -> None:
    same = api.action(returns("{'a': 1, 'b': 1}"))
    code = (
        "def main(p):\n    if 'a' in p:\n        return {'params': p}\n"
        f"    return {{'action': {same!r}, 'state': {{'b': 2}}}}\n"
    )
    _, record = run(api, conductor(api, code), {})
    assert record["response"]["result"] == {"a": 1, "b": 2}


def test_its_own_parameters_are_in_every_activation(api: Api) -> None:
    add = api.action(ADD)
    bound = [{"key": "base", "value": 5}]
    _, record = run(api, conductor(api, parameters=bound), {"value": 1, "steps": [add]})
    assert record["response"]["result"] == {"value": 2, "base": 5}


@pytest.mark.parametrize(
    ("code", "status", "http"),
    [
        (returns("{'error': 'not today', 'action': 'x'}"), "application error", 502),
        (returns("7"), "action developer error", 502),
    ],
)
def test_an_error_of_the_conductor_ends_it(api: Api, code: str, status: str, http: int) -> None:
    answered, record = run(api, conductor(api, code), {})
    assert (answered, record["response"]["status"], len(record["logs"])) == (http, status, 1)
    assert "error" in record["response"]["result"]


def test_the_conductor_gets_the_error_of_an_action(api: Api) -> None:
    wrong, name = api.action(returns("{'error': 'not today'}")), conductor(api)
    status, record = run(api, name, {"steps": [wrong, wrong]})
    # The conductor returned it as params, which is a success.
    assert (status, record["response"]["result"]) == (200, {"error": "not today"})
    assert [api.record(item)["name"] for item in record["logs"]] == [name, wrong, name]


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ("'test-absent'", "Failed to resolve action with name '{}/test-absent' during composition."),
        ("7", "Failed to parse action name from json value 7 during composition."),
        ("None", "Failed to parse action name from json value null during composition."),
        ("'/test-absent'", 'Failed to parse action name from json value "/test-absent" during composition.'),
        ("'a/b/c/d'", 'Failed to parse action name from json value "a/b/c/d" during composition.'),
    ],
)
def test_the_conductor_gets_the_reason_why_an_action_cannot_run(api: Api, action: str, message: str) -> None:
    code = (
        "def main(p):\n    if 'error' in p:\n        return {'params': {'seen': p['error']}}\n"
        f"    return {{'action': {action}}}\n"
    )
    status, record = run(api, conductor(api, code), {})
    assert (status, record["response"]["result"]) == (200, {"seen": message.format(api.namespace)})
    assert len(record["logs"]) == 2


def test_actions_of_another_namespace_are_not_run(api: Api) -> None:
    code = (
        "def main(p):\n    if 'error' in p:\n        return {'params': {'seen': p['error']}}\n"
        "    return {'action': '/somebody-else/secret'}\n"
    )
    _, record = run(api, conductor(api, code), {})
    assert "somebody-else/secret" in record["response"]["result"]["seen"]


def test_an_action_in_a_package(api: Api) -> None:
    package = api.name()
    api.put(f"/packages/{package}", {"parameters": [{"key": "by", "value": 10}]})
    inside = api.action(
        "def main(p):\n    return {'value': p['value'] + p['by']}\n", f"{package}/{api.name()}"
    )
    for path in (inside, f"/_/{inside}", f"{api.namespace}/{inside}"):
        assert api.result(conductor(api), {"value": 1, "steps": [path]}) == {"value": 11}


def test_a_sequence_and_a_composition_may_be_parts(api: Api) -> None:
    add, inner, outer = api.action(ADD), conductor(api), conductor(api)
    sequence = api.name()
    api.put(f"/actions/{sequence}", {"exec": {"kind": "sequence", "components": [f"/_/{add}"] * 2}})
    wrap = api.action(f"def main(p):\n    return {{'value': p['value'], 'steps': [{add!r}]}}\n")
    _, record = run(api, outer, {"value": 0, "steps": [sequence, wrap]})
    parts = [api.record(item) for item in record["logs"]]
    assert notes(parts[1]["annotations"])["topmost"] is False
    assert len(parts[1]["logs"]) == 2
    inner_run = {"value": 5, "steps": [add]}
    caller = conductor(
        api,
        "def main(p):\n    if 'started' in p:\n        return {'params': p}\n"
        f"    return {{'action': {inner!r}, 'params': {inner_run!r}, 'state': {{'started': 1}}}}\n",
    )
    _, record = run(api, caller, {})
    assert record["response"]["result"] == {"value": 6, "started": 1}
    within = api.record(record["logs"][1])
    shown = notes(within["annotations"])
    assert (shown["topmost"], shown["conductor"], shown["causedBy"]) == (False, True, "sequence")
    assert len(within["logs"]) == 3
    # A composition may be in a sequence too.
    both = api.name()
    api.put(f"/actions/{both}", {"exec": {"kind": "sequence", "components": [f"/_/{wrap}", f"/_/{inner}"]}})
    assert api.result(both, {"value": 1}) == {"value": 2}


def test_it_runs_no_more_actions_than_a_sequence_may_have(api: Api) -> None:
    echo, name = api.action("def main(p):\n    return p\n"), conductor(api)
    _, record = run(api, name, {"steps": [echo] * 60})
    assert record["response"]["result"] == {"error": "Too many actions in the composition."}
    assert len(record["logs"]) == 50 * 2 + 2
    assert record["response"]["status"] == "success"


def test_a_conductor_that_does_not_stop_is_stopped(api: Api) -> None:
    status, record = run(api, conductor(api, returns("{'action': 'test-absent'}")), {})
    assert status == 502
    assert record["response"]["status"] == "application error"
    assert record["response"]["result"] == {"error": "Too many actions in the composition."}
    assert len(record["logs"]) == 101


def test_a_composition_that_runs_itself_is_stopped(api: Api) -> None:
    name = api.name()
    conductor(api, returns(f"{{'action': {name!r}}}"), name=name)
    status, record = run(api, name, {})
    assert (status, record["response"]["result"]) == (502, {"error": "Too many actions in the composition."})


@pytest.mark.parametrize("value", [1, "yes", [], {}])
def test_the_annotation_may_have_any_true_value(api: Api, value: Any) -> None:
    code = returns("{'params': {'a': 1}}")
    assert api.result(conductor(api, code, annotations=[{"key": "conductor", "value": value}])) == {"a": 1}


@pytest.mark.parametrize("value", [False, 0, "", None])
def test_without_a_true_value_it_is_a_usual_action(api: Api, value: Any) -> None:
    code = returns("{'params': {'a': 1}}")
    name = conductor(api, code, annotations=[{"key": "conductor", "value": value}])
    assert api.result(name) == {"params": {"a": 1}}


def test_on_a_sequence_the_annotation_has_no_effect(api: Api) -> None:
    action, name = api.action(returns("{'params': 1}")), api.name()
    body = {"exec": {"kind": "sequence", "components": [f"/_/{action}"]}, "annotations": CONDUCTOR}
    api.put(f"/actions/{name}", body)
    assert api.result(name) == {"params": 1}


def test_a_rule_and_a_web_request_run_one(api: Api) -> None:
    import json

    add = api.action(ADD)
    web = [*CONDUCTOR, {"key": "web-export", "value": True}]
    code = FOLLOW.replace("p.pop('steps')", "p.pop('steps', ['" + add + "'])")
    code = code.replace("def main(p):\n", "def main(p):\n    p['value'] = int(p['value'])\n")
    name, trigger, rule = conductor(api, code, annotations=web), api.name(), api.name()
    assert api.web("GET", f"/default/{name}.json?value=4").json()["value"] == 5
    api.put(f"/triggers/{trigger}", {})
    api.put(f"/rules/{rule}", {"trigger": f"/_/{trigger}", "action": f"/_/{name}"})
    record = api.record(api.ask("POST", f"/triggers/{trigger}", {"value": 1}).json()["activationId"])
    ran = api.record(json.loads(record["logs"][0])["activationId"])
    assert ran["response"]["result"]["value"] == 2
