"""What the bodies of gates and subroutines may name from outside."""

from __future__ import annotations

import pytest

from actions.run_openqasm.exact import distribution
from core.openqasm.errors import ProgramError
from core.openqasm.lowering import lower
from tests.core.openqasm.programs import Q3

#: Everything that there is outside of a gate.
OUTSIDE = (
    Q3
    + """let bits = c[0:1]; int n = 1; const int k = 2; bool yes = true; qubit[2] single;
array[int, 3] numbers = {1, 2, 3};
def flip(qubit r) { x r; }
def flip_global() { x q[0]; }
def flip_physical() { x $0; }
def read() -> bit { return c[0]; }
def sees() -> int { return n; }
def measured(qubit r) -> bit { return measure r; }
def add(int z) -> int { return z + k; }
gate other a { x a; }
"""
)
#: A gate's body with each kind of statement in it; `^` is where it is refused.
REFUSED_IN_A_GATE = """x ^$0;
cx a, ^$0;
U(0, 0, 0) ^$7;
other ^$0;
ctrl @ x ^$0, a;
ctrl @ gphase(pi) ^$0;
barrier ^$0;
barrier a, ^q;
barrier ^q[0];
barrier ^missing;
delay[10ns] ^$0;
delay[10ns] ^q[0];
x ^q[0];
x ^q;
x ^bits[0];
x ^single;
x ^single[0];
x ^c[0];
let l = ^$0;
let l = ^q;
let l = ^q[0:1];
let l = ^bits;
let l = a ++ ^$0;
^c[0] = measure a;
^c = measure q;
^measure a -> c[0];
^measure a;
^measure $0;
^reset a;
^reset $0;
^reset q;
if (^c[0]) { x a; }
if (^c == 1) x a;
if (^n == 1) x a;
if (^yes) x a;
if (true) x ^$0;
if (k == 2) { } else { } x ^$0;
while (^c[0]) x a;
for bit b in ^c { x a; }
for int i in [0:^n] { x a; }
for int i in [0:1] { x ^$0; }
for int i in [0:1] { ^end; }
switch (^c) { case 0 { x a; } }
switch (k) { case 2 { x ^$0; } }
box { x ^$0; }
{ x ^q[0]; }
flip(^q[0]);
flip(^$0);
rx(^c[0]) a;
rx(^n) a;
rx(^q) a;
rx(^$0) a;
rx(^numbers[0]) a;
rx(popcount(^c)) a;
rx(sizeof(^numbers)) a;
rx(add(^n)) a;
gphase(^n);
gphase(^c[0]);
pow(^n) @ x a;
^n = 2;
^c[0] = 1;
^bit b;
^creg b[2];
^int m = 2;
^qubit r;
^qreg r[2];
^input int m;
^end;
^return;
^break;
^gate inner b { x b; }
^def inner(qubit b) { x b; }
^include "stdgates.inc";
^cal { }""".splitlines()
#: Calls of subroutines that reach outside, which are refused where they do, and the text there.
REFUSED_IN_A_CALL = {
    "flip_global();": "q[0]; }\ndef flip_physical",
    "flip_physical();": "$0; }\ndef read",
    "if (read()) x a;": "c[0]; }\ndef sees",
    "rx(sees()) a;": "n; }\ndef measured",
    "if (measured(a)) x a;": "measure r; }\ndef add",
}
#: Gates with such a body: not applied, with an angle, in a branch, and in a subroutine.
GATES = [
    "gate g a { BODY }",
    "gate g(t, part) a, b { rx(t) a; BODY } g(1, 2) q[2], q[0];",
    "gate g a { BODY } h q; c = measure q; if (c[0]) { ctrl @ g q[1], q[2]; }",
    "gate g a { BODY } def d(qubit r) { for int i in [0:1] { g r; } } d(q[0]); d($0);",
]


def refusal(program: str) -> ProgramError:
    with pytest.raises(ProgramError) as caught:
        lower(program)
    return caught.value


@pytest.mark.parametrize("statement", REFUSED_IN_A_GATE)
def test_a_gate_uses_nothing_from_outside(statement: str) -> None:
    before, after = statement.split("^")
    for gate in GATES:
        program = OUTSIDE + gate.replace("BODY", before + after)
        error = refusal(program)
        line, column = program.count("\n") + 1, gate.index("BODY") + len(before) + 1
        assert (error.line, error.column) == (line, column), error.message


@pytest.mark.parametrize("call", REFUSED_IN_A_CALL)
def test_a_subroutine_that_a_gate_calls_uses_nothing_from_outside(call: str) -> None:
    for gate in GATES:
        program = OUTSIDE + gate.replace("BODY", call)
        error = refusal(program)
        before = program[: program.index(REFUSED_IN_A_CALL[call])].split("\n")
        assert (error.line, error.column) == (len(before), len(before[-1]) + 1), error.message


@pytest.mark.parametrize(
    ("body", "same"),
    [
        ("let l = a; x l;", "x a;"),
        ("if (k == 2) x a; else h a;", "x a;"),
        ("switch (k) { case 2 { x a; } default { h a; } }", "x a;"),
        ("for int i in [1:k] { rx(i) a; if (i == 2) { break; } }", "rx(3) a;"),
        ("box { x a; { h a; } }", "x a; h a;"),
        ("flip(a); barrier a; barrier; delay[10ns] a;", "x a;"),
        ("rx(add(1)) a; other a;", "rx(3) a; x a;"),
        ("const int m = 2; rx(m * k) a;", "rx(4) a;"),
    ],
)
def test_a_gate_uses_its_own_qubits_and_constants(body: str, same: str) -> None:
    around = "gate g a { BODY } h q[1]; ctrl @ g q[1], q[2]; g q[0]; c = measure q;"
    found, wanted = (
        distribution(lower(OUTSIDE + around.replace("BODY", text)).circuit, "c") for text in (body, same)
    )
    assert found == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize(
    ("statement", "right"),
    [
        ("x $0;", "001"),
        ("cx a, $0;", "001"),
        ("x a; let l = $0 ++ $4; x l[0];", "001"),
        ("flip_physical(); flip($4);", "011"),
        ("if (true) x $0; for int i in [0:0] { x $4; } box { x $4; }", "001"),
        ("ctrl @ x a, $4; other $0;", "011"),
        ("c[2] = measure $4; if (!c[2]) { x $0; } else { x $4; }", "001"),
        ("x $0; reset $0; x $4; barrier $0, a; delay[1ns] $4;", "010"),
        ("measured($0); if (!measured($4)) x $0;", "001"),
    ],
)
@pytest.mark.parametrize(
    "around",
    [
        "let a = q[0]; BODY",
        "def d(qubit a) { BODY } d(q[0]);",
        "def d(qubit a) { BODY } def e(qubit a) { d(a); } if (true) { e(q[0]); }",
        "let a = q[0]; x q[1]; bit e = measure q[1]; if (e) { BODY }",
        "let a = q[0]; box { for int j in [1:1] { BODY } }",
    ],
)
def test_physical_qubits_are_the_same_everywhere(statement: str, right: str, around: str) -> None:
    program = (
        OUTSIDE
        + "x q[0]; "
        + around.replace("BODY", statement)
        + " c[0] = measure $0; c[1] = measure $4; c[2] = 0;"
    )
    assert distribution(lower(program).circuit, "c") == pytest.approx({right: 1.0})


def test_the_number_of_a_physical_qubit_is_bounded() -> None:
    assert "digits" in refusal(Q3 + "x $" + "9" * 5_000 + ";").message


def test_a_definition_that_is_not_finite_for_the_probe_does_not_count_as_open() -> None:
    program = Q3 + "gate g(t) a { rx(1 / t) a; }"
    for number in range(60):
        program += f" gate f{number}(t) a {{ rx(t) a; g(1e-320) a; }}"
    program += " gate e(t) a { g(t) a; } e(1) q[0]; c = measure q;"
    assert lower(program).circuit.num_qubits == 3
