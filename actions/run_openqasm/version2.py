"""OpenQASM 2, parsed by Qiskit, which identifies gates by their names.

A program may define a gate under a name that Qiskit knows. Qiskit's parser then gives its own gate, refuses
the definition, or fails; so the program's own gates are given other names before it sees them, as are
registers under the names of gates.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from qiskit import QuantumCircuit, qasm2
from qiskit.circuit import Gate

from actions.run_openqasm import extent
from actions.run_openqasm.bounds import MAX_SIZE, program_error
from actions.run_openqasm.words import INCLUDE
from core.openqasm.known_gates import OTHERS, STANDARD
from core.openqasm.names import OwnNames
from core.openqasm.output import Register, is_safe
from core.openqasm.tokens import Token

_PLACE = re.compile(r"^<input>:(\d+),(\d+): ")
_NAME = re.compile(r"\w+")

#: The gates of qelib1.inc, which a program that includes it cannot define again. The parser knows more gates
#: than that, so that programs find them which were written for later versions of the file.
INCLUDED = frozenset(
    gate.name for gate in qasm2.LEGACY_CUSTOM_INSTRUCTIONS if not gate.builtin and gate.name != "delay"
)
#: Words of the language, which name no gate. The parser refuses such a definition.
KEYWORDS = frozenset(
    {"OPENQASM", "include", "qreg", "creg", "gate", "opaque", "if", "measure", "reset", "barrier"}
    | {"pi", "sin", "cos", "tan", "exp", "ln", "sqrt"}
)


class Loaded(NamedTuple):
    """A program as a circuit.

    Attributes:
        circuit: the circuit.
        registers: its classical registers.
        notes: remarks on what was assumed.
    """

    circuit: QuantumCircuit
    registers: list[Register]
    notes: list[str]


def load(program: str, found: Sequence[Token]) -> Loaded:
    """Return the program as a circuit.

    Args:
        program: the text.
        found: its tokens, which have been checked already.

    Raises:
        InputError: with the line and the column.
    """
    own = _Renamed(program, found)
    try:
        circuit = own.parse(own.program)
    except qasm2.QASM2ParseError as error:
        message = error.message
        place = _PLACE.match(message)
        text = own.original(_PLACE.sub("", message).rstrip("."))
        if place is None:
            # The gate u0 is the only one whose angle decides whether it can be made.
            raise program_error(text, *own.place("u0")) from None
        line = int(place[1])
        raise program_error(text, line, own.column(line, int(place[2]) + 1)) from None
    except Exception as error:
        # Qiskit's parser accepts a gate without its angles, and creating Qiskit's gate then fails.
        why = own.original(str(error)[:200])
        raise program_error(f"this cannot be made a circuit ({why})", *own.start(_line_of(own))) from None
    extent.check(circuit, own.place)
    registers = [
        Register(register.name, own.original(register.name), register.size) for register in circuit.cregs
    ]
    return Loaded(circuit, registers, own.notes)


class _Renamed:
    """A program with its own gates and registers under names that Qiskit does not know.

    Args:
        program: the program.
        found: its tokens.
    """

    def __init__(self, program: str, found: Sequence[Token]) -> None:
        calls = _calls(found)
        self._tokens = found
        self._first: dict[str, tuple[int, int]] = {}
        for place in sorted(calls, reverse=True):
            self._first[found[place].text] = found[place].line, found[place].column
        defined, registers = _declared(found)
        included = any(token.text.strip("\"'") == INCLUDE for token in found)
        used = dict.fromkeys(found[place].text for place in sorted(calls))
        missing = [name for name in used if name not in defined and name not in KEYWORDS]
        if included:
            missing = [name for name in missing if name not in INCLUDED]
        assumed = [name for name in missing if name in INCLUDED or name in STANDARD or name in OTHERS]
        self.notes = _notes(assumed)
        self._instructions = _instructions(assumed, included)
        if included:
            # What the file defines already is left for the parser to refuse.
            defined = {name: None for name in defined if name not in INCLUDED}
        known = {gate.name for gate in self._instructions if gate.builtin or included}
        names = OwnNames(token.text for token in found)
        self._gates = {name: names.add(name) for name in defined}
        self._registers: dict[str, str] = {}
        for name in registers:
            plain = re.fullmatch(r"[a-z]\w*", name, re.ASCII) and is_safe(name)
            if not plain or name in known | defined.keys():
                self._registers[name] = names.add(name)
        self._old = {new: old for table in (self._gates, self._registers) for old, new in table.items()}
        #: The replaced tokens of each line, from left to right, and by how much they became longer.
        self._replaced: dict[int, list[tuple[Token, int]]] = {}
        lines = program.split("\n")
        for place in range(len(found) - 1, -1, -1):
            token = found[place]
            if token.kind != "name":
                continue
            is_gate = place in calls or found[place - 1].text in ("gate", "opaque")
            new = (self._gates if is_gate else self._registers).get(token.text)
            if new is None and not is_gate and token.text in self._gates and token.text not in registers:
                # A name of operands, or a wrong use of the gate's name.
                new = self._gates[token.text]
            if new is not None:
                start, line = token.column - 1, lines[token.line - 1]
                lines[token.line - 1] = line[:start] + new + line[start + len(token.text) :]
                self._replaced.setdefault(token.line, []).insert(0, (token, len(new) - len(token.text)))
        self.program = "\n".join(lines)

    def parse(self, program: str) -> QuantumCircuit:
        """Return the circuit of a program with these names."""
        return qasm2.loads(
            program,
            include_path=(),
            custom_instructions=[
                replace(gate, constructor=_Idle()) if gate.name == "u0" else gate
                for gate in self._instructions
            ],
            custom_classical=qasm2.LEGACY_CUSTOM_CLASSICAL,
        )

    def original(self, message: str) -> str:
        """Return a message with the names that the program has."""
        return _NAME.sub(lambda match: self._old.get(match[0], match[0]), message)

    def place(self, name: str) -> tuple[int, int]:
        """Return the line and the column where a gate is applied first.

        Args:
            name: its name in the circuit.
        """
        return self._first.get(self._old.get(name, name), (1, 1))

    def start(self, line: int) -> tuple[int, int]:
        """Return the line and the column of the first token in or after a line."""
        token = next((token for token in self._tokens if token.line >= line), self._tokens[-1])
        return token.line, token.column

    def column(self, line: int, column: int) -> int:
        """Return where a column of the program with other names is in the program itself, from 1."""
        for token, longer in self._replaced.get(line, []):
            if column > token.column:
                column = max(token.column, column - longer)
        return column


def _calls(found: Sequence[Token]) -> set[int]:
    """Return the places of the tokens that name the gate of a statement."""
    places = set()
    for place, token in enumerate(found):
        if token.kind != "name" or token.text in KEYWORDS:
            continue
        before = found[place - 1].text if place else ";"
        conditional = before == ")" and place >= 6 and found[place - 6].text == "if"
        if before in (";", "{", "}") or conditional:
            places.add(place)
    return places


def _declared(found: Sequence[Token]) -> tuple[dict[str, None], dict[str, None]]:
    """Return the names of the gates and of the registers that a program declares."""
    gates: dict[str, None] = {}
    registers: dict[str, None] = {}
    for place, token in enumerate(found[:-1]):
        following = found[place + 1]
        if token.kind == following.kind == "name" and following.text not in KEYWORDS:
            if token.text in ("gate", "opaque"):
                gates[following.text] = None
            elif token.text in ("qreg", "creg"):
                registers[following.text] = None
    return gates, registers


def _notes(assumed: Sequence[str]) -> list[str]:
    notes = []
    if any(name in INCLUDED for name in assumed):
        notes.append("the program uses gates of qelib1.inc, which it does not include")
    others = [name for name in assumed if name not in INCLUDED]
    if others:
        listed = ", ".join(map(repr, others[:5])) + (" and others" if len(others) > 5 else "")
        notes.append(f"{listed} are not defined by the program; their usual definitions are used")
    return notes


class _Idle:
    """Makes the gates u0 of a program, each of which does nothing for some cycles: as many gates."""

    def __init__(self) -> None:
        self._left = MAX_SIZE

    def __call__(self, cycles: float) -> Gate:
        """Return the gate for some cycles."""
        if not 0 <= cycles <= MAX_SIZE or cycles != int(cycles):
            raise qasm2.QASM2ParseError(f"u0 takes a whole number of cycles, 0 to {MAX_SIZE}")
        self._left -= int(cycles)
        if self._left < 0:
            raise qasm2.QASM2ParseError(f"the cycles of u0 come to over {MAX_SIZE} gates; use fewer")
        gate = Gate("u0", 1, [int(cycles)])
        gate.definition = QuantumCircuit(1)
        for _ in range(int(cycles)):
            gate.definition.id(0)
        return gate


def _instructions(assumed: Sequence[str], included: bool) -> list[Any]:
    """Return the gates that the parser knows: those of the file if it is included, and the assumed ones."""
    found = [
        replace(
            gate,
            builtin=gate.builtin or (gate.name in assumed and not included),
        )
        for gate in qasm2.LEGACY_CUSTOM_INSTRUCTIONS
    ]
    names = {gate.name for gate in found}
    for name in assumed:
        if name not in names:
            gate = STANDARD.get(name) or OTHERS[name]
            found.append(qasm2.CustomInstruction(name, gate.angles, gate.qubits, gate.make, builtin=True))
    return found


def _line_of(own: _Renamed) -> int:
    """Return the first line with which the program fails otherwise than by its syntax."""
    lines = own.program.split("\n")
    low, high = 0, len(lines)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            own.parse("\n".join(lines[:middle]))
        except qasm2.QASM2ParseError:
            low = middle
        except Exception:
            high = middle
        else:
            low = middle
    return high
