"""From a circuit to a submitted job and its JobEvent: the part that every algorithm shares."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from typing import Any, ClassVar

import orjson
from pydantic import ValidationError
from qiskit import QiskitError, QuantumCircuit, qasm3

from actions.base.input import ActionInput, Envelope
from core.errors import InputError, QwhiskError, StreamError
from core.events import JobEvent, encode, explain
from core.provider import Provider
from core.settings import KafkaSettings, ProviderSettings
from core.streams import Publisher
from core.topics import JOBS

log = logging.getLogger(__name__)

#: Bytes of the caller's input, which travels in every event of its job.
MAX_INPUT_BYTES = 400_000
#: Characters of OpenQASM 3 that an answer carries; a longer program is cut out, not cut off.
MAX_OPENQASM = 100_000


class Submission:
    """A warm container's connections, kept from one activation to the next."""

    _shared: ClassVar[tuple[dict[str, str], Submission] | None] = None

    def __init__(self, provider: Provider, publisher: Publisher) -> None:
        self._provider = provider
        self._publisher = publisher

    @classmethod
    def shared(cls, bound: dict[str, Any]) -> Submission:
        """This process's own, made at the first call and again only if the bound settings change."""
        settings = {key: str(value) for key, value in bound.items()}
        if cls._shared is None or cls._shared[0] != settings:
            env = {**os.environ, **settings}
            made = cls(Provider(ProviderSettings.from_env(env)), Publisher(KafkaSettings.from_env(env)))
            if cls._shared is not None:
                cls._shared[1]._publisher.close()
            cls._shared = (settings, made)
        return cls._shared[1]

    def submit(
        self,
        function: str,
        circuit: QuantumCircuit,
        params: ActionInput,
        envelope: Envelope,
        own: dict[str, Any],
    ) -> dict[str, Any]:
        """Choose the backend, submit, publish the JobEvent; the job is cancelled if that fails.

        Args:
            function: the function's id.
            circuit: as the algorithm built it, on its own qubits, with measurements.
            params: the validated input.
            envelope: whom the job is for.
            own: the caller's input as it came, for the event.

        Returns:
            `{job_id, backend, backend_type, process_job_id, client_id, function, circuit}`.
        """
        if len(orjson.dumps(own)) > MAX_INPUT_BYTES:
            # It travels with the job to its result; found out now, not after the job was submitted.
            raise InputError(f"The input has over {MAX_INPUT_BYTES} bytes. Make it smaller.", field="input")
        backend = self._provider.choose(params.backend_type, circuit.num_qubits, params.backend)
        account = self._provider.account(params.backend_type)
        same = own | {"shots": None, "function": function}
        ready = account.target(backend.name).transpile(
            circuit, orjson.dumps(same, option=orjson.OPT_SORT_KEYS)
        )
        tags = [f"qwhisk-{envelope.process_job_id}-0"]
        job_id = account.submit([ready], backend.name, params.shots, tags)
        try:
            event = JobEvent(
                job_id=job_id,
                backend=backend.name,
                backend_type=params.backend_type,
                function=function,
                client_id=envelope.client_id,
                process_job_id=envelope.process_job_id,
                topic=envelope.topic,
                submitted_at=datetime.now(UTC),
                queue_length_at_submit=backend.queue_length if params.backend_type == "hardware" else 0,
                params=own,
            )
            self._publisher.publish(JOBS, envelope.process_job_id, encode(event))
        except (QwhiskError, ValidationError) as error:
            self._abandon(account, job_id)
            cause = error.message if isinstance(error, QwhiskError) else explain(error)
            raise StreamError(
                "The job could not be announced and was cancelled. Try again later.", cause=cause[:200]
            ) from None
        return {
            "job_id": job_id,
            "backend": backend.name,
            "backend_type": params.backend_type,
            "process_job_id": envelope.process_job_id,
            "client_id": envelope.client_id,
            "function": function,
            "circuit": describe(circuit, ready),
        }

    def _abandon(self, account: Any, job_id: str) -> None:
        try:
            account.cancel(job_id)
        except QwhiskError as error:
            log.error("job %s runs on unannounced: it could not be cancelled: %s", job_id, error.message)


def describe(circuit: QuantumCircuit, ready: QuantumCircuit) -> dict[str, Any]:
    """What a caller may want to know of the circuit.

    Args:
        circuit: as the algorithm built it.
        ready: transpiled for the backend; its depth and size are what runs.
    """
    try:
        program = qasm3.dumps(circuit)
    except QiskitError:
        # The job is on its way already: that it cannot be written down must not make an error of it.
        log.exception("no OpenQASM 3 for this circuit")
        program = None
    return {
        "qubits": circuit.num_qubits,
        "depth": ready.depth(),
        "size": ready.size(),
        "openqasm3": program if program and len(program) <= MAX_OPENQASM else None,
    }
