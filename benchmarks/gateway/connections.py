"""Attacks a gateway with slow and many connections: `make trial-connections`.

The connections come from 50 addresses of 127/8; `/healthz` is requested from another one. Prints its slowest
answer under each attack, and the memory of idle connections.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.gateway.publisher import first
from benchmarks.table import milliseconds
from core.kafka.publisher import Publisher
from testkit.replicas import FREE, Replica, broker, replica, session, session_with_topic, topic_of
from testkit.websocket import handshake

#: Connections of an attack, the addresses that they come from, and the clients of the waits.
CONNECTIONS, ADDRESSES, CLIENTS = 2_000, 50, 10
#: The job that is waited for.
JOB = "first-0"
#: Connections whose memory is measured.
IDLE = 4_000
#: Seconds of each attack, and the aims: seconds for an answer, bytes for the idle connections.
SECONDS, AIM, AIM_MEMORY = 15.0, 1.0, 100e6
#: Attackers are processes, so that they do not delay what is measured.
FORK = multiprocessing.get_context("fork")
#: Limits of an address at their defaults, except for the sessions that the trial itself creates.
SETTINGS = {name: FREE[name] for name in ("GATEWAY_SESSIONS_PER_MINUTE",)}


def head(line: str, *headers: str) -> bytes:
    """The head of a request."""
    return "\r\n".join([f"{line} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]).encode()


def connect(gateway: Replica, number: int) -> socket.socket:
    """A connection from one of the addresses."""
    source = (f"127.1.0.{1 + number % ADDRESSES}", 0)
    return socket.create_connection(("127.0.0.1", gateway.port), 60, source)


def slowest(gateway: Replica, seconds: float) -> tuple[float, int]:
    """The slowest answer of `/healthz` to another address in this time, and how many there were."""
    durations = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        began = time.perf_counter()
        asked = http.client.HTTPConnection("127.0.0.1", gateway.port, 60, ("127.2.0.1", 0))
        asked.request("GET", "/healthz")
        if (status := asked.getresponse().status) != 200:
            raise RuntimeError(f"/healthz answered {status}")
        asked.close()
        durations.append(time.perf_counter() - began)
        time.sleep(0.05)
    return max(durations), len(durations)


@contextmanager
def closed(sockets: list[socket.socket]) -> Iterator[None]:
    """Close the connections at the end."""
    try:
        yield
    finally:
        for sock in sockets:
            sock.close()


def hold(gateway: Replica, first: Sequence[bytes], more: bytes, opened: Any, stop: Any) -> None:
    """Open the connections, send one of `first` on each, then `more` every second until `stop` is set."""
    sockets: list[socket.socket] = []
    with closed(sockets):
        for number in range(CONNECTIONS):
            sockets.append(connect(gateway, number))
            sockets[-1].sendall(first[number % len(first)])
            opened.value += 1
        while not stop.wait(1):
            for number, sock in enumerate(sockets):
                if not more:
                    break
                try:
                    sock.sendall(more)
                except OSError:
                    # It was closed: an attacker comes again.
                    sock.close()
                    with suppress(OSError):
                        sockets[number] = connect(gateway, number)
                        sockets[number].sendall(first[number % len(first)])


def attack(gateway: Replica, name: str, *first: bytes, more: bytes = b"") -> bool:
    """Hold the connections from another process, and measure meanwhile."""
    opened, stop = FORK.Value("i", 0), FORK.Event()
    attacker = FORK.Process(target=hold, args=(gateway, first, more, opened, stop))
    attacker.start()
    seconds, count = slowest(gateway, SECONDS)
    waits = gateway.counted("qwhisk_gateway_waits")
    stop.set()
    attacker.join()
    print(
        f"{opened.value} {name}: slowest of {count} answers of /healthz {milliseconds(seconds)} "
        f"(aim: {milliseconds(AIM)}); {waits:.0f} waits",
        flush=True,
    )
    return seconds <= AIM and opened.value == CONNECTIONS


def memory(gateway: Replica, name: str, count: int, first: Callable[[int], bytes]) -> bool:
    """Open connections that stay idle, and compare the memory of the gateway."""
    before = gateway.memory()
    sockets: list[socket.socket] = []
    with closed(sockets):
        for number in range(count):
            sockets.append(connect(gateway, number))
            sockets[-1].sendall(first(number))
            if first(number):
                sockets[-1].recv(65_536)
        used = gateway.memory() - before
        opened = gateway.counted("qwhisk_gateway_connections") + gateway.counted("qwhisk_gateway_websockets")
    print(f"{opened:.0f} {name}: {used / 1e6:.1f} MB more (aim: {AIM_MEMORY / 1e6:.0f} MB)", flush=True)
    return used <= AIM_MEMORY and opened >= count


def main() -> int:
    """Run all attacks; gives 1 if an aim is not met."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        documents = folder / "documents"
        documents.mkdir()
        document = {"_id": "noop", "functionBackendUrl": "http://127.0.0.1:9/never-called"}
        (documents / "noop.json").write_text(json.dumps(document))
        alive = head("GET /healthz")
        with broker(folder) as kafka, replica(folder, kafka, documents, **SETTINGS) as gateway:
            # First: what an attack has left would be used again.
            met = [memory(gateway, "idle sockets, kept alive", IDLE, lambda _: alive)]
            tokens = [session_with_topic(gateway, kafka) for _ in range(CLIENTS)]
            publisher = Publisher(kafka)
            for token in tokens:
                topic = topic_of(token)
                publisher.publish(topic, JOB, first(topic, 0))
            publisher.close()
            body = head("POST /api/v1/functions/noop/jobs", "Content-Length: 900000")
            wait = f"GET /api/v1/jobs/{JOB}?wait=60"
            waits = [head(wait, f"Authorization: Bearer {token}") for token in tokens]
            met += [
                attack(gateway, "idle sockets", b""),
                attack(gateway, "sockets that dribble a head", b"GET / HTTP/1.1\r\nX: ", more=b"y"),
                attack(gateway, "sockets that dribble a body", body, more=b" "),
                attack(gateway, "waits of 10 clients", *waits),
            ]
            tokens = [session(gateway) for _ in range(300)]
            shakes = [handshake(gateway.port, f"token={token}") for token in tokens]
            met.append(memory(gateway, "idle WebSockets", IDLE // 2, lambda number: shakes[number % 300]))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
