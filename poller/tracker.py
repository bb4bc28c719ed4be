"""All that this process watches: by the message that it came with, and by run and step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from core.kafka.offsets import Partition
from poller.accounts import Accounts
from poller.tracked_job import Key, TrackedJob


class JobTracker:
    """The watches over jobs and the wishes to cancel. Used by the loop's thread only, but for `states`.

    Args:
        lanes: where the jobs are looked at.
        commit: told the partition and the offset of a message whose outcome is known.
    """

    def __init__(self, accounts: Accounts, commit: Callable[[Partition, int], None]) -> None:
        self._accounts = accounts
        self._commit = commit
        self._tracker: dict[tuple[Partition, int], TrackedJob] = {}
        self._by_step: dict[Key, TrackedJob] = {}
        self._cancellations: dict[tuple[Partition, int], TrackedJob] = {}

    def __len__(self) -> int:
        return len(self._tracker)

    def __iter__(self) -> Iterator[TrackedJob]:
        return iter(list(self._tracker.values()))

    def __contains__(self, tracked: TrackedJob) -> bool:
        """False once it is another poller's, or its event was taken anew."""
        return self._tracker.get(tracked.identity) is tracked

    def add(self, tracked: TrackedJob, now: float) -> None:
        """Watch a job, or keep a wish to cancel one."""
        self._tracker[tracked.identity] = tracked
        if tracked.cancel:
            self._cancellations[tracked.identity] = tracked
        else:
            self._by_step[tracked.key] = tracked
            self._accounts.of(tracked.event).add(tracked, now)

    @property
    def cancellations(self) -> list[TrackedJob]:
        """The wishes to cancel."""
        return list(self._cancellations.values())

    def knows(self, key: Key) -> bool:
        """True if the same step of the same run is watched already, under an offset not yet committed."""
        known = self._by_step.get(key)
        return known is not None and not known.leaving

    def job_of(self, key: Key) -> str | None:
        """The job that is watched for this step of this run; None where there is none."""
        known = self._by_step.get(key)
        return None if known is None else known.event.job_id

    def is_current(self, tracked: TrackedJob) -> bool:
        """True unless its event has come anew, and is watched under another offset."""
        return self._by_step.get(tracked.key) is tracked

    def of_run(self, run: str) -> list[TrackedJob]:
        """The watches over the jobs of this run."""
        return [tracked for tracked in self._by_step.values() if tracked.key[0] == run]

    def finish(self, tracked: TrackedJob) -> None:
        """Its outcome is known: its message may be committed."""
        if tracked in self:
            self._forget(tracked)
            self._commit(tracked.partition, tracked.offset)

    def revoked(self, partition: Partition) -> None:
        """The partition is another poller's now, and so are its events."""
        for tracked in self:
            if tracked.partition == partition:
                tracked.revoked = True
                self._forget(tracked)

    def _forget(self, tracked: TrackedJob) -> None:
        del self._tracker[tracked.identity]
        if tracked.cancel:
            del self._cancellations[tracked.identity]
            return
        self._accounts.of(tracked.event).remove(tracked)
        if self._by_step.get(tracked.key) is tracked:
            del self._by_step[tracked.key]

    def states(self) -> Mapping[str, int]:
        """How many jobs are watched here in each state. May be called in any thread."""
        states: Counter[str] = Counter()
        for tracked in self:
            if tracked.cancel:
                states["to_cancel"] += 1
            elif tracked.leaving:
                states["leaving"] += 1
            else:
                states[tracked.view.status.lower() if tracked.view else "not_looked_at"] += 1
        return states
