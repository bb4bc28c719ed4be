"""A connection to an account of IBM Quantum, or of the simulator with its API."""

from __future__ import annotations

import logging
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import urlsplit

from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit_ibm_runtime import QiskitRuntimeService
from qiskit_ibm_runtime.api.exceptions import RequestsApiError
from qiskit_ibm_runtime.exceptions import IBMError

from core.errors import (
    BackendUnusableError,
    JobNotFoundError,
    ProviderError,
    ProviderUnauthorizedError,
    ProviderUnavailableError,
    QwhiskError,
)
from core.protocol import BackendInfo, JobResult
from core.provider.ibm.backends import backends_of
from core.provider.ibm.failures import readable, translated
from core.provider.ibm.jobs import view_of, views_of
from core.provider.ibm.program import encoded
from core.provider.ibm.results import decode_result
from core.provider.ibm.target import IBMTarget
from core.provider.ibm.transport import REPEATS, TIMEOUT, Transport, from_the_start
from core.provider.port import BACKENDS_FRESH, LOOK_PAGE, JobView, Primitive
from core.settings import AccountSettings

log = logging.getLogger(__name__)

#: Seconds for which a list of backends is used if no newer one is available.
BACKENDS_USABLE = 300.0
#: Seconds for which a backend's target and its pass manager are cached.
TARGET_FRESH = 3600.0
#: Seconds for which a backend is not chosen after its description could not be used.
UNUSABLE_PAUSE = 300.0
#: The most jobs that `tagged` returns.
PAGE = 100

_LOOPBACK = ("127.0.0.1", "localhost", "::1")

Answer = TypeVar("Answer")


class IBMAccount:
    """A connection to one account. It caches what is costly to get. Thread-safe.

    Args:
        settings: the address of the account and its key.
        repeats: whether a request that changes nothing is retried after a transient failure (see
            `transport`). False for callers that count requests and retry themselves. Other requests are never
            retried.
        timeout: seconds to connect, and seconds without a byte of an answer.
    """

    def __init__(
        self,
        settings: AccountSettings,
        repeats: bool = True,
        timeout: tuple[float, float] = TIMEOUT,
    ) -> None:
        self._settings = settings
        self._repeats = REPEATS if repeats else 0
        self._timeout = timeout
        self._lock = threading.RLock()
        self._connected: QiskitRuntimeService | None = None
        self._backends: tuple[float, list[BackendInfo]] = (-BACKENDS_USABLE, [])
        self._targets: dict[str, IBMTarget] = {}
        #: Until when each backend whose description cannot be used is not chosen, on the monotonic clock.
        self._unusable: dict[str, float] = {}

    @property
    def _service(self) -> QiskitRuntimeService:
        if (known := self._connected) is not None:
            # Without the lock: another thread may hold it for as long as a slow list of backends takes.
            return known
        with self._lock:
            if self._connected is None:
                with (
                    readable("connect"),
                    translated("connect"),
                    _environment(self._settings),
                    from_the_start(self._mount),
                    warnings.catch_warnings(),
                ):
                    # The client warns that it falls back to the bare API key. The 401 that follows says more.
                    warnings.simplefilter("ignore")
                    self._connected = QiskitRuntimeService(
                        channel="ibm_quantum_platform",
                        token=self._settings.token,
                        instance=self._settings.instance,
                        url=self._settings.url,
                        url_resolver=_same_url if self._settings.url else None,
                    )
                self._prepared(self._connected._active_api_client)
            return self._connected

    def _mount(self, http: Any) -> None:
        for scheme in ("http://", "https://"):
            http.mount(scheme, Transport(self._repeats, self._timeout))

    def _prepared(self, client: Any) -> Any:
        """Return the client's API connection, with our transport instead of its own (see `transport`).

        Called for every request: the client creates a new connection when it changes the instance.
        """
        http = client._session
        tokens = http.auth.tm
        if tokens.http_config:
            return client
        self._mount(http)
        # Proxies and netrc are looked up for every request and do not apply to this machine.
        http.trust_env = urlsplit(self._settings.url or "").hostname not in _LOOPBACK
        # The token comes over a separate connection, which needs a time limit too.
        tokens.http_config = {"timeout": self._timeout}
        _delay_no_caller(tokens)
        return client

    def _call(self, action: str, call: Callable[[Any], Answer], changes: bool = False) -> Answer:
        service = self._service
        try:
            with readable(action, changes), translated(action, changes):
                return call(self._prepared(service._active_api_client))
        except ProviderUnauthorizedError:
            # The token may have been revoked, or the token service restarted: log in once more. A 401 means
            # that the request was not carried out, so that even a submission may be repeated.
            with self._lock:
                if self._connected is service:
                    self._connected = None
        service = self._service
        with readable(action, changes), translated(action, changes):
            return call(self._prepared(service._active_api_client))

    def backends(self, fresh: float = BACKENDS_FRESH) -> list[BackendInfo]:
        """Return every backend of the account, at most `fresh` seconds old."""
        with self._lock:
            seen, known = self._backends
            if time.monotonic() - seen < fresh:
                return self._usable(known)
            try:
                raw = self._call("list backends", lambda client: client.list_backends())
            except ProviderUnavailableError:
                if time.monotonic() - seen < BACKENDS_USABLE:
                    return self._usable(known)
                raise
            with readable("list backends"):
                known = backends_of(raw, datetime.now(UTC))
            self._backends = (time.monotonic(), known)
            return self._usable(known)

    def target(self, name: str) -> IBMTarget:
        """Return the target of a backend, which is rebuilt hourly."""
        with self._lock:
            target = self._targets.get(name)
            if target is None or time.monotonic() - target.created >= TARGET_FRESH:
                try:
                    target = self._call("describe the backend", lambda _client: self._described(name))
                except (JobNotFoundError, BackendUnusableError):
                    log.exception("the description of the backend %s cannot be used", name)
                    self._unusable[name] = time.monotonic() + UNUSABLE_PAUSE
                    raise BackendUnusableError(
                        f"The calibration of backend {name} is incomplete. Choose another backend.",
                        field="backend",
                    ) from None
                self._targets[name] = target
            return target

    def _described(self, name: str) -> IBMTarget:
        """Return the target of a backend.

        Raises:
            BackendUnusableError: the client cannot build it, for example without a qubit's T1.
        """
        try:
            return IBMTarget(self._service.backend(name))
        except (QwhiskError, IBMError, RequestsApiError, QiskitBackendNotFoundError, OSError):
            raise  # the request failed, and not what it returned
        except Exception as error:
            raise BackendUnusableError(f"{type(error).__name__}: {error}"[:500]) from error

    def _usable(self, known: list[BackendInfo]) -> list[BackendInfo]:
        """Return the backends; those whose description could not be used lately are not operational."""
        now = time.monotonic()
        return [
            backend.model_copy(update={"operational": False, "reason": "calibration incomplete"})
            if self._unusable.get(backend.name, now) > now
            else backend
            for backend in known
        ]

    def submit(
        self,
        pubs: Sequence[Any],
        backend: str,
        shots: int,
        tags: Sequence[str],
        primitive: Primitive = "sampler",
        simulator_options: Mapping[str, Any] = MappingProxyType({}),
    ) -> str:
        """Submit a job with these PUBs, which are transpiled, and return its id.

        The client's `executor_sampler.Sampler` and `executor_estimator.Estimator` would submit the same job.
        Their own functions prepare and encode it, but here it is sent in one request: `run` first requests
        the account's usage and the backend's status, only to warn about them, which costs two round trips to
        IBM.

        Args:
            pubs: PUBs for the primitive.
            backend: the backend's name.
            shots: the shots of each PUB; for the Estimator, of each measured basis.
            tags: the tags by which the job can be found (see `tagged`).
            primitive: the primitive that runs the PUBs.
            simulator_options: options that only simulators have, such as `seed_simulator`.

        Raises:
            ProviderUnavailableError: the job was not submitted. If the error is `unclear`, it may have been.
        """
        params = encoded(pubs, self.target(backend).device, shots, primitive, simulator_options)
        answer = self._call(
            "take the job",
            lambda client: client.program_run(
                program_id="executor",
                backend_name=backend,
                params=params,
                image=None,
                log_level=None,
                session_id=None,
                job_tags=list(tags),
            ),
            changes=True,
        )
        with readable("take the job", changes=True):
            job_id = answer["id"]
            if not isinstance(job_id, str):
                raise TypeError("no job id")
        return job_id

    def tagged(self, *tags: str) -> list[JobView]:
        """Return the newest jobs that have all of these tags, newest first; at most `PAGE`."""
        answer = self._call(
            "list jobs",
            lambda client: client.jobs_get(limit=PAGE, skip=0, job_tags=list(tags), include_mocks=True),
        )
        with readable("list jobs"):
            return views_of(answer)

    def look(self, job_id: str) -> JobView:
        """Return one job.

        Args:
            job_id: the job's id.

        Raises:
            JobNotFoundError: the provider does not know the job.
        """
        answer = self._call("look at the job", lambda client: client.job_get(job_id))
        with readable("look at the job"):
            return view_of(answer)

    def look_since(self, created_after: datetime, newest_first: bool = True) -> dict[str, JobView]:
        """Return the jobs that were created after an instant, by id; at most `LOOK_PAGE`, in one request.

        Args:
            created_after: the instant, by the provider's clock.
            newest_first: whether the newest jobs are returned if there are more; else the oldest.
        """
        answer = self._call(
            "list jobs",
            lambda client: client.jobs_get(
                limit=LOOK_PAGE,
                skip=0,
                created_after=created_after,
                descending=newest_first,
                include_mocks=True,
            ),
        )
        with readable("list jobs"):
            return {view.job_id: view for view in views_of(answer)}

    def result(self, view: JobView) -> JobResult:
        """Return the result of a finished job.

        Args:
            view: the job.

        Raises:
            ProviderError: the result cannot be decoded.
        """
        raw = str(self._call("give the result", lambda client: client.job_results(view.job_id)))
        return decode_result(view.program_id, raw)

    def cancel(self, job_id: str) -> None:
        """Cancel a job. A job that is already final stays as it is.

        Args:
            job_id: the job's id.
        """
        try:
            self._call("cancel the job", lambda client: client.job_cancel(job_id))
        except ProviderError as error:
            if error.details.get("status") != 409:
                raise

    def delete(self, job_id: str) -> None:
        """Delete a final job with its circuits and its result.

        Args:
            job_id: the job's id.

        Raises:
            JobNotFoundError: the provider does not know the job.
        """
        self._call("delete the job", lambda client: client.job_delete(job_id))

    def abandon(self, job_id: str) -> None:
        """Cancel a job that no client knows and remove its tags, so that it is not found by them.

        Args:
            job_id: the job's id.
        """
        # In this order: a job without tags that is not cancelled could not be found again.
        self.cancel(job_id)
        self.tag(job_id, [])

    def tag(self, job_id: str, tags: Sequence[str]) -> None:
        """Replace the tags of a job.

        Args:
            job_id: the job's id.
            tags: its new tags.
        """
        self._call("tag the job", lambda client: client.update_tags(job_id, list(tags)))


_environment_lock = threading.Lock()


@contextmanager
def _environment(account: AccountSettings) -> Iterator[None]:
    """Set the environment for an account with its own URL: the client reads two settings only from there.

    The lock is also held for accounts without a URL. Otherwise they could see the settings of an account that
    connects at the same time and send their key to its address.
    """
    url = account.url
    wanted = {"IAM_URL": url, "QISKIT_FUNCTIONS_EXPERIMENTAL": "1"} if url else {}
    with _environment_lock:
        before = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _same_url(url: str, *_: Any) -> str:
    return url


def _delay_no_caller(tokens: Any) -> None:
    """Let the next call request a token at once if a request has failed.

    The SDK's manager notes the time of a request only before it, and lets all callers wait for a minute after
    one that has failed, even if the token service answers again.
    """
    request = tokens.request_token

    def request_token() -> Any:
        try:
            return request()
        except Exception:
            tokens.request_time = 0
            raise

    tokens.request_token = request_token
    # One may have failed while the client connected.
    tokens.request_time = 0
