"""The submission of jobs: choice of the backend, transpilation, submission, and announcement."""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

import orjson
from pydantic import ValidationError
from qiskit import QuantumCircuit, qasm3

from actions.framework.input import COMMON_INPUTS, ActionInput
from actions.framework.job import Job, Pub
from actions.framework.pooling import pool_submission
from actions.framework.recovery import ABANDON_TIME, IDENTIFIER, PAUSES, SETTLE, Recovery
from core.errors import (
    BackendUnusableError,
    EventError,
    InputError,
    MessageTooLargeError,
    ProviderUnavailableError,
    QwhiskError,
    StreamError,
)
from core.kafka.publisher import PUBLISH_TIMEOUT, Publisher
from core.kafka.topics import JOBS, POOL
from core.protocol import (
    MAX_EVENT_BYTES,
    MAX_OPENQASM,
    POOLED_JOB,
    BackendInfo,
    Circuit,
    Envelope,
    JobEvent,
    ProviderJob,
    SubmissionReply,
    binary_headers,
    encode,
    explain,
    trace_headers,
)
from core.provider import (
    CircuitTarget,
    Provider,
    QuantumAccount,
    connect,
    run_tag,
    seconds_left,
    step_tag,
    within,
)
from core.settings import KafkaSettings, ProviderSettings
from core.settings.pooling import POOL_BACKEND_TYPES
from core.tracing import span

log = logging.getLogger(__name__)

#: Maximum bytes of the caller's input, which every event of its job contains.
MAX_INPUT_BYTES = 400_000
#: Maximum gates of a circuit that is exported as OpenQASM, at about 10 microseconds for each gate.
MAX_DESCRIBED = 5_000

#: Placeholder in an event for an id that is not known yet; it is never published.
UNKNOWN = "not-submitted-yet"
#: Bytes of a message that the poller may add when it submits pooled circuits again.
POOL_ROOM = 1_000
#: Seconds of an activation if OpenWhisk gives no deadline.
TIME_LIMIT = 60.0
#: Seconds of it that are reserved for the announcement, and for cancelling the job if that fails.
ANNOUNCE_TIME = PUBLISH_TIMEOUT + 1 + ABANDON_TIME
#: The most backends that are passed over because their description cannot be used.
MAX_UNUSABLE = 4
#: Seconds that are reserved to search for a job whose answer was lost.
LOOK_TIME = 10.0


@dataclass(frozen=True)
class Run:
    """One run of an algorithm, at one of its steps.

    Args:
        function: the function's id.
        params: the validated input.
        input: the caller's input, unchanged, for the event.
        envelope: the client and the ids of the run.
        step: the step of the job to submit; 0 for the first.
        backend: the backend of the previous step.
        attempt: a random id of this attempt to submit the job.
        previous_jobs: the provider's jobs of the steps before.
    """

    function: str
    params: ActionInput
    input: dict[str, Any]
    envelope: Envelope
    step: int = 0
    backend: str | None = None
    attempt: str = field(default_factory=lambda: secrets.token_hex(6))
    previous_jobs: Sequence[ProviderJob] = ()

    @property
    def repeated(self) -> bool:
        """Whether another attempt may have submitted the same job, or may be submitting it now."""
        return self.step > 0 or self.envelope.again

    @property
    def own_attempt(self) -> str | None:
        """The attempt's id for a tag; None if no other attempt submits the same job."""
        return self.attempt if self.repeated else None

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of all jobs of the run, of the job of this step, and of this attempt."""
        run = self.envelope.process_job_id
        tags = (run_tag(run), step_tag(run, self.step))
        return (*tags, step_tag(run, self.step, self.attempt)) if self.own_attempt else tags


class Submission:
    """The connections of a warm container, kept between activations.

    Args:
        provider: the provider to submit jobs to.
        publisher: the publisher of their events.
        pooled: the backend types whose jobs are pooled.
        pauses: seconds before each search for a job whose answer was lost.
        settle: seconds before the check that another attempt's job is not being cancelled.
    """

    _shared: ClassVar[tuple[dict[str, str], Submission] | None] = None

    def __init__(
        self,
        provider: Provider,
        publisher: Publisher,
        pauses: Sequence[float] = PAUSES,
        settle: float = SETTLE,
        pooled: Set[str] = frozenset(),
    ) -> None:
        self._provider = provider
        self._publisher = publisher
        self._pooled = pooled
        self._pauses = pauses
        self._settle = settle

    @classmethod
    def shared(cls, bound: dict[str, Any]) -> Submission:
        """Return the process's submission, created at the first call and when the bound settings change."""
        settings = {key: str(value) for key, value in bound.items()}
        if cls._shared is None or cls._shared[0] != settings:
            env = {**os.environ, **settings}
            made = cls(
                connect(ProviderSettings.from_env(env)),
                Publisher(KafkaSettings.from_env(env)),
                pooled=POOL_BACKEND_TYPES.read(env),
            )
            if cls._shared is not None:
                cls._shared[1]._publisher.close()
            cls._shared = (settings, made)
        return cls._shared[1]

    def submit(self, run: Run, job: Job) -> dict[str, Any]:
        """Choose the backend, submit, publish the JobEvent; the job is cancelled if that fails.

        A later step may have been submitted before by a process that died before its announcement; so may the
        first step of a repeated request. Then that job is found by its tag and announced again.

        Returns:
            The parameters of a `SubmissionReply`.
        """
        if len(orjson.dumps(run.input)) > MAX_INPUT_BYTES:
            # The input is part of the job's events; checked now, not after the submission.
            raise InputError(f"The input has over {MAX_INPUT_BYTES} bytes. Make it smaller.", field="input")
        account = self._provider.account(run.params.backend_type)
        recovery = Recovery(account, self._publisher, self._pauses, self._settle)
        limit = time_limit(os.environ)
        with within(limit - min(ANNOUNCE_TIME, limit / 3)):
            event, circuits, is_ours = self._submit_or_find(account, recovery, run, job)
        if event.job_id == POOLED_JOB:
            return SubmissionReply.of_event(event).model_dump()
        event.circuit = describe(job.pubs[0].circuit, circuits and circuits[0], len(job.pubs))
        try:
            self._announce(event)
        except MessageTooLargeError:
            # No repetition can announce it either, so the job of a later step is cancelled too.
            if is_ours:
                recovery.abandon(event, [event.job_id])
            raise InputError(
                f"The broker rejects the job's event of {len(encode(event))} bytes because of its size. "
                "Make the input or the algorithm's state smaller.",
                field="input",
            ) from None
        except QwhiskError as error:
            message = "The job could not be announced. Try again later."
            # A later step is repeated and finds its job; the job of another attempt may be announced already.
            if run.step == 0 and is_ours:
                recovery.abandon(event, [event.job_id])
                message = "The job could not be announced and was cancelled. Try again later."
            raise StreamError(message, cause=error.message[:200]) from None
        return SubmissionReply.of_event(event).model_dump()

    def _announce(self, event: JobEvent) -> None:
        """Publish the job's event, without the circuit's program if it is too large with it."""
        try:
            self._publish(event)
        except (EventError, MessageTooLargeError):
            if event.circuit is None or event.circuit.openqasm3 is None:
                raise
            event.circuit = event.circuit.model_copy(update={"openqasm3": None})
            self._publish(event)

    def _publish(self, event: JobEvent) -> None:
        data = encode(event)
        with span("publish jobs", "producer", attributes={"qwhisk.step": event.step}):
            self._publisher.publish(JOBS, event.process_job_id, data, binary_headers(event, data))

    def _submit_or_find(
        self, account: QuantumAccount, recovery: Recovery, run: Run, job: Job
    ) -> tuple[JobEvent, list[QuantumCircuit] | None, bool]:
        """Submit the job, or find it; return its event, its circuits, and whether this attempt submitted it.

        The circuits are transpiled; None if the job was found. The last is False if another attempt for the
        same step may have submitted it.
        """
        if run.repeated:
            event = _event(run, job, run.backend or UNKNOWN, 0, UNKNOWN)
            views = recovery.search(event)
            if views and (adopted := recovery.adopt(event, views)) is not None:
                return adopted, None, False
        with span("choose backend", "client"):
            backend, target = self._target(account, run, job.qubits)
        queue_length = backend.queue_length if run.params.backend_type == "hardware" else 0
        # An event that cannot be encoded must fail now, not when the job is running.
        event = _event(run, job, backend.name, queue_length, UNKNOWN)
        encode(event)
        with span("transpile"):
            circuits = transpiled(target, run, job)
        if self._is_pooled(run):
            pooled = event.model_copy(
                update={
                    "job_id": POOLED_JOB,
                    "circuit": describe(job.pubs[0].circuit, circuits[0], len(job.pubs)),
                }
            )
            if self._pool(pooled, run, job, circuits):
                return pooled, circuits, True
        event, is_ours = self._submit(account, recovery, run, job, event, circuits)
        return event, circuits, is_ours

    def _is_pooled(self, run: Run) -> bool:
        """Return whether the job may share a provider job: a simulator's options apply to all of its PUBs."""
        params = run.params
        return params.backend_type in self._pooled and params.pooling and not params.simulator_options()

    def _pool(self, event: JobEvent, run: Run, job: Job, circuits: list[QuantumCircuit]) -> bool:
        """Publish the circuits to the pool; return False if they cannot be a message, or are too large.

        A repeated step is published again. The poller drops it.
        """
        try:
            submission = pool_submission(event, job, circuits, job.shots or run.params.shots)
            data = encode(submission)
            if len(data) > MAX_EVENT_BYTES - POOL_ROOM:
                return False
            with span("publish pool", "producer"):
                self._publisher.publish(POOL, event.process_job_id, data, trace_headers(event))
        except (EventError, MessageTooLargeError, ValidationError):
            return False
        except QwhiskError as error:
            raise StreamError(
                "The job could not be submitted. Try again later.", cause=error.message[:200]
            ) from None
        return True

    def _submit(
        self,
        account: QuantumAccount,
        recovery: Recovery,
        run: Run,
        job: Job,
        event: JobEvent,
        circuits: list[QuantumCircuit],
    ) -> tuple[JobEvent, bool]:
        """Submit once; return the event with the job's id, and whether this attempt submitted the job."""
        pubs = [native(pub, circuit) for pub, circuit in zip(job.pubs, circuits, strict=True)]
        try:
            left = seconds_left() or 0.0
            with span("submit to provider", "client"), within(left - min(LOOK_TIME, left / 4)):
                job_id = account.submit(
                    pubs,
                    event.backend,
                    job.shots or run.params.shots,
                    run.tags,
                    job.primitive,
                    run.params.simulator_options(),
                )
            if not IDENTIFIER.fullmatch(job_id):
                raise ProviderUnavailableError("The provider returned an invalid job id.", unclear=True)
        except ProviderUnavailableError as error:
            if not error.unclear:
                raise
            return recovery.after_lost_answer(event, run.own_attempt, error), not run.repeated
        event = event.model_copy(update={"job_id": job_id})
        if not run.repeated:
            return event, True
        settled = recovery.resolve(event, run.own_attempt)
        return settled, settled.job_id == job_id

    def _target(self, account: QuantumAccount, run: Run, qubits: int) -> tuple[BackendInfo, CircuitTarget]:
        """Choose a backend whose description can be used; return it with its target."""
        for remaining in range(MAX_UNUSABLE, -1, -1):
            backend = self._choose(run, qubits)
            try:
                return backend, account.target(backend.name)
            except BackendUnusableError:
                # The account does not offer this backend for a while.
                if run.params.backend or not remaining:
                    raise
        raise AssertionError("the last time returns or raises")

    def _choose(self, run: Run, qubits: int) -> BackendInfo:
        """Choose the backend; a later step stays on the backend of the previous one, if possible."""
        params = run.params
        if run.backend and not params.backend:
            with suppress(InputError):
                return self._provider.choose(params.backend_type, qubits, run.backend)
        return self._provider.choose(params.backend_type, qubits, params.backend)


def time_limit(env: Mapping[str, str]) -> float:
    """Return the seconds left until OpenWhisk's deadline, at most `TIME_LIMIT`."""
    deadline = env.get("__OW_DEADLINE", "")
    left = int(deadline[:20]) / 1000 - time.time() if deadline.isdecimal() else 0.0
    # A deadline in the past has a wrong clock or is another activation's: this one is still running.
    return min(left, TIME_LIMIT) if left > 0 else TIME_LIMIT


def _event(run: Run, job: Job, backend: str, queue_length: int, job_id: str) -> JobEvent:
    """Return the job's event; InputError if it is invalid, by the algorithm or its input."""
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
            params=run.input,
            state=job.state,
            progress=job.progress,
            callback_url=run.envelope.callback_url,
            previous_jobs=list(run.previous_jobs),
        )
    except ValidationError as error:
        raise InputError(f"The job cannot be described: {explain(error)}") from None


def transpiled(target: CircuitTarget, run: Run, job: Job) -> list[QuantumCircuit]:
    """Return the PUBs' circuits for the target; those of a previous input come from its cache."""
    same = {key: value for key, value in run.input.items() if key not in COMMON_INPUTS}
    key = (run.function, orjson.dumps(same, option=orjson.OPT_SORT_KEYS), job.key)
    kept = job.key is not None or job.state is None
    done: dict[int, QuantumCircuit] = {}
    for number, pub in enumerate(job.pubs):
        if id(pub.circuit) not in done:
            done[id(pub.circuit)] = target.transpile(pub.circuit, (*key, number) if kept else None)
    return [done[id(pub.circuit)] for pub in job.pubs]


def native(pub: Pub, circuit: QuantumCircuit) -> tuple[Any, ...]:
    """Return the PUB for the primitive, on the backend's qubits."""
    values = () if pub.values is None else (pub.values,)
    if pub.observable is None:
        return (circuit, *values)
    return (circuit, pub.observable.apply_layout(circuit.layout), *values)


def describe(circuit: QuantumCircuit, transpiled_circuit: QuantumCircuit | None, pubs: int = 1) -> Circuit:
    """Describe a job's first circuit for the caller.

    Args:
        circuit: the algorithm's circuit.
        transpiled_circuit: the circuit as the backend runs it; None if it is unknown.
        pubs: the number of the job's PUBs.
    """
    program = None
    if circuit.size() <= MAX_DESCRIBED:
        try:
            program = qasm3.dumps(circuit)
        except Exception:  # the exporter may raise anything
            # The job is submitted already: a failed export must not fail it.
            log.exception("no OpenQASM 3 for this circuit")
    return Circuit(
        qubits=circuit.num_qubits,
        depth=circuit.depth(),
        size=circuit.size(),
        transpiled_depth=None if transpiled_circuit is None else transpiled_circuit.depth(),
        transpiled_size=None if transpiled_circuit is None else transpiled_circuit.size(),
        pubs=pubs,
        openqasm3=program if program and len(program) <= MAX_OPENQASM else None,
    )
