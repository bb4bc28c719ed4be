"""Measurements whose results are not needed, without which Aer fails or is wrong for some circuits."""

from __future__ import annotations

from qiskit import QuantumCircuit
from qiskit.circuit import Clbit, Qubit

from .narrow import PASSIVE


def has_unmeasured(circuit: QuantumCircuit) -> bool:
    """Return whether a qubit that is not idle is not measured, other than in control flow."""
    return bool(_unmeasured(circuit))


def drops_assignments(circuit: QuantumCircuit) -> bool:
    """Return whether Aer drops the assignments outside of control flow, as it does if nothing is measured."""
    names = {item.name for item in circuit.data}
    return "store" in names and "measure" not in names


def _unmeasured(circuit: QuantumCircuit) -> list[Qubit]:
    measured: set[Qubit] = set()
    used: dict[Qubit, None] = {}
    for item in circuit.data:
        if item.name == "measure":
            measured.update(item.qubits)
        elif item.name not in PASSIVE:
            used.update(dict.fromkeys(item.qubits))
    return [qubit for qubit in used if qubit not in measured]


def _overwritten(circuit: QuantumCircuit) -> set[int]:
    """Return the places of the measurements whose results are overwritten unread."""
    pending: set[Clbit] = set()
    places = set()
    for place in range(len(circuit.data) - 1, -1, -1):
        item = circuit.data[place]
        if item.name == "measure":
            if pending.issuperset(item.clbits):
                places.add(place)
            pending.update(item.clbits)
        elif item.name == "store":
            pending.clear()
        else:
            # Control flow may read these bits.
            pending.difference_update(item.clbits)
    return places


def with_spare_bit(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit with one more bit, the last, for measurements whose results are not needed.

    It has those whose bits are overwritten unread. If Aer draws all shots from one state, it applies the
    readout errors afterwards, and a bit would have those of all its measurements. It also has one of each
    qubit that is not measured, at the end, and at least one: Aer fails for control flow on such a qubit, and
    with noise for a condition on a bit behind all those that are measured into, and drops assignments if
    nothing is measured.
    """
    overwritten = _overwritten(circuit)
    result = circuit.copy_empty_like()
    spare = Clbit()
    result.add_bits([spare])
    for place, item in enumerate(circuit.data):
        result._append(item.replace(clbits=(spare,)) if place in overwritten else item)
    active = [qubit for item in circuit.data if item.name not in PASSIVE for qubit in item.qubits]
    for qubit in _unmeasured(circuit) or active[:1] or circuit.qubits[:1]:
        result.measure(qubit, spare)
    return result
