"""Health checks of containers, where the engine does not run them: Podman does only by systemd's timers."""

from __future__ import annotations

import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.images.engine import docker

#: Seconds between two looks at which containers there are.
_PAUSE = 0.5


@contextmanager
def checks_run(label: str) -> Iterator[None]:
    """Run the checks of all containers with a label, at their own intervals, if the engine is Podman."""
    if "Podman Engine" not in docker("version", "--format", "{{json .Server.Components}}"):
        yield
        return
    ended = threading.Event()
    thread = threading.Thread(target=_run, args=(label, ended), name="health checks")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _run(label: str, ended: threading.Event) -> None:
    last: dict[str, float] = {}
    while not ended.wait(_PAUSE):
        for name in docker("ps", "--quiet", "--filter", f"label={label}").split():
            try:
                interval = json.loads(docker("inspect", "--format", "{{json .Config.Healthcheck}}", name))[
                    "Interval"
                ]
            except (AssertionError, TypeError):
                continue  # it has been removed, or has no check
            if time.monotonic() - last.get(name, 0.0) < interval / 1e9:
                continue
            _check(name)
            last[name] = time.monotonic()


def _check(name: str) -> None:
    """Have Podman run a container's check once, by its own API on the engine's socket."""
    connection = http.client.HTTPConnection("podman", timeout=60)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(60)
    try:
        connection.sock.connect(os.environ["DOCKER_HOST"].removeprefix("unix://"))
        connection.request("GET", f"/v4.0.0/libpod/containers/{name}/healthcheck")
        connection.getresponse().read()
    except OSError:
        pass  # the next look tries again
    finally:
        connection.close()
