"""Every part of the stack rejects requests of foreign pages, and requests for another host."""

from __future__ import annotations

import pytest
import requests

from testkit.stack import Client, Stack

#: Parts of the stack with an address below each.
PATHS = [
    ("gateway", "/"),
    ("gateway", "/healthz"),
    ("gateway", "/metrics"),
    ("gateway", "/openapi.json"),
    ("gateway", "/api/v1/sessions"),
    ("gateway", "/api/v1/jobs"),
    ("gateway", "/api/v1/events"),
    ("gateway", "/nothing"),
    ("poller", "/healthz"),
    ("poller", "/metrics"),
    ("simulator", "/healthz"),
    ("simulator", "/identity/token"),
    ("simulator", "/api/v1/jobs"),
    ("simulator", "/admin/faults"),
]
METHODS = ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD")
HOSTS = ("evil.example", "evil.example:8080", "127.0.0.1.evil.example", "192.0.2.1:8080", "localhost.")
FOREIGN: list[dict[str, str]] = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {
        "Origin": "null",
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    },
]
OPENED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


def address(stack: Stack, part: str) -> str:
    return f"http://127.0.0.1:{stack.env[f'{part.upper()}_PORT']}"


@pytest.mark.parametrize(("part", "path"), PATHS)
def test_foreign_pages_and_other_hosts_are_refused(stack: Stack, part: str, path: str) -> None:
    url = address(stack, part) + path
    # The poller's address supports only these methods.
    methods = ("GET", "POST") if part == "poller" else METHODS
    with requests.Session() as session:
        for method in methods:
            for headers, status in (
                *(({"Host": host}, 421) for host in HOSTS),
                *((headers, 403) for headers in FOREIGN),
            ):
                answer = session.request(method, url, headers=headers, timeout=20)
                assert answer.status_code == status, (method, headers)
                assert not [name for name in answer.headers if name.startswith("Access-Control")]
                if method != "HEAD":
                    assert f"{part.upper()}_" in answer.text


def test_the_gateway_answers_with_a_problem(stack: Stack) -> None:
    for headers, code in (
        ({"Host": "evil.example"}, "unknown_host"),
        ({"Origin": "null"}, "foreign_origin"),
    ):
        answer = requests.post(f"{stack.api}/sessions", headers=headers, timeout=20)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == code


def test_a_link_opens_the_page_and_submits_nothing(stack: Stack) -> None:
    assert requests.get(f"{stack.gateway}/", headers=OPENED, timeout=20).status_code == 200
    assert requests.post(f"{stack.api}/sessions", headers=OPENED, timeout=20).status_code == 403
    framed = OPENED | {"Sec-Fetch-Dest": "iframe"}
    assert requests.get(f"{stack.gateway}/", headers=framed, timeout=20).status_code == 403


def test_the_gateways_own_page_is_served(client: Client) -> None:
    origin = client.stack.gateway
    for headers in (
        {"Origin": origin, "Sec-Fetch-Site": "same-origin"},
        {"Origin": origin},
        {"Sec-Fetch-Site": "none"},
    ):
        answer = client.http.post(f"{client.stack.api}/sessions", headers=headers, timeout=20)
        assert answer.status_code == 200


def test_a_websocket_of_a_foreign_page_is_refused(client: Client) -> None:
    handshake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    url = client.events_url.replace("ws:", "http:")
    for headers, status in (({"Origin": "http://evil.example"}, 403), ({"Host": "evil.example"}, 421)):
        answer = requests.get(url, headers=handshake | headers, timeout=20)
        assert answer.status_code == status
