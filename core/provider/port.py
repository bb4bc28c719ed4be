"""What a quantum account can do. The actions and the poller use accounts only through this port."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, Protocol

from qiskit import QuantumCircuit

from core.protocol import BackendInfo, JobResult, Status

#: The primitive that runs the PUBs of a job.
Primitive = Literal["sampler", "estimator"]

#: Seconds for which a list of backends is recent enough to choose from.
BACKENDS_FRESH = 5.0
#: The most jobs that one call of `look_since` returns.
LOOK_PAGE = 200


@dataclass(frozen=True)
class JobView:
    """A job as the provider described it at one time."""

    job_id: str
    backend: str
    status: Status
    #: The provider's program that ran the job; it decides how the result is decoded.
    program_id: str
    #: Why the job failed or was cancelled.
    reason: str | None
    created: datetime | None
    running: datetime | None
    finished: datetime | None
    #: The provider's own forecast, if it gives one: the jobs before this one, when it will finish, and how
    #: many seconds it will run.
    queue_position: int | None = None
    estimated_completion: datetime | None = None
    estimated_running_seconds: float | None = None
    #: The time on a device that the account is charged for, in seconds; None if the provider does not say.
    charged_seconds: float | None = None


class CircuitTarget(Protocol):
    """A backend that circuits are transpiled for."""

    def transpile(self, circuit: QuantumCircuit, key: Hashable | None) -> QuantumCircuit:
        """Return the circuit in the backend's gates, on the backend's qubits.

        Args:
            circuit: a circuit with at most as many qubits as the backend.
            key: identifies the circuit, so that its transpiled form can be cached; None to not cache it.
        """


class QuantumAccount(Protocol):
    """An account of a quantum provider. Thread-safe.

    Every method can raise a ProviderUnavailableError (transient; retry later), a ProviderUnauthorizedError or
    another ProviderError.
    """

    def backends(self, fresh: float = BACKENDS_FRESH) -> list[BackendInfo]:
        """Return every backend of the account.

        Args:
            fresh: the maximum age of the list in seconds. An older list is returned if the provider is not
                available.
        """

    def target(self, name: str) -> CircuitTarget:
        """Return the target of a backend.

        Args:
            name: the backend's name.
        """

    def submit(
        self,
        pubs: Sequence[Any],
        backend: str,
        shots: int,
        tags: Sequence[str],
        primitive: Primitive = "sampler",
        simulator_options: Mapping[str, Any] = MappingProxyType({}),
    ) -> str:
        """Submit a job once and return its id.

        Args:
            pubs: PUBs for the primitive, transpiled for the backend.
            backend: the backend's name.
            shots: the shots of each PUB; for the Estimator, of each measured basis.
            tags: the tags by which the job can be found.
            primitive: the primitive that runs the PUBs.
            simulator_options: options that only simulators have, such as `seed_simulator`.

        Raises:
            ProviderUnavailableError: the job was not submitted. If the error is `unclear`, it may have been.
        """

    def tagged(self, *tags: str) -> list[JobView]:
        """Return the newest jobs that have all of these tags, newest first."""

    def look(self, job_id: str) -> JobView:
        """Return one job.

        Args:
            job_id: the job's id.

        Raises:
            JobNotFoundError: the provider does not know the job.
        """

    def look_since(self, created_after: datetime, newest_first: bool = True) -> dict[str, JobView]:
        """Return the jobs that were created after an instant, by id; at most `LOOK_PAGE`.

        Args:
            created_after: the instant, by the provider's clock.
            newest_first: whether the newest jobs are returned if there are more; else the oldest.
        """

    def result(self, view: JobView) -> JobResult:
        """Return the result of a finished job.

        Args:
            view: the job.

        Raises:
            ProviderError: the result cannot be decoded.
        """

    def cancel(self, job_id: str) -> None:
        """Cancel a job. A job that is already final stays as it is.

        Args:
            job_id: the job's id.
        """

    def delete(self, job_id: str) -> None:
        """Delete a final job with its circuits and its result.

        Args:
            job_id: the job's id.

        Raises:
            JobNotFoundError: the provider does not know the job.
        """

    def abandon(self, job_id: str) -> None:
        """Cancel a job that no client knows and remove its tags, so that it is not found by them.

        Args:
            job_id: the job's id.
        """

    def tag(self, job_id: str, tags: Sequence[str]) -> None:
        """Replace the tags of a job.

        Args:
            job_id: the job's id.
            tags: its new tags.
        """
