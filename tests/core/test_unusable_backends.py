"""Backends that are paused or described incompletely are passed over, and refusals keep their kind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from qiskit_ibm_runtime.api.exceptions import RequestsApiError

from core.errors import (
    BackendUnusableError,
    InputError,
    ProviderError,
    ProviderForbiddenError,
    ProviderQuotaError,
    ProviderUnavailableError,
)
from core.protocol import BackendInfo, BackendList, decode, encode
from core.provider.choice import choose
from core.provider.ibm.account import IBMAccount
from core.provider.ibm.backends import backends_of
from core.provider.ibm.failures import of_status
from core.settings import AccountSettings

NOW = datetime(2026, 5, 1, 13, tzinfo=UTC)


def listed(backend: str, **status: Any) -> dict[str, Any]:
    """A backend in the provider's list."""
    return {"name": backend, "qubits": 127, "queue_length": 0, "status": {"name": "online"} | status}


@pytest.mark.parametrize("reason", ["paused", "Paused", "maintenance"])
def test_a_paused_backend_is_chosen_only_if_there_is_no_other(reason: str) -> None:
    busy = listed("ibm_busy", reason="available") | {"queue_length": 90}
    known = backends_of([listed("ibm_paused", reason=reason), busy], NOW)
    assert [(backend.operational, backend.reason) for backend in known] == [(True, reason), (True, None)]
    assert choose(known, "hardware", 5).name == "ibm_busy"
    # It accepts jobs, and a caller who names it may wait.
    assert choose(known, "hardware", 5, "ibm_paused").name == "ibm_paused"
    assert choose(known[:1], "hardware", 5).name == "ibm_paused"


def test_a_backend_that_is_offline_is_not_chosen_and_says_why() -> None:
    known = backends_of([listed("ibm_offline", name="offline", reason="repair")], NOW)
    assert [(backend.operational, backend.reason) for backend in known] == [(False, "repair")]
    with pytest.raises(InputError, match=r"not operational now \(repair\)"):
        choose(known, "hardware", 5, "ibm_offline")


@pytest.mark.parametrize("reason", ["available", "", None, 7, ["paused"]])
def test_other_reasons_do_not_count_against_a_backend(reason: Any) -> None:
    [backend] = backends_of([listed("ibm_fez", reason=reason)], NOW)
    assert (backend.operational, backend.reason) == (True, None)


def test_a_reason_is_bounded() -> None:
    [backend] = backends_of([listed("ibm_fez", reason="x" * 10_000)], NOW)
    assert backend.reason == "x" * 200


def test_only_a_backend_with_a_reason_has_one_in_the_message() -> None:
    """Older readers get the fields that they know."""
    known = backends_of([listed("ibm_a", reason="paused"), listed("ibm_b")], NOW)
    data = encode(BackendList(backends=known))
    assert data.count(b"reason") == 1
    assert decode(BackendList, data).backends == known


class Account(IBMAccount):
    """An account whose client is replaced."""

    def __init__(self, describe: Callable[[str], Any]) -> None:
        super().__init__(AccountSettings(token="t", instance="i", url="http://127.0.0.1:1"))
        self._describe = describe
        raw = [listed("ibm_broken"), listed("ibm_whole") | {"queue_length": 50}]
        client = SimpleNamespace(list_backends=lambda: raw)
        self._connected: Any = SimpleNamespace(_active_api_client=client, backend=self._describe)

    def _prepared(self, client: Any) -> Any:
        return client


def fail(error: Exception) -> Callable[[str], Any]:
    """A description of a backend that fails in this way."""

    def describe(_name: str) -> Any:
        raise error

    return describe


@pytest.mark.parametrize(
    "error",
    [
        TypeError("float() argument must be a string or a real number, not 'NoneType'"),
        KeyError("T1"),
        IndexError("list index out of range"),
        AssertionError(),
        RequestsApiError("404 Client Error: properties", 404),
    ],
)
def test_a_backend_whose_calibration_is_incomplete_is_passed_over(error: Exception) -> None:
    account = Account(fail(error))
    assert choose(account.backends(), "hardware", 5).name == "ibm_broken"
    with pytest.raises(BackendUnusableError, match="calibration of backend ibm_broken is incomplete"):
        account.target("ibm_broken")
    known: list[BackendInfo] = account.backends()
    assert [(backend.operational, backend.reason) for backend in known] == [
        (False, "calibration incomplete"),
        (True, None),
    ]
    assert choose(known, "hardware", 5).name == "ibm_whole"
    account._unusable["ibm_broken"] = 0.0
    assert account.backends()[0].operational, "it is tried again later"


def test_a_provider_that_does_not_answer_makes_no_backend_unusable() -> None:
    account = Account(fail(RequestsApiError("503 Server Error", 503)))
    with pytest.raises(ProviderUnavailableError):
        account.target("ibm_broken")
    assert account.backends()[0].operational


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [(402, ProviderQuotaError, "quota is used up"), (403, ProviderForbiddenError, "no permission")],
)
def test_a_refusal_is_reported_as_what_it_is(status: int, kind: type[ProviderError], words: str) -> None:
    error = of_status("take the job", status, "No.", unclear=True)
    assert type(error) is kind
    assert words in error.message
    assert error.details == {"status": status}


def test_the_caller_gets_the_time_after_which_to_try_again() -> None:
    error = of_status("take the job", 429, "Busy.", 90.4)
    assert error.as_dict()["details"] == {"status": 429, "retry_after": 90.4}
    assert "Try again in 90 s." in error.message
