"""The storage of jobs: in memory and on disk, within limits."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator

import orjson

from .database import Database
from .errors import DatabaseError
from .jobs import SimulatorJob

#: Bytes of finished jobs' bodies and results that stay in memory although they are on disk too.
MEMORY_BYTES = 64 * 1024 * 1024


class JobStore:
    """Stores jobs in memory and on disk, within limits. The oldest finished jobs are removed first.

    Args:
        max_finished: Maximum number of finished jobs.
        max_bytes: Maximum bytes of finished jobs.
        database: Stores them on disk; None keeps them in memory only.
        memory_bytes: Maximum bytes of bodies and results in memory, if they are on disk too.
    """

    def __init__(
        self,
        max_finished: int,
        max_bytes: int,
        database: Database | None = None,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self._jobs: OrderedDict[str, SimulatorJob] = OrderedDict()
        self._finished: OrderedDict[str, int] = OrderedDict()
        self._finished_bytes = 0
        #: Bytes of unfinished jobs.
        self.unfinished_bytes = 0
        self._max_finished = max_finished
        self._max_bytes = max_bytes
        self._database = database
        self._resident: OrderedDict[str, int] = OrderedDict()
        self._resident_bytes = 0
        self._memory_bytes = memory_bytes

    @property
    def durable(self) -> bool:
        """Whether jobs are kept when the service ends."""
        return self._database is not None

    @property
    def unfinished(self) -> int:
        """Number of unfinished jobs."""
        return len(self._jobs) - len(self._finished)

    def load(self) -> list[SimulatorJob]:
        """Read the jobs on disk, and return the unfinished ones, which are queued again."""
        if self._database is None:
            return []
        rows = list(self._database.jobs())
        for fields, body in rows:
            job = SimulatorJob(body=body, **fields)
            job.decided, job.stored = job.final, True
            job.body_size = fields["body_size"]
            if not job.final:
                job.status, job.running_at = "Queued", None
            self.add(job)
            if job.final:
                job.finished.set()
                self.mark_finished(job)
        return [job for job in self._jobs.values() if not job.final]

    def add(self, job: SimulatorJob) -> None:
        """Add a new job."""
        self._jobs[job.job_id] = job
        self.unfinished_bytes += job.body_size + 1024

    def get(self, job_id: str) -> SimulatorJob | None:
        """Return a job; None if it does not exist."""
        return self._jobs.get(job_id)

    def body(self, job: SimulatorJob) -> bytes:
        """Return the request that submitted a job."""
        if job.body is None and self._database is not None:
            return self._database.body(job.job_id) or b"{}"
        return job.body or b"{}"

    def result(self, job: SimulatorJob) -> bytes | None:
        """Return a job's result, if it has one."""
        if job.result is None and job.result_size and self._database is not None:
            return self._database.result(job.job_id)
        return job.result

    async def take_result(self, job: SimulatorJob) -> bytes | None:
        """Return the result of a private job, if it has not been read, and delete it.

        Raises:
            DatabaseError: If it cannot be deleted. It can be read again then.
        """
        result = None if job.results_read else self.result(job)
        if result is None:
            return None
        job.results_read = True
        stored = (job.result, job.result_size)
        job.result, job.result_size = None, 0
        try:
            if self._database is not None and job.stored:
                self._database.forget("results", job.job_id)
                await self.save(job)
        except DatabaseError:
            job.results_read = False
            job.result, job.result_size = stored
            raise
        return result

    async def save(self, job: SimulatorJob) -> None:
        """Write the current state of a job to disk.

        Raises:
            DatabaseError: If that fails.
        """
        if self._database is None or job.job_id not in self._jobs:
            return
        key = job.job_id
        if not job.stored:
            self._database.put("bodies", key, job.body)
        if job.result is not None:
            self._database.put("results", key, job.result)
        if job.private and job.decided:
            self._database.forget("bodies", key)
        fields = orjson.dumps(job.fields())
        job.written = self._database.put("jobs", key, job.created, int(job.decided), fields)
        job.stored = True
        await self.ensure_saved(job)

    async def ensure_saved(self, job: SimulatorJob) -> None:
        """Wait until a job is on disk; save it if it has not been saved.

        Raises:
            DatabaseError: If that fails.
        """
        if self._database is None:
            return None
        if job.written is None:
            return await self.save(job)
        try:
            await asyncio.shield(job.written)
        except DatabaseError:
            job.stored, job.written = False, None
            raise

    def mark_finished(self, job: SimulatorJob) -> None:
        """Record that a job is finished, so that it can be removed for newer ones."""
        if job.job_id not in self._jobs or job.job_id in self._finished:
            return
        self.unfinished_bytes -= job.body_size + 1024
        if job.private:
            job.body, job.body_size = None, 0
        self._finished[job.job_id] = job.size
        self._finished_bytes += job.size
        while len(self._finished) > 1 and (
            len(self._finished) > self._max_finished or self._finished_bytes > self._max_bytes
        ):
            self.remove(next(iter(self._finished)))
        if self._database is not None and job.stored and job.job_id in self._jobs:
            self._trim_memory(job)

    def _trim_memory(self, job: SimulatorJob) -> None:
        """Remove the least recently used bodies and results from memory. They are on disk."""
        size = len(job.body or b"") + len(job.result or b"")
        self._resident[job.job_id] = size
        self._resident_bytes += size
        while self._resident_bytes > self._memory_bytes:
            key, size = self._resident.popitem(last=False)
            self._resident_bytes -= size
            self._jobs[key].body = self._jobs[key].result = None

    def remove(self, job_id: str) -> None:
        """Delete a job."""
        job = self._jobs.pop(job_id, None)
        self._resident_bytes -= self._resident.pop(job_id, 0)
        if job_id in self._finished:
            self._finished_bytes -= self._finished.pop(job_id)
        elif job is not None:
            self.unfinished_bytes -= job.body_size + 1024
        if self._database is not None and job is not None and job.stored:
            for table in ("jobs", "bodies", "results"):
                self._database.forget(table, job_id)

    def find(
        self, selects: Callable[[SimulatorJob], bool], newest_first: bool = True
    ) -> Iterator[SimulatorJob]:
        """Return the jobs that a filter selects, in order of their creation."""
        jobs = reversed(self._jobs.values()) if newest_first else iter(self._jobs.values())
        return (job for job in jobs if selects(job))

    def session_jobs(self, session_id: str) -> list[SimulatorJob]:
        """Return a session's jobs whose final state is not decided, oldest first."""
        return list(
            self.find(lambda job: job.session_id == session_id and not job.decided, newest_first=False)
        )
