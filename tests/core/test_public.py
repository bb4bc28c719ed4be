"""The job that clients see: what it has of an event, and what it never has."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from core.protocol import JobEvent, PublicJob, ResultEvent, decode, encode, encode_public
from core.protocol.events import MAX_PROVIDER_JOBS
from core.strays import lost
from gateway.inbox.inbox import Inbox
from testkit.schemas import closed
from tests.core.samples import TOPIC, job, raw_job, result_event

CIRCUIT = {
    "qubits": 2,
    "depth": 3,
    "size": 4,
    "transpiled_depth": 7,
    "transpiled_size": 9,
    "pubs": 1,
    "openqasm3": "OPENQASM 3.0;",
}
#: What only the parts may know.
PRIVATE = {"topic", "callback_url", "state", "looked_at", "attempt", "pool", "v", "job_id", "previous_jobs"}
SECRETS: dict[str, Any] = {
    "callback_url": "https://app.example.org/?key=hidden-callback",
    "state": {"hidden-state": 1},
    "attempt": 7,
    "looked_at": "2026-05-01T12:01:00Z",
    # Of the neighbours in a pooled job, not even the number may be told.
    "pool": {"first": 8_111, "count": 1, "member": 8_112, "members": 8_113, "source": 8_114},
}


def public(event: ResultEvent) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(encode_public(event))
    return shown


def test_a_job_has_no_internals_and_every_public_field() -> None:
    text = encode_public(result_event(circuit=CIRCUIT, **SECRETS)).decode()
    assert TOPIC not in text
    assert "hidden" not in text
    assert not [number for number in SECRETS["pool"].values() if number > 1 and str(number) in text]
    shown = json.loads(text)
    assert shown.keys() == PublicJob.model_fields.keys()
    assert not PRIVATE & shown.keys()
    assert shown["circuit"] == CIRCUIT
    # Each field of an event is either shown or private: a new one has to be put here.
    assert ResultEvent.model_fields.keys() - PRIVATE == PublicJob.model_fields.keys() - {"provider_jobs"}
    Draft202012Validator(closed(PublicJob.model_json_schema(mode="serialization"))).validate(shown)


def test_an_event_of_the_previous_version_is_readable() -> None:
    event = decode(ResultEvent, json.dumps(raw_job(status="DONE", step=2, job_id="d3")).encode())
    shown = public(event)
    assert shown["provider_jobs"] == [{"step": 2, "job_id": "d3"}]
    assert shown["circuit"] is None
    # A part of the previous version can read it too: it does not know the new fields.
    assert not {"circuit", "previous_jobs"} & json.loads(encode(event)).keys()


@given(st.integers(0, MAX_PROVIDER_JOBS))
def test_the_provider_job_of_each_step_is_named_up_to_a_bound(steps: int) -> None:
    before = [{"step": step, "job_id": f"d{step}"} for step in range(steps)]
    event = result_event(step=steps, job_id=f"d{steps}", previous_jobs=before)
    shown = public(event)["provider_jobs"]
    expected = [*before, {"step": steps, "job_id": f"d{steps}"}]
    assert shown == expected[-MAX_PROVIDER_JOBS:]


def test_a_request_to_cancel_a_job_has_what_the_inbox_does_not_keep_apart() -> None:
    before = [{"step": 0, "job_id": "d0"}]
    event = result_event(step=1, circuit=CIRCUIT, previous_jobs=before, callback_url="https://a.example/")
    inbox = Inbox(TOPIC)
    inbox.append(0, encode(event))
    entry = inbox.job("process-1")
    assert entry is not None
    assert entry.job_event() == event.job_event()
    assert entry.event.circuit is None


def test_a_request_about_strays_has_neither_input_nor_circuit() -> None:
    asked = lost(job(circuit=CIRCUIT, previous_jobs=[{"step": 0, "job_id": "d0"}], step=1))
    assert (asked.params, asked.circuit, asked.previous_jobs) == ({}, None, [])
    assert decode(JobEvent, encode(asked)) == asked
