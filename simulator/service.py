"""The service: jobs from their submission to their end."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Awaitable
from typing import Any

from core.rate_limits import RateLimiter, SlidingWindow

from . import faults
from .backends import Backend, catalog
from .database import Database
from .device_queue import DeviceQueue, Event
from .errors import ApiError, DatabaseError, FaultsWrong, PoolFull
from .job_store import JobStore
from .jobs import SimulatorJob, Status
from .pool import WorkerPool
from .sessions import RuntimeSession, Sessions
from .settings import SimulatorSettings
from .submission import SubmissionRequest
from .task import Task

logger = logging.getLogger(__name__)

#: Seconds for which a submission waits for the check of the job's input. If the service is so busy that it
#: takes longer, the job is accepted, and fails with the reason if its input is wrong.
VERDICT_SECONDS = 2.0
#: Users whose submissions are counted for the limit.
REMEMBERED_USERS = 1_000
#: The reason of a cancelled job.
CANCELLED = "The job was cancelled by its user."


class Clock:
    """Seconds since 1970 that never go back."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def __call__(self) -> float:
        """Return the time."""
        return self._offset + time.monotonic()


class QueuedDevice:
    """A backend with a queue, and the timer of the queue's next event.

    Args:
        backend: The backend.
        queue: Its queue.
    """

    def __init__(self, backend: Backend, queue: DeviceQueue) -> None:
        self.backend = backend
        self.queue = queue
        self.timer: asyncio.TimerHandle | None = None
        #: Outcomes of jobs whose time on the device is not over.
        self.outcomes: dict[str, tuple[dict[str, Any], bytes]] = {}


class Service:
    """Accepts jobs, runs them and stores their results.

    Args:
        settings: All settings.

    Raises:
        DatabaseError: If the database file cannot be used.
        FaultsWrong: If the faults are invalid.
    """

    def __init__(self, settings: SimulatorSettings) -> None:
        self.settings = settings
        self.clock = Clock()
        self.backends = catalog(settings.devices)
        self.pool = WorkerPool(settings)
        self._database = None if settings.database is None else Database(settings.database)
        self.store = JobStore(settings.keep_jobs, settings.keep_bytes, self._database)
        self.sessions = Sessions(self._database)
        #: None: no limit.
        self.rate_limiter: RateLimiter | None = None
        if settings.rate_limit:
            self.rate_limiter = RateLimiter(lambda: SlidingWindow(settings.rate_limit), REMEMBERED_USERS)
        self.usage_seconds = float(self._fact("usage_seconds") or 0.0)
        #: Signs tokens. It is the same after a restart, so that tokens stay valid.
        self.token_secret = bytes.fromhex(self._fact("token_secret") or secrets.token_hex(32))
        #: Number of unfinished jobs of the service's previous run.
        self.resumed = 0
        self._closing = False
        now = self.clock()
        self._devices = {
            backend.name: QueuedDevice(backend, DeviceQueue(settings.queue, now, backend.name))
            for backend in self.backends.values()
            if backend.queued
        }
        self._tasks: dict[str, Task] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._seeds = random.Random(settings.queue.seed)
        self._unfinished = self.store.load()
        self.faults = self._read_faults(settings.faults)

    def _fact(self, name: str) -> Any:
        return None if self._database is None else self._database.fact(name)

    async def start(self) -> None:
        """Resume the jobs of the previous run, and start the workers."""
        if self._database is not None:
            self._database.remember("token_secret", self.token_secret.hex())
        for job in self._unfinished:
            if job.backend in self.backends:
                self._resume(job)
            else:
                message = f"The service was started again without the backend {job.backend}."
                await self._finish(job, "Failed", message, 9501)
        self.resumed = len(self._unfinished)
        self._unfinished = []
        self.set_faults(self.faults)
        for session in self.sessions.all_active():
            self._watch(session)
        await self.pool.start()

    async def close(self) -> None:
        """End the workers. Unfinished jobs fail, unless they are stored for the next run."""
        self._closing = self.store.durable
        for device in self._devices.values():
            if device.timer is not None:
                device.timer.cancel()
        await self.pool.close()
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        if self._database is not None:
            await self._database.settled()
            self._database.close()

    def _read_faults(self, document: object) -> faults.Faults:
        return faults.read(document, {backend.name: backend.queued for backend in self.backends.values()})

    def change_faults(self, document: object) -> None:
        """Replace the faults by those of a JSON document.

        Raises:
            ApiError: If the description is wrong.
        """
        try:
            self.set_faults(self._read_faults(document))
        except FaultsWrong as error:
            raise ApiError(400, 1217, str(error)) from error

    def set_faults(self, new_faults: faults.Faults) -> None:
        """Replace the faults."""
        self.faults = new_faults
        for name, device in self._devices.items():
            self._handle(device, device.queue.pause(name in new_faults.devices, self.clock()))

    def queue_state(self, backend: Backend) -> tuple[int, dict[str, float]]:
        """Return a backend's queue length and recent waiting times."""
        device = self._devices.get(backend.name)
        if device is None:
            return 0, {"average": 0.0, "p50": 0.0, "p95": 0.0}
        self._advance(device)
        return device.queue.length, device.queue.waits()

    def backend(self, name: object) -> Backend:
        """Return a backend.

        Raises:
            ApiError: If it does not exist.
        """
        backend = self.backends.get(name) if isinstance(name, str) else None
        if backend is None:
            raise ApiError(
                404, 1216, f"Backend {name!r} not found.", "Use one of those that GET /backends lists."
            )
        return backend

    def job(self, job_id: str) -> SimulatorJob:
        """Return a job after an update of its state.

        Raises:
            ApiError: If it does not exist.
        """
        job = self.store.get(job_id)
        if job is None:
            raise ApiError(
                404, 1291, f"Job not found. Job ID: {job_id}", "Check the job ID. Old jobs are deleted."
            )
        return job

    async def submit(self, body: bytes, user: str = "") -> SimulatorJob:
        """Accept a job.

        Args:
            body: The request.
            user: The user who sent it.

        Returns:
            The job. Its input has been checked, unless the service is very busy.

        Raises:
            ApiError: If the request is wrong, or too many jobs are waiting.
        """
        job = self._parse(body, user)
        backend = self.backend(job.backend)
        device = self._devices.get(backend.name)
        task = self._task(job, check=device is not None)
        try:
            if self.store.unfinished >= self.settings.max_waiting:
                raise PoolFull(f"{self.store.unfinished} jobs are not finished yet.")
            if self.store.unfinished_bytes + job.size > self.settings.keep_bytes:
                raise PoolFull("The jobs that are not finished yet take up all the room.")
            if device is None:
                task.started = lambda: self._started(job)
            self.pool.submit(task)
        except PoolFull as error:
            raise ApiError(429, 1301, str(error), "Submit again later.", {"Retry-After": "5"}) from error
        if device is None:
            self._tasks[job.job_id] = task
            self.store.add(job)
            self._spawn(self._follow_simulation(job, task))
        done, _ = await asyncio.wait([task.verdict], timeout=VERDICT_SECONDS)
        verdict = task.verdict.result() if done else {}
        if verdict.get("t") == "refused":
            self.store.remove(job.job_id)
            raise ApiError(
                verdict["status"], verdict["code"], verdict["message"], "Correct the job and submit again."
            )
        job.verdict = verdict
        if device is not None:
            if verdict.get("t") == "failed":
                raise ApiError(400, verdict["code"], verdict["message"])
            # An older job is listed no later than a newer one: a list with a job also has the older ones.
            job.created = self.clock()
            self.store.add(job)
        try:
            await self.store.saved(job)
        except DatabaseError as error:
            self._tasks.pop(job.job_id, None)
            self.pool.cancel(task, str(error))
            self.store.remove(job.job_id)
            raise ApiError(503, 9503, str(error), "Submit again later.", {"Retry-After": "5"}) from error
        if device is not None and not job.decided:
            self._handle(device, device.queue.submit(job.job_id, self.clock()))
        return job

    def _resume(self, job: SimulatorJob) -> None:
        """Run a job of the previous run again. With the same seed it has the same result."""
        device = self._devices.get(job.backend)
        if device is not None:
            self._handle(device, device.queue.submit(job.job_id, self.clock()))
            return
        task = self._task(job)
        task.started = lambda: self._started(job)
        self._tasks[job.job_id] = task
        self.pool.submit(task, at_once=True)
        self._spawn(self._follow_simulation(job, task))

    def _started(self, job: SimulatorJob) -> None:
        job.start(self.clock())
        if job.session_id is not None and (session := self.sessions.started(job, self.clock())) is not None:
            self._watch(session)

    def _watch(self, session: RuntimeSession) -> None:
        """Close a session when its time is over."""
        assert session.activated_at is not None
        left = session.activated_at + session.max_ttl - self.clock()
        loop = asyncio.get_running_loop()
        loop.call_later(max(left, 0.0), lambda: self._spawn(self.cancel_session(session)))

    def session_jobs(self, session: RuntimeSession) -> list[SimulatorJob]:
        """Return a session's jobs that have not ended."""
        return list(
            self.store.find(lambda job: job.session_id == session.session_id and not job.decided, False)
        )

    async def cancel_session(self, session: RuntimeSession) -> None:
        """Close a session and cancel its jobs."""
        if session.closed_at is None:
            session.accepting_jobs = False
            await asyncio.gather(
                *(self.cancel(job) for job in self.session_jobs(session)), return_exceptions=True
            )
            self.sessions.end(session, self.clock(), bool(self.session_jobs(session)))

    async def cancel(self, job: SimulatorJob) -> None:
        """Cancel a job.

        Raises:
            ApiError: If it has finished.
        """
        device = self._devices.get(job.backend)
        if device is not None:
            self._advance(device)
        if job.decided:
            await job.finished.wait()
            raise ApiError(
                409, 1295, f"Job {job.job_id} is {job.status.lower()} already and cannot be cancelled."
            )
        finishing = self._finish(job, "Cancelled", CANCELLED)
        if (task := self._tasks.pop(job.job_id, None)) is not None:
            self.pool.cancel(task, CANCELLED)
        if device is not None:
            device.outcomes.pop(job.job_id, None)
            self._handle(device, device.queue.cancel(job.job_id, self.clock()))
        await finishing

    def refresh(self, job: SimulatorJob) -> None:
        """Update a job's state."""
        if not job.final and (device := self._devices.get(job.backend)) is not None:
            self._advance(device)

    def _parse(self, body: bytes, user: str) -> SimulatorJob:
        submission = SubmissionRequest.read(body)
        backend = self.backend(submission.backend).name
        if submission.session_id is not None:
            self.sessions.admit(submission.session_id, backend)
        return SimulatorJob(
            program_id=submission.program_id,
            backend=backend,
            body=body,
            created=self.clock(),
            tags=submission.tags,
            session_id=submission.session_id,
            cost=submission.cost,
            private=submission.private,
            user=user,
            seed=self._seeds.getrandbits(63),
        )

    def _task(self, job: SimulatorJob, check: bool = False) -> Task:
        seconds = min(self.settings.limits.max_seconds, job.cost or float("inf"))
        body = self.store.body(job)
        return Task(backend=job.backend, body=body, seconds=seconds, check=check, seed=job.seed)

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _follow_simulation(self, job: SimulatorJob, task: Task) -> None:
        """Follow a job on a simulator to its end."""
        header, result = await task.outcome
        if task.verdict.done() and "simulator" in (verdict := task.verdict.result()):
            job.verdict = verdict
        await self._set_outcome(job, *self._apply_fault(job, header, result))

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
            await self._finish(job, "Completed")
        elif header["t"] in ("overrun", "cancelled"):
            await self._finish(job, "Cancelled", header["message"], header["code"] or None)
        else:
            await self._finish(job, "Failed", header["message"], header["code"])

    def _finish(
        self, job: SimulatorJob, status: Status, reason: str | None = None, code: int | None = None
    ) -> Awaitable[None]:
        """Decide a job's final state; the awaitable makes it visible once it is on disk."""
        if not job.decide(status, self.clock(), reason, code):
            return job.finished.wait()  # type: ignore[return-value]
        return self._reveal(job)

    async def _reveal(self, job: SimulatorJob) -> None:
        # The end of a job becomes visible once it is on disk, so that a restart cannot revoke it.
        if job.quantum_seconds:
            self.usage_seconds += job.quantum_seconds
            if self._database is not None:
                self._database.remember("usage_seconds", self.usage_seconds)
        try:
            await self.store.save(job)
        except DatabaseError:
            logger.error("job %s has ended, but would be run again by a restarted service", job.job_id)
        job.reveal()
        self.store.finished(job)
        if job.session_id is not None:
            session = self.sessions.find(job.session_id)
            busy = session is not None and bool(self.session_jobs(session))
            self.sessions.ended(job, self.clock(), busy)

    async def _follow_device(self, device: QueuedDevice, job: SimulatorJob, task: Task) -> None:
        """Follow the computation of a job on a device. The job ends with its time on the device."""
        header, result = await task.outcome
        self._tasks.pop(job.job_id, None)
        if job.decided or self._closing:
            return
        header, result = self._apply_fault(job, header, result)
        if task.verdict.done() and "simulator" in (verdict := task.verdict.result()):
            job.verdict = verdict
        device.outcomes[job.job_id] = (header, result)
        # A device is occupied for its overhead and the shots. A job that fails leaves at once.
        seconds = 0.0
        if header["t"] == "done":
            seconds = self.settings.queue.service_seconds / 2 + job.verdict.get("device_seconds", 0.0)
        job.quantum_seconds = seconds
        self._handle(device, device.queue.computed(job.job_id, self.clock(), seconds))

    def _advance(self, device: QueuedDevice) -> None:
        self._handle(device, device.queue.advance(self.clock()))

    def _handle(self, device: QueuedDevice, events: list[Event]) -> None:
        """Handle the events of a device's queue, and set the timer of the next one."""
        for event in events:
            job = self.store.get(event.job_id)
            if job is None or job.decided:
                continue
            if event.kind == "started":
                self._start_on_device(device, job)
            elif (outcome := device.outcomes.pop(event.job_id, None)) is not None:
                self._spawn(self._set_outcome(job, *outcome))
        if device.timer is not None:
            device.timer.cancel()
            device.timer = None
        # Without a job of this service the queue is updated when its state is requested.
        if device.queue.own() and (moment := device.queue.next_change()) is not None:
            delay = max(moment - self.clock(), 0.0)
            device.timer = asyncio.get_running_loop().call_later(delay, self._advance, device)

    def _start_on_device(self, device: QueuedDevice, job: SimulatorJob) -> None:
        self._started(job)
        task = self._task(job)
        self._tasks[job.job_id] = task
        self.pool.submit(task, at_once=True)
        self._spawn(self._follow_device(device, job, task))
