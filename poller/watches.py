"""All that this process watches: by the message that it came with, and by run and step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from core.offsets import Partition
from poller.lanes import Lanes
from poller.watch import Key, Watch


class Watches:
    """The watches over jobs and the wishes to cancel. Used by the loop's thread only, but for `states`.

    Args:
        lanes: where the jobs are looked at.
        commit: told the partition and the offset of a message whose outcome is known.
    """

    def __init__(self, lanes: Lanes, commit: Callable[[Partition, int], None]) -> None:
        self._lanes = lanes
        self._commit = commit
        self._watches: dict[tuple[Partition, int], Watch] = {}
        self._by_step: dict[Key, Watch] = {}
        self._wishes: dict[tuple[Partition, int], Watch] = {}

    def __len__(self) -> int:
        return len(self._watches)

    def __iter__(self) -> Iterator[Watch]:
        return iter(list(self._watches.values()))

    def __contains__(self, watch: Watch) -> bool:
        """False once it is another poller's, or its event was taken anew."""
        return self._watches.get(watch.identity) is watch

    def add(self, watch: Watch, now: float) -> None:
        """Watch a job, or keep a wish to cancel one."""
        self._watches[watch.identity] = watch
        if watch.cancel:
            self._wishes[watch.identity] = watch
        else:
            self._by_step[watch.key] = watch
            self._lanes.of(watch.event).add(watch, now)

    @property
    def wishes(self) -> list[Watch]:
        """The wishes to cancel."""
        return list(self._wishes.values())

    def knows(self, key: Key) -> bool:
        """True if the same step of the same run is watched already, under an offset not yet committed."""
        known = self._by_step.get(key)
        return known is not None and not known.leaving

    def job_of(self, key: Key) -> str | None:
        """The job that is watched for this step of this run; None where there is none."""
        known = self._by_step.get(key)
        return None if known is None else known.event.job_id

    def is_current(self, watch: Watch) -> bool:
        """True unless its event has come anew, and is watched under another offset."""
        return self._by_step.get(watch.key) is watch

    def of_run(self, run: str) -> list[Watch]:
        """The watches over the jobs of this run."""
        return [watch for watch in self._by_step.values() if watch.key[0] == run]

    def finish(self, watch: Watch) -> None:
        """Its outcome is known: its message may be committed."""
        if watch in self:
            self._forget(watch)
            self._commit(watch.partition, watch.offset)

    def lost(self, partition: Partition) -> None:
        """The partition is another poller's now, and so are its events."""
        for watch in self:
            if watch.partition == partition:
                watch.lost = True
                self._forget(watch)

    def _forget(self, watch: Watch) -> None:
        del self._watches[watch.identity]
        if watch.cancel:
            del self._wishes[watch.identity]
            return
        self._lanes.of(watch.event).remove(watch)
        if self._by_step.get(watch.key) is watch:
            del self._by_step[watch.key]

    def states(self) -> Mapping[str, int]:
        """How many jobs are watched here in each state. May be called in any thread."""
        states: Counter[str] = Counter()
        for watch in self:
            if watch.cancel:
                states["to_cancel"] += 1
            elif watch.leaving:
                states["leaving"] += 1
            else:
                states[watch.view.status.lower() if watch.view else "not_looked_at"] += 1
        return states
