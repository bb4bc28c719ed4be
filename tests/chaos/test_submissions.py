"""Submissions whose answers are lost: none is duplicated, none becomes an orphan, none is lost.

The actions' own code runs in this process, with a real simulator, broker and poller around it. The device is
paused, so that every job stays in its queue and can be counted at the end, by its tags.

`make trial-submissions` makes 2,000 of them.
"""

from __future__ import annotations

import os
import random
import re
import secrets
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from qiskit import QuantumCircuit

from actions.framework.input import ActionInput
from actions.framework.job import Job, Pub
from actions.framework.submission import Run, Submission
from core.errors import ProviderUnavailableError
from core.kafka.consumers import topic_reader
from core.kafka.publisher import Publisher
from core.kafka.topics import JOBS, new_results_topic
from core.protocol import Envelope, JobEvent, decode
from core.provider import connect
from core.settings import KafkaSettings, ProviderSettings
from testkit.faults import set_faults
from testkit.processes import part_environment
from testkit.provider_jobs import provider_jobs
from testkit.stack import Stack, running

SUBMISSIONS = int(os.environ.get("SUBMISSIONS", "300"))
SEED = int(os.environ.get("SUBMISSIONS_SEED", "1"))
THREADS = 8
FUNCTION = "smile_super_position"
#: Seconds to wait for an answer, and seconds by which some answers are late.
ANSWER, LATE = 1.0, 2.5
#: Seconds within which the poller has cancelled jobs that were left behind: it searches for three minutes,
#: with pauses that double.
SETTLED = 200.0
#: Seconds to wait for messages beyond a partition's end.
BEYOND = 1.0
#: Of all submissions, those that two callers request at the same moment, as two pollers may for a loop's
#: step and two gateways for a request with an Idempotency-Key.
STEPS, KEYED = 0.1, 0.1

#: One answer in ten to a submission, and to a cancellation request, is faulty.
FAULTS: list[dict[str, Any]] = [
    {"method": "POST", "path": "/jobs", "status": 503, "after": True, "probability": 0.02},
    {"method": "POST", "path": "/jobs", "status": 504, "after": True, "probability": 0.01},
    {"method": "POST", "path": "/jobs", "drop": True, "after": True, "probability": 0.02},
    {"method": "POST", "path": "/jobs", "delay": LATE, "after": True, "probability": 0.02},
    {"method": "POST", "path": "/jobs", "garbled": True, "after": True, "probability": 0.01},
    {"method": "POST", "path": "/jobs", "status": 503, "probability": 0.02},
    {"method": "POST", "path": "/jobs", "status": 429, "probability": 0.005},
    # The looks for the lost jobs fail too.
    {"method": "GET", "path": "/jobs", "status": 503, "probability": 0.2},
    {"method": "GET", "path": "/jobs", "drop": True, "probability": 0.1},
]

PAUSED: dict[str, Any] = {"devices": {"fake_fez": "paused"}}

Step = tuple[str, int]


@dataclass
class Tally:
    """The replies to the callers."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    #: The job ids returned for each step.
    job_ids: defaultdict[Step, set[str]] = field(default_factory=lambda: defaultdict(set))
    errors: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class CallOutcome:
    """The failures, by the ids."""

    doubled: list[str]
    orphans: list[str]
    lost: list[str]

    def __str__(self) -> str:
        return f"{len(self.doubled)} doubled, {len(self.orphans)} orphans, {len(self.lost)} lost"


def submit(submission: Submission, tally: Tally, run: Run, tries: int) -> None:
    """Request one job, and repeat it after an error, as the caller of such a job does."""
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    for _ in range(tries):
        try:
            answer = submission.submit(run, Job([Pub(circuit)], key="one"))
        except ProviderUnavailableError as error:
            with tally.lock:
                tally.errors[error.message[:60]] += 1
            continue
        with tally.lock:
            tally.job_ids[run.envelope.process_job_id, run.step].add(answer["job_id"])
        return


def params() -> ActionInput:
    return ActionInput(backend_type="hardware", backend="fake_fez", shots=10)


def envelope(again: bool = False) -> Envelope:
    return Envelope(
        client_id="trial",
        process_job_id=secrets.token_urlsafe(16),
        topic=new_results_topic(),
        again=again,
    )


def asked(dice: random.Random) -> tuple[list[Run], int]:
    """A job, with the number of callers that request it and of their attempts."""
    kind = dice.random()
    again, step = STEPS <= kind < STEPS + KEYED, int(kind < STEPS)
    sender = envelope(again)
    callers = 2 if again or step else 1
    # A step is repeated for minutes; a client with a key may give up.
    tries = 12 if step else dice.choice((1, 3)) if again else 1
    runs = [Run(FUNCTION, params(), {"shots": 10}, sender, step) for _ in range(callers)]
    return runs, tries


def submit_all(stack: Stack, work: list[tuple[list[Run], int]], faults: dict[str, Any]) -> Tally:
    """Run the actions' part: several threads request everything while these faults happen."""
    env = part_environment(stack, "poller")
    provider = connect(ProviderSettings.from_env(env), timeout=(5.0, ANSWER))
    tally = Tally()
    with closing(Publisher(KafkaSettings.from_env(env))) as publisher:
        submission = Submission(provider, publisher, pauses=(0.0, 0.3))
        set_faults(stack, PAUSED)
        # One thread fills the caches that jobs share, before answers are lost.
        submit(submission, tally, Run(FUNCTION, params(), {"shots": 10}, envelope()), 1)
        set_faults(stack, PAUSED | faults)
        with ThreadPoolExecutor(THREADS) as pool:
            futures = [
                pool.submit(submit, submission, tally, run, tries) for runs, tries in work for run in runs
            ]
            for future in futures:
                future.result(120)
        set_faults(stack, PAUSED | {"unlisted": faults.get("unlisted", 0.0)})
    return tally


def announced(stack: Stack) -> dict[Step, set[str]]:
    """Return the job ids in the JobEvents of each step."""
    settings = KafkaSettings.from_env(part_environment(stack, "poller"))
    ids: defaultdict[Step, set[str]] = defaultdict(set)
    with closing(topic_reader(settings)) as consumer:
        for number in range(settings.partitions):
            low, high = consumer.get_watermark_offsets(TopicPartition(JOBS, number), timeout=20)
            consumer.assign([TopicPartition(JOBS, number, low)])
            position = low
            # The local broker's end of a partition may be that before the newest messages, until another one
            # is published: after two were published at the same time, it keeps the smaller one. It delivers
            # them all the same.
            while (message := consumer.poll(20 if position < high else BEYOND)) is not None:
                assert not message.error(), message.error()
                position = message.offset() + 1
                event = decode(JobEvent, message.value())
                ids[event.process_job_id, event.step].add(event.job_id)
            assert position >= high, "the broker has no more messages"
    return ids


def jobs(stack: Stack) -> list[dict[str, Any]]:
    """Return all jobs of the provider."""
    env = part_environment(stack, "poller")
    return provider_jobs(env["SIMULATOR_URL"], env["SIMULATOR_API_KEY"])


def cancelled(stack: Stack) -> int:
    """Return the provider's jobs that were cancelled."""
    return sum(job["state"]["status"] == "Cancelled" for job in jobs(stack))


def found(stack: Stack, tally: Tally) -> CallOutcome:
    """Return what is wrong now."""
    events = announced(stack)
    of_event = {job: step for step, ids in events.items() for job in ids}
    alive = {job["id"]: job["tags"] for job in jobs(stack) if job["state"]["status"] != "Cancelled"}
    by_tag: defaultdict[str, list[str]] = defaultdict(list)
    for job, tags in alive.items():
        for tag in tags:
            if re.fullmatch(r"qwhisk-.{22}-\d+", tag):
                by_tag[tag].append(job)
    replied = {job for ids in tally.job_ids.values() for job in ids}
    return CallOutcome(
        doubled=[tag for tag, ids in by_tag.items() if len(ids) > 1],
        orphans=[job for job in alive if job not in of_event],
        lost=sorted({job for job in replied | set(of_event) if job not in alive} | (replied - set(of_event))),
    )


def after_the_pollers_looks(stack: Stack, tally: Tally) -> CallOutcome:
    """Return what is wrong after the poller has handled the jobs that the actions could not announce."""
    end = time.monotonic() + SETTLED
    while (left := found(stack, tally)).orphans and time.monotonic() < end:
        time.sleep(1)
    return left


def evidence(stack: Stack, left: CallOutcome) -> str:
    """Return the orphans with their tags, and what the logs say about their runs."""
    orphans = [job for job in jobs(stack) if job["id"] in left.orphans]
    runs = {tag.removeprefix("qwhisk-")[:22] for job in orphans for tag in job["tags"]}
    lines = [line for line in stack.logs().splitlines() if any(run in line for run in runs)]
    shown = [f"{job['id']} {job['state']} {job['tags']} created {job['created']}" for job in orphans]
    return "\n".join([*shown, *lines[-60:]])


@pytest.fixture(scope="module")
def private_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of which only these tests use the device and the faults."""
    more = {"SIMULATOR_QUEUE_ARRIVALS": "0", "SIMULATOR_QUEUE_INITIAL": "0"}
    with running(tmp_path_factory.mktemp("submissions"), **more) as stack:
        yield stack


@pytest.mark.timeout(SETTLED + 200 + SUBMISSIONS)
def test_no_submission_is_duplicated_orphaned_or_lost(private_stack: Stack) -> None:
    began, dice = time.process_time(), random.Random(SEED)
    work = [asked(dice) for _ in range(SUBMISSIONS)]
    tally = submit_all(private_stack, work, {"http": FAULTS, "seed": SEED})
    at_once = found(private_stack, tally)
    left = after_the_pollers_looks(private_stack, tally)
    print(
        f"\nseed {SEED}: {len(work)} jobs requested {sum(len(runs) for runs, _ in work)} times, "
        f"{len(tally.job_ids)} announced, {sum(tally.errors.values())} errors, "
        f"{time.process_time() - began:.0f} s of CPU here; at once: {at_once}; in the end: {left}"
    )
    assert tally.errors, "no fault happened"
    assert (left.doubled, left.orphans, left.lost) == ([], [], []), evidence(private_stack, left)


@pytest.mark.timeout(SETTLED + 200)
def test_a_job_that_the_provider_lists_late_is_found_and_cancelled(private_stack: Stack) -> None:
    """The action looks for a job, finds none, and returns an error; the job is listed only later."""
    params_of = Run(FUNCTION, params(), {"shots": 10}, envelope())
    work = [([replace(params_of, envelope=envelope())], 1) for _ in range(20)]
    lost = {"method": "POST", "path": "/jobs", "status": 503, "after": True, "count": 10}
    before = cancelled(private_stack)
    tally = submit_all(private_stack, work, {"http": [lost], "unlisted": 4.0})
    assert sum(tally.errors.values()) == 10
    assert len(tally.job_ids) == 11
    # Listed now, or soon.
    set_faults(private_stack, PAUSED)
    left = after_the_pollers_looks(private_stack, tally)
    assert (left.doubled, left.orphans, left.lost) == ([], [], []), evidence(private_stack, left)
    assert cancelled(private_stack) - before == 10
