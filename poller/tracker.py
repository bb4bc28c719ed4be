"""All jobs and cancellation requests that this process tracks, by message and by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from core.kafka.offsets import Partition
from poller.accounts import Accounts
from poller.tracked_job import Key, TrackedJob


class JobTracker:
    """The jobs and cancellation requests tracked here.

    Not thread-safe, except for `states`: the loop's thread makes all other calls.

    Args:
        accounts: the accounts of the jobs.
        commit: called with the partition and offset of each finished message.
    """

    def __init__(self, accounts: Accounts, commit: Callable[[Partition, int], None]) -> None:
        self._accounts = accounts
        self._commit = commit
        self._by_message: dict[tuple[Partition, int], TrackedJob] = {}
        self._by_step: dict[Key, TrackedJob] = {}
        self._cancellations: dict[tuple[Partition, int], TrackedJob] = {}

    def __len__(self) -> int:
        return len(self._by_message)

    def __iter__(self) -> Iterator[TrackedJob]:
        return iter(list(self._by_message.values()))

    def __contains__(self, tracked: TrackedJob) -> bool:
        """Whether it is still tracked: it was not revoked, and its message was not delivered again."""
        return self._by_message.get(tracked.identity) is tracked

    def add(self, tracked: TrackedJob, now: float) -> None:
        """Start tracking a job or a cancellation request.

        Args:
            tracked: the job or the request.
            now: the time in seconds since 1970.
        """
        self._by_message[tracked.identity] = tracked
        if tracked.cancel:
            self._cancellations[tracked.identity] = tracked
        else:
            self._by_step[tracked.key] = tracked
            self._accounts.of(tracked.event).add(tracked, now)

    @property
    def cancellations(self) -> list[TrackedJob]:
        """The cancellation requests."""
        return list(self._cancellations.values())

    def knows(self, key: Key) -> bool:
        """Return whether this step is already tracked and stays here."""
        known = self._by_step.get(key)
        return known is not None and not known.leaving

    def job_of(self, key: Key) -> str | None:
        """Return the id of the job that is tracked for this step; None if there is none."""
        known = self._by_step.get(key)
        return None if known is None else known.event.job_id

    def is_current(self, tracked: TrackedJob) -> bool:
        """Return whether this is the newest message about its step."""
        return self._by_step.get(tracked.key) is tracked

    def of_run(self, run: str) -> list[TrackedJob]:
        """Return the tracked jobs of a run.

        Args:
            run: the run's id.
        """
        return [tracked for tracked in self._by_step.values() if tracked.key[0] == run]

    def finish(self, tracked: TrackedJob) -> None:
        """Stop tracking: the outcome is known, and the message may be committed."""
        if tracked in self:
            self._forget(tracked)
            self._commit(tracked.partition, tracked.offset)

    def revoked(self, partition: Partition) -> None:
        """Stop tracking what came from this partition: it belongs to another poller now."""
        for tracked in self:
            if tracked.partition == partition:
                tracked.revoked = True
                self._forget(tracked)

    def _forget(self, tracked: TrackedJob) -> None:
        del self._by_message[tracked.identity]
        if tracked.cancel:
            del self._cancellations[tracked.identity]
            return
        self._accounts.of(tracked.event).remove(tracked)
        if self._by_step.get(tracked.key) is tracked:
            del self._by_step[tracked.key]

    def states(self) -> Mapping[str, int]:
        """Return the number of tracked jobs in each state. Thread-safe."""
        states: Counter[str] = Counter()
        for tracked in self:
            if tracked.cancel:
                states["to_cancel"] += 1
            elif tracked.leaving:
                states["leaving"] += 1
            else:
                states[tracked.view.status.lower() if tracked.view else "not_looked_at"] += 1
        return states
