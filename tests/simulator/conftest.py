"""The real service as a process, and the unmodified client."""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
from qiskit_ibm_runtime import QiskitRuntimeService

REPOSITORY = Path(__file__).resolve().parents[2]
INSTANCE = "crn:v1:bluemix:public:quantum-computing:us-east:a/local:local::"
#: The version of the API that the client requests.
VERSION = "2026-04-15"
START_SECONDS = 30.0


class Running:
    """A service process."""

    def __init__(self, *arguments: str, api_key: str | None = None) -> None:
        self.api_key = api_key or secrets.token_hex(16)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SIMULATOR_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "simulator", "--port", "0", *arguments],
            cwd=REPOSITORY,
            env=environment | {"SIMULATOR_API_KEY": self.api_key},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.log: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.ready = self._wait_until_ready()
        self.url: str = self.ready["url"]

    def _read(self) -> None:
        assert self.process.stderr is not None
        with contextlib.suppress(ValueError):
            for line in self.process.stderr:
                self.log.append(line)
                self._lines.put(line)

    def _wait_until_ready(self) -> dict[str, Any]:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(queue.Empty):
                line = self._lines.get(timeout=0.1)
                if '"ready"' in line:
                    return dict(orjson.loads(line))
            if self.process.poll() is not None:
                break
        self.stop()
        raise RuntimeError("the service did not start:\n" + "".join(self.log))

    def stop(self) -> int:
        """End the process and return its exit status."""
        self.process.terminate()
        try:
            status = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait(10)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return status

    def token(self) -> str:
        """Return a bearer token."""
        form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": self.api_key}
        answer = requests.post(f"{self.url}/identity/token", data=form, timeout=10)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def client(self, api_key: str | None = None, instance: str = INSTANCE) -> QiskitRuntimeService:
        """Return IBM's client, connected to this service."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("IAM_URL", self.url)
            patch.setenv("QISKIT_FUNCTIONS_EXPERIMENTAL", "1")
            return QiskitRuntimeService(
                channel="ibm_quantum_platform",
                token=api_key or self.api_key,
                url=self.url,
                instance=instance,
                url_resolver=lambda url, *_: url,
            )


class Api:
    """Plain HTTP requests with a token."""

    def __init__(self, running: Running) -> None:
        self.url = running.url
        self.session = requests.Session()
        self.session.headers.update(
            {
                "Authorization": f"Bearer {running.token()}",
                "Service-CRN": INSTANCE,
                "IBM-API-Version": VERSION,
            }
        )

    def __call__(self, method: str, path: str, **arguments: Any) -> requests.Response:
        return self.session.request(method, self.url + path, timeout=30, **arguments)


@pytest.fixture(scope="session", autouse=True)
def _usage_data() -> Iterator[None]:
    # Without it, the client inspects the whole call stack for each request.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("USAGE_DATA_OPT_OUT", "True")
        yield


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    """One service for all tests; its device is five times as fast as by default."""
    service = Running("--queue-seed", "7", "--queue-speed-up", "5", "--max-seconds", "30")
    yield service
    assert service.stop() == 0, "".join(service.log)
    assert "Traceback" not in "".join(service.log)


@pytest.fixture(scope="session")
def client(running: Running) -> QiskitRuntimeService:
    """IBM's client."""
    return running.client()


@pytest.fixture(scope="session")
def api(running: Running) -> Iterator[Api]:
    """Plain requests."""
    caller = Api(running)
    yield caller
    caller.session.close()
