"""The modules of the poller that one job visits, from the message to the commit."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import FrameType

import pytest

from core.kafka.topics import JOBS, WAITS
from core.protocol import JobEvent, decode, encode
from tests.core.samples import job, wire
from tests.poller import results
from tests.poller.fakes import Message, view
from tests.poller.harness import Rig, long_ago, next_job

#: The most modules outside `poller.scheduling` that one job may visit.
MOST = 10
#: Modules that every delivered job visits.
ALWAYS = {"poller.worker", "poller.job_consumer", "poller.tracker", "poller.delivery.result_delivery"}


@contextmanager
def visited() -> Iterator[set[str]]:
    """Record the modules of the poller whose functions are called, in this thread and in new ones."""
    modules: set[str] = set()

    def profile(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            modules.add(str(frame.f_globals.get("__name__")))

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        yield modules
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        modules &= {name for name in modules if name.startswith("poller.")}


def check(modules: set[str], journey: str) -> None:
    """Print the modules and compare their number with the limit."""
    outside = sorted(name for name in modules if not name.startswith("poller.scheduling"))
    print(f"{journey}: {len(outside)} modules outside poller.scheduling: {', '.join(outside)}")
    assert set(outside) >= ALWAYS
    assert len(outside) <= MOST


@pytest.mark.parametrize("backend_type", ["hardware", "simulator"])
@pytest.mark.parametrize("looping", [False, True], ids=["one job", "step of a loop"])
def test_a_job_visits_few_modules(rig: Rig, backend_type: str, looping: bool) -> None:
    rig.provider.raw = results.sampler({"0": 1})
    rig.provider.views["d1abc"] = view("QUEUED")
    rig.invoke.reply = next_job(1) if looping else {"answer": {}}
    rig.consumer.messages.append(Message(JOBS, 0, wire(backend_type=backend_type)))
    with visited() as modules:
        rig.step_until(lambda: bool(rig.results()) and rig.job().view is not None)
        rig.provider.views["d1abc"] = view("DONE")
        tracked = rig.job()
        rig.poller.accounts.scheduler_of(tracked.event).look_now(tracked.key)
        rig.step_until(lambda: len(rig.poller.tracker) == 0)
        rig.close()
    assert rig.consumer.committed == {JOBS: 1}
    assert rig.results()[-1].status == ("RUNNING" if looping else "DONE")
    check(modules, f"a job of a {backend_type} backend, {'in a loop' if looping else 'alone'}")


def test_a_job_that_waits_at_the_broker_visits_few_modules(rig: Rig) -> None:
    rig.provider.raw = results.sampler({"0": 1})
    rig.provider.views["d1abc"] = view("DONE")
    event = job(submitted_at=datetime.now(UTC).isoformat(), queue_length_at_submit=100_000)
    rig.consumer.messages.append(Message(JOBS, 0, encode(event)))
    with visited() as modules:
        rig.step_until(lambda: bool(rig.requeued()) and len(rig.poller.tracker) == 0)
        [(topic, _, value)] = rig.requeued()
        assert topic in WAITS.values()
        waited = decode(JobEvent, value)
        # Its completion is no longer days ahead.
        assert waited.estimated_completion_time is not None
        waited.submitted_at -= timedelta(days=9)
        waited.estimated_completion_time = waited.submitted_at
        rig.waiting.messages.append(Message(topic, 0, encode(waited), long_ago()))
        rig.step_until(lambda: bool(rig.finals()) and len(rig.poller.tracker) == 0)
        rig.close()
    assert (rig.consumer.committed, rig.waiting.committed) == ({JOBS: 1}, {topic: 1})
    check(modules, "a job that waits at the broker")
