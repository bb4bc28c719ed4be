"""Exact outcome distributions of noisy circuits: density matrices and Kraus operators, written out in NumPy.

An independent reference: it shares no code with the simulator and does not use Aer. A gate is followed by
depolarizing noise, then by amplitude damping and dephasing of its qubits for its duration. The depolarizing
strength makes the average gate fidelity the reported one (Nielsen, Phys. Lett. A 303, 249, 2002). Delays damp
and dephase. Readout is a confusion matrix. Only up to about eight qubits.
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

    def __init__(self, properties: Mapping[str, Any], dt: float) -> None:
        self.dt = dt
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

    def gate(self, name: str, qubits: tuple[int, ...]) -> tuple[float, float] | None:
        """Return a gate's error and duration; None if it has neither."""
        data = self._gates.get((name, qubits))
        if name == "rz" or data is None or "gate_error" not in data:
            return None
        return min(data["gate_error"], 1.0), data.get("gate_length", 0.0)


class ExactState:
    """A density matrix of a few qubits of a device.

    Args:
        qubits: Their indices on the device.
        device: The device; None for no noise.
    """

    def __init__(self, qubits: Sequence[int], device: Device | None) -> None:
        self._place = {qubit: index for index, qubit in enumerate(qubits)}
        self._device = device
        self.size = len(qubits)
        self.rho: Matrix = np.zeros((2**self.size, 2**self.size), dtype=complex)
        self.rho[0, 0] = 1

    def _apply(self, operators: Sequence[Matrix], qubits: Sequence[int]) -> None:
        """Apply Kraus operators; the first qubit is the least significant one of a matrix's index."""
        count = self.size
        places = [count - 1 - self._place[qubit] for qubit in reversed(qubits)]
        total = np.zeros_like(self.rho)
        shape = (2,) * len(places)
        for kraus in operators:
            tensor = self.rho.reshape((2,) * (2 * count))
            small = kraus.reshape(shape + shape)
            half = range(len(places), 2 * len(places))
            tensor = np.moveaxis(np.tensordot(small, tensor, (half, places)), range(len(places)), places)
            columns = [place + count for place in places]
            tensor = np.moveaxis(
                np.tensordot(small.conj(), tensor, (half, columns)), range(len(places)), columns
            )
            total += tensor.reshape(total.shape)
        self.rho = total

    def wait(self, qubit: int, nanoseconds: float) -> None:
        """Let a qubit relax."""
        if self._device is not None and nanoseconds > 0:
            self._apply(relaxation(*self._device.times(qubit), nanoseconds), [qubit])

    def gate(self, name: str, matrix: Matrix, qubits: tuple[int, ...]) -> None:
        """Apply a gate and its noise."""
        self._apply([matrix], qubits)
        data = None if self._device is None else self._device.gate(name, qubits)
        if self._device is None or data is None:
            return
        error, duration = data
        relaxations = [relaxation(*self._device.times(qubit), duration) for qubit in qubits]
        strength = depolarizing_strength(error, relaxations)
        dimension = 4 ** len(qubits)
        depolarizing = []
        for letters in itertools.product(range(4), repeat=len(qubits)):
            pauli = np.eye(1, dtype=complex)
            for letter in letters:
                pauli = np.kron(pauli, PAULIS[letter])
            weight = strength / dimension + (0 if any(letters) else 1 - strength)
            depolarizing.append(np.sqrt(weight) * pauli)
        self._apply(depolarizing, qubits)
        for qubit, operators in zip(qubits, relaxations, strict=True):
            self._apply(operators, [qubit])

    def reset(self, qubit: int) -> None:
        """Reset a qubit."""
        self._apply(
            [np.array([[1, 0], [0, 0]], dtype=complex), np.array([[0, 1], [0, 0]], dtype=complex)], [qubit]
        )

    def outcomes(self, measured: Mapping[int, int], num_clbits: int) -> NDArray[np.float64]:
        """Return the probability of each outcome.

        Args:
            measured: The classical bit of each measured qubit.
            num_clbits: Number of classical bits; bit 0 is the lowest of an outcome's index.
        """
        tensor = np.real(np.diagonal(self.rho)).reshape((2,) * self.size)
        for qubit in measured:
            if self._device is not None:
                axis = self.size - 1 - self._place[qubit]
                confusion = self._device.confusion(qubit)
                tensor = np.moveaxis(np.tensordot(confusion, tensor, (1, axis)), 0, axis)
        result = np.zeros(2**num_clbits)
        for index, probability in enumerate(tensor.reshape(-1)):
            outcome = sum(1 << clbit for qubit, clbit in measured.items() if index >> self._place[qubit] & 1)
            result[outcome] += probability
        return result


def run(circuit: QuantumCircuit, device: Device | None) -> tuple[ExactState, dict[int, int]]:
    """Return the final state of a circuit without control flow, and the bit of each qubit measured at its end."""
    index = {bit: place for place, bit in enumerate(circuit.qubits)}
    clbit = {bit: place for place, bit in enumerate(circuit.clbits)}
    used = sorted({index[bit] for item in circuit.data if item.name != "barrier" for bit in item.qubits})
    state = ExactState(used, device)
    measured: dict[int, int] = {}
    for item in circuit.data:
        qubits = tuple(index[bit] for bit in item.qubits)
        operation = item.operation
        if item.name == "barrier":
            continue
        assert not measured.keys() & set(qubits)
        if item.name == "delay":
            unit = operation.unit
            length = float(operation.duration)
            state.wait(
                qubits[0],
                length * (device.dt if device else 0) if unit == "dt" else length * NANOSECONDS[unit],
            )
        elif item.name == "measure":
            measured[qubits[0]] = clbit[item.clbits[0]]
        elif item.name == "reset":
            state.reset(qubits[0])
        else:
            assert isinstance(operation, Gate)
            state.gate(item.name, operation.to_matrix(), qubits)
    return state, measured


def distribution(circuit: QuantumCircuit, device: Device | None) -> NDArray[np.float64]:
    """Return the exact probability of each outcome of a circuit that is measured at its end."""
    state, measured = run(circuit, device)
    return state.outcomes(measured, circuit.num_clbits)
