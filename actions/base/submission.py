"""From an algorithm's job to one submitted and announced: the part that every algorithm shares."""

from __future__ import annotations

import logging
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import orjson
from pydantic import ValidationError
from qiskit import QuantumCircuit, qasm3

from actions.base.input import ActionInput, Envelope
from actions.base.job import Job, Pub
from core.errors import InputError, ProviderError, ProviderUnavailableError, QwhiskError, StreamError
from core.events import BackendInfo, JobEvent, encode, explain
from core.provider import Account, Provider, Target, run_tag
from core.settings import KafkaSettings, ProviderSettings
from core.streams import Publisher
from core.topics import JOBS

log = logging.getLogger(__name__)

#: Bytes of the caller's input, which travels in every event of its job.
MAX_INPUT_BYTES = 400_000
#: Characters of OpenQASM 3 that an answer carries; a longer program is cut out, not cut off.
MAX_OPENQASM = 100_000
#: Gates of a circuit that is written as OpenQASM; it takes some 10 microseconds a gate.
MAX_DESCRIBED = 5_000


#: What the events take for an id.
IDENTIFIER = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


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
            event = _event(run, job, known[-1].backend, 0, known[-1].job_id)
            ready = [pub.circuit for pub in job.pubs]
        else:
            backend = self._choose(run, job.qubits)
            queue_length = backend.queue_length if run.params.backend_type == "hardware" else 0
            # What cannot be told is found out now, and not when the job runs already.
            event = _event(run, job, backend.name, queue_length, "not-submitted-yet")
            encode(event)
            ready = transpiled(account.target(backend.name), run, job)
            event = event.model_copy(update={"job_id": self._run(account, run, job, backend.name, ready)})
        try:
            self._publisher.publish(JOBS, event.process_job_id, encode(event))
        except QwhiskError as error:
            self._abandon(account, event.job_id)
            raise StreamError(
                "The job could not be announced and was cancelled. Try again later.",
                cause=error.message[:200],
            ) from None
        return {
            "job_id": event.job_id,
            "backend": event.backend,
            "backend_type": event.backend_type,
            "process_job_id": event.process_job_id,
            "client_id": event.client_id,
            "function": event.function,
            "step": event.step,
            "progress": job.progress.model_dump() if job.progress else None,
            "circuit": describe(job.pubs[0].circuit, ready[0]) | {"pubs": len(job.pubs)},
        }

    def _run(self, account: Account, run: Run, job: Job, backend: str, ready: list[QuantumCircuit]) -> str:
        """Submit; gives the provider's job id, in a form that an event can carry."""
        pubs = [native(pub, circuit) for pub, circuit in zip(job.pubs, ready, strict=True)]
        try:
            job_id = account.submit(pubs, backend, job.shots or run.params.shots, run.tags, job.primitive)
        except ProviderUnavailableError:
            # It may have been taken although its answer got lost; a later step will find it by its tag.
            if run.step == 0:
                self._abandon_lost(account, run.tags[1])
            raise
        if not IDENTIFIER.fullmatch(job_id):
            self._abandon(account, job_id)
            raise ProviderError("The provider gave a job id that is none.")
        return job_id

    def _choose(self, run: Run, qubits: int) -> BackendInfo:
        """The backend; a later step stays where the earlier ones ran, if that is possible."""
        params = run.params
        if run.backend and not params.backend:
            with suppress(InputError):
                return self._provider.choose(params.backend_type, qubits, run.backend)
        return self._provider.choose(params.backend_type, qubits, params.backend)

    def _abandon_lost(self, account: Account, tag: str) -> None:
        try:
            for view in account.tagged(tag):
                self._abandon(account, view.job_id)
        except QwhiskError as error:
            log.warning("whether the provider took the job %s is not known: %s", tag, error.message)

    def _abandon(self, account: Account, job_id: str) -> None:
        try:
            account.abandon(job_id)
        except QwhiskError as error:
            log.error("job %s runs on unannounced: it could not be cancelled: %s", job_id, error.message)


def _event(run: Run, job: Job, backend: str, queue_length: int, job_id: str) -> JobEvent:
    """The job's event; InputError if it is none, which is a mistake in the algorithm or its input."""
    try:
        return JobEvent(
            job_id=job_id,
            backend=backend,
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
            callback_url=run.envelope.callback_url,
        )
    except ValidationError as error:
        raise InputError(f"The job cannot be described: {explain(error)}") from None


def transpiled(target: Target, run: Run, job: Job) -> list[QuantumCircuit]:
    """The PUBs' circuits for the target; those of an input seen before come from its memory."""
    same = {key: value for key, value in run.own.items() if key not in ("shots", "backend", "backend_type")}
    key = (run.function, orjson.dumps(same, option=orjson.OPT_SORT_KEYS), job.key)
    kept = job.key is not None or job.state is None
    done: dict[int, QuantumCircuit] = {}
    for number, pub in enumerate(job.pubs):
        if id(pub.circuit) not in done:
            done[id(pub.circuit)] = target.transpile(pub.circuit, (*key, number) if kept else None)
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
    program = None
    if circuit.size() <= MAX_DESCRIBED:
        try:
            program = qasm3.dumps(circuit)
        except Exception:  # whatever the exporter raises
            # The job is on its way already: that it cannot be written down must not make an error of it.
            log.exception("no OpenQASM 3 for this circuit")
    return {
        "qubits": circuit.num_qubits,
        "depth": ready.depth(),
        "size": ready.size(),
        "openqasm3": program if program and len(program) <= MAX_OPENQASM else None,
    }
