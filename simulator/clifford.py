"""Clifford gates: recognized by their matrices, also if an angle misses a quarter turn by rounding."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import stim
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, ParameterExpression

from .own_gates import STANDARD

#: How far an angle may be from a multiple of half pi to count as one, in units of half pi. Clients send some
#: angles in single precision, and the transpiler computes angles with rounding errors.
ANGLE_TOLERANCE = 1e-6
#: Instructions other than gates that the stabilizer method can simulate.
OTHERS = frozenset({"barrier", "measure", "reset", "delay"})
#: Stim's names of gates.
STIM = {
    "id": "I",
    "x": "X",
    "y": "Y",
    "z": "Z",
    "h": "H",
    "s": "S",
    "sdg": "S_DAG",
    "sx": "SQRT_X",
    "sxdg": "SQRT_X_DAG",
    "cx": "CX",
    "cy": "CY",
    "cz": "CZ",
    "swap": "SWAP",
}
#: Gates that Aer's stabilizer method can simulate; the rotations only by multiples of half pi.
AER_GATES = frozenset(STIM) | {"ecr"}
AER_ROTATIONS = frozenset({"rx", "ry", "rz"})
#: Qubits of a gate up to which its matrix is examined.
MAX_QUBITS = 3

#: Gates of Stim with their qubits.
Fragment = tuple[tuple[str, tuple[int, ...]], ...]


def fragment(name: str, params: Iterable[object]) -> Fragment | None:
    """Return a gate as gates of Stim on its qubits; None if it is not Clifford, or has free parameters."""
    if name in STIM:
        return _named(name)
    turns = []
    for angle in params:
        if isinstance(angle, ParameterExpression):
            return None
        ratio = float(angle) / (math.pi / 2)  # type: ignore[arg-type]
        nearest = round(ratio) if math.isfinite(ratio) else 0
        if abs(ratio - nearest) >= ANGLE_TOLERANCE:
            return None
        # Gates have a period of at most eight quarter turns, up to their global phase.
        turns.append(nearest % 8)
    return _fragment(name, tuple(turns))


def is_clifford_gate(name: str, params: Iterable[object]) -> bool:
    """Return whether the stabilizer method can simulate an instruction, other than control flow."""
    return name in STIM or name in OTHERS or fragment(name, params) is not None


def is_clifford(circuit: QuantumCircuit) -> bool:
    """Return whether the stabilizer method can simulate a circuit without control flow."""
    return all(is_clifford_gate(item.name, item.params) for item in circuit.data)


def for_aer(circuit: QuantumCircuit) -> QuantumCircuit | None:
    """Return a Clifford circuit with exact angles, as Aer needs it; None if Aer lacks one of its gates."""
    result = circuit.copy_empty_like()
    for item in circuit.data:
        if item.name in AER_ROTATIONS:
            angle = round(float(item.params[0]) / (math.pi / 2)) * (math.pi / 2)
            gate = STANDARD[item.name].base_class(angle)
            result._append(CircuitInstruction(gate, item.qubits, item.clbits))
        elif item.name in AER_GATES or item.name in OTHERS:
            result._append(item)
        else:
            return None
    return result


@lru_cache(maxsize=64)
def _named(name: str) -> Fragment:
    return ((STIM[name], tuple(range(STANDARD[name].num_qubits))),)


@lru_cache(maxsize=4096)
def _fragment(name: str, turns: tuple[int, ...]) -> Fragment | None:
    standard = STANDARD.get(name)
    if standard is None or standard.num_qubits > MAX_QUBITS or len(turns) != len(standard.params):
        return None
    matrix = np.asarray(standard.base_class(*(turn * math.pi / 2 for turn in turns)).to_matrix())
    try:
        tableau = stim.Tableau.from_unitary_matrix(matrix, endian="little")
    except ValueError:
        return None
    gates = []
    for operation in tableau.to_circuit("elimination"):
        for group in operation.target_groups():
            gates.append((operation.name, tuple(target.value for target in group)))
    return tuple(gates)
