"""The Python client on a running stack, also when connections are lost in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from qwhisk_client import (
    Client,
    JobCancelledError,
    JobFailedError,
    Session,
)
from qwhisk_client.models import FINAL
from testkit.faults import paused, set_faults
from testkit.stack import Stack, wait_for
from tests.client.proxy import Proxy
from tests.end_to_end.test_large_result import submit as submit_large_result

#: A loop of several jobs, and so of many events.
LOOP = {"edges": [[0, 1, 1], [1, 2, 1], [2, 0, 1]], "layers": 1, "seed": 7}


@pytest.fixture
def qwhisk(stack: Stack) -> Iterator[Client]:
    """Return a client with a session of its own."""
    with Client(stack.gateway) as client:
        yield client


@pytest.fixture
def proxy(stack: Stack) -> Iterator[Proxy]:
    """Return a proxy in front of the stack's gateway."""
    with Proxy(int(stack.env["GATEWAY_PORT"])) as proxy:
        yield proxy


def test_a_function_is_run_in_one_call(qwhisk: Client) -> None:
    result = qwhisk.run("grover", qubits=4, marked=[3])
    assert result.summary.startswith("3 (0011) was found in ")
    assert result.answer["summary"] == result.summary
    assert sum(result.counts["meas"].values()) == 1024
    assert max(result.counts["meas"], key=lambda outcome: result.counts["meas"][outcome]) == "0011"
    assert (result.event.status, result.event.backend) == ("DONE", "aer_simulator")
    assert result.summary.split(";")[0] in result._repr_html_()


def test_functions_backends_and_jobs_are_listed(qwhisk: Client) -> None:
    functions = {function.id: function for function in qwhisk.functions()}
    assert len(functions) > 15
    assert functions["grover"].input_schema["required"] == ["qubits", "marked"]
    assert qwhisk.function("grover").output_schema["properties"]["summary"]
    assert {backend.backend_type for backend in qwhisk.backends()} >= {"simulator", "hardware"}
    ids = [qwhisk.submit("bell_state").id for _ in range(3)]
    assert {job.id for job in qwhisk.jobs()} == set(ids)
    assert len(list(qwhisk.jobs(limit=2))) == 2


def test_progress_is_pushed_until_the_end(qwhisk: Client) -> None:
    job = qwhisk.submit("qaoa_maxcut", LOOP)
    events = list(job.events(timeout=120))
    assert [event.status in FINAL for event in events] == [False] * (len(events) - 1) + [True]
    steps = [event.progress.step for event in events if event.progress]
    assert steps == sorted(steps)
    assert steps[-1] > 1
    assert job.event is events[-1]
    ids = [event.id for event in events]
    assert ids == sorted(set(ids))  # type: ignore[type-var]
    later = list(job.events(timeout=120, after=ids[-2]))
    assert [event.id for event in later] == ids[-1:]


def test_the_events_of_all_jobs_are_pushed(qwhisk: Client) -> None:
    jobs = {qwhisk.submit("bell_state").id for _ in range(3)}
    done = set()
    for event in qwhisk.events(timeout=120):
        done |= {event.process_job_id} if event.final else set()
        if done == jobs:
            break
    assert done == jobs


def test_a_job_is_cancelled(stack: Stack, qwhisk: Client) -> None:
    with paused(stack):
        job = qwhisk.submit("bell_state", backend_type="hardware")
        job.cancel()
        with pytest.raises(JobCancelledError, match=job.id) as caught:
            job.result(timeout=60)
    assert caught.value.process_job_id == job.id
    assert job.status == "CANCELLED"


def test_a_job_that_fails_says_why(stack: Stack, qwhisk: Client) -> None:
    set_faults(stack, {"jobs": [{"count": 1, "backend": "aer_simulator", "reason": "The cryostat is warm."}]})
    try:
        with pytest.raises(JobFailedError, match="cryostat") as caught:
            qwhisk.run("bell_state")
    finally:
        set_faults(stack, {})
    assert caught.value.code
    assert qwhisk.job(caught.value.process_job_id).status == "ERROR"


def test_a_wait_survives_lost_connections(stack: Stack, proxy: Proxy) -> None:
    # The end of the pool waits for the result, so the device continues before it.
    with Client(proxy.url) as client, ThreadPoolExecutor(1) as pool:
        with paused(stack):
            job = client.submit("bell_state", backend_type="hardware")
            result = pool.submit(job.result, 120)
            for _ in range(3):
                wait_for(proxy.cut, 60)
        assert result.result(120).counts


def test_a_session_is_kept_and_renewed(stack: Stack, qwhisk: Client) -> None:
    job = qwhisk.submit("bell_state")
    kept = qwhisk.session
    assert kept is not None
    assert kept.expires_at is not None
    assert kept.token not in repr(kept)
    # As if more than half of its life were over.
    old = Session(kept.token, kept.client_id, kept.opened_at - 2 * 86_400, kept.expires_at)
    with Client(stack.gateway, session=old) as later:
        assert later.job(job.id).id == job.id
        assert later.session is not None
        assert later.session.client_id == kept.client_id
        assert later.session.opened_at > old.opened_at
    with Client(stack.gateway, session=kept.token) as later:
        assert later.job(job.id).id == job.id


def test_a_result_that_is_too_large_for_an_event_is_fetched(stack: Stack) -> None:
    owner = stack.client()
    job_id = submit_large_result(stack, owner, 1, 50_000)
    wait_for(lambda: owner.get(f"/jobs/{job_id}").ok, 90)
    with Client(stack.gateway, session=owner.token) as client:
        job = client.job(job_id)
        assert sum(job.result(timeout=120).counts["meas"].values()) == 50_000
        [*_, final] = job.events(timeout=60)
        assert final.counts == job.event.counts
