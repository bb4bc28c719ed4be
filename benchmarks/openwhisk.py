"""What the local OpenWhisk adds to an action, warm and cold.

A warm no-op is invoked through the REST API, and by /run directly at the same action server. A cold start
is its first invocation, compared with an action process from its start to its answer of /init; cold starts of
algorithms are in `benchmarks/actions.py`.
"""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.table import table
from testkit.action_server import ActionServer
from testkit.openwhisk import KEY, OpenWhisk
from testkit.percentile import percentile

#: What this project aims for: seconds added at p50, and a cold start as a multiple of the bare process start.
AIM_ADDED, AIM_COLD = 0.005, 1.2

NOOP = "def main(params):\n    return params\n"

Post = Callable[[str, Any], dict[str, Any]]


@contextmanager
def _posting(port: int, auth: str = "") -> Iterator[Post]:
    """POST JSON on a connection that is kept open."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    headers = {"Content-Type": "application/json"}
    if auth:
        headers["Authorization"] = "Basic " + base64.b64encode(auth.encode()).decode()

    def post(path: str, body: Any) -> dict[str, Any]:
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        reply: dict[str, Any] = json.loads(answer.read())
        if answer.status != 200:
            raise RuntimeError(f"{path} failed: {answer.status} {str(reply)[:300]}")
        return reply

    try:
        yield post
    finally:
        connection.close()


def _latencies(post: Post, path: str, body: Any, count: int) -> list[float]:
    seconds = []
    for number in range(count + 50):
        began = time.perf_counter()
        post(path, body)
        if number >= 50:
            seconds.append(time.perf_counter() - began)
    return seconds


def _rate(port: int, auth: str, path: str, body: Any, clients: int, seconds: float) -> float:
    """Return the requests per second of some clients at once."""
    counts = [0] * clients
    end = time.perf_counter() + seconds

    def work(number: int) -> None:
        with _posting(port, auth) as post:
            while time.perf_counter() < end:
                post(path, body)
                counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def report_warm(count: int, seconds: float) -> str:
    """Measure a warm no-op through the REST API, and directly."""
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / name for name in ("action", "openwhisk")]
        for place in places:
            place.mkdir()
        server, whisk = ActionServer(places[0], {}), OpenWhisk(places[1])
        try:
            server.init(NOOP)
            whisk.action("noop", NOOP)
            port = int(whisk.url.rsplit(":", 1)[1].partition("/")[0])
            path = "/api/v1/namespaces/_/actions/noop?blocking=true&result=true"
            direct: list[float] = []
            through: list[float] = []
            with _posting(server.port) as run, _posting(port, KEY) as invoke:
                # Alternate, because the speed of the machine changes within seconds.
                for _ in range(10):
                    direct += _latencies(run, "/run", {"value": {"n": 1}}, count // 10)
                    through += _latencies(invoke, path, {"n": 1}, count // 10)
            rates = [
                (
                    "action server directly, 1 client",
                    _rate(server.port, "", "/run", {"value": {}}, 1, seconds),
                ),
                *(
                    (f"OpenWhisk, {clients} at once", _rate(port, KEY, path, {"n": 1}, clients, seconds))
                    for clients in (1, 4, 16)
                ),
            ]
        finally:
            server.close()
            whisk.close()
    parts = (0.5, 0.99)
    rows = [
        [name, *(f"{percentile(latencies, part) * 1000:.2f} ms" for part in parts)]
        for name, latencies in (
            ("action server directly: /run", direct),
            ("OpenWhisk: blocking invocation", through),
        )
    ]
    added = [f"{(percentile(through, part) - percentile(direct, part)) * 1000:.2f} ms" for part in parts]
    return "\n".join(
        [
            table("a warm no-op", ["latency", "p50", "p99"], [*rows, ["added", *added]]),
            f"aim: at most {AIM_ADDED * 1000:.0f} ms added at p50\n",
            table(
                "warm no-ops per second", ["", "per second"], [[name, f"{rate:.0f}"] for name, rate in rates]
            ),
        ]
    )


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _median(values: list[float]) -> float:
    return percentile(values, 0.5)


def _own_start() -> float:
    """Seconds from the start of an action process to the answer of /init."""
    with tempfile.TemporaryDirectory() as folder:
        servers: list[ActionServer] = []

        def start() -> None:
            servers.append(ActionServer(Path(folder), {}))
            servers[0].init(NOOP)

        try:
            return _seconds(start)
        finally:
            servers[0].close()


def _first_invocation(whisk: OpenWhisk) -> float:
    """Seconds of the first invocation of a new action."""
    name = f"cold-{secrets.token_hex(4)}"
    whisk.action(name, NOOP)
    seconds = _seconds(lambda: whisk.invoke(name).raise_for_status())
    whisk.ask("DELETE", f"/actions/{name}")
    return seconds


def report_cold(rounds: int) -> str:
    """Measure a no-op's first invocation, compared with the start of its process.

    Every round has each of them once, in a new order. The best of many rounds is the undisturbed time.
    The median of the rounds' ratios cancels what disturbs both alike.
    """
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / name for name in ("spawned", "forked")]
        for place in places:
            place.mkdir()
        spawned, forked = OpenWhisk(places[0], "--fork-server", "0"), OpenWhisk(places[1])
        ways: dict[str, Callable[[], float]] = {
            "action process: start to /init's answer": _own_start,
            "OpenWhisk: first invocation, started from the command": lambda: _first_invocation(spawned),
            "OpenWhisk: first invocation, forked": lambda: _first_invocation(forked),
        }
        times_by_way: dict[str, list[float]] = {name: [] for name in ways}
        order = list(ways)
        try:
            for number in range(rounds + 1):
                for name in order:
                    seconds = ways[name]()
                    # The first time, the fork server itself starts, and files are not in memory.
                    if number:
                        times_by_way[name].append(seconds)
                order = [*order[1:], order[0]]
        finally:
            spawned.close()
            forked.close()
    process_times = next(iter(times_by_way.values()))
    rows = [
        [
            name,
            f"{min(times) * 1000:.0f} ms",
            f"{_median(times) * 1000:.0f} ms",
            f"{min(times) / min(process_times):.2f}",
            f"{_median([first / start for first, start in zip(times, process_times, strict=True)]):.2f}",
        ]
        for name, times in times_by_way.items()
    ]
    head = ["", "best", "median", "best, part of the process's own", "median part in a round"]
    return "\n".join(
        [
            table(f"a cold no-op, {rounds} rounds", head, rows),
            f"aim: at most {AIM_COLD} of the process's own",
        ]
    )


def report(count: int = 2000, seconds: float = 3.0, rounds: int = 25) -> str:
    """Measure everything."""
    return "\n\n".join([report_warm(count, seconds), report_cold(rounds)])
