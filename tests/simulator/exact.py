"""Exact outcome distributions of noisy circuits: density matrices and Kraus operators, written out in NumPy.

An independent reference: it shares no code with the simulator and does not use Aer. A gate is followed by
depolarizing noise, then by amplitude damping and dephasing of its qubits for its duration. The depolarizing
strength makes the average gate fidelity the reported one (Nielsen, Phys. Lett. A 303, 249, 2002). Delays damp
and dephase; a circuit with delays is scheduled as late as possible. Readout is a confusion matrix. Only up to
about eight qubits.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Gate

Matrix = NDArray[np.complex128]

PAULIS: list[Matrix] = [
    np.eye(2, dtype=complex),
    np.array([[0, 1], [1, 0]], dtype=complex),
    np.array([[0, -1j], [1j, 0]]),
    np.array([[1, 0], [0, -1]], dtype=complex),
]
NANOSECONDS = {"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1.0, "ps": 1e-3}


def relaxation(t1: float, t2: float, duration: float) -> list[Matrix]:
    """Return the Kraus operators of amplitude damping followed by pure dephasing; times in one unit."""
    decay = 1 - np.exp(-duration / t1)
    pure_rate = max(1 / t2 - 1 / (2 * t1), 0.0)
    flip = (1 - np.exp(-duration * pure_rate)) / 2
    damping = [
        np.array([[1, 0], [0, np.sqrt(1 - decay)]], dtype=complex),
        np.array([[0, np.sqrt(decay)], [0, 0]], dtype=complex),
    ]
    dephasing = [np.sqrt(1 - flip) * PAULIS[0], np.sqrt(flip) * PAULIS[3]]
    return [second @ first for first in damping for second in dephasing]


def approximated(t1: float, t2: float, duration: float, kind: str) -> list[Matrix]:
    """Return the Kraus operators of the mixtures that replace relaxation."""
    coherence, excitation = np.exp(-duration / t2), np.exp(-duration / t1)
    if kind == "pauli_twirled":
        flip, same = (1 - excitation) / 4, (1 + excitation) / 4
        weights = [same + coherence / 2, flip, flip, same - coherence / 2]
        return [np.sqrt(weight) * pauli for weight, pauli in zip(weights, PAULIS, strict=True)]
    reset = 1 - excitation if t2 <= t1 else 1 - 0.6 * coherence - 0.4 * excitation
    phase = (excitation - coherence) / 2 if t2 <= t1 else 0.0
    to_zero = np.sqrt(reset)
    return [
        np.sqrt(1 - reset - phase) * PAULIS[0],
        np.sqrt(phase) * PAULIS[3],
        to_zero * np.array([[1, 0], [0, 0]], dtype=complex),
        to_zero * np.array([[0, 1], [0, 0]], dtype=complex),
    ]


def depolarizing_strength(error: float, relaxations: Sequence[list[Matrix]]) -> float:
    """Return the probability of full depolarization with which a gate has the reported average infidelity."""
    dimension = 2 ** len(relaxations)
    process = float(
        np.prod([sum(abs(np.trace(kraus)) ** 2 for kraus in operators) / 4 for operators in relaxations])
    )
    wanted = ((dimension + 1) * (1 - error) - 1) / dimension
    strength = (process - wanted) / (process - 1 / dimension**2)
    return float(np.clip(strength, 0, 1))


class Device:
    """A device's numbers, read from IBM's properties document; times in nanoseconds."""

    def __init__(self, properties: Mapping[str, Any], dt: float, kind: str = "full") -> None:
        self.dt = dt
        self.kind = kind
        self._qubits = [
            {entry["name"]: entry["value"] * NANOSECONDS.get(entry["unit"], 1.0) for entry in entries}
            for entries in properties["qubits"]
        ]
        self._gates = {
            (gate["gate"], tuple(gate["qubits"])): {
                entry["name"]: entry["value"] for entry in gate["parameters"]
            }
            for gate in properties["gates"]
        }

    def times(self, qubit: int) -> tuple[float, float]:
        """Return T1 and T2."""
        data = self._qubits[qubit]
        return data["T1"], min(data["T2"], 2 * data["T1"])

    def confusion(self, qubit: int) -> NDArray[np.float64]:
        """Return the probability of each reading (row) for each state (column)."""
        up, down = self._qubits[qubit]["prob_meas1_prep0"], self._qubits[qubit]["prob_meas0_prep1"]
        return np.array([[1 - up, down], [up, 1 - down]])

    def relax(self, qubit: int, duration: float) -> list[Matrix]:
        """Return the Kraus operators of waiting."""
        times = self.times(qubit)
        return (
            relaxation(*times, duration) if self.kind == "full" else approximated(*times, duration, self.kind)
        )

    def length(self, name: str, qubits: tuple[int, ...]) -> float:
        """Return the duration of an instruction."""
        if name == "measure":
            return float(self._qubits[qubits[0]]["readout_length"])
        return float(self._gates.get((name, qubits), {}).get("gate_length", 0.0))

    def gate(self, name: str, qubits: tuple[int, ...]) -> tuple[float, float] | None:
        """Return a gate's error and duration; None if it has neither."""
        data = self._gates.get((name, qubits))
        if name == "rz" or data is None or "gate_error" not in data:
            return None
        return min(data["gate_error"], 1.0), data.get("gate_length", 0.0)


class ExactState:
    """The density matrix of a few qubits of a device, for each result of the measurements so far.

    Args:
        qubits: Their indices on the device.
        device: The device; None for no noise.
    """

    def __init__(self, qubits: Sequence[int], device: Device | None) -> None:
        self._place = {qubit: index for index, qubit in enumerate(qubits)}
        self._device = device
        self.size = len(qubits)
        start: Matrix = np.zeros((2**self.size, 2**self.size), dtype=complex)
        start[0, 0] = 1
        self.branches = {0: start}

    def _apply(self, operators: Sequence[Matrix], qubits: Sequence[int]) -> None:
        self.branches = {
            record: self._changed(rho, operators, qubits) for record, rho in self.branches.items()
        }

    def _changed(self, rho: Matrix, operators: Sequence[Matrix], qubits: Sequence[int]) -> Matrix:
        """Apply Kraus operators; the first qubit is the least significant one of a matrix's index."""
        count = self.size
        places = [count - 1 - self._place[qubit] for qubit in reversed(qubits)]
        columns = [place + count for place in places]
        # All operators at once, as one matrix on the rows and columns.
        whole = np.einsum("kab,kcd->acbd", operators, np.conj(operators))
        half = 2 * len(places)
        tensor = np.tensordot(
            whole.reshape((2,) * (2 * half)),
            rho.reshape((2,) * (2 * count)),
            (range(half, 2 * half), [*places, *columns]),
        )
        return np.moveaxis(tensor, range(half), [*places, *columns]).reshape(rho.shape)

    def wait(self, qubit: int, nanoseconds: float) -> None:
        """Let a qubit relax."""
        if self._device is not None and nanoseconds > 0:
            self._apply(self._device.relax(qubit, nanoseconds), [qubit])

    def gate(self, name: str, matrix: Matrix, qubits: tuple[int, ...]) -> None:
        """Apply a gate and its noise."""
        self._apply([matrix], qubits)
        data = None if self._device is None else self._device.gate(name, qubits)
        if self._device is None or data is None:
            return
        error, duration = data
        full = [relaxation(*self._device.times(qubit), duration) for qubit in qubits]
        strength = depolarizing_strength(error, full)
        dimension = 4 ** len(qubits)
        depolarizing = []
        for letters in itertools.product(range(4), repeat=len(qubits)):
            pauli = np.eye(1, dtype=complex)
            for letter in letters:
                pauli = np.kron(pauli, PAULIS[letter])
            weight = strength / dimension + (0 if any(letters) else 1 - strength)
            depolarizing.append(np.sqrt(weight) * pauli)
        self._apply(depolarizing, qubits)
        for qubit in qubits:
            self._apply(self._device.relax(qubit, duration), [qubit])

    def reset(self, qubit: int) -> None:
        """Reset a qubit."""
        self._apply([np.array([[1.0 + 0j, 0], [0, 0]]), np.array([[0, 1.0 + 0j], [0, 0]])], [qubit])

    def measure(self, qubit: int, clbit: int) -> None:
        """Measure a qubit, which may be used again."""
        confusion = np.eye(2) if self._device is None else self._device.confusion(qubit)
        branches: dict[int, Matrix] = {}
        for record, rho in self.branches.items():
            for state in (0, 1):
                projector = np.zeros((2, 2), dtype=complex)
                projector[state, state] = 1
                projected = self._changed(rho, [projector], [qubit])
                for reading in (0, 1):
                    key = record & ~(1 << clbit) | reading << clbit
                    part = confusion[reading, state] * projected
                    branches[key] = branches[key] + part if key in branches else part
        self.branches = branches

    def outcomes(self, measured: Mapping[int, int], num_clbits: int) -> NDArray[np.float64]:
        """Return the probability of each outcome.

        Args:
            measured: The classical bit of each qubit that is measured now.
            num_clbits: Number of classical bits; bit 0 is the lowest of an outcome's index.
        """
        result = np.zeros(2**num_clbits)
        for record, rho in self.branches.items():
            tensor = np.real(np.diagonal(rho)).reshape((2,) * self.size)
            for qubit in measured:
                if self._device is not None:
                    axis = self.size - 1 - self._place[qubit]
                    confusion = self._device.confusion(qubit)
                    tensor = np.moveaxis(np.tensordot(confusion, tensor, (1, axis)), 0, axis)
            kept = record & ~sum(1 << clbit for clbit in measured.values())
            for index, probability in enumerate(tensor.reshape(-1)):
                read = sum(1 << clbit for qubit, clbit in measured.items() if index >> self._place[qubit] & 1)
                result[kept | read] += probability
        return result


def starts(circuit: QuantumCircuit, device: Device) -> list[tuple[float, float]]:
    """Return when each instruction starts and ends, before the circuit's end, as late as possible."""
    index = {bit: place for place, bit in enumerate(circuit.qubits)}
    free = dict.fromkeys(range(circuit.num_qubits), 0.0)
    times = []
    for item in reversed(circuit.data):
        qubits = [index[bit] for bit in item.qubits]
        end = max(free[qubit] for qubit in qubits)
        if item.name == "delay":
            length = delay_length(item.operation, device)
        else:
            length = 0.0 if item.name == "barrier" else device.length(item.name, tuple(qubits))
        free.update(dict.fromkeys(qubits, end + length))
        times.append((end + length, end))
    return times[::-1]


def delay_length(operation: Any, device: Device | None) -> float:
    """Return the nanoseconds of a delay."""
    unit = operation.unit
    scale = (device.dt if device else 0.0) if unit == "dt" else NANOSECONDS[unit]
    return float(operation.duration) * scale


def distribution(circuit: QuantumCircuit, device: Device | None) -> NDArray[np.float64]:
    """Return the exact probability of each outcome of a circuit without control flow."""
    index = {bit: place for place, bit in enumerate(circuit.qubits)}
    clbit = {bit: place for place, bit in enumerate(circuit.clbits)}
    used = sorted({index[bit] for item in circuit.data if item.name != "barrier" for bit in item.qubits})
    last = {index[bit]: place for place, item in enumerate(circuit.data) for bit in item.qubits}
    writers = {clbit[bit]: place for place, item in enumerate(circuit.data) for bit in item.clbits}
    schedule = None
    if device is not None and circuit.count_ops().get("delay"):
        schedule = starts(circuit, device)
    ended: dict[int, float] = {}
    state = ExactState(used, device)
    measured: dict[int, int] = {}
    for place, item in enumerate(circuit.data):
        qubits = tuple(index[bit] for bit in item.qubits)
        operation = item.operation
        if schedule is not None:
            start, end = schedule[place]
            for qubit in qubits:
                if qubit in ended:
                    state.wait(qubit, ended[qubit] - start)
                ended[qubit] = end
        if item.name == "barrier":
            continue
        if item.name == "delay":
            state.wait(qubits[0], delay_length(operation, device))
        elif item.name == "measure":
            target = clbit[item.clbits[0]]
            if last[qubits[0]] == place and writers[target] == place:
                measured[qubits[0]] = target
            else:
                state.measure(qubits[0], target)
        elif item.name == "reset":
            state.reset(qubits[0])
        else:
            assert isinstance(operation, Gate)
            state.gate(item.name, operation.to_matrix(), qubits)
    return state.outcomes(measured, circuit.num_clbits)
