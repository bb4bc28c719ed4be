"""Writes a corpus of OpenQASM files, each with the distribution that its own tool gives for it.

Runs in a virtual environment of its own with mqt.bench, amazon-braket-sdk, pennylane, pyqasm, cirq-core and
qiskit; the rest of the project needs none of them.

    python benchmarks/openqasm/generate.py FOLDER [--seed 1] [--count 40]
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

#: Name, text, and the probability of each outcome, the first qubit on the right.
Entry = tuple[str, str, dict[str, float]]

#: Qubits of the circuits of mqt.bench, and of random ones at most.
SIZES = range(3, 8)
MAX_QUBITS = 5


def from_vector(state: Any, reverse: bool) -> dict[str, float]:
    """Return the distribution of a state vector; `reverse` if the first qubit is the highest bit."""
    bits = int(math.log2(len(state)))
    found = {}
    for place, amplitude in enumerate(state):
        text = f"{place:0{bits}b}"
        if abs(amplitude) ** 2 > 1e-9:
            found[text[::-1] if reverse else text] = float(abs(amplitude) ** 2)
    return found


def of_qiskit(circuit: Any) -> dict[str, float]:
    """Return the distribution of a circuit that measures at its end, its first register's bits."""
    from qiskit.quantum_info import Statevector

    bare = circuit.copy_empty_like()
    source = {}
    for item in circuit.data:
        if item.operation.name == "measure":
            source[circuit.find_bit(item.clbits[0]).index] = circuit.find_bit(item.qubits[0]).index
        elif item.operation.name != "barrier":
            bare.append(item)
    bare.remove_final_measurements()
    qubits = [source[bit] for bit in sorted(source)] or list(range(circuit.num_qubits))
    parts = Statevector(bare).probabilities_dict(qubits)
    return {bits: float(part) for bits, part in parts.items() if part > 1e-9}


def mqt() -> Iterator[Entry]:
    """All algorithms of mqt.bench, in both dialects."""
    from mqt.bench import BenchmarkLevel, get_benchmark
    from mqt.bench.benchmarks import get_available_benchmark_names
    from qiskit import qasm2, qasm3

    for name in get_available_benchmark_names():
        for size in SIZES:
            for level in (BenchmarkLevel.ALG, BenchmarkLevel.INDEP):
                try:
                    circuit = get_benchmark(name, level, size)
                    if circuit.num_qubits > 10:
                        continue
                    parts = of_qiskit(circuit)
                except Exception:
                    # No such size of this algorithm, or a circuit that is more than a state at its end.
                    continue
                for version, dumps in ((2, qasm2.dumps), (3, qasm3.dumps)):
                    try:
                        text = dumps(circuit)
                    except Exception:
                        continue
                    yield f"mqt-{name}-{size}-{level.name.lower()}-{version}", text, parts


def qiskit(chance: random.Random, count: int) -> Iterator[Entry]:
    """Random circuits of Qiskit, in both dialects, some transpiled."""
    from qiskit import qasm2, qasm3, transpile
    from qiskit.circuit.random import random_circuit

    for number in range(count):
        width = chance.randint(2, MAX_QUBITS)
        circuit = random_circuit(
            width, chance.randint(2, 8), max_operands=3, measure=True, seed=chance.randrange(10**6)
        )
        parts = of_qiskit(circuit)
        if number % 3 == 0:
            circuit = transpile(
                circuit, basis_gates=["rz", "sx", "x", "cz", "rzz"], initial_layout=range(width)
            )
        yield f"qiskit-{number}-2", qasm2.dumps(circuit), parts
        yield f"qiskit-{number}-3", qasm3.dumps(circuit), parts


def braket(chance: random.Random, count: int) -> Iterator[Entry]:
    """Random circuits of Amazon Braket, which writes OpenQASM 3 without an include."""
    from braket.circuits import Circuit
    from braket.circuits.serialization import IRType
    from braket.devices import LocalSimulator

    plain = ["h", "x", "y", "z", "s", "si", "t", "ti", "v", "vi", "i"]
    rotations = ["rx", "ry", "rz", "phaseshift", "gpi", "gpi2"]
    pairs = ["cnot", "cz", "cy", "swap", "iswap", "ecr", "cv"]
    turned = [
        "cphaseshift",
        "cphaseshift00",
        "cphaseshift01",
        "cphaseshift10",
        "xx",
        "yy",
        "zz",
        "xy",
        "pswap",
    ]
    for number in range(count):
        width = chance.randint(2, MAX_QUBITS)
        circuit = Circuit()
        for qubit in range(width):
            circuit.h(qubit)
        for _ in range(chance.randint(5, 25)):
            one, two = chance.sample(range(width), 2)
            kind = chance.randrange(5)
            angle = chance.uniform(-3, 3)
            if kind == 0:
                getattr(circuit, chance.choice(plain))(one)
            elif kind == 1:
                getattr(circuit, chance.choice(rotations))(one, angle)
            elif kind == 2:
                getattr(circuit, chance.choice(pairs))(one, two)
            elif kind == 3:
                getattr(circuit, chance.choice(turned))(one, two, angle)
            elif chance.random() < 0.5:
                circuit.ms(one, two, angle, chance.uniform(-3, 3), chance.uniform(-3, 3))
            else:
                circuit.prx(one, angle, chance.uniform(-3, 3))
        bare = circuit.copy()
        bare.state_vector()
        state = LocalSimulator().run(bare, shots=0).result().values[0]
        if number % 2:
            for qubit in range(width):
                circuit.measure(qubit)
        text = circuit.to_ir(IRType.OPENQASM).source
        yield f"braket-{number}", text, from_vector(state, reverse=True)


def pennylane(chance: random.Random, count: int) -> Iterator[Entry]:
    """Random circuits of PennyLane, which writes OpenQASM 2."""
    import pennylane as qml

    plain = [qml.Hadamard, qml.PauliX, qml.PauliY, qml.PauliZ, qml.S, qml.T, qml.SX]
    for number in range(count):
        width = chance.randint(2, MAX_QUBITS)
        operations: list[Any] = []
        for _ in range(chance.randint(5, 25)):
            one, two = chance.sample(range(width), 2)
            angle = chance.uniform(-3, 3)
            operations.append(
                chance.choice(
                    [
                        lambda a=one: chance.choice(plain)(a),
                        lambda a=one, t=angle: chance.choice([qml.RX, qml.RY, qml.RZ, qml.PhaseShift])(t, a),
                        lambda a=one, b=two: chance.choice([qml.CNOT, qml.CZ, qml.SWAP, qml.CY])([a, b]),
                        lambda a=one, b=two, t=angle: chance.choice([qml.CRX, qml.CRY, qml.CRZ])(t, [a, b]),
                        lambda a=one, t=angle: qml.Rot(t, t / 2, t / 3, a),
                        lambda a=one, b=two, t=angle: qml.IsingZZ(t, [a, b]),
                    ]
                )()
            )
        tape = qml.tape.QuantumScript(operations, [qml.state()])
        device = qml.device("default.qubit", wires=width)
        state = qml.execute([tape], device)[0]
        measured = qml.tape.QuantumScript(operations, [qml.sample(wires=range(width))])
        text = qml.to_openqasm(measured, wires=qml.wires.Wires(range(width)), measure_all=True)
        yield f"pennylane-{number}", text, from_vector(state, reverse=True)


def cirq(chance: random.Random, count: int) -> Iterator[Entry]:
    """Random circuits of Cirq, in both dialects."""
    import cirq as c

    plain = [c.H, c.X, c.Y, c.Z, c.S, c.T, c.X**0.5, c.Y**0.25]
    pairs = [c.CNOT, c.CZ, c.SWAP, c.ISWAP, c.CZ**0.5, c.ISWAP**0.5, c.XX**0.3, c.ZZ**0.7]
    for number in range(count):
        width = chance.randint(2, MAX_QUBITS)
        qubits = c.LineQubit.range(width)
        circuit = c.Circuit(c.H.on_each(*qubits))
        for _ in range(chance.randint(5, 20)):
            one, two = chance.sample(qubits, 2)
            angle = chance.uniform(-3, 3)
            circuit.append(
                chance.choice(
                    [
                        chance.choice(plain)(one),
                        chance.choice([c.rx, c.ry, c.rz])(angle)(one),
                        chance.choice(pairs)(one, two),
                        c.PhasedXPowGate(phase_exponent=0.3, exponent=angle)(one),
                    ]
                )
            )
        if width > 2:
            circuit.append(c.CCX(*chance.sample(qubits, 3)))
        state = c.Simulator(dtype=complex).simulate(circuit, qubit_order=qubits).final_state_vector
        circuit.append(c.measure(*qubits, key="result"))
        parts = from_vector(state, reverse=True)
        for version in ("2.0", "3.0"):
            yield f"cirq-{number}-{version[0]}", circuit.to_qasm(version=version, qubit_order=qubits), parts


def pyqasm(chance: random.Random, count: int) -> Iterator[Entry]:
    """Programs with loops, subroutines and aliases, as they are and as pyqasm unrolls them."""
    import pyqasm as p
    from qiskit import qasm3

    for number in range(count):
        width = chance.randint(3, MAX_QUBITS)
        angle = round(chance.uniform(0.1, 3), 3)
        body = [
            f"for int i in [0:{width - 2}] {{ h q[i]; cx q[i], q[i + 1]; }}",
            f"gate mine(t) a, b {{ rx(t) a; cx a, b; rz(t / 2) b; }} mine({angle}) q[0], q[{width - 1}];",
            f"def turn(qubit a, float[64] t) {{ ry(t) a; rz(2 * t) a; }} turn(q[1], {angle});",
            f"const float[64] k = {angle}; for float[64] f in {{0.1, 0.7}} {{ rx(f * k) q[0]; }}",
            f"int[32] n = {chance.randint(0, 3)}; if (n > 1) {{ x q[0]; }} else {{ y q[1]; h q[1]; }}",
            "ctrl @ x q[1], q[0]; inv @ t q[2]; pow(2) @ s q[1];",
            f"let part = q[0:{chance.randint(1, width - 1)}]; h part;",
        ]
        chance.shuffle(body)
        chosen = body[: chance.randint(3, len(body))]
        # Definitions and declarations are global and come before their use in each statement.
        text = (
            'OPENQASM 3.0;\ninclude "stdgates.inc";\n'
            f"qubit[{width}] q;\nbit[{width}] c;\n" + "\n".join(chosen) + "\nc = measure q;\n"
        )
        module = p.loads(text)
        module.unroll()
        unrolled = p.dumps(module)
        parts = of_qiskit(qasm3.loads(re.sub(r"(?m)^pow.*$", "", unrolled)))
        yield f"pyqasm-{number}-written", text, parts
        yield f"pyqasm-{number}-unrolled", unrolled, parts


def main() -> None:
    """Write the corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=40, help="random circuits of each tool")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    tools: list[Callable[[random.Random, int], Iterator[Entry]]] = [qiskit, braket, pennylane, cirq, pyqasm]
    parts: dict[str, dict[str, float]] = {}
    for tool in [lambda chance, count: mqt(), *tools]:  # noqa: ARG005
        chance = random.Random(options.seed)
        try:
            for name, text, distribution in tool(chance, options.count):
                (options.folder / f"{name}.qasm").write_text(text, encoding="utf-8")
                parts[name] = distribution
        except Exception as error:
            print(f"{getattr(tool, '__name__', 'mqt')} ended early: {type(error).__name__}: {error}")
    (options.folder / "expected.json").write_text(json.dumps(parts), encoding="utf-8")
    print(f"{len(parts)} files")


if __name__ == "__main__":
    main()
