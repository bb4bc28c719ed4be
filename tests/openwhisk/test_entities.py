"""Packages and actions: create, read, list, update, delete, and what is refused."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from testkit.openwhisk import OpenWhisk
from tests.openwhisk.conftest import Start

ECHO = "def main(params):\n    return params\n"
EXEC = {"kind": "python:default", "code": ECHO}


def test_an_action_is_created_read_listed_and_deleted(whisk: OpenWhisk, name: str) -> None:
    created = whisk.ask("PUT", f"/actions/{name}", {"exec": EXEC})
    assert created.status_code == 200
    document = created.json()
    assert (document["namespace"], document["name"], document["version"]) == ("guest", name, "0.0.1")
    kind = f"python:{sys.version_info.major}.{sys.version_info.minor}"
    assert document["exec"] == {"kind": kind, "binary": False, "code": ECHO}
    assert document["limits"] == {"timeout": 60000, "memory": 256, "logs": 10, "concurrency": 1}
    assert {"key": "exec", "value": kind} in document["annotations"]
    assert whisk.ask("GET", f"/actions/{name}").json() == document
    assert "code" not in whisk.ask("GET", f"/actions/{name}?code=false").json()["exec"]
    listed = {item["name"]: item for item in whisk.ask("GET", "/actions?limit=0").json()}
    assert "parameters" not in listed[name]
    assert whisk.ask("DELETE", f"/actions/{name}").json()["name"] == name
    assert whisk.ask("GET", f"/actions/{name}").status_code == 404
    assert whisk.ask("DELETE", f"/actions/{name}").status_code == 404


def test_an_existing_action_is_409_and_overwritten_on_demand(whisk: OpenWhisk, name: str) -> None:
    parameters = [{"key": "a", "value": 1}]
    whisk.ask("PUT", f"/actions/{name}", {"exec": EXEC, "parameters": parameters})
    refused = whisk.ask("PUT", f"/actions/{name}", {"exec": EXEC})
    assert (refused.status_code, refused.json()["error"]) == (409, "resource already exists")
    # What an update does not mention stays unchanged.
    updated = whisk.ask("PUT", f"/actions/{name}?overwrite=true", {"limits": {"timeout": 5000}}).json()
    assert updated["version"] == "0.0.2"
    assert updated["limits"]["timeout"] == 5000
    assert updated["parameters"] == parameters
    assert updated["exec"]["code"] == ECHO


def test_an_updated_action_runs_next(whisk: OpenWhisk, name: str) -> None:
    for answer in (1, 2):
        whisk.action(name, f"def main(p):\n    return {{'answer': {answer}}}\n")
        assert whisk.invoke(name, query="blocking=true&result=true").json() == {"answer": answer}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "exec"),
        ({"exec": 1}, "exec"),
        ({"exec": {"kind": "cobol", "code": "x"}}, "exec.kind"),
        ({"exec": {"kind": 3}}, "exec.kind"),
        ({"exec": {"kind": "python:default"}}, "exec.code"),
        ({"exec": {"kind": "blackbox"}}, "exec.image"),
        ({"exec": {"kind": "blackbox", "image": "a b"}}, "exec.image"),
        ({"exec": {"kind": "blackbox", "image": "a/" * 300 + "b"}}, "exec.image"),
        ({"exec": EXEC | {"main": 1}}, "exec.main"),
        ({"exec": EXEC | {"binary": "yes"}}, "exec.binary"),
        ({"exec": EXEC, "limits": {"timeout": 99}}, "limits.timeout"),
        ({"exec": EXEC, "limits": {"timeout": "1"}}, "limits.timeout"),
        ({"exec": EXEC, "limits": {"memory": True}}, "limits.memory"),
        ({"exec": EXEC, "limits": {"memory": 513}}, "limits.memory"),
        ({"exec": EXEC, "limits": {"timeout": 300_001}}, "limits.timeout"),
        ({"exec": EXEC, "limits": {"concurrency": 2}}, "limits.concurrency"),
        ({"exec": EXEC, "limits": []}, "limits"),
        ({"exec": EXEC, "parameters": {}}, "parameters"),
        ({"exec": EXEC, "parameters": [{"key": "a", "value": 1}, {"value": 1}]}, "parameters[1]"),
        ({"exec": EXEC, "annotations": [1]}, "annotations[0]"),
        ({"exec": EXEC, "publish": "no"}, "publish"),
        ({"exec": EXEC, "version": "one"}, "version"),
        ([], "JSON object"),
    ],
)
def test_a_malformed_action_is_400_and_the_field_is_named(
    whisk: OpenWhisk, name: str, body: Any, field: str
) -> None:
    answer = whisk.ask("PUT", f"/actions/{name}", body)
    assert answer.status_code == 400
    assert field in answer.json()["error"]
    assert whisk.ask("GET", f"/actions/{name}").status_code == 404


def test_a_body_that_is_not_json_is_400(whisk: OpenWhisk, name: str) -> None:
    answer = whisk.ask("PUT", f"/actions/{name}", data=b"{nonsense")
    assert answer.status_code == 400
    assert "malformed" in answer.json()["error"]


def test_code_over_the_limit_is_413(whisk: OpenWhisk, name: str) -> None:
    code = "#" * (48 * 1024 * 1024 + 1)
    assert whisk.ask("PUT", f"/actions/{name}", {"exec": EXEC | {"code": code}}).status_code == 413


def test_a_package_contains_actions(whisk: OpenWhisk, name: str) -> None:
    package, action = f"{name}-package", f"/actions/{name}-package/{name}"
    assert whisk.ask("PUT", action, {"exec": EXEC}).status_code == 404
    created = whisk.ask("PUT", f"/packages/{package}", {"parameters": [{"key": "a", "value": 1}]})
    assert created.json()["parameters"] == [{"key": "a", "value": 1}]
    assert whisk.ask("PUT", f"/packages/{package}", {}).status_code == 409
    assert whisk.ask("PUT", action, {"exec": EXEC}).json()["namespace"] == f"guest/{package}"
    assert [item["name"] for item in whisk.ask("GET", f"/packages/{package}").json()["actions"]] == [name]
    assert [item["name"] for item in whisk.ask("GET", f"/actions/{package}/").json()] == [name]
    assert package in [item["name"] for item in whisk.ask("GET", "/packages?limit=0").json()]
    # Read through the package, an action shows what it inherits.
    assert whisk.ask("GET", action).json()["parameters"] == [{"key": "a", "value": 1}]

    refused = whisk.ask("DELETE", f"/packages/{package}")
    assert (refused.status_code, "not empty" in refused.json()["error"]) == (409, True)
    assert whisk.ask("DELETE", f"/packages/{package}?force=true").status_code == 200
    assert whisk.ask("GET", action).status_code == 404


def test_parameters_merge_package_action_invocation(whisk: OpenWhisk, name: str) -> None:
    def parameters(**values: str) -> list[dict[str, str]]:
        return [{"key": key, "value": value} for key, value in values.items()]

    package = f"{name}-package"
    whisk.ask(
        "PUT", f"/packages/{package}", {"parameters": parameters(a="package", b="package", c="package")}
    )
    whisk.action(f"{package}/{name}", ECHO, parameters=parameters(b="action", c="action"))
    ask = f"{package}/{name}"
    expected = {"a": "package", "b": "action", "c": "caller"}
    assert whisk.invoke(ask, {"c": "caller"}, "blocking=true&result=true").json() == expected
    # The next invocation sees a changed package, without a new process.
    whisk.ask("PUT", f"/packages/{package}?overwrite=true", {"parameters": parameters(a="new")})
    record = whisk.invoke(ask, {"c": "caller"}).json()
    assert record["response"]["result"] == expected | {"a": "new"}
    assert "initTime" not in [item["key"] for item in record["annotations"]]


def test_a_binding_adds_its_parameters(whisk: OpenWhisk, name: str) -> None:
    package, binding = f"{name}-package", f"{name}-binding"
    given = {"parameters": [{"key": "a", "value": "package"}, {"key": "b", "value": "package"}]}
    whisk.ask("PUT", f"/packages/{package}", given)
    whisk.action(f"{package}/{name}", ECHO)
    bound = {"binding": {"namespace": "_", "name": package}, "parameters": [{"key": "b", "value": "binding"}]}
    assert whisk.ask("PUT", f"/packages/{binding}", bound).json()["binding"]["name"] == package
    answer = whisk.invoke(f"{binding}/{name}", query="blocking=true&result=true")
    assert answer.json() == {"a": "package", "b": "binding"}
    refused = whisk.ask("PUT", f"/actions/{binding}/other", {"exec": EXEC})
    assert (refused.status_code, "binding" in refused.json()["error"]) == (400, True)
    for wrong in ("absent", binding):
        body = {"binding": {"namespace": "_", "name": wrong}}
        assert whisk.ask("PUT", f"/packages/{name}-wrong", body).status_code == 400


def test_init_parameters_are_environment(whisk: OpenWhisk, name: str) -> None:
    whisk.action(
        name,
        "import os\nSEEN = os.environ['COLOUR']\ndef main(p):\n    return {'seen': SEEN, 'params': p}\n",
        parameters=[{"key": "COLOUR", "value": "blue", "init": True}, {"key": "a", "value": 1}],
    )
    answer = whisk.invoke(name, query="blocking=true&result=true").json()
    assert answer == {"seen": "blue", "params": {"a": 1}}


def test_python_3_is_accepted_too(whisk: OpenWhisk, name: str) -> None:
    """Older OpenWhisks have this kind, and many manifests name it."""
    created = whisk.ask("PUT", f"/actions/{name}", {"exec": {"kind": "python:3", "code": ECHO}})
    assert created.json()["exec"]["kind"] == "python:3"
    assert whisk.invoke(name, {"a": 1}, "blocking=true&result=true").json() == {"a": 1}


def test_the_maxima_of_an_actions_limits_can_be_set(start: Start) -> None:
    whisk = start(
        "--max-action-timeout",
        "600000",
        OPENWHISK_MAX_ACTION_MEMORY="1024",
        OPENWHISK_MAX_ACTION_CONCURRENCY="5",
    )
    limits = {"timeout": 600_000, "memory": 1024, "concurrency": 5}
    assert whisk.action("large", ECHO, limits=limits)["limits"] == limits | {"logs": 10}
    shown = whisk.ask("GET", "/limits").json()
    assert (shown["maxActionTimeout"], shown["maxActionMemory"]) == (600_000, 1024)
    assert (shown["minActionConcurrency"], shown["maxActionConcurrency"]) == (1, 5)


@pytest.mark.parametrize("field", ["annotations", "parameters"])
def test_a_body_that_is_nested_too_deeply_is_400(whisk: OpenWhisk, name: str, field: str) -> None:
    """It could be read, but not written again: no list with it could be shown."""
    for levels, status in ((200, 200), (250, 400), (300, 400), (1000, 400), (5000, 400)):
        nested = "[" * levels + "]" * levels
        items = f'[{{"key": "a", "value": {nested}}}]'
        text = f'{{"exec": {{"kind": "python:3", "code": "x"}}, "{field}": {items}}}'
        answer = whisk.ask("PUT", f"/actions/{name}?overwrite=true", data=text)
        assert answer.status_code == status
        assert ("malformed" in answer.text) == (status == 400)
        for path in ("/actions?limit=0", f"/actions/{name}"):
            assert whisk.ask("GET", path).status_code == 200
    assert whisk.ask("DELETE", f"/actions/{name}").status_code == 200
