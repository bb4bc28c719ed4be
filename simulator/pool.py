"""Which worker runs which job, and for how long.

Large jobs must not delay small ones. Whether a job is large is known once a worker has decoded it. So a job
goes to any idle worker. If it proves large while the permitted number of workers runs large jobs, the
worker returns it, and it runs when one of those is done.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from . import frames
from .errors import PoolFull
from .settings import SimulatorSettings
from .task import Task, failure
from .worker_processes import WorkerProcess, WorkerProcesses

#: Seconds beyond a job's limit after which its worker is killed, so that the worker can report more itself.
KILL_SLACK = 0.5


class WorkerPool:
    """Gives tasks to worker processes.

    Args:
        settings: How many workers there are, and their limits.
    """

    def __init__(self, settings: SimulatorSettings) -> None:
        self._settings = settings
        self._permits = max(1, settings.workers - 1)
        #: Tasks that no worker has decoded, and those that a worker has returned as large.
        self._new: deque[Task] = deque()
        self._large: deque[Task] = deque()
        self._idle: list[WorkerProcess] = []
        self._workers = WorkerProcesses(settings, self._on_message, self._on_end)
        self._tasks = 0
        self._closing = False

    @property
    def ready(self) -> bool:
        """Whether there is at least one worker."""
        return self._workers.ready

    @property
    def waiting(self) -> int:
        """Number of tasks that wait for a worker."""
        return len(self._new) + len(self._large)

    async def start(self) -> None:
        """Start the workers and wait until all are ready.

        Raises:
            RuntimeError: If they do not start.
            TimeoutError: If they are not ready in time.
        """
        await self._workers.start()

    async def close(self) -> None:
        """End all workers; their tasks fail."""
        self._closing = True
        reason = failure("The service is shutting down.", 9500)
        for queue in (self._new, self._large):
            while queue:
                queue.popleft().end(reason)
        await self._workers.close(reason)

    def submit(self, task: Task, at_once: bool = False) -> None:
        """Give a task to a worker, now or when one is free.

        Args:
            task: The task.
            at_once: Whether the task is accepted regardless of how many are waiting, because its job has been
                accepted.

        Raises:
            PoolFull: If too many are waiting.
        """
        if not at_once and self.waiting >= self._settings.max_waiting:
            raise PoolFull(f"{self.waiting} jobs are waiting for a worker already.")
        self._tasks += 1
        task.number = self._tasks
        self._new.append(task)
        self._dispatch()

    def cancel(self, task: Task, reason: str, code: int = 0) -> None:
        """Take a task from the queue, or end the worker that runs it.

        Args:
            task: The task.
            reason: The message of its outcome.
            code: IBM Quantum's error code.
        """
        header = {"t": "cancelled", "message": reason, "code": code}
        for queue in (self._new, self._large):
            if task in queue:
                queue.remove(task)
                task.end(header)
                return
        for worker in self._workers:
            if worker.task is task:
                worker.kill(header)

    def _dispatch(self) -> None:
        while self._idle and not self._closing:
            permit = sum(worker.permit for worker in self._workers) < self._permits
            queue = self._new
            if self._large and permit and not (self._new and self._new[0].number < self._large[0].number):
                queue = self._large
            if not queue:
                return
            self._assign(self._idle.pop(), queue.popleft(), permit)

    def _assign(self, worker: WorkerProcess, task: Task, permit: bool) -> None:
        worker.task = task
        worker.permit = permit and not task.check
        header = {
            "backend": task.backend,
            "check": task.check,
            "may_be_large": worker.permit,
            "threads": self._threads(),
            "seconds": task.seconds,
            "seed": task.seed,
        }
        worker.writer.write(frames.encode(header, task.body))
        loop = asyncio.get_running_loop()
        worker.alarm = loop.call_later(task.seconds + KILL_SLACK, self._on_overrun, worker, task)

    def _threads(self) -> int:
        """Return how many threads the next job may use if it is large; all of them if no other is large."""
        others = sum(worker.large for worker in self._workers) + len(self._large)
        return max(1, self._settings.large_threads // (1 + others))

    def _on_overrun(self, worker: WorkerProcess, task: Task) -> None:
        message = f"The job ran longer than its maximum execution time of {task.seconds:g} seconds."
        worker.kill({"t": "overrun", "message": message, "code": 1305})

    def _on_message(self, worker: WorkerProcess, header: dict[str, Any], body: bytes) -> None:
        kind = header["t"]
        task = worker.task
        if kind == "hello":
            self._release(worker)
            return
        if task is None:
            return
        if kind == "accepted":
            self._on_accepted(worker, task, header)
            return
        if kind == "deferred":
            # It returns to its place in the order of arrival.
            place = sum(other.number < task.number for other in self._large)
            self._large.insert(place, task)
            if not task.verdict.done():
                task.verdict.set_result(header)
        else:
            if kind == "done" and not task.verdict.done() and task.started is not None:
                task.started()
            task.end(header, body)
        self._release(worker)

    def _on_accepted(self, worker: WorkerProcess, task: Task, header: dict[str, Any]) -> None:
        worker.large = header["large"]
        if not worker.large and worker.permit:
            worker.permit = False
            self._dispatch()
        if not task.verdict.done():
            task.verdict.set_result(header)
        if task.started is not None:
            task.started()

    def _on_end(self, worker: WorkerProcess) -> None:
        if worker in self._idle:
            self._idle.remove(worker)
        # Its permit is free now.
        self._dispatch()

    def _release(self, worker: WorkerProcess) -> None:
        if worker.alarm is not None:
            worker.alarm.cancel()
        worker.alarm, worker.task = None, None
        worker.permit = worker.large = False
        if worker.killed is None:
            # A worker that is being killed may still answer, and gets no other task.
            self._idle.append(worker)
        self._dispatch()
