"""Whose turn it is: one from each client in turn, however many each has. Pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """First come, first served within a client; round robin between clients.

    A client with a thousand items delays another's single one by one item, not by a thousand.
    """

    def __init__(self) -> None:
        self._clients: OrderedDict[str, deque[Item]] = OrderedDict()

    def __len__(self) -> int:
        return sum(len(items) for items in self._clients.values())

    def put(self, client: str, item: Item) -> None:
        """Add an item at the end of its client's."""
        self._clients.setdefault(client, deque()).append(item)

    def take(self) -> Item | None:
        """The next item, of the client whose turn is longest ago; None if there is none."""
        if not self._clients:
            return None
        client, items = self._clients.popitem(last=False)
        item = items.popleft()
        if items:
            self._clients[client] = items
        return item

    def discard(self, unwanted: Callable[[Item], bool]) -> None:
        """Remove the items for which `unwanted` is true."""
        for client in list(self._clients):
            kept = deque(item for item in self._clients[client] if not unwanted(item))
            if kept:
                self._clients[client] = kept
            else:
                del self._clients[client]


def level(sizes: Iterable[int], room: int) -> int:
    """The same number for all, as large as it can be so that what is within it has room.

    Args:
        sizes: what each client has.
        room: what all may have together.

    Returns:
        The largest n for which the sum of min(size, n) is at most `room`; 0 if there is none.
    """
    ordered = sorted(sizes)
    left = max(0, room)
    for index, size in enumerate(ordered):
        share = left // (len(ordered) - index)
        if size > share:
            return share
        left -= size
    return ordered[-1] if ordered else 0
