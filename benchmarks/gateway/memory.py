"""Attacks a gateway's memory: `make trial-memory`.

20 clients at 20 addresses have more events with large inputs than the gateway keeps. They request pages,
events and large results, open WebSockets and send bodies, and neither read nor finish. Prints the peak of the
gateway's memory after each attack.
"""

from __future__ import annotations

import http.client
import json
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

from benchmarks.gateway.publisher import event
from core.kafka.admin import Topics
from core.kafka.publisher import Publisher
from core.large_results import name_of
from core.protocol import encode
from testkit.replicas import Replica, broker, replica, topic_of
from testkit.websocket import handshake

#: Clients, requests of each in an attack, and jobs of each.
CLIENTS, REQUESTS, JOBS = 20, 60, 25
#: The job with a large result: the newest, since the oldest are not kept.
NEWEST = f"job-{JOBS - 1}"
#: Bytes of a job's input, of a large result, and of a body that does not come to its end.
INPUT, RESULT, BODY = 390_000, 60_000_000, 900_000
#: WebSockets of each client.
WEBSOCKETS = 16
#: Seconds for which an attack holds its connections.
HOLD = 8.0
#: The aim: bytes that the gateway never exceeds.
AIM = 512 * 1024 * 1024


class Attacker:
    """A client at an address of its own.

    Args:
        gateway: the gateway.
        number: the client's number.
    """

    def __init__(self, gateway: Replica, number: int) -> None:
        self._gateway = gateway
        self._address = f"127.3.0.{1 + number}"
        asked = http.client.HTTPConnection("127.0.0.1", gateway.port, 60, (self._address, 0))
        asked.request("POST", "/api/v1/sessions")
        self.token = str(json.load(asked.getresponse())["token"])
        asked.close()
        self.topic = topic_of(self.token)

    def send(self, data: bytes) -> socket.socket:
        """Send a request. The kernel keeps only a small part of the response for this client."""
        sock = socket.socket()
        sock.settimeout(60)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        sock.bind((self._address, 0))
        sock.connect(("127.0.0.1", self._gateway.port))
        sock.sendall(data)
        return sock

    def get(self, path: str) -> bytes:
        """Return the head of a GET request."""
        fields = f"Host: 127.0.0.1\r\nAuthorization: Bearer {self.token}"
        return f"GET /api/v1{path} HTTP/1.1\r\n{fields}\r\n\r\n".encode()

    def body(self) -> bytes:
        """Return a POST request whose body lacks its end."""
        fields = f"Host: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\nContent-Length: {BODY}"
        return f"POST /api/v1/functions/noop/jobs HTTP/1.1\r\n{fields}\r\n\r\n".encode() + b" " * (BODY - 1)


def peak(gateway: Replica) -> int:
    """Return the most bytes that the gateway's process has ever had in memory."""
    status = Path(f"/proc/{gateway.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


@contextmanager
def closed(sockets: list[socket.socket]) -> Iterator[None]:
    """Close the connections at the end."""
    try:
        yield
    finally:
        for sock in sockets:
            sock.close()


def attack(
    gateway: Replica,
    name: str,
    attackers: list[Attacker],
    count: int,
    request: Callable[[Attacker, int], bytes],
) -> bool:
    """Hold `count` requests of each attacker without reading, and print the gateway's peak."""
    sockets: list[socket.socket] = []
    with closed(sockets):
        for number in range(count):
            for attacker in attackers:
                with suppress(OSError):
                    sockets.append(attacker.send(request(attacker, number)))
        time.sleep(HOLD)
        began = time.perf_counter()
        healthy = requests.get(f"{gateway.url}/healthz", timeout=60).status_code == 200
        seconds = time.perf_counter() - began
    most = peak(gateway)
    print(
        f"{len(sockets)} {name}: peak {most / 2**20:.0f} MiB, now {gateway.memory() / 2**20:.0f} MiB "
        f"(aim: {AIM / 2**20:.0f} MiB); /healthz {'ok' if healthy else 'failed'} in {seconds * 1000:.0f} ms",
        flush=True,
    )
    return most <= AIM and healthy


def fill(publisher: Publisher, attackers: list[Attacker], results: Path) -> None:
    """Publish the events of all jobs, and store a large result for each client."""
    for attacker in attackers:
        sent = [
            publisher.send(
                attacker.topic,
                "key",
                encode(event(attacker.topic, f"job-{n}", "QUEUED", {"text": "x" * INPUT})),
            )
            for n in range(JOBS)
        ]
        for each in sent:
            publisher.wait(each)
        path = results / name_of(attacker.topic, NEWEST)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'{"result":"' + b"y" * RESULT + b'"}')


def main() -> int:
    """Run all attacks; return 1 if the aim is not met."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        documents, results = folder / "documents", folder / "results"
        documents.mkdir()
        results.mkdir()
        document = {"_id": "noop", "functionBackendUrl": "http://127.0.0.1:9/never-called"}
        (documents / "noop.json").write_text(json.dumps(document))
        settings = {"RESULTS_FOLDER": str(results)}
        with broker(folder) as kafka, replica(folder, kafka, documents, **settings) as gateway:
            print(f"at the start: {gateway.memory() / 2**20:.0f} MiB", flush=True)
            attackers = [Attacker(gateway, number) for number in range(CLIENTS)]
            Topics(kafka).ensure(dict.fromkeys([attacker.topic for attacker in attackers], 1))
            publisher = Publisher(kafka)
            fill(publisher, attackers, results)
            publisher.close()
            met = [
                attack(gateway, "unread pages of jobs", attackers, REQUESTS, lambda one, _: one.get("/jobs")),
                attack(
                    gateway,
                    "unread events",
                    attackers,
                    REQUESTS,
                    lambda one, number: one.get(f"/jobs/job-{number % JOBS}"),
                ),
                attack(
                    gateway,
                    "unread large results",
                    attackers,
                    3,
                    lambda one, _: one.get(f"/jobs/{NEWEST}/result"),
                ),
                attack(
                    gateway,
                    "unread WebSockets",
                    attackers,
                    WEBSOCKETS,
                    lambda one, _: handshake(gateway.port, f"token={one.token}"),
                ),
                attack(gateway, "unfinished bodies", attackers, REQUESTS, lambda one, _: one.body()),
                attack(
                    gateway,
                    "of all these together",
                    attackers,
                    REQUESTS,
                    lambda one, number: (
                        one.get("/jobs"),
                        one.get(f"/jobs/job-{number % JOBS}"),
                        handshake(gateway.port, f"token={one.token}"),
                        one.body(),
                        one.get(f"/jobs/{NEWEST}/result"),
                    )[number % 5],
                ),
            ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
