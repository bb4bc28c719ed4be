"""Details of the API that clients and tools depend on."""

from __future__ import annotations

import base64
import io
import json
import time
import zipfile
from typing import Any

import pytest
import requests

from tests.openwhisk.contract.api import Api, notes

ECHO = "def main(params):\n    return params\n"


def zipped(**files: str) -> str:
    """Return a zip of these files in base64."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return base64.b64encode(buffer.getvalue()).decode()


def fails(api: Api, code: str, **fields: Any) -> dict[str, Any]:
    """Return the record of an action that fails."""
    answer = api.ask("POST", f"/actions/{api.action(code, **fields)}?blocking=true", {})
    assert answer.status_code == 502
    record: dict[str, Any] = answer.json()
    return record


# --- versions and kinds ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "version"),
    [
        ("1", "1.0.0"),
        ("1.0", "1.0.0"),
        ("", "0.0.0"),
        ("0.2.1", "0.2.1"),
        ("1.2.3.4", "1.2.3"),
        ("2.", "2.0.0"),
    ],
)
def test_a_version_may_have_fewer_or_more_numbers(api: Api, given: str, version: str) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "packages": {},
        "triggers": {},
        "actions": {"exec": {"kind": "python:default", "code": ECHO}},
    }
    for collection, body in bodies.items():
        name = api.name()
        assert api.put(f"/{collection}/{name}", body | {"version": given})["version"] == version
        major, minor, patch = version.split(".")
        updated = api.put(f"/{collection}/{name}", body, overwrite=True)
        assert updated["version"] == f"{major}.{minor}.{int(patch) + 1}"


@pytest.mark.parametrize("version", ["x", "1.x", "-1", "1..2", " 1", 1, 1.0, [], "9" * 40])
def test_a_wrong_version_is_refused(api: Api, name: str, version: Any) -> None:
    answer = api.ask("PUT", f"/packages/{name}", {"version": version})
    assert answer.status_code == 400
    assert "version" in answer.json()["error"]


def test_the_default_kind_is_shown_as_the_actual_one(api: Api, name: str) -> None:
    created = api.put(f"/actions/{name}", {"exec": {"kind": "python:default", "code": ECHO}})
    kind = created["exec"]["kind"]
    assert kind.startswith("python:3.")
    assert notes(created["annotations"])["exec"] == kind
    record = api.ask("POST", f"/actions/{name}?blocking=true", {}).json()
    assert notes(record["annotations"])["kind"] == kind
    runtimes = api.anonymous.get(api.host, timeout=30).json()["runtimes"]["python"]
    assert [item["kind"] for item in runtimes if item["default"]] == [kind]


# --- results --------------------------------------------------------------------------------------


def test_a_list_is_a_result(api: Api) -> None:
    numbers = api.action("def main(p):\n    return [3, 1, {'a': 2}]\n")
    last = api.action("def main(p):\n    return [p[-1], len(p)]\n")
    record = api.ask("POST", f"/actions/{numbers}?blocking=true", {}).json()
    assert record["response"]["result"] == [3, 1, {"a": 2}]
    assert api.result(numbers) == [3, 1, {"a": 2}]
    sequence = api.name()
    components = [f"/_/{numbers}", f"/_/{last}", f"/_/{last}"]
    body = {"exec": {"kind": "sequence", "components": components}}
    api.put(f"/actions/{sequence}", body | {"annotations": [{"key": "web-export", "value": True}]})
    assert api.result(sequence) == [3, 2]
    assert api.web("GET", f"/default/{sequence}.json").json() == [3, 2]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("def main(p):\n    raise ValueError('why')\n", "why"),
        ("def main(p):\n    return p['absent']\n", "'absent'"),
        ("def main(p):\n    raise ValueError\n", ""),
    ],
)
def test_what_an_action_raises_is_its_error(api: Api, code: str, error: str) -> None:
    name = api.action(code)
    for _ in range(2):
        answer = api.ask("POST", f"/actions/{name}?blocking=true", {})
        record = answer.json()
        assert (answer.status_code, record["response"]["status"]) == (502, "application error")
        assert record["response"]["result"] == {"error": error}
    # The container is used again.
    assert "initTime" not in notes(record["annotations"])


def test_an_exit_is_named(api: Api) -> None:
    record = fails(api, "import sys\ndef main(p):\n    sys.exit('s3cret')\n")
    assert record["response"]["status"] == "action developer error"
    assert record["response"]["result"] == {"error": "command exited"}


def test_a_result_that_is_too_large_is_truncated_in_the_message(api: Api) -> None:
    record = fails(api, "def main(p):\n    return {'x': 'y' * 1_100_000}\n")
    assert record["response"]["status"] == "application error"
    error = record["response"]["result"]["error"]
    assert "exceeded the allowed length: 11000" in error
    assert '1048576 bytes. The truncated response was: {"x":' in error
    assert 1_000_000 < len(error) < 1_060_000


def test_a_timeout_of_the_initialisation_is_a_timeout(api: Api) -> None:
    code = "import time\ntime.sleep(60)\ndef main(p):\n    return {}\n"
    record = fails(api, code, limits={"timeout": 1000})
    assert record["response"]["status"] == "action developer error"
    assert record["response"]["result"] == {
        "error": "The action exceeded its time limits of 1000 milliseconds during initialization."
    }
    annotations = notes(record["annotations"])
    assert annotations["timeout"] is True
    assert 1000 <= annotations["initTime"] <= record["duration"]


# --- requests -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "application/octet-stream"]
)
def test_a_body_that_is_not_json_is_415(api: Api, name: str, media: str) -> None:
    api.action(ECHO, name)
    api.put(f"/triggers/{name}-trigger", {})
    headers = {"Content-Type": media}
    for method, path in (
        ("POST", f"/actions/{name}?blocking=true"),
        ("POST", f"/triggers/{name}-trigger"),
        ("PUT", f"/packages/{name}-package"),
        ("PUT", f"/actions/{name}?overwrite=true"),
    ):
        assert api.ask(method, path, data="{}", headers=headers).status_code == 415
    # Without a body, or with a charset, the type is no reason to refuse it.
    assert api.ask("POST", f"/actions/{name}?blocking=true&result=true", headers=headers).json() == {}
    headers = {"Content-Type": "application/json; charset=utf-8"}
    answer = api.ask("POST", f"/actions/{name}?blocking=true&result=true", data='{"a": 1}', headers=headers)
    assert answer.json() == {"a": 1}


@pytest.mark.parametrize("collection", ["actions", "packages", "triggers", "rules"])
def test_an_entity_needs_a_body(api: Api, name: str, collection: str) -> None:
    for headers in ({}, {"Content-Type": "application/json"}):
        assert api.ask("PUT", f"/{collection}/{name}", headers=headers).status_code == 400
    assert api.ask("GET", f"/{collection}/{name}").status_code == 404


@pytest.mark.parametrize(
    ("image", "status"),
    [
        ("me/image", 200),
        ("registry.example.com:5000/me/nested/image-a_b.c:v1.0_x", 200),
        ("image@sha256:" + "0123456789abcdef" * 4, 200),
        ("me/im age", 400),
        ("me//image", 400),
        ("me/image:", 400),
        ("-image", 400),
        ("me/image:" + "x" * 200, 400),
        ("me/image; rm -rf /", 400),
    ],
)
def test_the_names_of_images(api: Api, name: str, image: str, status: int) -> None:
    answer = api.ask("PUT", f"/actions/{name}", {"exec": {"kind": "blackbox", "image": image}})
    assert answer.status_code == status


def test_cross_origin_headers_and_preflight(api: Api) -> None:
    answer = api.ask("GET", "/actions?limit=1")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    for path in ("/namespaces/_/actions", "/namespaces/_/actions/test-absent", "/namespaces"):
        preflight = api.anonymous.options(api.base + path, timeout=30)
        assert preflight.status_code == 200
        assert preflight.headers["Access-Control-Allow-Origin"] == "*"
        assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
        assert {"GET", "PUT", "POST", "DELETE"} <= set(
            preflight.headers["Access-Control-Allow-Methods"].replace(" ", "").split(",")
        )


# --- descriptions and lists -----------------------------------------------------------------------


def test_the_limits_have_minimum_and_maximum(api: Api) -> None:
    limits = api.ask("GET", "/limits").json()
    for name in ("Timeout", "Memory", "Logs", "Concurrency"):
        assert 0 <= limits[f"minAction{name}"] <= limits[f"maxAction{name}"]
    for name in ("concurrentInvocations", "invocationsPerMinute", "firesPerMinute"):
        assert limits[name] > 0


@pytest.mark.parametrize("limit", ["timeout", "memory", "logs", "concurrency"])
def test_an_action_may_not_exceed_the_maxima(api: Api, name: str, limit: str) -> None:
    maximum = api.ask("GET", "/limits").json()[f"maxAction{limit.capitalize()}"]
    body = {"exec": {"kind": "python:default", "code": ECHO}, "limits": {limit: maximum + 1}}
    assert api.ask("PUT", f"/actions/{name}", body).status_code == 400
    body["limits"] = {limit: maximum}
    assert api.put(f"/actions/{name}", body)["limits"][limit] == maximum


@pytest.mark.ours
def test_the_default_maxima_are_those_of_a_stock_server(api: Api) -> None:
    limits = api.ask("GET", "/limits").json()
    shown = [limits[f"maxAction{name}"] for name in ("Timeout", "Memory", "Logs", "Concurrency")]
    assert shown == [300_000, 512, 10, 1]


def test_the_api_describes_its_build(api: Api) -> None:
    shown = api.anonymous.get(api.base, timeout=30).json()
    assert shown["api_version"] == "1.0.0"
    assert {"build", "buildno", "description", "api_version_path"} <= shown.keys()


def test_the_name_default_is_reserved_for_no_package(api: Api) -> None:
    answer = api.ask("PUT", "/packages/default", {})
    assert (answer.status_code, answer.json()["error"]) == (400, "Package name 'default' is reserved.")


def test_public_packages_of_other_namespaces_are_listed(api: Api) -> None:
    answer = api.ask("GET", "/namespaces/whisk.system/packages", root=True)
    assert answer.status_code == 200
    assert isinstance(answer.json(), list)


def test_what_cannot_be_bound_is_refused(api: Api) -> None:
    package, trigger = api.name(), api.name()
    api.put(f"/packages/{package}", {})
    api.put(f"/triggers/{trigger}", {})
    body = {"binding": {"namespace": "_", "name": trigger}}
    assert api.ask("PUT", f"/packages/{api.name()}", body).status_code == 409
    body = {"binding": {"namespace": "_", "name": package}}
    assert api.ask("PUT", f"/packages/{package}?overwrite=true", body).status_code == 409
    binding = api.put(f"/packages/{api.name()}", body)
    assert notes(binding["annotations"])["binding"]["name"] == package


@pytest.mark.parametrize(
    ("feed", "status"),
    [
        ("/whisk.system/alarms/alarm", 200),
        ("/_/test-absent", 200),
        ("test-absent", 200),
        ("", 400),
        ("/a//b", 400),
        ("not!valid", 400),
        (7, 400),
    ],
)
def test_only_the_form_of_a_feeds_name_is_checked(api: Api, name: str, feed: Any, status: int) -> None:
    answer = api.ask("PUT", f"/triggers/{name}", {"annotations": [{"key": "feed", "value": feed}]})
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["error"] == "Feed name is not valid"


def test_the_number_of_activations_is_without_those_that_are_skipped(api: Api) -> None:
    name = api.action(ECHO)
    ids = [api.ask("POST", f"/actions/{name}?blocking=true", {}).json()["activationId"] for _ in range(3)]
    for item in ids:
        api.record(item)
    give_up = time.monotonic() + 10
    while api.ask("GET", f"/activations?name={name}&count=true").json() != {"activations": 3}:
        assert time.monotonic() < give_up
        time.sleep(0.2)
    for skip, count in ((1, 2), (3, 0), (5, 0)):
        answer = api.ask("GET", f"/activations?name={name}&count=true&skip={skip}")
        assert answer.json() == {"activations": count}


@pytest.mark.parametrize("query", ["since=yesterday", "upto=1.5", "since="])
def test_a_time_must_be_in_milliseconds(api: Api, query: str) -> None:
    answer = api.ask("GET", f"/activations?{query}")
    assert answer.status_code == 400
    assert "epoch" in answer.json()["error"]


def test_what_wsk_polls_are_the_activations_of_a_time_with_their_logs(api: Api) -> None:
    name = api.action("def main(p):\n    print('said')\n    return {}\n")
    first = api.record(api.ask("POST", f"/actions/{name}?blocking=true", {}).json()["activationId"])
    time.sleep(0.01)
    second = api.record(api.ask("POST", f"/actions/{name}?blocking=true", {}).json()["activationId"])

    def polled(query: str) -> dict[str, Any]:
        answer = api.ask("GET", f"/activations?docs=true&limit=0&skip=0&{query}").json()
        return {item["activationId"]: item for item in answer if item["name"] == name}

    give_up = time.monotonic() + 10
    while not (found := polled(f"since={second['start']}")) or not found[second["activationId"]]["logs"]:
        assert time.monotonic() < give_up
        time.sleep(0.2)
    assert list(found) == [second["activationId"]]
    assert found[second["activationId"]]["logs"][0].endswith("stdout: said")
    assert list(polled(f"since={first['start']}&upto={first['start']}")) == [first["activationId"]]


# --- code -----------------------------------------------------------------------------------------


def test_a_zip_without_its_main_file_is_named(api: Api, name: str) -> None:
    code = zipped(**{"other.py": "x = 1\n"})
    api.put(f"/actions/{name}", {"exec": {"kind": "python:default", "code": code, "binary": True}})
    answer = api.ask("POST", f"/actions/{name}?blocking=true", {})
    assert (answer.status_code, answer.json()["response"]["status"]) == (502, "action developer error")


@pytest.mark.ours
def test_a_zip_without_its_main_file_is_named_in_the_error(api: Api, name: str) -> None:
    code = zipped(**{"other.py": "x = 1\n"})
    api.put(f"/actions/{name}", {"exec": {"kind": "python:default", "code": code, "binary": True}})
    assert "no __main__.py" in api.result(name)["error"]


def test_a_zip_may_have_a_virtual_environment(api: Api, name: str) -> None:
    code = zipped(
        **{
            "__main__.py": "import packaged\ndef main(p):\n    return {'n': packaged.N}\n",
            "virtualenv/bin/activate_this.py": "import os, sys\n"
            "sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'packages'))\n",
            "virtualenv/packages/packaged.py": "N = 7\n",
        }
    )
    api.put(f"/actions/{name}", {"exec": {"kind": "python:default", "code": code, "binary": True}})
    assert api.result(name) == {"n": 7}


# --- what only the local server says --------------------------------------------------------------


@pytest.mark.ours
def test_the_api_gateway_is_not_available(api: Api) -> None:
    """`wsk api` invokes these web actions."""
    for method, action in (("GET", "getApi"), ("POST", "createApi"), ("DELETE", "deleteApi")):
        url = f"{api.base}/web/whisk.system/apimgmt/{action}.http?accesstoken=x"
        answer = requests.request(method, url, timeout=30)
        assert answer.status_code == 501
        assert "not available here" in json.loads(answer.text)["error"]


@pytest.mark.ours
def test_a_composition_may_not_set_final_parameters(api: Api) -> None:
    refusal = "Request defines parameters that are not allowed (e.g., reserved properties)."
    final = [{"key": "final", "value": True}]
    bound = [{"key": "url", "value": "own"}]
    fixed = api.action(ECHO, annotations=final, parameters=bound)
    code = (
        "def main(p):\n    if 'error' in p:\n        return {'params': {'seen': p['error']}}\n"
        f"    return {{'action': {fixed!r}, 'params': {{'url': 'other'}}}}\n"
    )
    conductor = [{"key": "conductor", "value": True}]
    assert api.result(api.action(code, annotations=conductor)) == {"seen": refusal}
    # Neither may the state set those of the conductor.
    code = f"def main(p):\n    return {{'action': {fixed!r}, 'state': {{'url': 'other'}}}}\n"
    own = api.action(code, annotations=[*conductor, *final], parameters=bound)
    assert api.result(own) == {"error": refusal}
