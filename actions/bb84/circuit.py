"""The circuit that sends qubits from Alice to Bob, past Eve if she listens in."""

from __future__ import annotations

import math

from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import ParameterVector

#: Qubits sent by one circuit; every device has as many.
BATCH = 16


def channel(qubits: int, eavesdropper: bool) -> QuantumCircuit:
    """Qubits sent by Alice and measured by Bob into register `meas`, once they are told how.

    Eve intercepts and resends: she measures each qubit in a basis of her own, into register `eve`, in the
    middle of the circuit, and sends on what she then has. Barriers keep the three from being merged.

    Parameters, one of each for every qubit (see `angles`): `alice` turns to the state sent, `bob` from the
    basis measured, and `eve` from hers and back.
    """
    meas = ClassicalRegister(qubits, "meas")
    circuit = QuantumCircuit(qubits)
    circuit.add_register(meas)
    for qubit, angle in enumerate(ParameterVector("alice", qubits)):
        circuit.ry(angle, qubit)
    circuit.barrier()
    if eavesdropper:
        eve = ClassicalRegister(qubits, "eve")
        circuit.add_register(eve)
        for qubit, angle in enumerate(ParameterVector("eve", qubits)):
            circuit.ry(-angle, qubit)
            circuit.measure(qubit, eve[qubit])
            circuit.ry(angle, qubit)
        circuit.barrier()
    for qubit, angle in enumerate(ParameterVector("bob", qubits)):
        circuit.ry(-angle, qubit)
    circuit.measure(range(qubits), meas)
    return circuit


def angles(bits: str, alice: str, eve: str | None, bob: str) -> list[float]:
    """The values of the circuit's parameters, in the order of `circuit.parameters`: alice, bob, eve.

    Args:
        bits: what Alice sends, one character a qubit.
        alice: the bases she sends them in; 0 is the computational basis Z, 1 is X.
        eve: the bases Eve measures in; None if there is no Eve.
        bob: the bases Bob measures in.
    """
    # Half a turn from 0 to 1, a quarter from Z to X; 3/2 pi gives |-> with a sign that nobody sees.
    sent = [math.pi * int(bit) + math.pi / 2 * int(basis) for bit, basis in zip(bits, alice, strict=True)]
    return [*sent, *_turns(bob), *(_turns(eve) if eve is not None else [])]


def _turns(bases: str) -> list[float]:
    return [math.pi / 2 * int(basis) for basis in bases]
