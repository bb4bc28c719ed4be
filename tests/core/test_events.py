"""Events: what is accepted and rejected. No rejection discloses a value or breaks its reader."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.bounds import HORIZON
from core.errors import EventError
from core.protocol import (
    FINAL,
    MAX_EVENT_BYTES,
    MAX_STATE_BYTES,
    BackendInfo,
    BackendList,
    JobEvent,
    Progress,
    ResultEvent,
    decode,
    encode,
)
from tests.core.samples import job, raw_job, result_event, wire

SECRET = "s3cret-value"

# Integers up to 64 bits and finite floats: the values that all JSON readers on the way agree on.
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abé", max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    params=st.dictionaries(st.text("abcé_", max_size=5), json_values, max_size=4),
    step=st.integers(0, 10_000),
    submitted_at=st.datetimes(
        datetime(1970, 1, 2),  # noqa: DTZ001
        datetime(2100, 1, 1),  # noqa: DTZ001
        timezones=st.sampled_from([UTC]),
    ),
)
def test_a_job_event_is_the_same_after_serialization(
    params: dict[str, Any], step: int, submitted_at: datetime
) -> None:
    event = job(params=params, step=step, submitted_at=submitted_at.isoformat(), state={"seen": params})
    again = decode(JobEvent, encode(event))
    assert again == event
    assert again.submitted_at == submitted_at


def test_a_result_event_is_a_job_event_with_an_outcome() -> None:
    event = result_event(
        status="DONE",
        result={"counts": {"meas": {"01": 3}}, "shots": 3},
        error={"code": "answer_failed", "message": "It is down."},
        finished_at="2026-05-01T12:01:00Z",
    )
    again = decode(ResultEvent, encode(event))
    assert again == event
    assert again.result is not None
    assert again.result.counts == {"meas": {"01": 3}}
    assert set(JobEvent.model_fields) < set(ResultEvent.model_fields)


@pytest.mark.parametrize(
    ("status", "final"),
    [
        ("POOLED", False),
        ("QUEUED", False),
        ("RUNNING", False),
        ("DONE", True),
        ("CANCELLED", True),
        ("ERROR", True),
    ],
)
def test_which_events_are_final(status: str, final: bool) -> None:
    assert result_event(status=status).final is final
    assert (status in FINAL) is final


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("2026-05-01T12:00:00", datetime(2026, 5, 1, 12, tzinfo=UTC)),
        ("2026-05-01T14:00:00+02:00", datetime(2026, 5, 1, 12, tzinfo=UTC)),
        ("2026-05-01T12:00:00Z", datetime(2026, 5, 1, 12, tzinfo=UTC)),
    ],
)
def test_every_instant_becomes_utc(given_: str, expected: datetime) -> None:
    event = job(submitted_at=given_, estimated_completion_time=given_)
    for instant in (event.submitted_at, event.estimated_completion_time):
        assert instant == expected
        assert instant is not None
        assert instant.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"job_id": ""}, "job_id"),
        ({"job_id": f"a b {SECRET}"}, "job_id"),
        ({"job_id": "x" * 129}, "job_id"),
        ({"backend_type": SECRET}, "backend_type"),
        ({"topic": f"results.{SECRET}"}, "topic"),  # too short to be hard to guess
        ({"topic": "jobs"}, "topic"),
        ({"topic": "results." + "a" * 24 + "\n"}, "topic"),
        ({"topic": "results." + "a" * 24 + "/../jobs"}, "topic"),
        ({"topic": "x.results." + "a" * 24}, "topic"),
        ({"topic": "results." + "a" * 65}, "topic"),
        ({"step": -1}, "step"),
        ({"step": 10_001}, "step"),
        ({"submitted_at": SECRET}, "submitted_at"),
        ({"submitted_at": "0001-01-01T00:00:00+14:00"}, "submitted_at"),
        ({"estimated_completion_time": "9999-12-31T23:59:59-14:00"}, "estimated_completion_time"),
        ({"queue_length_at_submit": -1}, "queue_length_at_submit"),
        ({"queue_length_at_submit": 10**30}, "queue_length_at_submit"),
        ({"attempt": -1}, "attempt"),
        ({"attempt": SECRET}, "attempt"),
        ({"params": [SECRET]}, "params"),
        ({"state": SECRET}, "state"),
        ({"v": 2}, "v"),
        ({"extra": SECRET}, "extra"),
    ],
)
def test_a_broken_field_is_named_and_its_value_is_not(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(EventError) as caught:
        decode(JobEvent, wire(**changes))
    message = caught.value.message
    assert message.startswith(f"Not a JobEvent: {field}: ")
    assert SECRET not in message
    assert caught.value.code == "invalid_event"


@pytest.mark.parametrize("missing", ["job_id", "backend", "topic", "submitted_at", "client_id"])
def test_a_missing_field_is_named(missing: str) -> None:
    raw = raw_job()
    del raw[missing]
    with pytest.raises(EventError, match=f"{missing}: Field required"):
        decode(JobEvent, json.dumps(raw).encode())


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"a":"\\ud800"}',
        b"[" * 50_000,
        wire()[:-1],
        b" " * (MAX_EVENT_BYTES + 1),
    ],
)
def test_bytes_that_are_not_an_event_raise_event_error(data: bytes | None) -> None:
    with pytest.raises(EventError):
        decode(JobEvent, data)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    with pytest.raises(EventError):
        decode(JobEvent, data)


@given(
    field=st.sampled_from(sorted(JobEvent.model_fields)),
    value=json_values | st.just(10**40) | st.just({"deep": 10**40}) | st.just("0001-01-01T00:00:00+14:00"),
)
def test_no_value_of_a_field_raises_anything_else(field: str, value: Any) -> None:
    with contextlib.suppress(EventError):
        decode(JobEvent, wire(**{field: value}))


def test_state_is_bounded() -> None:
    room = MAX_STATE_BYTES - len(json.dumps({"x": ""}, separators=(",", ":")))
    assert job(state={"x": "a" * room}).state == {"x": "a" * room}
    with pytest.raises(EventError, match="state is over 65536 bytes"):
        decode(JobEvent, wire(state={"x": "a" * (room + 1)}))
    # Bytes, not characters.
    with pytest.raises(EventError, match="state is over 65536 bytes"):
        decode(JobEvent, wire(state={"x": "é" * (room // 2 + 1)}))


def test_an_event_over_the_limit_is_not_encoded() -> None:
    with pytest.raises(EventError, match="Ask for fewer shots") as caught:
        encode(job(params={"x": "a" * MAX_EVENT_BYTES}))
    assert caught.value.details["bytes"] > MAX_EVENT_BYTES


def test_numbers_that_are_not_finite_become_null() -> None:
    assert encode(Progress(step=1, of=2, value=float("nan"))) == b'{"step":1,"of":2,"value":null}'
    assert b'"params":{"x":null}' in encode(job().model_copy(update={"params": {"x": float("inf")}}))


def test_the_list_of_backends_is_the_same_after_serialization() -> None:
    listed = BackendList(
        backends=[
            BackendInfo(
                name="fake_fez",
                backend_type="hardware",
                qubits=156,
                operational=True,
                queue_length=2,
                seen_at=datetime(2026, 5, 1, tzinfo=UTC),
            )
        ]
    )
    assert decode(BackendList, encode(listed)) == listed


@given(*[st.datetimes(timezones=st.just(UTC)) for _ in range(4)], st.booleans())
def test_instants_are_bounded_to_plausible_ones(
    now: datetime, submitted: datetime, looked: datetime, expected: datetime, has_look: bool
) -> None:
    """A machine with a wrong clock must not cause a job without a deadline, or an estimate of centuries."""
    now = min(max(now, datetime(1970, 1, 1, tzinfo=UTC)), datetime(2200, 1, 1, tzinfo=UTC))
    event = job().model_copy(
        update={
            "submitted_at": submitted,
            "looked_at": looked if has_look else None,
            "estimated_completion_time": expected,
        }
    )
    event.bound(now)
    assert event.submitted_at == min(submitted, now)
    assert (event.looked_at is not None) is has_look
    if event.looked_at is not None:
        assert event.submitted_at <= event.looked_at <= now
    if event.estimated_completion_time is not None:
        assert abs((event.estimated_completion_time - now).total_seconds()) <= HORIZON
    # Plausible values are kept.
    sound = event.model_copy(update={"estimated_completion_time": now + timedelta(hours=1)})
    again = sound.model_copy()
    again.bound(now)
    assert again == sound
