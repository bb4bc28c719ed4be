"""The definition of a program's gate is what runs, for any name that Qiskit and Aer may know."""

from __future__ import annotations

import time
import zlib
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, qasm3
from qiskit.quantum_info import Statevector

from actions.framework.submission import describe
from actions.run_openqasm.algorithm import OpenQasmInput, algorithm
from actions.run_openqasm.algorithm import exact as exact_ideal
from actions.run_openqasm.bounds import MAX_SIZE
from core.errors import InputError
from core.provider.ibm.target import IBMTarget
from simulator.backends import catalog
from simulator.engine import Engine
from simulator.settings import SimulationLimits
from testkit.targets import client_target
from tests.actions.own_gates import INCLUDED, KEYWORDS, Program, generated, names
from tests.actions.theory import probabilities

TWO = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
THREE = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'
#: A backend of each type.
BACKENDS = {
    "simulator": "aer_simulator",
    "noisy_simulator": "aer_simulator_noisy_fez",
    "hardware": "fake_fez",
}
CATALOG = catalog(["fake_fez"])


def built(program: object) -> QuantumCircuit:
    return algorithm.build(OpenQasmInput(program=str(program)))


@lru_cache
def target(backend_type: str) -> IBMTarget:
    """Return the backend as the client knows it."""
    return client_target(CATALOG[BACKENDS[backend_type]])


def exact(ready: QuantumCircuit) -> dict[str, float]:
    """Return the distribution of a transpiled circuit, most of whose qubits are idle."""
    used = [bit for bit in ready.qubits if any(bit in item.qubits for item in ready.data)]
    small = QuantumCircuit(used, *ready.cregs)
    for item in ready.data:
        small.append(item)
    return {bits: part for bits, part in probabilities(small, "c").items() if part > 1e-9}


def fitting(wanted: dict[str, float]) -> Any:
    return pytest.approx(wanted, abs=1e-6)


def known(distribution: dict[str, float]) -> dict[str, float]:
    return {bits: part for bits, part in distribution.items() if part > 1e-9}


def by_threes(gate_names: list[str]) -> list[list[str]]:
    """Return each name with two of other libraries, so that later definitions can use the earlier ones."""
    third = -(-len(gate_names) // 3)
    return [gate_names[place::third] for place in range(third)]


@pytest.mark.parametrize("include", [True, False], ids=["include", "bare"])
@pytest.mark.parametrize("version", [2, 3])
def test_every_name_of_a_library_can_be_defined_by_a_program(version: int, include: bool) -> None:
    """The circuit, the ideal distribution, and the circuit in the answer are the program's."""
    free = names(version, include)
    assert len(free) > 200
    for some in by_threes(free):
        program = generated(some, version, include, some[0])
        wanted = fitting(program.probabilities())
        circuit = built(program)
        ideal = exact_ideal(str(program))
        assert ideal is not None, program
        assert ideal == wanted, program
        described = describe(circuit, circuit).openqasm3
        assert described, program
        text = qasm3.loads(described).remove_final_measurements(inplace=False)
        assert known(Statevector(text).probabilities_dict()) == wanted, program


@pytest.mark.parametrize("version", [2, 3])
def test_the_transpiler_never_uses_its_own_gate_for_a_name(version: int) -> None:
    for place, name in enumerate(names(version, include=False)):
        backend_type = list(BACKENDS)[place % 3]
        include = place % 2 == 0 and name not in INCLUDED[version]
        program = generated([name], version, include, f"{name} transpiled")
        ready = target(backend_type).transpile(built(program), None)
        allowed = set(target(backend_type).device.target.operation_names)
        assert {item.name for item in ready.data} <= allowed | {"barrier"}, program
        # The synthesis of two-qubit gates is exact to a few millionths.
        assert exact(ready) == pytest.approx(program.probabilities(), abs=1e-4), program


@lru_cache
def engine() -> Engine:
    return Engine(CATALOG, SimulationLimits())


def counted(program: object, backend_type: str) -> dict[str, int]:
    """Return the counts of 200 shots."""
    backend = CATALOG[BACKENDS[backend_type]]
    ready = target(backend_type).transpile(built(program), None)
    executions = engine().prepare(backend, ready, np.empty((1, 0)), 200)
    [bits] = engine().run(backend, executions, np.random.default_rng(1))
    keys = ["".join(map(str, row[::-1])) for row in bits.tolist()]
    return {key: keys.count(key) for key in keys}


@pytest.mark.parametrize("backend_type", BACKENDS)
@pytest.mark.parametrize("version", [2, 3])
def test_aer_never_uses_its_own_instruction_for_a_name(version: int, backend_type: str) -> None:
    free = names(version, include=False)
    for name in free[zlib.crc32(backend_type.encode()) % 9 :: 9]:
        include = name not in INCLUDED[version]
        program = generated([name], version, include, name, reversible=True)
        [right] = program.probabilities()
        counts = counted(program, backend_type)
        assert max(counts, key=lambda bits: counts[bits]) == right, program
        assert backend_type != "simulator" or counts == {right: 200}, program


#: Programs that have always the same outcome, with that outcome.
CASES = {
    "h-of-U": (
        "OPENQASM 3.0; gate h a { U(pi, 0, pi) a; } qubit[1] q; bit[1] c; h q[0]; c = measure q;",
        "1",
    ),
    "iswap": (
        TWO + "gate iswap a,b { x a; x b; } qreg q[2]; creg c[2]; iswap q[0],q[1]; measure q -> c;",
        "11",
    ),
    "cu-without-angles": (
        TWO + "gate cu a,b { cx a,b; } qreg q[2]; creg c[2]; x q[0]; cu q[0],q[1]; measure q->c;",
        "11",
    ),
    "rz-without-angle": (
        "OPENQASM 3.0; gate rz a { U(pi, 0, pi) a; } qubit[1] q; bit[1] c; rz q[0]; c = measure q;",
        "1",
    ),
    "own-cx-from-CX": (
        "OPENQASM 2.0; gate x a { U(pi,0,pi) a; } gate cx c,t { CX t,c; } qreg q[2]; creg c[2]; "
        "x q[1]; cx q[0],q[1]; measure q->c;",
        "11",
    ),
    "rx-with-an-angle": (
        "OPENQASM 3.0; gate rx(t) a { U(2*t, 0, 0) a; } qubit[1] q; bit[1] c; rx(pi/2) q[0]; c = measure q;",
        "1",
    ),
    "if_else": (
        THREE + "gate if_else a { x a; } qubit[1] q; bit[1] c; if_else q[0]; c = measure q;",
        "1",
    ),
    "store": (TWO + "gate store a { x a; } qreg q[1]; creg c[1]; store q[0]; measure q->c;", "1"),
    "delay": (TWO + "gate delay(t) a { rx(t) a; } qreg q[1]; creg c[1]; delay(pi) q[0]; measure q->c;", "1"),
    "parameters-in-their-order": (
        THREE + "gate g(b, a) t { rx(b) t; rz(a) t; } qubit[1] q; bit[1] c; g(pi, 0) q[0]; c = measure q;",
        "1",
    ),
    "parameters-of-one-name": (
        THREE + "gate f(b, a) t { rx(a) t; rz(b) t; } gate g(a, b) t { f(b - a, a) t; f(a, b) t; } "
        "qubit[1] q; bit[1] c; g(pi, 0) q[0]; c = measure q;",
        "1",
    ),
    "power-of-a-parameter": (
        THREE + "gate g(t) a { pow(2) @ rx(t) a; } qubit[1] q; bit[1] c; g(pi/2) q[0]; c = measure q;",
        "1",
    ),
    "control-of-own-x": (
        "OPENQASM 3.0; gate x a { U(0, 0, 0) a; } gate flip a { U(pi, 0, pi) a; } qubit[2] q; bit[2] c; "
        "flip q[0]; ctrl @ x q[0], q[1]; c = measure q;",
        "01",
    ),
    "control-and-gate-of-its-name": (
        THREE + "gate g a { x a; } gate cg a, b { x a; x b; } qubit[3] q; bit[3] c; x q[0]; "
        "ctrl @ g q[0], q[1]; cg q[0], q[2]; c = measure q;",
        "110",
    ),
    "inverse-and-gate-of-its-name": (
        THREE + "gate g a { rx(pi / 2) a; } gate g_dg a { x a; } qubit[2] q; bit[2] c; "
        "g q[0]; inv @ g q[0]; g_dg q[1]; inv @ g_dg q[1]; g_dg q[1]; c = measure q;",
        "10",
    ),
    "negative-control-and-gate-of-its-name": (
        THREE + "gate g a { x a; } gate g_o0 a { z a; } qubit[2] q; bit[2] c; negctrl @ g q[0], q[1]; "
        "ctrl @ g_o0 q[0], q[1]; c = measure q;",
        "10",
    ),
    "names-that-others-are-given": (
        TWO + "gate own_h a { y a; } gate h_ a { x a; } gate h__ a { own_h a; } qreg own_h_[3]; creg c[3]; "
        "h_ own_h_[0]; own_h own_h_[1]; h__ own_h_[2]; measure own_h_ -> c;",
        "111",
    ),
    "shadowed-by-operands": (
        TWO + "gate iswap swap { x swap; } gate swap iswap,p { cx iswap,p; iswap p; iswap p; }"
        "qreg q[2]; creg c[2]; iswap q[0]; swap q[0],q[1]; measure q -> c;",
        "11",
    ),
    "alias-of-a-gates-name": (
        THREE + "gate iswap a { x a; } gate g a { iswap a; } qubit[2] q; bit[2] c; x q[0]; "
        "c[0] = measure q[0]; if (c[0]) { let iswap = q[0:1]; g q[1]; } c = measure q;",
        "11",
    ),
    "in-a-loop": (
        "OPENQASM 3.0; gate rx(t) a { U(0, 0, t) a; } gate ry(a, t) b { rx(a) b; U(t, 0, 0) b; } "
        "qubit[1] q; bit[1] c; for int i in {1, 3} { ry(i * pi, i * pi / 2) q[0]; } c = measure q;",
        "1",
    ),
    "under-a-condition": (
        TWO + "gate iswap a { x a; } qreg q[1]; creg c[1]; iswap q[0]; measure q->c; if(c==1) iswap q[0]; "
        "measure q->c;",
        "0",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_definition_is_what_runs(case: str) -> None:
    program, right = CASES[case]
    circuit = built(program)
    assert probabilities(circuit, "c") == pytest.approx({right: 1.0})
    described = describe(circuit, circuit).openqasm3
    assert probabilities(built(described), "c") == pytest.approx({right: 1.0})
    ideal = exact_ideal(program)
    assert ideal is None or ideal == pytest.approx({right: 1.0})
    for backend_type in BACKENDS:
        counts = counted(program, backend_type)
        assert max(counts, key=lambda bits: counts[bits]) == right, backend_type


@pytest.mark.parametrize("after", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("version", [2, 3])
def test_a_gate_of_the_included_file_cannot_be_defined_again(version: int, after: bool) -> None:
    """As in both languages: the program is rejected, and no definition is chosen."""
    for name in sorted(INCLUDED[version]):
        head, *rest = str(Program(version, True, 1, [], [])).split("\n")
        lines = [f"gate {name} a {{ U(pi, 0, pi) a; }}", rest[0]]
        program = "\n".join([head, *(lines[::-1] if after else lines), *rest[1:]])
        with pytest.raises(InputError) as caught:
            built(program)
        assert f"'{name}'" in caught.value.message or "already" in caught.value.message
        assert "own_" not in caught.value.message


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (TWO + "gate swap a,b { cx a,b; }\nqreg q[2]; swap q[0],q[1]; foo q[1];", "line 4, column 28: 'foo'"),
        (TWO + "gate swap a,b { cx a,b; } gate swap a,b { cx a,b; } qreg q[2];", "line 3, column 27: 'swap'"),
        (TWO + "qreg q[2]; swap q[0],q[1]; gate swap a,b { cx a,b; }", "line 3, column 12: 'swap'"),
        (TWO + "gate swap(t) a { rx(t) a; } qreg q[1]; swap q[0];", "cannot be written out"),
        (TWO + "opaque swap a,b; qreg q[2]; swap q[0],q[1];", "gate 'swap' is opaque"),
        (TWO + "opaque delay(t) a; qreg q[2]; delay(1) q[0];", "gate 'delay' is opaque"),
        (TWO + "gate iswap(t) a { rx(1/t) a; } qreg q[1]; iswap(0) q[0];", "divide by zero"),
        (THREE + "gate iswap a, b { cx a, b; } gate iswap a { x a; } qubit q;", "'iswap' is already defined"),
        (THREE + "gate iswap a { iswap a; } qubit q; iswap q;", "gate 'iswap' is not defined"),
        (THREE + "qubit q; iswap q; gate iswap a { x a; }", "gate 'iswap' is not defined"),
        (
            THREE + "gate iswap a { ecr a; } gate ecr a { x a; } qubit q; iswap q;",
            "gate 'ecr' is not defined",
        ),
        (THREE + "gate iswap(t) a { rx(t) a; } qubit q; iswap q;", "gate 'iswap' takes 1 parameters, not 0"),
        (THREE + "gate iswap(t, t) a { rx(t) a; } qubit q; iswap(1, 1) q;", "'t'"),
        (THREE + "gate iswap(t) a { rx(t / (2 - 2)) a; } qubit q;", "division by zero"),
        (TWO + "gate iswap a { u3 a; } qreg q[1]; iswap q[0];", "cannot be written out"),
        (TWO + "gate iswap(t) a { u0(t) a; } qreg q[1]; iswap(0.5) q[0];", "u0 takes a whole number"),
        (THREE + "qubit q; if (true) { gate iswap a { x a; } }", "program: "),
        ("OPENQASM 3.0; gate U(a, b, c) q { } qubit q;", "'U' is already defined"),
    ],
    ids=range(18),
)
def test_a_wrong_definition_or_call_is_refused_under_the_programs_names(program: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        built(program)
    assert words in caught.value.message
    assert "own_" not in caught.value.message


def test_an_opaque_gate_that_is_not_applied_is_permitted() -> None:
    assert built(TWO + "opaque swap a,b; qreg q[1]; x q[0];").count_ops()["x"] == 1


def doubled(name: str, levels: int, gate: str) -> str:
    """Return definitions, each of which applies the one before twice; the last has a given name."""
    steps = [*(f"d{level}" for level in range(levels - 1)), name]
    before = [gate, *steps]
    return " ".join(
        f"gate {step} a {{ {inner} a; {inner} a; }}" for step, inner in zip(steps, before, strict=False)
    )


@pytest.mark.parametrize("name", ["unitary", "measure_2", "id", "sx", "u0", "if_else"])
@pytest.mark.parametrize("head", ["OPENQASM 2.0; qreg q[1];", "OPENQASM 3.0; qubit[1] q;"], ids=["2", "3"])
def test_a_name_does_not_make_a_definition_look_small(name: str, head: str) -> None:
    small = "gate b a { U(0, 0, 0) a; } "
    with pytest.raises(InputError, match=f"over {MAX_SIZE} gates"):
        built(head + small + doubled(name, 16, "b") + f" {name} q[0];")


def test_a_gate_that_qiskit_would_give_the_same_name_does_not_either() -> None:
    large = "gate b a, e { U(0, 0, 0) a; } " + doubled("cg", 16, "b").replace(" a", " a, e")
    program = "OPENQASM 3.0; qubit[2] q; gate g a { U(0, 0, 0) a; } ctrl @ g q[0], q[1]; " + large
    with pytest.raises(InputError, match=f"over {MAX_SIZE} gates"):
        built(program + " cg q[0], q[1];")


@pytest.mark.parametrize("cycles", ["999999999", "1e18", "-1", "0.5", "1/0"])
def test_idle_cycles_are_bounded_before_they_are_written_out(cycles: str) -> None:
    with pytest.raises(InputError, match=r"u0 takes a whole number of cycles|divide by zero"):
        built(f"OPENQASM 2.0; qreg q[1]; u0({cycles}) q[0];")
    assert built("OPENQASM 2.0; qreg q[1]; u0(3) q[0];").count_ops()["u0"] == 1


def test_many_calls_with_different_arguments_are_written_out_within_the_bound() -> None:
    calls = " ".join(f"g({number}) q;" for number in range(3_900))
    head = THREE + "gate f(t) a { rx(t) a; } gate g(t) a "
    circuit = built(head + "{ f(t) a; f(2 * t) a; } qubit q; " + calls)
    assert circuit.count_ops()["own_g"] == 3_900
    with pytest.raises(InputError, match=f"over {MAX_SIZE} gates"):
        built(
            THREE
            + "gate f(t) a { rx(t) a; } gate g(t) a { f(t) a; f(t / 2) a; f(t / 3) a; } qubit q; "
            + calls
        )


#: A word that the program below uses for each version, and what else it uses.
KICKBACK = {
    2: "h q[0]; cx q[0],q[1]; h q; cx q[1],q[0]; "
    "ccx q[0],q[1],q[2]; cu3(0.3,0.4,0.5) q[2],q[1]; "
    "ch q[1],q[0]; cu1(0.3) q[1],q[2]; sx q[0]; rzz(0.7) q[0],q[1]; cswap q[0],q[1],q[2]; "
    "crz(0.9) q[0],q[1]; h q;",
    3: "h q[0]; cx q[0],q[1]; h q; cx q[1],q[0]; "
    "ccx q[0],q[1],q[2]; cu(0.3,0.4,0.5,0.6) q[2],q[1]; "
    "CX q[1],q[2]; ch q[1],q[0]; cp(0.3) q[1],q[2]; sx q[0]; ctrl @ sx q[0],q[1]; crx(0.9) q[0],q[1]; "
    "ctrl @ u3(0.1,0.2,0.3) q[1],q[2]; ctrl @ x q[2],q[0]; cy q[0],q[1]; t q[0]; tdg q[1]; h q;",
}


@pytest.mark.parametrize("square_root", ["0.5", "1/2"])
@pytest.mark.parametrize("version", [2, 3])
def test_the_text_of_the_included_file_is_equivalent_to_the_file(version: int, square_root: str) -> None:
    """Phases that cancel only with another matrix for U, and square roots as older files define them."""
    name = {2: "qelib1.inc", 3: "stdgates.inc"}[version]
    text = (files("qiskit.qasm.libs") / name).read_text(encoding="utf-8").replace("0.5", square_root)
    head, *rest = str(Program(version, True, 3, [], [])).split("\n")
    rest.insert(3, KICKBACK[version])
    included, pasted = "\n".join([head, *rest]), "\n".join([head, text, *rest[1:]])
    assert probabilities(built(pasted), "c") == fitting(probabilities(built(included), "c"))


def test_a_composite_gate_of_the_file_is_not_a_standard_gate() -> None:
    program = (
        THREE.split("\n")[0] + "gate x a { } gate cx a, b { ctrl @ x a, b; } gate flip a { U(pi, 0, pi) a; } "
    )
    program += "qubit[2] q; bit[2] c; flip q[0]; cx q[0], q[1]; c = measure q;"
    assert probabilities(built(program), "c") == pytest.approx({"01": 1.0})


def halves(levels: int) -> str:
    """Return definitions, each of which calls the one before with two new arguments."""
    before = ["rx", *(f"d{level}" for level in range(levels))]
    return " ".join(
        f"gate d{level}(t) a {{ {before[level]}(t / 2) a; {before[level]}(t / 3) a; }}"
        for level in range(levels)
    )


def test_definitions_that_are_never_applied_are_not_expanded() -> None:
    unused = " ".join(f"gate z{number} a {{ d8({number}) a; }}" for number in range(100))
    begun = time.thread_time()
    built(THREE + halves(9) + unused + " qubit q; x q;")
    assert time.thread_time() - begun < 3


def test_modifiers_are_bounded_by_what_they_modify() -> None:
    assert built(THREE + doubled("g", 10, "x") + " qubit q; " + "inv @ " * 60 + "g q;").size() == 2
    with pytest.raises(InputError, match=f"over {MAX_SIZE} gates"):
        built(THREE + doubled("g", 10, "x") + " qubit[3] q; ctrl(2) @ g q[0], q[1], q[2];")


@pytest.mark.parametrize("word", sorted(KEYWORDS[2] - {"asin", "acos", "atan"}))
def test_a_word_of_the_language_names_no_gate(word: str) -> None:
    with pytest.raises(InputError, match=r"needed an identifier|only include|size 0") as caught:
        built(TWO + f"gate {word} a {{ x a; }} qreg q[1]; {word} q[0];")
    assert "own_" not in caught.value.message
