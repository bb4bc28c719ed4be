"""The fair queue: one item of each client in turn."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from poller.scheduling.fair_queue import FairQueue, level


def test_a_thousand_items_of_one_client_delay_anothers_single_item_by_one() -> None:
    line: FairQueue[int] = FairQueue()
    for number in range(1000):
        line.put("many", number)
    line.put("single", -1)
    assert [line.pop() for _ in range(3)] == [0, -1, 1]
    assert len(line) == 998


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 99)), max_size=60))
def test_nothing_is_lost_and_each_clients_order_is_kept(items: list[tuple[str, int]]) -> None:
    line: FairQueue[tuple[str, int]] = FairQueue()
    for item in items:
        line.put(item[0], item)
    line.discard(lambda item: item[1] % 7 == 0)
    given_out = []
    while (taken := line.pop()) is not None:
        given_out.append(taken)
    for client in "abc":
        wanted = [item for item in items if item[0] == client and item[1] % 7]
        assert [item for item in given_out if item[0] == client] == wanted


@given(st.lists(st.integers(0, 50), max_size=20), st.integers(0, 400))
def test_the_level_uses_the_whole_capacity(sizes: list[int], room: int) -> None:
    shares = level(sizes, room)
    assert sum(min(size, shares) for size in sizes) <= room
    if sizes and shares < max(sizes):
        assert sum(min(size, shares + 1) for size in sizes) > room
