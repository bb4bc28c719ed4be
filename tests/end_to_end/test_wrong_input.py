"""Every wrong input gets a 4xx problem document that names the fix, and has no other effect."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from testkit.stack import Client

GOOD: dict[str, Any] = {"emoticon_1": ":)", "emoticon_2": ":("}

#: The request, the status, and words that the problem must have.
CASES: dict[str, tuple[Any, int, list[str]]] = {
    "missing field": ({"emoticon_1": ":)"}, 422, ["emoticon_2", "missing"]),
    "wrong type": (GOOD | {"emoticon_1": 5}, 422, ["emoticon_1", "string", "number"]),
    "nine characters": (GOOD | {"emoticon_1": "123456789"}, 422, ["emoticon_1", "at most 8"]),
    "empty": (GOOD | {"emoticon_1": ""}, 422, ["emoticon_1", "at least 1"]),
    "not ASCII": (GOOD | {"emoticon_1": "☺)"}, 422, ["emoticon_1", "ASCII"]),
    "unequal lengths": (GOOD | {"emoticon_2": "x"}, 422, ["emoticon_2", "the same length"]),
    "equal": (GOOD | {"emoticon_2": ":)"}, 422, ["emoticon_2", "different"]),
    "unknown field": (GOOD | {"emoticon_3": ";)"}, 422, ["emoticon_3", "not known"]),
    "reserved field": (GOOD | {"topic": "results.someone-else-012345678901"}, 422, ["topic", "reserved"]),
    "a setting": (GOOD | {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}, 422, ["KAFKA", "reserved"]),
    "no shots": (GOOD | {"shots": 0}, 422, ["shots", "at least 1"]),
    "too many shots": (GOOD | {"shots": 10**9}, 422, ["shots", "at most 100000"]),
    "unknown type of backend": (GOOD | {"backend_type": "abacus"}, 422, ["backend_type", "hardware"]),
    "unknown backend": (GOOD | {"backend": "ibm_nowhere"}, 422, ["backend", "ibm_nowhere", "aer_simulator"]),
    "backend of another type": (GOOD | {"backend": "fake_fez"}, 422, ["backend", "hardware"]),
    "an array": ([1, 2], 422, ["object", "array"]),
    "not JSON": (b'{"emoticon_1": ', 400, ["JSON"]),
    "not UTF-8": (b'{"emoticon_1": "\xff"}', 400, ["JSON"]),
    "deeply nested": (b"[" * 200_000, 400, ["JSON"]),
    "2 MB": (b'{"emoticon_1": "' + b"a" * 2_000_000 + b'"}', 413, ["1 MB"]),
}


def problem(answer: requests.Response, status: int) -> str:
    """Check the problem's form and return its text."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert {"type", "title", "detail", "code"} <= set(body)
    assert "Traceback" not in answer.text
    return json.dumps(body)


@pytest.mark.parametrize("name", CASES)
def test_wrong_body(client: Client, name: str) -> None:
    body, status, words = CASES[name]
    data = body if isinstance(body, bytes) else json.dumps(body)
    answer = client.http.post(
        f"{client.stack.api}/functions/smile_super_position/jobs", data=data, timeout=60
    )
    text = problem(answer, status)
    for word in words:
        assert word in text, text
    assert client.get("/jobs").json() == {"jobs": [], "next": None}, "a job was submitted"


def test_unknown_function_job_address_and_method(client: Client) -> None:
    text = problem(client.submit(function="nothing", **GOOD), 404)
    assert "smile_super_position" in text, "the message must list the functions"
    problem(client.get("/jobs/unknown"), 404)
    problem(client.get("/nothing"), 404)
    problem(client.http.put(f"{client.stack.api}/jobs", timeout=20), 405)
    assert "wait" in problem(client.get("/jobs/unknown", wait="soon"), 422)


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer x", "Bearer " + "x" * 5_000, "Basic Zm9vOmJhcg==", "bearer null"]
)
def test_wrong_token_gets_401_and_nothing_else(client: Client, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    bodies = set()
    for method, path in [
        ("GET", "/functions"),
        ("GET", "/backends"),
        ("GET", "/jobs"),
        ("GET", "/jobs/x"),
        ("DELETE", "/jobs/x"),
        ("POST", "/functions/smile_super_position/jobs"),
        ("GET", "/events"),
    ]:
        answer = requests.request(method, client.stack.api + path, headers=headers, json=GOOD, timeout=20)
        problem(answer, 401)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        bodies.add(answer.text)
    assert len(bodies) == 1, "the answer must not depend on the request"


def test_no_wrong_input_left_a_traceback_and_the_stack_still_works(client: Client) -> None:
    for body, _, _ in CASES.values():
        data = body if isinstance(body, bytes) else json.dumps(body)
        client.http.post(f"{client.stack.api}/functions/smile_super_position/jobs", data=data, timeout=60)
    assert client.smile()["status"] == "DONE"
    logs = client.stack.logs()
    assert "Traceback" not in logs
    assert '"traceback"' not in logs


@pytest.mark.parametrize(
    "url", ["http://app.example.org/", "https://127.0.0.1/", "https://10.0.0.1/", "nonsense"]
)
def test_by_default_only_public_receivers_are_permitted(client: Client, url: str) -> None:
    answer = client.http.post(
        f"{client.stack.api}/functions/smile_super_position/jobs",
        json=GOOD,
        headers={"Callback-Url": url},
        timeout=60,
    )
    assert "Callback-Url" in problem(answer, 422)
    assert answer.json()["errors"][0]["field"] == "Callback-Url"
    assert client.get("/jobs").json()["jobs"] == []


def test_a_receiver_is_no_parameter_of_the_body(client: Client) -> None:
    answer = client.submit(**GOOD, callback_url="https://app.example.org/")
    assert "callback_url" in problem(answer, 422)
    assert client.get("/jobs").json()["jobs"] == []
