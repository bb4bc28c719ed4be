"""Many malformed requests: each is rejected with a 4xx in IBM's form, and the service still works."""

from __future__ import annotations

import base64
import copy
import random
import socket
from collections.abc import Iterator
from typing import Any

import orjson
import requests

from .bodies import executor_request, sampler_request
from .conftest import Api
from .test_app import check_error

#: The values that replace a value.
STRANGE: list[Any] = [
    None,
    True,
    -1,
    0,
    1.5,
    10**18,
    1e308,
    "",
    "x",
    "\x00",
    "😀" * 50,
    "A" * 10_000,
    [],
    [[[[[]]]]],
    {},
    {"__type__": "ndarray", "__value__": "!"},
    {"__type__": "QuantumCircuit", "__value__": None},
    [None] * 100,
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return all places in a JSON value."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, inner in entries:
        yield (*path, key)
        yield from places(inner, (*path, key))


def with_one_strange_value(source: random.Random) -> bytes:
    request = copy.deepcopy(source.choice([sampler_request, executor_request])())
    *way, last = source.choice(list(places(request)))
    place: Any = request
    for step in way:
        place = place[step]
    if source.random() < 0.2 and isinstance(place, dict):
        del place[last]
    else:
        place[last] = source.choice(STRANGE)
    return orjson.dumps(request)


def with_damaged_bytes(source: random.Random) -> bytes:
    body = bytearray(orjson.dumps(source.choice([sampler_request, executor_request])()))
    for _ in range(source.randint(1, 8)):
        body[source.randrange(len(body))] = source.randrange(256)
    return bytes(body[: source.randrange(1, len(body))] if source.random() < 0.3 else body)


def with_a_damaged_circuit(source: random.Random) -> bytes:
    request = sampler_request()
    packed = bytearray(base64.b64decode(request["params"]["pubs"][0][0]["__value__"]))
    for _ in range(source.randint(1, 4)):
        packed[source.randrange(len(packed))] = source.randrange(256)
    request["params"]["pubs"][0][0]["__value__"] = base64.b64encode(packed).decode()
    return orjson.dumps(request)


def nonsense(source: random.Random) -> bytes:
    return source.choice(
        [
            source.randbytes(source.randrange(300)),
            b"[" * 5000,
            b'{"a":' * 2000,
            b'{"program_id": "sampler", "backend": "aer_simulator", "params": {"pubs": ' + b"[" * 500,
            b'{"program_id": NaN}',
            b'"' + b"\xff" * 20 + b'"',
        ]
    )


def test_300_malformed_requests(api: Api) -> None:
    source = random.Random(4)
    makers = [with_one_strange_value, with_damaged_bytes, with_a_damaged_circuit, nonsense]
    refused = 0
    for number in range(300):
        body = makers[number % len(makers)](source)
        answer = api("POST", "/jobs", data=body)
        # Not every change makes a request invalid; one that is accepted is an ordinary job.
        if answer.status_code != 200:
            assert 400 <= answer.status_code < 500, (answer.status_code, answer.text, body[:500])
            check_error(answer, answer.status_code)
            refused += 1
        else:
            job_id = answer.json()["id"]
            job = api("GET", f"/jobs/{job_id}").json()
            # It may have failed, but not by an internal error of the service.
            assert job["state"].get("reason_code") not in (9999, 6002), (job["state"], body[:500])
    assert refused >= 150
    assert api("POST", "/jobs", json=executor_request()).status_code == 200


def test_malformed_requests_to_other_routes(api: Api) -> None:
    source = random.Random(5)
    job_id = api("POST", "/jobs", json=executor_request()).json()["id"]
    session = api("POST", "/sessions", json={"backend": "fake_fez"}).json()["id"]
    for body in (b"", b"{", b"[1]", b"null", b"\xff", b'{"tags": 1}', source.randbytes(50)):
        check_error(api("PUT", f"/jobs/{job_id}/tags", data=body), 400)
    for body in (b"{", b"[]", b'{"mode": 5}', b'{"max_ttl": -1}', b'{"max_ttl": "1h"}', b'{"max_ttl": 1e9}'):
        check_error(api("POST", "/sessions", data=body), 400)
    check_error(api("POST", "/sessions", json={"backend": ["x"]}), 404)
    check_error(api("PATCH", f"/sessions/{session}", data=b"5"), 400)
    for path in ("/jobs/%00", "/jobs/..%2f..%2fetc", "/jobs/" + "x" * 5000, "/backends/%F0%9F%98%80/status"):
        check_error(api("GET", path), 404)
    for query in ("limit=1e3", "offset=1.5", "created_after=2026-13-01", "created_after=" + "9" * 400):
        check_error(api("GET", f"/jobs?{query}"), 400)


def test_requests_that_are_not_http(api: Api) -> None:
    host, _, port = api.url.removeprefix("http://").partition(":")
    for sent in (
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /jobs HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(sent)
            assert b" 400 " in connection.recv(1000)
    assert requests.get(f"{api.url}/healthz", timeout=5).status_code == 200
