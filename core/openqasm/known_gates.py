"""Gates that programs use without defining them: those of the standard file, and names of other tools."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from qiskit import QuantumCircuit
from qiskit.circuit import Gate
from qiskit.circuit.library import (
    CPhaseGate,
    IGate,
    RGate,
    RXXGate,
    RYYGate,
    RZZGate,
    SdgGate,
    SXdgGate,
    SXGate,
    TdgGate,
    UGate,
    XXPlusYYGate,
    get_standard_gate_name_mapping,
)
from qiskit_qasm3_import.converter import _STDGATES


class KnownGate(NamedTuple):
    """A gate that needs no definition.

    Attributes:
        make: makes it from its angles.
        angles: number of its angles.
        qubits: number of its qubits.
    """

    make: Callable[..., Gate]
    angles: int
    qubits: int


#: The gates of `stdgates.inc`.
STANDARD = {name: KnownGate(*gate) for name, gate in _STDGATES.items()}
#: The gate of the language itself. Its phase is Qiskit's, not that of version 3.1.
U = KnownGate(UGate, 3, 1)


def _composed(name: str, qubits: int, build: Callable[..., None], angles: int) -> KnownGate:
    def make(*values: float) -> Gate:
        gate = Gate(name, qubits, list(values))
        gate.definition = QuantumCircuit(qubits)
        build(gate.definition, *values)
        return gate

    return KnownGate(make, angles, qubits)


def _gpi(circuit: QuantumCircuit, phase: float) -> None:
    circuit.rz(-phase, 0)
    circuit.x(0)
    circuit.rz(phase, 0)


def _gpi2(circuit: QuantumCircuit, phase: float) -> None:
    circuit.r(math.pi / 2, phase, 0)


def _gphase(circuit: QuantumCircuit, phase: float) -> None:
    circuit.global_phase = phase


def _pswap(circuit: QuantumCircuit, phase: float) -> None:
    circuit.swap(0, 1)
    circuit.cx(0, 1)
    circuit.p(phase, 1)
    circuit.cx(0, 1)


def _ms(circuit: QuantumCircuit, first: float, second: float, angle: float = math.pi / 2) -> None:
    circuit.rz(-first, 0)
    circuit.rz(-second, 1)
    circuit.rxx(angle, 0, 1)
    circuit.rz(first, 0)
    circuit.rz(second, 1)


def _phase_where(first: int, second: int) -> Callable[..., None]:
    def build(circuit: QuantumCircuit, phase: float) -> None:
        flipped = [qubit for qubit, bit in enumerate((first, second)) if not bit]
        for qubit in flipped:
            circuit.x(qubit)
        circuit.cp(phase, 0, 1)
        for qubit in flipped:
            circuit.x(qubit)

    return build


def _others() -> dict[str, KnownGate]:
    found: dict[str, KnownGate] = {}
    for name, gate in get_standard_gate_name_mapping().items():
        if isinstance(gate, Gate) and gate.num_qubits and name not in STANDARD:
            found[name] = KnownGate(gate.base_class, len(gate.params), gate.num_qubits)
    found["u"] = U
    for name, same in {"cnot": "cx", "ccnot": "ccx", "toffoli": "ccx", "fredkin": "cswap"}.items():
        found[name] = STANDARD[same]
    return found | {
        "i": KnownGate(IGate, 0, 1),
        "si": KnownGate(SdgGate, 0, 1),
        "ti": KnownGate(TdgGate, 0, 1),
        "v": KnownGate(SXGate, 0, 1),
        "vi": KnownGate(SXdgGate, 0, 1),
        "cv": KnownGate(lambda: SXGate().control(1), 0, 2),
        "phaseshift": STANDARD["p"],
        "prx": KnownGate(RGate, 2, 1),
        "gpi": _composed("gpi", 1, _gpi, 1),
        "gpi2": _composed("gpi2", 1, _gpi2, 1),
        # OpenQASM 3 has a statement for it; in version 2 PennyLane writes it as a gate on a qubit.
        "gphase": _composed("gphase", 1, _gphase, 1),
        "xx": KnownGate(RXXGate, 1, 2),
        "yy": KnownGate(RYYGate, 1, 2),
        "zz": KnownGate(RZZGate, 1, 2),
        "xy": KnownGate(lambda angle: XXPlusYYGate(-angle), 1, 2),
        "pswap": _composed("pswap", 2, _pswap, 1),
        "ms": _composed("ms", 2, _ms, 3),
        "cphaseshift": KnownGate(CPhaseGate, 1, 2),
        "cphaseshift00": _composed("cphaseshift00", 2, _phase_where(0, 0), 1),
        "cphaseshift01": _composed("cphaseshift01", 2, _phase_where(0, 1), 1),
        "cphaseshift10": _composed("cphaseshift10", 2, _phase_where(1, 0), 1),
    }


#: Gates by the names that Qiskit, Amazon Braket and others give them.
OTHERS = _others()
