"""The end of waits in both clients: with the session's lock held, and without a gateway."""

from __future__ import annotations

import asyncio

import pytest

from qwhisk_client import AsyncClient, AsyncJob, Client, Event, Job, WaitTimeoutError
from qwhisk_client.calls import GRACE

EVENT = Event.of({"process_job_id": "j", "status": "QUEUED"})
#: A deadline that has passed: what is left is the shortest time that a response may take.
PAST = -GRACE


def test_a_wait_ends_while_another_thread_opens_the_session() -> None:
    with Client("http://127.0.0.1:1") as client:
        job = Job(client, EVENT)
        with client._lock, pytest.raises(WaitTimeoutError):
            job.result(timeout=PAST)
        assert not client._lock.locked()


def test_a_wait_ends_while_another_task_opens_the_session() -> None:
    async def use() -> None:
        async with AsyncClient("http://127.0.0.1:1") as client:
            job = AsyncJob(client, EVENT)
            async with client._lock:
                with pytest.raises(WaitTimeoutError):
                    await job.result(timeout=PAST)
            assert not client._lock.locked()

    asyncio.run(use())


@pytest.mark.parametrize("timeout", [0.0, 0.3])
def test_events_without_a_gateway_end_at_their_time(timeout: float) -> None:
    with Client("http://127.0.0.1:1", session="t") as client, pytest.raises(WaitTimeoutError):
        list(client.events(timeout=timeout))

    async def use() -> None:
        async with AsyncClient("http://127.0.0.1:1", session="t") as client:
            with pytest.raises(WaitTimeoutError):
                [event async for event in client.events(timeout=timeout)]

    asyncio.run(use())
