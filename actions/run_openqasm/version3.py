"""OpenQASM 3, parsed by the reference parser and converted by Qiskit, with checks in between.

The importer expands loops and definitions, so a few lines may need more than a machine's memory. The check
adds up the size of the circuit from the syntax tree before anything is built.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import openqasm3
import qiskit_qasm3_import
from openqasm3 import ast
from openqasm3.parser import QASM3ParsingError
from qiskit import QuantumCircuit

from actions.run_openqasm.bounds import (
    MAX_CONTROLS,
    MAX_NESTING,
    MAX_POWER_QUBITS,
    MAX_SIZE,
    program_error,
)
from actions.run_openqasm.words import check_totals
from core import openqasm
from core.errors import InputError

#: The statements that are not supported, with the reason.
_REFUSED: dict[type[ast.QASMNode], str] = {
    ast.WhileLoop: "while loops are not supported, because their end is not known. Use a for loop",
    ast.BreakStatement: "break is not supported: loops are unrolled",
    ast.ContinueStatement: "continue is not supported: loops are unrolled",
    ast.Box: "boxes are not supported: timing is the backend's",
    ast.DelayInstruction: "delays are not supported: timing is the backend's",
    ast.IODeclaration: "input and output are not supported: write the numbers into the program",
}
#: The largest number of a register's size, a loop's end, a power.
_MAX_NUMBER = 1_000_000


def load(program: str) -> tuple[QuantumCircuit, list[str], list[str]]:
    """Convert a program to its circuit, and the names of its classical registers and single bits.

    Raises:
        InputError: the program is wrong; with the line and, if known, the column.
    """
    try:
        tree = openqasm3.parse(program)
    except QASM3ParsingError as error:
        raise _syntax_error(error) from None
    except RecursionError:
        raise program_error("an expression is too deep; make it simpler") from None
    guard = _Guard()
    guard.block(tree.statements, 1)
    try:
        return openqasm.convert(tree).circuit, guard.registers, guard.bits
    except qiskit_qasm3_import.ConversionError as error:
        raise _conversion_error(error) from None
    except Exception as error:
        # The importer expects correct programs, and raises any exception for a wrong one.
        raise program_error(_plain(error), _line_of(tree)) from None


def _syntax_error(error: QASM3ParsingError) -> InputError:
    place = re.match(r"L(\d+):C(\d+): (.*)", str(error), re.DOTALL)
    if place:
        return program_error(place[3][:200], int(place[1]), int(place[2]) + 1)
    cause = error.__cause__.args[0] if error.__cause__ is not None and error.__cause__.args else None
    token = getattr(cause, "offendingToken", None)
    if token is None:
        return program_error("this is not OpenQASM 3")
    what = "the end of the program" if token.text == "<EOF>" else repr(token.text[:40])
    return program_error(f"{what} is not expected here", token.line, token.column + 1)


def _conversion_error(error: qiskit_qasm3_import.ConversionError) -> InputError:
    place = re.match(r"(\d+),(\d+): (.*)", error.message, re.DOTALL)
    if place is None:
        return program_error(error.message[:300].rstrip("."))
    return program_error(place[3][:300].rstrip("."), int(place[1]), int(place[2]) + 1)


def _plain(error: Exception) -> str:
    if isinstance(error, IndexError):
        return "an index is outside its register"
    if isinstance(error, ZeroDivisionError):
        return "division by zero"
    if isinstance(error, TypeError) and "index" in str(error):
        return "an index must be a constant number; a loop's variable cannot be one"
    why = str(error)[:200].strip("\"'") or type(error).__name__
    return f"this cannot be made a circuit ({why})"


def _line_of(tree: ast.Program) -> int | None:
    """The line of the first statement without which the program converts."""
    low, high = 0, len(tree.statements)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            openqasm.convert(ast.Program(tree.statements[:middle], tree.version))
        except Exception:
            high = middle
        else:
            low = middle
    return _line(tree.statements[high - 1])


def _line(node: ast.QASMNode) -> int | None:
    return node.span.start_line if node.span is not None else None


class _Guard:
    """Adds up a syntax tree: bits declared, gates applied."""

    def __init__(self) -> None:
        self.registers: list[str] = []
        self.bits: list[str] = []
        self._sizes: dict[str, int] = {}
        self._clbits = 0
        #: For each defined gate: its operations, and the nesting of its definition.
        self._gates: dict[str, tuple[int, int]] = {}
        self._nesting = 0
        self._size = 0
        #: Inside a gate definition there are single qubits only.
        self._defining = False

    def block(self, statements: Sequence[ast.Statement | ast.Pragma], times: int) -> None:
        """Count statements that are applied this many times."""
        for statement in statements:
            if type(statement) in _REFUSED:
                raise program_error(_REFUSED[type(statement)], _line(statement))
            self._statement(statement, times)

    def _statement(self, node: ast.QASMNode, times: int) -> None:
        match node:
            case ast.QubitDeclaration():
                self._declare(node, node.qubit.name, node.size, quantum=True)
            case ast.ClassicalDeclaration(type=ast.BitType(size=size)):
                self._declare(node, node.identifier.name, size, quantum=False)
                if node.init_expression is not None:
                    self._add(self._sizes[node.identifier.name] * times, node)
            case ast.QuantumGateDefinition():
                self._define(node)
            case ast.QuantumGate():
                self._add(self._gate(node) * self._width(node.qubits) * times, node)
            case ast.QuantumPhase():
                self._modified(node, 1)
                self._add(self._width(node.qubits) * times, node)
            case ast.BranchingStatement():
                self._add(times, node)
                self.block(node.if_block, times)
                self.block(node.else_block, times)
            case ast.ForInLoop():
                self.block(node.block, times * self._turns(node))
            case ast.QuantumMeasurementStatement():
                self._add(self._width([node.measure.qubit]) * times, node)
            case ast.QuantumReset():
                self._add(self._width([node.qubits]) * times, node)
            case _:
                self._add(times, node)

    def _add(self, size: int, node: ast.QASMNode) -> None:
        self._size += size
        if self._size > MAX_SIZE:
            raise program_error(
                f"the program comes to over {MAX_SIZE} gates, with definitions and loops written out",
                _line(node),
            )

    def _declare(
        self, node: ast.QASMNode, name: str, expression: ast.Expression | None, quantum: bool
    ) -> None:
        size = 1 if expression is None else _number(expression)
        if size < 1:
            raise program_error(f"{name!r} has the size {size}; a register has 1 bit or more", _line(node))
        if quantum:
            self._sizes[name] = size
        else:
            (self.bits if expression is None else self.registers).append(name)
            self._sizes[name] = size
            self._clbits += size
        qubits = sum(self._sizes.values()) - self._clbits
        check_totals(qubits, self._clbits, _line(node) or 1)

    def _define(self, node: ast.QuantumGateDefinition) -> None:
        before, self._size, self._nesting = self._size, 0, 0
        self._defining = True
        self.block(node.body, 1)
        self._defining = False
        self._gates[node.name.name] = self._size + 1, self._nesting + 1
        if self._nesting + 1 > MAX_NESTING:
            raise program_error(f"gate definitions are over {MAX_NESTING} deep", _line(node))
        self._size = before

    def _gate(self, node: ast.QuantumGate) -> int:
        """The operations of one application of the gate."""
        size, nesting = self._gates.get(node.name.name, (1, 0))
        self._nesting = max(self._nesting, nesting)
        return self._modified(node, size)

    def _modified(self, node: ast.QuantumGate | ast.QuantumPhase, size: int) -> int:
        controls = 0
        for modifier in node.modifiers:
            if modifier.modifier in (ast.GateModifierName.ctrl, ast.GateModifierName.negctrl):
                controls += 1 if modifier.argument is None else _number(modifier.argument)
                if not 0 < controls <= MAX_CONTROLS:
                    raise program_error(f"a gate may have 1 to {MAX_CONTROLS} controls added", _line(node))
            elif modifier.modifier is ast.GateModifierName.pow:
                if len(node.qubits) > MAX_POWER_QUBITS:
                    raise program_error(
                        f"powers are for gates on up to {MAX_POWER_QUBITS} qubits", _line(node)
                    )
                size = max(size, 4 ** len(node.qubits))
        return int(size * 4**controls)

    def _width(self, operands: Sequence[ast.IndexedIdentifier | ast.Identifier]) -> int:
        """The number of qubits that a statement is applied to one by one: those of its largest register."""
        if self._defining:
            return 1
        everything = sum(self._sizes.values())
        widths = [1]
        for operand in operands:
            if isinstance(operand, ast.Identifier):
                # A name that is not declared is an alias.
                widths.append(self._sizes.get(operand.name, everything))
            elif any(isinstance(index, ast.DiscreteSet) or _is_range(index) for index in operand.indices):
                widths.append(everything)
        return max(widths)

    def _turns(self, node: ast.ForInLoop) -> int:
        over = node.set_declaration
        if isinstance(over, ast.DiscreteSet):
            return len(over.values)
        if not isinstance(over, ast.RangeDefinition) or over.start is None or over.end is None:
            raise program_error("a for loop needs a range with a start and an end, or a set", _line(node))
        step = 1 if over.step is None else _number(over.step)
        if step == 0:
            raise program_error("a loop's step must not be 0", _line(node))
        return max(0, (_number(over.end) - _number(over.start)) // step + 1)


def _is_range(index: object) -> bool:
    return isinstance(index, list) and any(isinstance(part, ast.RangeDefinition) for part in index)


def _number(node: ast.Expression) -> int:
    """The value of a constant integer."""
    value: int | None = None
    match node:
        case ast.IntegerLiteral():
            value = node.value
        case ast.UnaryExpression(op=op) if op.name == "-":
            value = -_number(node.expression)
        case ast.BinaryExpression(op=op) if op.name in ("+", "-", "*"):
            left, right = _number(node.lhs), _number(node.rhs)
            value = left + right if op.name == "+" else left - right if op.name == "-" else left * right
    if value is None:
        raise program_error("this must be a whole number", _line(node))
    if abs(value) > _MAX_NUMBER:
        raise program_error(f"{value} is too large", _line(node))
    return value
