"""State vectors of small circuits without noise and without measurements in their middle.

For such circuits Aer's preparation of a run takes several times as long as the simulation itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .blocks import Tensor
from .counts import Bits, draw
from .operations import Program, Unitary


def sample(program: Program, num_clbits: int, shots: int, rng: np.random.Generator) -> Bits:
    """Return the outcomes of a circuit that has only gates and measurements at its end.

    Args:
        program: The circuit.
        num_clbits: Number of classical bits.
        shots: Number of shots.
        rng: Draws the outcomes.

    Returns:
        Array of shape (shots, classical bits) of zeros and ones.
    """
    bits = np.zeros((shots, num_clbits), dtype=np.uint8)
    if program.measured:
        bits[:, list(program.measured.values())] = draw(
            probabilities(program), len(program.measured), shots, rng
        )
    return bits


def probabilities(program: Program) -> NDArray[np.float64]:
    """Return the probability of each outcome; the first measured qubit is bit 0."""
    size = program.num_qubits
    data = np.zeros((2,) * size, dtype=complex)
    data[(0,) * size] = 1.0
    state = Tensor(data, tuple(range(size)))
    for operation in program.operations:
        assert isinstance(operation, Unitary)
        state = state.apply(operation.matrix(), operation.qubits)
    weights = state.data.real**2 + state.data.imag**2
    others = tuple(axis for axis, qubit in enumerate(state.order) if qubit not in program.measured)
    order = [qubit for qubit in state.order if qubit in program.measured]
    axes = [order.index(qubit) for qubit in reversed(program.measured)]
    result: NDArray[np.float64] = weights.sum(axis=others).transpose(axes).reshape(-1)
    return result
