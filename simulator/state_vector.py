"""State vectors of small circuits without noise and without measurements in their middle.

For such circuits Aer's preparation of a run takes several times as long as the simulation itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .blocks import Tensor
from .operations import Program, Unitary


def probabilities(program: Program) -> NDArray[np.float64]:
    """Return the probability of each outcome; the first measured qubit is bit 0.

    Args:
        program: A circuit that has only gates and measurements at its end.
    """
    size = program.num_qubits
    data = np.zeros((2,) * size, dtype=complex)
    data[(0,) * size] = 1.0
    state = Tensor(data, tuple(range(size)))
    for operation in program.operations:
        assert isinstance(operation, Unitary)
        state = state.apply(operation.matrix(), operation.qubits)
    amplitudes, _ = state.grouped(list(program.measured))
    result: NDArray[np.float64] = (amplitudes.real**2 + amplitudes.imag**2).sum(axis=1)
    return result
