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
#: Seconds in which members join and what is due comes, on a machine that does many other things.
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
        """The events that it wrote, each with its number at the end."""
        return set(self._seen.read_text().splitlines())

    def leave(self) -> None:
        """In order: the group knows at once."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def kill(self) -> None:
        """The group learns of it when the session has timed out."""
        self._process.kill()
        self._process.wait(10)
        assert self._process.stdin is not None
        self._process.stdin.close()


class Members:
    """The members of one group, of which the first stays throughout.

    Args:
        kind: as `tests.chaos.member` has it.
        kafka: how to reach the broker.
        folder: for what they write.
        seed: decides in which order and when they leave.
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
        """A second member takes partitions, and they come back; twice. Gives what was stranded by that."""
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
        """What all of them have handled."""
        return set().union(*(member.handled() for member in self.all))

    def close(self) -> None:
        for member in self.all:
            member.kill()


class Events:
    """Publishes on every wait topic until it is told to stop."""

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
def test_nothing_that_waits_is_stranded_or_lost(kind: str, start_broker: StartBroker, tmp_path: Path) -> None:
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
            stranded = [found for found in pool.map(Members.churn, groups, published) if found]
        assert not stranded, f"seed {seed}: {stranded}"
        events.close()
        # Nothing is lost of what came while the last change was under way, either.
        for group, every in zip(groups, published, strict=True):
            wait_for(lambda group=group, every=every: every == group.handled(), BOUND)  # type: ignore[misc]
        print(f"seed {seed}: {len(events.jobs)} jobs and {len(events.webhooks)} webhooks, none stranded")
