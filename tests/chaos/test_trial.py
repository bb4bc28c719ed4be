"""What the trials count is noticed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from testkit.shifted_clock import ShiftedClock
from tests.chaos.test_rebalances import Member, outcome
from tests.chaos.trial import Figures, doubled_at_provider, report

RUN = "a" * 22


def provider_job(status: str, *tags: str) -> dict[str, Any]:
    return {"state": {"status": status}, "tags": list(tags)}


def test_two_jobs_of_a_step_are_doubled_unless_one_was_cancelled() -> None:
    step = f"qwhisk-{RUN}-1"
    jobs = [provider_job("Completed", step), provider_job("Running", step, f"{step}-attempt")]
    assert doubled_at_provider(jobs, {RUN}) == [step]
    assert doubled_at_provider([jobs[0], provider_job("Cancelled", step)], {RUN}) == []
    assert doubled_at_provider([jobs[0], provider_job("Running", f"qwhisk-{RUN}-2")], {RUN}) == []
    assert doubled_at_provider(jobs, {"b" * 22}) == [], "this job was not accepted"


@pytest.mark.parametrize("field", ["lost", "doubled", "foreign", "endless"])
def test_one_job_is_enough_to_fail_a_trial(field: str) -> None:
    report("none", Figures(accepted=3))
    figures = Figures(accepted=3)
    getattr(figures, field).append("job-1")
    with pytest.raises(AssertionError):
        report("one", figures)
    with pytest.raises(AssertionError, match="nothing was accepted"):
        report("nothing", Figures())


def member(folder: Path, name: str, *lines: str, failed_at: float | None = None) -> Member:
    seen = folder / name
    seen.write_text("".join(f"{line}\n" for line in lines))
    process: Any = None
    return Member(process, seen, [] if failed_at is None else [(failed_at, failed_at)])


def test_events_that_are_lost_late_doubled_or_repeated_are_told_apart(tmp_path: Path) -> None:
    members: Any = SimpleNamespace(changes=Counter(kill=1))
    made = [
        member(tmp_path, "first", "once 100.0", "twice 101.0", "late 140.0"),
        member(tmp_path, "second", "twice 102.0", "killed 150.0", failed_at=152.0),
        member(tmp_path, "third", "killed 160.0"),
    ]
    members.handled = lambda: {
        event: sorted(
            ((at, owner) for owner in made for name, at in owner.handled() if name == event),
            key=lambda entry: entry[0],
        )
        for event in ("once", "twice", "late", "killed")
    }
    due = {"once": 99.5, "twice": 100.0, "late": 105.0, "killed": 149.0, "never": 100.0}
    result = outcome(members, due)
    assert (result.lost, result.late, result.doubled) == (["never"], ["late"], ["twice"])
    assert result.repeated == 1
    assert str(result).startswith("5 events (1 kill): 1 lost, 1 late, 1 doubled, 1 repeated")


#: Reads a line, and prints the time by each of Python's ways; then waits in a lock and in the Kafka client.
CLOCKS = """
import datetime, json, sys, threading, time
from confluent_kafka import Consumer

consumer = Consumer({"bootstrap.servers": "127.0.0.1:1", "group.id": "group", "log_level": 0})
for _ in sys.stdin:
    time.sleep(0.01)
    threading.Event().wait(0.01)
    consumer.poll(0.01)
    now = datetime.datetime.now(datetime.UTC).timestamp()
    print(json.dumps([time.time(), now, time.monotonic()]), flush=True)
"""


def test_a_shifted_clock_changes_the_time_of_day_alone(tmp_path: Path) -> None:
    clock = ShiftedClock(tmp_path)
    shifts = [0, 3_600, -3_600, 0]
    with subprocess.Popen(
        [sys.executable, "-c", CLOCKS],
        env={**os.environ, **clock.env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for shift in shifts:
            clock.set(shift)
            before = time.time(), time.monotonic()
            process.stdin.write("\n")
            process.stdin.flush()
            of_day, by_datetime, monotonic = json.loads(process.stdout.readline())
            after = time.time(), time.monotonic()
            assert before[0] <= of_day - shift <= after[0]
            assert before[0] - 1e-3 <= by_datetime - shift <= after[0] + 1e-3
            assert before[1] <= monotonic <= after[1]
        process.stdin.close()
        assert process.wait(30) == 0
