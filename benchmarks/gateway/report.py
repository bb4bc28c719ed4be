"""Measures the gateway and prints the results next to the aims."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.gateway import load
from benchmarks.gateway.bodies import hostile
from benchmarks.gateway.pushing import LISTENERS, pushing
from benchmarks.table import milliseconds, table
from testkit.percentile import percentile
from testkit.replicas import FREE, Replica, broker, process, replica, session
from testkit.stack import free_ports

#: Seconds that the gateway may add at the median.
AIM_ADDED = 0.008
#: Clients that submit at once.
SUBMITTERS = 16
THREADS = 512


def submission(gateway: Replica) -> bytes:
    """The request of a new client for a job that does nothing."""
    headers = [("Authorization", f"Bearer {session(gateway)}")]
    return load.request("/api/v1/functions/noop/jobs", b'{"emoticon_1":":)"}', headers, gateway.port)


def accepting(folder: Path, say: Callable[[str], None], jobs: int, seconds: float) -> None:
    """Measure jobs accepted per second and the gateway's overhead, compared with Flask and a bare action."""
    noop, bare = free_ports(2)
    action = f"http://127.0.0.1:{noop}/"
    documents = folder / "documents"
    documents.mkdir()
    document = {"_id": "noop", "functionBackendUrl": action}
    (documents / "noop.json").write_text(json.dumps(document))
    servers = [sys.executable, "-m", "benchmarks.gateway.servers"]
    flask = [*servers, "flask", str(bare), str(THREADS), action]
    with (
        process([*servers, "noop", str(noop)], {}, folder / "noop.log", action),
        process(flask, {}, folder / "flask.log", f"http://127.0.0.1:{bare}/ready"),
        broker(folder) as kafka,
        replica(folder, kafka, documents, GATEWAY_THREADS=str(THREADS), **FREE) as gateway,
    ):
        direct = load.request("/", b"{}", port=noop)
        plain = load.request("/bare", b"{}", port=bare)
        call = load.request("/call", b"{}", port=bare)
        ours = submission(gateway)
        ways = [
            ("the action alone", noop, direct, 200),
            ("bare Flask route", bare, plain, 202),
            ("Flask route that calls the action", bare, call, 202),
            ("the gateway", gateway.port, ours, 202),
        ]
        results: dict[str, list[float]] = {name: [] for name, *_ in ways}
        rates: dict[str, list[float]] = {name: [] for name, *_ in ways}
        # Alternate, because the speed of the machine changes within minutes.
        for _turn in range(3):
            for name, port, data, status in ways:
                load.latencies(port, data, 20, status)
                results[name] += load.latencies(port, data, jobs // 3, status)
                # Each turn has new clients, so that the length of one client's job list does not matter.
                is_gateway = name == "the gateway"
                requests_ = [submission(gateway) if is_gateway else data for _ in range(SUBMITTERS)]
                rates[name].append(load.rate(port, requests_, seconds / 3, status))
    rate = {name: sum(values) / len(values) for name, values in rates.items()}
    rows = [
        [
            name,
            milliseconds(percentile(results[name], 0.5)),
            milliseconds(percentile(results[name], 0.99)),
            f"{rate[name]:.0f}",
        ]
        for name, *_ in ways
    ]
    title = f"an action that does nothing; jobs/s with {SUBMITTERS} clients, {THREADS} threads"
    say(table(title, ["", "p50", "p99", "jobs/s"], rows))
    added = percentile(results["the gateway"], 0.5) - percentile(results["the action alone"], 0.5)
    part = rate["the gateway"] / rate["bare Flask route"]
    say(f"added to an invocation at p50: {milliseconds(added)} (aim: {milliseconds(AIM_ADDED)})")
    say(f"jobs/s as part of the bare route's: {part:.2f}\n")


def run(options: argparse.Namespace) -> None:
    """Measure and print."""

    def say(text: str) -> None:
        print(text, flush=True)

    hostile(say)
    with tempfile.TemporaryDirectory() as folder:
        accepting(Path(folder), say, options.jobs * 3, options.seconds * 1.5)
    kafka = bool(shutil.which("java") and shutil.which("mvn"))
    if not kafka:
        say("no Java or no Maven: nothing is measured on Apache Kafka\n")
    for kind in ["local", "kafka"] if kafka else ["local"]:
        for listeners in LISTENERS:
            with tempfile.TemporaryDirectory() as folder:
                pushing(Path(folder), say, options.seconds, listeners, kind)
