"""Whatever a program holds, it is built or refused with a line and a column, and in bounded time."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from actions.run_openqasm.algorithm import OpenQasmInput, algorithm
from core.errors import InputError
from tests.core.openqasm.generated import program
from tests.core.openqasm.programs import HEAD, PROGRAMS

TWO = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[3];\ncreg c[3];\n'
THREE = HEAD + "qubit[3] q;\nbit[3] c;\nint n = 2;\n"
#: Seconds of CPU that one program may take on a busy machine; on an idle one it is 2.
SECONDS = 10.0
SIZE = 262_144

_WORDS = """qreg creg qubit bit int uint float angle bool const def gate opaque if else for while in switch
case default break continue return end measure reset barrier let box delay input output ctrl negctrl inv
pow gphase @ U CX h x cx rz pi tau q c n a b sin popcount 0 1 2 3 1e9 0.5 99999 "01" true false
( ) [ ] { } ; ; ; , : -> = == != < > + - * / ** % ^ & | && || ! ~ << >> ++ += $0 $1
100ns // /* */ #pragma pragma @note é"""
VALID = [*PROGRAMS.values(), TWO + "gate g(t) a { rx(t) a; } g(pi/2) q[0]; if(c==1) x q[1]; measure q -> c;"]


def check(text: str) -> bool:
    """Build a program, and return whether it could be built."""
    start = time.thread_time()
    try:
        made = algorithm.build(OpenQasmInput(program=text, shots=100))
        message = ""
    except InputError as error:
        message = error.message
    assert time.thread_time() - start < SECONDS
    if message:
        assert re.match(r"program: line \d+, column \d+: |shots: ", message), text
        assert "Node" not in message
        return False
    assert made.num_clbits > 0
    return True


@settings(deadline=None)
@given(st.sampled_from([TWO, THREE, ""]), st.lists(st.sampled_from(_WORDS.split()), max_size=40))
def test_any_words_of_the_language(head: str, words: list[str]) -> None:
    check(head + " ".join(words) + ";")


@settings(deadline=None)
@given(st.sampled_from([TWO, THREE, ""]), st.text(min_size=1, max_size=40))
def test_any_text(head: str, text: str) -> None:
    check(head + text)


@settings(deadline=None)
@given(st.sampled_from(VALID), st.data())
def test_a_valid_program_with_words_replaced(text: str, data: st.DataObject) -> None:
    pieces = re.split(r"(\W)", text)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(pieces) - 1))
        pieces[place] = data.draw(st.sampled_from(["", pieces[place] * 2, *_WORDS.split()]))
    check("".join(pieces))


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 2_000), st.integers(0, 20))
def test_a_random_program_with_a_part_missing(seed: int, start: int, length: int) -> None:
    text = program(seed)
    check(text[:start] + text[start + length :])


#: Values of every type, among them those with which arithmetic fails, and where a value can stand.
VALUES = """0 1 -1 3 0.5 1e400 -1e400 1e300 1e308 2**2000 2**40 1im true "01" 1ns 0ns 1e400ns pi
c c[0] a f z d n u g s arr arr[0] q int(f) bool(f) uint[8](n) angle[8](f) bit[2](n)"""
DECLARED = (
    "int a = 3; float f = 2.5; complex z = 1im; duration d = 1ns; uint u = 4; angle[8] g = 1; "
    "bool s = true; array[int, 2] arr = {1, 2}; "
)
SIGNS = "+ - * / % ** & | ^ << >> == < && ||"
CALLS = "sin tan arcsin exp log sqrt floor ceiling real popcount abs"
TYPES = "int uint float complex duration int[8] uint[40] angle[8] angle[64] angle bool bit[4]"
EXPRESSIONS = st.recursive(
    st.sampled_from(VALUES.split()),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(SIGNS.split()), inner)
        | st.builds("{}{}".format, st.sampled_from("-~!"), inner)
        | st.builds("{}({})".format, st.sampled_from(CALLS.split()), inner)
        | st.builds("{}({}, {})".format, st.sampled_from(["max", "mod", "pow", "rotl"]), inner, inner)
    ),
    max_leaves=4,
)
PLACES = [
    "TYPE y = A; y = B; if (y == A) x q[0];",
    "const TYPE y = A; rx(y) q[0];",
    "rx(A) q[0]; cu(A, B, 1, A) q[0], q[1];",
    "pow(A) @ h q[0]; pow(A) @ rz(B) q[0]; pow(A) @ cu(B, A, 1, B) q[0], q[1];",
    "pow(A) @ h q[0];",
    "pow(A) @ rz(1) q[0];",
    "ctrl @ pow(A) @ gphase(B) q[0];",
    "gate mine(t) k { rx(t * A) k; pow(t * B) @ x k; } mine(A) q[0];",
    "if (A) x q[0];",
    "switch (A) { case 1 { x q[0]; } }",
    "for TYPE i in {A, B} { rx(1) q[0]; }",
    "for TYPE i in [A:B] { rx(1) q[0]; if (i == 3) { break; } }",
    "x q[A:B];",
    "c[A] = B;",
    "arr[A] = B; a += A; f *= B;",
    "array[TYPE, 2] y = {A, B};",
    "delay[A] q[0];",
    "def f1(TYPE y) -> TYPE { return B; } a = f1(A);",
]


@settings(deadline=None)
@given(
    st.sampled_from(PLACES),
    st.sampled_from(["", "c = measure q; "]),
    st.sampled_from(TYPES.split()),
    EXPRESSIONS,
    EXPRESSIONS,
)
@example(PLACES[5], "", "int", "1099511627776", "1")
@example(PLACES[4], "", "int", "1099511627776", "1")
@example(PLACES[4], "", "int", "1e400", "1")
@example("pow(A) @ dcx q[0], q[1];", "", "int", "1048575.5", "1")
@example("pow(B) @ cu(A, A, A, A) q[0], q[1];", "", "int", "1e308", "0.5")
@example(PLACES[0], "", "angle[64]", "1e300", "1")
@example(PLACES[0], "", "duration", "(2**2000 * 1ns)", "1")
@example(PLACES[0], "", "complex", "(1im % 2)", "1")
def test_any_value_anywhere(place: str, before: str, kind: str, first: str, second: str) -> None:
    text = place.replace("TYPE", kind).replace("A", first).replace("B", second)
    check(THREE + DECLARED + before + text)


def repeated(head: str, part: str, tail: str = "") -> str:
    return head + part * ((SIZE - len(head) - len(tail)) // len(part)) + tail


LARGE = {
    "2-flat": repeated(TWO, "rz(1+2*3-4/5) q[0];"),
    "2-branches": repeated(TWO, "if(c==1) x q[0];"),
    "2-definitions": TWO + "".join(f"gate g{number} a {{ x a; h a; }}\n" for number in range(8_000)),
    "2-doubled": TWO
    + "gate g0 a { x a; }\n"
    + "".join(f"gate g{number} a {{ g{number - 1} a; g{number - 1} a; }}\n" for number in range(1, 5_000))
    + "g4999 q[0];",
    "2-idle": repeated(TWO, "u0(2000) q[0];"),
    "2-comment": repeated(TWO + "/*", "* "),
    "3-flat": repeated(THREE, "cx q[0],q[1];"),
    "3-branches": repeated(THREE, "if (c[0]) { if (c[1]) { x q[0]; } }\n"),
    "3-shapes": THREE
    + "".join(
        f"rx({'(' * (number % 30)}{'1+' * (number % 90)}1{')' * (number % 30)}) q[0];"
        for number in range(900)
    ),
    "3-one-expression": repeated(THREE + "rx(", "1+", "1) q[0];"),
    "3-loops": THREE + "for int i in [0:99] { for int j in [0:99] { for int k in [0:99] { n = i * j; } } }",
    "3-subroutines": THREE
    + "def f(int n) -> int { if (n < 1) { return 1; } return f(n - 1) + f(n - 1); } n = f(30);",
    "3-powers": repeated(THREE, "pow(0.5) @ cx q[0],q[1];"),
    "3-integers": THREE + "n = n ** 3;" * 20,
    "3-sums": THREE + "c = measure q;" + "n = n + 1 + c[0];" * 3_000,
    "3-products": THREE + "c = measure q; n = int(c);" + "n = n * n;" * 100,
    "3-while": THREE + "while (c[0]) { while (c[1]) { while (c[2]) { h q[0]; c = measure q; } } }",
    "3-breaks": THREE
    + "for int i in [0:999] { c = measure q; if (c[0]) break; if (c[1]) continue; x q[0]; }",
    "3-else-if": THREE + "c = measure q; " + "if (c == 1) { x q[0]; } else " * 500 + "{ x q[0]; }",
    "3-braces": repeated(THREE, "{"),
    "3-compared": THREE + "bit[1000] b; " + "if (b == 5) x q[0];" * 500,
    "3-counted": THREE + "bit[1000] b; " + "if (popcount(b) == 5) x q[0];" * 50,
    "3-switch": THREE
    + "switch (c) {"
    + "".join(f"case {number} {{ x q[0]; }}" for number in range(3_000))
    + "}",
    "3-arrays": THREE + "".join(f"array[int, 9999] a{number};" for number in range(10_000)),
    "3-nested-loops": repeated(THREE, "for int i in {1} " * 30 + "x q;"),
    "3-blocks": repeated(THREE, "{}"),
    "3-not-reached": repeated(THREE + "if (false) {", "x q;", "}"),
    "3-definitions": THREE + "".join(f"gate g{number} a {{ x a; }}" for number in range(12_000)),
    "3-condition": THREE + "if (" + "c[0] ^ " * 700 + "c[1]) x q[0];",
}


@pytest.mark.parametrize("name", LARGE)
def test_a_large_program_is_built_or_refused_in_time(name: str) -> None:
    check(LARGE[name])
