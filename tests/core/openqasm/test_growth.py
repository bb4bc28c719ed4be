"""The time that statements on registers take grows in proportion to the registers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.openqasm.lowering import lower
from testkit.growth import excess
from tests.core.openqasm.programs import Q3

#: Bits of the smaller registers.
BITS = 300


@pytest.mark.parametrize("statements", ["a = b; b = a;", "a = a ^ b;", "{ a = a << 1; }", "b = ~b;"])
def test_assignments_of_registers_take_time_in_proportion(statements: str) -> None:
    def work(bits: int) -> Callable[[], object]:
        registers = f"bit[{bits}] a; bit[{bits}] b; b[0] = measure q[0]; "
        return lambda: lower(Q3 + registers + statements * 2)

    assert excess(work, BITS) is None
