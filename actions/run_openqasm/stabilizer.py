"""The exact distribution of the outcomes of Clifford gates: each of them is equally likely."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Clifford

from actions.run_openqasm.costs import Seconds
from actions.run_openqasm.dependencies import Part

#: Seconds that a gate takes, and that each bit of an outcome takes.
_GATE = 3e-5
_OUTCOME = 1e-6


def distribution(part: Part, seconds: Seconds) -> dict[int, float] | None:
    """Return the probabilities of a part's outcomes.

    Args:
        part: gates, and one measurement of each bit at the end.
        seconds: what is left of the time.

    Returns:
        The probabilities; the lowest bit of an outcome is the first bit of the part. None if a gate is not
        Clifford.

    Raises:
        TooCostlyError: they would take too long.
    """
    places = {qubit: place for place, qubit in enumerate(part.qubits)}
    circuit = QuantumCircuit(part.width)
    sources = {}
    for item in part.items:
        if item.operation.name == "measure":
            sources[item.clbits[0]] = places[item.qubits[0]]
        else:
            circuit.append(item.operation, [places[qubit] for qubit in item.qubits], copy=False)
    seconds.spend(len(circuit.data) * _GATE)
    try:
        clifford = Clifford(circuit)
    except QiskitError:
        return None
    measured = sorted({sources[bit] for bit in part.bits})
    base, directions = _outcomes(clifford, measured)
    seconds.spend(2 ** len(directions) * _OUTCOME * len(part.bits))
    outcomes = [base]
    for direction in directions:
        outcomes += [outcome ^ direction for outcome in outcomes]
    rank = {qubit: place for place, qubit in enumerate(measured)}
    read = [rank[sources[bit]] for bit in part.bits]
    return {
        sum((outcome >> source & 1) << place for place, source in enumerate(read)): 1 / len(outcomes)
        for outcome in outcomes
    }


class _Pauli(NamedTuple):
    """A product of stabilizers, (-i)^phase Z^z X^x, with a bit for each qubit in `z` and `x`."""

    z: int
    x: int
    phase: int

    def times(self, other: _Pauli) -> _Pauli:
        """Return the product."""
        phase = self.phase + other.phase + 2 * (self.x & other.z).bit_count()
        return _Pauli(self.z ^ other.z, self.x ^ other.x, phase % 4)


def _outcomes(clifford: Clifford, measured: Sequence[int]) -> tuple[int, list[int]]:
    """Return an outcome of measured qubits, the first in the lowest bit, and a basis of the differences.

    A product of stabilizers that is Z on measured qubits alone fixes the parity of these. All outcomes with
    such parities are possible.
    """
    width = clifford.num_qubits
    rows = []
    for x, z, sign in zip(clifford.stab_x, clifford.stab_z, clifford.stab_phase, strict=True):
        # Y is (-i) Z X.
        rows.append(_Pauli(_number(z), _number(x), (2 * int(sign) + int((x & z).sum())) % 4))
    others = ((1 << width) - 1) ^ sum(1 << qubit for qubit in measured)
    fixed = [
        (sum((row.z >> qubit & 1) << place for place, qubit in enumerate(measured)), row.phase // 2)
        for row in _of_measured(rows, others, width)
    ]
    fixed = _echelon(fixed)
    pivots = {1 << parity.bit_length() - 1: parity for parity, _ in fixed}
    base = sum((1 << parity.bit_length() - 1) * odd for parity, odd in fixed)
    directions = []
    for place in range(len(measured)):
        if 1 << place not in pivots:
            directions.append((1 << place) + sum(top for top, row in pivots.items() if row >> place & 1))
    return base, directions


def _number(row: NDArray[np.bool_]) -> int:
    return sum(1 << int(place) for place in np.flatnonzero(row))


def _of_measured(rows: Sequence[_Pauli], others: int, width: int) -> Iterator[_Pauli]:
    """Yield the independent products of rows that are Z, and that only on qubits that are measured."""
    pivots: dict[int, _Pauli] = {}
    for row in rows:
        while forbidden := row.x << width | row.z & others:
            top = forbidden.bit_length()
            if top not in pivots:
                pivots[top] = row
                break
            row = row.times(pivots[top])
        else:
            yield row


def _echelon(rows: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the same equations of parities, the highest bit of each of which no other has."""
    pivots: dict[int, tuple[int, int]] = {}
    for parity, odd in rows:
        while parity and (top := parity.bit_length()) in pivots:
            parity, odd = parity ^ pivots[top][0], odd ^ pivots[top][1]
        if parity:
            pivots[parity.bit_length()] = parity, odd
    for top in sorted(pivots):
        for other, (parity, odd) in pivots.items():
            if other != top and parity >> (top - 1) & 1:
                pivots[other] = parity ^ pivots[top][0], odd ^ pivots[top][1]
    return list(pivots.values())
