"""Creates 100,000 sessions from 8 addresses: `make trial-sessions`; SESSIONS=N creates N.

Each session lists its jobs once. Prints the topics of clients at the broker, and the memory of the broker and
of the gateway before and after. BROKER=kafka runs it on Apache Kafka, which needs a JDK's `jcmd`.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from core.kafka.admin import Topics
from testkit.replicas import FREE, Replica, broker, replica
from testkit.stack import descendants

SESSIONS = int(os.environ.get("SESSIONS", "100000"))
#: Clients are processes, so that they do not share an interpreter with each other.
CLIENTS = 8
#: Of all sessions, those that list their jobs.
LISTING = 10
#: The aim: bytes by which the broker may grow.
AIM = 5_000_000
FORK = multiprocessing.get_context("fork")


def create(gateway: Replica, number: int, count: int) -> None:
    """Create sessions from one address."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, 60, (f"127.4.0.{1 + number}", 0))
    for each in range(count):
        connection.request("POST", "/api/v1/sessions")
        answer = connection.getresponse()
        token = json.loads(answer.read())["token"]
        if answer.status != 201:
            raise RuntimeError(f"/sessions answered {answer.status}")
        if each % LISTING == 0:
            connection.request("GET", "/api/v1/jobs", headers={"Authorization": f"Bearer {token}"})
            listed = connection.getresponse()
            listed.read()
            if listed.status not in (200, 503):
                raise RuntimeError(f"/jobs answered {listed.status}")
    connection.close()


def memory(pid: int) -> int:
    """Return the bytes of memory that a process and its children have for themselves."""
    lines = [
        line
        for each in (pid, *descendants(pid))
        for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        if line.startswith("Pss:")
    ]
    return sum(int(line.split()[1]) * 1024 for line in lines)


def live_heap(pid: int) -> int:
    """Return the bytes of all objects that a Java process uses, after it has removed the others.

    Its memory as a whole says little: it grows with any requests, up to the limit of its heap.
    """
    command = ["jcmd", str(pid), "GC.class_histogram"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    [total] = [line.split() for line in lines.splitlines() if line.startswith("Total")]
    return int(total[2])


def clients_topics(topics: Topics) -> int:
    """Return the number of clients' topics at the broker."""
    return sum(name.startswith("results.") for name in topics.names())


def main() -> int:
    """Create the sessions; return 1 if the aim is not met."""
    kind = os.environ.get("BROKER", "local")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "documents").mkdir()
        with broker(folder, kind) as kafka, replica(folder, kafka, folder / "documents", **FREE) as gateway:
            [pid] = [each for each in descendants(os.getpid()) if each != gateway.pid][:1]
            topics, used = Topics(kafka), live_heap if kind == "kafka" else memory
            before, own = used(pid), gateway.memory()
            began = time.perf_counter()
            clients = [
                FORK.Process(target=create, args=(gateway, number, SESSIONS // CLIENTS))
                for number in range(CLIENTS)
            ]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            seconds = time.perf_counter() - began
            failed = sum(client.exitcode != 0 for client in clients)
            grown, count = used(pid) - before, clients_topics(topics)
            print(
                f"{SESSIONS} sessions on the {kind} broker in {seconds:.0f} s: {count} topics of clients, "
                f"broker {grown / 1e6:+.1f} MB (aim: {AIM / 1e6:.0f} MB), gateway "
                f"{(gateway.memory() - own) / 1e6:+.1f} MB; {failed} clients failed",
                flush=True,
            )
    return 0 if not count and not failed and grown <= AIM else 1


if __name__ == "__main__":
    sys.exit(main())
