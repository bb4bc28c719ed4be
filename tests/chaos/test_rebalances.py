"""Members join, leave, are killed and pause in long random sequences, while events of every topic arrive.

`make trial-rebalances` runs it for longer.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from core.kafka.admin import Topics
from core.kafka.publisher import Publisher
from core.kafka.topics import CANCEL, JOBS, WEBHOOK_WAITS, WEBHOOKS, shared
from core.protocol import encode
from core.settings import KafkaSettings
from testkit import apache_kafka
from testkit.receiver import receiver
from testkit.stack import ROOT, wait_for
from tests.chaos.conftest import StartBroker
from tests.chaos.member import SESSION, SHORT, settings
from tests.core.samples import result_event, wire

#: The protocol of the groups. With `classic`, a group waits for each failed member in turn, so events can be
#: late.
PROTOCOL = os.environ.get("KAFKA_GROUP_PROTOCOL", "consumer")
SEED = int(os.environ.get("REBALANCE_SEED", "1"))
#: Seconds during which members come and go.
SECONDS = float(os.environ.get("REBALANCE_SECONDS", "60"))
PARTITIONS = 4
#: The most members of a group, and the fewest that work: that have joined and are neither killed nor paused.
MOST, FEWEST = 4, 1
#: Seconds between two events on each topic, and between two changes of a group.
EVERY, GAPS = 0.25, (0.5, 6.0)
#: Seconds that a member pauses: some pauses are longer than a session (6 s).
PAUSES = (1.0, 12.0)
#: Seconds after its due time at which an event is late.
LATE = 30.0
#: Seconds before a failure in which a member may have handled events that it could not commit: while it
#: waits to join, the broker answers none of its commits, and the group waits a session for a member that has
#: failed, and another one for a member that fails meanwhile.
UNCOMMITTED = 2 * SESSION + 1.0
#: Seconds after a pause in which a member may handle what it has fetched before.
FETCHED = 5.0
#: Delays in seconds of the wait topics of webhooks.
DELAYS = (1.0, 2.0, 3.0, 4.0)


@dataclass
class Member:
    """One process that is a member, and the times at which it failed."""

    process: subprocess.Popen[bytes]
    seen: Path
    #: When it was killed, or the beginning and end of each pause.
    failures: list[tuple[float, float]] = field(default_factory=list)
    paused_until: float | None = None

    def works(self) -> bool:
        """Return whether it has joined the group and handled an event."""
        return self.seen.stat().st_size > 0

    def handled(self) -> list[tuple[str, float]]:
        lines = self.seen.read_text().splitlines()
        return [(event, float(at)) for event, _, at in (line.partition(" ") for line in lines)]

    def could_not_commit(self, at: float) -> bool:
        """Return whether it may have failed before it could commit what it handled at this time."""
        return any(start - UNCOMMITTED <= at <= end + FETCHED for start, end in self.failures)

    def held_before(self, at: float) -> bool:
        """Return whether it may have fetched before a pause what it handled at this time."""
        return any(start <= at <= end + FETCHED for start, end in self.failures)


class Members:
    """The members of one group, and the thread that changes them.

    Args:
        kind: the kind, as in `tests.chaos.member`.
        kafka: how to reach the broker.
        folder: the folder for their output.
        seed: decides all changes.
    """

    def __init__(self, kind: str, kafka: KafkaSettings, folder: Path, seed: int) -> None:
        self._kind, self._kafka, self._folder = kind, kafka, folder
        self._dice = random.Random(f"{kind} {seed}")
        self.all: list[Member] = []
        self._alive: list[Member] = []
        self.changes: Counter[str] = Counter()
        #: When each change was made, and to which member.
        self.history: list[tuple[float, str]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._join()

    def _join(self) -> None:
        seen = self._folder / f"{self._kind}-{len(self.all)}.txt"
        servers = self._kafka.bootstrap_servers
        command = [sys.executable, "-m", "tests.chaos.member", self._kind, servers, str(PARTITIONS), PROTOCOL]
        with seen.open("wb") as output, seen.with_suffix(".log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=output, stderr=log)
        self.all.append(Member(process, seen))
        self._alive.append(self.all[-1])

    def start(self) -> None:
        wait_for(self.all[0].handled, 90)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(self._dice.uniform(*GAPS)):
            self._resume(time.time())
            running = [member for member in self._alive if member.paused_until is None]
            working = [member for member in running if member.works()]
            changes = ["join"] * (len(self._alive) < MOST)
            # A member that is starting handles nothing yet, and on a busy machine that takes half a minute.
            if len(working) > FEWEST:
                changes += ["leave", "kill", "pause"]
            if not changes:
                continue
            change = self._dice.choice(changes)
            self.changes[change] += 1
            if change == "join":
                self._join()
                self._note("join", self.all[-1])
                continue
            self._change(self._dice.choice(running), change)

    def _note(self, change: str, member: Member) -> None:
        self.history.append((time.time(), f"{change} {self.all.index(member)}"))

    def _change(self, member: Member, change: str) -> None:
        now = time.time()
        self._note(change, member)
        if change == "pause":
            member.process.send_signal(signal.SIGSTOP)
            member.paused_until = now + self._dice.uniform(*PAUSES)
            member.failures.append((now, member.paused_until + max(GAPS)))
            return
        self._alive.remove(member)
        if change == "kill":
            member.failures.append((now, now))
            member.process.kill()
        assert member.process.stdin is not None
        member.process.stdin.close()
        if change == "leave":
            member.process.wait(60)

    def _resume(self, now: float) -> None:
        for member in self._alive:
            if member.paused_until is not None and member.paused_until <= now:
                member.paused_until = None
                member.process.send_signal(signal.SIGCONT)
                self._note("resume", member)

    def stop(self) -> None:
        """End the changes; all members that are left work."""
        self._stop.set()
        self._thread.join(90)
        self._resume(float("inf"))

    def handled(self) -> dict[str, list[tuple[float, Member]]]:
        """Return when and by whom each event was handled, in order."""
        times: defaultdict[str, list[tuple[float, Member]]] = defaultdict(list)
        for member in self.all:
            for event, at in member.handled():
                times[event].append((at, member))
        return {event: sorted(entries, key=lambda entry: entry[0]) for event, entries in times.items()}

    def close(self) -> None:
        self._stop.set()
        for member in self.all:
            member.process.kill()
            member.process.wait(10)
            assert member.process.stdin is not None
            member.process.stdin.close()


class Events:
    """Publishes on every topic until it is stopped."""

    def __init__(self, kafka: KafkaSettings, port: int) -> None:
        self._publisher = Publisher(kafka)
        self._url = f"http://127.0.0.1:{port}/"
        self._stop = threading.Event()
        #: For each group the time at which each event is due.
        self.due: dict[str, dict[str, float]] = {"jobs": {}, "webhooks": {}}
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._stop.wait(EVERY):
            for topic, delay in {JOBS: 0.0, CANCEL: 0.0, **SHORT}.items():
                number += 1
                self._publisher.publish(topic, f"job-{number}", wire(process_job_id=f"job-{number}"))
                self.due["jobs"][f"job-{number}"] = time.time() + delay
            for topic, delay in {
                WEBHOOKS: 0.0,
                **dict(zip(WEBHOOK_WAITS.values(), DELAYS, strict=True)),
            }.items():
                number += 1
                self._webhook(topic, delay, f"webhook-{number}", f"client-{number % 20}")

    def _webhook(self, topic: str, delay: float, job: str, client: str) -> None:
        event = result_event(status="DONE", process_job_id=job, client_id=client, callback_url=self._url)
        now = time.time()
        headers = {"attempt": b"1", "first": b"%.3f" % now, "due": b"%.3f" % (now + delay)}
        self._publisher.publish(topic, job, encode(event), headers if delay else None)
        self.due["webhooks"][job] = now + delay

    def close(self) -> None:
        self._stop.set()
        self._thread.join(60)
        self._publisher.close()


@dataclass(frozen=True)
class Outcome:
    """What became of the events of one group."""

    changes: Counter[str]
    #: Seconds after its due time at which each event was first handled, in order.
    lags: list[float]
    lost: list[str]
    late: list[str]
    #: Handled again although the first member neither failed nor paused, and the second had not paused.
    doubled: list[str]
    #: Handled again because a member failed or paused before it committed.
    repeated: int

    def __str__(self) -> str:
        changes = ", ".join(f"{count} {name}" for name, count in sorted(self.changes.items()))
        median, most = self.lags[len(self.lags) // 2], self.lags[-1]
        return (
            f"{len(self.lags) + len(self.lost)} events ({changes}): {len(self.lost)} lost, "
            f"{len(self.late)} late, {len(self.doubled)} doubled, {self.repeated} repeated after a kill or a "
            f"pause; seconds after due: median {median:.2f}, most {most:.1f}"
        )


def outcome(members: Members, due: dict[str, float]) -> Outcome:
    """Compare what was handled with what was published."""
    handled = members.handled()
    lags = {event: handled[event][0][0] - at for event, at in due.items() if event in handled}
    doubled, repeated = [], 0
    for event, entries in handled.items():
        for (first_at, first), (at, second) in pairwise(entries):
            if first.could_not_commit(first_at) or second.held_before(at):
                repeated += 1
            else:
                doubled.append(event)
    return Outcome(
        members.changes,
        sorted(lags.values()),
        [event for event in due if event not in handled],
        [event for event, lag in lags.items() if lag > LATE],
        doubled,
        repeated,
    )


def evidence(members: Members, events: list[str]) -> str:
    """Return who handled some events and when, what was changed around that time, and what members logged."""
    handled = members.handled()
    some = {event: handled.get(event, []) for event in events[:5]}
    times = [at for entries in some.values() for at, _ in entries] or [0.0]
    lines = [
        f"{event}: " + ", ".join(f"{at:.1f} by {members.all.index(member)}" for at, member in entries)
        for event, entries in some.items()
    ]
    first, last = min(times) - 20, max(times) + 20
    lines += [f"{at:.1f} {change}" for at, change in members.history if first < at < last]
    for number, member in enumerate(members.all):
        log = member.seen.with_suffix(".log").read_text().splitlines()
        lines += [f"{number}: {line}" for line in log[-8:]]
    return "\n".join(lines)


@pytest.mark.kafka
@pytest.mark.trial
@pytest.mark.timeout(apache_kafka.TIMEOUT + SECONDS + 400)
def test_no_event_is_lost_late_or_doubled_in_a_long_sequence(
    start_broker: StartBroker, tmp_path: Path
) -> None:
    kafka = settings(start_broker("kafka").bootstrap_servers, PARTITIONS, PROTOCOL)
    Topics(kafka).ensure(shared(PARTITIONS))
    with ExitStack() as ends:
        hooks = ends.enter_context(receiver(lambda *_: 200))
        groups = [Members(name, kafka, tmp_path, SEED) for name in ("jobs", "webhooks")]
        for group in groups:
            ends.callback(group.close)
        events = Events(kafka, hooks.port)
        ends.callback(events.close)
        for group in groups:
            group.start()
        time.sleep(SECONDS)
        for group in groups:
            group.stop()
        events.close()
        outcomes = []
        for group, due in zip(groups, events.due.values(), strict=True):
            try:
                wait_for(lambda group=group, due=due: due.keys() <= group.handled().keys(), 90)  # type: ignore[misc]
            except AssertionError:
                print("some events were not handled")
            time.sleep(FETCHED)
            outcomes.append(outcome(group, due))
        for name, result in zip(events.due, outcomes, strict=True):
            print(f"\n{PROTOCOL} protocol, seed {SEED}, {SECONDS:.0f} s, {name}: {result}")
        for group, result in zip(groups, outcomes, strict=True):
            wrong = result.lost + result.late + result.doubled
            assert not wrong, evidence(group, wrong)
            assert result.changes.keys() == {"join", "leave", "kill", "pause"}
