"""The provider's pure parts: choosing a backend, reading the state of a job, classifying a failure."""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit_ibm_runtime.api.exceptions import RequestsApiError
from qiskit_ibm_runtime.exceptions import IBMNotAuthorizedError, IBMRuntimeError

from core.errors import (
    BackendNotFoundError,
    InputError,
    JobNotFoundError,
    ProviderError,
    ProviderUnauthorizedError,
    ProviderUnavailableError,
    QwhiskError,
)
from core.protocol import BackendInfo, BackendType
from core.provider.choice import backend_type_of, choose
from core.provider.ibm import account, target
from core.provider.ibm.failures import of_status, translated
from core.provider.ibm.jobs import view_of
from core.settings import AccountSettings
from core.simulators import noisy_name

SEEN = datetime(2026, 5, 1, 13, tzinfo=UTC)


def backend(name: str, qubits: int = 127, queue: int = 0, operational: bool = True) -> BackendInfo:
    return BackendInfo(
        name=name,
        backend_type=backend_type_of(name),
        qubits=qubits,
        operational=operational,
        queue_length=queue,
        seen_at=SEEN,
    )


FLEET = [
    backend("ibm_small", qubits=7, queue=0),
    backend("ibm_busy", queue=90),
    backend("ibm_calm", queue=3),
    backend("ibm_down", queue=0, operational=False),
    backend("aer_simulator", qubits=64),
    backend("aer_simulator_noisy_busy"),
    backend("aer_simulator_noisy_calm"),
    backend("aer_simulator_noisy_tiny", qubits=5),
]


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("fake_fez", "aer_simulator_noisy_fez"),
        ("ibm_fez", "aer_simulator_noisy_fez"),
        ("other", "aer_simulator_noisy_other"),
        ("fake_ibm_x", "aer_simulator_noisy_ibm_x"),
    ],
)
def test_the_noisy_simulator_of_a_device(device: str, expected: str) -> None:
    assert noisy_name(device) == expected
    assert backend_type_of(expected) == "noisy_simulator"
    assert backend_type_of(device) == "hardware"
    assert backend_type_of("aer_simulator") == "simulator"


@pytest.mark.parametrize(
    ("backend_type", "qubits", "expected"),
    [
        ("hardware", 16, "ibm_calm"),
        ("hardware", 7, "ibm_small"),
        ("simulator", 16, "aer_simulator"),
        ("noisy_simulator", 16, "aer_simulator_noisy_calm"),
        ("noisy_simulator", 5, "aer_simulator_noisy_calm"),  # ibm_small is less busy, but has no model
    ],
)
def test_the_least_busy_fitting_one_is_chosen(backend_type: BackendType, qubits: int, expected: str) -> None:
    assert choose(FLEET, backend_type, qubits).name == expected
    assert choose(FLEET[::-1], backend_type, qubits).name == expected


def test_without_a_device_the_smallest_noise_model_that_fits_is_chosen() -> None:
    simulators = [b for b in FLEET if b.backend_type != "hardware"]
    assert choose(simulators, "noisy_simulator", 5).name == "aer_simulator_noisy_tiny"
    assert choose(simulators, "noisy_simulator", 6).name == "aer_simulator_noisy_busy"


def test_equally_busy_devices_are_chosen_by_name_so_that_all_choose_the_same() -> None:
    assert choose([backend("ibm_b"), backend("ibm_a")], "hardware", 1).name == "ibm_a"


fleets = st.lists(
    st.builds(
        backend,
        st.sampled_from(
            ["ibm_a", "ibm_b", "fake_c", "aer_simulator", "aer_simulator_noisy_a", "aer_simulator_noisy_c"]
        ),
        st.integers(0, 30),
        st.integers(0, 9),
        st.booleans(),
    ),
    max_size=8,
    unique_by=lambda b: b.name,
)


@given(fleets, st.sampled_from(["hardware", "simulator", "noisy_simulator"]), st.integers(1, 30))
def test_the_chosen_backend_always_fits(
    fleet: list[BackendInfo], backend_type: BackendType, qubits: int
) -> None:
    fitting = [b for b in fleet if b.backend_type == backend_type and b.operational and b.qubits >= qubits]
    if not fitting:
        with pytest.raises(BackendNotFoundError) as caught:
            choose(fleet, backend_type, qubits)
        assert caught.value.details == {"field": "backend_type", "qubits": qubits}
        return
    chosen = choose(fleet, backend_type, qubits)
    assert chosen in fitting
    if backend_type == "hardware":
        assert chosen.queue_length == min(b.queue_length for b in fitting)
    # Choosing it by name gives the same.
    assert choose(fleet, backend_type, qubits, chosen.name) == chosen


def test_the_error_for_too_large_an_input_has_the_largest_size() -> None:
    with pytest.raises(BackendNotFoundError, match="the largest has 127"):
        choose(FLEET, "hardware", 200)
    with pytest.raises(BackendNotFoundError, match=r"has 1 qubits\."):
        choose([backend("ibm_down", operational=False)], "hardware", 1)


@pytest.mark.parametrize(
    ("name", "backend_type", "words"),
    [
        ("ibm_absent", "hardware", "Available: ibm_busy, ibm_calm, ibm_down, ibm_small."),
        ("ibm_absent" * 50, "noisy_simulator", "Available: aer_simulator_noisy_busy"),
        ("aer_simulator", "hardware", "is of type simulator, not hardware"),
        ("ibm_small", "hardware", "has 7 qubits; this input needs 16"),
        ("ibm_down", "hardware", "not operational"),
    ],
)
def test_the_error_for_a_named_backend_that_does_not_fit_has_the_reason(
    name: str, backend_type: BackendType, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        choose(FLEET, backend_type, 16, name)
    assert words in caught.value.message
    assert caught.value.details == {"field": "backend"}
    assert len(caught.value.message) < 400


# --- the state of a job -----------------------------------------------------------------------------


def raw(**changes: Any) -> dict[str, Any]:
    return {
        "id": "d1",
        "program": {"id": "executor"},
        "created": "2026-05-01T12:00:00.123Z",
        "state": {"status": "Queued"},
    } | changes


@pytest.mark.parametrize(
    ("state", "status", "reason"),
    [
        ({"status": "Queued"}, "QUEUED", None),
        ({"status": "running"}, "RUNNING", None),
        ({"status": "Completed"}, "DONE", None),
        ({"status": "Cancelled"}, "CANCELLED", None),
        ({"status": "Failed", "reason": "broken", "reason_code": 1234}, "ERROR", "broken (code 1234)"),
        ({"status": "Failed", "reason": "broken"}, "ERROR", "broken"),
        ({"status": "Failed"}, "ERROR", None),
        # Cancelled by IBM because it ran too long: an error, not the client's request.
        ({"status": "Cancelled", "reason": "too long", "reason_code": 1305}, "ERROR", "too long (code 1305)"),
        ({"status": "Cancelled", "reason": "too long", "reasonCode": 1305}, "ERROR", "too long (code 1305)"),
    ],
)
def test_the_providers_statuses_become_ours(state: dict[str, Any], status: str, reason: str | None) -> None:
    view = view_of(raw(state=state))
    assert (view.job_id, view.program_id, view.status, view.reason) == ("d1", "executor", status, reason)


def test_the_instants_of_a_job_are_aware() -> None:
    view = view_of(raw(running="2026-05-01T12:00:01", ended="2026-05-01T14:00:02+02:00"), SEEN)
    assert view.created == datetime(2026, 5, 1, 12, 0, 0, 123_000, UTC)
    assert view.running == datetime(2026, 5, 1, 12, 0, 1, tzinfo=UTC)
    assert view.finished == datetime(2026, 5, 1, 12, 0, 2, tzinfo=UTC)
    unknown = view_of(raw(created="yesterday", running=None, finished=""), SEEN)
    assert (unknown.created, unknown.running, unknown.finished) == (None, None, None)


@pytest.mark.parametrize(
    ("usage", "seconds"),
    [
        ({"status": "done", "qpu_charge_time_seconds": 1.25}, 1.25),
        ({"quantum_seconds": 2, "seconds": 2}, 2.0),
        ({"qpu_charge_time_seconds": -1}, None),
        ({"qpu_charge_time_seconds": "x"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_charged_time_has_its_name_in_each_version_of_the_api(usage: Any, seconds: float | None) -> None:
    assert view_of(raw(usage=usage), SEEN).charged_seconds == seconds


@pytest.mark.parametrize("state", [None, {}, {"status": None}, {"status": "Melted"}, {"status": 7}])
def test_an_unknown_status_is_not_treated_as_final(state: Any) -> None:
    assert view_of({"id": "d1", "state": state}).status == "RUNNING"


# --- failures --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ProviderError),
        (401, ProviderError),
        (404, JobNotFoundError),
        (409, ProviderError),
        (429, ProviderUnavailableError),
        (500, ProviderUnavailableError),
        (503, ProviderUnavailableError),
        (-1, ProviderUnavailableError),  # the client's number for "no answer"
    ],
)
def test_a_status_decides_whether_a_retry_is_useful(status: int, kind: type[QwhiskError]) -> None:
    error = of_status(
        "take the job", status, f"{status} Client Error: x for url: https://host/jobs?token=abc"
    )
    assert type(error) is kind
    assert "https://" not in error.message
    assert "abc" not in error.message
    assert len(of_status("x", status, "y" * 9_000).message) < 700


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (RequestsApiError("gone", status_code=404), JobNotFoundError),
        (RequestsApiError("busy", status_code=429), ProviderUnavailableError),
        (RequestsApiError("no answer"), ProviderUnavailableError),
        (IBMRuntimeError("409 Client Error: Conflict for url: https://x"), ProviderError),
        (IBMRuntimeError("503 Server Error for url: https://x"), ProviderUnavailableError),
        (IBMRuntimeError("something else"), ProviderUnavailableError),
        (IBMNotAuthorizedError("s3cret"), ProviderUnauthorizedError),
        (requests.ConnectionError("https://s3cret"), ProviderUnavailableError),
        (requests.Timeout("s3cret"), ProviderUnavailableError),
        (OSError("s3cret"), ProviderUnavailableError),
        (InputError("ours"), InputError),
    ],
)
def test_the_clients_exceptions_become_ours(raised: Exception, kind: type[QwhiskError]) -> None:
    with pytest.raises(QwhiskError) as caught, translated("look"):
        raise raised
    assert type(caught.value) is kind
    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("999999", 3600.0), ("", None), ("soon", None), ("-1", None)]
)
def test_retry_after_of_a_429_is_kept_and_bounded(header: str, seconds: float | None) -> None:
    answer = requests.Response()
    answer.status_code = 429
    if header:
        answer.headers["Retry-After"] = header

    def refuse() -> None:
        try:
            raise requests.HTTPError("429 Client Error", response=answer)
        except requests.HTTPError as error:
            raise RequestsApiError("429 Client Error", 429) from error

    with pytest.raises(ProviderUnavailableError) as caught, translated("take the job"):
        refuse()
    assert caught.value.retry_after == seconds


def rejected(status: int, body: str) -> None:
    """Raise what the client raises for a response with this status and body."""
    answer = requests.Response()
    answer.status_code = status
    answer._content = body.encode()
    try:
        raise requests.HTTPError(f"{status} Client Error: Bad Request for url: https://x", response=answer)
    except requests.HTTPError as error:
        raise RequestsApiError(f"{status} Client Error: {body}", status) from error


@pytest.mark.parametrize("code", [1518, 1519, 1527])
def test_a_job_that_exceeds_a_limit_of_the_backend_is_the_callers_error(code: int) -> None:
    reason = "The circuit uses 30 qubits. At most 27 can be simulated."
    with pytest.raises(InputError) as caught, translated("take the job", changes=True):
        rejected(400, json.dumps({"error": {"code": code, "message": reason}}))
    assert caught.value.message == f"The backend cannot run this: {reason}"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, '{"error": {"code": 1517, "message": "x is not supported"}}'),
        (400, '{"error": {"code": 1527}}'),
        (400, '{"error": [1527]}'),
        (400, '{"error": {"code": null, "message": "x"}}'),
        (400, "not JSON"),
        (409, '{"error": {"code": 1527, "message": "x"}}'),
    ],
)
def test_any_other_rejection_is_the_providers(status: int, body: str) -> None:
    with pytest.raises(ProviderError) as caught, translated("take the job", changes=True):
        rejected(status, body)
    assert type(caught.value) is ProviderError


def test_an_account_without_an_address_never_gets_that_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client reads it from the environment: the key to IBM must not go to the simulator's address."""
    monkeypatch.delenv("IAM_URL", raising=False)
    inside, seen = threading.Event(), []
    with account._environment(AccountSettings(token="s", instance="i", url="http://127.0.0.1:9")):

        def connect() -> None:
            inside.set()
            with account._environment(AccountSettings(token="h", instance="i", url=None)):
                seen.append(os.environ.get("IAM_URL"))

        other = threading.Thread(target=connect)
        other.start()
        inside.wait(10)
        other.join(0.05)
        assert seen == []
    other.join(10)
    assert seen == [None]


def test_the_cache_of_transpiled_circuits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    made = target.IBMTarget(SimpleNamespace(name="aer_simulator", target=None))
    monkeypatch.setattr(made, "_passes", SimpleNamespace(run=lambda circuit: circuit.copy()))
    monkeypatch.setattr(target, "MAX_GATES", 25)
    circuit = QuantumCircuit(1)
    for _ in range(10):
        circuit.x(0)
    first = made.transpile(circuit, "a")
    made.transpile(circuit, "b")
    assert made.transpile(circuit, "a") is first
    made.transpile(circuit, "c")
    assert made.transpile(circuit, "a") is first, "the one used last stays"
    assert set(made._transpiled) == {"a", "c"}
    assert made.transpile(circuit, None) is not made.transpile(circuit, None)


def test_callers_are_not_shown_hosts() -> None:
    error = of_status(
        "take the job", 503, "HTTPSConnectionPool(host='q.internal', port=443): Max retries exceeded"
    )
    assert "internal" not in error.message
    assert "Max retries" in error.message
