"""Jobs of many clients while pollers are killed and the provider fails: each ends once, at its own client."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from testkit import apache_kafka
from testkit.faults import set_faults
from testkit.listener import Listener
from testkit.processes import part_environment, pid_of
from testkit.stack import ROOT, Client, Stack, alive, free_ports, running, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")

JOBS, CLIENTS = int(os.environ.get("CHAOS_JOBS", "500")), 20
#: One job in this many goes to the device with its queue; the others go to the simulator.
HARDWARE = 5
#: Seconds between two kills of one of the pollers, and the maximum number of kills.
KILL_EVERY, KILLS = (3.0, 6.0), 12
#: Seconds within which every job must have ended.
TIMEOUT = float(os.environ.get("CHAOS_TIMEOUT", "400"))

FAULTS: list[dict[str, Any]] = [
    {"method": "GET", "path": "/jobs", "status": 503, "probability": 0.06},
    {"method": "GET", "path": "/jobs", "status": 500, "probability": 0.03, "after": True},
    {"method": "GET", "path": "/jobs", "status": 429, "probability": 0.02, "retry_after": 1},
    {"method": "GET", "path": "/jobs", "drop": True, "probability": 0.02},
    {"method": "GET", "path": "/jobs", "delay": 0.5, "probability": 0.2},
    {"method": "GET", "path": "/backends", "status": 503, "probability": 0.05},
]


class Counters:
    """The counters of the pollers, over all their lives: each is scraped repeatedly until it is killed.

    Args:
        ports: the ports of the pollers' health endpoints.
    """

    def __init__(self, ports: list[str]) -> None:
        self._ports = ports
        #: For each life of each poller, the newest value of each sample.
        self._lives: dict[str, dict[str, float]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read_again_and_again, daemon=True)
        self._thread.start()

    def _read_again_and_again(self) -> None:
        while not self._stop.wait(0.5):
            for port in self._ports:
                with suppress(OSError):
                    self._read(port, requests.get(f"http://127.0.0.1:{port}/metrics", timeout=2).text)

    def _read(self, port: str, text: str) -> None:
        samples = {}
        for line in text.splitlines():
            if not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                samples[name] = float(value)
        life = f"{port} {samples['qwhisk_poller_started_seconds']}"
        self._lives[life] = samples

    def sum(self, name: str, **labels: str) -> float:
        """Return the sum of all samples with this name and these labels, over all lives."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(
            value
            for life in list(self._lives.values())
            for sample, value in life.items()
            if sample.partition("{")[0] == name and all(label in sample for label in wanted)
        )

    def lives(self, port: str) -> int:
        """Return how often the poller at this port was seen alive."""
        return sum(1 for life in list(self._lives) if life.startswith(f"{port} "))

    def close(self) -> None:
        self._stop.set()
        self._thread.join(15)


class Pollers:
    """The stack's own poller, an added one, and the thread that kills them.

    Args:
        stack: the stack.
        dice: draws the times of the kills.
        most: the most kills.
        every: the least and the most seconds before each.
    """

    def __init__(
        self,
        stack: Stack,
        dice: random.Random,
        most: int = KILLS,
        every: tuple[float, float] = KILL_EVERY,
    ) -> None:
        self.stack = stack
        self.dice = dice
        self._most, self._every = most, every
        #: Kills of the stack's own poller, and of the added one.
        self.own_kills = self.added_kills = 0
        self.added: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self.env = self._environment()
        self._thread = threading.Thread(target=self._kill_again_and_again, daemon=True)

    def _own(self) -> int | None:
        return pid_of(self.stack, "poller")

    def _environment(self) -> dict[str, str]:
        env = part_environment(self.stack, "poller")
        return env | {"POLLER_PORT": str(free_ports(1)[0])}

    def add(self) -> None:
        """Start an additional poller with the environment of the first."""
        with (self.stack.folder / "second.log").open("ab") as sink:
            self.added = subprocess.Popen(
                [sys.executable, "-m", "poller"], cwd=ROOT, env=self.env, stdout=sink, stderr=sink
            )

    def start_killing(self) -> None:
        self._thread.start()

    def _kill_again_and_again(self) -> None:
        while self.kills < self._most and not self._stop.wait(self.dice.uniform(*self._every)):
            # Usually one that is working, and each in turn, so that both are killed even in a short run.
            first, added = map(self.healthy, self.ports)
            if self.added is not None and added and self.added_kills < self.own_kills:
                self.added.kill()
                self.added.wait(10)
                self.add()
                self.added_kills += 1
            elif first and (pid := self._own()) is not None:
                os.kill(pid, signal.SIGKILL)
                self.own_kills += 1
                if self.own_kills == 1:
                    self._kill_while_it_starts(pid)

    def _kill_while_it_starts(self, before: int) -> None:
        """Return the poller that the stack starts in the place of `before`."""

        def successor() -> int | None:
            pid = self._own()
            return None if pid == before else pid

        os.kill(wait_for(successor, 30) or 0, signal.SIGKILL)
        self.own_kills += 1

    @property
    def kills(self) -> int:
        return self.own_kills + self.added_kills

    @property
    def ports(self) -> list[str]:
        """Return the kills of the stack's own poller, and of the added one."""
        return [self.stack.env["POLLER_PORT"], self.env["POLLER_PORT"]]

    @staticmethod
    def healthy(port: str) -> bool:
        """Return whether the poller at this port works."""
        with suppress(OSError):
            return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=2).status_code == 200
        return False

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(15)
        if self.added is not None:
            self.added.kill()
            self.added.wait(10)


def submit(client: Client, count: int) -> list[str]:
    """Submit `count` jobs; those that are rejected temporarily are submitted again."""
    ids: list[str] = []
    deadline = time.monotonic() + TIMEOUT / 2
    while len(ids) < count:
        assert time.monotonic() < deadline, f"only {len(ids)} of {count} jobs could be submitted"
        where = "hardware" if len(ids) % HARDWARE == 0 else "simulator"
        answer = client.submit(0, emoticon_1=":)", emoticon_2=":(", shots=32, backend_type=where)
        if answer.status_code == 202:
            ids.append(answer.json()["process_job_id"])
        else:
            assert answer.status_code in (429, 502, 503, 504), answer.text
            time.sleep(0.2)
    return ids


def every_job_ends_once_at_home(folder: Path, seed: int, **env: str) -> None:
    """Run the whole trial; print its seed and what happened."""
    print(f"seed {seed}, {JOBS} jobs of {CLIENTS} clients")
    dice = random.Random(seed)
    more = {"SIMULATOR_QUEUE_SPEED_UP": "20", "SIMULATOR_QUEUE_SEED": str(seed)}
    with running(folder, **more, **env) as stack, ExitStack() as cleanup:
        clients = [stack.client() for _ in range(CLIENTS)]
        listeners = [cleanup.enter_context(closing(Listener(client))) for client in clients]
        pollers = cleanup.enter_context(closing(Pollers(stack, dice)))
        counters = cleanup.enter_context(closing(Counters(pollers.ports)))
        set_faults(stack, {"http": FAULTS, "seed": seed})
        pollers.start_killing()
        began = time.monotonic()
        with ThreadPoolExecutor(CLIENTS) as pool:
            # Add a poller in the middle of it.
            adding = threading.Timer(5.0, pollers.add)
            adding.start()
            counts = [JOBS // CLIENTS] * CLIENTS
            jobs = list(pool.map(submit, clients, counts))
            adding.join(30)
        submitted = time.monotonic() - began

        def missing() -> list[str]:
            return [
                job
                for listener, ids in zip(listeners, jobs, strict=True)
                for job in set(ids) - set(listener.finals())
            ]

        while (left := missing()) and time.monotonic() - began < TIMEOUT:
            time.sleep(0.5)
        took = time.monotonic() - began
        print(f"submitted in {submitted:.0f} s, all ended after {took:.0f} s, {pollers.kills} pollers killed")
        assert not left, f"seed {seed}: {len(left)} of {JOBS} jobs have not ended, such as {left[:3]}"
        what_went_wrong_was_met(pollers, counters)
        time.sleep(3)  # enough time for a second delivery
        statuses: Counter[str] = Counter()
        for client, listener, ids in zip(clients, listeners, jobs, strict=True):
            finals = Counter(listener.finals())
            assert set(finals) == set(ids), f"seed {seed}: a client has others' jobs, or lacks its own"
            assert set(finals.values()) == {1}, f"seed {seed}: a final event was delivered twice"
            for event in listener.events():
                assert event["client_id"] == client.id
                if event["status"] in ("DONE", "ERROR", "CANCELLED"):
                    statuses[event["status"]] += 1
                    assert event["status"] == "DONE", event
                    assert event["answer"]["shots"] == 32
        assert statuses == {"DONE": CLIENTS * (JOBS // CLIENTS)}
        assert all(alive(pid) for pid in [stack.process.pid])


def what_went_wrong_was_met(pollers: Pollers, counters: Counters) -> None:
    """Raise AssertionError unless pollers were killed, one was added, and they met the provider's faults."""
    first, added = pollers.ports
    print(
        f"killed: the stack's own poller {pollers.own_kills} times, the one added {pollers.added_kills}; "
        f"lives seen: {counters.lives(first)} and {counters.lives(added)}"
    )
    assert pollers.own_kills >= 3, "the stack's own poller was not killed, once while it was starting"
    assert pollers.added_kills >= 1, "the poller that was added was not killed"
    wait_for(lambda: all(pollers.healthy(port) for port in pollers.ports), 90)
    refused = {
        status: counters.sum("qwhisk_poller_errors_total", code="provider_unavailable", status=status)
        for status in ("500", "503", "429", "")
    }
    pauses = {
        reason: counters.sum("qwhisk_poller_pauses_total", reason=reason)
        for reason in ("backoff", "retry_after")
    }
    slow = counters.sum("qwhisk_poller_call_seconds_count") - counters.sum(
        "qwhisk_poller_call_seconds_bucket", le="0.5"
    )
    print(f"met by the pollers: {refused} refusals by status, {pauses} pauses, {slow:.0f} slow calls")
    for status, number in refused.items():
        assert number >= 1, f"no poller met the status {status or 'of a lost answer'}"
    assert pauses["retry_after"] >= refused["429"] > 0, "Retry-After was ignored"
    assert pauses["backoff"] >= 1
    assert slow >= 1


@pytest.mark.timeout(TIMEOUT + 200)
def test_every_job_ends_once_at_its_client(tmp_path: Path) -> None:
    every_job_ends_once_at_home(tmp_path, seed=int(os.environ.get("CHAOS_SEED", "1")))


@pytest.mark.kafka
@pytest.mark.timeout(TIMEOUT + apache_kafka.TIMEOUT + 200)
def test_every_job_ends_once_at_its_client_on_apache_kafka(tmp_path: Path) -> None:
    env = apache_kafka.environment(tmp_path / "kafka")
    every_job_ends_once_at_home(tmp_path / "stack", seed=int(os.environ.get("CHAOS_SEED", "2")), **env)
