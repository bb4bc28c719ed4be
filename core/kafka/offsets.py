"""Which offsets may be committed: those below which every message has had its outcome. Pure."""

from __future__ import annotations

Partition = tuple[str, int]


class Offsets:
    """Per partition, the messages under way and the position up to which all are done.

    Messages are finished in any order; a commit says "everything below", so the position moves only when
    the oldest message under way is done. What is not committed is delivered again after a crash.
    """

    def __init__(self) -> None:
        self._open: dict[Partition, set[int]] = {}
        self._next: dict[Partition, int] = {}
        self._committed: dict[Partition, int] = {}

    def begin(self, partition: Partition, offset: int) -> None:
        """A message was taken."""
        self._open.setdefault(partition, set()).add(offset)
        self._next[partition] = max(offset + 1, self._next.get(partition, 0))

    def finish(self, partition: Partition, offset: int) -> None:
        """Its outcome is acknowledged. A partition that was given away meanwhile is ignored."""
        self._open.get(partition, set()).discard(offset)

    def forget(self, partition: Partition) -> None:
        """The partition now belongs to another consumer."""
        for table in (self._open, self._next, self._committed):
            table.pop(partition, None)

    def position(self, partition: Partition) -> int | None:
        """The offset to commit: the oldest message under way, else the next one; None if never taken."""
        waiting = self._open.get(partition)
        return min(waiting) if waiting else self._next.get(partition)

    def due(self) -> dict[Partition, int]:
        """The positions that have moved since they were last committed."""
        moved = {}
        for partition in self._next:
            position = self.position(partition)
            if position is not None and position != self._committed.get(partition, -1):
                moved[partition] = position
        return moved

    def committed(self, positions: dict[Partition, int]) -> None:
        """These positions were committed."""
        self._committed.update(positions)

    def not_committed(self, positions: dict[Partition, int]) -> None:
        """The broker did not take these positions: they are due again, unless a later one was committed."""
        for partition, position in positions.items():
            if self._committed.get(partition) == position:
                del self._committed[partition]

    def under_way(self) -> int:
        """How many messages have no outcome yet."""
        return sum(len(offsets) for offsets in self._open.values())
