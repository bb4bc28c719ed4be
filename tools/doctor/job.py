"""Running parts: whether they answer, and a tiny job through the gateway with what it costs."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import urllib3

from core.protocol import API, FINAL
from core.settings import ProviderSettings, Source
from tools.doctor.check import CheckError, host_of
from tools.doctor.checks import REQUEST_TIMEOUT, reaching

FUNCTION, INPUT = "bell_state", {"shots": 1}
#: Seconds for the job, and for one request, which may wait for the job's end.
JOB_TIMEOUT, WAIT, CALL_TIMEOUT = 300.0, 30, 120.0


class Gateway:
    """A running gateway, as a client sees it.

    Args:
        url: its address.
        key: an API key, or a provider's token; empty for a gateway without sign-in.
    """

    def __init__(self, url: str, key: str) -> None:
        self._url, self._http = url.rstrip("/"), urllib3.PoolManager(retries=False)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def ready(self) -> str:
        """Return what `/readyz` says."""
        return _answers(self._url, "/readyz", "ready")

    def run(self, backend_type: str) -> Mapping[str, Any]:
        """Run the job, and return its final event."""
        session = self._call("POST", "/sessions")
        self._headers = {"Authorization": f"Bearer {session['token']}"}
        job = self._call("POST", f"/functions/{FUNCTION}/jobs", INPUT | {"backend_type": backend_type})
        deadline = time.monotonic() + JOB_TIMEOUT
        while time.monotonic() < deadline:
            event = self._call("GET", f"/jobs/{job['process_job_id']}?wait={WAIT}")
            if event.get("status") in FINAL:
                return event
        raise CheckError(
            f"no result within {JOB_TIMEOUT:.0f} s; its process_job_id is {job['process_job_id']}"
        )

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        with reaching(self._url):
            answer = self._http.request(
                method, f"{self._url}{API}{path}", body=data, headers=self._headers, timeout=CALL_TIMEOUT
            )
        try:
            content = json.loads(answer.data)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            # A proxy, or another server.
            raise CheckError(f"{host_of(self._url)} answers {answer.status} without a JSON object")
        if not 200 <= answer.status < 300:
            raise CheckError(f"{answer.status}: {content.get('detail') or content.get('title')}")
        return content


def alive(url: str) -> str:
    """Return what the `/healthz` of a poller says: whether its loop runs, and it is in its groups.

    Args:
        url: the poller's address.

    Raises:
        CheckError: it is not healthy, or cannot be reached.
    """
    return _answers(url.rstrip("/"), "/healthz", "healthy")


def _answers(url: str, path: str, state: str) -> str:
    with reaching(url):
        answer = urllib3.PoolManager(retries=False).request("GET", url + path, timeout=REQUEST_TIMEOUT)
    if answer.status != 200:
        raise CheckError(f"{host_of(url)} answers {answer.status}")
    return f"{state} at {host_of(url)}"


def submit(gateway: Gateway, backend_type: str, poller: Source | None) -> str:
    """Run the job, and return where it ran, how long it took, and what it cost.

    Args:
        gateway: the gateway.
        backend_type: the type of its backend.
        poller: the poller's environment, whose account knows the cost; None if it is not there.

    Raises:
        CheckError: the job failed, or there was no result in time.
    """
    start = time.monotonic()
    event = gateway.run(backend_type)
    seconds = time.monotonic() - start
    if event["status"] != "DONE" or event.get("error"):
        raise CheckError(f"{event['status']}: {(event.get('error') or {}).get('message')}")
    charged = None if poller is None else _charged(event, poller)
    cost = "known to the poller's account only" if charged is None else f"{charged:g} s of a device's time"
    return f"DONE on {event['backend']} in {seconds:.1f} s; cost: {cost}"


def _charged(event: Mapping[str, Any], poller: Source) -> float | None:
    # Imported here: it takes two seconds, and the gateway's image does not have it.
    from core.provider import connect

    account = connect(ProviderSettings.from_env(poller)).account(str(event["backend_type"]))
    charged = [account.look(str(job["job_id"])).charged_seconds for job in event["provider_jobs"]]
    known = [seconds for seconds in charged if seconds is not None]
    return sum(known) if known and len(known) == len(charged) else None
