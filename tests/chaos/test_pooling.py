"""Pooled jobs against direct ones, and under faults: `make trial-pooling` runs all, the suite the small ones.

Each circuit carries a secret pattern of bits, by which its client recognises its own result.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from core.protocol import FINAL
from testkit import apache_kafka
from testkit.faults import set_faults
from testkit.listener import Listener
from testkit.pooled import (
    DEVICE,
    TOO_MANY,
    ended,
    has_pattern,
    pool_records,
    refused_program,
    secret,
    submit_pattern,
    submit_program,
    takes_part,
)
from testkit.stack import GIVEN_WHISK, Stack, running
from tests.chaos.test_poller import Pollers

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc"),
    pytest.mark.skipif(bool(GIVEN_WHISK), reason="a setting is bound to the actions of all stacks"),
]

SEED = int(os.environ.get("POOLING_SEED", "1"))
#: Circuits of the chaos: these in the suite.
CHAOS = int(os.environ.get("POOLING_CIRCUITS", "40"))
#: The most kills of pollers, the seconds between two, and a client's seconds between two submissions: most
#: submissions are made while pollers are killed.
KILLS, KILL_EVERY, PAUSE = (3, (2.0, 3.0), 3.0) if CHAOS <= 100 else (25, (3.0, 6.0), 5.0)
#: Circuits and clients of the comparisons.
CIRCUITS, CLIENTS = 100, 20
#: Seconds in which everything ends.
TIMEOUT = float(os.environ.get("POOLING_TIMEOUT", "900"))

#: Hardware is pooled.
POOLED = {"POOL_BACKEND_TYPES": "hardware"}
#: A device without other people's jobs.
QUIET = {"SIMULATOR_QUEUE_ARRIVALS": "0", "SIMULATOR_QUEUE_INITIAL": "0"}
#: A device with 4 s of overhead for each job, which other people use for a quarter of the time. It serves
#: next the user who has used it least, as IBM's devices do.
BUSY = {
    "SIMULATOR_JOB_OVERHEAD_SECONDS": "4",
    "SIMULATOR_QUEUE_ARRIVALS": "0.25",
    "SIMULATOR_QUEUE_SERVICE_SECONDS": "1",
    "SIMULATOR_QUEUE_INITIAL": "2",
    "SIMULATOR_QUEUE_ORDER": "fair_share",
    "SIMULATOR_QUEUE_SEED": str(SEED),
}
#: The answers to one submission in four are lost after the provider has taken the job; more are refused.
FAULTS: list[dict[str, Any]] = [
    {"method": "POST", "path": "/jobs", "status": 503, "after": True, "probability": 0.25},
    {"method": "POST", "path": "/jobs", "status": 503, "probability": 0.1},
    {"method": "GET", "path": "/jobs", "status": 503, "probability": 0.06},
    {"method": "GET", "path": "/jobs", "drop": True, "probability": 0.02},
]


@dataclass
class Outcome:
    """What became of circuits that several clients have submitted.

    Attributes:
        seconds: from the first submission to the last result.
        submitting: from the first submission to the last answer to one.
        finals: the final events of each client, by the place of the client.
        patterns: the pattern of each of the client's jobs.
    """

    seconds: float = 0.0
    submitting: float = 0.0
    finals: list[list[dict[str, Any]]] = field(default_factory=list)
    patterns: list[dict[str, str]] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Jobs without an end."""
        return sum(
            len(own.keys() - {event["process_job_id"] for event in events})
            for own, events in zip(self.patterns, self.finals, strict=True)
        )

    @property
    def doubled(self) -> int:
        """Ends that were delivered again."""
        return sum(len(events) - len({event["process_job_id"] for event in events}) for events in self.finals)

    @property
    def strange(self) -> int:
        """Ends at a wrong client, or with another's counts."""
        return sum(
            event["process_job_id"] not in own
            or (event["status"] == "DONE" and not has_pattern(event, own[event["process_job_id"]]))
            for own, events in zip(self.patterns, self.finals, strict=True)
            for event in events
        )

    @property
    def statuses(self) -> Counter[str]:
        """The numbers of ends."""
        return Counter(event["status"] for events in self.finals for event in events)

    @property
    def provider_jobs(self) -> set[str]:
        """The provider's jobs that the results are from."""
        return {job["job_id"] for events in self.finals for event in events for job in event["provider_jobs"]}


def run_patterns(
    stack: Stack,
    circuits: int,
    clients: int,
    dice: random.Random,
    pause: float = 0.0,
    settle: float = 0.0,
    **values: Any,
) -> Outcome:
    """Let clients submit circuits, all at once but for the pauses of each client, and wait for all ends.

    Args:
        stack: the stack.
        circuits: how many.
        clients: how many clients submit them.
        dice: draws the patterns.
        pause: seconds between two submissions of a client.
        settle: seconds after the last end in which further ones are waited for.
        values: further inputs.
    """
    outcome = Outcome(patterns=[{} for _ in range(clients)])
    patterns = [[secret(dice) for _ in range(circuits // clients)] for _ in range(clients)]
    with ExitStack() as cleanup:
        those = [stack.client() for _ in range(clients)]
        listeners = [cleanup.enter_context(closing(Listener(client))) for client in those]

        def submit(number: int) -> None:
            for bits in patterns[number]:
                outcome.patterns[number][submit_pattern(those[number], bits, **values)] = bits
                time.sleep(pause)

        began = time.monotonic()
        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(submit, range(clients)))
        outcome.submitting = time.monotonic() - began

        def collect() -> None:
            outcome.finals = [
                [event for event in listener.events() if event["status"] in FINAL] for listener in listeners
            ]

        collect()
        while outcome.lost and time.monotonic() - began < TIMEOUT:
            time.sleep(0.1)
            collect()
        outcome.seconds = time.monotonic() - began
        time.sleep(settle)
        collect()
    return outcome


@pytest.mark.trial
@pytest.mark.timeout(2 * TIMEOUT + 300)
def test_a_burst_ends_sooner_and_uses_few_provider_jobs(tmp_path: Path) -> None:
    outcomes = {}
    for name, pooling in (("pooled", True), ("direct", False)):
        with running(tmp_path / name, **BUSY, **POOLED) as stack:
            warm(stack)
            outcomes[name] = run_patterns(stack, CIRCUITS, CLIENTS, random.Random(SEED), pooling=pooling)
        one = outcomes[name]
        print(
            f"\nburst of {CIRCUITS} circuits of {CLIENTS} clients, seed {SEED}, {name}: "
            f"{len(one.provider_jobs)} provider jobs, last result after {one.seconds:.1f} s "
            f"(submitted in {one.submitting:.1f} s), {dict(one.statuses)}, {one.lost} lost, "
            f"{one.doubled} doubled, {one.strange} at a wrong client"
        )
    pooled, direct = outcomes["pooled"], outcomes["direct"]
    print(f"burst: {direct.seconds / pooled.seconds:.1f} times shorter than direct (aim: 20)")
    for one in outcomes.values():
        assert (one.lost, one.doubled, one.strange, one.statuses) == (0, 0, 0, {"DONE": CIRCUITS})
    assert len(direct.provider_jobs) == CIRCUITS
    assert len(pooled.provider_jobs) <= 3
    assert direct.seconds >= 20 * pooled.seconds


def warm(stack: Stack) -> None:
    """Let the function's container start and the provider's connections open, on a simulator."""
    client = stack.client()
    elsewhere = {"backend_type": "noisy_simulator", "backend": None, "pooling": False}
    ended(client, submit_pattern(client, "1", **elsewhere))


@pytest.mark.trial
@pytest.mark.timeout(TIMEOUT)
def test_a_job_alone_is_hardly_delayed(tmp_path: Path) -> None:
    runs = 30
    times: dict[bool, list[float]] = {True: [], False: []}
    with running(tmp_path, **QUIET, **POOLED, SIMULATOR_JOB_OVERHEAD_SECONDS="0.5") as stack:
        client = stack.client()
        for number in range(2 * (runs + 2)):
            pooling = number % 2 == 0
            began = time.monotonic()
            assert ended(client, submit_pattern(client, "1", pooling=pooling))["status"] == "DONE"
            if number >= 4:
                times[pooling].append(time.monotonic() - began)
    medians = {pooling: statistics.median(those) for pooling, those in times.items()}
    print(
        f"\nalone, {runs} jobs each in turn: p50 {medians[True] * 1000:.0f} ms pooled, "
        f"{medians[False] * 1000:.0f} ms direct: {(medians[True] - medians[False]) * 1000:+.0f} ms (aim: 50)"
    )
    assert medians[True] - medians[False] < 0.1


def circuits_end_once_at_home(folder: Path, **env: str) -> None:
    """Kill pollers and lose the provider's answers while circuits are pooled; all end once."""
    dice = random.Random(SEED)
    more = QUIET | POOLED | {"SIMULATOR_JOB_OVERHEAD_SECONDS": "1"}
    with running(folder, **more, **env) as stack, ExitStack() as cleanup:
        pollers = cleanup.enter_context(closing(Pollers(stack, dice, KILLS, KILL_EVERY)))
        set_faults(stack, {"http": FAULTS, "seed": SEED})
        pollers.add()
        pollers.start_killing()
        outcome = run_patterns(stack, CHAOS, min(CLIENTS, CHAOS // 5), dice, PAUSE, settle=3.0)
        records = pool_records(stack)
    composed = {record.tag for record in records if record.state == "composed"}
    given_up = {record.tag for record in records if record.state == "given_up"}
    print(
        f"\n{CHAOS} circuits, seed {SEED}: {pollers.kills} pollers killed, {len(composed)} provider jobs "
        f"composed, {len(given_up)} given up, {len(outcome.provider_jobs)} with results, last result after "
        f"{outcome.seconds:.0f} s, {dict(outcome.statuses)}: {outcome.lost} lost, {outcome.doubled} doubled, "
        f"{outcome.strange} at a wrong client"
    )
    assert pollers.kills >= 2
    # On a busy machine, all of a few circuits may be there before a poller is.
    assert len(composed) >= (3 if CHAOS > 100 else 1), "all circuits were in a job or two"
    assert (outcome.lost, outcome.doubled, outcome.strange) == (0, 0, 0)
    assert outcome.statuses == {"DONE": CHAOS}


@pytest.mark.timeout(TIMEOUT + 200)
def test_pooled_circuits_end_once_at_their_clients(tmp_path: Path) -> None:
    circuits_end_once_at_home(tmp_path)


@pytest.mark.kafka
@pytest.mark.timeout(TIMEOUT + apache_kafka.TIMEOUT + 200)
def test_pooled_circuits_end_once_at_their_clients_on_apache_kafka(tmp_path: Path) -> None:
    circuits_end_once_at_home(tmp_path / "stack", **apache_kafka.environment(tmp_path / "kafka"))


@pytest.mark.trial
@pytest.mark.timeout(2 * TIMEOUT + 200)
def test_loops_share_provider_jobs(tmp_path: Path) -> None:
    loops = 20
    more = QUIET | POOLED | {"SIMULATOR_JOB_OVERHEAD_SECONDS": "4", "SIMULATOR_QUEUE_SPEED_UP": "4"}
    jobs: dict[bool, int] = {}
    seconds: dict[bool, float] = {}
    with running(tmp_path, **more) as stack:
        for pooling in (True, False):
            began = time.monotonic()
            with ThreadPoolExecutor(loops) as pool:
                ends = list(pool.map(lambda _, given=pooling: run_loop(stack, given), range(loops)))
            seconds[pooling] = time.monotonic() - began
            assert Counter(end["status"] for end in ends) == {"DONE": loops}, ends
            jobs[pooling] = len({job["job_id"] for end in ends for job in end["provider_jobs"]})
            print(
                f"\n{loops} VQE loops, {'pooled' if pooling else 'direct'}: {jobs[pooling]} provider jobs "
                f"for {sum(len(end['provider_jobs']) for end in ends)} steps, last answer after "
                f"{seconds[pooling]:.0f} s"
            )
    assert jobs[True] <= jobs[False] / 4
    assert seconds[True] < seconds[False]


def run_loop(stack: Stack, pooling: bool) -> dict[str, Any]:
    """Run VQE on the device and return its final event."""
    client = stack.client()
    answer = client.submit(
        function="vqe",
        terms=[["ZZ", -1.0], ["XI", -1.0], ["IX", -1.0]],
        layers=1,
        max_steps=5,
        shots=32,
        backend_type="hardware",
        backend=DEVICE,
        pooling=pooling,
    )
    assert answer.status_code == 202, answer.text
    return ended(client, answer.json()["process_job_id"], TIMEOUT)


@pytest.mark.trial
@pytest.mark.timeout(TIMEOUT + 200)
def test_refused_circuits_cost_only_their_owners(tmp_path: Path) -> None:
    more = QUIET | POOLED | {"SIMULATOR_JOB_OVERHEAD_SECONDS": "0.5"}
    with running(tmp_path, **more) as stack:
        refused_cost_only_their_owners(stack, CIRCUITS, 5, CLIENTS)


def refused_cost_only_their_owners(stack: Stack, circuits: int, bad: int, clients: int) -> None:
    """Submit circuits of which some make a provider job fail as a whole."""
    dice = random.Random(SEED)
    poisoned = set(dice.sample(range(circuits), bad))
    those = [stack.client() for _ in range(clients)]
    patterns = [secret(dice) for _ in range(circuits)]

    def submit(number: int) -> str:
        client = those[number % clients]
        if number in poisoned:
            return submit_program(client, refused_program())
        return submit_pattern(client, patterns[number])

    before = len(pool_records(stack))
    began = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        jobs = list(pool.map(submit, range(circuits)))
        ends = list(
            pool.map(lambda number: ended(those[number % clients], jobs[number], TIMEOUT), range(circuits))
        )
    parts = takes_part(pool_records(stack)[before:])
    wrong = sum(
        end["status"] == "DONE" and not has_pattern(end, patterns[number]) for number, end in enumerate(ends)
    )
    failed = {number for number, end in enumerate(ends) if end["status"] == "ERROR"}
    messages = Counter(ends[number]["error"]["message"] for number in failed)
    print(
        f"\n{circuits} circuits, {bad} of them refused, seed {SEED}: "
        f"{dict(Counter(end['status'] for end in ends))} after {time.monotonic() - began:.0f} s, "
        f"{wrong} with another's counts, a circuit in at most {max(parts.values()) - 1} further jobs; "
        f"errors: {dict(messages)}"
    )
    assert failed == poisoned
    assert Counter(end["status"] for end in ends) == {"DONE": circuits - bad, "ERROR": bad}
    assert wrong == 0
    assert all(str(TOO_MANY) in message for message in messages), "an error does not name its own fault"
    assert max(parts.values()) <= 3
