"""Faults of the machine, the network and the operator, each while clients submit jobs: `make trial-faults`.

docs/reliability.md has the figures.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local.openwhisk.settings_table import PASSED
from local.settings import LocalSettings
from testkit import apache_kafka
from testkit.kafka_cluster import NODES, cluster
from testkit.large_job import submit_large
from testkit.shifted_clock import ShiftedClock
from testkit.stack import Client, free_ports, wait_for
from tests.chaos.trial import SEED, TrialStack, report, run, trial_stack

pytestmark = [
    pytest.mark.trial,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0, reason="mounts file systems: wants root"
    ),
]

PARTS = ("broker", "openwhisk", "simulator", "poller", "gateway")
#: Seconds that a fault lasts.
LASTS = 30.0


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrialStack]:
    with trial_stack(tmp_path_factory.mktemp("plain")) as stack:
        yield stack


def test_no_fault(plain: TrialStack) -> None:
    report("no fault", run(plain, lambda: None))


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_stopped(plain: TrialStack, part: str) -> None:
    def stop() -> None:
        # With its children: a frozen part.
        os.killpg(plain.pid(part), signal.SIGSTOP)
        try:
            time.sleep(LASTS)
        finally:
            os.killpg(plain.pid(part), signal.SIGCONT)

    report(f"{part} stopped for {LASTS:.0f} s", run(plain, stop))


def test_hostile_config_documents(plain: TrialStack) -> None:
    folder, dice = plain.settings.documents, random.Random(SEED)
    known = json.loads((folder / "smile_super_position.json").read_text())
    hostile: list[Callable[[], bytes]] = [
        lambda: b"{",
        lambda: b"[" * 100_000,
        lambda: b'{"_id": "x", "functionBackendUrl": "' + b"h" * 1_000_000 + b'"}',
        lambda: b"9" * 100_000,
        lambda: json.dumps(known | {"functionInputSchema": {"$ref": "http://127.0.0.1:1/"}}).encode(),
        lambda: json.dumps(known | {"functionInputSchema": {"pattern": "(a*)*b" * 1_000}}).encode(),
        lambda: json.dumps(known | {"functionBackendUrl": "file:///etc/passwd"}).encode(),
        lambda: json.dumps(known | {"_id": "smile_super_position"}).encode(),
        lambda: bytes(dice.randrange(256) for _ in range(1_000)),
    ]
    names: list[str] = []

    def write() -> None:
        for number in range(600):
            names.append(f"hostile{number}.json")
            (folder / names[-1]).write_bytes(dice.choice(hostile)())
        (folder / "link.json").symlink_to("/dev/zero")
        (folder / "folder.json").mkdir()
        os.mkfifo(folder / "pipe.json")
        time.sleep(LASTS)

    try:
        figures = run(plain, write)
    finally:
        for name in [*names, "link.json", "pipe.json"]:
            (folder / name).unlink(missing_ok=True)
        (folder / "folder.json").rmdir()
    report("600 hostile config documents, a pipe, a folder and a link to /dev/zero", figures)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 64 MB."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=700", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as folder, trial_stack(folder) as stack:

        def fill() -> None:
            with (folder / "filler").open("wb", buffering=0) as filler:
                try:
                    while True:
                        filler.write(b"x" * 4_096)
                except OSError:
                    pass
            time.sleep(LASTS)
            (folder / "filler").unlink()

        report(f"disk of LOCAL_FOLDER full for {LASTS:.0f} s", run(stack, fill))


def test_few_file_descriptors(tmp_path: Path) -> None:
    with trial_stack(tmp_path / "stack", lambda _: ["prlimit", "--nofile=256:256"]) as stack:
        report("256 file descriptors for each part", run(stack, lambda: None))


def test_little_memory(tmp_path: Path) -> None:
    groups = Path("/sys/fs/cgroup/memory")
    if not (groups / "memory.limit_in_bytes").exists():
        pytest.skip("no memory cgroup here")
    made = [groups / f"qwhisk-{os.getpid()}-{part}" for part in PARTS]
    for group in made:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(512 * 1024 * 1024))

    def wrap(part: str) -> list[str]:
        group = groups / f"qwhisk-{os.getpid()}-{part}"
        return ["sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh"]

    try:
        with trial_stack(tmp_path / "stack", wrap) as stack:
            figures = run(stack, lambda: None)
            peaks = {
                part: int((group / "memory.max_usage_in_bytes").read_text()) >> 20
                for part, group in zip(PARTS, made, strict=True)
            }
            kills = sum(
                int(line.split()[1])
                for group in made
                for line in (group / "memory.oom_control").read_text().splitlines()
                if line.startswith("oom_kill ")
            )
    finally:
        for group in made:
            wait_for(lambda group=group: not (group / "cgroup.procs").read_text())  # type: ignore[misc]
            group.rmdir()
    report("512 MB for each part", figures, f"; MB at most: {peaks}, {kills} kills")


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_jumps(tmp_path: Path, hours: int) -> None:
    clock = ShiftedClock(tmp_path / "clock")
    # The broker is one program without libc's functions.
    more = dict.fromkeys(("openwhisk", "simulator", "poller", "gateway"), clock.env)
    passed = {"OPENWHISK_PASS_ENV": ",".join((PASSED, *clock.env))}
    with trial_stack(tmp_path / "stack", more=more, env=passed) as stack:

        def jump() -> None:
            # Jobs are submitted and end before and after each change.
            for _ in range(4):
                clock.set(hours * 3_600)
                time.sleep(LASTS / 10)
                clock.set(0)
                time.sleep(LASTS / 10)

        report(f"clock {hours:+d} h four times, for {LASTS / 10:.0f} s each", run(stack, jump))


class NamedSettings(LocalSettings):
    """The parts and actions know broker and simulator by names instead of addresses."""

    def kafka(self) -> dict[str, str]:
        return super().kafka() | {"KAFKA_BOOTSTRAP_SERVERS": f"broker.test:{self.ports['broker']}"}

    def provider(self) -> dict[str, str]:
        return super().provider() | {"SIMULATOR_URL": f"http://simulator.test:{self.ports['simulator']}"}


def test_names_that_cannot_be_resolved(tmp_path: Path) -> None:
    """The names of broker and simulator are unknown for a while, and parts start meanwhile."""
    hosts, resolver = tmp_path / "hosts", tmp_path / "resolv.conf"
    usual = "127.0.0.1 localhost broker.test simulator.test\n"
    hosts.write_text(usual)
    # Nothing answers there: the name is not known, and it takes time to learn that.
    resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    mounts = f"mount --bind {hosts} /etc/hosts && mount --bind {resolver} /etc/resolv.conf"
    wrap = ["unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh"]
    [port] = free_ports(1)
    given = {"SIMULATOR_HOSTS": "simulator.test", "NO_PROXY": "simulator.test", "BROKER_PORT": str(port)}
    more = {"broker": {"LISTENER_URL": f"tcp://127.0.0.1:{port}"}}
    with trial_stack(tmp_path / "stack", lambda _: wrap, more, env=given, kind=NamedSettings) as stack:

        def forget() -> None:
            hosts.write_text("127.0.0.1 localhost\n")
            # New connections have to resolve the names.
            for part in ("simulator", "poller", "gateway"):
                stack.parts[part].terminate()
            time.sleep(LASTS)
            hosts.write_text(usual)

        report(
            f"names unknown for {LASTS:.0f} s, simulator, poller and gateway restarted", run(stack, forget)
        )


class Denied(BaseHTTPRequestHandler):
    """S3 as it answers to wrong credentials."""

    protocol_version = "HTTP/1.1"

    def _deny(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b"<Error><Code>InvalidAccessKeyId</Code><Message>unknown</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_HEAD = _deny

    def log_message(self, format: str, *args: object) -> None:
        """Do not log."""


def test_wrong_credentials_for_the_store_of_results(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Denied)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    env = {
        "RESULTS_S3_URL": f"http://127.0.0.1:{server.server_address[1]}",
        "RESULTS_S3_BUCKET": "qwhisk",
        "RESULTS_S3_ACCESS_KEY": "wrong",
        "RESULTS_S3_SECRET_KEY": "wrong",
    }
    try:
        with trial_stack(tmp_path / "stack", env=env) as stack:
            client = stack.client()

            def large() -> None:
                jobs.append(submit_large(stack.parts["poller"].env, client, 1, 50_000))

            jobs: list[str] = []
            figures = run(stack, large)
            ended = wait_for(lambda: _ended(client, jobs[0]), 150) or {}
    finally:
        server.shutdown()
        server.server_close()
    code = (ended.get("error") or {}).get("code", "no error")
    report("wrong credentials for S3", figures, f"; a result of over 1 MB ends as {ended['status']}, {code}")


def _ended(client: Client, job: str) -> dict[str, Any] | None:
    """Return a job's final event; None if it has none yet."""
    state: dict[str, Any] = client.get(f"/jobs/{job}").json()
    return state if state.get("status") in ("DONE", "ERROR", "CANCELLED") else None


def test_a_broker_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [(name, program)] = apache_kafka.environment(tmp_path / "kafka").items()
    # The stack is started by this process, and finds its broker in this environment.
    monkeypatch.setenv(name, program)
    with trial_stack(tmp_path / "stack") as stack:
        assert stack.parts["broker"].command == [program], "it is another broker"
        # Its topics are on the disk, so the supervisor restarts the broker alone.
        stack.parts["poller"].needs = stack.parts["gateway"].needs = ()

        def kill() -> None:
            for _ in range(2):
                os.kill(stack.pid("broker"), signal.SIGKILL)
                time.sleep(LASTS)

        report("Apache Kafka killed twice", run(stack, kill, every=6.0))


def test_three_brokers_that_are_killed_in_turn(tmp_path: Path) -> None:
    with cluster(tmp_path / "kafka") as brokers:
        settings = brokers.settings
        kafka = {
            "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
            "KAFKA_REPLICATION_FACTOR": str(settings.replication_factor),
        }
        with trial_stack(tmp_path / "stack", kafka=kafka) as stack:

            def roll() -> None:
                for node in range(NODES):
                    brokers.kill(node)
                    time.sleep(LASTS / 2)
                    brokers.start(node)
                    # One at a time: with two of three brokers down, nothing can be acknowledged.
                    brokers.wait(node)
                    time.sleep(LASTS / 2)

            report("three brokers killed in turn", run(stack, roll, every=10.0))
