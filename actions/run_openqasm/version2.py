"""OpenQASM 2, parsed by Qiskit, which identifies gates by their names.

A program may define a gate under a name that Qiskit knows. Qiskit's parser then uses its own gate, rejects
the definition, or fails; so the program's own gates are given other names before it sees them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from qiskit import QuantumCircuit, qasm2
from qiskit.circuit import Gate

from actions.run_openqasm.bounds import MAX_SIZE, program_error
from actions.run_openqasm.words import INCLUDES, Word, words
from core.openqasm import OwnNames

_PLACE = re.compile(r"^<input>:(\d+),(\d+): ")
_NAME = re.compile(r"\w+", re.ASCII)

#: The gates of qelib1.inc, which a program that includes it cannot define again. The parser knows more gates
#: than that, so that programs find them which were written for later versions of the file.
STANDARD = frozenset(
    gate.name for gate in qasm2.LEGACY_CUSTOM_INSTRUCTIONS if not gate.builtin and gate.name != "delay"
)

#: Words of the language, which cannot name a gate. The parser rejects such a definition.
KEYWORDS = frozenset(
    [
        "OPENQASM",
        "include",
        "qreg",
        "creg",
        "gate",
        "opaque",
        "if",
        "measure",
        "reset",
        "barrier",
        "pi",
        "sin",
        "cos",
        "tan",
        "exp",
        "ln",
        "sqrt",
    ]
)


def load(program: str) -> QuantumCircuit:
    """Convert a program, whose words were checked before, to a circuit.

    Raises:
        InputError: with the line and the column.
    """
    own = _Own(program)
    try:
        return _loads(own.program)
    except qasm2.QASM2ParseError as error:
        message = error.message
        place = _PLACE.match(message)
        text = own.original(_PLACE.sub("", message).rstrip("."))
        if place is None:
            raise program_error(text) from None
        line = int(place[1])
        raise program_error(text, line, own.column(line, int(place[2]) + 1)) from None
    except Exception as error:
        # Qiskit's parser accepts a gate without its angles, and creating Qiskit's gate then fails.
        why = own.original(str(error)[:200])
        raise program_error(f"this cannot be made a circuit ({why})", _line_of(own.program)) from None


class _Own:
    """A program whose gates have names that Qiskit does not know.

    A name is replaced everywhere. No other word of the program equals the new one, so that it refers to the
    same as before.

    Args:
        program: the program.
    """

    def __init__(self, program: str) -> None:
        result = list(words(program))
        defined = dict.fromkeys(
            following.text
            for word, following in pairwise(result)
            if word.kind == following.kind == "name"
            and word.text in ("gate", "opaque")
            and following.text not in KEYWORDS
        )
        if any(word.text.strip("\"'") == INCLUDES[2] for word in result):
            # The parser rejects a gate that the file already defines.
            defined = {name: None for name in defined if name not in STANDARD}
        names = OwnNames(word.text for word in result)
        self._new = {name: names.add(name) for name in defined}
        self._old = {new: old for old, new in self._new.items()}
        #: The replaced words of each line, from left to right.
        self._replaced: dict[int, list[Word]] = {}
        lines = program.split("\n")
        for word in reversed(result):
            if word.kind == "name" and word.text in self._new:
                start, line = word.column - 1, lines[word.line - 1]
                lines[word.line - 1] = line[:start] + self._new[word.text] + line[start + len(word.text) :]
                self._replaced.setdefault(word.line, []).insert(0, word)
        self.program = "\n".join(lines)

    def original(self, message: str) -> str:
        """Return a message with the program's names."""
        return _NAME.sub(lambda match: self._old.get(match[0], match[0]), message)

    def column(self, line: int, column: int) -> int:
        """Return the column in the original program for one in the renamed program; both count from 1."""
        for word in self._replaced.get(line, []):
            longer = len(self._new[word.text]) - len(word.text)
            if column > word.column:
                column = max(word.column, column - longer)
        return column


def _idle(cycles: float) -> Gate:
    """The gate u0, which idles for some cycles; it becomes that many gates."""
    if not 0 <= cycles <= MAX_SIZE or cycles != int(cycles):
        raise qasm2.QASM2ParseError(f"u0 takes a whole number of cycles, 0 to {MAX_SIZE}")
    gate = Gate("u0", 1, [int(cycles)])
    gate.definition = QuantumCircuit(1)
    for _ in range(int(cycles)):
        gate.definition.id(0)
    return gate


_OTHERS: dict[str, Callable[..., Gate]] = {"u0": _idle}
_GATES = [
    replace(gate, constructor=_OTHERS.get(gate.name, gate.constructor))
    for gate in qasm2.LEGACY_CUSTOM_INSTRUCTIONS
]


def _loads(program: str) -> QuantumCircuit:
    return qasm2.loads(
        program,
        include_path=(),
        custom_instructions=_GATES,
        custom_classical=qasm2.LEGACY_CUSTOM_CLASSICAL,
    )


def _line_of(program: str) -> int:
    """The first line at which the program fails for another reason than its syntax."""
    lines = program.split("\n")
    low, high = 0, len(lines)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            _loads("\n".join(lines[:middle]))
        except qasm2.QASM2ParseError:
            low = middle
        except Exception:
            high = middle
        else:
            low = middle
    return high
