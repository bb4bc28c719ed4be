"""A wait of the caller: when it ends, and with which error."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from qwhisk_client.effects import Flow
from qwhisk_client.errors import QwhiskError, WaitTimeoutError
from qwhisk_client.retries import is_temporary

T = TypeVar("T")


class Wait:
    """A wait for a job, or for the events of all jobs.

    Args:
        process_job_id: the job; None for all.
        timeout: seconds until it ends.
        monotonic: returns the time in seconds.
    """

    def __init__(self, process_job_id: str | None, timeout: float, monotonic: Callable[[], float]) -> None:
        self.process_job_id = process_job_id
        self.timeout = timeout
        self.deadline = monotonic() + timeout
        self._monotonic = monotonic

    @property
    def remaining(self) -> float:
        """The seconds until its deadline; not positive afterwards."""
        return self.deadline - self._monotonic()

    def expired(self) -> WaitTimeoutError:
        """Return the error with which it ends at its deadline."""
        return WaitTimeoutError(self.process_job_id, self.timeout)

    def error(self, error: QwhiskError) -> QwhiskError:
        """Return what the wait raises for an error: a temporary one ends it at the deadline only."""
        if is_temporary(error) and self.remaining <= 0:
            expired = self.expired()
            expired.__cause__ = error
            return expired
        return error

    def bounded(self, flow: Flow[T]) -> Flow[T]:
        """Perform a flow that has the deadline of this wait.

        Raises:
            WaitTimeoutError: it has not succeeded by the deadline.
        """
        try:
            return (yield from flow)
        except QwhiskError as error:
            if (ended := self.error(error)) is error:
                raise
            raise ended from error
