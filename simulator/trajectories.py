"""Monte Carlo trajectories of state vectors, in which shots with the same history share one state.

A channel has Kraus operators K0 (no error), K1, K2, .... The trajectory without any error is simulated once:
its squared norm falls from channel to channel, and is the probability that a shot is still without error.
Each shot has drawn one uniform number; its first error occurs where the norm falls below that number (Dum,
Zoller & Ritsch, PRA 45, 4879, 1992). Which error it is follows from the state at that place. All shots with
the same error continue together, in the same way. So the shots are batched by distinct error patterns, as in
pre-trajectory sampling (PTSBE) and TUSQ (arXiv:2508.04880), but the probabilities are exact also for channels
that are not mixtures of unitaries.

Measurements in the middle and resets are channels as well. Operations are fused into blocks. What happens
inside a block is decided with small matrices (`histories.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .blocks import Tensor, fuse
from .counts import Bits
from .histories import BlockHistories, Record
from .operations import Program, read_out

#: Qubits of a block.
BLOCK_QUBITS = 5
#: Blocks whose small matrices are kept in memory, of up to 6 MB each.
KEPT_BLOCKS = 64
#: Qubits above which amplitudes have single precision: 7 digits are far more than shots resolve.
DOUBLE_QUBITS = 12


@dataclass(frozen=True)
class _Branch:
    """Shots with the same history.

    Attributes:
        state: Their state. Its squared norm is the probability that a shot has got this far without an error.
        block: The block that comes next.
        thresholds: The uniform number of each shot.
        record: The results of measurements in the middle.
    """

    state: Tensor
    block: int
    thresholds: NDArray[np.float64]
    record: Record


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
        self._blocks = [BlockHistories(block) for block in fuse(program.operations, BLOCK_QUBITS)]
        self._matrices = [block.matrix().astype(self._dtype) for block in self._blocks]
        #: The blocks whose small matrices are kept, the oldest first.
        self._kept: dict[int, None] = {}
        self._bits = np.zeros((0, 0), dtype=np.uint8)
        self._filled = 0

    def sample(self, num_clbits: int, shots: int) -> Bits:
        """Return the outcomes, an array of shape (shots, classical bits) of zeros and ones."""
        size = self._program.num_qubits
        self._bits, self._filled = np.zeros((shots, num_clbits), dtype=np.uint8), 0
        data = np.zeros((2,) * size, dtype=self._dtype)
        data[(0,) * size] = 1
        # Depth first, so that few states are in memory at once.
        stack = [self._walk([_Branch(Tensor(data, tuple(range(size))), 0, self._rng.random(shots), {})])]
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

        Branches are handed over in lists that are emptied. A walk whose shots have all left holds no state.
        """
        branch = box.pop()
        thresholds, record = branch.thresholds, branch.record
        held = [branch.state]
        first = branch.block
        del branch
        for place in range(first, len(self._blocks)):
            block = self._blocks[place]
            after = held[0].apply(self._matrices[place], block.qubits)
            late = thresholds > _norm(after) if block.noisy else np.zeros(len(thresholds), dtype=bool)
            if late.any():
                if late.all():
                    del after
                reduced = held[0].reduced(block.qubits)
                histories = list(block.draw(reduced, thresholds[late], record, self._rng))
                self._keep(place)
                for number, history in enumerate(histories, 1):
                    state = held[0].apply(history.matrix.astype(self._dtype), block.qubits)
                    box.append(_Branch(state, place + 1, history.thresholds, history.record))
                    del state
                    if number == len(histories) and late.all():
                        held.clear()
                    yield box.pop()
                if late.all():
                    return
            thresholds, record = thresholds[~late], record | block.written
            held[:] = [after]
            del after
        self._finish(held.pop(), len(thresholds), record)

    def _keep(self, place: int) -> None:
        """Note that a block has been used, and release those that have not been for the longest time."""
        self._kept.pop(place, None)
        self._kept[place] = None
        if len(self._kept) > KEPT_BLOCKS:
            oldest = next(iter(self._kept))
            del self._kept[oldest]
            self._blocks[oldest].forget()

    def _finish(self, state: Tensor, shots: int, record: Record) -> None:
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
