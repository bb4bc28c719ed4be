"""Reads Qiskit's text drawing of a circuit: what is on each wire, from left to right."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from qiskit import QuantumCircuit

#: A gate: its label, and its part on each of its wires.
Gate = tuple[object, ...]
#: A mark on a wire: a box, a control, one end of a swap, a reset, a barrier.
_MARK = re.compile(r"┤(?P<box>[^├┤]*)├|(?P<dot>[■oX])|(?P<reset>\|0>)|(?P<barrier>░)")


@dataclass(eq=False)
class _Mark:
    wire: int
    start: int
    end: int
    text: str
    kind: str
    joined: list[_Mark] = field(default_factory=list)


def marks_of_text(circuit: QuantumCircuit) -> list[list[Gate]]:
    """For each wire, what Qiskit draws on it from left to right: every gate with all its wires."""
    drawing = circuit.draw("text", fold=-1, vertical_compression="low", initial_state=False)
    lines = str(drawing).split("\n")
    wide = max(map(len, lines))
    lines = [line.ljust(wide) for line in lines]
    middles = [at for at, line in enumerate(lines) if re.match(r"\s*q(_\d+)?: ", line)]
    wires = [_marks(lines[at], wire) for wire, at in enumerate(middles)]
    for wire, marks in enumerate(wires):
        for mark in marks:
            below = _below(mark, lines, middles, wires, wire)
            if below is not None:
                mark.joined.append(below)
                below.joined.append(mark)
    return [[_gate(mark, lines, middles) for mark in marks if not _passes(mark)] for marks in wires]


def _marks(line: str, wire: int) -> list[_Mark]:
    begin = line.index(":") + 1
    marks = []
    for match in _MARK.finditer(line, begin):
        kind = str(match.lastgroup)
        marks.append(_Mark(wire, match.start(), match.end() - 1, match[kind], kind))
    return marks


def _passes(mark: _Mark) -> bool:
    """True where a box of several qubits lies over a wire that is not its own."""
    return mark.kind == "box" and _tall(mark) and not mark.text[:1].isdigit()


def _tall(mark: _Mark) -> bool:
    """True for a box over several wires."""
    return any(one.kind == "box" and one.start == mark.start for one in mark.joined)


def _below(
    mark: _Mark, lines: list[str], middles: list[int], wires: list[list[_Mark]], wire: int
) -> _Mark | None:
    """The next mark below that a line, or a box's sides, joins to this one."""
    if mark.kind in ("reset", "barrier") or wire + 1 == len(wires):
        return None
    at = middles[wire] + 1
    if mark.kind == "box":
        # A wide box's label may be on a line of its own below this wire.
        if lines[at][mark.start] == "│":
            return next(one for one in wires[wire + 1] if one.start == mark.start)
        edge = lines[at][mark.start : mark.end + 1]
        if "┬" not in edge:
            return None
        column = mark.start + edge.index("┬")
    else:
        column = mark.start
        if lines[at][column] not in "│┴":
            return None
    for lower in range(wire + 1, len(wires)):
        for one in wires[lower]:
            if one.start <= column <= one.end and one.kind != "barrier":
                return one
        if lines[middles[lower]][column] != "┼":
            return None
    return None


def _gate(mark: _Mark, lines: list[str], middles: list[int]) -> Gate:
    if mark.kind == "barrier":
        return ("barrier",)
    group, todo = [mark], [mark]
    while todo:
        for one in todo.pop().joined:
            if one not in group:
                group.append(one)
                todo.append(one)
    parts: list[tuple[int, str]] = []
    label = ""
    for one in group:
        if one.kind == "reset":
            parts.append((one.wire, "box"))
            label = "|0⟩"
        elif one.kind == "dot":
            parts.append((one.wire, {"■": "on", "o": "off", "X": "swap"}[one.text]))
        elif _tall(one):
            if one.text[:1].isdigit():
                parts.append((one.wire, one.text[:1]))
        elif one.text.strip() == "X" and len(group) > 1:
            parts.append((one.wire, "x"))
        elif one.text.strip() == "M":
            parts.append((one.wire, "m"))
        else:
            parts.append((one.wire, "box"))
            label = one.text
    boxes = [one for one in group if one.kind == "box"]
    if any(_tall(one) for one in boxes):
        label = _tall_label(boxes, lines, middles)
    elif not boxes and all(one.kind == "dot" for one in group):
        label = _beside(group, lines, middles)
    return (_plain(label), tuple(sorted(parts)))


def _tall_label(boxes: list[_Mark], lines: list[str], middles: list[int]) -> str:
    """The label inside a box over several wires: on one of its wires, or between two."""
    top, bottom = (choose(middles[one.wire] for one in boxes) for choose in (min, max))
    start, end = boxes[0].start, boxes[0].end
    rows = [lines[at][start + 2 : end] for at in range(top, bottom + 1)]
    return next((row for row in rows if row.strip()), "")


def _beside(group: list[_Mark], lines: list[str], middles: list[int]) -> str:
    """The label at the right of the line that joins dots."""
    column = group[0].start
    top, bottom = (choose(middles[one.wire] for one in group) for choose in (min, max))
    for at in range(top + 1, bottom):
        match = re.match(r"[A-Za-z]\w*(\([^)]*\))?", lines[at][column + 1 :])
        if match:
            return match[0]
    return ""


def _plain(label: str) -> str:
    text = label.lower().replace("√x", "sx")
    return re.sub(r"[\s(),]+", " ", text).strip()
