"""The Python client while the gateway is killed and started again."""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from qwhisk_client import Client, Event
from testkit.faults import paused
from testkit.processes import module_pid
from testkit.stack import Stack, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")


def test_waits_and_events_go_on_when_the_gateway_is_back(stack: Stack) -> None:
    events: list[Event] = []
    with Client(stack.gateway) as client, ThreadPoolExecutor(2) as pool:
        with paused(stack):
            job = client.submit("bell_state", backend_type="hardware")
            watching = pool.submit(lambda: events.extend(client.job(job.id).events(timeout=150)))
            waiting = pool.submit(job.result, 150)
            # A plain call in flight would be repeated only for a while; after the first event there is none.
            wait_for(lambda: events, 60)
            pid, before = module_pid(stack, "gateway"), len(stack.output())
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: "gateway ended (signal 9)" in stack.output(before), 30)
            # The supervisor starts it again meanwhile, which may take a minute on a busy machine: a plain
            # call is repeated until then, too.
            with Client(stack.gateway, session=client.session, max_retries=40) as other:
                assert other.job(job.id).status == "QUEUED"
        assert waiting.result(150).counts
        watching.result(150)
    assert [event.status for event in events][-1] == "DONE"
    assert [event.id for event in events] == sorted({event.id for event in events})  # type: ignore[type-var]
