"""Boolean functions of classical bits."""

from __future__ import annotations

from qiskit.circuit import Clbit

from core.openqasm import logic
from core.openqasm.logic import Node


def test_the_bits_of_a_function_whose_parts_occur_many_times() -> None:
    """Looking at each occurrence would take 2 to the power of 300 steps."""
    first, second = Clbit(), Clbit()
    node: Node = first
    for _ in range(300):
        node = logic.invert(logic.both(node, second))
    for _ in range(300):
        node = logic.differ(node, logic.both(node, second))
    assert logic.bits_of(node) == {first, second}
