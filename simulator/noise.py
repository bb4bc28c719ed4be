"""The noise of a device, from its properties.

A gate has depolarizing noise of the strength that makes its average infidelity the error that the device
reports, and then thermal relaxation over its duration (T1, T2). A qubit that waits relaxes too. Readout flips
each bit with the reported probabilities. That is the full model. The other kinds replace relaxation by a
mixture of Paulis and reset (`channels.py`), so that the stabilizer method can simulate Clifford circuits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .channels import NEGLIGIBLE, Channel, Depolarizing, NoiseKind, Relaxation
from .circuits import VIRTUAL
from .timing import DEFAULT_DT

#: Seconds of the units in properties.
UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "": 1.0}
#: Instructions that do not have the noise of a gate.
NOT_GATES = VIRTUAL | {"measure", "reset", "if_else", "for_loop", "while_loop", "switch_case"}


@dataclass(frozen=True)
class Qubit:
    """A device's data of a qubit: coherence times in seconds, readout flip probabilities."""

    t1: float
    t2: float
    flip_0_to_1: float
    flip_1_to_0: float
    readout_seconds: float = 0.0


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
        dt: Seconds of the device's unit of time.
    """

    def __init__(self, properties: dict[str, Any], dt: float = DEFAULT_DT) -> None:
        self.dt = dt
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
                    readout_seconds=values.get("readout_length", 0.0),
                )
            )
        self._gates: dict[tuple[str, tuple[int, ...]], Gate] = {}
        for entry in properties["gates"]:
            values = _values(entry["parameters"])
            # Devices report an error of 1 for a gate that is out of order, and the transpiler avoids it.
            error = min(max(values.get("gate_error", 0.0), 0.0), 1.0)
            self._gates[entry["gate"], tuple(entry["qubits"])] = Gate(error, values.get("gate_length", 0.0))
        self._channels = lru_cache(maxsize=8192)(self._gate_channels)
        self._bloch = lru_cache(maxsize=4096)(self._bloch_map)

    def gate(self, name: str, qubits: tuple[int, ...]) -> Gate | None:
        """Return a gate's data; None if it has no noise."""
        return None if name in NOT_GATES else self._gates.get((name, qubits))

    def qubit(self, qubit: int) -> Qubit:
        """Return a qubit's data."""
        return self._qubits[qubit]

    def channels(self, name: str, qubits: tuple[int, ...], kind: NoiseKind = "full") -> tuple[Channel, ...]:
        """Return the noise after a gate, in order."""
        return self._channels(name, qubits, kind)

    def waiting(self, qubit: int, seconds: float, kind: NoiseKind = "full") -> Relaxation | None:
        """Return the relaxation of a qubit that waits; None if nothing happens."""
        data = self._qubits[qubit]
        return _relaxation(qubit, data, seconds, kind)

    def duration(self, name: str, qubits: tuple[int, ...]) -> float:
        """Return an instruction's duration in seconds; 0 if it is not known."""
        if name == "measure":
            return self._qubits[qubits[0]].readout_seconds
        gate = self._gates.get((name, qubits))
        return 0.0 if gate is None else gate.duration

    def gate_noise(self, name: str, qubit: int) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Return the noise of a one-qubit gate in the full model.

        Returns:
            The factors of the components of the qubit's Bloch vector, and the vector that is then added; None
            if there is no noise.
        """
        return self._bloch(name, qubit)

    def readout_flips(self, qubit: int) -> tuple[float, float]:
        """Return the probabilities that a measured 0 is read as 1, and a 1 as 0."""
        return self._qubits[qubit].flip_0_to_1, self._qubits[qubit].flip_1_to_0

    def _gate_channels(self, name: str, qubits: tuple[int, ...], kind: NoiseKind) -> tuple[Channel, ...]:
        gate = self.gate(name, qubits)
        if gate is None:
            return ()
        return gate_channels(gate, qubits, [self._qubits[qubit] for qubit in qubits], kind)

    def _bloch_map(self, name: str, qubit: int) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        channels = self.channels(name, (qubit,))
        if not channels:
            return None
        factor, shift = np.ones(3), np.zeros(3)
        for channel in channels:
            matrix = channel.transfer()
            factor = factor * np.diagonal(matrix)[1:]
            shift = shift * np.diagonal(matrix)[1:] + matrix[1:, 0]
        return factor, shift


def gate_channels(
    gate: Gate, places: tuple[int, ...], qubits: list[Qubit], kind: NoiseKind
) -> tuple[Channel, ...]:
    """Return the noise after a gate, in order.

    Args:
        gate: The gate's data.
        places: The indices of its qubits.
        qubits: Their data.
        kind: The kind of relaxation.
    """
    channels: list[Channel] = []
    strength = depolarizing_strength(gate, qubits)
    if strength > NEGLIGIBLE:
        channels.append(Depolarizing(places, strength))
    for place, qubit in zip(places, qubits, strict=True):
        if (relaxation := _relaxation(place, qubit, gate.duration, kind)) is not None:
            channels.append(relaxation)
    return tuple(channels)


def depolarizing_strength(gate: Gate, qubits: list[Qubit]) -> float:
    """Return the depolarizing probability that, with relaxation, gives the reported average infidelity."""
    dimension = 2 ** len(qubits)
    process_fidelity = ((dimension + 1) * (1 - gate.error) - 1) / dimension
    # The trace of the relaxation's Pauli transfer matrix, without the identity's 1.
    relaxed = 1.0
    for qubit in qubits:
        dephasing, decay = np.exp(-gate.duration / qubit.t2), np.exp(-gate.duration / qubit.t1)
        relaxed *= 1 + 2 * dephasing + decay
    relaxed -= 1
    if relaxed <= 0:
        return 0.0
    kept = (dimension**2 * process_fidelity - 1) / relaxed
    return float(np.clip(1 - kept, 0.0, 1.0))


def _relaxation(place: int, qubit: Qubit, seconds: float, kind: NoiseKind) -> Relaxation | None:
    coherence, excitation = float(np.exp(-seconds / qubit.t2)), float(np.exp(-seconds / qubit.t1))
    if coherence == excitation == 1.0:
        return None
    return Relaxation((place,), coherence, excitation, kind)
