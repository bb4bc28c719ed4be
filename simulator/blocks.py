"""Fusing operations into blocks of a few qubits, so that fewer and larger matrices are applied to a state.

A state is a tensor with one axis per qubit, of length 2 for a state vector and 4 for a density matrix in the
Pauli basis. Source of gate fusion: Häner & Steiger, arXiv:1704.01127.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .operations import QuantumOperation

#: Number of latest blocks that an operation may join.
WINDOW = 16
#: Operations of a block. What is kept for a block grows with them.
MAX_OPERATIONS = 128

AnyArray = NDArray[Any]


@dataclass(frozen=True)
class Block:
    """Successive operations on a few qubits."""

    qubits: list[int]
    operations: list[QuantumOperation]


@dataclass(frozen=True)
class Tensor:
    """A state.

    Attributes:
        data: One axis per qubit.
        order: The qubit of each axis.
    """

    data: AnyArray
    order: tuple[int, ...]

    def apply(self, matrix: AnyArray, qubits: Sequence[int]) -> Tensor:
        """Return the state after a matrix; the first qubit is the least significant digit of its index."""
        grouped, order = self.grouped(qubits)
        return Tensor((matrix @ grouped).reshape(self.data.shape), order)

    def grouped(self, qubits: Sequence[int]) -> tuple[AnyArray, tuple[int, ...]]:
        """Return the state as a matrix, with a row per state of some qubits, and the order of its axes."""
        axes = [self.order.index(qubit) for qubit in reversed(qubits)]
        rest = [axis for axis in range(len(self.order)) if axis not in axes]
        moved = self.data.transpose(axes + rest)
        rows = self.data.shape[0] ** len(axes)
        return moved.reshape(rows, -1), tuple([self.order[axis] for axis in axes + rest])

    def reduced(self, qubits: Sequence[int]) -> NDArray[np.complex128]:
        """Return the density matrix of some qubits; the first one is the least significant of the index."""
        grouped, _ = self.grouped(qubits)
        return (grouped @ grouped.conj().T).astype(np.complex128)


def fuse(operations: Iterable[QuantumOperation], max_qubits: int) -> list[Block]:
    """Return operations in blocks.

    An operation joins an earlier block, behind everything else on its qubits, if the block stays small.

    Args:
        operations: The operations in order.
        max_qubits: Qubits of a block, unless a single operation has more.
    """
    blocks: list[Block] = []
    latest: dict[int, int] = {}
    for operation in operations:
        qubits = operation.qubits
        first = max([latest.get(qubit, -1) for qubit in qubits])
        chosen, most = -1, -1
        for place in range(max(first, len(blocks) - WINDOW, 0), len(blocks)):
            shared = sum(qubit in blocks[place].qubits for qubit in qubits)
            if len(blocks[place].operations) == MAX_OPERATIONS:
                continue
            if len(blocks[place].qubits) + len(qubits) - shared <= max_qubits and shared > most:
                chosen, most = place, shared
        if chosen < 0:
            chosen = len(blocks)
            blocks.append(Block([], []))
        block = blocks[chosen]
        block.operations.append(operation)
        block.qubits.extend(qubit for qubit in qubits if qubit not in block.qubits)
        for qubit in qubits:
            latest[qubit] = chosen
    return blocks


def block_matrix(block: Block, matrix_of: Callable[[QuantumOperation], AnyArray], axis: int) -> AnyArray:
    """Return the product of a block's operations as one matrix.

    Args:
        block: The block.
        matrix_of: The matrix of an operation on its qubits.
        axis: Length of a qubit's axis.
    """
    size = len(block.qubits)
    identity = np.eye(axis**size).reshape((axis,) * size + (axis**size,))
    # The last axis is that of the matrix's columns, as if it were a further qubit.
    state = _Columns(identity, tuple(reversed(block.qubits)))
    for operation in block.operations:
        state = state.apply(matrix_of(operation), operation.qubits)
    axes = [state.order.index(qubit) for qubit in reversed(block.qubits)]
    return state.data.transpose([*axes, size]).reshape(axis**size, axis**size)


@dataclass(frozen=True)
class _Columns:
    data: AnyArray
    order: tuple[int, ...]

    def apply(self, matrix: AnyArray, qubits: Sequence[int]) -> _Columns:
        axes = [self.order.index(qubit) for qubit in reversed(qubits)]
        rest = [axis for axis in range(len(self.order)) if axis not in axes]
        moved = self.data.transpose([*axes, *rest, len(self.order)])
        product = (matrix @ moved.reshape(len(matrix), -1)).reshape(moved.shape)
        return _Columns(product, tuple([self.order[axis] for axis in axes + rest]))
