"""Actions and their invocation, packages and bindings, activations, limits: as on any OpenWhisk."""

from __future__ import annotations

import base64
import io
import time
import zipfile
from typing import Any

import pytest

from tests.openwhisk.contract.api import PATIENCE, Api, notes

ECHO = "def main(params):\n    print('said')\n    return {'got': params}\n"
EXEC = {"kind": "python:default", "code": ECHO}


def test_the_namespace_and_its_limits(api: Api) -> None:
    assert api.ask("GET", "/namespaces", root=True).json() == [api.namespace]
    limits = api.ask("GET", "/limits").json()
    assert {"concurrentInvocations", "invocationsPerMinute", "firesPerMinute"} <= limits.keys()


def test_without_a_key_everything_is_refused(api: Api) -> None:
    answer = api.anonymous.get(f"{api.base}/namespaces/_/actions", timeout=10)
    assert answer.status_code == 401
    assert {"error", "code"} <= answer.json().keys()


@pytest.mark.parametrize("packaged", [False, True])
def test_an_action_is_created_read_listed_updated_and_deleted(api: Api, packaged: bool) -> None:
    package = api.name() if packaged else ""
    if packaged:
        api.put(f"/packages/{package}", {})
    name = api.name()
    path = f"/actions/{package}/{name}" if packaged else f"/actions/{name}"
    limits = {"timeout": 5000, "memory": 128}
    created = api.put(
        path, {"exec": EXEC, "limits": limits, "parameters": [{"key": "a", "value": [1, None]}]}
    )
    assert (created["name"], created["version"]) == (name, "0.0.1")
    assert created["namespace"] == (f"{api.namespace}/{package}" if packaged else api.namespace)
    assert (created["limits"]["timeout"], created["limits"]["memory"]) == (5000, 128)
    shown = api.ask("GET", path).json()
    assert (shown["exec"]["code"], notes(shown["parameters"])) == (ECHO, {"a": [1, None]})
    assert "code" not in api.ask("GET", f"{path}?code=false").json()["exec"]
    where = f"/actions/{package}/?limit=200" if packaged else "/actions?limit=200"
    assert name in {item["name"] for item in api.ask("GET", where).json()}
    assert api.ask("PUT", path, {"exec": EXEC}).status_code == 409
    updated = api.put(
        path, {"exec": EXEC | {"code": "def main(p):\n    return {'new': True}\n"}}, overwrite=True
    )
    assert updated["version"] == "0.0.2"
    assert api.ask("POST", f"{path}?blocking=true&result=true", {}).json() == {"new": True}
    assert api.ask("DELETE", path).status_code == 200
    for method in ("GET", "DELETE", "POST"):
        assert api.ask(method, path).status_code == 404


def test_a_zip_and_a_main_of_another_name(api: Api, name: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("__main__.py", "from helper import answer\ndef go(p):\n    return {'n': answer()}\n")
        archive.writestr("helper.py", "def answer():\n    return 42\n")
    code = base64.b64encode(packed.getvalue()).decode()
    created = api.put(
        f"/actions/{name}", {"exec": {"kind": "python:default", "code": code, "binary": True, "main": "go"}}
    )
    assert created["exec"]["binary"]
    assert api.result(name) == {"n": 42}


def test_the_ways_to_invoke(api: Api) -> None:
    name = api.action(ECHO, parameters=[{"key": "a", "value": 1}, {"key": "b", "value": 1}])
    got = {"got": {"a": 1, "b": 2}}
    record = api.ask("POST", f"/actions/{name}?blocking=true", {"b": 2})
    assert record.status_code == 200
    document = record.json()
    assert document["response"] | {"size": 0} == {
        "status": "success",
        "success": True,
        "size": 0,
        "result": got,
    }
    assert record.headers["X-OpenWhisk-Activation-Id"] == document["activationId"]
    assert document["logs"] == []
    assert "statusCode" not in document
    assert logs(api, document["activationId"])[0].endswith("stdout: said")
    only = api.ask("POST", f"/actions/{name}?blocking=true&result=true", {"b": 2})
    assert (only.status_code, only.json()) == (200, got)
    begun = api.ask("POST", f"/actions/{name}", {"b": 2})
    assert begun.status_code == 202
    assert api.record(begun.json()["activationId"])["response"]["result"] == got


def logs(api: Api, activation_id: str) -> list[str]:
    """Return the log of an activation. A cluster collects it a little later than the record."""
    give_up = time.monotonic() + PATIENCE
    while not (lines := api.record(activation_id)["logs"]) and time.monotonic() < give_up:
        time.sleep(0.05)
    return list(lines)


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("def main(p):\n    return {'error': {'code': 7}}\n", 502, "application error"),
        ("def main(p):\n    raise ValueError\n", 502, "application error"),
        ("import sys\ndef main(p):\n    sys.exit(1)\n", 502, "action developer error"),
        ("def main(p):\n    return 7\n", 502, "action developer error"),
        ("def main(p:\n", 502, "action developer error"),
        ("import os\ndef main(p):\n    os._exit(3)\n", 502, "action developer error"),
    ],
)
def test_errors(api: Api, code: str, status: int, words: str) -> None:
    answer = api.ask("POST", f"/actions/{api.action(code)}?blocking=true", {})
    assert answer.status_code == status
    response = answer.json()["response"]
    assert (response["status"], response["success"]) == (words, False)
    assert "error" in response["result"]


def test_the_time_limits_of_the_wait_and_of_the_action(api: Api) -> None:
    name = api.action(
        "import time\ndef main(p):\n    time.sleep(3)\n    return {}\n", limits={"timeout": 1000}
    )
    waited = api.ask("POST", f"/actions/{name}?blocking=true&timeout=200", {})
    assert waited.status_code == 202
    record = api.record(waited.json()["activationId"])
    assert "time limits of 1000 milliseconds" in record["response"]["result"]["error"]
    assert notes(record["annotations"])["timeout"] is True


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"exec": {"kind": "cobol", "code": "x"}},
        {"exec": EXEC, "limits": {"timeout": 1}},
        {"exec": EXEC, "limits": 7},
    ],
)
def test_wrong_actions_are_refused(api: Api, name: str, body: dict[str, Any]) -> None:
    assert api.ask("PUT", f"/actions/{name}", body).status_code == 400
    assert api.ask("GET", f"/actions/{name}").status_code == 404


def test_too_large_a_body_is_413(api: Api) -> None:
    name = api.action(ECHO)
    answer = api.ask("POST", f"/actions/{name}?blocking=true", {"a": "x" * 1_100_000})
    assert answer.status_code == 413
    assert set(answer.json()) == {"error", "code"}


def test_a_package_its_parameters_and_a_binding(api: Api) -> None:
    package, binding, action = api.name(), api.name(), api.name()
    parameters = [{"key": key, "value": "package"} for key in ("a", "b", "c", "d")]
    assert api.put(f"/packages/{package}", {"parameters": parameters})["version"] == "0.0.1"
    assert api.ask("PUT", f"/packages/{package}", {}).status_code == 409
    bound = [{"key": key, "value": "binding"} for key in ("b", "c", "d")]
    body = {"binding": {"namespace": "_", "name": package}, "parameters": bound}
    assert api.put(f"/packages/{binding}", body)["binding"]["name"] == package
    own_parameters = [{"key": key, "value": "action"} for key in ("c", "d")]
    api.action(ECHO, f"{package}/{action}", parameters=own_parameters)
    expected = {"a": "package", "b": "binding", "c": "action", "d": "call"}
    assert api.result(f"{binding}/{action}", {"d": "call"})["got"] == expected
    assert api.result(f"{package}/{action}", {"d": "call"})["got"] == expected | {"b": "package"}
    assert notes(api.ask("GET", f"/packages/{binding}").json()["parameters"]) == {
        "a": "package",
        **dict.fromkeys(("b", "c", "d"), "binding"),
    }
    shown = api.ask("GET", f"/packages/{package}").json()
    assert [item["name"] for item in shown["actions"]] == [action]
    listed = {item["name"]: item for item in api.ask("GET", "/packages?limit=200").json()}
    assert {package, binding} <= listed.keys()
    assert api.ask("PUT", f"/actions/{binding}/other", {"exec": EXEC}).status_code == 400
    assert api.ask("DELETE", f"/packages/{package}").status_code == 409
    assert api.ask("DELETE", f"/actions/{package}/{action}").status_code == 200
    for name in (binding, package):
        assert api.ask("DELETE", f"/packages/{name}").status_code == 200
        assert api.ask("GET", f"/packages/{name}").status_code == 404


def test_feeds_are_listed_separately(api: Api) -> None:
    package, feed = api.name(), api.name()
    api.put(f"/packages/{package}", {})
    api.action(ECHO, f"{package}/{feed}", annotations=[{"key": "feed", "value": True}])
    shown = api.ask("GET", f"/packages/{package}").json()
    assert ([item["name"] for item in shown["feeds"]], shown["actions"]) == ([feed], [])


def test_activations_are_found_by_name_and_time(api: Api) -> None:
    name = api.action(ECHO)
    ids = []
    for _ in range(3):
        ids.append(api.ask("POST", f"/actions/{name}?blocking=true", {}).json()["activationId"])
        time.sleep(0.01)
    records = [api.record(item) for item in ids]

    def found(query: str) -> list[str]:
        give_up = time.monotonic() + 10
        while True:
            answer = [
                item["activationId"] for item in api.ask("GET", f"/activations?name={name}&{query}").json()
            ]
            # A cluster's list is a little later than the records.
            if answer or time.monotonic() > give_up:
                return answer
            time.sleep(0.2)

    assert found("limit=10") == ids[::-1]
    assert found("limit=1&skip=1") == [ids[1]]
    assert found(f"since={records[1]['start']}") == ids[:0:-1]
    assert found(f"upto={records[1]['start']}") == ids[1::-1]
    documents = api.ask("GET", f"/activations?name={name}&docs=true&limit=1").json()
    assert documents[0]["response"]["success"]
    assert "response" not in api.ask("GET", f"/activations?name={name}&limit=1").json()[0]
    assert api.ask("GET", f"/activations/{ids[0]}/logs").json()["logs"][0].endswith("stdout: said")
    assert api.ask("GET", f"/activations/{ids[0]}/result").json()["result"] == {"got": {}}
    absent = "0" * 32
    for path in (absent, f"{absent}/logs", f"{absent}/result"):
        assert api.ask("GET", f"/activations/{path}").status_code == 404
