"""The service: accepts jobs and knows backends, jobs, sessions and faults."""

from __future__ import annotations

import asyncio
import random
import secrets

from core.rate_limits import RateLimiter, SlidingWindow

from .backends import Backend, catalog
from .clock import Clock
from .database import Database
from .errors import ApiError, DatabaseError, FaultsWrong, PoolFull
from .faults import Faults
from .faults import read as read_faults
from .instances import belongs
from .job_runner import JobRunner
from .job_store import JobStore
from .jobs import SimulatorJob
from .sessions import Sessions
from .settings import SimulatorSettings
from .submission import SubmissionRequest
from .task import Task

#: Seconds for which a submission waits for the check of the job's input. If the service is so busy that it
#: takes longer, the job is accepted, and fails with the reason if its input is wrong.
VERDICT_SECONDS = 2.0
#: Users whose submissions are counted for the limit.
REMEMBERED_USERS = 1_000


class Service:
    """Accepts jobs, and has the parts that run and store them.

    Args:
        settings: All settings.

    Raises:
        BackendUnknown: If a device of the settings does not exist.
        DatabaseError: If the database file cannot be used.
        FaultsWrong: If the faults are invalid.
    """

    def __init__(self, settings: SimulatorSettings) -> None:
        self.settings = settings
        self.clock = Clock()
        self.backends = catalog(settings.devices)
        self._database = None if settings.database is None else Database(settings.database)
        self.store = JobStore(settings.keep_jobs, settings.keep_bytes, self._database)
        self.sessions = Sessions(self._database)
        #: None: no limit.
        self.rate_limiter: RateLimiter | None = None
        if settings.rate_limit:
            self.rate_limiter = RateLimiter(lambda: SlidingWindow(settings.rate_limit), REMEMBERED_USERS)
        stored_secret = None if self._database is None else self._database.fact("token_secret")
        #: Signs tokens. It is the same after a restart, so that tokens stay valid.
        self.token_secret = bytes.fromhex(stored_secret or secrets.token_hex(32))
        #: Number of unfinished jobs of the service's previous run.
        self.resumed = 0
        self._seeds = random.Random(settings.queue.seed)
        self._unfinished = self.store.load()
        self.runner = JobRunner(
            settings,
            self.clock,
            self.backends.values(),
            self._read_faults(settings.faults),
            self.store,
            self.sessions,
            self._database,
        )

    @property
    def faults(self) -> Faults:
        """The faults that are set."""
        return self.runner.faults

    async def start(self) -> None:
        """Resume the jobs of the previous run, and start the workers."""
        if self._database is not None:
            self._database.remember("token_secret", self.token_secret.hex())
        for job in self._unfinished:
            if job.backend in self.backends:
                self.runner.resume(job)
            else:
                message = f"The service was started again without the backend {job.backend}."
                await self.runner.finish(job, "Failed", message, 9501)
        self.resumed = len(self._unfinished)
        self._unfinished = []
        self.runner.set_faults(self.faults)
        for session in self.sessions.all_active():
            self.runner.close_when_over(session)
        await self.runner.pool.start()

    async def close(self) -> None:
        """End the workers. Unfinished jobs fail, unless they are stored for the next run."""
        await self.runner.close()
        if self._database is not None:
            await self._database.wait_for_checkpoint()
            self._database.close()

    def change_faults(self, document: object) -> None:
        """Replace the faults by those of a JSON document.

        Raises:
            ApiError: If the description is wrong.
        """
        try:
            self.runner.set_faults(self._read_faults(document))
        except FaultsWrong as error:
            raise ApiError(400, 1217, str(error)) from error

    def _read_faults(self, document: object) -> Faults:
        return read_faults(document, {backend.name: backend.queued for backend in self.backends.values()})

    def queue_state(self, backend: Backend) -> tuple[int, dict[str, float]]:
        """Return a backend's queue length and recent waiting times."""
        device = self.runner.device(backend.name)
        return (0, {"average": 0.0, "p50": 0.0, "p95": 0.0}) if device is None else device.state()

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

    def job(self, job_id: str, instance: str) -> SimulatorJob:
        """Return a job of an instance after an update of its state.

        Raises:
            ApiError: If it does not exist.
        """
        job = self.store.get(job_id)
        if job is None or not belongs(job.instance, instance):
            raise ApiError(
                404, 1291, f"Job not found. Job ID: {job_id}", "Check the job ID. Old jobs are deleted."
            )
        self.runner.refresh(job)
        return job

    async def submit(self, body: bytes, user: str = "", instance: str = "") -> SimulatorJob:
        """Accept a job.

        Args:
            body: The request.
            user: The user who sent it.
            instance: The CRN of the instance that it is for.

        Returns:
            The job. Its input has been checked, unless the service is very busy.

        Raises:
            ApiError: If the request is wrong, too many jobs are waiting, or the instance has no time left.
        """
        self.runner.usage.check(instance)
        job = self._parse(body, user, instance)
        device = self.runner.device(job.backend)
        task = self._start(job, check_only=device is not None)
        done, _ = await asyncio.wait([task.verdict], timeout=VERDICT_SECONDS)
        verdict = task.verdict.result() if done else {}
        if verdict.get("t") == "refused":
            self.store.remove(job.job_id)
            raise ApiError(
                verdict["status"], verdict["code"], verdict["message"], "Correct the job and submit again."
            )
        job.verdict = self.settings.timing.timed(verdict)
        if device is not None:
            if verdict.get("t") == "failed":
                raise ApiError(400, verdict["code"], verdict["message"])
            # An older job is listed no later than a newer one: a list with a job also has the older ones.
            job.created = self.clock()
            self.store.add(job)
        try:
            await self.store.ensure_saved(job)
        except DatabaseError as error:
            self.runner.withdraw(job, task, str(error))
            self.store.remove(job.job_id)
            raise ApiError(503, 9503, str(error), "Submit again later.", {"Retry-After": "5"}) from error
        if device is not None and not job.decided:
            self.runner.enqueue(job, device)
        return job

    def _start(self, job: SimulatorJob, check_only: bool) -> Task:
        """Give a new job to a worker, which runs it or, for a device with a queue, only checks it.

        Raises:
            ApiError: If too many jobs are waiting.
        """
        try:
            if self.store.unfinished >= self.settings.max_waiting:
                raise PoolFull(f"{self.store.unfinished} jobs are not finished yet.")
            if self.store.unfinished_bytes + job.size > self.settings.keep_bytes:
                raise PoolFull("The jobs that are not finished yet take up all the room.")
            if check_only:
                task = self.runner.task(job, check=True)
                self.runner.pool.submit(task)
            else:
                task = self.runner.simulate(job)
                self.store.add(job)
        except PoolFull as error:
            raise ApiError(429, 1301, str(error), "Submit again later.", {"Retry-After": "5"}) from error
        return task

    def _parse(self, body: bytes, user: str, instance: str) -> SimulatorJob:
        submission = SubmissionRequest.read(body)
        device = self.backend(submission.backend)
        device.check_calibration(submission.calibration_id)
        backend = device.name
        if submission.session_id is not None:
            self.sessions.admit(submission.session_id, backend, instance)
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
            instance=instance,
            calibration_id=submission.calibration_id,
            seed=self._seeds.getrandbits(63),
        )
