"""Actions as containers: what is specific to them. The contract's tests also run with them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from testkit.openwhisk import ROOT, OpenWhisk, until
from tests.images.engine import missing
from tests.openwhisk.conftest import Start
from tests.skips import CONTAINERS

PID = "import os\ndef main(p):\n    return {'pid': os.getpid(), 'host': os.uname().nodename}\n"


@pytest.fixture(scope="module", autouse=True)
def _engine() -> None:
    why = missing()
    if why is not None:
        pytest.skip(f"{CONTAINERS} ({why})")
    if not docker("image", "ls", "--quiet", "qwhisk/base"):
        pytest.skip("there is no image qwhisk/base: make images builds it")


def docker(*arguments: str) -> str:
    """Return what `docker` prints."""
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=60, check=True
    ).stdout.strip()


def containers(whisk: OpenWhisk) -> list[str]:
    """Return the containers of this server, by the process ids of the `docker run` that it has started."""
    names = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_text().split("\0")
            parent = int((path.parent / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == whisk.process.pid and words[:2] == ["docker", "run"]:
            names.append(words[words.index("--name") + 1])
    return names


def exist(names: list[str]) -> bool:
    """Return whether any of the containers exists."""
    return any(docker("ps", "--all", "--quiet", "--filter", f"name={name}") for name in names)


def test_a_container_is_reused_limited_and_removed_with_its_action(start: Start) -> None:
    whisk = start("--containers", "docker")
    whisk.action("pid", PID, limits={"memory": 192})
    first = whisk.invoke("pid").json()["response"]["result"]
    assert first["pid"] == 1
    assert whisk.invoke("pid").json()["response"]["result"] == first
    (name,) = containers(whisk)
    memory = docker("inspect", "--format", "{{.HostConfig.Memory}}", name)
    assert int(memory) == 192 * 1024 * 1024
    whisk.ask("DELETE", "/actions/pid")
    until(lambda: not exist([name]), 20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_container_outlives_the_server(start: Start, number: signal.Signals) -> None:
    whisk = start("--containers", "docker")
    whisk.action("idle", PID)
    whisk.action("busy", "import time\ndef main(p):\n    time.sleep(60)\n")
    whisk.invoke("idle")
    whisk.invoke("busy", {}, "")
    until(lambda: whisk.numbers() == {"idle": 1, "busy": 1, "starting": 0, "waiting": 0}, 20)
    names = containers(whisk)
    assert len(names) == 2
    assert exist(names)
    whisk.process.send_signal(number)
    whisk.process.wait(20)
    until(lambda: not exist(names), 20)


def test_a_time_out_ends_the_container(start: Start) -> None:
    whisk = start("--containers", "docker")
    whisk.action("slow", "import time\ndef main(p):\n    time.sleep(60)\n", limits={"timeout": 1000})
    answer = whisk.invoke("slow").json()["response"]
    assert "time limits of 1000 milliseconds" in answer["result"]["error"]
    until(lambda: not containers(whisk), 20)


def test_too_much_memory_is_reported(start: Start) -> None:
    whisk = start("--containers", "docker")
    code = "def main(p):\n    kept = []\n    while True:\n        kept.append(b'x' * 10_000_000)\n"
    whisk.action("greedy", code, limits={"memory": 128})
    answer = whisk.invoke("greedy")
    assert answer.status_code == 502
    assert answer.json()["response"]["result"] == {
        "error": "The action exhausted its memory and was aborted."
    }


def test_an_image_that_is_not_available(start: Start) -> None:
    whisk = start("--containers", "docker")
    exec_ = {"kind": "blackbox", "image": "localhost/no/such:image"}
    whisk.ask("PUT", "/actions/absent", {"exec": exec_})
    answer = whisk.invoke("absent")
    assert answer.status_code == 502
    error = answer.json()["response"]["result"]["error"]
    assert error == "Failed to pull container image 'localhost/no/such:image'."


def test_on_the_hosts_network_an_action_reaches_this_machine(start: Start) -> None:
    whisk = start("--containers", "docker", "--docker-network", "host")
    whisk.action(
        "asks",
        "import os, urllib.request\n"
        "def main(p):\n"
        "    answer = urllib.request.urlopen(os.environ['__OW_API_HOST'] + '/ping')\n"
        "    return {'answer': answer.read().decode()}\n",
    )
    assert whisk.invoke("asks", query="blocking=true&result=true").json() == {"answer": "pong"}


@pytest.mark.skipif(sys.platform != "linux", reason="wants containers' addresses reachable from this machine")
def test_containers_are_called_at_their_addresses_on_a_network(start: Start) -> None:
    network = f"qwhisk_test_{uuid.uuid4().hex[:12]}"
    docker("network", "create", network)
    try:
        options = ("--docker-network", network, "--docker-connect", "network")
        whisk = start("--containers", "docker", *options)
        whisk.action("pid", PID)
        assert whisk.invoke("pid").json()["response"]["result"]["pid"] == 1
        (name,) = containers(whisk)
        # No port of this machine is used.
        assert docker("port", name) == ""
        whisk.close()
    finally:
        docker("network", "rm", network)


def test_a_network_is_named_if_containers_are_called_there() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "local.openwhisk", "--port", "0", "--docker-connect", "network"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ended.returncode == 2
    assert "OPENWHISK_DOCKER_NETWORK" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_missing_engine_is_reported_in_one_line(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "local.openwhisk", "--port", "0", "--containers", "docker"],
        cwd=ROOT,
        env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/none"},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ended.returncode == 3
    assert len(ended.stderr.splitlines()) == 1
    assert "--containers docker" in ended.stderr
