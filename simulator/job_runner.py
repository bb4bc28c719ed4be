"""Runs accepted jobs, on simulators and on devices with a queue, until they have ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Coroutine, Iterable
from typing import Any

from .backends import Backend
from .clock import Clock
from .database import Database
from .device_queue import QueueEvent
from .errors import ApiError, DatabaseError
from .faults import Faults
from .job_documents import JobForecast
from .job_store import JobStore
from .jobs import IbmStatus, SimulatorJob
from .pool import WorkerPool
from .queued_device import QueuedDevice
from .sessions import RuntimeSession, Sessions
from .settings import SimulatorSettings
from .task import Task
from .usage import InstanceUsage

logger = logging.getLogger(__name__)

#: The reason of a cancelled job.
CANCELLED = "The job was cancelled by its user."


class JobRunner:
    """Runs jobs and sets their states. All methods run on the event loop's thread.

    Args:
        settings: All settings.
        clock: The service's clock.
        backends: All backends.
        faults: The faults that are set.
        store: The jobs.
        sessions: The sessions.
        database: Stores the usage; None keeps it in memory only.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        clock: Clock,
        backends: Iterable[Backend],
        faults: Faults,
        store: JobStore,
        sessions: Sessions,
        database: Database | None,
    ) -> None:
        self.pool = WorkerPool(settings)
        self.faults = faults
        self.usage = InstanceUsage(settings.usage_limit, database)
        self._settings = settings
        self._clock = clock
        self._store = store
        self._sessions = sessions
        self._devices = {
            backend.name: QueuedDevice(backend, settings.queue, clock, self._on_device_event)
            for backend in backends
            if backend.queued
        }
        #: The tasks of jobs that a worker has to run, by the job's id.
        self._tasks: dict[str, Task] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._closing = False

    async def close(self) -> None:
        """End the workers. Unfinished jobs fail, unless they are stored for the next run."""
        self._closing = self._store.durable
        for device in self._devices.values():
            device.close()
        await self.pool.close()
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    def set_faults(self, faults: Faults) -> None:
        """Replace the faults, and pause the devices that they name."""
        self.faults = faults
        for name, device in self._devices.items():
            device.pause(name in faults.devices)

    def device(self, backend: str) -> QueuedDevice | None:
        """Return the queue of a backend; None if it has none."""
        return self._devices.get(backend)

    def task(self, job: SimulatorJob, check: bool = False) -> Task:
        """Return a worker's task.

        Args:
            job: The job.
            check: Whether the job is only decoded and checked.
        """
        seconds = min(self._settings.limits.max_seconds, job.cost or float("inf"))
        body = self._store.body(job)
        return Task(backend=job.backend, body=body, seconds=seconds, check=check, seed=job.seed)

    def simulate(self, job: SimulatorJob, at_once: bool = False) -> Task:
        """Run a job on a backend without a queue.

        Args:
            job: The job.
            at_once: Whether it runs regardless of how many jobs are waiting.

        Returns:
            The worker's task.

        Raises:
            PoolFull: If too many jobs are waiting.
        """
        task = self.task(job)
        task.started = lambda: self._started(job)
        self.pool.submit(task, at_once)
        self._tasks[job.job_id] = task
        self._spawn(self._follow_simulation(job, task))
        return task

    def resume(self, job: SimulatorJob) -> None:
        """Run a job of the previous run again. With the same seed it has the same result."""
        device = self.device(job.backend)
        if device is not None:
            self.enqueue(job, device)
        else:
            self.simulate(job, at_once=True)

    def enqueue(self, job: SimulatorJob, device: QueuedDevice) -> None:
        """Add a job to the queue of its device."""
        expected = self._settings.timing.job_overhead + float(job.verdict.get("device_seconds") or 0.0)
        device.submit(job.job_id, job.user, expected)

    def forecasts(self, backend: str) -> dict[str, JobForecast]:
        """Return the forecasts for the unfinished jobs of a backend, by their ids; none for a simulator."""
        device = self.device(backend)
        return {} if device is None else device.forecasts()

    def withdraw(self, job: SimulatorJob, task: Task, reason: str) -> None:
        """End a task whose job was not accepted.

        Args:
            job: The job.
            task: Its task.
            reason: The message of the task's outcome.
        """
        self._tasks.pop(job.job_id, None)
        self.pool.cancel(task, reason)

    async def cancel(self, job: SimulatorJob) -> None:
        """Cancel a job.

        Raises:
            ApiError: If it has finished.
        """
        self.refresh(job)
        if job.decided:
            await job.finished.wait()
            raise ApiError(
                409, 1295, f"Job {job.job_id} is {job.status.lower()} already and cannot be cancelled."
            )
        finishing = self.finish(job, "Cancelled", CANCELLED)
        if (task := self._tasks.pop(job.job_id, None)) is not None:
            self.pool.cancel(task, CANCELLED)
        if (device := self.device(job.backend)) is not None:
            device.cancel(job.job_id)
        await finishing

    async def cancel_session(self, session: RuntimeSession) -> None:
        """Close a session and cancel its jobs."""
        if session.closed_at is None:
            session.accepting_jobs = False
            jobs = self._store.session_jobs(session.session_id)
            await asyncio.gather(*(self.cancel(job) for job in jobs), return_exceptions=True)
            busy = bool(self._store.session_jobs(session.session_id))
            self._sessions.end(session, self._clock(), busy)

    def close_when_over(self, session: RuntimeSession) -> None:
        """Close a session that has started when its maximum duration is over."""
        assert session.activated_at is not None
        left = session.activated_at + session.max_ttl - self._clock()
        loop = asyncio.get_running_loop()
        loop.call_later(max(left, 0.0), lambda: self._spawn(self.cancel_session(session)))

    def refresh(self, job: SimulatorJob) -> None:
        """Update a job's state."""
        if not job.final and (device := self.device(job.backend)) is not None:
            device.advance()

    def finish(
        self, job: SimulatorJob, status: IbmStatus, reason: str | None = None, code: int | None = None
    ) -> Awaitable[object]:
        """Decide a job's final state, unless it is decided.

        Args:
            job: The job.
            status: Its final status.
            reason: The reason of a failure or cancellation.
            code: IBM Quantum's code of the reason.

        Returns:
            An awaitable, to be awaited once: it makes the state visible when the state is on disk.
        """
        if not job.decide(status, self._clock(), reason, code):
            return job.finished.wait()
        return self._reveal(job)

    async def _reveal(self, job: SimulatorJob) -> None:
        # The end of a job becomes visible once it is on disk, so that a restart cannot revoke it.
        if job.quantum_seconds:
            self.usage.add(job.instance, job.quantum_seconds)
        try:
            await self._store.save(job)
        except DatabaseError:
            logger.error("job %s has ended, but would be run again by a restarted service", job.job_id)
        job.reveal()
        self._store.mark_finished(job)
        if job.session_id is not None:
            busy = bool(self._store.session_jobs(job.session_id))
            self._sessions.job_ended(job, self._clock(), busy)

    def _started(self, job: SimulatorJob) -> None:
        job.start(self._clock())
        session = None if job.session_id is None else self._sessions.job_started(job, self._clock())
        if session is not None:
            self.close_when_over(session)

    async def _follow_simulation(self, job: SimulatorJob, task: Task) -> None:
        """Wait for a simulation, and set its job's final state."""
        header, result = await task.outcome
        job.keep_verdict(self._settings.timing.timed(task.verdict.result()))
        await self._set_outcome(job, *self._apply_fault(job, header, result))

    async def _follow_computation(self, device: QueuedDevice, job: SimulatorJob, task: Task) -> None:
        """Wait for the simulation of a job on a device. The job ends with its time on the device."""
        header, result = await task.outcome
        self._tasks.pop(job.job_id, None)
        if job.decided or self._closing:
            return
        header, result = self._apply_fault(job, header, result)
        job.keep_verdict(self._settings.timing.timed(task.verdict.result()))
        device.outcomes[job.job_id] = (header, result)
        # A device is occupied for its overhead and the shots. A job that fails leaves at once.
        seconds = 0.0
        if header["t"] == "done":
            seconds = self._settings.timing.job_overhead + job.verdict.get("device_seconds", 0.0)
        job.quantum_seconds = seconds
        device.set_computed(job.job_id, seconds)

    def _on_device_event(self, device: QueuedDevice, event: QueueEvent) -> None:
        job = self._store.get(event.job_id)
        if job is None or job.decided:
            return
        if event.kind == "started":
            self._started(job)
            task = self.task(job)
            self._tasks[job.job_id] = task
            self.pool.submit(task, at_once=True)
            self._spawn(self._follow_computation(device, job, task))
        elif (outcome := device.outcomes.pop(event.job_id, None)) is not None:
            self._spawn(self._set_outcome(job, *outcome))

    def _apply_fault(
        self, job: SimulatorJob, header: dict[str, Any], result: bytes
    ) -> tuple[dict[str, Any], bytes]:
        """Return a job's outcome, with the fault that applies to it."""
        if header["t"] == "done" and (fault := self.faults.of_job(job.backend)) is not None:
            return fault.header(), b""
        return header, result

    async def _set_outcome(self, job: SimulatorJob, header: dict[str, Any], result: bytes) -> None:
        """Set a job's final state from its worker's message."""
        self._tasks.pop(job.job_id, None)
        if job.decided or self._closing:
            return
        if header["t"] == "done":
            job.result = result
            await self.finish(job, "Completed")
        elif header["t"] in ("overrun", "cancelled"):
            await self.finish(job, "Cancelled", header["message"], header["code"] or None)
        else:
            await self.finish(job, "Failed", header["message"], header["code"])

    async def delete(self, job: SimulatorJob) -> None:
        """Delete a job. One that has not finished is cancelled first."""
        if not job.final:
            # A job that has just finished by itself cannot be cancelled, and is deleted all the same.
            with contextlib.suppress(ApiError):
                await self.cancel(job)
        await job.finished.wait()
        self._store.remove(job.job_id)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
