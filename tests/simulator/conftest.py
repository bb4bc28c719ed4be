"""The real service as a process, and the unmodified client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from qiskit_ibm_runtime import QiskitRuntimeService

from testkit.simulator import SimulatorProcess

REPOSITORY = Path(__file__).resolve().parents[2]
INSTANCE = "crn:v1:bluemix:public:quantum-computing:us-east:a/local:local::"
#: The version of the API that the client requests.
VERSION = "2026-04-15"


class Running(SimulatorProcess):
    """A service process."""

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
