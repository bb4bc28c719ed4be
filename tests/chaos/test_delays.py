"""Members join, leave and are killed while events wait: each event is handled soon after it is due."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from core.kafka.admin import Topics
from core.kafka.publisher import Publisher
from core.kafka.topics import WEBHOOK_WAITS, WEBHOOKS, shared
from core.protocol import encode
from core.settings import KafkaSettings
from testkit import apache_kafka as apache
from testkit.receiver import Receiver, receiver
from testkit.replicas import BROKERS
from testkit.stack import ROOT, wait_for
from tests.chaos.conftest import StartBroker
from tests.chaos.member import SHORT, settings
from tests.core.samples import result_event, wire

PARTITIONS = 3
#: Seconds between two events on each wait topic. Those wait for 1 to 4 seconds, so that some always wait.
EVERY = 0.25
#: Seconds for members to join and for due events to arrive, on a machine that is busy with others.
BOUND = 60.0


class Member:
    """One process that is a member."""

    def __init__(self, kind: str, kafka: KafkaSettings, seen: Path) -> None:
        self._seen = seen
        command = [sys.executable, "-m", "tests.chaos.member", kind, kafka.bootstrap_servers, str(PARTITIONS)]
        with seen.open("wb") as output, seen.with_suffix(".log").open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=output, stderr=log
            )

    def handled(self) -> set[str]:
        """Return the events that it wrote, each with its number at the end."""
        return {line.partition(" ")[0] for line in self._seen.read_text().splitlines()}

    def leave(self) -> None:
        """Stop in order: the group is informed at once."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def kill(self) -> None:
        """Kill it: the group notices when the session has timed out."""
        self._process.kill()
        self._process.wait(10)
        assert self._process.stdin is not None
        self._process.stdin.close()


class Members:
    """The members of one group, of which the first stays throughout.

    Args:
        kind: the kind, as in `tests.chaos.member`.
        kafka: the settings to connect to the broker.
        folder: the folder for their output.
        seed: decides the order and the way in which they leave.
    """

    def __init__(self, kind: str, kafka: KafkaSettings, folder: Path, seed: int) -> None:
        self._kind, self._kafka, self._folder = kind, kafka, folder
        self._dice = random.Random(f"{kind} {seed}")
        self._ends = self._dice.sample(["left", "killed"], 2)
        self.all: list[Member] = []
        self._add()

    def _add(self) -> Member:
        self.all.append(Member(self._kind, self._kafka, self._folder / f"{self._kind}-{len(self.all)}.txt"))
        return self.all[-1]

    def churn(self, published: set[str]) -> str:
        """Let a second member take partitions and give them back, twice; return the stranded events."""
        wait_for(self.all[0].handled, BOUND)
        for end in self._ends:
            other = self._add()
            wait_for(other.handled, BOUND)
            time.sleep(self._dice.uniform(0, 2))
            if end == "left":
                other.leave()
            else:
                other.kill()
            wanted = set(published)
            try:
                wait_for(lambda wanted=wanted: wanted <= self.handled(), BOUND)  # type: ignore[misc]
            except AssertionError:
                left = sorted(wanted - self.handled())
                return (
                    f"{self._kind}, a member has {end}: {len(left)} of {len(wanted)} stranded, as {left[:3]}"
                )
        return ""

    def handled(self) -> set[str]:
        """Return what all of them have handled."""
        return set().union(*(member.handled() for member in self.all))

    def close(self) -> None:
        for member in self.all:
            member.kill()


class Events:
    """Publishes on every wait topic until it is stopped."""

    def __init__(self, kafka: KafkaSettings, hooks: Receiver) -> None:
        self._publisher = Publisher(kafka)
        self._hooks = hooks
        self._stop = threading.Event()
        self.jobs: set[str] = set()
        self.webhooks: set[str] = set()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._stop.wait(EVERY):
            for topic in SHORT:
                number += 1
                job = f"job-{number}"
                self._publisher.publish(topic, job, wire(process_job_id=job))
                self.jobs.add(job)
            for delay, topic in zip((1, 2, 3, 4), WEBHOOK_WAITS.values(), strict=True):
                number += 1
                job = f"webhook-{number}"
                url = f"http://127.0.0.1:{self._hooks.port}/"
                event = result_event(
                    status="DONE", process_job_id=job, client_id=f"client-{number % 20}", callback_url=url
                )
                now = time.time()
                headers = {"attempt": b"1", "first": b"%.3f" % now, "due": b"%.3f" % (now + delay)}
                self._publisher.publish(topic, job, encode(event), headers)
                self.webhooks.add(job)

    def close(self) -> None:
        self._stop.set()
        self._thread.join(30)
        self._publisher.close()


@pytest.mark.parametrize("kind", BROKERS)
@pytest.mark.timeout(apache.TIMEOUT + 300)
def test_no_waiting_event_is_stranded_or_lost(kind: str, start_broker: StartBroker, tmp_path: Path) -> None:
    seed = int(os.environ.get("CHAOS_SEED", "3"))
    kafka = settings(start_broker(kind).bootstrap_servers, PARTITIONS)
    # With one partition of `webhooks` any second member gets one of a wait topic.
    Topics(kafka).ensure(shared(PARTITIONS) | {WEBHOOKS: 1})
    with ExitStack() as ends:
        hooks = ends.enter_context(receiver(lambda *_: 200))
        groups = [Members(name, kafka, tmp_path, seed) for name in ("jobs", "webhooks")]
        for group in groups:
            ends.callback(group.close)
        events = Events(kafka, hooks)
        ends.callback(events.close)
        published = [events.jobs, events.webhooks]
        with ThreadPoolExecutor(2) as pool:
            stranded = [lost for lost in pool.map(Members.churn, groups, published) if lost]
        assert not stranded, f"seed {seed}: {stranded}"
        events.close()
        # Events that arrived during the last change are not lost either.
        for group, every in zip(groups, published, strict=True):
            wait_for(lambda group=group, every=every: every == group.handled(), BOUND)  # type: ignore[misc]
        print(f"seed {seed}: {len(events.jobs)} jobs and {len(events.webhooks)} webhooks, none stranded")
