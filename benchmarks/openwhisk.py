"""What the local OpenWhisk adds to an action, and what a cold start costs.

A warm no-op is invoked through the REST API, and by /run at the same action server, directly. A cold start is
counted from the start of the process to the answer: of /init for a no-op, of the first /run for an algorithm
(with the stack's simulator and broker), beside a bare import of the client of IBM Quantum.
"""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from benchmarks.table import percentile, table
from local.settings import GUEST_KEY
from tests.action_server.process import ActionServer
from tests.openwhisk.client import KEY, OpenWhisk
from tests.stack import Stack, alive, descendants, running

#: What this project aims for: seconds added at p50; a cold start through the server, and that of an
#: algorithm's process, as parts of what they are compared with.
AIM_ADDED, AIM_COLD, AIM_ALGORITHM = 0.005, 1.2, 1.3

NOOP = "def main(params):\n    return params\n"
SMILE = {"emoticon_1": ":)", "emoticon_2": ";)", "backend_type": "simulator"}

Post = Callable[[str, Any], dict[str, Any]]


@contextmanager
def _posting(port: int, auth: str = "") -> Iterator[Post]:
    """POST JSON on a connection that is kept."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    headers = {"Content-Type": "application/json"}
    if auth:
        headers["Authorization"] = "Basic " + base64.b64encode(auth.encode()).decode()

    def post(path: str, body: Any) -> dict[str, Any]:
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        found: dict[str, Any] = json.loads(answer.read())
        if answer.status != 200:
            raise RuntimeError(f"{path} failed: {answer.status} {str(found)[:300]}")
        return found

    try:
        yield post
    finally:
        connection.close()


def _latencies(post: Post, path: str, body: Any, count: int) -> list[float]:
    found = []
    for number in range(count + 50):
        began = time.perf_counter()
        post(path, body)
        if number >= 50:
            found.append(time.perf_counter() - began)
    return found


def _rate(port: int, auth: str, path: str, body: Any, clients: int, seconds: float) -> float:
    """Requests per second of some clients at once."""
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
    """A warm no-op: through the REST API, and directly."""
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
                # By turns: these machines change their speed within seconds.
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
        [name, *(f"{percentile(found, part) * 1000:.2f} ms" for part in parts)]
        for name, found in (
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


def report_cold(repetitions: int) -> str:
    """A no-op's first invocation, beside its process's own start."""
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / name for name in ("anew", "forked")]
        for place in places:
            place.mkdir()
        anew, forked = OpenWhisk(places[0], "--nursery", "0"), OpenWhisk(places[1])
        own: list[float] = []
        first: list[float] = []
        fork: list[float] = []
        try:
            for number in range(repetitions + 1):
                measured = _own_start(), _first_invocation(anew), _first_invocation(forked)
                # The first time the nursery itself starts, and files are not in memory.
                for found, seconds in zip(
                    (own, first, fork) if number else ([], [], []), measured, strict=True
                ):
                    found.append(seconds)
        finally:
            anew.close()
            forked.close()
    rows = [
        [name, f"{_median(found) * 1000:.0f} ms", f"{_median(found) / _median(own):.2f}"]
        for name, found in (
            ("action process: start to /init's answer", own),
            ("OpenWhisk: first invocation, started anew", first),
            ("OpenWhisk: first invocation, forked", fork),
        )
    ]
    return "\n".join(
        [
            table("a cold no-op", ["median", "time", "part of the process's own"], rows),
            f"aim: at most {AIM_COLD} of the process's own",
        ]
    )


def _bound(stack: Stack) -> dict[str, str]:
    """The parameters with which the stack's actions reach its simulator and broker."""
    with _stack_session() as session:
        url = f"http://127.0.0.1:{stack.env['OPENWHISK_PORT']}/api/v1/namespaces/_/packages/quantum"
        return {item["key"]: item["value"] for item in session.get(url, timeout=20).json()["parameters"]}


def _stack_session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    user, _, password = GUEST_KEY.partition(":")
    session.auth = (user, password)
    return session


def _job() -> dict[str, str]:
    return SMILE | {
        "client_id": "benchmark",
        "process_job_id": secrets.token_hex(12),
        "topic": f"results.{secrets.token_urlsafe(18)}",
    }


def _algorithm_starts(bound: Mapping[str, str]) -> float:
    """Seconds from the start of the algorithm's process, as in a container, to the first answer of /run."""
    with tempfile.TemporaryDirectory() as folder:
        servers: list[ActionServer] = []

        def start() -> None:
            servers.append(ActionServer(Path(folder), {"QWHISK_ACTION": "smile_super_position"}))
            servers[0].init()
            status, answer = servers[0].run({**bound, **_job()})
            if status != 200 or "job_id" not in answer:
                raise RuntimeError(f"the algorithm failed: {status} {answer}")

        try:
            return _seconds(start)
        finally:
            servers[0].close()


def _import() -> float:
    command = [sys.executable, "-c", "import qiskit_ibm_runtime"]
    return _seconds(lambda: subprocess.run(command, check=True))


def _forked_algorithms(stack: Stack, count: int) -> tuple[list[float], list[int]]:
    """Seconds of the first invocations of `count` actions, and MB that each process has for itself alone."""
    base = f"http://127.0.0.1:{stack.env['OPENWHISK_PORT']}/api/v1/namespaces/_/actions/quantum"
    before = set(descendants(stack.process.pid))
    found = []
    with _stack_session() as session:
        body = {
            "exec": {"kind": "blackbox", "image": "qwhisk/smile_super_position"},
            "limits": {"memory": 512},
        }
        for number in range(count):
            url = f"{base}/cold-{number}"
            session.put(url, json=body, timeout=20).raise_for_status()
            began = time.perf_counter()
            session.post(f"{url}?blocking=true", json=_job(), timeout=60).raise_for_status()
            found.append(time.perf_counter() - began)
    started = [pid for pid in set(descendants(stack.process.pid)) - before if alive(pid)]
    return found, [_private(pid) for pid in started]


def _private(pid: int) -> int:
    """MB of a process that it shares with no other."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) // 1024


def report_algorithm(repetitions: int) -> str:
    """An algorithm's first answer: a process started anew, as in a container, and one that is forked."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as stack:
        bound = _bound(stack)
        imports: list[float] = []
        starts: list[float] = []
        for _ in range(repetitions):
            imports.append(_import())
            starts.append(_algorithm_starts(bound))
        forks, memory = _forked_algorithms(stack, repetitions)
    bare = _median(imports)
    rows = [
        [name, f"{_median(found) * 1000:.0f} ms", f"{_median(found) / bare:.2f}"]
        for name, found in (
            ("python -c 'import qiskit_ibm_runtime'", imports),
            ("smile_super_position, started anew: first answer", starts),
            ("the same, forked, by OpenWhisk: first answer", forks),
        )
    ]
    return "\n".join(
        [
            table("a cold algorithm", ["median", "time", "part of the import"], rows),
            f"aim: at most {AIM_ALGORITHM} of the import; the import's time includes leaving the interpreter",
            f"memory that a forked process has for itself alone: {_median(list(map(float, memory))):.0f} MB",
        ]
    )


def report(count: int = 2000, seconds: float = 3.0, repetitions: int = 7) -> str:
    """All of it."""
    return "\n\n".join([report_warm(count, seconds), report_cold(repetitions), report_algorithm(repetitions)])
