"""The pictures of circuits: compared with Qiskit's own text drawer, gate by gate and wire by wire."""

from __future__ import annotations

import random
import re
from typing import Any

from playwright.sync_api import Page, expect
from qiskit import QuantumCircuit, qasm3
from qiskit.circuit import library

from tests.page.text_drawing import marks_of_text
from tests.page.visit import Visit

CIRCUITS = 200
#: Milliseconds of the page's clock after which the picture follows the text.
REDRAWN = 1_000
#: Gates by number of qubits: what makes one, and how many angles it takes.
_GATES: dict[int, list[tuple[type[Any], int]]] = {
    1: [
        (library.HGate, 0),
        (library.XGate, 0),
        (library.YGate, 0),
        (library.ZGate, 0),
        (library.SGate, 0),
        (library.SdgGate, 0),
        (library.TdgGate, 0),
        (library.SXGate, 0),
        (library.RXGate, 1),
        (library.RZGate, 1),
        (library.PhaseGate, 1),
        (library.UGate, 3),
    ],
    2: [
        (library.CXGate, 0),
        (library.CYGate, 0),
        (library.CZGate, 0),
        (library.CHGate, 0),
        (library.CSGate, 0),
        (library.CPhaseGate, 1),
        (library.CRZGate, 1),
        (library.SwapGate, 0),
        (library.iSwapGate, 0),
        (library.ECRGate, 0),
        (library.DCXGate, 0),
        (library.RZZGate, 1),
        (library.RXXGate, 1),
        (library.RZXGate, 1),
    ],
    3: [
        (library.CCXGate, 0),
        (library.CCZGate, 0),
        (library.CSwapGate, 0),
        (library.RCCXGate, 0),
    ],
    4: [(library.C3XGate, 0)],
}

#: What is drawn, by the position of its shapes alone: no attribute says what it stands for.
_READ = """svg => {
  const wires = [...svg.querySelectorAll('.circuit__wire')].map(it => it.y1.baseVal.value);
  const wire = y => wires.findIndex(it => Math.abs(it - y) < 12);
  const number = (it, name) => Number(it.getAttribute(name));
  return [...svg.querySelectorAll('.circuit__gate, .circuit__barrier')].map(group => {
    const all = selector => [...group.querySelectorAll(selector)];
    const between = (top, bottom) => wires.map((y, at) => [y, at])
      .filter(([y]) => y > top && y < bottom).map(([, at]) => at);
    const over = box => between(number(box, 'y'), number(box, 'y') + number(box, 'height'));
    const cross = it => wire(Number(/M\\S+ (\\S+?)l/.exec(it.getAttribute('d'))[1]) + 7);
    return {
      barrier: group.matches('.circuit__barrier')
        ? all('line').flatMap(it => between(number(it, 'y1'), number(it, 'y2')))
        : null,
      dots: all('.circuit__dot').map(it => [wire(number(it, 'cy')), !it.matches('.circuit__dot--off')]),
      plus: all('.circuit__plus').map(it => wire(number(it, 'cy'))),
      crosses: all('path.circuit__link').map(cross),
      meter: all('.circuit__meter').length > 0,
      boxes: all('.circuit__box').map(over),
      label: all('.circuit__label').map(it => it.textContent),
      small: all('.circuit__small:not(.circuit__leg)').map(it => it.textContent),
      legs: all('.circuit__leg').map(it => [wire(number(it, 'y') - 4), Number(it.textContent)]),
      x: group.getBBox().x + group.getBBox().width / 2,
    };
  });
}"""


def _random_circuit(seed: int) -> QuantumCircuit:
    """A circuit whose gates lie on any qubits, in any order, with all the ways of drawing a gate."""
    chance = random.Random(seed)
    size = chance.randint(2, 7)
    circuit = QuantumCircuit(size, size)
    for _ in range(chance.randint(3, 16)):
        kind = chance.random()
        if kind < 0.05:
            circuit.barrier(chance.sample(range(size), chance.randint(1, size)))
        elif kind < 0.09:
            circuit.reset(chance.randrange(size))
        elif kind < 0.14:
            qubit = chance.randrange(size)
            circuit.measure(qubit, qubit)
        else:
            width = min(chance.choice([1, 1, 2, 2, 2, 3, 4]), size)
            gate, angles = chance.choice(_GATES[width])
            options = {}
            if gate in (library.CXGate, library.CCXGate) and chance.random() < 0.4:
                options = {"ctrl_state": chance.randrange(2 ** (width - 1))}
            values = [round(chance.uniform(0.1, 3.0), 1) for _ in range(angles)]
            circuit.append(gate(*values, **options), chance.sample(range(size), width))
    return circuit


def _label(label: str, small: str) -> str:
    """A gate's label as the text drawer writes it, in small letters and without brackets."""
    text = f"{label} {small}".lower().replace("†", "dg").replace("√x", "sx")
    return re.sub(r"[\s(),]+", " ", text).strip()


def _marks_of_page(groups: list[dict[str, Any]], wires: int) -> list[list[tuple[Any, ...]]]:
    """For each wire, what is drawn on it from left to right: every gate with all its wires."""
    lines: list[list[tuple[float, tuple[Any, ...]]]] = [[] for _ in range(wires)]
    for group in groups:
        if group["barrier"] is not None:
            for wire in group["barrier"]:
                lines[wire].append((group["x"], ("barrier",)))
            continue
        label = _label("".join(group["label"][:1]), "".join(group["small"][:1]))
        parts: list[tuple[int, str]] = [(wire, "on" if on else "off") for wire, on in group["dots"]]
        parts += [(wire, "x") for wire in group["plus"]]
        parts += [(wire, "swap") for wire in group["crosses"]]
        covered = sorted(wire for box in group["boxes"] for wire in box)
        if group["meter"]:
            parts += [(wire, "m") for wire in covered]
            label = ""
        elif group["legs"]:
            parts += [(wire, str(number)) for wire, number in group["legs"]]
            assert covered == sorted(wire for wire, _ in group["legs"]), "a box lies over a wire not its own"
        else:
            parts += [(wire, "box") for wire in covered]
        gate = (label, tuple(sorted(parts)))
        for wire, _ in parts:
            lines[wire].append((group["x"], gate))
    return [[gate for _, gate in sorted(line, key=lambda one: one[0])] for line in lines]


def _compare(page: Page, circuit: QuantumCircuit) -> None:
    page.get_by_test_id("field-program").fill(qasm3.dumps(circuit))
    page.clock.run_for(REDRAWN)
    written = len([one for one in circuit.data if one.operation.name != "barrier"])
    expect(page.get_by_test_id("as-written")).to_have_text(
        re.compile(rf"{circuit.num_qubits} qubits, {written} operations")
    )
    expected = marks_of_text(circuit)
    drawn = _marks_of_page(page.locator(".circuit__picture").evaluate(_READ), circuit.num_qubits)
    for wire, (ours, theirs) in enumerate(zip(drawn, expected, strict=True)):
        assert ours == theirs, f"wire {wire} of\n{circuit.draw('text', fold=-1)}"


def test_random_circuits_are_drawn_as_qiskit_draws_them(visit: Visit) -> None:
    visit.own_clock()
    visit.go("#/run/run_openqasm")
    expect(visit.page.get_by_test_id("circuit")).to_be_visible()
    for seed in range(CIRCUITS):
        _compare(visit.page, _random_circuit(seed))
