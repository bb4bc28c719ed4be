"""Exact outcome probabilities of noisy circuits from their density matrix in the Pauli basis.

The state is the vector of the expectation values of all Pauli strings, on which gates and channels act as
real matrices (the Pauli transfer matrices of Greenbaum, arXiv:1509.02921). Successive ones are fused into
blocks.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .blocks import Tensor, block_matrix, fuse
from .channels import Channel, Depolarizing, Relaxation
from .operations import Program, QuantumOperation, Unitary

#: Qubits of a block.
BLOCK_QUBITS = 3
#: Qubits of a circuit below which blocks have two qubits, since larger matrices take longer to compute.
SMALL = 5
#: The Pauli transfer matrix of a reset.
RESET = np.array([[1.0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [1.0, 0, 0, 0]])
#: From the expectation values of I and Z to the probabilities of 0 and 1.
OUTCOMES = np.array([[0.5, 0.5], [0.5, -0.5]])


def probabilities(program: Program) -> NDArray[np.float64]:
    """Return the probability of each outcome before readout errors; the first measured qubit is bit 0."""
    size = program.num_qubits
    values = np.zeros((4,) * size)
    # All qubits are 0: I and Z have the expectation value 1.
    values[np.ix_(*([0, 3] for _ in range(size)))] = 1.0
    state = Tensor(values, tuple(range(size)))
    for block in fuse(program.operations, 2 if size < SMALL else BLOCK_QUBITS):
        state = state.apply(block_matrix(block, _transfer, 4), block.qubits)
    measured = set(program.measured)
    values = state.data[tuple(slice(0, 4, 3) if qubit in measured else 0 for qubit in state.order)]
    order = [qubit for qubit in state.order if qubit in measured]
    for axis in range(len(order)):
        values = np.moveaxis(np.tensordot(OUTCOMES, values, (1, axis)), 0, axis)
    axes = [order.index(qubit) for qubit in reversed(program.measured)]
    result: NDArray[np.float64] = values.transpose(axes).reshape(-1)
    return result


def _transfer(operation: QuantumOperation) -> NDArray[np.float64]:
    if isinstance(operation, Unitary):
        return operation.transfer()
    if isinstance(operation, Depolarizing | Relaxation):
        return _channel_transfer(operation)
    return RESET


@lru_cache(maxsize=4096)
def _channel_transfer(channel: Channel) -> NDArray[np.float64]:
    return channel.transfer()
