"""A partition is committed and other messages are handled, for any content of a message."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.kafka.topics import CANCEL, JOBS
from core.protocol import JobEvent
from tests.core.samples import raw_job, wire
from tests.poller.fakes import Message, view
from tests.poller.harness import WAIT, Rig, long_ago

#: Values that break code that trusts them: huge and impossible numbers, wrong types, strange texts.
HOSTILE: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        [
            10**400,
            -(10**400),
            2**63,
            1e308,
            -1,
            math.inf,
            math.nan,
            "9" * 5_000,
            "\u0663",
            "9999-12-31T23:59:59-23:59",
            "0001-01-01T00:00:00+23:59",
            "2300-01-01T00:00:00Z",
            "\x00",
            "x" * 2_000,
            {},
            [],
            {"step": 10**400, "of": -1},
            [[[]]] * 50,
            None,
            True,
        ]
    ),
    st.integers(),
    st.floats(),
    st.text(max_size=40),
    st.datetimes().map(lambda instant: instant.isoformat()),
)


@given(
    st.dictionaries(st.sampled_from([*JobEvent.model_fields, "unknown"]), HOSTILE, min_size=1, max_size=3),
    st.sampled_from([JOBS, CANCEL, WAIT]),
    st.sampled_from([long_ago(), None, 1e15, 0.0]),
)
def test_no_field_of_a_message_stops_the_poller(
    changes: dict[str, Any], topic: str, stamp: float | None
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        rig = Rig(patch)
        job_id = changes.get("job_id")
        names = ["d1abc", "d2", *([job_id] if isinstance(job_id, str) else [])]
        rig.provider.views = {name: view("CANCELLED", job_id=name) for name in names}
        rig.provider.tags = {}
        rig.poller.job_consumer._waiting._clock = lambda: 1e9
        consumer = rig.waiting if topic == WAIT else rig.consumer
        consumer.messages.append(Message(topic, 0, json.dumps(raw_job(**changes)).encode(), stamp))
        rig.consumer.messages.append(Message(JOBS, 5, wire(job_id="d2", process_job_id="good")))
        rig.step_until(lambda: "good" in {event.process_job_id for event in rig.finals()})
        tracked = [message for message in rig.poller.tracker if message.event.process_job_id != "good"]
        for message in tracked:
            # What is tracked has instants that the clock reaches.
            assert message.event.submitted_at.timestamp() <= rig.poller.tracker.now()
        rig.close()


@given(st.binary(max_size=200), st.sampled_from([JOBS, CANCEL]))
def test_no_bytes_stop_the_poller(data: bytes, topic: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        rig = Rig(patch)
        rig.consumer.messages.append(Message(topic, 0, data))
        rig.step_until(lambda: rig.publisher.sent != [])
        rig.step_until(lambda: rig.poller.job_consumer.under_way() == 0)
        rig.close()
        assert rig.consumer.committed == {topic: 1}
