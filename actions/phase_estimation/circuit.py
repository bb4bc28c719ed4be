"""Circuits that measure the phase of an eigenvalue as bits."""

from __future__ import annotations

from functools import lru_cache
from math import pi
from typing import Literal

from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Gate
from qiskit.circuit.library import PhaseGate, RXGate, RYGate, RZGate, phase_estimation

from actions.toolkit.semiclassical import read_phase

GateName = Literal["p", "rx", "ry", "rz"]

#: The classical register of both circuits.
REGISTER = "phase"

_GATES: dict[str, type[PhaseGate] | type[RXGate] | type[RYGate] | type[RZGate]] = {
    "p": PhaseGate,
    "rx": RXGate,
    "ry": RYGate,
    "rz": RZGate,
}


def unitary(name: GateName, angle: float) -> Gate:
    """Return the gate whose eigenvalue is estimated; `angle` in turns."""
    return _GATES[name](2 * pi * angle)


def exact_phase(name: GateName, angle: float) -> float:
    """Return the exact phase in turns, in [0, 1): that of exp(2 pi i phase), the eigenvalue of
    `eigenstate`.

    A phase gate turns |1> by its whole angle, a rotation its eigenstates by half of it, one each way.
    """
    return (angle if name == "p" else angle / 2) % 1.0


def eigenstate(name: GateName) -> QuantumCircuit:
    """Append the preparation of the gate's eigenstate whose phase grows with the angle."""
    circuit = QuantumCircuit(1)
    if name in ("p", "rz"):
        circuit.x(0)
    elif name == "rx":
        circuit.x(0)
        circuit.h(0)
    else:
        circuit.h(0)
        circuit.sdg(0)
    return circuit


@lru_cache(maxsize=32)
def fourier(name: GateName, angle: float, bits: int) -> QuantumCircuit:
    """Build phase estimation with a qubit for each bit and an inverse Fourier transform.

    Kitaev, quant-ph/9511026; Cleve, Ekert, Macchiavello, Mosca, quant-ph/9708016. The circuit is Qiskit's
    own.

    Args:
        name: the gate.
        angle: its angle, in turns.
        bits: binary digits of the phase; the register as a number, divided by 2**bits, is the phase.
    """
    estimation = phase_estimation(bits, unitary(name, angle))
    control, target = estimation.qregs
    outcome = ClassicalRegister(bits, REGISTER)
    circuit = QuantumCircuit(control, target, outcome)
    circuit.compose(eigenstate(name), target, inplace=True)
    circuit.compose(estimation, [*control, *target], inplace=True)
    # Qiskit's circuit has the first digit behind the point on its first qubit.
    circuit.measure(control, list(reversed(outcome)))
    return circuit


@lru_cache(maxsize=32)
def iterative(name: GateName, angle: float, bits: int) -> QuantumCircuit:
    """Build phase estimation with one control qubit, measured and reused for each bit, the last digit first.

    Dobsicek et al., quant-ph/0610214. The outcomes have the very distribution of `fourier`, with two qubits
    and `bits` two-qubit gates.

    Args: as of `fourier`.
    """
    control, target = QuantumRegister(1, "control"), QuantumRegister(1, "q")
    outcome = ClassicalRegister(bits, REGISTER)
    circuit = QuantumCircuit(control, target, outcome)
    circuit.compose(eigenstate(name), target, inplace=True)
    gate = unitary(name, angle)

    def apply(power: int) -> None:
        step = gate.power(2**power).control(annotated=False)
        circuit.compose(step, [*control, *target], inplace=True)

    read_phase(circuit, control, outcome, apply)
    return circuit
