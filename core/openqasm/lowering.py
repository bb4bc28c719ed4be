"""From a program in OpenQASM 3 to a circuit of gates, measurements and branches.

Everything that can be worked out before the circuit runs is: constants, types, loops, subroutines, aliases.
What depends on a measurement becomes branches on classical bits, and bits that are assigned.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from openqasm3 import ast
from qiskit import QuantumCircuit
from qiskit.circuit import Clbit

from core.openqasm import syntax
from core.openqasm.applications import Applications
from core.openqasm.budget import ProgramBudget
from core.openqasm.errors import ProgramError, error_at
from core.openqasm.exits import STAYED, Frames, Left
from core.openqasm.expressions import Expressions
from core.openqasm.flow import Flow
from core.openqasm.functions import Functions
from core.openqasm.gates import Gates
from core.openqasm.modifiers import Modifiers
from core.openqasm.names import OwnNames
from core.openqasm.notes import Notes
from core.openqasm.operands import Operands
from core.openqasm.operators import Operators
from core.openqasm.output import Output, Register
from core.openqasm.scope import Qubits, Scopes, Stored
from core.openqasm.storage import Inputs, Storage
from core.openqasm.subroutines import Subroutines
from core.openqasm.tokens import Token, tokens
from core.openqasm.values import BIT, BitValues, Type, Value

#: The file of standard gates, which is known without being read.
INCLUDE = "stdgates.inc"
#: Pragmas that change what a program does; others are left out.
_ESSENTIAL = re.compile(r"braket\s+(unitary|noise)\b")


@dataclass(frozen=True)
class Lowered:
    """A program as a circuit.

    Attributes:
        circuit: the circuit; each of its classical bits is in one register.
        registers: the program's classical registers, as far as they are part of the answer.
        own: the program's names of the gates that it defines, by their names in the circuit.
        notes: remarks on what was left out or assumed.
        unfinished: the register whose bit is set where a loop was still going on after its last turn.
        inputs: the names of the inputs that the program declares.
    """

    circuit: QuantumCircuit
    registers: list[Register]
    own: dict[str, str]
    notes: list[str]
    unfinished: str | None
    inputs: frozenset[str]


def lower(program: str | Sequence[Token], inputs: Inputs | None = None) -> Lowered:
    """Return the circuit of a program.

    Args:
        program: the text, or its tokens.
        inputs: values of the program's inputs: numbers, or bits as text.

    Raises:
        ProgramError: what is wrong with it, and where.
    """
    found = list(tokens(program)) if isinstance(program, str) else program
    tree = syntax.parse(found)
    return _Lowering(inputs or {}).program(tree, found)


class _Lowering:
    def __init__(self, inputs: Inputs) -> None:
        self._budget = ProgramBudget()
        self._output = Output(self._budget)
        self._scopes = Scopes()
        self._notes = Notes()
        self._operators = Operators(self._output, self._budget, self._notes)
        self._expressions = Expressions(self._scopes, self._operators, self._budget)
        self._operands = Operands(self._scopes, self._expressions, self._output)
        self._storage = Storage(self._scopes, self._expressions, self._operands, self._output, inputs)
        names = OwnNames()
        self._gates = Gates(self._scopes, self._budget, names, self._notes)
        self._frames = Frames(self._output)
        self._flow = Flow(
            self._scopes,
            self._expressions,
            self._storage,
            self._output,
            self._frames,
            self._budget,
            self._statement,
        )
        applications = Applications(
            self._expressions,
            self._operands,
            self._output,
            self._gates,
            Modifiers(self._expressions, names, self._budget),
            self._budget,
            self._notes,
            self._flow.statements,
        )
        self._subroutines = Subroutines(
            self._scopes,
            self._expressions,
            self._operands,
            self._output,
            self._frames,
            self._flow.statements,
        )
        functions = Functions(self._expressions, self._output, self._budget, self._subroutines.call)
        self._expressions.call = functions.call
        self._expressions.measure = self._measured
        self._unnamed: list[Clbit] = []
        self._last: ast.QASMNode | None = None
        self._handlers: dict[type, Callable[[Any], Left | None]] = {
            ast.Include: self._include,
            ast.QubitDeclaration: self._qubits,
            ast.ClassicalDeclaration: lambda node: self._declare(node, constant=False),
            ast.ConstantDeclaration: lambda node: self._declare(node, constant=True),
            ast.IODeclaration: self._input_or_output,
            ast.QuantumGateDefinition: self._gates.define,
            ast.SubroutineDefinition: self._subroutines.define,
            ast.QuantumGate: applications.gate,
            ast.QuantumPhase: applications.phase,
            ast.QuantumMeasurementStatement: self._measure,
            ast.QuantumReset: self._reset,
            ast.QuantumBarrier: applications.barrier,
            ast.ClassicalAssignment: self._assign,
            ast.AliasStatement: self._alias,
            ast.ExpressionStatement: self._expression,
            ast.BranchingStatement: self._if,
            ast.SwitchStatement: self._flow.switch,
            ast.ForInLoop: self._flow.for_loop,
            ast.WhileLoop: self._flow.while_loop,
            ast.CompoundStatement: lambda node: self._flow.block(node.statements),
            ast.Box: self._box,
            ast.DelayInstruction: self._delay,
            ast.BreakStatement: lambda node: self._frames.leave("break", node),
            ast.ContinueStatement: lambda node: self._frames.leave("continue", node),
            ast.EndStatement: self._end,
            ast.ReturnStatement: self._subroutines.give_back,
        }

    def program(self, tree: syntax.Tree, found: Sequence[Token]) -> Lowered:
        self._remarks(tree)
        for statement in tree.statements:
            if isinstance(statement, ast.QuantumGateDefinition):
                assert statement.span is not None
                self._gates.later.setdefault(statement.name.name, statement.span.start_line)
        physical = sorted({int(token.text[1:]) for token in found if token.kind == "hardware"})
        if physical and tree.statements:
            self._operands.declare_physical(physical, tree.statements[0])
            self._notes.add("physical qubits stand for qubits of the backend that are found for them")
        try:
            self._flow.statements(tree.statements)
        except RecursionError:
            assert self._last is not None
            message = "blocks, calls and expressions are too deep; make it simpler"
            raise error_at(self._last, message) from None
        registers = list(self._output.registers)
        if self._unnamed and not registers:
            # What is measured is the answer, even if the program does not name the bits.
            registers.append(self._output.name_bits(self._unnamed, "meas"))
        unfinished = None
        if self._flow.unfinished is not None:
            unfinished = self._output.name_bits([self._flow.unfinished], "unfinished").name
        return Lowered(
            self._output.finish(),
            registers,
            self._gates.own,
            self._notes.texts(),
            unfinished,
            frozenset(self._storage.used_inputs),
        )

    def _remarks(self, tree: syntax.Tree) -> None:
        for token in tree.pragmas:
            text = " ".join(token.text.lstrip("# \t").split()[1:])
            if _ESSENTIAL.match(text):
                raise ProgramError(f"the pragma {text[:40]!r} is not supported", token.line, token.column)
        if tree.pragmas:
            self._notes.add("pragmas are left out", tree.pragmas[0].line)
        if tree.annotations:
            self._notes.add("annotations are left out", tree.annotations[0].line)

    def _statement(self, node: ast.QASMNode) -> Left:
        self._last = node
        handler = self._handlers.get(type(node))
        if handler is None:
            name = "extern functions" if isinstance(node, ast.ExternDeclaration) else "this statement"
            raise error_at(node, f"{name} cannot be run: not supported")
        return handler(node) or STAYED

    # --- declarations -----------------------------------------------------------------------------

    def _include(self, node: ast.Include) -> None:
        if node.filename != INCLUDE:
            raise error_at(node, f'only include "{INCLUDE}" is possible in OpenQASM 3; files are not read')
        self._gates.include()

    def _qubits(self, node: ast.QubitDeclaration) -> None:
        name = node.qubit.name
        size = 1 if node.size is None else self._expressions.size(node.size, "a register")
        bits = self._output.add_qubits(name, size, node)
        self._scopes.declare(name, Qubits(bits, single=node.size is None), node)

    def _declare(self, node: ast.ClassicalDeclaration | ast.ConstantDeclaration, constant: bool) -> None:
        self._storage.declare(node, node.identifier.name, node.type, node.init_expression, constant)

    def _input_or_output(self, node: ast.IODeclaration) -> None:
        if node.io_identifier is ast.IOKeyword.input:
            self._storage.declare_input(node)
        else:
            self._storage.declare(node, node.identifier.name, node.type, None, constant=False)

    def _alias(self, node: ast.AliasStatement) -> None:
        self._scopes.declare(node.target.name, self._operands.alias(node.value), node)

    # --- measurement ------------------------------------------------------------------------------

    def _measure(self, node: ast.QuantumMeasurementStatement) -> None:
        if node.target is None:
            qubits = self._operands.qubits(node.measure.qubit).bits
            bits = self._output.fresh(len(qubits), node)
            self._output.measure(qubits, bits, node)
            self._unnamed += bits
            return
        symbol = self._scopes.find(
            (node.target.name if isinstance(node.target, ast.IndexedIdentifier) else node.target).name
        )
        if isinstance(symbol, Stored) and symbol.type.kind in ("bit", "bits"):
            self._storage.measure(node.measure, self._operands.stored(node.target), node)
        else:
            self._storage.assign(node.target, self._measured(node.measure), node)

    def _measured(self, node: ast.QuantumMeasurement) -> Value:
        qubits = self._operands.qubits(node.qubit)
        bits = self._output.temporary(len(qubits.bits), node)
        self._output.measure(qubits.bits, bits, node)
        return BitValues(tuple(bits), BIT if qubits.single else Type("bits", len(bits)))

    def _reset(self, node: ast.QuantumReset) -> None:
        self._output.reset(self._operands.qubits(node.qubits).bits, node)

    # --- classical statements ---------------------------------------------------------------------

    def _assign(self, node: ast.ClassicalAssignment) -> None:
        value = self._expressions.value(node.rvalue)
        if node.op.name != "=":
            operator = node.op.name.removesuffix("=")
            before = self._expressions.value(node.lvalue)
            value = self._operators.combined(operator, before, value, node)
        self._storage.assign(node.lvalue, value, node)

    def _expression(self, node: ast.ExpressionStatement) -> None:
        self._expressions.value(node.expression)

    def _if(self, node: ast.BranchingStatement) -> Left:
        condition = self._expressions.condition(node.condition)
        return self._flow.branch(condition, node, node.if_block, node.else_block)

    def _end(self, node: ast.EndStatement) -> Left:
        self._output.check_gate(node)
        return self._frames.leave("end", node)

    # --- timing -----------------------------------------------------------------------------------

    def _box(self, node: ast.Box) -> Left:
        if node.duration is not None:
            self._notes.add_at(node, "durations of boxes are left out: the backend chooses the timing")
        return self._flow.block(node.body)

    def _delay(self, node: ast.DelayInstruction) -> None:
        self._expressions.const(node.duration, Type("duration"), "a delay")
        for operand in node.qubits:
            self._operands.qubits(operand)
        self._notes.add_at(node, "delays are left out: they change nothing on an ideal machine")
