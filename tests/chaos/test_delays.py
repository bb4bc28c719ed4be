"""Members join, leave and are killed while events wait: each event is handled, soon after it is due."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from core.events import encode
from core.settings import KafkaSettings
from core.streams import Publisher, Topics
from core.topics import WEBHOOK_WAITS, shared
from tests.chaos import kafka as apache
from tests.chaos.conftest import StartBroker
from tests.chaos.member import SHORT, settings
from tests.core.samples import result_event, wire
from tests.gateway.replicas import BROKERS
from tests.receiver import Receiver, receiver
from tests.stack import ROOT, wait_for

PARTITIONS = 3
#: Changes of each group: who joined, left or was killed; and the seconds between two of them.
CHANGES, PAUSES = 4, (2.0, 4.0)
#: Seconds between two events on each wait topic.
EVERY = 0.25
#: Seconds after the last change in which what waits comes: it is due after 4, a killed member's session ends
#: after 6, and the rest is for a machine that does many other things.
BOUND = 60.0


class Member:
    """One process that is a member."""

    def __init__(self, kind: str, kafka: KafkaSettings, seen: Path) -> None:
        self._output = seen.open("ab")
        command = [sys.executable, "-m", "tests.chaos.member", kind, kafka.bootstrap_servers, str(PARTITIONS)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=self._output, stderr=self._output
        )

    def leave(self) -> None:
        """In order: the group knows at once."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        finally:
            self.kill()

    def kill(self) -> None:
        """The group learns of it when the session has timed out."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.kill()
        self._process.wait(10)
        self._output.close()


class Members:
    """The members of one group; the first stays throughout."""

    def __init__(self, kind: str, kafka: KafkaSettings, folder: Path, seed: int) -> None:
        self._kind, self._kafka, self._folder = kind, kafka, folder
        self._dice = random.Random(f"{kind} {seed}")
        self._made = 0
        self._first = self._member()
        self._others: list[Member] = []
        self.changes: list[str] = []

    def _member(self) -> Member:
        self._made += 1
        return Member(self._kind, self._kafka, self._folder / f"{self._kind}-{self._made}.txt")

    def churn(self) -> None:
        """Change the group again and again: the first member is alone, then not, and alone at the end."""
        for number in range(CHANGES):
            time.sleep(self._dice.uniform(*PAUSES))
            if number % 2 == 0:
                self._others.append(self._member())
                self.changes.append("joined")
            else:
                other = self._others.pop()
                # One at least is killed, and one at least leaves.
                kill = {1: False, 3: True}.get(number, self._dice.random() < 0.5)
                other.kill() if kill else other.leave()
                self.changes.append("killed" if kill else "left")

    def lines(self) -> set[str]:
        """What all of them have written."""
        return {
            line
            for file in self._folder.glob(f"{self._kind}-*.txt")
            for line in file.read_text(errors="replace").splitlines()
        }

    def close(self) -> None:
        for member in (self._first, *self._others):
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
    Topics(kafka).ensure(shared(PARTITIONS))
    with ExitStack() as ends:
        hooks = ends.enter_context(receiver(lambda *_: 200))
        groups = [Members(name, kafka, tmp_path, seed) for name in ("intake", "webhooks")]
        for group in groups:
            ends.callback(group.close)
        events = Events(kafka, hooks)
        ends.callback(events.close)
        churning = [threading.Thread(target=group.churn) for group in groups]
        for thread in churning:
            thread.start()
        for thread in churning:
            thread.join()
        events.close()

        def stranded() -> tuple[set[str], set[str]]:
            delivered = {one.id.removeprefix("msg_") for one in list(hooks.deliveries)}
            return events.jobs - groups[0].lines(), events.webhooks - delivered

        ended = time.monotonic()
        try:
            wait_for(lambda: not any(stranded()), BOUND)
        except AssertionError:
            jobs, webhooks = (sorted(found) for found in stranded())
            pytest.fail(
                f"seed {seed}, {groups[0].changes}, {groups[1].changes}: stranded {len(jobs)} of "
                f"{len(events.jobs)} jobs ({jobs[:5]}), {len(webhooks)} of {len(events.webhooks)} "
                f"webhooks ({webhooks[:5]})"
            )
        print(
            f"seed {seed}: {len(events.jobs)} jobs, {len(events.webhooks)} webhooks in "
            f"{len(hooks.deliveries)} deliveries, all {time.monotonic() - ended:.1f} s after the last change"
        )
