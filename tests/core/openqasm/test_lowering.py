"""Programs in OpenQASM 3 become circuits that do what the language says."""

from __future__ import annotations

import math
from collections import defaultdict

import pytest
from qiskit import QuantumCircuit, qasm3, transpile
from qiskit_aer import AerSimulator

from actions.run_openqasm.exact import distribution
from core.openqasm.errors import ProgramError
from core.openqasm.lowering import Lowered, lower
from tests.core.openqasm import reference
from tests.core.openqasm.programs import HEAD, PROGRAMS, Q3


def expected(program: str) -> list[dict[str, float]]:
    """The distribution of each register."""
    found: list[dict[str, float]] = []
    for outcome, part in reference.distribution(program).items():
        for place, bits in enumerate(outcome.split(" ")):
            if len(found) <= place:
                found.append(defaultdict(float))
            found[place][bits] += part
    return [dict(one) for one in found]


def exact(lowered: Lowered) -> list[dict[str, float] | None]:
    return [distribution(lowered.circuit, register.name) for register in lowered.registers]


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_circuit_has_the_distribution_of_the_program(name: str) -> None:
    lowered = lower(PROGRAMS[name])
    for found, wanted in zip(exact(lowered), expected(PROGRAMS[name]), strict=True):
        assert found == pytest.approx(wanted, abs=1e-7)


@pytest.mark.parametrize("name", PROGRAMS)
def test_aer_runs_the_circuit(name: str) -> None:
    shots = 2_000
    lowered = lower(PROGRAMS[name])
    circuit = lowered.circuit.decompose(reps=3) if lowered.own else lowered.circuit
    counts = AerSimulator(seed_simulator=1).run(_known(circuit), shots=shots).result().get_counts()
    order = [register.name for register in reversed(lowered.circuit.cregs)]
    for register, wanted in zip(lowered.registers, expected(PROGRAMS[name]), strict=True):
        seen: dict[str, float] = defaultdict(float)
        for outcome, count in counts.items():
            seen[outcome.split(" ")[order.index(register.name)]] += count / shots
        distance = sum(abs(seen.get(bits, 0) - wanted.get(bits, 0)) for bits in {*seen, *wanted}) / 2
        # The distance of a sample from its distribution, with a probability of less than one in 10^9 above.
        assert distance < math.sqrt(len(wanted) / shots) / 2 + math.sqrt(math.log(1e9) / 2 / shots)


def _known(circuit: QuantumCircuit) -> QuantumCircuit:
    return transpile(circuit, AerSimulator(), optimization_level=0)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_circuit_can_be_written_down(name: str) -> None:
    assert qasm3.dumps(lower(PROGRAMS[name]).circuit).startswith("OPENQASM 3.0;")


def test_a_while_loop_that_a_measurement_ends_is_cut_off_and_says_so() -> None:
    lowered = lower(Q3 + "while (!c[0]) { h q[0]; c[0] = measure q[0]; }")
    assert lowered.unfinished is not None
    found = distribution(lowered.circuit, "c")
    assert found is not None
    assert found["001"] == pytest.approx(1 - 2**-32)
    endless = lower(Q3 + "while (!c[0]) { h q[0]; c[1] = measure q[0]; } x q[1]; c[2] = measure q[1];")
    assert endless.unfinished is not None
    counts = AerSimulator().run(_known(endless.circuit), shots=50).result().get_counts()
    names = [register.name for register in reversed(endless.circuit.cregs)]
    assert {outcome.split(" ")[names.index(endless.unfinished)] for outcome in counts} == {"1"}


def test_a_loop_that_counts_successes_is_exact_where_it_is_not_cut_off() -> None:
    program = (
        Q3
        + "uint[2] n = 0; while (n < 2) { h q[0]; c[0] = measure q[0]; if (c[0]) { n += 1; } } c[1] = n[1];"
    )
    lowered = lower(program)
    circuit = _known(lowered.circuit)
    counts = AerSimulator(seed_simulator=2).run(circuit, shots=200).result().get_counts()
    names = [register.name for register in reversed(lowered.circuit.cregs)]
    assert {outcome.split(" ")[names.index("c")] for outcome in counts} == {"011"}


@pytest.mark.parametrize(
    ("text", "inputs", "right"),
    [
        ("input float t; rx(t) q[0];", {"t": math.pi}, "001"),
        ("input angle t; rx(2 * t) q[0];", {"t": math.pi / 2}, "001"),
        ("input int n; x q[n];", {"n": 2}, "100"),
        ("input bit[3] s; for int i in [0:2] { if (s[i]) x q[i]; }", {"s": "110"}, "110"),
        ("input bool b; if (b) x q[1];", {"b": True}, "010"),
        ("input uint[2] n; if (n == 1) x q[1];", {"n": 5}, "010"),
    ],
)
def test_inputs_have_the_values_that_are_given(text: str, inputs: dict[str, object], right: str) -> None:
    lowered = lower(Q3 + text + " c = measure q;", inputs)
    assert distribution(lowered.circuit, "c") == pytest.approx({right: 1.0})
    assert lowered.inputs == frozenset(inputs)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("cnot q[0], q[1]", "cx q[0], q[1]"),
        ("si q[0]", "sdg q[0]"),
        ("ti q[0]", "tdg q[0]"),
        ("v q[0]", "sx q[0]"),
        ("vi q[0]", "inv @ sx q[0]"),
        ("cv q[0], q[1]", "ctrl @ sx q[0], q[1]"),
        ("phaseshift(0.3) q[0]", "p(0.3) q[0]"),
        ("cphaseshift(0.3) q[0], q[1]", "cp(0.3) q[0], q[1]"),
        ("cphaseshift00(0.3) q[0], q[1]", "negctrl(2) @ gphase(0.3) q[0], q[1]"),
        ("cphaseshift01(0.3) q[0], q[1]", "negctrl @ ctrl @ gphase(0.3) q[0], q[1]"),
        ("cphaseshift10(0.3) q[0], q[1]", "ctrl @ negctrl @ gphase(0.3) q[0], q[1]"),
        ("zz(0.3) q[0], q[1]", "cx q[0], q[1]; rz(0.3) q[1]; cx q[0], q[1]"),
        ("xx(0.3) q[0], q[1]", "h q[0]; h q[1]; cx q[0], q[1]; rz(0.3) q[1]; cx q[0], q[1]; h q[0]; h q[1]"),
        ("iswap q[0], q[1]", "s q[0]; s q[1]; h q[0]; cx q[0], q[1]; cx q[1], q[0]; h q[1]"),
        ("gpi(0.3) q[0]", "rz(-0.3) q[0]; x q[0]; rz(0.3) q[0]"),
        ("gpi2(0.3) q[0]", "rz(-0.3) q[0]; rx(pi / 2) q[0]; rz(0.3) q[0]"),
        ("prx(0.4, 0.3) q[0]", "rz(-0.3) q[0]; rx(0.4) q[0]; rz(0.3) q[0]"),
        ("ccnot q[0], q[1], q[2]", "ccx q[0], q[1], q[2]"),
        ("pswap(0.3) q[0], q[1]", "swap q[0], q[1]; cx q[0], q[1]; p(0.3) q[1]; cx q[0], q[1]"),
        ("xy(0.4) q[0], q[1]", "cx q[0], q[1]; ctrl @ rx(-0.4) q[1], q[0]; cx q[0], q[1]"),
    ],
)
def test_common_gates_that_a_program_does_not_define_have_their_usual_definition(
    name: str, body: str
) -> None:
    around = "ry(0.4) q[0]; ry(1.1) q[1]; cx q[1], q[2]; ry(0.7) q[2]; {} ; h q; c = measure q;"
    lowered = lower(Q3 + around.format(name))
    assert any("usual definition" in note for note in lowered.notes)
    assert distribution(lowered.circuit, "c") == pytest.approx(
        expected(Q3 + around.format(body))[0], abs=1e-7
    )


@pytest.mark.parametrize(
    ("body", "same"),
    [
        ("rx(pow(2, 3) * pi / 9) q[0];", "rx(2 ** 3 * pi / 9) q[0];"),
        ("int n = pow(2, pow(2, 1)); rx(n) q[0];", "rx(4) q[0];"),
        ("if (pow(2, 1) == 2) pow(2) @ rx(pow(0.5, 1)) q[0]; else pow(3) @ x q[0];", "rx(1) q[0];"),
        ("def f(int n) -> int { return pow(n, 2); } inv @ pow(f(1)) @ rx(f(2)) q[0];", "rx(-4) q[0];"),
        ("for int i in [pow(1, 2):2] { pow(i) @ ry(0.3) q[0]; }", "ry(0.9) q[0];"),
    ],
)
def test_pow_is_a_function_and_a_modifier(body: str, same: str) -> None:
    around = "h q[0]; s q[0]; BODY h q[0]; c = measure q;"
    found, wanted = (
        distribution(lower(Q3 + around.replace("BODY", text)).circuit, "c") for text in (body, same)
    )
    assert found == pytest.approx(wanted, abs=1e-9)


def test_a_pragma_that_only_begins_like_an_essential_one_is_left_out() -> None:
    lowered = lower(Q3 + "#pragma braket noise_model off\nx q[0]; c = measure q;")
    assert distribution(lowered.circuit, "c") == {"001": 1.0}


@pytest.mark.parametrize("call", ["abs(f(q[0]))", "max(f(q[0]), 0)", "min(f(q[0]), 2)", "mod(f(q[0]), 2)"])
def test_an_argument_of_a_function_is_worked_out_once(call: str) -> None:
    lowered = lower(Q3 + f"def f(qubit r) -> int {{ x r; return 1; }} rx({call} * pi) q[1]; c = measure q;")
    assert distribution(lowered.circuit, "c") == pytest.approx({"011": 1.0})


@pytest.mark.parametrize(
    "text",
    [
        "int n = 3; rx(pi * (n / 2)) q[0];",
        "const int n = 3; rx(pi * (n / 2)) q[0];",
        "int n; n = 3; rx(pi * (n / 2)) q[0];",
        "int n = 0; n += 3; rx(pi * (n / 2)) q[0];",
        "input int n; rx(pi * (n / 2)) q[0];",
        "for int n in {3} { rx(pi * (n / 2)) q[0]; }",
        "for int n in [3:3] { rx(pi * (n / 2)) q[0]; }",
        "def f(int n) { rx(pi * (n / 2)) q[0]; } f(3);",
        "def f() -> int { return 3; } rx(pi * (f() / 2)) q[0];",
        "array[int, 2] a = {1, 3}; rx(pi * (a[1] / 2)) q[0];",
        "int n = 3; int m = 2; rx(pi * (n / m)) q[0];",
        "int n = 2; rx(pi * (3 / n)) q[0];",
        "int n = 3; int m = n; angle t = m / 2; rx(pi * t) q[0];",
        "int n = 3; rx(pi * (-n / -2)) q[0];",
    ],
)
def test_a_division_of_whole_numbers_with_a_variable_is_whole(text: str) -> None:
    lowered = lower(Q3 + text + " c = measure q;", {"n": 3})
    assert distribution(lowered.circuit, "c") == pytest.approx({"001": 1.0})
    assert any("gives a whole number" in note for note in lowered.notes)


@pytest.mark.parametrize("index", ["-3:1", "0:-2", "-3:1:-2", "-2:-1:-3", "{-2, -3}", ":1", ":-2"])
def test_an_index_from_the_end_is_one_inside_of_the_register(index: str) -> None:
    lowered = lower(Q3 + f"x q[{index}]; c = measure q;")
    assert distribution(lowered.circuit, "c") == pytest.approx({"011": 1.0})


def test_an_angle_with_a_size_is_any_number_of_turns() -> None:
    lowered = lower(Q3 + "angle[64] a = 1e300; angle[8] b = 3 * tau + pi; rx(b) q[0]; c = measure q;")
    assert distribution(lowered.circuit, "c") == pytest.approx({"001": 1.0})


def test_standard_gates_without_their_file_are_used_with_a_note() -> None:
    lowered = lower("OPENQASM 3.0; qubit q; bit c; x q; c = measure q;")
    assert distribution(lowered.circuit, "c") == {"1": 1.0}
    assert any("stdgates.inc" in note for note in lowered.notes)


def test_physical_qubits_are_qubits_in_their_order() -> None:
    lowered = lower(HEAD + "x $7; h $2;")
    assert lowered.circuit.num_qubits == 2
    assert [lowered.circuit.find_bit(item.qubits[0]).index for item in lowered.circuit.data] == [1, 0]
    assert any("physical" in note for note in lowered.notes)


def test_pragmas_and_annotations_are_left_out_with_a_note() -> None:
    lowered = lower(HEAD + "#pragma braket verbatim\n@note something\nqubit q; pragma other {\nx q;")
    assert lowered.circuit.count_ops() == {"x": 1}
    assert [note.split(": ")[1] for note in lowered.notes] == [
        "pragmas are left out",
        "annotations are left out",
    ]


def test_what_is_measured_without_a_name_is_the_answer_where_there_is_no_other() -> None:
    lowered = lower(HEAD + "qubit[2] q; x q[1]; measure q;")
    [register] = lowered.registers
    assert distribution(lowered.circuit, register.name) == {"10": 1.0}


#: What is refused, with its place.
REFUSED: list[tuple[str, int, int, str]] = [
    ("extern f(int) -> int;", 5, 1, "extern functions"),
    ("cal { }", 5, 1, "calibrations of pulses"),
    ("#pragma braket unitary([[1, 0], [0, 1]]) q[0]", 5, 1, "pragma"),
    ("x r;", 5, 3, "'r' is not declared"),
    ("foo q;", 5, 1, "gate 'foo' is not defined"),
    ("x q[3];", 5, 3, "index 3 is outside"),
    ("x q[-4:1];", 5, 5, "index -4 is outside of the 3"),
    ("x q[0:3];", 5, 7, "index 3 is outside of the 3"),
    ("x q[4:3];", 5, 5, "index 4 is outside of the 3"),
    ("x q[2:-1:-4];", 5, 10, "index -4 is outside of the 3"),
    ("let a = c[-5:1];", 5, 11, "index -5 is outside of the 3"),
    ("c[-5:1] = 1;", 5, 3, "index -5 is outside of the 3"),
    ("array[int, 3] a; let b = q; int n = sizeof(a[-5:1]);", 5, 46, "index -5 is outside of the 3"),
    ("duration d = 2 ** 2000 * 1ns;", 5, 14, "not a finite number"),
    ("complex z = 1im % 2;", 5, 13, "% is for real numbers"),
    ("int n = 1im;", 5, 9, "a complex number is not an int"),
    ("array[int, 2] a; angle t = a;", 5, 28, "this is not an angle"),
    ("uint n = -1;", 5, 10, "-1 is negative, and so not a uint"),
    ("h q[0]; c = measure q; angle t = c;", 5, 34, "an angle cannot depend on a measurement"),
    ("int n = 1; let a = n;", 5, 20, "'n' is not a register"),
    ("bit[0] d;", 5, 5, "1 bit or more"),
    ("creg d[0];", 5, 8, "1 bit or more"),
    ("h q[0]; c = measure q; x q[uint(c)];", 5, 28, "cannot depend on a measurement"),
    ("h q[0]; c = measure q; rx(c * pi) q[0];", 5, 27, "cannot be combined"),
    ("c = measure q; float f = 1; if (c[0]) { f = 2; }", 5, 41, "where a measurement decides"),
    ("const int n = 1; n = 2;", 5, 18, "is a constant"),
    ("int n; x q[n];", 5, 12, "has no value yet"),
    ("int n = 1; int n = 2;", 5, 12, "already declared"),
    ("def f() { f(); } f();", 5, 11, "over 40 deep"),
    ("f(q[0]);", 5, 1, "function 'f' is not defined"),
    ("def f(qubit r) { x r; } f(q);", 5, 27, "1 qubit"),
    ("gate g a { x a; c = measure q; }", 5, 17, ""),
    ("gate g a { x q[0]; }", 5, 14, "'q' is not declared"),
    ("gate g a { g a; }", 5, 12, "is not defined"),
    ("g q[0]; gate g a { x a; }", 5, 1, "its definition is in line 5"),
    ("gate x a { h a; }", 5, 6, "already defined"),
    ("cx q[0], q[0];", 5, 1, "same qubit twice"),
    ("qubit[2] r; cx q, r;", 5, 13, "different sizes"),
    ("input float t; rx(t) q[0];", 5, 1, "input 't' has no value"),
    ("while (true) { x q[0]; }", 5, 16, "over 20000 gates"),
    ("while (true) { }", 5, 1, "too many steps"),
    ("for int i in [0:1000000000] { }", 5, 1, "too many steps"),
    ("for int i in [0:0:3] { }", 5, 15, "must not be 0"),
    ("ctrl(9) @ x q[0], q[1];", 5, 1, "1 to 8 controls"),
    ("rx(1 / 0) q[0];", 5, 4, "division by zero"),
    ("rx(log(-1)) q[0];", 5, 4, "not a finite number"),
    ("const int n = 2 ** 2 ** 20;", 5, 15, "over 4096 bits"),
    ("bit[3000] d;", 5, 1, "at most"),
    ("qubit[200] r;", 5, 1, "at most 127"),
    ("qubit[1000000000] r;", 5, 7, "too large"),
    ("array[int, 1000, 1000] a;", 5, 1, "elements"),
    ("stretch s;", 5, 1, "stretch"),
    ("switch (c) { case 1 { } case 1 { } }", 5, 30, "two cases"),
    ("x q[0]", 5, 7, "end of the program"),
    ("x q[0;", 5, 7, "end of the program"),
    ("}", 5, 1, "is not expected"),
    ("if (c[0]) { return; }", 5, 13, "outside subroutine"),
    ("break;", 5, 1, "outside loop"),
    ("rx(-sizeof) q[0];", 5, 5, "'sizeof' is not declared"),
    ("x sizeof;", 5, 3, "'sizeof' is not declared"),
]


@pytest.mark.parametrize(("text", "line", "column", "words"), REFUSED)
def test_what_cannot_run_is_refused_with_its_place(text: str, line: int, column: int, words: str) -> None:
    with pytest.raises(ProgramError) as caught:
        lower(Q3 + text)
    assert words in caught.value.message
    assert (caught.value.line, caught.value.column) == (line, column)
