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
        self._committed: dict[Partition, int] = {}

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
        for table in (self._open, self._next, self._committed):
            table.pop(partition, None)

    def position(self, partition: Partition) -> int | None:
        """Return the offset to commit.

        Returns:
            The oldest offset in progress, else the next one; None if no message has been consumed.
        """
        in_progress = self._open.get(partition)
        return min(in_progress) if in_progress else self._next.get(partition)

    def due(self) -> dict[Partition, int]:
        """Return the positions that have moved since the last commit."""
        moved = {}
        for partition in self._next:
            position = self.position(partition)
            if position is not None and position != self._committed.get(partition, -1):
                moved[partition] = position
        return moved

    def committed(self, positions: dict[Partition, int]) -> None:
        """Record that these positions were committed."""
        self._committed.update(positions)

    def not_committed(self, positions: dict[Partition, int]) -> None:
        """Record that these commits failed. The positions are due again unless a later one was committed."""
        for partition, position in positions.items():
            if self._committed.get(partition) == position:
                del self._committed[partition]

    def under_way(self) -> int:
        """Return the number of messages in progress."""
        return sum(len(offsets) for offsets in self._open.values())
