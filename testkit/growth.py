"""Whether work grows in proportion to its input, by the processor time of the thread that does it."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

#: The maximum cost of twice the input, as a multiple of the cost of the input.
FACTOR = 2.5
#: Seconds that are added to that: below this, the clock is measured and not the work.
FLOOR = 0.003
#: Number of measurements, of which the least counts. Other processes can only make work more expensive.
REPEATS = 5
#: Number of rounds of further measurements of the double input, while it seems too expensive.
ROUNDS = 7


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
    # The single input is measured only if the double takes long enough to be compared, and the double again
    # only if it seems too expensive: further measurements can only lower its cost.
    double = cost(make(2 * size), repeats=1)
    if double <= FLOOR:
        return None
    single = cost(make(size))
    bound = FACTOR * single + FLOOR
    for _ in range(ROUNDS):
        if double <= bound:
            return None
        # A busy machine makes work more expensive for a while, by caches and page faults; growth persists.
        double = min(double, cost(make(2 * size), bound))
    if double <= bound:
        return None
    return f"{single * 1e3:.2f} ms at {size}, {double * 1e3:.2f} ms at {2 * size}"
