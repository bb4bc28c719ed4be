"""Whether work grows in proportion to its input, by the processor time of the thread that does it."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

#: The maximum cost of twice the input, as a multiple of the cost of the input.
FACTOR = 2.5
#: Seconds that are added to that: below this, the clock and the allocator are measured and not the work.
#: Memory that only the double needs is mapped again each time; work that grows faster costs much more.
FLOOR = 0.006
#: Number of measurements, of which the least counts. Other processes can only make work more expensive.
REPEATS = 5
#: Number of rounds in which both inputs are measured again, while the double seems too expensive.
ROUNDS = 7
#: Seconds between the rounds: other processes make work more expensive for a while.
PAUSE = 0.1


def cost(work: Callable[[], object], enough: float = 0.0, repeats: int = REPEATS) -> float:
    """Return the least processor seconds of the work, measured until `enough` or `repeats` is reached."""
    best = float("inf")
    for _ in range(repeats):
        gc.disable()
        began = time.thread_time()
        try:
            work()
        finally:
            spent = time.thread_time() - began
            gc.enable()
        best = min(best, spent)
        if best <= enough:
            break
    return best


def excess(make: Callable[[int], Callable[[], object]], size: int) -> str | None:
    """Return what is wrong with the growth of the work from `size` to twice that; None if nothing is.

    Args:
        make: returns the work for a size.
    """
    # The single input is measured only if the double takes long enough to be compared.
    if cost(make(2 * size), repeats=1) <= FLOOR:
        return None
    for round in range(ROUNDS):
        # In turn: a busy machine makes both more expensive for a while, by caches and page faults.
        single = cost(make(size))
        double = cost(make(2 * size), FACTOR * single + FLOOR)
        if double <= FACTOR * single + FLOOR:
            return None
        time.sleep(PAUSE * round)
    return f"{single * 1e3:.2f} ms at {size}, {double * 1e3:.2f} ms at {2 * size}"
