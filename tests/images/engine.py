"""Containers for tests, started with the ordinary `docker` client."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from testkit.stack import wait_for

#: The line that ends each activation's log.
SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"
#: Seconds from `docker run` to a listening action server, on a machine that is busy with others.
START_TIMEOUT = 90.0


def docker(*arguments: str, timeout: float = 60.0) -> str:
    """Return what `docker` printed. Raises AssertionError if it failed."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def missing() -> str | None:
    """Return why there is no engine, or None."""
    if shutil.which("docker") is None:
        return "no docker on PATH"
    done = subprocess.run(["docker", "version"], capture_output=True, text=True, timeout=30)
    return None if done.returncode == 0 else "docker has no engine"


def inspect(image: str) -> dict[str, Any]:
    """Return what the engine reports about an image."""
    description: dict[str, Any] = json.loads(docker("image", "inspect", image))[0]
    return description


@dataclass
class Container:
    """A running action container."""

    name: str
    url: str

    def post(self, path: str, body: Any, timeout: float = 60.0) -> requests.Response:
        """POST to the action interface."""
        return requests.post(f"{self.url}{path}", json=body, timeout=timeout)

    def init(self, **value: Any) -> requests.Response:
        """Call /init, by default without code."""
        return self.post(
            "/init", {"value": {"name": "x", "main": "main", "code": "", "binary": False} | value}
        )

    def run(self, **params: Any) -> dict[str, Any]:
        """Return the result of /run. Raises AssertionError if it is an error."""
        answer = self.post("/run", {"value": params})
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()
        return result

    def sh(self, script: str) -> str:
        """Return what a shell in the container prints."""
        return docker("exec", self.name, "sh", "-c", script).strip()

    def logs(self) -> tuple[list[str], list[str]]:
        """Return the lines on standard output and on standard error."""
        done = subprocess.run(["docker", "logs", self.name], capture_output=True, text=True, timeout=30)
        return done.stdout.splitlines(), done.stderr.splitlines()

    def peak_memory(self) -> float:
        """Return the container's peak memory in MB, if the kernel reports it."""
        groups = "/sys/fs/cgroup/memory.peak /sys/fs/cgroup/memory/memory.max_usage_in_bytes"
        seen = self.sh(f"cat {groups} 2>/dev/null || true")
        return int(seen.split()[0]) / 2**20 if seen else float("nan")


@contextmanager
def running(image: str, memory: int = 512, host: bool = False) -> Iterator[Container]:
    """Start a container that listens, with a memory limit in MB; remove it at the end.

    Args:
        image: the image's name.
        memory: the limit of the manifest in MB; there is no additional swap.
        host: whether it uses this machine's network, where it can reach a stack on the loopback interface.
    """
    name = f"qwhisk-test-{uuid.uuid4().hex[:12]}"
    limits = ["--memory", f"{memory}m", "--memory-swap", f"{memory}m"]
    if host:
        port = _free_port()
        network = ["--network", "host", "--env", f"PORT={port}", "--env", "QWHISK_ACTION_HOST=127.0.0.1"]
    else:
        network = ["--publish", "127.0.0.1::8080"]
    docker("run", "--detach", "--name", name, *limits, *network, image)
    try:
        if not host:
            port = int(docker("port", name, "8080").split()[0].rpartition(":")[2])
        container = Container(name, f"http://127.0.0.1:{port}")

        def up() -> bool:
            state = docker("inspect", "--format", "{{.State.Status}}", name).strip()
            assert state == "running", f"{state}: {container.logs()}"
            try:
                # 404 as soon as it listens; a port that is only forwarded closes the connection.
                return requests.get(container.url, timeout=1).status_code == 404
            except requests.RequestException:
                return False

        wait_for(up, START_TIMEOUT)
        yield container
    finally:
        docker("rm", "--force", name)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
