"""Clifford circuits with Pauli noise and resets, sampled with Stim.

Stim samples Pauli noise for many shots at once, by Pauli frames (Gidney, Quantum 5, 497, 2021), but knows no
reset that happens with some probability. So it is decided first which resets of the noise (`channels.py`)
happen in which shot, and the shots with the same resets are sampled together. Most have none, or one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import stim
from numpy.typing import NDArray

from .channels import NEGLIGIBLE, Depolarizing, Relaxation
from .clifford import fragment
from .counts import Bits
from .operations import Measurement, Program, Reset, Unitary, read_out

#: Seeds of Stim are below this.
SEEDS = 2**63


class _Text:
    """A circuit in Stim's language, in parts between the places where a reset may happen."""

    def __init__(self, program: Program) -> None:
        self.parts: list[str] = []
        #: For the place after each part but the last the qubit and the probability of its reset.
        self.resets: list[tuple[int, float]] = []
        #: The classical bit of each measurement, in order.
        self.clbits: list[int] = []
        self._lines: list[str] = []
        for operation in program.operations:
            if isinstance(operation, Unitary):
                self._gate(operation)
            elif isinstance(operation, Depolarizing):
                self._depolarize(operation)
            elif isinstance(operation, Relaxation):
                self._relax(operation)
            elif isinstance(operation, Reset):
                self._lines.append(f"R {operation.qubits[0]}")
            elif isinstance(operation, Measurement):
                self._measure(operation.qubits[0], operation.clbit)
        for qubit, clbit in program.measured.items():
            self._measure(qubit, clbit)
        self._end_part()

    def _gate(self, gate: Unitary) -> None:
        parts = fragment(gate.name, gate.params)
        assert parts is not None
        for name, places in parts:
            self._lines.append(f"{name} {' '.join(str(gate.qubits[place]) for place in places)}")

    def _depolarize(self, channel: Depolarizing) -> None:
        count = len(channel.qubits)
        probability = channel.probability * (1 - 4.0**-count)
        self._lines.append(f"DEPOLARIZE{count}({probability!r}) {' '.join(map(str, channel.qubits))}")

    def _relax(self, channel: Relaxation) -> None:
        mixture = channel.mixture()
        kept = 1 - mixture.reset
        paulis = [
            min(weight / kept, 1.0) if kept > 0 else 0.0 for weight in (mixture.x, mixture.y, mixture.z)
        ]
        if max(paulis) > NEGLIGIBLE:
            self._lines.append(f"PAULI_CHANNEL_1({','.join(map(repr, paulis))}) {channel.qubits[0]}")
        if mixture.reset > NEGLIGIBLE:
            self._end_part()
            self.resets.append((channel.qubits[0], mixture.reset))

    def _measure(self, qubit: int, clbit: int) -> None:
        self._lines.append(f"M {qubit}")
        self.clbits.append(clbit)

    def _end_part(self) -> None:
        self.parts.append("".join(f"{line}\n" for line in self._lines))
        self._lines = []

    def circuit(self, happen: tuple[int, ...]) -> stim.Circuit:
        """Return the circuit in which the resets at some places happen."""
        pieces = []
        start = 0
        for place in happen:
            pieces += [*self.parts[start : place + 1], f"R {self.resets[place][0]}\n"]
            start = place + 1
        return stim.Circuit("".join([*pieces, *self.parts[start:]]))


def sample(program: Program, num_clbits: int, shots: int, rng: np.random.Generator) -> Bits:
    """Return the outcomes of a Clifford circuit.

    Args:
        program: The circuit with its noise.
        num_clbits: Number of classical bits.
        shots: Number of shots.
        rng: Draws the resets; seeds Stim.

    Returns:
        Array of shape (shots, classical bits) of zeros and ones.
    """
    text = _Text(program)
    bits = np.zeros((shots, num_clbits), dtype=np.uint8)
    filled = 0
    for happen, count in _patterns(text.resets, shots, rng):
        sampler = text.circuit(happen).compile_sampler(seed=int(rng.integers(SEEDS)))
        results = sampler.sample(count)
        # If a bit is written more than once, the last result stays.
        for column, clbit in enumerate(text.clbits):
            bits[filled : filled + count, clbit] = results[:, column]
        filled += count
    bits = bits[rng.permutation(shots)]
    read_out(program, bits, rng)
    return bits


def _patterns(
    resets: list[tuple[int, float]], shots: int, rng: np.random.Generator
) -> Iterator[tuple[tuple[int, ...], int]]:
    """Yield the sets of places whose resets happen, each with its number of shots."""
    counts = rng.binomial(shots, [probability for _, probability in resets])
    happening = [
        (rng.choice(shots, size=count, replace=False), place) for place, count in enumerate(counts) if count
    ]
    if not happening:
        yield (), shots
        return
    where = np.concatenate([chosen for chosen, _ in happening])
    places = np.repeat([place for _, place in happening], [len(chosen) for chosen, _ in happening])
    order = np.lexsort((places, where))
    where, places = where[order], places[order]
    starts = np.flatnonzero(np.r_[True, where[1:] != where[:-1]])
    groups: dict[bytes, int] = {}
    for start, end in zip(starts, [*starts[1:], len(where)], strict=True):
        key: NDArray[np.int64] = places[start:end]
        groups[key.tobytes()] = groups.get(key.tobytes(), 0) + 1
    if shots > len(starts):
        yield (), shots - len(starts)
    for pattern, count in groups.items():
        yield tuple(np.frombuffer(pattern, dtype=places.dtype).tolist()), count
