"""IBM Quantum, or the simulator that speaks its API: connect, choose a backend, submit, look, cancel.

The client is qiskit-ibm-runtime, unmodified. Importing this module costs two seconds; only the actions and
the poller do.
"""

from __future__ import annotations

import os

# Read when the client is imported and at every request: without it, each request walks the whole call stack
# to report which packages use the client, at several milliseconds a request.
os.environ.setdefault("USAGE_DATA_OPT_OUT", "True")

import logging
import re
import threading
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import requests
from qiskit import QuantumCircuit
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import QiskitRuntimeService
from qiskit_ibm_runtime.api.exceptions import RequestsApiError
from qiskit_ibm_runtime.exceptions import IBMError, IBMNotAuthorizedError
from qiskit_ibm_runtime.executor import Executor
from qiskit_ibm_runtime.executor_estimator.prepare import prepare as prepare_estimator
from qiskit_ibm_runtime.executor_sampler.prepare import prepare as prepare_sampler
from qiskit_ibm_runtime.options_models.estimator import EstimatorOptions
from qiskit_ibm_runtime.options_models.sampler import SamplerOptions
from qiskit_ibm_runtime.quantum_program.params_converters import QUANTUM_PROGRAM_PARAMS_CONVERTERS

from core.errors import (
    BackendNotFoundError,
    InputError,
    JobNotFoundError,
    ProviderError,
    ProviderUnauthorizedError,
    ProviderUnavailableError,
    QwhiskError,
)
from core.events import BackendInfo, BackendType, Status
from core.settings import AccountSettings, ProviderSettings

log = logging.getLogger(__name__)

#: Seconds to connect, and seconds without a byte of an answer. The client itself would wait for ever.
TIMEOUT = (5.0, 30.0)
#: Seconds for which the list of backends with its queue lengths is good enough to choose by.
BACKENDS_FRESH = 5.0
#: Seconds for which a backend's target, and the pass manager made for it, are kept.
TARGET_FRESH = 3600.0
#: Transpiled circuits kept for one backend.
MAX_TRANSPILED = 128
#: Seconds of a Retry-After that are believed.
MAX_RETRY_AFTER = 3600.0
#: Jobs asked for in one call.
PAGE = 100

_LOOPBACK = ("127.0.0.1", "localhost", "::1")

#: Names of the simulators that `simulator/` offers.
NOISELESS = "aer_simulator"
NOISY_PREFIX = "aer_simulator_noisy_"

_STATUS: dict[str, Status] = {
    "QUEUED": "QUEUED",
    "RUNNING": "RUNNING",
    "COMPLETED": "DONE",
    "FAILED": "ERROR",
    "CANCELLED": "CANCELLED",
}
#: The version of the program that this version of the client sends.
_SCHEMA = Executor._SCHEMA_VERSION
#: IBM's reason code for a job that was cancelled because it ran too long.
_RAN_TOO_LONG = 1305

#: Whose PUBs a job is made of.
Primitive = Literal["sampler", "estimator"]

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class JobView:
    """How a job stands at the provider, at one look."""

    job_id: str
    backend: str
    status: Status
    program_id: str
    reason: str | None
    created: datetime | None
    running: datetime | None
    finished: datetime | None


def run_tag(process_job_id: str) -> str:
    """The tag that all jobs of one run of an algorithm carry."""
    return f"qwhisk-{process_job_id}"


def noisy_name(device: str) -> str:
    """The simulator with the noise model of `device`: `fake_fez` and `ibm_fez` both give `..._fez`."""
    return NOISY_PREFIX + re.sub(r"^(fake|ibm)_", "", device)


def backend_type_of(name: str) -> BackendType:
    """What kind a backend is, by its name."""
    if name.startswith(NOISY_PREFIX):
        return "noisy_simulator"
    return "simulator" if name == NOISELESS else "hardware"


def choose(
    backends: Sequence[BackendInfo], backend_type: BackendType, qubits: int, name: str | None = None
) -> BackendInfo:
    """The backend to use; pure.

    `hardware`: the least busy operational device with enough qubits. `simulator`: the noiseless one.
    `noisy_simulator`: the one with the noise of the least busy such device, or, where the simulator does not
    know that device, the smallest that is large enough.

    Raises:
        InputError: the named backend does not exist, is of another type, too small or down.
        BackendNotFoundError: there is no fitting one at all.
    """
    offered = [backend for backend in backends if backend.backend_type == backend_type]
    if name is not None:
        return _named(backends, offered, backend_type, qubits, name)
    fitting = [b for b in offered if b.operational and b.qubits >= qubits]
    if not fitting:
        largest = max((b.qubits for b in offered if b.operational), default=0)
        raise BackendNotFoundError(
            f"No operational backend of type {backend_type} has {qubits} qubits"
            + (f"; the largest has {largest}. Make the input smaller." if largest else "."),
            field="backend_type",
            qubits=qubits,
        )
    if backend_type == "noisy_simulator":
        devices = [
            b for b in backends if b.backend_type == "hardware" and b.operational and b.qubits >= qubits
        ]
        for device in sorted(devices, key=lambda b: (b.queue_length, b.name)):
            for backend in fitting:
                if backend.name == noisy_name(device.name):
                    return backend
        return min(fitting, key=lambda b: (b.qubits, b.name))
    return min(fitting, key=lambda b: (b.queue_length, b.name))


def _named(
    backends: Sequence[BackendInfo], offered: Sequence[BackendInfo], backend_type: str, qubits: int, name: str
) -> BackendInfo:
    for backend in backends:
        if backend.name != name:
            continue
        if backend.backend_type != backend_type:
            raise InputError(
                f"backend {name} is of type {backend.backend_type}, not {backend_type}. "
                "Change backend_type, or leave backend out.",
                field="backend",
            )
        if backend.qubits < qubits:
            raise InputError(
                f"backend {name} has {backend.qubits} qubits; this input needs {qubits}.", field="backend"
            )
        if not backend.operational:
            raise InputError(f"backend {name} is not operational now. Choose another.", field="backend")
        return backend
    names = ", ".join(sorted(b.name for b in offered)[:20]) or "none"
    raise InputError(
        f"backend: there is no {name[:64]!r} of type {backend_type}. There is: {names}.", field="backend"
    )


_environment_lock = threading.Lock()


@contextmanager
def _environment(account: AccountSettings) -> Iterator[None]:
    """Where an account has a URL of its own, the client takes two settings from the environment alone."""
    if account.url is None:
        yield
        return
    wanted = {"IAM_URL": account.url, "QISKIT_FUNCTIONS_EXPERIMENTAL": "1"}
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


@contextmanager
def _translated(action: str) -> Iterator[None]:
    """Turn the client's exceptions into ours."""
    try:
        yield
    except QwhiskError:
        raise
    except IBMNotAuthorizedError:
        raise ProviderUnauthorizedError(
            "The quantum provider refused the API key. Ask the operator to check QISKIT_IBM_TOKEN "
            "or SIMULATOR_API_KEY."
        ) from None
    except QiskitBackendNotFoundError:
        # It was in the list a moment ago.
        raise ProviderUnavailableError(f"IBM Quantum cannot {action} now.") from None
    except RequestsApiError as error:
        raise _of_status(action, error.status_code, str(error), _retry_after(error)) from None
    except IBMError as error:
        found = re.search(r"\b([45]\d\d) (Client|Server) Error", str(error))
        raise _of_status(action, int(found[1]) if found else -1, str(error)) from None
    except (requests.RequestException, OSError) as error:
        raise ProviderUnavailableError(
            f"IBM Quantum could not be reached to {action} ({type(error).__name__})."
        ) from None


def _retry_after(error: BaseException) -> float | None:
    """The seconds of the answer's Retry-After header, bounded; None where there is none."""
    cause = error.__cause__ or error.__context__
    response = getattr(cause, "response", None)
    value = response.headers.get("Retry-After", "") if response is not None else ""
    return min(float(value), MAX_RETRY_AFTER) if value.isdecimal() else None


def _of_status(
    action: str, status: int, message: str, retry_after: float | None = None
) -> ProviderError | JobNotFoundError:
    text = re.sub(r"\s*https?://\S+", "", message)[:500]
    if status == 404:
        return JobNotFoundError(f"IBM Quantum does not know it: {text}")
    if status == 429 or status >= 500 or status == -1:
        return ProviderUnavailableError(
            f"IBM Quantum cannot {action} now: {text}", retry_after, status=status
        )
    return ProviderError(f"IBM Quantum refused to {action}: {text}", status=status)


class Target:
    """A backend with a pass manager kept for it, and the circuits already transpiled.

    Args:
        device: the client's backend object.
    """

    def __init__(self, device: Any) -> None:
        self.made = time.monotonic()
        self.device = device
        # A noiseless simulator gains nothing from fewer gates; noise makes them worth looking for.
        self._passes = generate_preset_pass_manager(
            optimization_level=1 if device.name == NOISELESS else 2, target=device.target, seed_transpiler=0
        )
        self._transpiled: OrderedDict[Hashable, QuantumCircuit] = OrderedDict()

    def transpile(self, circuit: QuantumCircuit, key: Hashable) -> QuantumCircuit:
        """The circuit in the backend's own gates, on its own qubits.

        Args:
            circuit: with as many qubits as the backend has at most.
            key: the same for the same circuit; what was transpiled for it before is given again.
        """
        ready = self._transpiled.get(key)
        if ready is None:
            ready = self._passes.run(circuit)
            self._transpiled[key] = ready
            if len(self._transpiled) > MAX_TRANSPILED:
                self._transpiled.popitem(last=False)
        return ready


class Account:
    """A connection with one account; keeps what is costly, is safe in many threads."""

    def __init__(self, settings: AccountSettings) -> None:
        self._settings = settings
        self._lock = threading.RLock()
        self._connected: QiskitRuntimeService | None = None
        self._backends: tuple[float, list[BackendInfo]] = (-BACKENDS_FRESH, [])
        self._targets: dict[str, Target] = {}

    @property
    def _service(self) -> QiskitRuntimeService:
        if (known := self._connected) is not None:
            # Without the lock: it may be held for as long as a slow listing of backends takes.
            return known
        with self._lock:
            if self._connected is None:
                with _translated("connect"), _environment(self._settings), warnings.catch_warnings():
                    # The client warns that it falls back to the bare API key; the 401 that follows says more.
                    warnings.simplefilter("ignore")
                    self._connected = QiskitRuntimeService(
                        channel="ibm_quantum_platform",
                        token=self._settings.token,
                        instance=self._settings.instance,
                        url=self._settings.url,
                        url_resolver=_same_url if self._settings.url else None,
                    )
                http = self._connected._active_api_client._session
                # The client offers no other way to bound how long it waits for an answer.
                http._timeout = TIMEOUT
                # Proxies and netrc, which are looked up for every request, do not concern this machine.
                http.trust_env = urlsplit(self._settings.url or "").hostname not in _LOOPBACK
            return self._connected

    def _call(self, action: str, call: Callable[[Any], Answer]) -> Answer:
        service = self._service
        try:
            with _translated(action):
                return call(service._active_api_client)
        except ProviderUnauthorizedError:
            # The token may have been revoked, or the service that gave it started anew: log in once more.
            with self._lock:
                if self._connected is service:
                    self._connected = None
        service = self._service
        with _translated(action):
            return call(service._active_api_client)

    def backends(self, fresh: float = BACKENDS_FRESH) -> list[BackendInfo]:
        """Every backend of the account, at most `fresh` seconds old."""
        with self._lock:
            seen, known = self._backends
            if time.monotonic() - seen < fresh:
                return known
            raw = self._call("list backends", lambda client: client.list_backends())
            now = datetime.now(UTC)
            known = [
                BackendInfo(
                    name=entry["name"],
                    backend_type=backend_type_of(entry["name"]),
                    qubits=int(entry.get("qubits") or 0),
                    operational=(entry.get("status") or {}).get("name") == "online",
                    queue_length=int(entry.get("queue_length") or 0),
                    seen_at=now,
                )
                for entry in raw
            ]
            self._backends = (time.monotonic(), known)
            return known

    def target(self, name: str) -> Target:
        """The backend as circuits are prepared for it; kept, and made anew once an hour."""
        with self._lock:
            target = self._targets.get(name)
            if target is None or time.monotonic() - target.made >= TARGET_FRESH:
                target = self._call(
                    "describe the backend", lambda _client: Target(self._service.backend(name))
                )
                self._targets[name] = target
            return target

    def submit(
        self,
        pubs: Sequence[Any],
        backend: str,
        shots: int,
        tags: Sequence[str],
        primitive: Primitive = "sampler",
    ) -> str:
        """Submit one job with these PUBs, already transpiled; gives the provider's job id.

        It is the job that the client's `executor_sampler.Sampler` or `executor_estimator.Estimator` submits,
        prepared and encoded by its own functions, but sent in one request: their `run` asks for the account's
        usage and the backend's status before, only to warn of them, which costs two round trips to IBM.

        Args:
            pubs: PUBs for the primitive.
            backend: the backend's name.
            shots: of each PUB; of the Estimator's, for each basis that is measured.
            tags: by which the job can be found again; see `tagged`.
            primitive: whose PUBs they are.
        """
        device = self.target(backend).device
        if primitive == "sampler":
            sampler = SamplerOptions(default_shots=shots)
            program, executor_options = prepare_sampler(pubs, sampler, backend=device)
        else:
            # Readout errors can be mitigated only where there are some.
            level: Literal[0, 1] = 0 if backend == NOISELESS else 1
            estimator = EstimatorOptions(default_shots=shots, resilience_level=level)
            program, executor_options = prepare_estimator(pubs, estimator, backend=device)
        program._semantic_role = f"{primitive}_v2"
        encoded = QUANTUM_PROGRAM_PARAMS_CONVERTERS[_SCHEMA].encoder(program, executor_options)
        answer = self._call(
            "take the job",
            lambda client: client.program_run(
                program_id="executor",
                backend_name=backend,
                params=encoded.model_dump(mode="json"),
                image=None,
                log_level=None,
                session_id=None,
                job_tags=list(tags),
            ),
        )
        return str(answer["id"])

    def tagged(self, tag: str) -> list[JobView]:
        """The newest jobs that carry this tag, up to `PAGE` of them, the newest first."""
        answer = self._call(
            "list jobs",
            lambda client: client.jobs_get(limit=PAGE, skip=0, job_tags=[tag], include_mocks=True),
        )
        return [_view(raw) for raw in answer.get("jobs") or []]

    def look(self, job_id: str) -> JobView:
        """How one job stands; JobNotFoundError if the provider does not know it."""
        return _view(self._call("look at the job", lambda client: client.job_get(job_id)))

    def look_since(self, created_after: datetime) -> dict[str, JobView]:
        """How the newest jobs since then stand, up to `PAGE` of them, in one call."""
        answer = self._call(
            "list jobs",
            lambda client: client.jobs_get(
                limit=PAGE, skip=0, created_after=created_after, include_mocks=True
            ),
        )
        return {str(raw["id"]): _view(raw) for raw in answer.get("jobs") or []}

    def raw_result(self, job_id: str) -> str:
        """The result of a finished job as the provider sends it."""
        return str(self._call("give the result", lambda client: client.job_results(job_id)))

    def cancel(self, job_id: str) -> None:
        """Cancel the job; one that is final already is left as it is."""
        try:
            self._call("cancel the job", lambda client: client.job_cancel(job_id))
        except ProviderError as error:
            if error.details.get("status") != 409:
                raise

    def abandon(self, job_id: str) -> None:
        """Cancel a job that nobody knows of, and take its tags away, so that nobody finds it by them."""
        self.cancel(job_id)
        self._call("untag the job", lambda client: client.update_tags(job_id, []))


def _same_url(url: str, *_: Any) -> str:
    return url


class Provider:
    """The accounts behind the backend types."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._hardware = Account(settings.hardware)
        same = settings.hardware == settings.simulator
        self._simulator = self._hardware if same else Account(settings.simulator)

    def account(self, backend_type: str) -> Account:
        """The account that jobs of this `backend_type` belong to."""
        return self._hardware if backend_type == "hardware" else self._simulator

    def backends(self, fresh: float = BACKENDS_FRESH) -> list[BackendInfo]:
        """Every backend of both accounts; a device counts only where hardware jobs go."""
        hardware = self._hardware.backends(fresh)
        if self._simulator is self._hardware:
            return hardware
        simulators = [b for b in self._simulator.backends(fresh) if b.backend_type != "hardware"]
        return [b for b in hardware if b.backend_type == "hardware"] + simulators

    def choose(self, backend_type: BackendType, qubits: int, name: str | None = None) -> BackendInfo:
        """See `choose`. A noiseless job never asks the hardware account, and the reverse."""
        if backend_type == "noisy_simulator":
            return choose(self.backends(), backend_type, qubits, name)
        known = self.account(backend_type).backends()
        return choose(known, backend_type, qubits, name)


def _view(raw: dict[str, Any]) -> JobView:
    state = raw.get("state") or {}
    status = _STATUS.get(str(state.get("status", "")).upper())
    if status is None:
        # A newer API may tell more; what is not known to be final is looked at again.
        log.warning("a job's status is not known: %s", str(state.get("status"))[:40])
        status = "RUNNING"
    code = state.get("reason_code") or state.get("reasonCode")
    if status == "CANCELLED" and code == _RAN_TOO_LONG:
        status = "ERROR"
    reason = state.get("reason")
    return JobView(
        job_id=str(raw["id"]),
        backend=str(raw.get("backend") or ""),
        status=status,
        program_id=str((raw.get("program") or {}).get("id", "")),
        reason=f"{reason} (code {code})" if reason and code else reason,
        created=_instant(raw.get("created")),
        running=_instant(raw.get("running")),
        finished=_instant(raw.get("finished") or raw.get("ended")),
    )


def _instant(value: Any) -> datetime | None:
    if not value:
        return None
    try:
        instant = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
