"""The Python client for asyncio on a running stack, also when connections are lost in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from itertools import pairwise

import pytest

from qwhisk_client import AsyncClient, Event, InvalidRequestError, JobCancelledError, NotFoundError
from testkit.faults import paused
from testkit.stack import Stack, wait_for
from tests.client.proxy import Proxy
from tests.client.test_client import LOOP

#: Seconds for one test; not a bound of the client, but the end of a test whose gateway is silent.
PATIENCE = 240.0


def run(trial: Awaitable[None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE):
            await trial

    asyncio.run(bounded())


def test_jobs_run_at_the_same_time_and_are_listed(stack: Stack) -> None:
    async def trial() -> None:
        async with AsyncClient(stack.gateway) as client:
            results = await asyncio.gather(
                *(client.run("grover", qubits=4, marked=[marked]) for marked in (3, 5, 9))
            )
            assert [result.answer["found"] for result in results] == [[3], [5], [9]]
            job = await client.submit("bell_state", shots=100)
            assert sum((await job.result(timeout=120)).counts["meas"].values()) == 100
            assert (await job.result(timeout=5)).answer == job.event.answer
            listed = [listed async for listed in client.jobs()]
            assert listed[0].id == job.id
            assert len(listed) == 4
            assert (await client.function("grover")).id == "grover"
            assert {backend.backend_type for backend in await client.backends()} >= {"simulator", "hardware"}
            with pytest.raises(InvalidRequestError, match="qubits"):
                await client.run("grover", qubits=99, marked=[3])
            await job.erase()
            with pytest.raises(NotFoundError):
                await job.refresh()

    run(trial())


def test_progress_is_pushed_and_resumed_after_each_lost_connection(stack: Stack) -> None:
    async def trial(proxy: Proxy) -> None:
        async with AsyncClient(proxy.url) as client:
            seen: list[Event] = []
            cut = 0
            job = await client.submit("qaoa_maxcut", LOOP)
            async for event in job.events(timeout=180):
                seen.append(event)
                if cut < 2 and not event.final:
                    cut += await asyncio.to_thread(wait_for, proxy.cut, 60)
            assert cut >= 2
            assert seen[-1].status == "DONE"
            assert not any(event.final for event in seen[:-1])
            ids = [event.id or 0 for event in seen]
            assert all(before < after for before, after in pairwise(ids))
            steps = [event.progress.step for event in seen if event.progress]
            assert steps == sorted(steps)
            assert steps[-1] > 1
            # None was missed: a client that was never disconnected receives the same.
            async with AsyncClient(stack.gateway, session=client.session) as other:
                again = await other.job(job.id)
                assert [event.id async for event in again.events(timeout=60, after=0)] == ids
                assert (await again.result(timeout=60)).answer == seen[-1].answer

    with Proxy(int(stack.env["GATEWAY_PORT"])) as proxy:
        run(trial(proxy))


def test_a_wait_survives_lost_connections(stack: Stack) -> None:
    async def trial(proxy: Proxy) -> None:
        async with AsyncClient(proxy.url) as client:
            with paused(stack):
                job = await client.submit("bell_state", backend_type="hardware")
                waiting = asyncio.create_task(job.result(timeout=180))
                for _ in range(3):
                    await asyncio.to_thread(wait_for, proxy.cut, 60)
                assert not waiting.done()
            assert (await waiting).counts

    with Proxy(int(stack.env["GATEWAY_PORT"])) as proxy:
        run(trial(proxy))


def test_a_job_is_cancelled_while_another_task_waits_for_it(stack: Stack) -> None:
    async def trial() -> None:
        async with AsyncClient(stack.gateway) as client:
            with paused(stack):
                job = await client.submit("bell_state", backend_type="hardware")
                waiting = asyncio.create_task((await client.job(job.id)).result(timeout=120))
                await job.cancel()
                with pytest.raises(JobCancelledError, match=job.id):
                    await waiting
            assert (await job.refresh()).status == "CANCELLED"

    run(trial())


def test_a_lost_answer_submits_one_job(stack: Stack) -> None:
    async def trial(proxy: Proxy) -> None:
        async with AsyncClient(proxy.url) as client:
            await client.open_session()
            proxy.swallow_answers(2)
            job = await client.submit("bell_state")
            assert (await job.result(timeout=120)).counts
            assert [listed.id async for listed in client.jobs()] == [job.id]

    with Proxy(int(stack.env["GATEWAY_PORT"])) as proxy:
        run(trial(proxy))
