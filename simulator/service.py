"""What happens to a job between its submission and its end."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import Any

import orjson

from .backends import Backend, catalog
from .device_queue import DeviceQueue, Event
from .errors import ApiError, PoolFull
from .jobs import Job, JobStore
from .pool import Pool, Task
from .settings import Settings

logger = logging.getLogger(__name__)

#: Seconds that a submission waits to be told whether the job's input is right. A service so busy that it
#: takes longer accepts the job; if its input proves wrong, the job fails with the reason.
VERDICT_SECONDS = 2.0
#: Bounds of what a submission may carry besides the parameters.
MAX_TAGS = 32
MAX_TAG_LENGTH = 128
#: What a cancelled job says.
CANCELLED = "The job was cancelled by its user."


class Clock:
    """Seconds since 1970 that never go back."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def __call__(self) -> float:
        """Return the time."""
        return self._offset + time.monotonic()


class Device:
    """A backend with a queue: follows its jobs and wakes when one starts or finishes.

    Args:
        backend: The backend.
        queue: Its queue.
    """

    def __init__(self, backend: Backend, queue: DeviceQueue) -> None:
        self.backend = backend
        self.queue = queue
        self.timer: asyncio.TimerHandle | None = None
        #: Outcomes that are there before their time on the device is over.
        self.outcomes: dict[str, tuple[dict[str, Any], bytes]] = {}


class Service:
    """Takes jobs and sees them through.

    Args:
        settings: All settings.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock()
        self.backends = catalog(settings.devices)
        self.pool = Pool(settings)
        self.store = JobStore(settings.keep_jobs, settings.keep_bytes)
        self.usage_seconds = 0.0
        now = self.clock()
        self._devices = {
            backend.name: Device(backend, DeviceQueue(settings.queue, now, backend.name))
            for backend in self.backends.values()
            if backend.queued
        }
        self._tasks: dict[str, Task] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._seeds = random.Random(settings.queue.seed)

    async def start(self) -> None:
        """Start the workers."""
        await self.pool.start()

    async def close(self) -> None:
        """End the workers; jobs that are not finished fail."""
        for device in self._devices.values():
            if device.timer is not None:
                device.timer.cancel()
        await self.pool.close()
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

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
            ApiError: If there is none of this name.
        """
        backend = self.backends.get(name) if isinstance(name, str) else None
        if backend is None:
            raise ApiError(
                404, 1216, f"Backend {name!r} not found.", "Use one of those that GET /backends lists."
            )
        return backend

    def job(self, job_id: str) -> Job:
        """Return a job, its state brought up to date.

        Raises:
            ApiError: If there is none of this id.
        """
        job = self.store.get(job_id)
        if job is None:
            raise ApiError(
                404, 1291, f"Job not found. Job ID: {job_id}", "Check the job ID; old jobs are forgotten."
            )
        return job

    async def submit(self, body: bytes) -> Job:
        """Take a job.

        Args:
            body: The request.

        Returns:
            The job, checked unless the service is very busy.

        Raises:
            ApiError: If the request is wrong, or too many jobs are waiting.
        """
        job = self._parse(body)
        backend = self.backend(job.backend)
        device = self._devices.get(backend.name)
        task = self._task(job, check=device is not None)
        try:
            if self.store.unfinished >= self.settings.max_waiting:
                raise PoolFull(f"{self.store.unfinished} jobs are not finished yet.")
            if self.store.unfinished_bytes + job.size > self.settings.keep_bytes:
                raise PoolFull("The jobs that are not finished yet take up all the room.")
            if device is None:
                task.started = lambda: job.start(self.clock())
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
            self.store.add(job)
            self._handle(device, device.queue.submit(job.job_id, self.clock()))
        return job

    def cancel(self, job: Job) -> None:
        """Cancel a job.

        Raises:
            ApiError: If it has finished.
        """
        device = self._devices.get(job.backend)
        if device is not None:
            self._advance(device)
        if job.final:
            raise ApiError(
                409, 1295, f"Job {job.job_id} is {job.status.lower()} already and cannot be cancelled."
            )
        self._finish(job, "Cancelled", CANCELLED)
        if (task := self._tasks.pop(job.job_id, None)) is not None:
            self.pool.cancel(task, CANCELLED)
        if device is not None:
            device.outcomes.pop(job.job_id, None)
            self._handle(device, device.queue.cancel(job.job_id, self.clock()))

    def refresh(self, job: Job) -> None:
        """Bring a job's state up to date."""
        if not job.final and (device := self._devices.get(job.backend)) is not None:
            self._advance(device)

    def _parse(self, body: bytes) -> Job:
        try:
            request = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ApiError(400, 1217, f"The body is not JSON: {error}") from error
        if not isinstance(request, dict):
            raise ApiError(400, 1217, "The body must be a JSON object.")
        program_id = request.get("program_id")
        if not isinstance(program_id, str) or not program_id:
            raise ApiError(400, 1217, "program_id must be a program's name: sampler, estimator or executor.")
        if not isinstance(request.get("params"), dict):
            raise ApiError(400, 1217, "params must be a JSON object.")
        if request.get("backend") is None:
            raise ApiError(400, 1217, "backend must be the name of a backend.")
        tags = request.get("tags") or []
        if (
            not isinstance(tags, list)
            or len(tags) > MAX_TAGS
            or not all(isinstance(tag, str) and len(tag) <= MAX_TAG_LENGTH for tag in tags)
        ):
            raise ApiError(
                400, 1217, f"tags must be at most {MAX_TAGS} strings of at most {MAX_TAG_LENGTH} letters."
            )
        cost = request.get("cost")
        if cost is not None and (isinstance(cost, bool) or not isinstance(cost, int | float) or cost <= 0):
            raise ApiError(
                400, 1217, "cost (the maximum execution time) must be a positive number of seconds."
            )
        session_id = request.get("session_id")
        if session_id is not None and not isinstance(session_id, str):
            raise ApiError(400, 1217, "session_id must be a string.")
        return Job(
            program_id=program_id,
            backend=self.backend(request["backend"]).name,
            body=body,
            created=self.clock(),
            tags=tags,
            session_id=session_id,
            cost=cost,
            private=request.get("private") is True,
        )

    def _task(self, job: Job, check: bool = False) -> Task:
        seconds = min(self.settings.limits.max_seconds, job.cost or float("inf"))
        seed = self._seeds.getrandbits(63)
        return Task(backend=job.backend, body=job.body, seconds=seconds, check=check, seed=seed)

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _follow_simulation(self, job: Job, task: Task) -> None:
        """See a job on a simulator to its end."""
        header, result = await task.outcome
        if task.verdict.done() and "simulator" in (verdict := task.verdict.result()):
            job.verdict = verdict
        self._conclude(job, header, result)

    def _conclude(self, job: Job, header: dict[str, Any], result: bytes) -> None:
        """Set a job's final state from what its worker said."""
        self._tasks.pop(job.job_id, None)
        if header["t"] == "done":
            job.result = result
            self._finish(job, "Completed")
        elif header["t"] in ("overrun", "cancelled"):
            self._finish(job, "Cancelled", header["message"], header["code"] or None)
        else:
            self._finish(job, "Failed", header["message"], header["code"])

    def _finish(self, job: Job, status: Any, reason: str | None = None, code: int | None = None) -> None:
        if not job.final:
            job.finish(status, self.clock(), reason, code)
            self.usage_seconds += job.quantum_seconds
            self.store.finished(job)

    async def _follow_device(self, device: Device, job: Job, task: Task) -> None:
        """See the computing of a job on a device to its end; the job ends with its time on the device."""
        header, result = await task.outcome
        self._tasks.pop(job.job_id, None)
        if job.final:
            return
        if task.verdict.done() and "simulator" in (verdict := task.verdict.result()):
            job.verdict = verdict
        device.outcomes[job.job_id] = (header, result)
        # A device is taken for its own overhead and the shots; a job that fails leaves at once.
        seconds = 0.0
        if header["t"] == "done":
            seconds = self.settings.queue.service_seconds / 2 + job.verdict.get("device_seconds", 0.0)
        job.quantum_seconds = seconds
        self._handle(device, device.queue.computed(job.job_id, self.clock(), seconds))

    def _advance(self, device: Device) -> None:
        self._handle(device, device.queue.advance(self.clock()))

    def _handle(self, device: Device, events: list[Event]) -> None:
        """Act on what happened in a device's queue, and see that the next event is noticed in time."""
        for event in events:
            job = self.store.get(event.job_id)
            if job is None or job.final:
                continue
            if event.kind == "started":
                self._start_on_device(device, job)
            elif (outcome := device.outcomes.pop(event.job_id, None)) is not None:
                self._conclude(job, *outcome)
        if device.timer is not None:
            device.timer.cancel()
            device.timer = None
        # Without a job of ours the queue is brought up to date when somebody looks at it.
        if device.queue.own() and (moment := device.queue.next_change()) is not None:
            delay = max(moment - self.clock(), 0.0)
            device.timer = asyncio.get_running_loop().call_later(delay, self._advance, device)

    def _start_on_device(self, device: Device, job: Job) -> None:
        job.start(self.clock())
        task = self._task(job)
        self._tasks[job.job_id] = task
        try:
            self.pool.submit(task)
        except PoolFull as error:
            task.end({"t": "failed", "message": str(error), "code": 9501})
        self._spawn(self._follow_device(device, job, task))
