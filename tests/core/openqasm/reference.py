"""What a program in OpenQASM 3 means, worked out statement by statement with NumPy alone.

The reference parser's tree is carried out as it stands, once for each sequence of outcomes of the program's
measurements. Nothing of what is tested has a part in it: no symbolic bits, no unrolling, no circuit.
"""

from __future__ import annotations

import cmath
import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import openqasm3
from numpy.typing import NDArray
from openqasm3 import ast

Matrix = NDArray[np.complex128]

#: Statements of one run; a loop without end is none of the tests'.
MAX_STATEMENTS = 20_000


def _u(theta: float, phi: float, lam: float) -> Matrix:
    cos, sin = math.cos(theta / 2), math.sin(theta / 2)
    e = cmath.exp
    return np.array([[cos, -e(1j * lam) * sin], [e(1j * phi) * sin, e(1j * (phi + lam)) * cos]])


def _p(angle: float) -> Matrix:
    return np.diag([1, cmath.exp(1j * angle)])


def _rz(angle: float) -> Matrix:
    return np.diag([cmath.exp(-0.5j * angle), cmath.exp(0.5j * angle)])


def _rx(angle: float) -> Matrix:
    return _u(angle, -math.pi / 2, math.pi / 2)


def _ry(angle: float) -> Matrix:
    return _u(angle, 0, 0)


def _c(matrix: Matrix, on: int = 1) -> Matrix:
    """With a control in front, which is the lowest bit of the index."""
    found = np.eye(2 * len(matrix), dtype=complex)
    found[on::2, on::2] = matrix
    return found


X: Matrix = np.array([[0, 1], [1, 0]], dtype=complex)
Y: Matrix = np.array([[0, -1j], [1j, 0]])
Z: Matrix = np.diag([1, -1]).astype(complex)
H: Matrix = np.array([[1, 1], [1, -1]], dtype=complex) * complex(math.sqrt(0.5))
SX: Matrix = np.array([[0.5 + 0.5j, 0.5 - 0.5j], [0.5 - 0.5j, 0.5 + 0.5j]])
SWAP: Matrix = np.array(np.eye(4)[[0, 2, 1, 3]], dtype=complex)
#: The gates of the language and of stdgates.inc (arXiv:2104.14722).
GATES: dict[str, Any] = {
    "U": _u,
    "p": _p,
    "x": lambda: X,
    "y": lambda: Y,
    "z": lambda: Z,
    "h": lambda: H,
    "s": lambda: _p(math.pi / 2),
    "sdg": lambda: _p(-math.pi / 2),
    "t": lambda: _p(math.pi / 4),
    "tdg": lambda: _p(-math.pi / 4),
    "sx": lambda: SX,
    "rx": _rx,
    "ry": _ry,
    "rz": _rz,
    "cx": lambda: _c(X),
    "cy": lambda: _c(Y),
    "cz": lambda: _c(Z),
    "cp": lambda angle: _c(_p(angle)),
    "crx": lambda angle: _c(_rx(angle)),
    "cry": lambda angle: _c(_ry(angle)),
    "crz": lambda angle: _c(_rz(angle)),
    "ch": lambda: _c(H),
    "swap": lambda: SWAP,
    "ccx": lambda: _c(_c(X)),
    "cswap": lambda: _c(SWAP),
    "cu": lambda a, b, c, d: _c(_u(a, b, c) * cmath.exp(1j * d)),
    "CX": lambda: _c(X),
    "id": lambda: np.eye(2, dtype=complex),
    "u1": _p,
    "u2": lambda phi, lam: _u(math.pi / 2, phi, lam),
    "u3": _u,
    "cphase": lambda angle: _c(_p(angle)),
    "phase": _p,
}


def distribution(program: str) -> dict[str, float]:
    """Return the probabilities of the outcomes of all declared bits, registers in their order with spaces."""
    tree = openqasm3.parse(program)
    found: dict[str, float] = defaultdict(float)
    pending: list[tuple[int, ...]] = [()]
    while pending:
        run = _Run(pending.pop(), pending)
        run.program(tree.statements)
        weight = float((np.abs(run.state) ** 2).sum())
        found[run.outcome()] += weight
    return {outcome: weight for outcome, weight in found.items() if weight > 1e-9}


class _Leave(Exception):
    def __init__(self, kind: str, value: Any = None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.value = value


class _Cell:
    """A variable: its kind and size, and its value; of a register of bits, a list of 0 and 1."""

    def __init__(self, kind: str, width: int | None, value: Any) -> None:
        self.kind, self.width, self.value = kind, width, value


class _Part:
    """Bits of a register, by reference."""

    def __init__(self, cell: _Cell, places: list[int]) -> None:
        self.cell, self.places = cell, places


class _Run:
    """One run, with given outcomes of its first measurements; other outcomes are added to what is pending."""

    def __init__(self, outcomes: tuple[int, ...], pending: list[tuple[int, ...]]) -> None:
        self.outcomes = list(outcomes)
        self.done = 0
        self.pending = pending
        self.state: Matrix = np.ones(1, dtype=complex)
        self.qubits = 0
        self.scopes: list[dict[str, Any]] = [{}]
        self.gates: dict[str, ast.QuantumGateDefinition] = {}
        self.subroutines: dict[str, ast.SubroutineDefinition] = {}
        self.registers: list[_Cell] = []
        self.statements = 0

    def outcome(self) -> str:
        """The bits, the last of each register first."""
        texts = []
        for cell in self.registers:
            value = cell.value if isinstance(cell.value, list) else [cell.value]
            texts.append("".join(str(int(bit)) for bit in reversed(value)))
        return " ".join(texts)

    def program(self, statements: Sequence[Any]) -> None:
        try:
            self.all(statements)
        except _Leave as leave:
            if leave.kind != "end":
                raise

    def all(self, statements: Sequence[Any]) -> None:
        for statement in statements:
            self.statements += 1
            assert self.statements < MAX_STATEMENTS
            self.one(statement)

    def block(self, statements: Sequence[Any], names: dict[str, Any] | None = None) -> None:
        self.scopes.append(dict(names or {}))
        try:
            self.all(statements)
        finally:
            self.scopes.pop()

    def name(self, name: str) -> Any:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        raise KeyError(name)

    # --- statements -------------------------------------------------------------------------------

    def one(self, node: Any) -> None:
        match node:
            case ast.Include():
                pass
            case ast.QubitDeclaration():
                size = 1 if node.size is None else self.value(node.size)
                new = list(range(self.qubits, self.qubits + size))
                self.qubits += size
                self.state = np.concatenate([self.state, np.zeros(len(self.state) * (2**size - 1))])
                self.scopes[-1][node.qubit.name] = new if node.size is not None else new[0]
            case ast.ClassicalDeclaration() | ast.ConstantDeclaration():
                self.declare(node)
            case ast.QuantumGateDefinition():
                self.gates[node.name.name] = node
            case ast.SubroutineDefinition():
                self.subroutines[node.name.name] = node
            case ast.QuantumGate() | ast.QuantumPhase():
                self.gate(node)
            case ast.QuantumMeasurementStatement():
                values = self.measured(node.measure.qubit)
                if node.target is not None:
                    self.assign(node.target, values)
            case ast.QuantumReset():
                for qubit in self.operand(node.qubits):
                    if self.measure(qubit):
                        self.apply(X, [qubit])
            case ast.QuantumBarrier() | ast.DelayInstruction():
                pass
            case ast.ClassicalAssignment():
                value = self.value(node.rvalue)
                if node.op.name != "=":
                    value = self.binary(node.op.name.removesuffix("="), self.value(node.lvalue), value)
                self.assign(node.lvalue, value)
            case ast.AliasStatement():
                self.scopes[-1][node.target.name] = self.alias(node.value)
            case ast.ExpressionStatement():
                self.value(node.expression)
            case ast.BranchingStatement():
                self.block(node.if_block if self.truth(node.condition) else node.else_block)
            case ast.SwitchStatement():
                self.switch(node)
            case ast.ForInLoop():
                self.loop(node)
            case ast.WhileLoop():
                self.repeat(node)
            case ast.CompoundStatement():
                self.block(node.statements)
            case ast.Box():
                self.block(node.body)
            case ast.BreakStatement():
                raise _Leave("break")
            case ast.ContinueStatement():
                raise _Leave("continue")
            case ast.EndStatement():
                raise _Leave("end")
            case ast.ReturnStatement():
                raise _Leave("return", None if node.expression is None else self.value(node.expression))
            case _:
                raise NotImplementedError(type(node).__name__)

    def declare(self, node: Any) -> None:
        kind, width = self.type(node.type)
        init = node.init_expression
        value: Any = [0] * (width or 0) if kind == "bits" else 0
        cell = _Cell(kind, width, value)
        if init is not None:
            measured = isinstance(init, ast.QuantumMeasurement)
            self.put(cell, self.measured(init.qubit) if measured else self.value(init))
        if kind in ("bit", "bits") and len(self.scopes) == 1:
            self.registers.append(cell)
        self.scopes[-1][node.identifier.name] = cell

    def type(self, node: Any) -> tuple[str, int | None]:
        if isinstance(node, ast.BitType):
            return ("bit", None) if node.size is None else ("bits", self.value(node.size))
        if isinstance(node, ast.DurationType):
            return "float", None
        names = {ast.IntType: "int", ast.UintType: "uint", ast.FloatType: "float", ast.AngleType: "float"}
        kind = "bool" if isinstance(node, ast.BoolType) else names[type(node)]
        size = getattr(node, "size", None)
        return kind, None if size is None or kind == "float" else self.value(size)

    def put(self, cell: _Cell, value: Any) -> None:
        """Assign a value, converted to the variable's type."""
        if cell.kind == "bits":
            number = _number(value)
            cell.value[:] = [number >> place & 1 for place in range(cell.width or 0)]
        elif cell.kind in ("bit", "bool"):
            cell.value = int(bool(_number(value)))
        elif cell.kind == "float":
            cell.value = float(_number(value))
        else:
            number = int(_number(value))
            if cell.width is not None:
                number &= 2**cell.width - 1
                if cell.kind == "int" and number >> cell.width - 1:
                    number -= 2**cell.width
            cell.value = number

    def assign(self, target: Any, value: Any) -> None:
        found = self.alias(target)
        if isinstance(found, _Part):
            number = _number(value)
            for at, place in enumerate(found.places):
                found.cell.value[place] = number >> at & 1
        else:
            self.put(found, value)

    def switch(self, node: ast.SwitchStatement) -> None:
        target = _number(self.value(node.target))
        for labels, block in node.cases:
            if target in [self.value(label) for label in labels]:
                self.block(block.statements)
                return
        if node.default is not None:
            self.block(node.default.statements)

    def loop(self, node: ast.ForInLoop) -> None:
        over = node.set_declaration
        if isinstance(over, ast.RangeDefinition):
            start, end = self.value(over.start), self.value(over.end)
            step = 1 if over.step is None else self.value(over.step)
            values = list(range(start, end + (1 if step > 0 else -1), step))
        elif isinstance(over, ast.DiscreteSet):
            values = [self.value(item) for item in over.values]
        else:
            values = list(self.value(over))
        kind, width = self.type(node.type)
        for value in values:
            cell = _Cell(kind, width, 0)
            self.put(cell, value)
            try:
                self.block(node.block, {node.identifier.name: cell})
            except _Leave as leave:
                if leave.kind == "break":
                    return
                if leave.kind != "continue":
                    raise

    def repeat(self, node: ast.WhileLoop) -> None:
        while self.truth(node.while_condition):
            try:
                self.block(node.block)
            except _Leave as leave:
                if leave.kind == "break":
                    return
                if leave.kind != "continue":
                    raise

    # --- qubits -----------------------------------------------------------------------------------

    def operand(self, node: Any) -> list[int]:
        found = self.alias(node)
        return [found] if isinstance(found, int) else found

    def alias(self, node: Any) -> Any:
        """Return qubits, a variable, or bits of one by reference."""
        match node:
            case ast.Identifier():
                return self.name(node.name)
            case ast.Concatenation():
                left, right = self.alias(node.lhs), self.alias(node.rhs)
                return left + right
            case ast.IndexExpression():
                return self.part(self.alias(node.collection), node.index)
            case ast.IndexedIdentifier():
                found = self.name(node.name.name)
                for index in node.indices:
                    found = self.part(found, index)
                return found
        raise NotImplementedError(type(node).__name__)

    def part(self, found: Any, index: Any) -> Any:
        size = (
            len(found)
            if isinstance(found, list)
            else len(found.places if isinstance(found, _Part) else found.value)
        )
        places, single = self.places(index, size)
        if isinstance(found, list):
            return found[places[0]] if single else [found[place] for place in places]
        if isinstance(found, _Part):
            return _Part(found.cell, [found.places[place] for place in places])
        return _Part(found, places)

    def places(self, index: Any, size: int) -> tuple[list[int], bool]:
        index = index[0] if isinstance(index, list) else index
        if isinstance(index, ast.DiscreteSet):
            return [self.value(item) % size for item in index.values], False
        if isinstance(index, ast.RangeDefinition):
            step = 1 if index.step is None else self.value(index.step)
            start = 0 if index.start is None else self.value(index.start) % size
            end = size - 1 if index.end is None else self.value(index.end) % size
            return list(range(start, end + (1 if step > 0 else -1), step)), False
        place = self.value(index)
        assert -size <= place < size
        return [place % size], True

    def gate(self, node: Any) -> None:
        operands = [self.alias(operand) for operand in node.qubits]
        turns = max([len(operand) for operand in operands if isinstance(operand, list)], default=1)
        matrix = self.matrix(node)
        for turn in range(turns):
            self.apply(matrix, [one[turn] if isinstance(one, list) else one for one in operands])

    def matrix(self, node: Any) -> Matrix:
        if isinstance(node, ast.QuantumPhase):
            matrix: Matrix = np.array([[cmath.exp(1j * self.value(node.argument))]])
        else:
            angles = [self.value(argument) for argument in node.arguments]
            matrix = self.named(node.name.name, [float(_number(angle)) for angle in angles])
        for modifier in reversed(node.modifiers):
            kind = modifier.modifier.name
            argument = None if modifier.argument is None else self.value(modifier.argument)
            if kind == "inv":
                matrix = matrix.conj().T
            elif kind == "pow":
                matrix = _power(matrix, float(argument or 0))
            else:
                for _ in range(argument or 1):
                    matrix = _c(matrix, on=1 if kind == "ctrl" else 0)
        return matrix

    def named(self, name: str, angles: list[float]) -> Matrix:
        if name not in self.gates:
            return np.asarray(GATES[name](*angles), dtype=complex)
        gate = self.gates[name]
        outer = self.scopes, self.state
        self.scopes = [self.scopes[0], {}]
        for formal, angle in zip(gate.arguments, angles, strict=True):
            self.scopes[-1][formal.name] = _Cell("float", None, angle)
        for place, operand in enumerate(gate.qubits):
            self.scopes[-1][operand.name] = place
        columns = []
        for column in range(2 ** len(gate.qubits)):
            self.state = np.zeros(2 ** len(gate.qubits), dtype=complex)
            self.state[column] = 1
            self.all(gate.body)
            columns.append(self.state)
        self.scopes, self.state = outer
        return np.array(columns).T

    def apply(self, matrix: Matrix, qubits: Sequence[int]) -> None:
        assert len(set(qubits)) == len(qubits)
        if not qubits:
            self.state = self.state * matrix[0, 0]
            return
        found = np.zeros_like(self.state, dtype=complex)
        mask = sum(1 << qubit for qubit in qubits)
        for place, amplitude in enumerate(self.state):
            if not amplitude:
                continue
            column = sum((place >> qubit & 1) << at for at, qubit in enumerate(qubits))
            for row in range(len(matrix)):
                to = place & ~mask | sum((row >> at & 1) << qubit for at, qubit in enumerate(qubits))
                found[to] += matrix[row, column] * amplitude
        self.state = found

    def measure(self, qubit: int) -> int:
        """Choose an outcome, project the state on it and leave the other one for another run."""
        ones = np.array([place >> qubit & 1 for place in range(len(self.state))])
        weights = [float((np.abs(self.state[ones == bit]) ** 2).sum()) for bit in (0, 1)]
        if self.done < len(self.outcomes):
            outcome = self.outcomes[self.done]
        else:
            likely = [bit for bit in (0, 1) if weights[bit] > 1e-12]
            outcome = likely[0]
            if len(likely) == 2:
                self.pending.append((*self.outcomes, 1))
            self.outcomes.append(outcome)
        self.done += 1
        self.state = np.where(ones == outcome, self.state, 0)
        return outcome

    def measured(self, node: Any) -> list[int]:
        return [self.measure(qubit) for qubit in self.operand(node)]

    # --- expressions ------------------------------------------------------------------------------

    def truth(self, node: Any) -> bool:
        return bool(_number(self.value(node)))

    def value(self, node: Any) -> Any:
        match node:
            case ast.IntegerLiteral() | ast.FloatLiteral() | ast.BooleanLiteral():
                return node.value
            case ast.BitstringLiteral():
                return [node.value >> place & 1 for place in range(node.width)]
            case ast.QuantumMeasurement():
                values = self.measured(node.qubit)
                return values if len(values) > 1 else values[0]
            case ast.DurationLiteral():
                return node.value
            case ast.Identifier(name=("pi" | "tau")) if not any(node.name in scope for scope in self.scopes):
                return getattr(math, node.name)
            case ast.Identifier() | ast.IndexExpression() | ast.IndexedIdentifier():
                found = self.alias(node)
                if isinstance(found, _Part):
                    values = [found.cell.value[place] for place in found.places]
                    return values if len(values) > 1 else values[0]
                return list(found.value) if isinstance(found.value, list) else found.value
            case ast.UnaryExpression():
                return self.unary(node)
            case ast.BinaryExpression(op=op) if op.name in ("&&", "||"):
                left, right = self.truth(node.lhs), self.truth(node.rhs)
                return left and right if op.name == "&&" else left or right
            case ast.BinaryExpression():
                return self.binary(node.op.name, self.value(node.lhs), self.value(node.rhs))
            case ast.Cast():
                kind, width = self.type(node.type)
                cell = _Cell(kind, width, [0] * (width or 0) if kind == "bits" else 0)
                self.put(cell, self.value(node.argument))
                return cell.value
            case ast.FunctionCall(name=ast.Identifier(name="popcount")):
                return _number(self.value(node.arguments[0])).bit_count()
            case ast.FunctionCall(name=ast.Identifier(name=("sin" | "cos" | "sqrt") as name)):
                return getattr(math, name)(self.value(node.arguments[0]))
            case ast.FunctionCall():
                return self.call(node)
        raise NotImplementedError(type(node).__name__)

    def unary(self, node: ast.UnaryExpression) -> Any:
        value = self.value(node.expression)
        if node.op.name == "-":
            return -_number(value)
        if node.op.name == "!":
            return not _number(value)
        if isinstance(value, list):
            return [1 - bit for bit in value]
        return 1 - value

    def binary(self, operator: str, left: Any, right: Any) -> Any:
        if operator in ("&", "|", "^") and isinstance(left, list) and isinstance(right, list):
            return [int(self.binary(operator, *pair)) for pair in zip(left, right, strict=True)]
        if operator in ("<<", ">>") and isinstance(left, list):
            number = _number(left) << right if operator == "<<" else _number(left) >> right
            return [number >> place & 1 for place in range(len(left))]
        one, other = _number(left), _number(right)
        if operator == "/" and isinstance(one, int) and isinstance(other, int):
            return int(one / other)
        if operator == "%" and isinstance(one, int) and isinstance(other, int):
            return int(math.fmod(one, other))
        return {
            "+": lambda: one + other,
            "-": lambda: one - other,
            "*": lambda: one * other,
            "/": lambda: one / other,
            "**": lambda: one**other,
            "&": lambda: one & other,
            "|": lambda: one | other,
            "^": lambda: one ^ other,
            "<<": lambda: one << other,
            ">>": lambda: one >> other,
            "==": lambda: one == other,
            "!=": lambda: one != other,
            "<": lambda: one < other,
            "<=": lambda: one <= other,
            ">": lambda: one > other,
            ">=": lambda: one >= other,
        }[operator]()

    def call(self, node: ast.FunctionCall) -> Any:
        subroutine = self.subroutines[node.name.name]
        names: dict[str, Any] = {}
        for formal, actual in zip(subroutine.arguments, node.arguments, strict=True):
            if isinstance(formal, ast.QuantumArgument):
                names[formal.name.name] = self.alias(actual)
            else:
                kind, width = self.type(formal.type)
                cell = _Cell(kind, width, [0] * (width or 0) if kind == "bits" else 0)
                self.put(cell, self.value(actual))
                names[formal.name.name] = cell
        outer, self.scopes = self.scopes, [self.scopes[0]]
        try:
            self.block(subroutine.body, names)
        except _Leave as leave:
            if leave.kind != "return":
                raise
            if subroutine.return_type is None:
                return None
            kind, width = self.type(subroutine.return_type)
            cell = _Cell(kind, width, [0] * (width or 0) if kind == "bits" else 0)
            self.put(cell, leave.value)
            return cell.value
        finally:
            self.scopes = outer
        return None


def _number(value: Any) -> Any:
    if isinstance(value, list):
        return sum(bit << place for place, bit in enumerate(value))
    return int(value) if isinstance(value, bool) else value


def _power(matrix: Matrix, exponent: float) -> Matrix:
    """Return the principal power of a unitary matrix."""
    if exponent.is_integer():
        return np.linalg.matrix_power(matrix, int(exponent))
    values, vectors = np.linalg.eig(matrix)
    # Eigenvectors of one eigenvalue need not be orthogonal.
    powered = np.exp(1j * np.angle(values) * exponent)
    return np.asarray(vectors @ np.diag(powered) @ np.linalg.inv(vectors))
