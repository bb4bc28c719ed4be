"""Requests to delete the provider's jobs of a run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.erasure import Erasure, erasure_of, erasure_request
from core.protocol import JobEvent, PoolShare, decode, encode
from core.strays import sought
from tests.core.samples import job


def test_a_request_names_the_newest_job_and_has_no_data() -> None:
    numbers = dict.fromkeys(("qubits", "depth", "size", "transpiled_depth", "transpiled_size", "pubs"), 1)
    event = job(
        params={"secret": 7},
        state={"secret": 7},
        callback_url="https://example.org/secret",
        circuit=numbers | {"openqasm3": "// secret"},
    )
    request = decode(JobEvent, encode(erasure_request(event)))
    assert erasure_of(request.job_id) == Erasure(event.job_id)
    assert sought(request.job_id) is None
    assert b"secret" not in encode(request)
    assert datetime.now(UTC) - request.submitted_at < timedelta(minutes=5), "the job may be old"
    assert (request.process_job_id, request.topic) == (event.process_job_id, event.topic)


def test_an_id_that_does_not_fit_is_left_out() -> None:
    request = erasure_request(job(job_id="j" * 128))
    assert erasure_of(decode(JobEvent, encode(request)).job_id) == Erasure(None)


@pytest.mark.parametrize("job_id", ["d1abc", "lost", "stray.d1", "eraser", "erase.", "erase.a b", ""])
def test_other_ids_are_no_request(job_id: str) -> None:
    assert erasure_of(job_id) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"job_id": "pooled"},
        {"pool": PoolShare(first=0, count=1, member=0, members=2, source=3)},
    ],
)
def test_a_job_with_the_circuits_of_other_clients_is_not_deleted(changes: dict[str, Any]) -> None:
    request = erasure_request(job().model_copy(update=changes))
    assert erasure_of(request.job_id) == Erasure(None)
