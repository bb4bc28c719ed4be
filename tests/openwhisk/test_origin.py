"""The server rejects requests from web pages unless their origin is allowed."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from testkit.openwhisk import OpenWhisk
from tests.openwhisk.conftest import Start

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
ECHO = "def main(p):\n    return {'body': 'done'}\n"
FOREIGN: list[dict[str, str]] = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"},
]


def web_action(whisk: OpenWhisk, name: str) -> str:
    """Create a web action and return its address."""
    whisk.action(name, ECHO, annotations=[{"key": "web-export", "value": True}])
    return f"{whisk.url}/web/guest/default/{name}"


def activations(whisk: OpenWhisk, name: str) -> list[dict[str, Any]]:
    """Return the action's activations."""
    records: list[dict[str, Any]] = whisk.ask("GET", f"/activations?name={name}").json()
    return records


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "path", ["/namespaces/_/actions/{name}?blocking=true", "/web/guest/default/{name}", ""]
)
def test_requests_of_a_foreign_page_are_refused(whisk: OpenWhisk, name: str, method: str, path: str) -> None:
    web_action(whisk, name)
    url = whisk.url + path.format(name=name)
    for headers in FOREIGN:
        answer = whisk.session.request(method, url, headers=headers, json={}, timeout=30)
        assert answer.status_code == 403
        assert not [header for header in answer.headers if header.startswith("Access-Control")]
        if method != "HEAD":
            assert set(answer.json()) == {"error", "code"}
            assert "OPENWHISK_" in answer.json()["error"]
    assert activations(whisk, name) == []


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "path", ["/namespaces/_/actions/{name}?blocking=true", "/web/guest/default/{name}", ""]
)
def test_requests_for_another_host_are_refused(whisk: OpenWhisk, name: str, method: str, path: str) -> None:
    web_action(whisk, name)
    url = whisk.url + path.format(name=name)
    for host in ("evil.example", "evil.example:3233", "127.0.0.1.evil.example", "192.0.2.1"):
        answer = whisk.session.request(method, url, headers={"Host": host}, json={}, timeout=30)
        assert answer.status_code == 421
        if method != "HEAD":
            assert "OPENWHISK_HOSTS" in answer.json()["error"]
    assert activations(whisk, name) == []


def test_programs_and_a_typed_address_are_served(whisk: OpenWhisk, name: str) -> None:
    url = web_action(whisk, name)
    address = whisk.url.removesuffix("/api/v1")
    port = address.rpartition(":")[2]
    for headers in ({}, {"Sec-Fetch-Site": "none"}, {"Origin": address}, {"Host": f"localhost:{port}"}):
        assert requests.get(url, headers=headers, timeout=30).text == "done"


def test_no_answer_asks_a_browser_for_the_key(whisk: OpenWhisk, name: str) -> None:
    whisk.action(
        name,
        ECHO,
        annotations=[{"key": "web-export", "value": True}, {"key": "require-whisk-auth", "value": True}],
    )
    for path in ("/namespaces", "/namespaces/_/actions", f"/web/guest/default/{name}"):
        answer = requests.get(whisk.url + path, timeout=30)
        assert answer.status_code == 401
        assert "WWW-Authenticate" not in answer.headers


def test_names_and_origins_can_be_allowed(start: Start, name: str) -> None:
    whisk = start(
        OPENWHISK_HOSTS="whisk.example.org", OPENWHISK_ORIGINS="http://a.example", OPENWHISK_WEB_ORIGINS="*"
    )
    url = web_action(whisk, name)
    host = {"Host": "whisk.example.org"}
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, host):
        answer = requests.get(url, headers=headers, timeout=30)
        assert (answer.text, answer.headers["Access-Control-Allow-Origin"]) == ("done", "*")
    for headers, status in (({"Origin": "http://a.example"}, 200), ({"Origin": "http://b.example"}, 403)):
        assert whisk.ask("GET", "/actions", headers=headers | host).status_code == status
