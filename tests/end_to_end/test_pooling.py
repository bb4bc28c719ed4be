"""One provider job carries the circuits of several clients, and each gets its own results."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from core.protocol import FINAL
from core.provider import QuantumAccount, connect
from core.settings import ProviderSettings
from testkit.faults import paused, set_faults
from testkit.processes import module_pid, part_environment
from testkit.stack import GIVEN_WHISK, Client, Stack, alive, running, wait_for

pytestmark = pytest.mark.skipif(
    bool(GIVEN_WHISK), reason="the setting of this stack is bound to the actions of all stacks"
)

#: Seconds in which all jobs of a test end, on a busy machine.
PATIENCE = 150.0
DEVICE = "fake_fez"


@pytest.fixture(scope="module")
def pooling_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that pools the jobs of devices. Its device has no other people's jobs."""
    more = {
        "POOL_BACKEND_TYPES": "hardware",
        "SIMULATOR_QUEUE_ARRIVALS": "0",
        "SIMULATOR_QUEUE_INITIAL": "0",
        "SIMULATOR_JOB_OVERHEAD_SECONDS": "0.5",
    }
    with running(tmp_path_factory.mktemp("pooling"), **more) as stack:
        yield stack


@pytest.fixture
def account(pooling_stack: Stack) -> QuantumAccount:
    """The provider's side, with the key that the stack's parts have."""
    env = part_environment(pooling_stack, "poller")
    return connect(ProviderSettings.from_env(env)).account("hardware")


def secret(dice: random.Random) -> str:
    """Return a pattern of five bits that its client recognises."""
    return format(dice.randrange(1, 32), "05b")


def submit(client: Client, bits: str, **values: Any) -> str:
    """Submit a circuit that measures a pattern on the device; return the job's id."""
    flips = "\n".join(f"x q[{place}];" for place, bit in enumerate(reversed(bits)) if bit == "1")
    program = f'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[5];\ncreg c[5];\n{flips}\nmeasure q -> c;\n'
    given: dict[str, Any] = {"program": program, "backend_type": "hardware", "backend": DEVICE, "shots": 100}
    given |= values
    answer = client.submit(function="run_openqasm", **given)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    if given.get("pooling", True):
        assert (job["status"], job["provider_jobs"]) == ("POOLED", [])
    return str(job["process_job_id"])


def ended(client: Client, job: str) -> dict[str, Any]:
    """Wait for a job's end and return it."""
    found: dict[str, Any] = {}

    def final() -> bool:
        found.update(client.get(f"/jobs/{job}", wait=30).json())
        return found["status"] in FINAL

    wait_for(final, PATIENCE)
    return found


def _is_gone(pid: int) -> bool:
    return not alive(pid)


def check(job: dict[str, Any], bits: str) -> None:
    """Check that a job is done, and that its counts are of its own pattern."""
    assert job["status"] == "DONE", job["error"]
    counts = job["result"]["counts"]["c"]
    assert max(counts, key=counts.get) == bits
    assert sum(counts.values()) == 100


def test_many_clients_share_few_provider_jobs_and_see_only_their_own(pooling_stack: Stack) -> None:
    dice = random.Random(22)
    clients = [pooling_stack.client() for _ in range(5)]
    patterns = [(client, secret(dice)) for client in clients for _ in range(4)]
    with paused(pooling_stack, DEVICE):
        jobs = [(client, bits, submit(client, bits)) for client, bits in patterns]
    ends = [(bits, ended(client, job)) for client, bits, job in jobs]
    for bits, job in ends:
        check(job, bits)
    provider_jobs = {each["job_id"] for _, job in ends for each in job["provider_jobs"]}
    assert len(provider_jobs) <= 3, "each client's job was a provider job of its own"
    # Nothing tells how many neighbours there were: the answers have the same fields as those of jobs alone.
    alone = clients[0]
    single = ended(alone, submit(alone, "10101", pooling=False))
    check(single, "10101")
    assert single["provider_jobs"][0]["job_id"] not in provider_jobs
    for _, job in ends:
        assert job.keys() == single.keys()
        assert job["result"].keys() == single["result"].keys()
        assert job["result"]["metadata"].keys() <= single["result"]["metadata"].keys()
        assert '"pool"' not in json.dumps(job)


def test_a_participant_is_cancelled_and_its_neighbours_are_not(
    pooling_stack: Stack, account: QuantumAccount
) -> None:
    first, second, third = (pooling_stack.client() for _ in range(3))
    with paused(pooling_stack, DEVICE):
        pending = submit(first, "00001")
        wait_for(lambda: first.get(f"/jobs/{pending}").json()["status"] == "QUEUED", PATIENCE)
        waiting = submit(second, "00010")
        kept = submit(third, "00100")
        assert second.http.delete(f"{pooling_stack.api}/jobs/{waiting}", timeout=30).status_code == 202
        assert ended(second, waiting)["status"] == "CANCELLED"
    check(ended(third, kept), "00100")
    check(ended(first, pending), "00001")
    with paused(pooling_stack, DEVICE):
        last = submit(first, "01000")
        wait_for(lambda: first.get(f"/jobs/{last}").json()["status"] == "QUEUED", PATIENCE)
        provider_job = first.get(f"/jobs/{last}").json()["provider_jobs"][0]["job_id"]
        assert first.http.delete(f"{pooling_stack.api}/jobs/{last}", timeout=30).status_code == 202
        assert ended(first, last)["status"] == "CANCELLED"
        wait_for(lambda: account.look(provider_job).status == "CANCELLED", PATIENCE)


def test_the_participants_of_a_job_that_fails_run_again_in_smaller_ones(pooling_stack: Stack) -> None:
    dice = random.Random(23)
    clients = [pooling_stack.client() for _ in range(2)]
    with paused(pooling_stack, DEVICE):
        before = submit(clients[0], "11111")
        wait_for(lambda: clients[0].get(f"/jobs/{before}").json()["status"] == "QUEUED", PATIENCE)
        jobs = [(client, bits := secret(dice), submit(client, bits)) for client in clients for _ in range(3)]
        # The job that is pending runs before; the next one, which has all others, fails as a whole.
        set_faults(pooling_stack, {})
        check(ended(clients[0], before), "11111")
        set_faults(pooling_stack, {"jobs": [{"backend": DEVICE, "count": 1}]})
        ends = [(bits, ended(client, job)) for client, bits, job in jobs]
    for bits, job in ends:
        check(job, bits)


def test_a_pooled_loop_ends_with_its_answer(pooling_stack: Stack) -> None:
    clients = [pooling_stack.client() for _ in range(2)]
    jobs = []
    for client in clients:
        answer = client.submit(
            function="qaoa_maxcut",
            edges=[[0, 1, 1.0], [1, 2, 1.0]],
            max_steps=2,
            backend_type="hardware",
            backend=DEVICE,
            shots=100,
        )
        assert answer.status_code == 202, answer.text
        jobs.append((client, answer.json()["process_job_id"]))
    for client, job in jobs:
        end = ended(client, job)
        assert end["status"] == "DONE", end["error"]
        assert len(end["provider_jobs"]) == end["step"] + 1


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")
def test_a_poller_that_is_killed_loses_and_doubles_nothing(pooling_stack: Stack) -> None:
    dice = random.Random(24)
    clients = [pooling_stack.client() for _ in range(4)]
    jobs = []
    with paused(pooling_stack, DEVICE):
        for _ in range(3):
            jobs += [(client, bits := secret(dice), submit(client, bits)) for client in clients]
            pid = module_pid(pooling_stack, "poller")
            os.kill(pid, signal.SIGKILL)
            wait_for(partial(_is_gone, pid))
    for client, bits, job in jobs:
        check(ended(client, job), bits)
