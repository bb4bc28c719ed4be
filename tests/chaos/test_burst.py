"""A burst of jobs on an OpenWhisk with the limits of a stock one, until the last has its answer.

Clients come back when `Retry-After` says so. OpenWhisk counts their requests too, and so they compete with
the answers of the jobs that it has accepted. `make trial-burst` runs it.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from testkit.stack import GIVEN_WHISK, Client, running

SEED = int(os.environ.get("BURST_SEED", "1"))
JOBS = int(os.environ.get("BURST_JOBS", "500"))
#: A stock OpenWhisk permits as many invocations in a minute, and at a time.
PER_MINUTE, AT_A_TIME = 60, 30
CLIENTS = 5
#: Seconds in which all must have been accepted, and in which all must have ended.
PATIENCE, ENDS = 2_400.0, 3_600.0
#: Seconds between two looks at the jobs of all clients.
EVERY = 5.0
#: The most seconds for which a client waits beyond `Retry-After`.
JITTER = 2.0
FINAL = ("DONE", "ERROR", "CANCELLED")


@dataclass
class Burst:
    """What became of the requests."""

    accepted: dict[str, Client] = field(default_factory=dict)
    #: Accepted without having been refused before.
    at_once: int = 0
    refusals: Counter[int] = field(default_factory=Counter)
    given_up: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def submit(burst: Burst, client: Client, chance: random.Random, until: float) -> None:
    """Submit one job, as often as it takes."""
    refused = 0
    while True:
        answer = client.submit(emoticon_1=":)", emoticon_2=chance.choice((":(", ";)", ":D")))
        if answer.status_code == 202:
            with burst.lock:
                burst.accepted[answer.json()["process_job_id"]] = client
                burst.at_once += not refused
            return
        assert answer.status_code in (429, 503), answer.text
        refused += 1
        pause = int(answer.headers["Retry-After"]) + chance.uniform(0, JITTER)
        with burst.lock:
            burst.refusals[answer.status_code] += 1
            if time.monotonic() + pause > until:
                burst.given_up += 1
                return
        time.sleep(pause)


def finals(clients: list[Client]) -> dict[str, dict[str, Any]]:
    """Return the final events of all jobs that have one."""
    events: dict[str, dict[str, Any]] = {}
    for client in clients:
        cursor = None
        while True:
            page = client.get("/jobs", **({"cursor": cursor} if cursor else {})).json()
            events |= {event["process_job_id"]: event for event in page["jobs"] if event["status"] in FINAL}
            cursor = page["next"]
            if cursor is None:
                break
    return events


@pytest.mark.trial
@pytest.mark.skipif(bool(GIVEN_WHISK), reason="the limits of another OpenWhisk are its own")
@pytest.mark.timeout(ENDS + 300)
def test_every_job_of_a_burst_is_answered(tmp_path: Path) -> None:
    limits = {
        "OPENWHISK_INVOCATIONS_PER_MINUTE": str(PER_MINUTE),
        "OPENWHISK_CONCURRENT_INVOCATIONS": str(AT_A_TIME),
    }
    with running(tmp_path, **limits) as stack:
        clients = [stack.client() for _ in range(CLIENTS)]
        burst, start = Burst(), time.monotonic()
        with ThreadPoolExecutor(JOBS) as pool:
            submitted = [
                pool.submit(
                    submit,
                    burst,
                    clients[number % CLIENTS],
                    random.Random(SEED * JOBS + number),
                    start + PATIENCE,
                )
                for number in range(JOBS)
            ]
            for one in submitted:
                one.result()
        all_accepted = time.monotonic() - start
        events: dict[str, dict[str, Any]] = {}
        while len(events) < len(burst.accepted) and time.monotonic() < start + ENDS:
            time.sleep(EVERY)
            events = finals(clients)
        ends = Counter(
            f"{event['status']}{'' if event['answer'] is not None else ' without an answer'}"
            for event in events.values()
        )
        print(
            f"burst of {JOBS}, seed {SEED}, {PER_MINUTE} invocations a minute, {AT_A_TIME} at once: "
            f"{burst.at_once} accepted at once, {len(burst.accepted)} in the end, after {all_accepted:.0f} s "
            f"and {burst.refusals.total()} refusals {dict(burst.refusals)}; {dict(ends)}, "
            f"{len(burst.accepted) - len(events)} without an end, after {time.monotonic() - start:.0f} s"
        )
        assert burst.given_up == 0
        assert len(burst.accepted) == JOBS
        assert ends == {"DONE": JOBS}
