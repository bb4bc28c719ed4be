"""From an algorithm's job to one submitted and announced: the part that every algorithm shares."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import orjson
from pydantic import ValidationError
from qiskit import QiskitError, QuantumCircuit, qasm3

from actions.base.input import ActionInput, Envelope
from actions.base.job import Job, Pub
from core.errors import InputError, QwhiskError, StreamError
from core.events import BackendInfo, JobEvent, encode, explain
from core.provider import Provider, Target, run_tag
from core.settings import KafkaSettings, ProviderSettings
from core.streams import Publisher
from core.topics import JOBS

log = logging.getLogger(__name__)

#: Bytes of the caller's input, which travels in every event of its job.
MAX_INPUT_BYTES = 400_000
#: Characters of OpenQASM 3 that an answer carries; a longer program is cut out, not cut off.
MAX_OPENQASM = 100_000


@dataclass(frozen=True)
class Run:
    """One run of an algorithm, at one of its steps.

    Args:
        function: the function's id.
        params: the validated input.
        own: the caller's input as it came, for the event.
        envelope: whom the run is for.
        step: of the job to be submitted; 0 for the first.
        backend: where the step before ran.
    """

    function: str
    params: ActionInput
    own: dict[str, Any]
    envelope: Envelope
    step: int = 0
    backend: str | None = None

    @property
    def tags(self) -> tuple[str, str]:
        """By which the provider finds all jobs of the run, and the one of this step."""
        tag = run_tag(self.envelope.process_job_id)
        return tag, f"{tag}-{self.step}"


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

    def submit(self, run: Run, job: Job) -> dict[str, Any]:
        """Choose the backend, submit, publish the JobEvent; the job is cancelled if that fails.

        A step after the first may have been taken before, by a process that died before it could say so, and
        the first where the caller asks again: then the job submitted that time is found by its tag, and
        announced again.

        Returns:
            `{job_id, backend, backend_type, process_job_id, client_id, function, step, progress, circuit}`.
        """
        if len(orjson.dumps(run.own)) > MAX_INPUT_BYTES:
            # It travels with the job to its result; found out now, not after the job was submitted.
            raise InputError(f"The input has over {MAX_INPUT_BYTES} bytes. Make it smaller.", field="input")
        account = self._provider.account(run.params.backend_type)
        known = account.tagged(run.tags[1]) if run.step or run.envelope.again else []
        if known:
            # The first, should two pollers ever have asked for the same step at the same moment.
            job_id, name, queue_length = known[-1].job_id, known[-1].backend, 0
            ready = [pub.circuit for pub in job.pubs]
        else:
            backend = self._choose(run, job.qubits)
            name = backend.name
            queue_length = backend.queue_length if run.params.backend_type == "hardware" else 0
            ready = transpiled(account.target(name), run, job)
            pubs = [native(pub, circuit) for pub, circuit in zip(job.pubs, ready, strict=True)]
            job_id = account.submit(pubs, name, job.shots or run.params.shots, run.tags, job.primitive)
        try:
            event = JobEvent(
                job_id=job_id,
                backend=name,
                backend_type=run.params.backend_type,
                function=run.function,
                client_id=run.envelope.client_id,
                process_job_id=run.envelope.process_job_id,
                topic=run.envelope.topic,
                step=run.step,
                submitted_at=datetime.now(UTC),
                queue_length_at_submit=queue_length,
                params=run.own,
                state=job.state,
                progress=job.progress,
            )
            self._publisher.publish(JOBS, run.envelope.process_job_id, encode(event))
        except (QwhiskError, ValidationError) as error:
            self._abandon(account, job_id)
            cause = error.message if isinstance(error, QwhiskError) else explain(error)
            raise StreamError(
                "The job could not be announced and was cancelled. Try again later.", cause=cause[:200]
            ) from None
        return {
            "job_id": job_id,
            "backend": name,
            "backend_type": run.params.backend_type,
            "process_job_id": run.envelope.process_job_id,
            "client_id": run.envelope.client_id,
            "function": run.function,
            "step": run.step,
            "progress": job.progress.model_dump() if job.progress else None,
            "circuit": describe(job.pubs[0].circuit, ready[0]) | {"pubs": len(job.pubs)},
        }

    def _choose(self, run: Run, qubits: int) -> BackendInfo:
        """The backend; a later step stays where the earlier ones ran, if that is possible."""
        params = run.params
        if run.backend and not params.backend:
            with suppress(InputError):
                return self._provider.choose(params.backend_type, qubits, run.backend)
        return self._provider.choose(params.backend_type, qubits, params.backend)

    def _abandon(self, account: Any, job_id: str) -> None:
        try:
            account.abandon(job_id)
        except QwhiskError as error:
            log.error("job %s runs on unannounced: it could not be cancelled: %s", job_id, error.message)


def transpiled(target: Target, run: Run, job: Job) -> list[QuantumCircuit]:
    """The PUBs' circuits for the target; those of an input seen before come from its memory."""
    same = {key: value for key, value in run.own.items() if key not in ("shots", "backend", "backend_type")}
    key = (run.function, orjson.dumps(same, option=orjson.OPT_SORT_KEYS), job.key)
    done: dict[int, QuantumCircuit] = {}
    for number, pub in enumerate(job.pubs):
        if id(pub.circuit) not in done:
            done[id(pub.circuit)] = target.transpile(pub.circuit, (*key, number))
    return [done[id(pub.circuit)] for pub in job.pubs]


def native(pub: Pub, ready: QuantumCircuit) -> tuple[Any, ...]:
    """The PUB as the primitive takes it, on the backend's qubits."""
    values = () if pub.values is None else (pub.values,)
    if pub.observable is None:
        return (ready, *values)
    return (ready, pub.observable.apply_layout(ready.layout), *values)


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
