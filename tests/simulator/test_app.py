"""The HTTP interface: what is rejected, and with which error."""

from __future__ import annotations

import base64
import copy
import io
import re
import zlib
from typing import Any

import numpy as np
import pytest
import requests
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit_ibm_runtime.api.client import RuntimeClient
from qiskit_ibm_runtime.exceptions import IBMNotAuthorizedError

from .bodies import encoded, executor_request, sampler_request
from .conftest import Api, Running


def check_error(answer: requests.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"errors", "error", "trace"}
    assert set(body["errors"][0]) == {"code", "message", "solution", "more_info"}
    assert "Traceback" not in answer.text
    return str(body["errors"][0]["message"])


def test_health_needs_no_token(running: Running) -> None:
    answer = requests.get(f"{running.url}/healthz", timeout=10)
    assert answer.status_code == 200
    assert answer.json()["ready"] is True


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"grant_type": "urn:ibm:params:oauth:grant-type:apikey"},
        {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": "wrong"},
        {"grant_type": "password", "apikey": "wrong"},
    ],
)
def test_iam_refuses(running: Running, form: dict[str, str]) -> None:
    answer = requests.post(f"{running.url}/identity/token", data=form, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["errorCode"].startswith("BXNIM")


@pytest.mark.parametrize(
    "header", [None, "Bearer", "Bearer nonsense", "apikey {key}", "Basic {key}", "Bearer {key}"]
)
def test_without_a_token_there_is_no_answer(running: Running, header: str | None) -> None:
    headers = {"Authorization": header.format(key=running.api_key)} if header else {}
    for path in ("/backends", "/jobs", "/api/v1/jobs/x", "/instances/usage", "/nothing"):
        check_error(requests.get(running.url + path, headers=headers, timeout=10), 401)


def test_client_with_a_wrong_key(running: Running) -> None:
    with pytest.warns(UserWarning, match="API key could not be found"):
        client = running.client("wrong")
    # The client requests a token once a minute at most, and would wait; a new connection does not.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IAM_URL", running.url)
        connection = RuntimeClient(client._client_params)
    with (
        pytest.warns(UserWarning, match="API key could not be found"),
        pytest.raises(IBMNotAuthorizedError, match="no valid bearer token"),
    ):
        connection.cloud_usage()


def test_both_prefixes(api: Api) -> None:
    assert api("GET", "/api/v1/backends").json().keys() == api("GET", "/backends").json().keys()


def test_backends_report_their_queue(api: Api) -> None:
    devices = {
        device["name"]: device
        for device in api("GET", "/backends?fields=wait_time_seconds").json()["devices"]
    }
    assert set(devices["fake_fez"]["wait_time_seconds"]) == {"average", "p50", "p95"}
    assert devices["aer_simulator"]["queue_length"] == 0
    status = api("GET", "/backends/fake_fez/status").json()
    assert status["state"] is True
    assert isinstance(status["length_queue"], int)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/backends/ibm_nowhere/configuration"),
        ("GET", "/backends/ibm_nowhere/properties"),
        ("GET", "/backends/ibm_nowhere/status"),
        ("GET", "/jobs/unknown"),
        ("GET", "/jobs/unknown/results"),
        ("GET", "/jobs/unknown/metrics"),
        ("GET", "/jobs/unknown/logs"),
        ("POST", "/jobs/unknown/cancel"),
        ("PUT", "/jobs/unknown/tags"),
        ("DELETE", "/jobs/unknown"),
        ("GET", "/sessions/unknown"),
        ("PATCH", "/sessions/unknown"),
        ("DELETE", "/sessions/unknown/close"),
        ("GET", "/nothing"),
    ],
)
def test_unknown_ids_are_404(api: Api, method: str, path: str) -> None:
    check_error(api(method, path), 404)


def test_wrong_method(api: Api) -> None:
    check_error(api("PATCH", "/jobs"), 405)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=x",
        "limit=-1",
        "limit=99999999999",
        "offset=-1",
        "created_after=noon",
        "created_before=1",
    ],
)
def test_wrong_queries(api: Api, query: str) -> None:
    check_error(api("GET", f"/jobs?{query}"), 400)


def test_valid_requests_are_accepted(api: Api) -> None:
    for request in (sampler_request(), executor_request()):
        answer = api("POST", "/jobs", json=request)
        assert answer.status_code == 200, answer.text
        job_id = answer.json()["id"]
        assert api("GET", f"/jobs/{job_id}").json()["state"]["status"] == "Completed"
        assert api("GET", f"/jobs/{job_id}/results").status_code == 200


def replaced(request: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return a copy of a request with the value at a path replaced; `...` removes it."""
    result = copy.deepcopy(request)
    place: Any = result
    *way, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    for step in way:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return result


def numbers(values: NDArray[Any]) -> dict[str, str]:
    """Return an array in the form that jobs contain."""
    buffer = io.BytesIO()
    np.save(buffer, values)
    return {"__type__": "ndarray", "__value__": base64.b64encode(zlib.compress(buffer.getvalue())).decode()}


WRONG: list[tuple[str, object, str]] = [
    ("program_id", ..., "program_id"),
    ("program_id", 5, "program_id"),
    ("backend", ..., "backend"),
    ("params", ..., "params"),
    ("params", [], "params"),
    ("tags", "x", "tags"),
    ("tags", ["x" * 1000], "tags"),
    ("cost", -1, "cost"),
    ("cost", "much", "cost"),
    ("session_id", 5, "session_id"),
]
WRONG_SAMPLER: list[tuple[str, object, str]] = [
    ("params/pubs", ..., "pubs"),
    ("params/pubs", {}, "pubs"),
    ("params/pubs", [], "no PUBs"),
    ("params/pubs/0", 5, r"pubs\[0\]"),
    ("params/pubs/0", [], r"pubs\[0\]"),
    ("params/pubs/0/0", "circuit", "QuantumCircuit"),
    ("params/pubs/0/0/__value__", 5, "str"),
    ("params/pubs/0/0/__value__", "no base64!", "base64"),
    ("params/pubs/0/0/__value__", "AAAA", "zlib"),
    ("params/pubs/0/0/__value__", base64.b64encode(zlib.compress(b"nonsense")).decode(), "QPY"),
    ("params/pubs/0/0/__value__", base64.b64encode(zlib.compress(b"QISKIT\x01")).decode(), "version 1"),
    (
        "params/pubs/0/0/__value__",
        base64.b64encode(zlib.compress(b"QISKIT\x11" + b"\xff" * 99)).decode(),
        "damaged",
    ),
    ("params/pubs/0/0/__value__", base64.b64encode(zlib.compress(bytes(2**26))).decode(), "larger than"),
    ("params/pubs/0/1", [1.0], "parameters"),
    ("params/pubs/0/1", [["a"]], "numbers"),
    ("params/pubs/0/1", {"__type__": "ndarray", "__value__": "AAAA"}, "zlib"),
    ("params/pubs/0/2", 0, "shots"),
    ("params/pubs/0/2", -5, "shots"),
    ("params/pubs/0/2", 1.5, "shots"),
    ("params/pubs/0/2", True, "shots"),
    ("params/pubs/0/2", 100_001, "shots"),
    ("params/shots", 0, "shots, 0,"),
    ("params/options/default_shots", 0, "shots, 0,"),
    ("params/pubs/0/1", numbers(np.array([1j])), "real numbers, not complex128"),
    ("params/pubs/0/1", numbers(np.array(["2026"], "M8[s]")), "real numbers, not datetime64"),
    ("params/version", 1, "Version 1"),
    ("params/options", [], "options"),
    ("params/options/execution", {"meas_type": "kerneled"}, "meas_type"),
    ("params/options/simulator", {"noise_model": {}}, "noise_model"),
    ("params/options/simulator", {"seed_simulator": "x"}, "seed"),
]
WRONG_EXECUTOR: list[tuple[str, object, str]] = [
    ("params/schema_version", "v9.9", "v9.9"),
    ("params/quantum_program", ..., "quantum_program"),
    ("params/quantum_program/shots", "many", "shots"),
    ("params/quantum_program/shots", 10**9, "shots"),
    ("params/quantum_program/circuits", {"data": ["OPENQASM 3.0;"]}, "OpenQASM"),
    ("params/quantum_program/circuits/b64_data", "AAAA", "zlib"),
    ("params/quantum_program/items", [], "items"),
    ("params/quantum_program/items/0/item_type", "other", "item_type"),
    ("params/quantum_program/items/0/circuit_arguments", ..., "circuit_arguments"),
    ("params/quantum_program/items/0/circuit_arguments/shape", [3], "dtype"),
    ("params/quantum_program/items/0/circuit_arguments/dtype", "f1024", "dtype"),
    ("params/quantum_program/items/0/circuit_arguments/dtype", "c128", "real numbers, not complex128"),
    ("params/quantum_program/meas_level", "kerneled", "meas_level"),
    ("params/quantum_program/items/0", {"item_type": "samplex", "shape": [2]}, "samplex"),
    (
        "params/quantum_program/items/0",
        {"item_type": "samplex", "shape": [2], "samplex": {"samplex_json": "{}", "ssv": 1}},
        "samplex",
    ),
]


@pytest.mark.parametrize(("path", "value", "message"), WRONG + WRONG_SAMPLER)
def test_wrong_sampler_jobs(api: Api, path: str, value: object, message: str) -> None:
    request = sampler_request()
    request["params"]["options"] = {"execution": {}, "simulator": {}}
    if path in ("params/shots", "params/options/default_shots"):
        # The number of a PUB would come first.
        request["params"]["pubs"][0][2] = None
    text = check_error(api("POST", "/jobs", json=replaced(request, path, value)), 400)
    assert re.search(message, text), text


@pytest.mark.parametrize(("path", "value", "message"), WRONG_EXECUTOR)
def test_wrong_executor_jobs(api: Api, path: str, value: object, message: str) -> None:
    text = check_error(api("POST", "/jobs", json=replaced(executor_request(), path, value)), 400)
    assert message in text


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"5"])
def test_bodies_that_are_not_jobs(api: Api, body: bytes) -> None:
    check_error(api("POST", "/jobs", data=body), 400)


def test_unknown_backend_and_program(api: Api) -> None:
    check_error(api("POST", "/jobs", json=sampler_request() | {"backend": "ibm_nowhere"}), 404)
    check_error(api("POST", "/jobs", json=sampler_request() | {"program_id": "composer"}), 404)


def test_too_large_a_body(api: Api) -> None:
    check_error(api("POST", "/jobs", data=b"x" * (33 * 1024 * 1024)), 413)


def test_results_of_an_unfinished_job(api: Api) -> None:
    request = sampler_request() | {"backend": "fake_fez"}
    circuit = QuantumCircuit(2, 1)
    circuit.sx(1)
    circuit.measure(1, 0)
    request["params"]["pubs"][0][0]["__value__"] = encoded(circuit)
    job_id = api("POST", "/jobs", json=request).json()["id"]
    check_error(api("GET", f"/jobs/{job_id}/results"), 404)
    assert api("POST", f"/jobs/{job_id}/cancel").status_code == 204
    check_error(api("POST", f"/jobs/{job_id}/cancel"), 409)
    assert api("DELETE", f"/jobs/{job_id}").status_code == 204


def test_the_service_still_works(api: Api) -> None:
    """After everything above."""
    answer = api("POST", "/jobs", json=executor_request())
    assert answer.status_code == 200
