"""What is read from a provider's JSON is bounded: it is plausible, and can be computed with."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.bounds import CLOCK_SKEW, HORIZON, MAX_QUEUE
from core.errors import ProviderError
from core.protocol import FINAL, ResultEvent, decode, encode
from core.provider import JobView
from core.provider.ibm import reported
from core.provider.ibm.backends import backends_of
from core.provider.ibm.jobs import view_of, views_of
from poller.account import observation
from poller.scheduling.job import ScheduledJob
from poller.scheduling.queue_estimator import Device
from tests.core.samples import result_event

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)

instants = st.datetimes().map(datetime.isoformat) | st.sampled_from(
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59.999999-23:59",
        "9999-12-31T23:59:59Z",
        "2086-01-15T07:24:45Z",
        "2026-05-01T12:00:00.123Z",
        "2026-05-01T12:00:00",
        "20260501T14+0200",
        "1970-01-01",
        "now",
        "2026-05-01T12:00:00Z" * 1_000,
    ]
)
numbers = (
    st.integers(-(10**400), 10**400)
    | st.integers(-3, MAX_QUEUE + 3)
    | st.floats()
    | st.sampled_from([10**400, -(10**400), math.nan, math.inf, -math.inf, 1e308, True, -0.0])
)
values = st.none() | st.booleans() | numbers | instants | st.text(max_size=9)
#: JSON as Python's own reader returns it: with NaN, infinities and integers of any length.
anything = st.recursive(
    values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)


def objects(**known: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects with these keys, each of which may be missing or have any value."""
    return st.fixed_dictionaries({}, optional={key: value | anything for key, value in known.items()})


jobs = objects(
    id=st.just("d1abc"),
    backend=st.just("ibm_fez"),
    program=objects(id=st.just("executor")),
    state=objects(
        status=st.sampled_from(["Queued", "Running", "Completed", "Failed", "Cancelled"]),
        reason=st.text(),
        reason_code=numbers,
        reasonCode=numbers,
    ),
    created=instants,
    running=instants,
    finished=instants,
    ended=instants,
    position_in_queue=numbers,
    estimated_completion_time=instants,
    estimated_running_time_seconds=numbers,
)
backends = objects(
    name=st.sampled_from(["ibm_fez", "aer_simulator", "", "a b"]),
    qubits=numbers,
    queue_length=numbers,
    status=objects(name=st.sampled_from(["online", "offline"])),
)


def assert_bounded(view: JobView) -> None:
    for field in fields(view):
        value = getattr(view, field.name)
        assert value is None or isinstance(value, str | int | float | datetime)
        if isinstance(value, datetime):
            assert value.tzinfo is UTC
            ahead = (value - NOW).total_seconds()
            assert -HORIZON <= ahead <= (HORIZON if field.name == "estimated_completion" else CLOCK_SKEW)
        elif isinstance(value, str):
            assert len(value) < 4_100
    assert view.job_id
    assert view.queue_position is None or 0 <= view.queue_position <= MAX_QUEUE
    assert view.estimated_running_seconds is None or 0 <= view.estimated_running_seconds <= HORIZON


@given(jobs | anything)
@example({"id": "d1", "estimated_running_time_seconds": 10**400})
@example({"id": "d1", "running": "2086-01-15T07:24:45Z", "state": {"status": "Queued"}})
@example({"id": "d1", "finished": "9999-12-31T23:59:59-23:00", "state": {"status": "Completed"}})
@example({"id": "d1", "created": "0001-01-01T00:00:00+14:00"})
@example({"id": "d1", "state": "Queued", "program": "executor", "backend": {}})
def test_a_job_is_bounded(raw: Any) -> None:
    try:
        view = view_of(raw, NOW)
    except ProviderError:
        assert not (isinstance(raw, dict) and isinstance(raw.get("id"), str) and raw["id"])
        return
    assert_bounded(view)
    # The estimator can compute with it, and a reader can read the final event that is made from it.
    seen, now = observation(view), NOW.timestamp()
    device: Device[Any] = Device()
    job = ScheduledJob(1, "client", "fez", now - 60.0, 4, looked=now - 60.0)
    device.add(job, now)
    device.saw(job, seen, now)
    device.forecast(now)
    assert now - 1e-3 <= job.forecast.mean <= now + 2 * HORIZON
    event = result_event().model_copy(
        update={"status": view.status, "finished_at": view.finished, "queue_position": view.queue_position}
    )
    assert decode(ResultEvent, encode(event)).final is (view.status in FINAL)


@given(st.lists(jobs | anything, max_size=4) | anything)
def test_a_page_returns_every_job_that_can_be_read(raw: Any) -> None:
    if not isinstance(raw, list):
        # An unreadable page must not look like one without jobs: a submission would count as not made.
        for answer in (raw, {"jobs": raw}):
            with pytest.raises(ValueError, match="not a page of jobs"):
                views_of(answer)
        return
    views = views_of({"jobs": raw})
    readable = [item for item in raw if isinstance(item, dict)]
    readable = [item for item in readable if isinstance(item.get("id"), str) and item["id"]]
    assert [view.job_id for view in views] == [item["id"][:128] for item in readable]


@given(st.lists(backends | anything, max_size=4) | anything)
@example([{"name": "ibm_fez", "queue_length": 10**400, "qubits": math.nan, "status": "online"}])
@example([{"qubits": 127}, {"name": "ibm_fez", "queue_length": -1, "qubits": 127}])
def test_a_list_of_backends_is_bounded(raw: Any) -> None:
    if not isinstance(raw, list):
        with pytest.raises(ValueError, match="not a list of backends"):
            backends_of(raw, NOW)
        return
    backends = backends_of(raw, NOW)
    for backend in backends:
        assert 0 <= backend.queue_length <= MAX_QUEUE
        assert 0 <= backend.qubits <= reported.MAX_QUBITS
    names = [item.get("name") for item in raw if isinstance(item, dict)]
    assert [b.name for b in backends if b.name == "ibm_fez"] == [name for name in names if name == "ibm_fez"]


def test_an_impossibly_long_queue_does_not_look_empty() -> None:
    long, none = backends_of(
        [{"name": "a", "queue_length": 10**400}, {"name": "b", "queue_length": math.nan}], NOW
    )
    assert (long.queue_length, none.queue_length) == (MAX_QUEUE, 0)


@given(instants | anything, st.integers(-2 * 366, 2 * 366))
def test_a_plausible_instant_is_kept(value: Any, days: int) -> None:
    for bounded in (reported.past(value, NOW), reported.coming(value, NOW)):
        assert bounded is None or abs((bounded - NOW).total_seconds()) <= HORIZON
    real = NOW + timedelta(days=days)
    for written in (real.isoformat(), real.replace(tzinfo=None).isoformat()):
        assert reported.coming(written, NOW) == (real if abs(days) <= 365 else None)
        assert reported.past(written, NOW) == (real if -365 <= days <= 1 else None)


def test_all_values_of_json_are_covered() -> None:
    """The client's reader returns NaN, infinities and long integers unchanged."""
    raw = json.loads(
        '{"id": "d1", "position_in_queue": 1e400, "estimated_running_time_seconds": NaN, "created": '
        + "1" * 4_000
        + "}"
    )
    view = view_of(raw, NOW)
    assert_bounded(view)
    assert (view.queue_position, view.estimated_running_seconds, view.created) == (None, None, None)
