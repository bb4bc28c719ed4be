"""What happens to shots inside a block of operations: where errors occur, and which.

All of it depends on the state only through the reduced density matrix of the block's few qubits. So the
errors are drawn with small matrices, and each distinct history is a matrix that is applied to the state once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from .blocks import AnyArray, Block, block_matrix
from .channels import Depolarizing, Matrix, Relaxation
from .operations import Measurement, QuantumOperation, Reset

#: Relative probabilities below this are rounding errors.
TINY = 1e-12
#: The outcomes of a measurement, and of a reset.
PROJECTORS = np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]]], dtype=complex)
TO_ZERO = np.array([[[1, 0], [0, 0]], [[0, 1], [0, 0]]], dtype=complex)

#: The results of measurements in the middle, by classical bit.
Record = dict[int, int]


@dataclass(frozen=True)
class History:
    """Shots to which the same happens in a block.

    Attributes:
        matrix: What it does to the state of the block's qubits.
        thresholds: The uniform number of each shot.
        record: The results of measurements.
    """

    matrix: Matrix
    thresholds: NDArray[np.float64]
    record: Record


@lru_cache(maxsize=8192)
def kraus_of(operation: QuantumOperation) -> Matrix:
    """Return the Kraus operators of an operation; the first is the one of no error."""
    if isinstance(operation, Depolarizing | Relaxation):
        return operation.kraus()
    if isinstance(operation, Measurement):
        return PROJECTORS
    if isinstance(operation, Reset):
        return TO_ZERO
    return operation.matrix()[np.newaxis]


class _Steps:
    """The operations of a block from a place on, without errors.

    Args:
        block: The block.
        start: The first operation.
    """

    def __init__(self, block: Block, start: int) -> None:
        size = 2 ** len(block.qubits)
        product: Matrix = np.eye(size, dtype=complex)
        #: The places of channels, the product of the operations before each, and the forms that give the
        #: squared norm after each.
        self.places: list[int] = []
        self.before: list[Matrix] = []
        forms = []
        for place in range(start, len(block.operations)):
            operation = block.operations[place]
            operators = kraus_of(operation)
            after = embed(operators[0], operation.qubits, block.qubits) @ product
            if len(operators) > 1:
                self.places.append(place)
                self.before.append(product)
                forms.append((after.conj().T @ after).reshape(-1))
            product = after
        self.total = product
        self._forms = np.array(forms).reshape(len(forms), size * size)

    def norms(self, reduced: Matrix) -> NDArray[np.float64]:
        """Return the squared norm after each channel, from the reduced density matrix before the first."""
        values: NDArray[np.float64] = (self._forms @ reduced.T.reshape(-1)).real
        # It never rises, but for rounding errors.
        return np.minimum.accumulate(values)


class BlockHistories:
    """Draws what happens in one block.

    Args:
        block: The block.
    """

    def __init__(self, block: Block) -> None:
        self._block = block
        self.qubits = block.qubits
        #: Whether there are channels.
        self.noisy = any(len(kraus_of(operation)) > 1 for operation in block.operations)
        #: What an errorless shot's measurements give.
        self.written = {each.clbit: 0 for each in block.operations if isinstance(each, Measurement)}

    @cached_property
    def _all(self) -> _Steps:
        return _Steps(self._block, 0)

    def forget(self) -> None:
        """Release what is kept from one call of `draw` to the next."""
        for name in ("_all", "_ends"):
            self.__dict__.pop(name, None)

    @cached_property
    def _ends(self) -> list[Matrix]:
        """For each place the product of the operations from there to the end, without errors."""
        product: Matrix = np.eye(2 ** len(self.qubits), dtype=complex)
        ends = [product]
        for operation in reversed(self._block.operations):
            product = product @ embed(kraus_of(operation)[0], operation.qubits, self.qubits)
            ends.append(product)
        return ends[::-1]

    def matrix(self) -> Matrix:
        """Return what the block does to the state of an errorless shot."""
        return block_matrix(self._block, lambda operation: kraus_of(operation)[0], 2)

    def draw(
        self,
        reduced: Matrix,
        thresholds: NDArray[np.float64],
        record: Record,
        rng: np.random.Generator,
    ) -> Iterator[History]:
        """Yield the histories of shots.

        Args:
            reduced: The density matrix of the block's qubits before the block.
            thresholds: The uniform number of each shot.
            record: The results of earlier measurements.
            rng: Draws the errors.
        """
        size = len(reduced)
        work = [(0, np.eye(size, dtype=complex), reduced, thresholds, record)]
        while work:
            start, done, rho, numbers, known = work.pop()
            if start:
                # Few shots have a second error in the same block.
                end = self._ends[start]
                if (numbers <= np.vdot(end.conj().T @ end, rho).real).all():
                    written = known | self._results(start, len(self._block.operations))
                    yield History(end @ done, numbers, written)
                    continue
            steps = self._all if start == 0 else _Steps(self._block, start)
            falls = np.searchsorted(-steps.norms(rho), -numbers, side="right")
            left = [numbers[falls == len(steps.places)]]
            for fall in np.unique(falls[falls < len(steps.places)]).tolist():
                place = steps.places[fall]
                operation = self._block.operations[place]
                before = steps.before[fall]
                here = before @ rho @ before.conj().T
                shares = _shares(here, operation, self.qubits)
                mine = numbers[falls == fall]
                if shares is None:
                    left.append(mine)
                    continue
                counts = rng.multinomial(len(mine), shares)
                written = known | self._results(start, place)
                for which in np.flatnonzero(counts).tolist():
                    error = embed(kraus_of(operation)[1 + which], operation.qubits, self.qubits)
                    changed = error @ here @ error.conj().T
                    norm = np.trace(changed).real
                    after = error @ before @ done / np.sqrt(norm)
                    if isinstance(operation, Measurement):
                        written = written | {operation.clbit: 1}
                    work.append((place + 1, after, changed / norm, rng.random(counts[which]), written))
            remaining = np.concatenate(left)
            if len(remaining):
                written = known | self._results(start, len(self._block.operations))
                yield History(steps.total @ done, remaining, written)

    def _results(self, start: int, end: int) -> Record:
        """Return what measurements without an error give, those of some of the operations."""
        operations = self._block.operations[start:end]
        return {each.clbit: 0 for each in operations if isinstance(each, Measurement)}


def embed(operator: Matrix, qubits: tuple[int, ...], block: list[int]) -> Matrix:
    """Return an operator on some qubits of a block as a matrix on all of them."""
    return _embed(operator.tobytes(), tuple(block.index(qubit) for qubit in qubits), len(block))


@lru_cache(maxsize=2048)
def _embed(operator: bytes, places: tuple[int, ...], size: int) -> Matrix:
    matrix = np.frombuffer(operator, dtype=complex).reshape(2 ** len(places), -1)
    identity = np.eye(2**size, dtype=complex).reshape((2,) * size + (2**size,))
    axes = [size - 1 - place for place in reversed(places)]
    moved = np.moveaxis(identity, axes, range(len(axes)))
    product = (matrix @ moved.reshape(len(matrix), -1)).reshape(moved.shape)
    result: AnyArray = np.moveaxis(product, range(len(axes)), axes)
    return np.ascontiguousarray(result.reshape(2**size, 2**size))


def _shares(reduced: Matrix, operation: QuantumOperation, block: list[int]) -> NDArray[np.float64] | None:
    """Return the probability of each error, given that there is one; None if none can occur."""
    operators = kraus_of(operation)
    # Probabilities are traces with the positive operators of the errors.
    weights = np.array(
        [
            np.vdot(embed(error.conj().T @ error, operation.qubits, block), reduced).real
            for error in operators[1:]
        ]
    ).clip(0)
    total = weights.sum()
    return weights / total if total > TINY * np.trace(reduced).real else None
