"""Monte Carlo trajectories of state vectors, in which shots with the same history share one state.

A channel has Kraus operators K0 (no error), K1, K2, .... The trajectory without any error is simulated once: its
squared norm falls from channel to channel, and is the probability that a shot is still without error. Each shot
has drawn one uniform number; its first error occurs where the norm falls below that number (Dum, Zoller & Ritsch,
PRA 45, 4879, 1992). Which error it is follows from the state at that place. All shots with the same error
continue together, in the same way. So the shots are batched by distinct error patterns, as in pre-trajectory
sampling (Patti et al., PTSBE) and TUSQ (arXiv:2508.04880), but the probabilities are exact for channels
that are no mixtures of unitaries too.

Measurements in the middle and resets are channels as well. Operations are fused into blocks, of which
only those in which an error occurs are simulated operation by operation.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .blocks import Array, Tensor, block_matrix, fuse
from .channels import Depolarizing, Relaxation
from .counts import Bits
from .operations import Measurement, Operation, Program, Reset, Unitary, read_out

#: Qubits of a block.
BLOCK_QUBITS = 5
#: Qubits above which amplitudes have single precision: 7 digits are far more than shots resolve.
DOUBLE_QUBITS = 12
#: Relative probabilities below this are rounding errors.
TINY = 1e-12
#: The outcomes of a measurement, and of a reset.
PROJECTORS = np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]]], dtype=complex)
TO_ZERO = np.array([[[1, 0], [0, 0]], [[0, 1], [0, 0]]], dtype=complex)


@dataclass
class _Branch:
    """Shots with the same history.

    Attributes:
        state: Their state, of norm 1.
        block: The block that comes next.
        start: The operation of that block that comes next.
        thresholds: The uniform number of each shot.
        record: The results of measurements in the middle, by classical bit.
    """

    state: Tensor
    block: int
    start: int
    thresholds: NDArray[np.float64]
    record: dict[int, int] = field(default_factory=dict)


class Trajectories:
    """The simulation of one circuit.

    Args:
        program: The circuit with its noise.
        rng: Draws the errors and the outcomes.
    """

    def __init__(self, program: Program, rng: np.random.Generator) -> None:
        self._program = program
        self._rng = rng
        self._dtype = np.complex128 if program.num_qubits <= DOUBLE_QUBITS else np.complex64
        self._blocks = fuse(program.operations, BLOCK_QUBITS)
        self._matrices = [
            block_matrix(block, lambda operation: _operators(operation)[0], 2).astype(self._dtype)
            for block in self._blocks
        ]
        self._noisy = [
            any(not isinstance(each, Unitary) for each in block.operations) for block in self._blocks
        ]

        self._written = [
            {each.clbit: 0 for each in block.operations if isinstance(each, Measurement)}
            for block in self._blocks
        ]
        self._bits = np.zeros((0, 0), dtype=np.uint8)
        self._filled = 0

    def sample(self, num_clbits: int, shots: int) -> Bits:
        """Return the outcomes, an array of shape (shots, classical bits) of zeros and ones."""
        size = self._program.num_qubits
        self._bits, self._filled = np.zeros((shots, num_clbits), dtype=np.uint8), 0
        data = np.zeros((2,) * size, dtype=self._dtype)
        data[(0,) * size] = 1
        # Depth first, so that few states are in memory at once.
        stack = [self._walk([_Branch(Tensor(data, tuple(range(size))), 0, 0, self._rng.random(shots))])]
        while stack:
            branch = next(stack[-1], None)
            if branch is None:
                stack.pop()
            else:
                box, branch = [branch], None
                stack.append(self._walk(box))
        bits = self._bits[self._rng.permutation(shots)]
        read_out(self._program, bits, self._rng)
        return bits

    def _walk(self, box: list[_Branch]) -> Iterator[_Branch]:
        """Follow a branch to its end, and yield those that leave it.

        States are handed over in lists that are emptied: a branch that goes on without this one holds no state.
        """
        branch = box.pop()
        place, thresholds, record = branch.block, branch.thresholds, branch.record
        held = [branch.state]
        start = branch.start
        del branch
        if start:
            thresholds, record = yield from self._steps(held, place, start, thresholds, record)
            place += 1
        while place < len(self._blocks) and len(thresholds):
            block = self._blocks[place]
            after = held[0].apply(self._matrices[place], block.qubits)
            late = thresholds > _norm(after) if self._noisy[place] else np.zeros(len(thresholds), dtype=bool)
            if late.all():
                del after
                thresholds, record = yield from self._steps(held, place, 0, thresholds, record)
            else:
                early = thresholds[~late]
                if late.any():
                    # Rounding may leave some of them without an error. They go on with the others.
                    left, _ = yield from self._steps(held, place, 0, thresholds[late], record)
                    early = np.concatenate([early, left])
                thresholds, record = early, record | self._written[place]
                held[:] = [after]
                del after
            place += 1
        if len(thresholds):
            self._finish(held.pop(), len(thresholds), record)

    def _steps(
        self,
        held: list[Tensor],
        place: int,
        start: int,
        thresholds: NDArray[np.float64],
        record: dict[int, int],
    ) -> Generator[_Branch, None, tuple[NDArray[np.float64], dict[int, int]]]:
        """Follow shots through a block, operation by operation.

        Args:
            held: Their state; replaced by the state behind the block.
            place: The block.
            start: The first operation.
            thresholds: The uniform number of each shot.
            record: The results of measurements.

        Returns:
            The numbers of the shots without a further error, and their record.
        """
        operations = self._blocks[place].operations
        for index in range(start, len(operations)):
            operation = operations[index]
            operators = _operators(operation)
            if len(operators) == 1:
                held[:] = [held[0].apply(operators[0].astype(self._dtype), operation.qubits)]
                continue
            after = held[0].apply(operators[0].astype(self._dtype), operation.qubits)
            late = thresholds > _norm(after)
            if late.any() and (shares := _shares(held[0], operators, operation.qubits)) is not None:
                thresholds = thresholds[~late]
                counts = self._rng.multinomial(int(late.sum()), shares)
                chosen = np.flatnonzero(counts)
                if not len(thresholds):
                    del after
                for which in chosen:
                    changed = held[0].apply(operators[1 + which].astype(self._dtype), operation.qubits)
                    if not len(thresholds) and which == chosen[-1]:
                        held.clear()
                    box = [
                        _Branch(
                            _normalized(changed), place, index + 1, self._rng.random(counts[which]), record
                        )
                    ]
                    del changed
                    if isinstance(operation, Measurement):
                        box[0].record = record | {operation.clbit: 1}
                    yield box.pop()
                if not len(thresholds):
                    return thresholds, record
            if isinstance(operation, Measurement):
                record = record | {operation.clbit: 0}
            held[:] = [after]
        return thresholds, record

    def _finish(self, state: Tensor, shots: int, record: dict[int, int]) -> None:
        """Draw the outcomes of shots from their final state."""
        bits = self._bits[self._filled : self._filled + shots]
        self._filled += shots
        for clbit, value in record.items():
            bits[:, clbit] = value
        if not self._program.measured:
            return
        weights = np.abs(state.data.reshape(-1)).astype(np.float64)
        cumulative = np.cumsum(weights * weights)
        outcomes = np.searchsorted(cumulative, self._rng.random(shots) * cumulative[-1], side="right")
        last = len(state.order) - 1
        for qubit, clbit in self._program.measured.items():
            bits[:, clbit] = outcomes >> (last - state.order.index(qubit)) & 1


def _norm(state: Tensor) -> float:
    """Return the squared norm of a state."""
    flat = state.data.reshape(-1)
    return float(np.vdot(flat, flat).real)


def _normalized(state: Tensor) -> Tensor:
    return Tensor(state.data / state.data.dtype.type(np.sqrt(_norm(state))), state.order)


def _shares(state: Tensor, operators: Array, qubits: tuple[int, ...]) -> NDArray[np.float64] | None:
    """Return the probability of each error, given that there is one; None if none can occur."""
    grouped, _ = state.grouped(qubits)
    reduced = (grouped @ grouped.conj().T).astype(complex)
    errors = operators[1:]
    weights = np.einsum("kij,jl,kil->k", errors, reduced, errors.conj()).real.clip(0)
    total = weights.sum()
    return weights / total if total > TINY * np.trace(reduced).real else None


@lru_cache(maxsize=8192)
def _operators(operation: Operation) -> Array:
    """Return the Kraus operators of an operation."""
    if isinstance(operation, Depolarizing | Relaxation):
        return operation.kraus()
    if isinstance(operation, Measurement):
        return PROJECTORS
    if isinstance(operation, Reset):
        return TO_ZERO
    return operation.matrix()[np.newaxis]
