"""The circuit that sends qubits from Alice to Bob, with or without Eve between them."""

from __future__ import annotations

import math

from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import ParameterVector

#: Qubits sent by one circuit; every device has at least as many.
BATCH = 16


def channel(qubits: int, eavesdropper: bool) -> QuantumCircuit:
    """Build the circuit in which Alice prepares qubits and Bob measures them into register `meas`.

    Eve intercepts and resends: she measures each qubit in a random basis, into register `eve`, in the middle
    of the circuit, and sends the collapsed qubit on. Barriers keep the three from being merged.

    Parameters, one of each for every qubit (see `angles`): `alice` rotates to the prepared state, `bob` from
    the measured basis, and `eve` from her basis and back.
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
    """Return the values of the circuit's parameters, in the order of `circuit.parameters`: alice, bob, eve.

    Args:
        bits: the bits that Alice sends, one character for each qubit.
        alice: the bases that she uses; 0 is the computational basis Z, 1 is X.
        eve: the bases in which Eve measures; None without Eve.
        bob: the bases in which Bob measures.
    """
    # Half a turn from 0 to 1, a quarter turn from Z to X; 3/2 pi gives |-> with an irrelevant global sign.
    sent = [math.pi * int(bit) + math.pi / 2 * int(basis) for bit, basis in zip(bits, alice, strict=True)]
    return [*sent, *_turns(bob), *(_turns(eve) if eve is not None else [])]


def _turns(bases: str) -> list[float]:
    return [math.pi / 2 * int(basis) for basis in bases]
