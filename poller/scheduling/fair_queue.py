"""A queue that returns one item of each client in turn. Pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """First in, first out within a client; round robin between clients.

    A client with a thousand items delays another client's item by one item, not by a thousand.
    """

    def __init__(self) -> None:
        self._clients: OrderedDict[str, deque[Item]] = OrderedDict()

    def __len__(self) -> int:
        return sum(len(items) for items in self._clients.values())

    def put(self, client: str, item: Item) -> None:
        """Append an item to its client's items."""
        self._clients.setdefault(client, deque()).append(item)

    def pop(self) -> Item | None:
        """Remove and return the next client's first item; None if the queue is empty."""
        if not self._clients:
            return None
        client, items = self._clients.popitem(last=False)
        item = items.popleft()
        if items:
            self._clients[client] = items
        return item

    def discard(self, unwanted: Callable[[Item], bool]) -> None:
        """Remove the items for which `unwanted` returns True."""
        for client in list(self._clients):
            kept = deque(item for item in self._clients[client] if not unwanted(item))
            if kept:
                self._clients[client] = kept
            else:
                del self._clients[client]


def level(sizes: Iterable[int], room: int) -> int:
    """Return the largest equal limit for all clients with which their items fit.

    Args:
        sizes: the number of items of each client.
        room: the number of items that fit.

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
