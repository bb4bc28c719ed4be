"""Variables and expressions of a circuit, lowered to classical bits.

Aer cannot store a boolean in a variable, and ends the process for some variables that are numbers. Here each
variable becomes bits that no register has, and each expression a boolean function of bits.
"""

from __future__ import annotations

from collections.abc import Sequence

from qiskit import QuantumCircuit
from qiskit.circuit import (
    CircuitInstruction,
    Clbit,
    ControlFlowOp,
    ForLoopOp,
    IfElseOp,
    Qubit,
    Store,
    SwitchCaseOp,
    WhileLoopOp,
)
from qiskit.circuit.classical import expr
from qiskit.circuit.controlflow import CASE_DEFAULT

from core.openqasm import logic
from core.openqasm.logic import Node, Vector

from .errors import InvalidJob
from .expressions import BitExpressions, needs_lowering, unsupported, width_of

#: Maximum number of bits of all variables and intermediate results, and of operations in all expressions.
MAX_BITS = 4_096
MAX_OPERATIONS = 50_000


def lower(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit without variables and without expressions that Aer cannot evaluate.

    Its first classical bits are those of the circuit, and the further ones are in no register.

    Raises:
        InvalidJob: If it has a kind of expression that is not supported, or too many.
    """
    try:
        return _Lowering(circuit).run() if needs_lowering(circuit) else circuit
    except RecursionError as error:
        raise InvalidJob("The circuit's expressions are nested too deeply.", code=1517) from error


def _first_qubits(circuit: QuantumCircuit) -> list[Qubit]:
    """Return a qubit that the circuit uses, or another one; none if it has none."""
    for instruction in circuit.data:
        if instruction.qubits and instruction.name != "barrier":
            return [instruction.qubits[0]]
    return list(circuit.qubits[:1])


class _Block:
    """Instructions that are being collected, with the bits that they use."""

    def __init__(self) -> None:
        self.instructions: list[CircuitInstruction] = []
        self.qubits: dict[Qubit, None] = {}
        self.clbits: dict[Clbit, None] = {}

    def append(self, operation: object, qubits: Sequence[Qubit], clbits: Sequence[Clbit]) -> None:
        """Append an instruction."""
        self.instructions.append(CircuitInstruction(operation, qubits, clbits))
        self.qubits.update(dict.fromkeys(qubits))
        self.clbits.update(dict.fromkeys(clbits))

    def store(self, bit: Clbit, value: Node) -> None:
        """Append the assignment of a bit."""
        self.instructions.append(CircuitInstruction(Store(expr.lift(bit), logic.expression(value)), (), ()))
        self.clbits.update(dict.fromkeys([bit, *logic.bits_of(value)]))

    def circuit(self, qubits: Sequence[Qubit], clbits: Sequence[Clbit]) -> QuantumCircuit:
        """Return the instructions as a circuit on some bits."""
        circuit = QuantumCircuit(qubits, clbits)
        for instruction in self.instructions:
            circuit._append(instruction)
        return circuit


class _Lowering:
    """Lowers one circuit.

    Args:
        circuit: The circuit.
    """

    def __init__(self, circuit: QuantumCircuit) -> None:
        self._circuit = circuit
        self._storage: dict[expr.Var, list[Clbit]] = {}
        self._new: list[Clbit] = []
        self._places = {bit: place for place, bit in enumerate(circuit.clbits)}
        self._operations = 0
        #: A qubit of every block: Aer keeps the order of instructions only if they have a qubit in common.
        self._anchor = _first_qubits(circuit)

    def run(self) -> QuantumCircuit:
        """Return the lowered circuit."""
        circuit = self._circuit
        if circuit.num_input_vars:
            raise InvalidJob("A circuit's input variables have no values; use parameters.", code=1517)
        bits = {bit: bit for bit in circuit.clbits}
        block = self._block(circuit, {qubit: qubit for qubit in circuit.qubits}, bits)
        lowered = QuantumCircuit(
            circuit.qubits,
            circuit.clbits,
            *circuit.qregs,
            *circuit.cregs,
            name=circuit.name,
            global_phase=circuit.global_phase,
            metadata=circuit.metadata,
        )
        lowered.add_bits(self._new)
        for instruction in block.instructions:
            lowered._append(instruction)
        return lowered

    def _block(
        self, circuit: QuantumCircuit, qubits: dict[Qubit, Qubit], clbits: dict[Clbit, Clbit]
    ) -> _Block:
        """Lower a circuit or the block of an instruction, whose bits are those of the whole circuit."""
        block = _Block()
        for instruction in circuit.data:
            operation = instruction.operation
            on = [qubits[bit] for bit in instruction.qubits]
            into = [clbits[bit] for bit in instruction.clbits]
            if isinstance(operation, Store):
                self._assign(block, operation, clbits)
            elif isinstance(operation, ControlFlowOp):
                blocks = [
                    self._block(
                        body,
                        dict(zip(body.qubits, on, strict=True)),
                        dict(zip(body.clbits, into, strict=True)),
                    )
                    for body in operation.blocks
                ]
                self._control_flow(block, operation, blocks, clbits)
            else:
                block.append(operation, on, into)
        return block

    def _expressions(self, block: _Block, clbits: dict[Clbit, Clbit]) -> BitExpressions:
        def spill(node: Node) -> Node:
            [bit] = self._allocate(1)
            block.store(bit, self._counted(node))
            return bit

        return BitExpressions(clbits, self._bits_of, spill)

    def _counted(self, node: Node) -> Node:
        self._operations += logic.size_of(node)
        if self._operations > MAX_OPERATIONS:
            raise InvalidJob(
                f"The circuit's expressions have more than {MAX_OPERATIONS} operations.", code=1517
            )
        return node

    def _allocate(self, count: int) -> list[Clbit]:
        if len(self._new) + count > MAX_BITS:
            raise InvalidJob(f"The circuit's variables have more than {MAX_BITS} bits.", code=1517)
        bits = [Clbit() for _ in range(count)]
        self._new += bits
        for bit in bits:
            self._places[bit] = len(self._places)
        return bits

    def _bits_of(self, variable: expr.Var) -> list[Clbit]:
        """Return the bits of a variable."""
        if variable not in self._storage:
            self._storage[variable] = self._allocate(width_of(variable))
        return self._storage[variable]

    def _assign(self, block: _Block, operation: Store, clbits: dict[Clbit, Clbit]) -> None:
        expressions = self._expressions(block, clbits)
        targets, selected = expressions.target(operation.lvalue)
        values: Vector = expressions.vector(operation.rvalue)
        if selected is not None:
            # One bit of a number, at an index: the others keep their values.
            values = tuple(
                logic.either(logic.both(chosen, values[0]), logic.both(logic.invert(chosen), bit))
                for chosen, bit in zip(selected, targets, strict=True)
            )
        self._store(block, targets, values)

    def _store(self, block: _Block, targets: Sequence[Clbit], values: Vector) -> None:
        """Assign several bits at once: a value may depend on bits that are assigned."""
        values = tuple(map(self._counted, values))
        used = set().union(*map(logic.bits_of, values))
        if len(targets) > 1 and used.intersection(targets):
            places = self._allocate(len(targets))
            for place, value in zip(places, values, strict=True):
                block.store(place, value)
            values = tuple(places)
        for target, value in zip(targets, values, strict=True):
            block.store(target, value)

    def _control_flow(
        self, block: _Block, operation: ControlFlowOp, blocks: list[_Block], clbits: dict[Clbit, Clbit]
    ) -> None:
        expressions = self._expressions(block, clbits)
        if isinstance(operation, IfElseOp):
            self._branch(block, expressions.condition(operation.condition), blocks)
        elif isinstance(operation, SwitchCaseOp):
            self._switch(block, operation, blocks, expressions)
        elif isinstance(operation, WhileLoopOp):
            # It is evaluated before each round, so no part of it can be stored before the loop.
            condition = BitExpressions(clbits, self._bits_of, lambda node: node).condition(
                operation.condition
            )
            self._loop(block, condition, blocks[0])
        elif isinstance(operation, ForLoopOp):
            indexset, parameter, _ = operation.params
            if not isinstance(indexset, range | tuple):
                raise unsupported("a for loop over a variable")
            qubits, bits = self._qubits_used(blocks), list(blocks[0].clbits)
            block.append(ForLoopOp(indexset, parameter, blocks[0].circuit(qubits, bits)), qubits, bits)
        else:
            raise unsupported(f"variables in a circuit with {operation.name}")

    def _branch(self, block: _Block, condition: Node, blocks: list[_Block]) -> None:
        decision = logic.expression(self._counted(condition))
        qubits = self._qubits_used(blocks)
        bits = self._bits_used(condition, blocks)
        bodies = [item.circuit(qubits, bits) for item in blocks]
        block.append(IfElseOp(decision, bodies[0], bodies[1] if len(bodies) > 1 else None), qubits, bits)

    def _loop(self, block: _Block, condition: Node, body: _Block) -> None:
        decision = logic.expression(self._counted(condition))
        qubits, bits = self._qubits_used([body]), self._bits_used(condition, [body])
        block.append(WhileLoopOp(decision, body.circuit(qubits, bits)), qubits, bits)

    def _qubits_used(self, blocks: list[_Block]) -> list[Qubit]:
        return list(dict.fromkeys([*self._anchor, *(bit for item in blocks for bit in item.qubits)]))

    def _bits_used(self, condition: Node, blocks: list[_Block]) -> list[Clbit]:
        bits = {bit for item in blocks for bit in item.clbits} | logic.bits_of(condition)
        # In a fixed order, so that the same job gives the same circuit.
        return sorted(bits, key=self._places.__getitem__)

    def _switch(
        self, block: _Block, operation: SwitchCaseOp, blocks: list[_Block], expressions: BitExpressions
    ) -> None:
        """Lower a switch to branches, of which at most one is taken."""
        value = expressions.vector(operation.target)
        # A branch may change what the target depends on, and the next ones still need the first value.
        places = self._allocate(len(value))
        for place, bit in zip(places, value, strict=True):
            block.store(place, self._counted(bit))
        others: list[Node] = []
        for (labels, _), body in zip(operation.cases_specifier(), blocks, strict=True):
            matches = logic.any_of(
                [
                    logic.equal(tuple(places), logic.constant(int(label), len(places)))
                    for label in labels
                    if label is not CASE_DEFAULT
                ]
            )
            if CASE_DEFAULT in labels:
                matches = logic.invert(logic.any_of(others))
            others.append(matches)
            self._branch(block, matches, [body])
