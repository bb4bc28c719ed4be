"""Programs in OpenQASM: the results of good ones, and that bad ones do no harm."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit, qasm2, qasm3
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import Statevector

from actions.framework.job import Step
from actions.run_openqasm.algorithm import MAX_LISTED, OpenQasmInput, algorithm, exact
from actions.run_openqasm.bounds import MAX_CHARACTERS, MAX_SIZE
from core.errors import InputError
from core.protocol import MAX_EVENT_BYTES, JobResult, PubResult, encode
from tests.actions.cases.run_openqasm import PROGRAM
from tests.actions.theory import probabilities, step_of

TWO = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[10];\ncreg c[10];\n'
THREE = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[10] q;\nbit[10] c;\n'
#: Seconds of CPU that the worst of programs may take on a busy machine; on an idle one it is 2.
PATIENCE = 10.0


def built(program: str, **values: Any) -> QuantumCircuit:
    return algorithm.build(OpenQasmInput(program=program, **values))


def doubled(levels: int, angle: str = "") -> str:
    """Return gate definitions, each of which applies the one before twice."""
    formal = f"({angle})" if angle else ""
    lines = [f"gate g0{formal} a {{ {f'rz({angle})' if angle else 'h'} a; }}"]
    lines += [f"gate g{n}{formal} a {{ g{n - 1}{formal} a; g{n - 1}{formal} a; }}" for n in range(1, levels)]
    return "\n".join([*lines, f"g{levels - 1}{'(1)' if angle else ''} q[0];"])


# --- the results of programs --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (TWO.replace("10", "2") + "h q[0]; cx q[0],q[1]; measure q->c;", {"00": 0.5, "11": 0.5}),
        (THREE.replace("10", "2") + "h q[0]; cx q[0],q[1]; c = measure q;", {"00": 0.5, "11": 0.5}),
        (TWO.replace("10", "2") + "x q[0]; measure q[0]->c[1];", {"10": 1.0}),
        (TWO.replace("10", "1") + "x q; measure q->c; if(c==1) x q; measure q->c;", {"0": 1.0}),
        (THREE.replace("10", "1") + "for int i in [1:4] { rx(pi / 4) q; } c = measure q;", {"1": 1.0}),
        (THREE.replace("10", "1") + "for int i in {1, 3} { rx(i * pi / 4) q; } c = measure q;", {"1": 1.0}),
        (
            THREE.replace("10", "2")
            + "for int i in [1:3] { x q[0]; c[0] = measure q[0]; if (c[0]) { rx(i * pi / 4) q[1]; } } "
            "c = measure q;",
            # An odd rotation and the last one see a 1: a quarter and three quarters of pi.
            {"11": 1.0},
        ),
        (
            THREE.replace("10", "1")
            + "for int i in [0:2] { for int j in [0:2] { rx(i * j * pi / 9) q[0]; } } c = measure q;",
            {"1": 1.0},
        ),
        (
            THREE.replace("10", "1")
            + "x q; c = measure q; if (c[0]) { for int i in [1:3] { rx(i * pi / 6) q[0]; } } c = measure q;",
            {"0": 1.0},
        ),
        (THREE.replace("10", "2") + "let a = q[{1, 0}]; x a[0]; c = measure q;", {"10": 1.0}),
        (THREE.replace("10", "2") + "x q[0]; ctrl @ x q[0], q[1]; c = measure q;", {"11": 1.0}),
        (THREE.replace("10", "1") + "pow(2) @ sx q[0]; c = measure q;", {"1": 1.0}),
        (THREE.replace("10", "1") + "gate n a { x a; } n q[0]; c = measure q;", {"1": 1.0}),
        ("qubit q; bit c; U(pi, 0, 0) q; c = measure q;", {"1": 1.0}),
        (TWO.replace("10", "1") + doubled(3) + " measure q->c;", {"0": 1.0}),
    ],
)
def test_programs_have_the_expected_distribution(program: str, expected: dict[str, float]) -> None:
    assert probabilities(built(program), "c") == pytest.approx(expected)


def test_feed_forward_works_in_all_registers() -> None:
    made = built(PROGRAM)
    assert probabilities(made, "received") == pytest.approx({"1": 1.0})
    assert probabilities(made, "sent") == pytest.approx(dict.fromkeys(("00", "01", "10", "11"), 0.25))
    params = OpenQasmInput(program=PROGRAM)
    answer = algorithm.answer(params, step_of(algorithm.start(params))).as_dict()
    assert [register["name"] for register in answer["registers"]] == ["sent", "received"]
    assert answer["registers"][1]["outcomes"] == [{"bitstring": "1", "count": 4096, "probability": 1.0}]
    assert "1 in received (100.0%)" in answer["summary"]
    assert "in sent (" in answer["summary"]
    assert "too close to tell apart" in answer["summary"]
    assert answer["ideal"] == pytest.approx(dict.fromkeys(("00", "01", "10", "11"), 0.25))


@pytest.mark.parametrize(
    "program",
    [
        TWO + "x q[9];",
        THREE + "x q[9];",
        THREE + "bit[3] meas; x q[9];",
        THREE + "x q[9]; measure q[2:1];",
    ],
)
def test_a_program_without_measurement_is_measured_at_its_end_and_the_answer_says_so(program: str) -> None:
    params = OpenQasmInput(program=program)
    answer = algorithm.answer(params, step_of(algorithm.start(params))).as_dict()
    assert answer["measured_all"] is True
    assert "It measures nothing, so all qubits were measured" in answer["summary"]
    [register] = answer["registers"]
    assert register["outcomes"] == [{"bitstring": "1" + "0" * 9, "count": 4096, "probability": 1.0}]
    assert answer["ideal"] == {"1" + "0" * 9: pytest.approx(1.0)}


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("version", [2, 3])
def test_a_program_written_by_qiskit_gives_the_same_circuit(seed: int, version: int) -> None:
    wanted = random_circuit(4, 6, max_operands=3, seed=seed)
    program = qasm2.dumps(wanted) if version == 2 else qasm3.dumps(wanted)
    found = built(program).remove_final_measurements(inplace=False)
    assert found is not None
    assert Statevector(found).equiv(Statevector(wanted))
    known = exact(program)
    assert known is not None
    assert known == pytest.approx(
        {bits: part for bits, part in Statevector(wanted).probabilities_dict().items() if part > 1e-9},
        abs=1e-9,
    )


@pytest.mark.parametrize(
    "program",
    [
        PROGRAM,
        THREE + "let a = q[{0, 2}]; h a;",
        THREE + "for int i in [0:2] { let a = q[0:1]; h a; }",
        THREE + "for int i in [0:3] { if (c[0]) { x q[0]; } }",
        TWO + "if (c == 3) x q;",
    ],
)
def test_a_circuit_that_runs_can_be_exported_again(program: str) -> None:
    assert qasm3.dumps(built(program)).startswith("OPENQASM 3.0;")


def test_changing_the_returned_circuit_does_not_change_the_cached_one() -> None:
    program = TWO + "x q[0];"
    built(program).x(0)
    assert built(program).count_ops()["x"] == 1


@pytest.mark.parametrize(
    ("more", "right"),
    [
        ("x q[1]; measure q -> c; x q[0];", {"10": 1.0}),
        ("h q[0]; reset q; measure q -> c;", {"00": 1.0}),
        ("x q[0]; measure q[0] -> c[0]; measure q[0] -> c[1];", {"11": 1.0}),
        ("x q[0]; measure q[0] -> c[0];", {"01": 1.0}),
        ("h q[0]; measure q -> c; if (c == 1) x q[1]; measure q -> c;", {"00": 0.5, "11": 0.5}),
        (
            "h q; measure q[0] -> c[0]; h q[0]; measure q[0] -> c[1];",
            dict.fromkeys(("00", "01", "10", "11"), 0.25),
        ),
    ],
)
def test_the_ideal_distribution_follows_measurements_inside_the_circuit(
    more: str, right: dict[str, float]
) -> None:
    assert exact(TWO.replace("10", "2") + more) == pytest.approx(right)


@pytest.mark.parametrize(
    "program",
    [
        "OPENQASM 2.0; qreg q[40]; creg c[40];" + "h q; cx q[0],q[1]; t q; h q; measure q -> c;",
        "OPENQASM 2.0; qreg q[18]; creg c[18];"
        + ("u2(1,2) q; t q;" + "".join(f"cx q[{n}],q[{n + 1}];" for n in range(17))) * 40
        + "measure q -> c;",
        "OPENQASM 2.0; qreg q[9]; creg c[9];" + "h q; measure q -> c;" * 20,
    ],
)
def test_there_is_no_ideal_distribution_where_it_would_take_long(program: str) -> None:
    start = time.thread_time()
    assert exact(program) is None
    assert time.thread_time() - start < PATIENCE


def test_noise_is_compared_with_the_ideal() -> None:
    program = TWO.replace("10", "1") + "x q; measure q->c;"
    params = OpenQasmInput(program=program)

    def answer(ones: int) -> dict[str, Any]:
        result = JobResult(counts={"c": {"1": ones, "0": 100 - ones}})
        return algorithm.answer(params, Step(0, result, None, "x", True)).as_dict()

    assert answer(98)["fidelity"] == pytest.approx(0.98)
    assert "note" not in answer(98)
    assert "Noise changed the outcomes" in answer(40)["note"]


def test_the_largest_result_fits_in_a_message() -> None:
    program = "qubit[127] q;" + "".join(f"bit[14] c{n};" for n in range(9))
    program += "".join(f"c{n} = measure q[{14 * n}:{14 * n + 13}];" for n in range(9))
    with pytest.raises(InputError, match="Ask for") as caught:
        built(program, shots=100_000)
    [problem] = caught.value.details["errors"]
    assert problem["field"] == "shots"
    shots = int(problem["message"].split("; ")[1].split()[0])
    made = built(program, shots=shots)
    counts = {
        register.name: {f"{number:014b}": 1 for number in range(min(shots, 2**14))} for register in made.cregs
    }
    result = JobResult(counts=counts, shots=shots)
    assert len(encode(PubResult(**result.model_dump(exclude={"pubs"})))) < 0.75 * MAX_EVENT_BYTES
    params = OpenQasmInput(program=program, shots=shots)
    answer = algorithm.answer(params, Step(0, result, None, "x", True)).as_dict()
    assert sum(len(item["outcomes"]) for item in answer["registers"]) <= MAX_LISTED


# --- what programs may not do -------------------------------------------------------------------------

#: Registers of which each bit is assigned a function of the other one.
_REGISTERS = "bit[1000] a; bit[1000] b; b[0] = measure q[0]; "
NASTY: list[tuple[str, str]] = [
    # Syntax errors, with their place.
    (TWO + "x q[0]", "line 5, column 1: unexpected end-of-file"),
    (THREE + "x q[0]", "line 5, column 7: the end of the program is not expected here"),
    (THREE + "x q[0;", "line 5, column 7: the end of the program is not expected here"),
    (TWO + "\n foo q[0];", "line 6, column 2: 'foo' is not defined"),
    (THREE + "\n foo q[0];", "line 6, column 2: gate 'foo' is not defined"),
    (TWO + "h q[0];\nu3 q[0];\nh q[1];", "line 6, column 1: this cannot be made a circuit"),
    (TWO + "h q[20];", "line 5, column 5: index 20 is out-of-range"),
    (THREE + "x q[0];\nh q[20];\nx q[1];", "line 6, column 3: index 20 is outside of the 10 that there are"),
    (THREE + "rz(pi/0) q[0];", "line 5, column 4: division by zero"),
    (THREE + "qubit[4] q;", "line 5, column 1: 'q' is already declared"),
    (THREE + "cx q, q;", "line 5, column 1: a gate is applied to the same qubit twice"),
    (TWO + "x q[0];\0", "line 5, column 8"),
    (THREE + "x q[0];\0", "line 5, column 8"),
    ("OPENQASM 4.0; qubit q;", "must be 2.0 or 3.0"),
    ("// nothing", "no statement"),
    ("OPENQASM 3.0;", "declares no qubits"),
    ("(" * 10, "line 1"),
    # Files.
    (TWO + 'include "/etc/passwd";', "files are not read"),
    (TWO + 'include "stdgates.inc";', "files are not read"),
    (THREE + 'include "../../secret.inc";', "files are not read"),
    (THREE + 'include\n"qelib1.inc";', "files are not read"),
    ("OPENQASM 2.0; include", "files are not read"),
    # Sizes.
    (TWO + "qreg r[1000000000];", "over 9 digits"),
    (TWO + "qreg r[999999999];", "at most 127"),
    (TWO + "qreg /* a */ r // b\n [ 118 ];", "128 qubits; at most 127"),
    (TWO + "creg r[2039];", "2049 classical bits; at most 2048"),
    (THREE + "qubit[118] r;", "128 qubits; at most 127"),
    (THREE + "bit[2039] r;", "2049 classical bits"),
    (THREE + "qubit[1000 * 1000 * 1000] r;", "too large"),
    (THREE + "qubit[-1] r;", "1 bit or more"),
    (THREE + "qubit[0] r;", "1 bit or more"),
    (THREE + "qubit[c] r;", "a size cannot depend on a measurement"),
    (TWO + f"h q[{'9' * 500}];", "over 9 digits"),
    (THREE + f"h q[{'9' * 5000}];", "over 1000 digits"),
    (TWO + "h q;" * 2001, "over 20000 gates"),
    (THREE + "h q;" * 2001, "over 20000 gates"),
    # Loops.
    (THREE + "for int i in [0:100000000] { x q[0]; }", "over 20000 gates"),
    (THREE + "for int i in [0:1000] { for int j in [0:1000] { x q[0]; } }", "over 20000 gates"),
    (THREE + "for int i in [0:0:5] { x q[0]; }", "step of a range must not be 0"),
    (THREE + "while (true) { x q[0]; }", "over 20000 gates"),
    # Definitions in definitions.
    (TWO + doubled(16), "over 20000 gates, definitions written out"),
    (THREE + doubled(16), "over 20000 gates"),
    (THREE + doubled(40, "t"), "over 20000 gates"),
    (TWO + doubled(40, "t"), "over 20000 gates, definitions written out"),
    (TWO + doubled(200), "over 40 deep"),
    (TWO + "gate g a { g a; } g q[0];", "not defined"),
    (THREE + "gate g a { g a; } g q[0];", "not defined"),
    (TWO + "opaque g a; g q[0];", "opaque"),
    # Modifiers.
    (THREE + "ctrl(9) @ x q;", "1 to 8 controls"),
    (THREE + "ctrl @ " * 9 + "x q[0],q[1],q[2],q[3],q[4],q[5],q[6],q[7],q[8],q[9];", "1 to 8 controls"),
    (THREE + "ctrl(2 ** 30) @ x q;", "1 to 8 controls"),
    (THREE + "ctrl(-1) @ x q[0], q[1];", "1 to 8 controls"),
    (THREE + "gate g a,b,c,d { x a; } pow(0.5) @ g q[0],q[1],q[2],q[3];", "up to 3 qubits"),
    # Expressions.
    (TWO + "rz(" + "(" * 5000 + "1" + ")" * 5000 + ") q[0];", "brackets are over 40 deep"),
    (THREE + "rz(" + "(" * 5000 + "1" + ")" * 5000 + ") q[0];", "brackets and blocks are over 40 deep"),
    (TWO + "rz(" + "-" * 9000 + "1) q[0];", "50 signs in a row"),
    (THREE + "rz(" + "-" * 9000 + "1) q[0];", "over 30 signs in a row"),
    (THREE + "rz(" + "-" * 590 + "1) q[0];", "over 30 signs in a row"),
    (THREE + "rz(" + "1+" * 290 + "1) q[0];", "too deep"),
    (TWO + "rz(" + "2^" * 290 + "1) q[0];", "not a finite number"),
    (TWO + "gate g(x) a { rz(exp(x)) a; } g(900) q[0];", "not a finite number"),
    (THREE + "gate g a { rz(1e300 * 1e300) a; } g q[0];", "not a finite number"),
    (THREE + "rz(2 ** 2 ** 2 ** 2 ** 2 ** 2) q[0];", "a number has over 4096 bits"),
    ("{" * 6000, "brackets and blocks are over 40 deep"),
    # Numbers, indices and conditions that take long in themselves.
    (TWO + "rz(" + "9" * 40_000 + ") q[0];", "over 1000 digits"),
    (THREE + "rz(" + "9" * 40_000 + ") q[0];", "over 1000 digits"),
    (THREE + ("int a = " + "9" * 900 + "; ") * 280, "'a' is already declared"),
    (THREE + "x q[0:999999999999];", "index 999999999999 is outside of the 10"),
    (THREE + "x q[0:" + "9" * 30 + "];", "is outside of the 10"),
    (THREE + "x q[" + "9" * 30 + ":-1:0];", "is outside of the 10"),
    (THREE + "let a0 = q; " + "".join(f"let a{n} = a{n - 1} ++ a{n - 1}; " for n in range(1, 40)), "steps"),
    (THREE + "let a0 = q; " + "".join(f"let a{n} = a{n - 1} ++ q; " for n in range(1, 9_000)), "steps"),
    (THREE + "array[int, 9999] a; while (true) { int b = sizeof(a[0:9998]); }", "too many steps"),
    (THREE + "bit[300] d; bit[300] e; " + "if (d < e) x q[0];" * 200, "too many steps"),
    (THREE + "bit[150] d; " + f"if ({'^'.join(f'd[{n}]' for n in range(150))}) x q[0];" * 200, "steps"),
    (THREE + _REGISTERS + "a = b; b = a; " * 9 + "rz(1 / 0) q[0];", "division by zero"),
    (THREE + _REGISTERS + "a = a ^ b; " * 15 + "rz(1 / 0) q[0];", "division by zero"),
    (THREE + "/* " * 80_000, "line 5, column 1: this comment has no end"),
    (TWO + "x q[0]; /*/", "line 5, column 9: this comment has no end"),
    # What no backend can be given.
    (THREE + "extern f(int) -> int;", "extern functions cannot be run"),
    (TWO + "x $3;", "'$3' is not expected here"),
    (TWO + "creg d[0];", "line 5, column 8: register 'd' has the size 0"),
    (TWO + "qreg d[0];", "1 bit or more"),
    (TWO + "h q[99999999999999999999];", "line 5, column 5: an index or a size has over 9 digits"),
    (THREE + "input angle a; rz(a) q[0];", "input 'a' has no value; give it in inputs"),
    (THREE + "c = measure q; int[8] n = int[8](c) / 3;", "is not supported for values that depend"),
]


@pytest.mark.parametrize(("program", "words"), NASTY, ids=range(len(NASTY)))
def test_a_bad_program_is_refused_soon_with_the_reason(program: str, words: str) -> None:
    start = time.thread_time()
    with pytest.raises(InputError) as caught:
        built(program)
    assert time.thread_time() - start < PATIENCE
    assert caught.value.message.startswith("program: ")
    assert words in caught.value.message
    assert [item["field"] for item in caught.value.details["errors"]] == ["program"]
    assert caught.value.details["line"] >= 1
    assert caught.value.details["column"] >= 1
    assert len(caught.value.message) < 600


@pytest.mark.parametrize(
    "program",
    [
        TWO + doubled(11, "t"),
        THREE + doubled(11, "t"),
        THREE + "x q[0];x q[1];" * 9_990,
        "OPENQASM 2.0;qreg q[127];" + "U(0,0,0)q;" * 150,
        THREE + "for int i in [1:19000] { x q[0]; }",
        THREE + "rz(" + "(" * 18 + "1" + ")" * 18 + ") q[0];",
    ],
    ids=["definitions-2", "definitions-3", "text", "broadcast", "loop", "brackets"],
)
def test_the_largest_good_program_is_built_in_time(program: str) -> None:
    start = time.thread_time()
    assert built(program).size() <= MAX_SIZE + 127
    assert time.thread_time() - start < PATIENCE


_WORDS = """OPENQASM 2.0 3.0 include "qelib1.inc" "stdgates.inc" "x.inc" qreg creg qubit bit q c a b gate
opaque if else for while in int measure reset barrier let box ctrl inv pow U CX h x cx rz pi 0 1 2 3 1e9 0.5
99999 ( ) [ ] { } ; , : @ -> = == + - * / ** ^ ++ $0 // /* */"""
words_of_programs = st.sampled_from(_WORDS.split())


def refusal(program: str) -> InputError | None:
    """Return why it is rejected; None if it is built."""
    try:
        made = built(program)
    except InputError as error:
        return error
    assert made.num_clbits > 0
    assert 0 < made.num_qubits <= 127
    return None


@given(
    st.sampled_from([TWO, THREE, ""]),
    st.lists(words_of_programs, max_size=30).map(" ".join) | st.text(max_size=30),
)
def test_any_text_is_built_or_refused(head: str, body: str) -> None:
    error = refusal(head + body + ";")
    assert error is None or error.message.startswith("program: ")


@given(st.data())
def test_a_program_with_a_missing_or_doubled_word_is_built_or_refused(data: st.DataObject) -> None:
    pieces = PROGRAM.split(" ")
    place = data.draw(st.integers(0, len(pieces) - 1))
    put = data.draw(st.sampled_from([[], [pieces[place]] * 2, ["q"], ["-1"], ["{"], ["2**70"]]))
    error = refusal(" ".join([*pieces[:place], *put, *pieces[place + 1 :]]))
    assert error is None or error.message.startswith("program: ")


def test_a_program_too_long_is_refused_before_anything_is_done() -> None:
    error = algorithm.main({"program": "x" * (MAX_CHARACTERS + 1)})["error"]
    assert [item["field"] for item in error["details"]["errors"]] == ["program"]
