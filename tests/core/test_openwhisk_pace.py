"""The pace of invocations under OpenWhisk's limits, against a server that counts as a stock one does."""

from __future__ import annotations

import heapq
import random
from collections.abc import Collection, Hashable

import pytest

from core.openwhisk.pace import ASK_AGAIN, MAX_SLOTS, Pace, pause_after

FAST = "Too many requests in the last minute (count: {}, allowed: {})."
MANY = "Too many concurrent requests in flight (count: 31, allowed: 30)."


class Server:
    """Counts the requests of each minute of the clock, refused ones too."""

    def __init__(self, allowed: int) -> None:
        self.allowed, self.minute, self.count = allowed, -1, 0

    def refusal(self, now: float) -> str | None:
        """Count a request; return why it is refused, or None."""
        if int(now // 60) != self.minute:
            self.minute, self.count = int(now // 60), 0
        self.count += 1
        return FAST.format(self.count, self.allowed) if self.count > self.allowed else None


class Impatient(Pace):
    """Of clients that know nothing of one another: each comes back when its own refusal says so."""

    def wait(self, key: Hashable) -> float:
        return 0.0


def run(
    callers: list[list[int]], allowed: int, start: float = 1000.0, impatient: Collection[int] = ()
) -> tuple[list[list[float]], int]:
    """Return the times at which each process's invocations were accepted, and how many were refused.

    Args:
        callers: the invocations of each process, all wanted at once.
        allowed: invocations in a minute.
        start: the time.
        impatient: the processes that have no pace.
    """
    server, chance = Server(allowed), random.Random(7)
    now = start
    paces = [(Impatient if number in impatient else Pace)(lambda: now) for number in range(len(callers))]
    waiting = [(start, process, key) for process, keys in enumerate(callers) for key in keys]
    heapq.heapify(waiting)
    accepted: list[list[float]] = [[] for _ in callers]
    refused = 0
    while waiting:
        now, process, key = heapq.heappop(waiting)
        pause = paces[process].wait(key)
        if pause <= 0 and (error := server.refusal(now)) is not None:
            refused += 1
            pause = pause_after(error, now, chance.random())
            paces[process].refused(error, pause)
        elif pause <= 0:
            accepted[process].append(now)
            continue
        heapq.heappush(waiting, (now + pause, process, key))
    return accepted, refused


def test_without_a_refusal_nothing_waits() -> None:
    accepted, refused = run([list(range(60))], 60)
    assert (set(accepted[0]), refused) == ({1000.0}, 0)


def test_a_burst_is_spread_under_the_limit_once_it_is_known() -> None:
    accepted, refused = run([list(range(500))], 60)
    assert len(accepted[0]) == 500
    # One invocation learns the limit; the others wait for their turn.
    assert refused == 1
    assert max(accepted[0]) - 1000 < 60 * 500 / 30 + 60


def test_processes_with_the_same_key_do_not_starve_each_other() -> None:
    accepted, refused = run([list(range(300)), list(range(300))], 60)
    assert [len(times) for times in accepted] == [300, 300]
    ends = [max(times) for times in accepted]
    assert max(ends) - min(ends) < 240
    assert refused < 60


@pytest.mark.parametrize("processes", [3, 5])
def test_more_processes_than_shares_slow_down(processes: int) -> None:
    accepted, refused = run([list(range(100))] * processes, 60)
    assert [len(times) for times in accepted] == [100] * processes
    assert refused < 30 * processes


def test_a_process_is_as_fast_as_before_when_others_have_stopped() -> None:
    """As a poller with 440 results, while clients repeat hundreds of submissions until all are accepted."""
    accepted, _ = run([list(range(440)), list(range(500))], 60, impatient=[1])
    assert [len(times) for times in accepted] == [440, 500]
    stopped = max(accepted[1])
    left = sum(time > stopped for time in accepted[0])
    # Half of the permitted invocations, and three minutes to notice.
    assert max(accepted[0]) - stopped < 60 * left / 30 + 180


def test_no_invocation_is_told_to_come_back_late() -> None:
    now = 1000.0
    pace = Pace(lambda: now)
    pace.refused(FAST.format(61, 60), 20.0)
    assert [pace.wait(key) for key in range(1000)][-1] == ASK_AGAIN


def test_the_order_is_kept() -> None:
    now = 1000.0
    pace = Pace(lambda: now)
    pace.refused(FAST.format(61, 60), 20.0)
    waits = [pace.wait(key) for key in range(5)]
    assert waits == pytest.approx([20.0, 22.0, 24.0, 26.0, 28.0])
    assert [pace.wait(key) for key in range(5)] == pytest.approx(waits)
    now = 1022.0
    assert [pace.wait(key) for key in range(3)] == [0.0, 0.0, pytest.approx(2.0)]


def test_too_many_at_a_time_is_a_short_pause() -> None:
    now = 1000.0
    pace = Pace(lambda: now)
    pause = pause_after(MANY, now, 0.5)
    assert 1.0 <= pause <= 3.0
    pace.refused(MANY, pause)
    assert pace.wait("a") == pytest.approx(pause)
    now += pause
    assert [pace.wait(key) for key in "abc"] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("error", [None, "", "(count: 1, allowed: 0)", FAST.format(1, 0), "x" * 100_000])
def test_any_error_text_is_a_pause(error: object) -> None:
    now = 1000.0
    pace = Pace(lambda: now)
    pause = pause_after(error, now, 0.0)
    assert 0 < pause <= 61
    pace.refused(error, pause)
    assert pace.wait("a") == pytest.approx(pause)


def test_places_that_are_not_used_are_bounded() -> None:
    now = 1000.0
    pace = Pace(lambda: now)
    pace.refused(FAST.format(60_001, 60_000), 1.0)
    for key in range(MAX_SLOTS + 10):
        assert pace.wait(key) > 0
    now += 100_000.0
    assert pace.wait("a") == 0.0
    assert len(pace._slots) == 0
