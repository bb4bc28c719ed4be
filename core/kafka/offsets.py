"""Tracks which offsets may be committed: those below which every message is finished. Pure."""

from __future__ import annotations

Partition = tuple[str, int]


class Offsets:
    """The messages in progress in each partition, and the position below which all are finished.

    Messages finish in any order, but a commit covers every offset below it. So the position moves only when
    the oldest message in progress finishes. Messages that are not committed are delivered again after a
    crash.
    """

    def __init__(self) -> None:
        self._open: dict[Partition, set[int]] = {}
        self._next: dict[Partition, int] = {}
        #: The positions that were sent to the broker, and those that it has acknowledged.
        self._sent: dict[Partition, int] = {}
        self._acknowledged: dict[Partition, int] = {}

    def begin(self, partition: Partition, offset: int) -> None:
        """Record that a message is in progress; offsets rise, unless the log was truncated or recreated."""
        waiting = self._open.setdefault(partition, set())
        if offset < self._next.get(partition, 0):
            # The messages that had these offsets before no longer exist.
            waiting -= {old for old in waiting if old >= offset}
        waiting.add(offset)
        self._next[partition] = offset + 1

    def finish(self, partition: Partition, offset: int) -> None:
        """Record that a message is finished. A partition that is no longer assigned is ignored."""
        self._open.get(partition, set()).discard(offset)

    def forget(self, partition: Partition) -> None:
        """Discard what is known about a partition: it belongs to another consumer now."""
        for table in (self._open, self._next, self._sent, self._acknowledged):
            table.pop(partition, None)

    def position(self, partition: Partition) -> int | None:
        """Return the offset to commit.

        Returns:
            The oldest offset in progress, else the next one; None if no message has been consumed.
        """
        in_progress = self._open.get(partition)
        return min(in_progress) if in_progress else self._next.get(partition)

    def due(self) -> dict[Partition, int]:
        """Return the positions that have moved since they were last sent to the broker."""
        return self._moved_since(self._sent)

    def unacknowledged(self) -> dict[Partition, int]:
        """Return the positions that the broker has not acknowledged, whether they were sent or not."""
        return self._moved_since(self._acknowledged)

    def _moved_since(self, known: dict[Partition, int]) -> dict[Partition, int]:
        positions = {partition: self.position(partition) for partition in self._next}
        return {
            partition: position
            for partition, position in positions.items()
            if position is not None and position != known.get(partition)
        }

    def sent(self, positions: dict[Partition, int]) -> None:
        """Record that commits of these positions were sent to the broker."""
        self._sent.update(positions)

    def acknowledged(self, positions: dict[Partition, int]) -> None:
        """Record that the broker has committed these positions."""
        self._acknowledged.update(positions)

    def rejected(self, positions: dict[Partition, int]) -> None:
        """Record that these commits failed. The positions are due again unless a later one was sent."""
        for partition, position in positions.items():
            if self._sent.get(partition) == position:
                del self._sent[partition]

    def under_way(self) -> int:
        """Return the number of messages in progress."""
        return sum(len(offsets) for offsets in self._open.values())
