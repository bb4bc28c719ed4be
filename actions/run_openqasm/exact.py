"""The exact distribution of a register's outcomes, where it takes less than about a second.

What the register does not depend on is left out, and what is independent is computed separately. Each part is
computed by the method that it is small for: its whole state, stabilizers, or matrix products.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qiskit import QuantumCircuit

from actions.run_openqasm import matrix_product, stabilizer, state_vector
from actions.run_openqasm.costs import Seconds, TooCostlyError
from actions.run_openqasm.dependencies import Part, parts

#: Seconds that a distribution may take, as estimated.
MAX_SECONDS = 1.0
#: Seconds that each outcome of the whole register takes.
_OUTCOME = 2e-6
#: Qubits up to which the state is faster than the stabilizers.
_SMALL = 10


def distribution(circuit: QuantumCircuit, register: str) -> dict[str, float] | None:
    """Return the probabilities of a register's outcomes.

    Args:
        circuit: of gates, measurements, resets, assignments and branches.
        register: its name.

    Returns:
        The probabilities by bitstring, bit 0 on the right; None if they would take too long.
    """
    [bits] = [list(found) for found in circuit.cregs if found.name == register]
    seconds = Seconds(MAX_SECONDS)
    try:
        outcomes = {0: 1.0}
        for part in parts(circuit, bits):
            outcomes = _joined(outcomes, _of_part(part, seconds), _masks(part, bits), seconds)
    except TooCostlyError:
        return None
    return {f"{outcome:0{len(bits)}b}": share for outcome, share in outcomes.items()}


def _of_part(part: Part, seconds: Seconds) -> dict[int, float]:
    """Return the probabilities of a part's outcomes; the lowest bit of each is the first of the part."""
    if part.is_static and part.width > _SMALL:
        found = stabilizer.distribution(part, seconds)
        if found is not None:
            return found
        if not state_vector.is_feasible(part, seconds):
            return matrix_product.distribution(part, seconds)
    return state_vector.distribution(part, seconds)


def _masks(part: Part, bits: Sequence[Any]) -> list[int]:
    places = {bit: place for place, bit in enumerate(bits)}
    return [1 << places[bit] for bit in part.bits]


def _joined(
    before: dict[int, float], part: dict[int, float], masks: Sequence[int], seconds: Seconds
) -> dict[int, float]:
    """Return the probabilities of the outcomes of independent parts together."""
    seconds.spend(len(before) * len(part) * _OUTCOME)
    placed = [
        (sum(mask for place, mask in enumerate(masks) if outcome >> place & 1), share)
        for outcome, share in part.items()
    ]
    return {outcome | other: share * more for outcome, share in before.items() for other, more in placed}
