"""The circuit that transfers a qubit's state with a measurement and two bits."""

from __future__ import annotations

from typing import Literal

from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister

from actions.toolkit.pauli import Basis, rotate

#: Bob's measurement: in a Pauli basis, or whether he has the sent state.
Check = Basis | Literal["state"]


def teleportation(theta: float, phi: float, check: Check) -> QuantumCircuit:
    """Build the teleportation of cos(theta/2) |0> + e^(i phi) sin(theta/2) |1> and its measurement.

    As in Bennett et al. 1993: Alice and Bob share a Bell pair; Alice measures the state together with her
    half; Bob flips his half as her two bits say, while the circuit is running (mid-circuit measurement and
    feed-forward).

    Args:
        theta: polar angle on the Bloch sphere, in radians.
        phi: azimuth, in radians.
        check: what Bob measures, into register `meas`; for "state" he undoes the preparation first, and a
            0 says that the state arrived. Alice's bits are in register `alice`.
    """
    state, pair = QuantumRegister(1, "state"), QuantumRegister(2, "pair")
    alice, meas = ClassicalRegister(2, "alice"), ClassicalRegister(1, "meas")
    circuit = QuantumCircuit(state, pair, meas, alice)
    circuit.ry(theta, state)
    circuit.rz(phi, state)
    circuit.h(pair[0])
    circuit.cx(pair[0], pair[1])
    circuit.cx(state[0], pair[0])
    circuit.h(state)
    circuit.measure(state[0], alice[0])
    circuit.measure(pair[0], alice[1])
    with circuit.if_test((alice[1], 1)):
        circuit.x(pair[1])
    with circuit.if_test((alice[0], 1)):
        circuit.z(pair[1])
    if check == "state":
        circuit.rz(-phi, pair[1])
        circuit.ry(-theta, pair[1])
    else:
        rotate(circuit, 2, check)
    circuit.measure(pair[1], meas[0])
    return circuit
