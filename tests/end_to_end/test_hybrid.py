"""A hybrid algorithm's loop survives a kill of any process between two steps, and takes each step once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from core.protocol import FINAL
from core.provider import JobView, QuantumAccount, connect, run_tag
from core.settings import ProviderSettings
from testkit.listener import Listener
from testkit.processes import action_pids, module_pid, part_environment
from testkit.stack import GIVEN_WHISK, Client, Stack, alive, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")

#: An Ising chain whose search takes a dozen steps or more.
LONG: dict[str, Any] = {
    "terms": [["I" * at + "ZZ" + "I" * (3 - at), -1.0] for at in range(4)]
    + [["I" * at + "X" + "I" * (4 - at), -1.0] for at in range(5)],
    "layers": 3,
    "max_steps": 15,
}

#: Seconds in which a loop continues after a part was killed and restarted, and finishes.
THROUGH = 180.0


@pytest.fixture(scope="module")
def private_stack(stack: Stack) -> Stack:
    """The stack of these files, which may be harmed."""
    return stack


@pytest.fixture(scope="module")
def account(private_stack: Stack) -> QuantumAccount:
    """The provider's side, with the key that the stack's parts have."""
    return connect(ProviderSettings.from_env(part_environment(private_stack, "poller"))).account("simulator")


@pytest.fixture
def client(private_stack: Stack) -> Client:
    """A new client."""
    return private_stack.client()


def begin(client: Client, **values: Any) -> str:
    """Submit the long loop; return its process_job_id once some steps are done."""
    answer = client.submit(function="vqe", **LONG | values)
    assert answer.status_code == 202, answer.text
    process_job_id: str = answer.json()["process_job_id"]
    wait_for(lambda: at_step(client, process_job_id) >= 3, 90)
    return process_job_id


def stand(client: Client, process_job_id: str) -> dict[str, Any]:
    """Return the state of the run; empty while the gateway is not reachable."""
    try:
        answer = client.get(f"/jobs/{process_job_id}")
    except OSError:
        return {}
    return answer.json() if answer.status_code == 200 else {}


def at_step(client: Client, process_job_id: str) -> int:
    event = stand(client, process_job_id)
    assert event.get("status") not in FINAL, f"it ended before the kill: {event}"
    return int((event.get("progress") or {}).get("step", 0))


def end(client: Client, process_job_id: str) -> dict[str, Any]:
    """Return the final event."""

    def final() -> dict[str, Any] | None:
        event = stand(client, process_job_id)
        return event if event.get("status") in FINAL else None

    event = wait_for(final, THROUGH)
    assert event is not None
    return event


def shown(client: Client, process_job_id: str) -> list[dict[str, Any]]:
    """Return every event of the run that the client is shown, in order, from the first."""
    # A job that is submitted later is in the topic behind all events of the run.
    later = client.smile()["process_job_id"]
    with closing(Listener(client)) as listener:
        wait_for(lambda: later in listener.finals())
        return [event for event in listener.events() if event["process_job_id"] == process_job_id]


def taken(account: QuantumAccount, process_job_id: str) -> list[list[JobView]]:
    """Return the jobs of each step, found by their tags; every job of the run belongs to one."""
    tag = run_tag(process_job_id)
    steps: list[list[JobView]] = []
    while views := account.tagged(f"{tag}-{len(steps)}"):
        steps.append(views)
    assert sorted(view.job_id for step in steps for view in step) == sorted(
        view.job_id for view in account.tagged(tag)
    )
    return steps


def kill(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not any(alive(pid) for pid in pids))


#: The processes to kill, by the stack.
VICTIMS: dict[str, Callable[[Stack], list[int]]] = {
    "poller": lambda stack: [module_pid(stack, "poller")],
    "actions": action_pids,
    "openwhisk": lambda stack: [module_pid(stack, "local.openwhisk")],
    "gateway": lambda stack: [module_pid(stack, "gateway")],
    "simulator": lambda stack: [module_pid(stack, "simulator")],
}


@pytest.mark.parametrize("victim", VICTIMS)
def test_the_loop_continues_and_takes_each_step_once(
    private_stack: Stack, account: QuantumAccount, client: Client, victim: str
) -> None:
    if GIVEN_WHISK and victim in ("actions", "openwhisk"):
        pytest.skip("the OpenWhisk of WHISK_APIHOST is not ours to kill")
    run = begin(client)
    kill(VICTIMS[victim](private_stack))
    event = end(client, run)
    assert event["status"] == "DONE", event
    answer = event["answer"]
    assert answer["error"] < 0.3
    steps = taken(account, run)
    assert [len(step) for step in steps] == [1] * len(steps), "a step's job was submitted twice"
    assert len(steps) == len(answer["convergence"]) + 1 == event["step"] + 1
    assert all(view.status == "DONE" for step in steps for view in step)
    events = shown(client, run)
    assert [item["status"] in FINAL for item in events] == [False] * (len(events) - 1) + [True]
    progress = [item["progress"]["step"] for item in events]
    assert progress == sorted(progress), "published out of order"
    assert set(progress) >= set(range(4)), "the steps before the crash are missing"
    assert {item["progress"]["of"] for item in events} == {16}


def test_a_loop_that_is_cancelled_submits_no_further_job(
    private_stack: Stack, account: QuantumAccount, client: Client
) -> None:
    run = begin(client, max_steps=60)
    answer = client.http.delete(f"{private_stack.api}/jobs/{run}", timeout=20)
    assert answer.status_code == 202, answer.text
    event = end(client, run)
    assert event["status"] == "CANCELLED", event
    jobs = {view.job_id: view.status for view in account.tagged(run_tag(run))}
    # The newest job is done if the cancellation came between two steps.
    assert set(jobs.values()) <= {"DONE", "CANCELLED"}
    assert list(jobs.values()).count("CANCELLED") <= 1
    # The simulator is queried again once another loop has advanced by several steps: no job was added. The
    # tags of one that no event names, because its step was being invoked at the cancellation, are removed.
    other = begin(client)
    assert {view.job_id for view in account.tagged(run_tag(run))} <= set(jobs)
    client.http.delete(f"{private_stack.api}/jobs/{other}", timeout=20)
    assert [item["status"] in FINAL for item in shown(client, run)].count(True) == 1
