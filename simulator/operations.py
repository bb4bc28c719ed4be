"""A circuit as a list of operations with its noise, for the simulator's own methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from .channels import Channel, Matrix, NoiseKind, pauli_strings
from .counts import Bits, draw
from .noise import DeviceNoise
from .own_gates import STANDARD
from .timing import delay_seconds


@dataclass(frozen=True)
class Unitary:
    """A gate; the first qubit is the least significant one of its matrix's index."""

    name: str
    params: tuple[float, ...]
    qubits: tuple[int, ...]

    def matrix(self) -> Matrix:
        """Return its matrix."""
        return gate_matrix(self.name, self.params)

    def transfer(self) -> NDArray[np.float64]:
        """Return its Pauli transfer matrix."""
        return gate_transfer(self.name, self.params)


@dataclass(frozen=True)
class Measurement:
    """A measurement in the middle of a circuit; its qubit or its bit is used again."""

    qubits: tuple[int]
    clbit: int


@dataclass(frozen=True)
class Reset:
    """A reset."""

    qubits: tuple[int]


QuantumOperation = Unitary | Channel | Measurement | Reset


@dataclass(frozen=True)
class Program:
    """A circuit without control flow, with its noise.

    Attributes:
        operations: Gates, noise channels, resets and measurements in the middle, in order. Qubits are
            numbered from 0, without idle ones.
        num_qubits: Number of qubits.
        measured: The classical bit of each qubit that is measured at the end.
        flips: For a classical bit the probabilities that a measured 0 is read as 1, and a 1 as 0.
    """

    operations: list[QuantumOperation]
    num_qubits: int
    measured: dict[int, int]
    flips: dict[int, tuple[float, float]]

    @property
    def unitary(self) -> bool:
        """Whether it has only gates, besides the measurements at its end."""
        return all(isinstance(operation, Unitary) for operation in self.operations)

    @property
    def measures_midway(self) -> bool:
        """Whether it has measurements other than those at its end."""
        return any(isinstance(operation, Measurement) for operation in self.operations)


def program(circuit: QuantumCircuit, noise: DeviceNoise | None, kind: NoiseKind = "full") -> Program:
    """Return a circuit with its noise.

    Args:
        circuit: A circuit without control flow and free parameters, whose waiting is explicit
            (`timing.scheduled`).
        noise: The device's noise; None for no noise.
        kind: The kind of noise.

    Raises:
        InvalidJob: If a delay has no valid duration.
    """
    index = {bit: place for place, bit in enumerate(circuit.qubits)}
    clbits = {bit: place for place, bit in enumerate(circuit.clbits)}
    ends, writers = _last_uses(circuit, index, clbits)
    places: dict[int, int] = {}
    operations: list[QuantumOperation] = []
    after: dict[tuple[str, tuple[int, ...]], list[Channel]] = {}
    measured: dict[int, int] = {}

    def local(channel: Channel) -> Channel:
        return channel.on(tuple(places[qubit] for qubit in channel.qubits))

    for place, item in enumerate(circuit.data):
        name = item.name
        if name == "barrier":
            continue
        qubits = tuple([index[bit] for bit in item.qubits])
        if name == "delay":
            # A qubit without a gate is in its ground state, where waiting changes nothing.
            if noise is not None and qubits[0] in places:
                seconds = delay_seconds(item.operation, noise.dt)
                if (relaxation := noise.waiting(qubits[0], seconds, kind)) is not None:
                    operations.append(local(relaxation))
            continue
        for qubit in qubits:
            places.setdefault(qubit, len(places))
        mapped = tuple([places[qubit] for qubit in qubits])
        if name == "measure":
            clbit = clbits[item.clbits[0]]
            if ends[qubits[0]] == place and writers[clbit] == place:
                measured[mapped[0]] = clbit
            else:
                operations.append(Measurement((mapped[0],), clbit))
        elif name == "reset":
            operations.append(Reset((mapped[0],)))
        else:
            operations.append(Unitary(name, tuple([float(angle) for angle in item.params]), mapped))
            if noise is not None:
                # The same objects for the same gate: making them would take most of the time.
                if (name, qubits) not in after:
                    after[name, qubits] = [local(channel) for channel in noise.channels(name, qubits, kind)]
                operations.extend(after[name, qubits])
    flips: dict[int, tuple[float, float]] = {}
    if noise is not None:
        for clbit, place in writers.items():
            flips[clbit] = noise.readout_flips(index[circuit.data[place].qubits[0]])
    return Program(operations, len(places), measured, flips)


def ends_with_measurements(circuit: QuantumCircuit) -> bool:
    """Return whether a circuit without control flow has no reset, and measurements only at its end."""
    measured: set[object] = set()
    for item in circuit.data:
        if item.name in ("barrier", "delay"):
            continue
        # A bit that is measured into again has the later result.
        if item.name == "reset" or not measured.isdisjoint(item.qubits):
            return False
        if item.name == "measure":
            if not measured.isdisjoint(item.clbits):
                return False
            measured.update(item.qubits, item.clbits)
    return True


def _last_uses(
    circuit: QuantumCircuit, index: dict[object, int], clbits: dict[object, int]
) -> tuple[dict[int, int], dict[int, int]]:
    """Return the place of each qubit's last instruction, and of the last measurement into each bit."""
    ends: dict[int, int] = {}
    writers: dict[int, int] = {}
    for place, item in enumerate(circuit.data):
        if item.name in ("barrier", "delay"):
            continue
        for bit in item.qubits:
            ends[index[bit]] = place
        for bit in item.clbits:
            writers[clbits[bit]] = place
    return ends, writers


def read_out(program: Program, bits: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Flip measured bits, of shape (shots, bits), with their readout error."""
    for clbit, (up, down) in program.flips.items():
        if up or down:
            column = bits[:, clbit]
            column ^= rng.random(len(column)) < np.where(column, down, up)


def draw_outcomes(
    program: Program,
    probabilities: Callable[[Program], NDArray[np.float64]],
    num_clbits: int,
    shots: int,
    rng: np.random.Generator,
) -> Bits:
    """Return the outcomes of a circuit without measurements in its middle, with their readout errors.

    Args:
        program: The circuit.
        probabilities: Returns the probability of each outcome; the first measured qubit is bit 0.
        num_clbits: Number of classical bits.
        shots: Number of shots.
        rng: Draws the outcomes.

    Returns:
        Array of shape (shots, classical bits) of zeros and ones.
    """
    bits = np.zeros((shots, num_clbits), dtype=np.uint8)
    if measured := program.measured:
        bits[:, list(measured.values())] = draw(probabilities(program), len(measured), shots, rng)
    read_out(program, bits, rng)
    return bits


@lru_cache(maxsize=4096)
def gate_matrix(name: str, params: tuple[float, ...]) -> Matrix:
    """Return a gate's matrix."""
    matrix: Matrix = np.asarray(STANDARD[name].base_class(*params).to_matrix(), dtype=complex)
    return matrix


@lru_cache(maxsize=4096)
def gate_transfer(name: str, params: tuple[float, ...]) -> NDArray[np.float64]:
    """Return a gate's Pauli transfer matrix; the first qubit is the lowest digit, base 4, of the index."""
    unitary = gate_matrix(name, params)
    strings = pauli_strings(len(unitary).bit_length() - 1)
    turned = unitary @ strings @ unitary.conj().T
    matrix: NDArray[np.float64] = np.einsum("iab,jba->ij", strings, turned).real / len(unitary)
    return matrix
