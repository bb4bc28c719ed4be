"""Random dynamic circuits, and their exact outcome distributions.

Each circuit has measurements and resets anywhere, bits that are measured into several times, delays,
assignments, branches on bits, registers and expressions, and loops. It is as wide as the backend.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit, ControlFlowOp, ForLoopOp, IfElseOp, Qubit, Store, SwitchCaseOp
from qiskit.circuit.classical import expr
from qiskit.circuit.controlflow import CASE_DEFAULT

from . import exact

#: Neighbouring qubits of fake_fez.
ROW = (0, 1, 2)
#: The binary operations of conditions.
OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "BIT_XOR": lambda left, right: left ^ right,
    "BIT_OR": lambda left, right: left | right,
    "LOGIC_AND": lambda left, right: left and right,
    "LESS": lambda left, right: left < right,
    "EQUAL": lambda left, right: left == right,
}


def random_dynamic_circuit(rng: np.random.Generator, width: int) -> QuantumCircuit:
    """Return a random circuit in the instructions of fake_fez."""
    sizes = rng.integers(1, 3, size=2).tolist()
    registers = [ClassicalRegister(size, f"c{place}") for place, size in enumerate(sizes)]
    circuit = QuantumCircuit(QuantumRegister(width, "q"), *registers)

    def bit() -> Clbit:
        return circuit.clbits[int(rng.integers(circuit.num_clbits))]

    def step() -> None:
        qubit = int(rng.choice(ROW))
        kind = rng.integers(9)
        if kind < 3:
            circuit.rz(float(rng.uniform(-np.pi, np.pi)), qubit)
            circuit.sx(qubit)
        elif kind == 3:
            circuit.cz(*sorted(rng.choice([[0, 1], [1, 2]]).tolist()))
        elif kind == 4:
            circuit.measure(qubit, bit())
        elif kind == 5:
            circuit.reset(qubit)
        elif kind == 6:
            circuit.store(bit(), expr.bit_xor(bit(), bit()))
        elif kind == 7:
            circuit.delay(int(rng.integers(1, 20_000)), qubit, unit="dt")
        else:
            circuit.barrier()

    def condition() -> Any:
        register = registers[int(rng.integers(2))]
        number = int(rng.integers(2 ** len(register)))
        choices = [
            (bit(), int(rng.integers(2))),
            (register, number),
            expr.bit_xor(bit(), bit()),
            expr.logic_and(bit(), expr.logic_not(bit())),
            expr.less(register, number),
            expr.equal(expr.bit_or(register, 1), number),
        ]
        return choices[int(rng.integers(len(choices)))]

    def block() -> None:
        for _ in range(int(rng.integers(3))):
            step()

    for _ in range(int(rng.integers(4, 12))):
        step()
        kind = rng.integers(8)
        if kind < 2:
            with circuit.if_test(condition()) as otherwise:
                block()
            if kind:
                with otherwise:
                    block()
        elif kind == 2:
            with circuit.switch(registers[0]) as case:
                with case(0):
                    block()
                with case(case.DEFAULT):
                    block()
        elif kind == 3:
            with circuit.for_loop(range(2)):
                block()
    for qubit in ROW:
        if rng.random() < 0.7:
            circuit.measure(qubit, bit())
    # Without control flow the circuit would have a schedule.
    with circuit.if_test((circuit.clbits[0], 1)):
        pass
    return circuit


def distribution(circuit: QuantumCircuit, device: exact.Device | None) -> NDArray[np.float64]:
    """Return the exact probability of each outcome."""
    state = exact.ExactState(ROW, device)
    places = {bit: place for place, bit in enumerate(circuit.clbits)}
    _run(state, device, circuit, {bit: place for place, bit in enumerate(circuit.qubits)}, places)
    result = np.zeros(2**circuit.num_clbits)
    for record, rho in state.branches.items():
        result[record] += np.trace(rho).real
    return result


def _run(
    state: exact.ExactState,
    device: exact.Device | None,
    circuit: QuantumCircuit,
    qubits: dict[Qubit, int],
    places: dict[Clbit, int],
) -> None:
    for item in circuit.data:
        on = tuple(qubits[bit] for bit in item.qubits)
        operation = item.operation
        if item.name == "barrier":
            continue
        if item.name == "delay":
            if device is not None:
                state.wait(on[0], exact.delay_length(operation, device))
        elif item.name == "measure":
            state.measure(on[0], places[item.clbits[0]])
        elif item.name == "reset":
            state.reset(on[0])
        elif isinstance(operation, Store):
            _assign(state, operation, places)
        elif isinstance(operation, ControlFlowOp):
            # Qiskit's builder uses the circuit's own bits in blocks.
            inner = [dict(zip(block.qubits, on, strict=True)) for block in operation.blocks]
            _branch(state, device, operation, inner, places)
        else:
            state.gate(item.name, operation.to_matrix(), on)


def _assign(state: exact.ExactState, operation: Store, places: dict[Clbit, int]) -> None:
    place = places[operation.lvalue.var]
    branches: dict[int, exact.Matrix] = {}
    for record, rho in state.branches.items():
        key = record & ~(1 << place) | int(_value(operation.rvalue, record, places)) << place
        branches[key] = branches[key] + rho if key in branches else rho
    state.branches = branches


def _branch(
    state: exact.ExactState,
    device: exact.Device | None,
    operation: ControlFlowOp,
    qubits: list[dict[Qubit, int]],
    places: dict[Clbit, int],
) -> None:
    if isinstance(operation, ForLoopOp):
        for _ in operation.params[0]:
            _run(state, device, operation.blocks[0], qubits[0], places)
        return
    groups: dict[int, dict[int, exact.Matrix]] = {}
    for record, rho in state.branches.items():
        groups.setdefault(_choose(operation, record, places), {})[record] = rho
    result: dict[int, exact.Matrix] = {}
    for choice, branches in groups.items():
        state.branches = branches
        if choice < len(operation.blocks):
            _run(state, device, operation.blocks[choice], qubits[choice], places)
        for record, rho in state.branches.items():
            result[record] = result[record] + rho if record in result else rho
    state.branches = result


def _choose(operation: ControlFlowOp, record: int, places: dict[Clbit, int]) -> int:
    """Return the index of the block that is executed; beyond the last one if none is."""
    if isinstance(operation, IfElseOp):
        return 0 if _value(operation.condition, record, places) else 1
    assert isinstance(operation, SwitchCaseOp)
    value = _value(operation.target, record, places)
    labels = [labels for labels, _ in operation.cases_specifier()]
    return next(
        (place for place, each in enumerate(labels) if CASE_DEFAULT in each or value in each), len(labels)
    )


def _value(node: Any, record: int, places: dict[Clbit, int]) -> int:
    """Return the value of a condition or an expression."""
    if isinstance(node, tuple):
        return int(_value(node[0], record, places) == node[1])
    if isinstance(node, Clbit):
        return record >> places[node] & 1
    if isinstance(node, ClassicalRegister):
        return sum(_value(bit, record, places) << place for place, bit in enumerate(node))
    if isinstance(node, expr.Var):
        return _value(node.var, record, places)
    if isinstance(node, expr.Value):
        return int(node.value)
    if isinstance(node, expr.Unary):
        return int(not _value(node.operand, record, places))
    if isinstance(node, expr.Cast):
        return _value(node.operand, record, places)
    assert isinstance(node, expr.Binary)
    left, right = _value(node.left, record, places), _value(node.right, record, places)
    return int(OPERATIONS[node.op.name](left, right))
