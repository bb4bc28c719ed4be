"""Jobs of many clients while pollers are killed and the provider fails: each ends once, and at home."""

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

from tests.chaos import kafka
from tests.listener import Listener
from tests.stack import ROOT, Client, Stack, alive, free_ports, running, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")

JOBS, CLIENTS = int(os.environ.get("CHAOS_JOBS", "500")), 20
#: One job in so many goes to the device with its queue; the others to the simulator.
HARDWARE = 5
#: Seconds between two kills of one of the pollers, and the kills at the most.
KILL_EVERY, KILLS = (3.0, 6.0), 14
#: Seconds within which every job must have ended.
TIMEOUT = float(os.environ.get("CHAOS_TIMEOUT", "400"))

FAULTS: list[dict[str, Any]] = [
    {"method": "GET", "path": "/jobs", "status": 503, "probability": 0.1},
    {"method": "GET", "path": "/jobs", "status": 500, "probability": 0.05, "after": True},
    {"method": "GET", "path": "/jobs", "status": 429, "probability": 0.03, "retry_after": 1},
    {"method": "GET", "path": "/jobs", "drop": True, "probability": 0.02},
    {"method": "GET", "path": "/jobs", "delay": 0.5, "probability": 0.2},
    {"method": "GET", "path": "/backends", "status": 503, "probability": 0.05},
]


class Pollers:
    """The stack's own poller, one more, and who kills them."""

    def __init__(self, stack: Stack, dice: random.Random) -> None:
        self.stack = stack
        self.dice = dice
        self.kills = 0
        self.added: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self.env = self._environment()
        self._thread = threading.Thread(target=self._kill_again_and_again, daemon=True)

    def _own(self) -> int | None:
        for pid in self.stack.descendants():
            with suppress(OSError):
                command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if b"-m" in command and command[command.index(b"-m") + 1] == b"poller":
                    return pid
        return None

    def _environment(self) -> dict[str, str]:
        pid = wait_for(self._own)
        entries = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
        env = dict(entry.split("=", 1) for entry in entries if "=" in entry)
        return env | {"POLLER_PORT": str(free_ports(1)[0])}

    def add(self) -> None:
        """One more poller, with the environment of the first."""
        with (self.stack.folder / "second.log").open("ab") as sink:
            self.added = subprocess.Popen(
                [sys.executable, "-m", "poller"], cwd=ROOT, env=self.env, stdout=sink, stderr=sink
            )

    def start_killing(self) -> None:
        self._thread.start()

    def _kill_again_and_again(self) -> None:
        while self.kills < KILLS and not self._stop.wait(self.dice.uniform(*KILL_EVERY)):
            if self.added is not None and self.dice.random() < 0.5:
                self.added.kill()
                self.added.wait(10)
                self.add()
            elif self._works() and (pid := self._own()) is not None:
                # Not while it starts: the stack takes that for a stack that cannot run, and ends.
                os.kill(pid, signal.SIGKILL)
            else:
                continue
            self.kills += 1

    def _works(self) -> bool:
        """True while the stack's own poller is up."""
        url = f"http://127.0.0.1:{self.stack.env['POLLER_PORT']}/healthz"
        with suppress(OSError):
            return requests.get(url, timeout=2).status_code == 200
        return False

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(15)
        if self.added is not None:
            self.added.kill()
            self.added.wait(10)


def set_faults(stack: Stack, key: str, faults: list[dict[str, Any]], seed: int) -> None:
    """Let the simulator fail like this."""
    url = f"http://127.0.0.1:{stack.env['SIMULATOR_PORT']}"
    login = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": key}
    token = requests.post(f"{url}/identity/token", data=login, timeout=10).json()["access_token"]
    answer = requests.put(
        f"{url}/admin/faults",
        json={"http": faults, "seed": seed},
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    assert answer.status_code == 200, answer.text


def submit(client: Client, count: int) -> list[str]:
    """Submit `count` jobs; what is refused for the moment is submitted again."""
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
    """The whole trial; prints its seed and what happened."""
    print(f"seed {seed}, {JOBS} jobs of {CLIENTS} clients")
    dice = random.Random(seed)
    more = {"SIMULATOR_ADMIN": "1", "SIMULATOR_QUEUE_SPEED_UP": "20", "SIMULATOR_QUEUE_SEED": str(seed)}
    with running(folder, **more, **env) as stack, ExitStack() as cleanup:
        clients = [stack.client() for _ in range(CLIENTS)]
        listeners = [cleanup.enter_context(closing(Listener(client))) for client in clients]
        pollers = cleanup.enter_context(closing(Pollers(stack, dice)))
        set_faults(stack, pollers.env["SIMULATOR_API_KEY"], FAULTS, seed)
        pollers.start_killing()
        began = time.monotonic()
        with ThreadPoolExecutor(CLIENTS) as pool:
            # One more poller in the middle of it.
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
        assert not left, f"seed {seed}: {len(left)} of {JOBS} jobs have no end, such as {left[:3]}"
        assert pollers.kills >= 3, "nobody was killed: the trial shows nothing"
        time.sleep(3)  # whoever delivers twice has the time to
        statuses: Counter[str] = Counter()
        for client, listener, ids in zip(clients, listeners, jobs, strict=True):
            finals = Counter(listener.finals())
            assert set(finals) == set(ids), f"seed {seed}: a client has others' jobs, or none of its own"
            assert set(finals.values()) == {1}, f"seed {seed}: a final event came twice"
            for event in listener.events():
                assert event["client_id"] == client.id
                if event["status"] in ("DONE", "ERROR", "CANCELLED"):
                    statuses[event["status"]] += 1
                    assert event["status"] == "DONE", event
                    assert event["answer"]["shots"] == 32
        assert statuses == {"DONE": CLIENTS * (JOBS // CLIENTS)}
        assert all(alive(pid) for pid in [stack.process.pid])


@pytest.mark.timeout(TIMEOUT + 200)
def test_every_job_ends_once_at_home(tmp_path: Path) -> None:
    every_job_ends_once_at_home(tmp_path, seed=int(os.environ.get("CHAOS_SEED", "1")))


@pytest.mark.kafka
@pytest.mark.timeout(TIMEOUT + kafka.TIMEOUT + 200)
def test_every_job_ends_once_at_home_on_apache_kafka(tmp_path: Path) -> None:
    env = kafka.environment(tmp_path / "kafka")
    every_job_ends_once_at_home(tmp_path / "stack", seed=int(os.environ.get("CHAOS_SEED", "2")), **env)
