"""Cancellation requests for jobs that no client knows: they fit into an event, and are no provider's ids."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.protocol import JobEvent, decode, encode
from core.strays import MAX_JOB_ID, Stray, lost, sought, stray
from tests.core.samples import job

ids = st.text("abcXYZ019_.:-", min_size=1, max_size=MAX_JOB_ID)
attempts = st.text("abc019_-", min_size=1, max_size=32)


@settings(derandomize=True)
@given(ids, st.none() | attempts)
def test_a_request_arrives_unchanged(job_id: str, attempt: str | None) -> None:
    event = job(params={"x": "a" * 1000}, state={"y": 1}, callback_url="https://example.org")
    asked = decode(JobEvent, encode(stray(event, job_id)))
    assert sought(asked.job_id) == Stray(job_id=job_id)
    lost_one = decode(JobEvent, encode(lost(event, attempt)))
    assert sought(lost_one.job_id) == Stray(attempt=attempt)
    for request in (asked, lost_one):
        assert (request.process_job_id, request.step, request.backend_type) == (
            event.process_job_id,
            0,
            "hardware",
        )
        assert (request.params, request.state, request.callback_url) == ({}, None, None)


@pytest.mark.parametrize(
    "job_id", ["d1abc", "lostandfound", "strayed", "job-lost", "LOST", "d4s9t1kp8m2g", "x"]
)
def test_a_providers_id_requests_nothing(job_id: str) -> None:
    assert sought(job_id) is None


@pytest.mark.parametrize("job_id", ["", "a" * (MAX_JOB_ID + 1), "a b", "ä"])
def test_an_invalid_id_is_refused(job_id: str) -> None:
    with pytest.raises(ValueError, match="not an id"):
        stray(job(), job_id)
