"""Observables as sets of measurements: grouping, circuits, and expectation values from counts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Clbit
from qiskit.circuit.library import U2Gate

from ..counts import Bits
from ..errors import InvalidJob

#: The basis in which each letter of a term is measured. Besides the Paulis there are the projectors on their
#: eigenstates.
BASES = {"X": "X", "+": "X", "-": "X", "Y": "Y", "r": "Y", "l": "Y", "Z": "Z", "0": "Z", "1": "Z"}
#: The most instructions with which a qubit is measured in each basis.
INSTRUCTIONS = {"X": 3, "Y": 2, "Z": 1}
#: The letters whose value is 1 for the outcome 0 and -1 for 1, and those whose value is 1 for 1 only.
PAULIS = frozenset("XYZ")
ONES = frozenset("-l1")
#: Bytes of the values of terms, one per shot, that are kept for other observables with the same term.
MAX_KNOWN_BYTES = 1 << 26
#: Different terms of the observables that are measured together.
MAX_TERMS = 20_000
#: Bits of the words in which the qubits of a term are stored.
WORD = 64

#: A term's letters by qubit, without identities, in order.
Term = tuple[tuple[int, str], ...]
#: An observable: the coefficient of each term.
Observable = Mapping[Term, float]


def term(label: str) -> Term:
    """Return the letters of a label, whose last letter is that of qubit 0."""
    return tuple((qubit, letter) for qubit, letter in enumerate(reversed(label)) if letter != "I")


@dataclass(frozen=True)
class Group:
    """Terms that are measured at once, since they commute qubit by qubit.

    Attributes:
        bases: The basis of each measured qubit.
        terms: The terms.
    """

    bases: dict[int, str]
    terms: list[Term]


def group(observables: Iterable[Observable], num_qubits: int, name: str, most: int) -> list[Group]:
    """Return the terms of observables in groups that commute qubit by qubit.

    Each term goes to the first group that it fits, those with many letters first (largest-first coloring, as
    in Verteletskyi et al., J. Chem. Phys. 152, 124114, 2020).

    Args:
        observables: The observables.
        num_qubits: Number of qubits.
        name: The observables' name for the message.
        most: The number of groups after which no more are searched: the caller rejects them.

    Raises:
        InvalidJob: If there are too many terms.
    """
    terms = dict.fromkeys(each for observable in observables for each in observable if each)
    if len(terms) > MAX_TERMS:
        raise InvalidJob(
            f"{name} has more than {MAX_TERMS} different terms. Spread them over several PUBs.", code=1518
        )
    words = -(-num_qubits // WORD)
    # For each group a word's bits say which qubits are measured, and in which basis.
    taken = np.zeros((len(terms), 3, words), dtype=np.uint64)
    groups: list[Group] = []
    for each in sorted(terms, key=len, reverse=True):
        masks = np.zeros((3, words), dtype=np.uint64)
        for qubit, letter in each:
            bit = np.uint64(1 << qubit % WORD)
            masks[0, qubit // WORD] |= bit
            masks[1, qubit // WORD] |= bit * (BASES[letter] in "XY")
            masks[2, qubit // WORD] |= bit * (BASES[letter] in "YZ")
        used = taken[: len(groups)]
        differ = (used[:, 1] ^ masks[1]) | (used[:, 2] ^ masks[2])
        fits = ~(differ & used[:, 0] & masks[0]).any(axis=1)
        place = int(np.argmax(fits)) if fits.any() else len(groups)
        if place == len(groups):
            groups.append(Group({}, []))
            if place >= most:
                break
        taken[place] |= masks
        groups[place].terms.append(each)
        groups[place].bases.update({qubit: BASES[letter] for qubit, letter in each})
    return groups


def measured(
    circuit: QuantumCircuit, bases: Mapping[int, str], gates: Iterable[str]
) -> tuple[QuantumCircuit, list[int]]:
    """Return a circuit that ends with the measurement of some qubits.

    Args:
        circuit: The circuit.
        bases: The basis of each qubit to measure.
        gates: The backend's gates.

    Returns:
        The circuit, and the places of the classical bits, in the order of `bases`.

    Raises:
        InvalidJob: If the backend has no gates with which the bases can be changed.
    """
    result = circuit.copy()
    bits = [Clbit() for _ in bases]
    start = result.num_clbits
    result.add_bits(bits)
    names = set(gates)
    for qubit, basis in bases.items():
        if basis == "Z":
            continue
        if {"rz", "sx"} <= names:
            if basis == "X":
                result.rz(math.pi / 2, qubit)
            result.sx(qubit)
        elif "u2" in names:
            result.append(U2Gate(0, math.pi if basis == "X" else math.pi / 2), [qubit])
        else:
            raise InvalidJob(
                "The backend cannot measure X and Y: it has neither rz and sx nor u2.", code=1517
            )
    for qubit, bit in zip(bases, bits, strict=True):
        result.measure(qubit, bit)
    return result, list(range(start, start + len(bits)))


#: For each term the indices of the observables that have it, with its coefficient.
TermUses = Mapping[Term, Sequence[tuple[int, float]]]


def term_uses(observables: Iterable[Observable]) -> TermUses:
    """Return the observables of each term."""
    uses: dict[Term, list[tuple[int, float]]] = {}
    for index, observable in enumerate(observables):
        for each, coefficient in observable.items():
            uses.setdefault(each, []).append((index, coefficient))
    return uses


class Estimate:
    """Expectation values and standard errors of one parameter set, summed over its groups.

    Args:
        observables: The observables.
        uses: Their terms (`term_uses`).
    """

    def __init__(self, observables: Sequence[Observable], uses: TermUses) -> None:
        #: The coefficients of the identity are known without a measurement.
        self.values = np.array([float(each.get((), 0.0)) for each in observables])
        self._variances = np.zeros(len(observables))
        self._uses = uses

    @property
    def errors(self) -> NDArray[np.float64]:
        """The standard error of each value: 0 if all shots agreed."""
        errors: NDArray[np.float64] = np.sqrt(self._variances)
        return errors

    def add(self, group: Group, bits: Bits) -> None:
        """Add the terms of a group.

        Args:
            group: The group.
            bits: The outcomes, of shape (shots, measured qubits).
        """
        column = {qubit: place for place, qubit in enumerate(group.bases)}
        shots = len(bits)
        # Only the observables with terms in this group are visited.
        parts: dict[int, list[tuple[Term, float]]] = {}
        for each in group.terms:
            for index, coefficient in self._uses[each]:
                parts.setdefault(index, []).append((each, coefficient))
        most = MAX_KNOWN_BYTES // (8 * shots)
        known: dict[Term, NDArray[np.float64]] = {}
        for index, part in parts.items():
            total = np.zeros(shots)
            for each, coefficient in part:
                if (values := known.get(each)) is None:
                    values = outcome_values(each, bits, column)
                    if len(self._uses[each]) > 1 and len(known) < most:
                        known[each] = values
                total += coefficient * values
            self.values[index] += total.mean()
            # Terms of one group come from the same shots: their sum has one variance.
            self._variances[index] += total.var(ddof=1 if shots > 1 else 0) / shots


def outcome_values(term: Term, bits: Bits, column: Mapping[int, int]) -> NDArray[np.float64]:
    """Return the value of a term in each shot."""
    signs = [column[qubit] for qubit, letter in term if letter in PAULIS]
    projected = [(column[qubit], letter in ONES) for qubit, letter in term if letter not in PAULIS]
    values: NDArray[np.float64] = 1.0 - 2.0 * np.bitwise_xor.reduce(bits[:, signs], axis=1)
    if projected:
        places, wanted = zip(*projected, strict=True)
        values *= (bits[:, places] == np.array(wanted, dtype=np.uint8)).all(axis=1)
    return values
