"""Noise models from a device's properties, for the qubits that a circuit uses.

A gate has thermal relaxation over its duration (T1, T2), and depolarizing noise of the strength that makes
its average infidelity the error that the device reports. Readout flips each bit with the reported
probabilities. That is the full model. The Pauli-twirled one replaces relaxation by the Pauli channel with
the same diagonal in the Pauli basis (Geller & Zhou, Phys. Rev. A 88, 012314, 2013), so that the
stabilizer method can simulate Clifford circuits.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from qiskit_aer.noise import (
    NoiseModel,
    QuantumError,
    ReadoutError,
    depolarizing_error,
    pauli_error,
    thermal_relaxation_error,
)

from .circuits import VIRTUAL, Uses

NoiseKind = Literal["full", "pauli_twirled"]

#: Seconds of the units in properties.
UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "": 1.0}
#: Number of cached noise models per device and kind.
KEPT_MODELS = 64
#: Instructions that do not have the noise of a gate.
NOT_GATES = VIRTUAL | {"measure", "reset", "if_else", "for_loop", "while_loop", "switch_case"}
#: Pauli error probabilities below this are dropped.
NEGLIGIBLE = 1e-12


@dataclass(frozen=True)
class Qubit:
    """A device's data of a qubit: coherence times in seconds, readout flip probabilities."""

    t1: float
    t2: float
    flip_0_to_1: float
    flip_1_to_0: float


@dataclass(frozen=True)
class Gate:
    """A device's data of a gate on certain qubits: average infidelity, duration in seconds."""

    error: float
    duration: float


def _values(entries: Iterable[dict[str, Any]]) -> dict[str, float]:
    return {entry["name"]: float(entry["value"]) * UNITS.get(entry.get("unit", ""), 1.0) for entry in entries}


class DeviceNoise:
    """The noise of one device.

    Args:
        properties: IBM's properties document of the device.
    """

    def __init__(self, properties: dict[str, Any]) -> None:
        self._qubits: list[Qubit] = []
        for entries in properties["qubits"]:
            values = _values(entries)
            readout = values.get("readout_error", 0.0)
            t1 = values.get("T1", np.inf)
            self._qubits.append(
                Qubit(
                    t1=t1,
                    # With their measurement error, reported times may violate T2 <= 2 T1.
                    t2=min(values.get("T2", np.inf), 2 * t1),
                    flip_0_to_1=min(values.get("prob_meas1_prep0", readout), 1.0),
                    flip_1_to_0=min(values.get("prob_meas0_prep1", readout), 1.0),
                )
            )
        self._gates: dict[tuple[str, tuple[int, ...]], Gate] = {}
        for entry in properties["gates"]:
            values = _values(entry["parameters"])
            # Devices report an error of 1 for a gate that is out of order, and the transpiler avoids it.
            error = min(max(values.get("gate_error", 0.0), 0.0), 1.0)
            self._gates[entry["gate"], tuple(entry["qubits"])] = Gate(error, values.get("gate_length", 0.0))
        self._model = lru_cache(maxsize=KEPT_MODELS)(self._build)
        self._full_error = lru_cache(maxsize=4096)(self._build_full_error)
        self._bloch = lru_cache(maxsize=4096)(self._bloch_map)
        self._twirled_error = lru_cache(maxsize=4096)(self._build_twirled_error)

    def model(self, kind: NoiseKind, uses: Uses) -> NoiseModel:
        """Return the noise model of instructions; the same object for the same instructions."""
        return self._model(kind, frozenset(uses))

    def gate_noise(self, name: str, qubit: int) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Return the noise of a one-qubit gate in the full model.

        Returns:
            The factors of the components of the qubit's Bloch vector, and the vector that is then added; None
            if there is no noise.
        """
        return self._bloch(name, qubit)

    def _bloch_map(self, name: str, qubit: int) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        gate = self._gates.get((name, (qubit,)))
        if gate is None or name in NOT_GATES:
            return None
        data = self._qubits[qubit]
        kept = 1 - _depolarizing_strength(gate, (data,))
        dephasing, decay = np.exp(-gate.duration / data.t2), np.exp(-gate.duration / data.t1)
        # Relaxation is towards the ground state, which has z = 1.
        return np.array([kept * dephasing, kept * dephasing, kept * decay]), np.array([0.0, 0.0, 1 - decay])

    def readout_flips(self, qubit: int) -> tuple[float, float]:
        """Return the probabilities that a measured 0 is read as 1, and a 1 as 0."""
        return self._qubits[qubit].flip_0_to_1, self._qubits[qubit].flip_1_to_0

    def _build(self, kind: NoiseKind, uses: frozenset[tuple[str, tuple[int, ...]]]) -> NoiseModel:
        error_of = self._full_error if kind == "full" else self._twirled_error
        model = NoiseModel()
        measured: set[int] = set()
        for name, qubits in uses:
            if name == "measure":
                measured.update(qubits)
            gate = self._gates.get((name, qubits))
            if name in NOT_GATES or gate is None:
                continue
            error = error_of(gate, tuple(self._qubits[qubit] for qubit in qubits))
            if error is not None:
                model.add_quantum_error(error, name, list(qubits), warnings=False)
        for index in sorted(measured):
            qubit = self._qubits[index]
            if qubit.flip_0_to_1 or qubit.flip_1_to_0:
                flips = [
                    [1 - qubit.flip_0_to_1, qubit.flip_0_to_1],
                    [qubit.flip_1_to_0, 1 - qubit.flip_1_to_0],
                ]
                model.add_readout_error(ReadoutError(flips), [index], warnings=False)
        return model

    def _build_full_error(self, gate: Gate, qubits: tuple[Qubit, ...]) -> QuantumError | None:
        error: QuantumError | None = None
        strength = _depolarizing_strength(gate, qubits)
        if strength > NEGLIGIBLE:
            error = depolarizing_error(strength, len(qubits))
        if gate.duration > 0:
            relaxation: QuantumError | None = None
            for qubit in qubits:
                qubit_error = thermal_relaxation_error(qubit.t1, qubit.t2, gate.duration)
                # The first qubit is the least significant one, so it is the right factor.
                relaxation = qubit_error if relaxation is None else qubit_error.tensor(relaxation)
            error = relaxation if error is None else error.compose(relaxation)
        return error

    def _build_twirled_error(self, gate: Gate, qubits: tuple[Qubit, ...]) -> QuantumError | None:
        fidelities = _pauli_fidelities(gate, qubits)
        fidelities[1:] *= 1 - _depolarizing_strength(gate, qubits)
        labels, probabilities = pauli_channel(fidelities, len(qubits))
        terms = [(label, p) for label, p in zip(labels, probabilities, strict=True) if p > NEGLIGIBLE]
        if len(terms) == 1:
            return None
        return pauli_error(terms)


#: For the Paulis I, X, Y, Z (rows and columns): 1 if they commute, otherwise -1.
COMMUTES = np.array([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]], dtype=float)


def pauli_channel(fidelities: NDArray[np.float64], num_qubits: int) -> tuple[list[str], NDArray[np.float64]]:
    """Return the Pauli channel that multiplies each Pauli by its fidelity.

    Args:
        fidelities: The factor of each Pauli string, in the order of the returned labels.
        num_qubits: Length of the strings.

    Returns:
        The Pauli strings, and the probability of each.
    """
    transform = COMMUTES
    for _ in range(num_qubits - 1):
        transform = np.kron(transform, COMMUTES)
    probabilities = np.clip(transform @ fidelities / len(fidelities), 0, None)
    labels = ["".join(letters) for letters in itertools.product("IXYZ", repeat=num_qubits)]
    return labels, probabilities / probabilities.sum()


def _pauli_fidelities(gate: Gate, qubits: tuple[Qubit, ...]) -> NDArray[np.float64]:
    # The diagonal of the relaxation channel in the Pauli basis; a tensor product over the qubits, of which
    # the first is the rightmost letter of a label.
    fidelities = np.ones(1)
    for qubit in reversed(qubits):
        dephasing, decay = np.exp(-gate.duration / qubit.t2), np.exp(-gate.duration / qubit.t1)
        fidelities = np.kron(fidelities, np.array([1.0, dephasing, dephasing, decay]))
    return fidelities


def _depolarizing_strength(gate: Gate, qubits: tuple[Qubit, ...]) -> float:
    """Return the depolarizing probability that, with relaxation, gives the reported average infidelity."""
    dimension = 2 ** len(qubits)
    process_fidelity = ((dimension + 1) * (1 - gate.error) - 1) / dimension
    relaxed = float(_pauli_fidelities(gate, qubits)[1:].sum())
    if relaxed <= 0:
        return 0.0
    kept = (dimension**2 * process_fidelity - 1) / relaxed
    return float(np.clip(1 - kept, 0.0, 1.0))
