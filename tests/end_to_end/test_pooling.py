"""One provider job carries the circuits of several clients, and each gets its own results."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import Iterator
from functools import partial

import pytest
import requests
from scipy.stats import chi2_contingency  # type: ignore[import-untyped]

from core.provider import QuantumAccount, connect
from core.settings import ProviderSettings
from testkit.faults import paused, set_faults
from testkit.pooled import (
    DEVICE,
    check_pattern,
    ended,
    program,
    secret,
    submit_pattern,
    submit_program,
)
from testkit.processes import module_pid, part_environment
from testkit.stack import GIVEN_WHISK, Stack, alive, running, wait_for
from tests.chaos.test_pooling import refused_cost_only_their_owners

pytestmark = pytest.mark.skipif(
    bool(GIVEN_WHISK), reason="the setting of this stack is bound to the actions of all stacks"
)

#: Seconds in which all jobs of a test end, on a busy machine.
PATIENCE = 150.0
#: Probability below which counts are of different distributions.
LEVEL = 1e-6


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


def _is_gone(pid: int) -> bool:
    return not alive(pid)


def test_many_clients_share_few_provider_jobs_and_see_only_their_own(pooling_stack: Stack) -> None:
    dice = random.Random(22)
    clients = [pooling_stack.client() for _ in range(5)]
    patterns = [(client, secret(dice)) for client in clients for _ in range(4)]
    with paused(pooling_stack, DEVICE):
        jobs = [(client, bits, submit_pattern(client, bits)) for client, bits in patterns]
    ends = [(bits, ended(client, job)) for client, bits, job in jobs]
    for bits, job in ends:
        check_pattern(job, bits)
    provider_jobs = {each["job_id"] for _, job in ends for each in job["provider_jobs"]}
    assert len(provider_jobs) <= 3, "each client's job was a provider job of its own"
    # Nothing tells how many neighbours there were: the answers have the same fields as those of jobs alone.
    alone = clients[0]
    single = ended(alone, submit_pattern(alone, "10101", pooling=False))
    check_pattern(single, "10101")
    assert single["provider_jobs"][0]["job_id"] not in provider_jobs
    for _, job in ends:
        assert job.keys() == single.keys()
        assert job["result"].keys() == single["result"].keys()
        assert job["result"]["metadata"].keys() <= single["result"]["metadata"].keys()
        assert '"pool"' not in json.dumps(job)
    # Each has its share of what the device was used.
    used = [job["result"]["metadata"]["quantum_seconds"] for _, job in ends]
    assert all(0 < seconds <= single["result"]["metadata"]["quantum_seconds"] for seconds in used)
    port = pooling_stack.env["POLLER_PORT"]
    metrics = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text
    lines = [line for line in metrics.splitlines() if line.startswith("qwhisk_poller_quantum_seconds_total{")]
    total = sum(float(line.rpartition(" ")[2]) for line in lines)
    assert total == pytest.approx(sum(used) + single["result"]["metadata"]["quantum_seconds"], abs=1e-3)


def test_a_participant_is_cancelled_and_its_neighbours_are_not(
    pooling_stack: Stack, account: QuantumAccount
) -> None:
    first, second, third = (pooling_stack.client() for _ in range(3))
    with paused(pooling_stack, DEVICE):
        pending = submit_pattern(first, "00001")
        wait_for(lambda: first.get(f"/jobs/{pending}").json()["status"] == "QUEUED", PATIENCE)
        waiting = submit_pattern(second, "00010")
        kept = submit_pattern(third, "00100")
        assert second.http.delete(f"{pooling_stack.api}/jobs/{waiting}", timeout=30).status_code == 202
        assert ended(second, waiting)["status"] == "CANCELLED"
    check_pattern(ended(third, kept), "00100")
    check_pattern(ended(first, pending), "00001")
    with paused(pooling_stack, DEVICE):
        last = submit_pattern(first, "01000")
        wait_for(lambda: first.get(f"/jobs/{last}").json()["status"] == "QUEUED", PATIENCE)
        provider_job = first.get(f"/jobs/{last}").json()["provider_jobs"][0]["job_id"]
        assert first.http.delete(f"{pooling_stack.api}/jobs/{last}", timeout=30).status_code == 202
        assert ended(first, last)["status"] == "CANCELLED"
        wait_for(lambda: account.look(provider_job).status == "CANCELLED", PATIENCE)


def test_the_participants_of_a_job_that_fails_run_again_in_smaller_ones(pooling_stack: Stack) -> None:
    dice = random.Random(23)
    clients = [pooling_stack.client() for _ in range(2)]
    with paused(pooling_stack, DEVICE):
        before = submit_pattern(clients[0], "11111")
        wait_for(lambda: clients[0].get(f"/jobs/{before}").json()["status"] == "QUEUED", PATIENCE)
        jobs = [
            (client, bits := secret(dice), submit_pattern(client, bits))
            for client in clients
            for _ in range(3)
        ]
        # The job that is pending runs before; the next one, which has all others, fails as a whole.
        set_faults(pooling_stack, {})
        check_pattern(ended(clients[0], before), "11111")
        set_faults(pooling_stack, {"jobs": [{"backend": DEVICE, "count": 1}]})
        ends = [(bits, ended(client, job)) for client, bits, job in jobs]
    for bits, job in ends:
        check_pattern(job, bits)


def test_refused_circuits_cost_only_their_owners(pooling_stack: Stack) -> None:
    refused_cost_only_their_owners(pooling_stack, circuits=12, bad=2, clients=4)


def test_loops_share_provider_jobs_and_end_with_their_answers(pooling_stack: Stack) -> None:
    clients = [pooling_stack.client() for _ in range(5)]
    jobs = []
    with paused(pooling_stack, DEVICE):
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
    ends = [ended(client, job) for client, job in jobs]
    for end in ends:
        assert end["status"] == "DONE", end["error"]
        assert len(end["provider_jobs"]) == end["step"] + 1
    steps = [job["job_id"] for end in ends for job in end["provider_jobs"]]
    # The device was paused until all had submitted: at most two jobs carry the first steps.
    assert len(set(steps)) <= len(steps) - (len(clients) - 2)


def random_program(dice: random.Random) -> str:
    """Return a random program of three qubits."""
    gates = []
    for _ in range(6):
        gates += [f"ry({dice.uniform(0, 3):.3f}) q[{place}];" for place in range(3)]
        first, second = dice.sample(range(3), 2)
        gates.append(f"cx q[{first}],q[{second}];")
    return program(3, "\n".join(gates))


def agreement(one: dict[str, int], other: dict[str, int]) -> float:
    """Return the probability that counts of one distribution differ as these do, by the chi-squared test."""
    common = [bits for bits in {**one, **other} if one.get(bits, 0) + other.get(bits, 0) >= 10]
    table = [[counts.get(bits, 0) for bits in common] for counts in (one, other)]
    return float(chi2_contingency(table).pvalue)


def test_a_pooled_circuit_gives_what_it_gives_alone(pooling_stack: Stack) -> None:
    dice, shots = random.Random(25), 2_000
    programs = [random_program(dice) for _ in range(5)]
    clients = [pooling_stack.client() for _ in programs]
    counts: dict[bool, list[dict[str, int]]] = {}
    circuits: dict[bool, list[object]] = {}
    for pooling in (True, False):
        with paused(pooling_stack, DEVICE):
            jobs = [
                submit_program(client, text, shots=shots, pooling=pooling)
                for client, text in zip(clients, programs, strict=True)
            ]
        ends = [ended(client, job) for client, job in zip(clients, jobs, strict=True)]
        assert [end["status"] for end in ends] == ["DONE"] * len(ends)
        assert (len({end["provider_jobs"][0]["job_id"] for end in ends}) <= 2) is pooling
        counts[pooling] = [end["result"]["counts"]["c"] for end in ends]
        circuits[pooling] = [end["circuit"] for end in ends]
    assert circuits[True] == circuits[False], "the circuits are transpiled differently"
    assert {sum(own.values()) for those in counts.values() for own in those} == {shots}
    for pooled, alone in zip(counts[True], counts[False], strict=True):
        assert agreement(pooled, alone) > LEVEL
    assert agreement(counts[True][0], counts[False][1]) < LEVEL, "the test does not see another's counts"


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")
def test_a_poller_that_is_killed_loses_and_doubles_nothing(pooling_stack: Stack) -> None:
    dice = random.Random(24)
    clients = [pooling_stack.client() for _ in range(4)]
    jobs = []
    with paused(pooling_stack, DEVICE):
        for _ in range(3):
            jobs += [(client, bits := secret(dice), submit_pattern(client, bits)) for client in clients]
            pid = module_pid(pooling_stack, "poller")
            os.kill(pid, signal.SIGKILL)
            wait_for(partial(_is_gone, pid))
    for client, bits, job in jobs:
        check_pattern(ended(client, job), bits)
