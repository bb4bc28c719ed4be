"""Programs that define gates under names that libraries know, and their effect, computed with NumPy only.

A program is generated as a structure, written as text for what is tested, and interpreted here by its
structure: it uses neither Qiskit's parsers nor its gates.
"""

from __future__ import annotations

import cmath
import inspect
import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import qiskit.circuit.library
from numpy.typing import NDArray
from openqasm3._antlr.qasm3Lexer import qasm3Lexer  # type: ignore[import-not-found]
from qiskit import qasm2
from qiskit.circuit import Instruction
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit_aer import AerSimulator

Matrix = NDArray[np.complex128]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


#: Names that some step between a program and its simulation treats as its own instruction.
SPECIAL = _set("""if_else for_loop while_loop switch_case break_loop continue_loop store box_ annotated
    unitary pauli diagonal multiplexer kraus superop roerror jump mark snapshot save_state save_statevector
    save_expval save_probabilities save_counts set_statevector set_density_matrix set_stabilizer initialize
    quantum_channel qerror_loc measure_2 delay nop sim_op bfunc mcx mcphase u0 phase cphase u1 u2 u3 CX ctrl_x
    own_x own_own_x x_dg g_o0 circuit instruction gate_ init play acquire id_""")
#: Words that cannot be names.
KEYWORDS = {
    2: _set("""OPENQASM include qreg creg gate opaque if measure reset barrier pi sin cos tan exp ln sqrt asin
    acos atan"""),
    3: frozenset({word.strip("'") for word in qasm3Lexer.literalNames} | {"U", "pi", "tau", "euler"}),
}
#: The gates of qelib1.inc (arXiv:1707.03429) and stdgates.inc (arXiv:2104.14722).
INCLUDED = {
    2: _set("u3 u2 u1 cx id x y z h s sdg t tdg rx ry rz cz cy ch ccx crz cu1 cu3"),
    3: _set("""p x y z h s sdg t tdg sx rx ry rz cx cy cz cp crx cry crz ch swap ccx cswap cu CX phase cphase
    id u1 u2 u3"""),
}


def names(version: int, include: bool) -> list[str]:
    """Return names of gates in Qiskit and Aer under which a program may define a gate."""
    gate_names = {*get_standard_gate_name_mapping(), *SPECIAL}
    gate_names |= {gate.name for gate in qasm2.LEGACY_CUSTOM_INSTRUCTIONS}
    configuration = AerSimulator().configuration()
    gate_names |= {*configuration.basis_gates, *configuration.custom_instructions}
    for kind in vars(qiskit.circuit.library).values():
        if inspect.isclass(kind) and issubclass(kind, Instruction):
            gate_names.add(kind.__name__.removesuffix("Gate").lower())
            gate_names.add(kind.__name__[0].lower() + kind.__name__[1:])
    pattern = re.compile(r"[a-z]\w*" if version == 2 else r"[A-Za-z_]\w*", re.ASCII)
    taken = KEYWORDS[version] | (INCLUDED[version] if include else frozenset())
    return sorted(name for name in gate_names - taken if pattern.fullmatch(name))


class Angle(NamedTuple):
    """A number and multiples of the parameters of the gate in whose definition it is."""

    number: float
    factors: Mapping[str, int]

    def value(self, values: Mapping[str, float]) -> float:
        """Return its value for these parameters."""
        return self.number + sum(factor * values[name] for name, factor in self.factors.items())

    def __str__(self) -> str:
        return " + ".join([repr(self.number), *(f"{factor}*{name}" for name, factor in self.factors.items())])


class Call(NamedTuple):
    """An applied gate; modifiers as they are written, from left to right, each with its number."""

    gate: str
    angles: Sequence[Angle]
    qubits: Sequence[int]
    modifiers: Sequence[tuple[str, int]] = ()


class Definition(NamedTuple):
    """A gate that the program defines."""

    name: str
    parameters: Sequence[str]
    qubits: int
    body: Sequence[Call]


class Program(NamedTuple):
    """A program that measures all qubits at its end, into a register `c`."""

    version: int
    include: bool
    qubits: int
    definitions: Sequence[Definition]
    calls: Sequence[Call]

    def __str__(self) -> str:
        file = "qelib1.inc" if self.version == 2 else "stdgates.inc"
        lines = [f"OPENQASM {self.version}.0;"] + [f'include "{file}";'] * self.include
        for definition in self.definitions:
            formal = f"({', '.join(definition.parameters)})" if definition.parameters else ""
            operands = [f"a{number}" for number in range(definition.qubits)]
            body = " ".join(_written(call, operands) for call in definition.body)
            lines.append(f"gate {definition.name}{formal} {', '.join(operands)} {{ {body} }}")
        old = self.version == 2
        lines.append(f"qreg q[{self.qubits}];" if old else f"qubit[{self.qubits}] q;")
        lines.append(f"creg c[{self.qubits}];" if old else f"bit[{self.qubits}] c;")
        lines += [_written(call, [f"q[{number}]" for number in range(self.qubits)]) for call in self.calls]
        lines.append("measure q -> c;" if old else "c = measure q;")
        return "\n".join(lines)

    def probabilities(self) -> dict[str, float]:
        """The exact distribution of `c`, bit 0 on the right."""
        definitions = {definition.name: definition for definition in self.definitions}
        state = np.zeros((2**self.qubits, 1), dtype=complex)
        state[0] = 1
        for call in self.calls:
            state = _applied(_matrix(call, {}, definitions), call.qubits, state)
        parts = np.abs(state[:, 0]) ** 2
        return {f"{place:0{self.qubits}b}": float(part) for place, part in enumerate(parts) if part > 1e-9}


def _written(call: Call, operands: Sequence[str]) -> str:
    modifiers = "".join(f"{kind}({number}) @ " if number else f"{kind} @ " for kind, number in call.modifiers)
    angles = f"({', '.join(map(str, call.angles))})" if call.angles else ""
    return f"{modifiers}{call.gate}{angles} {', '.join(operands[qubit] for qubit in call.qubits)};"


def _u(theta: float, phi: float, lam: float) -> Matrix:
    # The phase matters under a control. It is that of OpenQASM 2 and of all of Qiskit.
    cos, sin = math.cos(theta / 2), math.sin(theta / 2)
    e = cmath.exp
    return np.array([[cos, -e(1j * lam) * sin], [e(1j * phi) * sin, e(1j * (phi + lam)) * cos]])


def _rz(angle: float) -> Matrix:
    return _diagonal(cmath.exp(-0.5j * angle), cmath.exp(0.5j * angle))


def _diagonal(*values: complex) -> Matrix:
    return np.diag(np.array(values, dtype=complex))


def _controlled(matrix: Matrix, on: int = 1) -> Matrix:
    """Return the matrix with one more qubit in front, which is the lowest bit of the index."""
    controlled = np.eye(2 * len(matrix), dtype=complex)
    controlled[on::2, on::2] = matrix
    return controlled


X: Matrix = np.array([[0, 1], [1, 0]], dtype=complex)
H: Matrix = np.array([[1, 1], [1, -1]], dtype=complex) * complex(math.sqrt(0.5))
#: Gates of the languages and their files: parameters, qubits, matrix.
STANDARD: dict[str, tuple[int, int, Callable[..., Matrix]]] = {
    "U": (3, 1, _u),
    "CX": (0, 2, lambda: _controlled(X)),
    "x": (0, 1, lambda: X),
    "h": (0, 1, lambda: H),
    "s": (0, 1, lambda: _diagonal(1, 1j)),
    "tdg": (0, 1, lambda: _diagonal(1, cmath.exp(-0.25j * math.pi))),
    "rx": (1, 1, lambda angle: _u(angle, -math.pi / 2, math.pi / 2)),
    "ry": (1, 1, lambda angle: _u(angle, 0, 0)),
    "rz": (1, 1, _rz),
    "cx": (0, 2, lambda: _controlled(X)),
    "cz": (0, 2, lambda: _diagonal(1, 1, 1, -1)),
    "ccx": (0, 3, lambda: _controlled(_controlled(X))),
}
#: Those that only exchange basis states.
REVERSIBLE = ("x", "cx", "ccx", "CX")


def _applied(matrix: Matrix, qubits: Sequence[int], states: Matrix) -> Matrix:
    """Apply a matrix to some qubits of states, which are columns."""
    applied = np.zeros_like(states)
    mask = sum(1 << qubit for qubit in qubits)
    for place in range(len(states)):
        column = sum((place >> qubit & 1) << at for at, qubit in enumerate(qubits))
        for row in range(len(matrix)):
            to = place & ~mask | sum((row >> at & 1) << qubit for at, qubit in enumerate(qubits))
            applied[to] += matrix[row, column] * states[place]
    return applied


def _matrix(call: Call, values: Mapping[str, float], definitions: Mapping[str, Definition]) -> Matrix:
    angles = [angle.value(values) for angle in call.angles]
    if call.gate in definitions:
        gate = definitions[call.gate]
        inner = dict(zip(gate.parameters, angles, strict=True))
        matrix: Matrix = np.eye(2**gate.qubits, dtype=complex)
        for step in gate.body:
            matrix = _applied(_matrix(step, inner, definitions), step.qubits, matrix)
    else:
        matrix = np.asarray(STANDARD[call.gate][2](*angles), dtype=complex)
    for kind, number in reversed(call.modifiers):
        if kind == "inv":
            matrix = matrix.conj().T
        elif kind == "pow":
            matrix = np.linalg.matrix_power(matrix, number)
        else:
            for _ in range(number or 1):
                matrix = _controlled(matrix, on=1 if kind == "ctrl" else 0)
    return matrix


def generated(
    wanted: Sequence[str],
    version: int,
    include: bool,
    seed: Any,
    reversible: bool = False,
    modifiers: bool = True,
) -> Program:
    """Return a program that defines gates of these names, each by the ones before, and uses all.

    Args:
        wanted: the names, all different.
        version: the version of OpenQASM.
        include: whether the file of standard gates is included.
        seed: the seed of all choices.
        reversible: whether the gates only exchange basis states.
        modifiers: whether calls may have modifiers, in version 3.
    """
    return _Generator(version, include, random.Random(seed), reversible, modifiers).program(wanted)


class _Generator:
    def __init__(
        self, version: int, include: bool, chance: random.Random, reversible: bool, modifiers: bool
    ) -> None:
        self._version, self._include, self._chance = version, include, chance
        self._reversible, self._modifiers = reversible, modifiers and version == 3
        builtin = {2: {"U", "CX"}, 3: {"U"}}[version]
        known = builtin | INCLUDED[version] if include else builtin
        self._gates = {
            name: (count, qubits)
            for name, (count, qubits, _) in STANDARD.items()
            if name in known and (not reversible or name in (*REVERSIBLE, "U"))
        }

    def program(self, wanted: Sequence[str]) -> Program:
        definitions = [self._definition(name) for name in wanted]
        width = max(3, *(definition.qubits for definition in definitions)) + 1
        start = []
        if not self._reversible:
            start = [Call("U", [self._angle([]) for _ in range(3)], [qubit]) for qubit in range(width)]
        calls = [self._call(name, width, []) for name in wanted for _ in range(self._chance.randint(1, 2))]
        others = [self._call(self._chance.choice(list(self._gates)), width, []) for _ in range(2)]
        return Program(self._version, self._include, width, definitions, [*start, *calls, *others])

    def _definition(self, name: str) -> Definition:
        chance = self._chance
        # Neither their order nor their names are those of a library's gate.
        parameters = chance.sample(["theta", "b", "alpha", "lam"], chance.randint(0, 3))
        qubits = chance.randint(1, 3)
        usable = [gate for gate, (_, width) in self._gates.items() if width <= qubits]
        defined = [gate for gate in usable if gate not in STANDARD]
        body = [self._call(chance.choice(usable), qubits, parameters) for _ in range(chance.randint(1, 3))]
        body += [self._call(gate, qubits, parameters) for gate in defined[-1:]]
        self._gates[name] = len(parameters), qubits
        return Definition(name, parameters, qubits, body)

    def _call(self, name: str, width: int, parameters: Sequence[str]) -> Call:
        chance = self._chance
        count, qubits = self._gates[name]
        modifiers: list[tuple[str, int]] = []
        if self._modifiers and chance.random() < 0.5:
            kinds = [("inv", 0), ("pow", chance.choice((-1, 2, 3)))]
            if qubits < width:
                kinds[:1] = [(chance.choice(("ctrl", "negctrl")), 0)] * chance.randint(0, 1) + kinds[:1]
            modifiers = chance.sample(kinds, chance.randint(1, 2))
            qubits += any("ctrl" in kind for kind, _ in modifiers)
            if qubits > 3:
                # The power of such a large gate is rejected.
                modifiers = [modifier for modifier in modifiers if modifier[0] != "pow"]
        if name == "U" and self._reversible:
            # A flip, with no phase.
            angles = [Angle(number, {}) for number in (math.pi, 0.0, math.pi)]
        else:
            angles = [self._angle(parameters) for _ in range(count)]
        return Call(name, angles, chance.sample(range(width), qubits), modifiers)

    def _angle(self, parameters: Sequence[str]) -> Angle:
        chance = self._chance
        some = chance.sample(list(parameters), chance.randint(0, len(parameters)))
        return Angle(round(chance.uniform(0.1, 3.0), 3), {name: chance.choice((1, 2)) for name in some})
