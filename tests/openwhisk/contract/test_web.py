"""Web actions."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.openwhisk.contract.api import Api

ECHO = "def main(params):\n    return {'got': params}\n"
PNG = bytes(range(256))


def web(api: Api, code: str = ECHO, package: str = "", **notes: Any) -> str:
    """Create a web action and return its path below the namespace."""
    annotations = [{"key": key.replace("_", "-"), "value": value} for key, value in notes.items()]
    annotations.append({"key": "web-export", "value": True})
    if package:
        api.put(f"/packages/{package}", {}, overwrite=True)
    name = api.name()
    api.action(code, f"{package}/{name}" if package else name, annotations=annotations)
    return f"/{package or 'default'}/{name}"


def returns(result: Any) -> str:
    """Return code that returns this."""
    return f"def main(params):\n    return {result!r}\n"


def test_an_action_that_is_not_exported_is_not_found(api: Api) -> None:
    name = api.action(ECHO)
    for path in (f"/default/{name}", f"/default/{name}.json", "/default/test-absent", "/test-absent/x"):
        answer = api.web("GET", path)
        assert answer.status_code == 404
        assert answer.json()["error"] == "The requested resource does not exist."


def test_the_request_is_described_to_the_action(api: Api) -> None:
    path = web(api, package=api.name())
    answer = api.web("POST", f"{path}.json/some/where?a=1&b=2", json={"b": 3}, headers={"X-Mine": "yes"})
    assert answer.status_code == 200
    got = answer.json()["got"]
    assert (got["a"], got["b"]) == ("1", 3)
    assert got["__ow_method"] == "post"
    assert got["__ow_path"] == "/some/where"
    assert got["__ow_headers"]["x-mine"] == "yes"
    assert "__ow_user" not in got
    assert answer.headers["X-OpenWhisk-Activation-Id"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_other_methods(api: Api, method: str) -> None:
    answer = api.web(method, f"{web(api)}.json")
    assert answer.json()["got"]["__ow_method"] == method.lower()


def test_bodies(api: Api) -> None:
    path = f"{web(api)}.json"
    form = api.web("POST", path, data={"a": "1", "b": "x y"}).json()["got"]
    assert (form["a"], form["b"]) == ("1", "x y")
    text = api.web("POST", path, data="hello", headers={"Content-Type": "text/plain"}).json()["got"]
    assert text["__ow_body"] == "hello"
    binary = api.web("POST", path, data=PNG, headers={"Content-Type": "image/png"}).json()["got"]
    assert base64.b64decode(binary["__ow_body"]) == PNG
    listed = api.web("POST", path, json=[1, 2]).json()["got"]
    assert listed["__ow_body"] == [1, 2]
    wrong = api.web("POST", path, data="{", headers={"Content-Type": "application/json"})
    assert wrong.status_code == 400


def test_a_raw_action_gets_query_and_body_unchanged(api: Api) -> None:
    path = f"{web(api, raw_http=True)}.json"
    got = api.web("POST", f"{path}?a=1&a=2", data="b=3", headers={"Content-Type": "text/plain"}).json()["got"]
    assert got["__ow_query"] == "a=1&a=2"
    assert got["__ow_body"] == "b=3"
    assert not {"a", "b"} & got.keys()
    coded = api.web("POST", path, json={"a": 1}).json()["got"]
    assert base64.b64decode(coded["__ow_body"]) == b'{"a": 1}'


def test_parameters_that_a_request_may_not_set_are_refused(api: Api) -> None:
    fixed = api.name()
    annotations = [{"key": "web-export", "value": True}, {"key": "final", "value": True}]
    api.action(ECHO, fixed, annotations=annotations, parameters=[{"key": "a", "value": 1}])
    assert api.web("GET", f"/default/{fixed}.json").json()["got"]["a"] == 1
    for query in ("a=2", "__ow_user=guest", "__ow_method=x"):
        answer = api.web("GET", f"/default/{fixed}.json?{query}")
        assert answer.status_code == 400
        assert "not allowed" in answer.json()["error"]


@pytest.mark.parametrize(
    ("extension", "result", "status", "body", "content_type"),
    [
        (".json", {"a": 1}, 200, b'{"a":1}', "application/json"),
        (".text", {"text": "hi"}, 200, b"hi", "text/plain"),
        (".text", {"body": 7}, 200, b"7", "text/plain"),
        (".html", {"html": "<p>"}, 200, b"<p>", "text/html"),
        (".svg", {"svg": "<svg/>"}, 200, b"<svg/>", "image/svg+xml"),
        (".http", {"body": "<p>"}, 200, b"<p>", "text/html"),
        ("", {"body": "<p>"}, 200, b"<p>", "text/html"),
        (".http", {"body": {"a": 1}}, 200, b'{"a":1}', "application/json"),
        (".http", {"statusCode": 201, "body": {"a": 1}}, 201, b'{"a":1}', "application/json"),
        (".http", {"statusCode": "404", "body": "no"}, 404, b"no", "text/html"),
        (".http", {}, 204, b"", ""),
        (".http", {"statusCode": 302, "headers": {"Location": "/x"}}, 302, b"", ""),
        (
            ".http",
            {"headers": {"Content-Type": "image/png"}, "body": base64.b64encode(PNG).decode()},
            200,
            PNG,
            "image/png",
        ),
        (".http", {"headers": {"content-type": "text/plain"}, "body": "hi"}, 200, b"hi", "text/plain"),
        (".http", {"error": {"statusCode": 418, "body": "tea"}}, 418, b"tea", "text/html"),
        (".json", {"error": {"a": 1}}, 200, b'{"a":1}', "application/json"),
    ],
)
def test_results(api: Api, extension: str, result: Any, status: int, body: bytes, content_type: str) -> None:
    answer = api.web("GET", web(api, returns(result)) + extension, allow_redirects=False)
    assert (answer.status_code, answer.content.replace(b" ", b"").replace(b"\n", b"")) == (
        status,
        body.replace(b" ", b"").replace(b"\n", b""),
    )
    assert answer.headers.get("Content-Type", "").startswith(content_type)


@pytest.mark.parametrize(
    ("extension", "result", "status", "message"),
    [
        (".html", {"a": 1}, 400, "text/html"),
        (".text", {"a": 1}, 404, "property"),
        (".json", {"error": "no"}, 400, "application/json"),
        (".http", {"error": "no"}, 400, "message/http"),
        (".http", {"statusCode": "many", "body": "x"}, 400, "message/http"),
        (".http", {"headers": [], "body": "x"}, 400, "message/http"),
        (".http", {"headers": {"Content-Type": "image/png"}, "body": {"a": 1}}, 400, "content type"),
        (".http", {"headers": {"Content-Type": "image/png"}, "body": "not base64"}, 400, "content type"),
    ],
)
def test_results_that_cannot_be_converted(
    api: Api, extension: str, result: Any, status: int, message: str
) -> None:
    answer = api.web("GET", web(api, returns(result)) + extension)
    assert answer.status_code == status
    assert message in answer.json()["error"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_an_action_that_fails_is_400(api: Api) -> None:
    answer = api.web("GET", web(api, "import sys\ndef main(p):\n    sys.exit('secret')\n") + ".json")
    assert answer.status_code == 400
    assert answer.json()["error"] == "There was an error processing your request."
    assert "secret" not in answer.text


def test_several_headers_of_the_same_name(api: Api) -> None:
    result = {"headers": {"Set-Cookie": ["a=1", "b=2"], "X-Number": 7}, "body": "x"}
    answer = api.web("GET", web(api, returns(result)))
    assert answer.raw.headers.getlist("Set-Cookie") == ["a=1", "b=2"]
    assert answer.headers["X-Number"] == "7"


def test_preflight(api: Api) -> None:
    path = web(api)
    answer = api.web("OPTIONS", path, headers={"Access-Control-Request-Headers": "X-Mine"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Access-Control-Allow-Headers"] == "X-Mine"
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    custom = web(
        api, returns({"statusCode": 200, "headers": {"Allow": "ME"}, "body": "x"}), web_custom_options=True
    )
    assert api.web("OPTIONS", custom).headers["Allow"] == "ME"


def test_a_key_may_be_required(api: Api) -> None:
    path = f"{web(api, require_whisk_auth=True)}.json"
    assert api.web("GET", path).status_code == 401
    answer = api.web("GET", path, api.session)
    assert answer.status_code == 200
    assert answer.json()["got"]["__ow_user"] == api.namespace


def test_a_secret_may_be_required(api: Api) -> None:
    path = f"{web(api, require_whisk_auth='open sesame')}.json"
    assert api.web("GET", path).status_code == 401
    assert api.web("GET", path, api.session).status_code == 401
    assert api.web("GET", path, headers={"X-Require-Whisk-Auth": "wrong"}).status_code == 401
    assert api.web("GET", path, headers={"X-Require-Whisk-Auth": "open sesame"}).status_code == 200
