"""Values of types with and without a size are what the language says, or are refused."""

from __future__ import annotations

import math
import operator
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openqasm3 import ast

from actions.run_openqasm.exact import distribution
from core.openqasm.errors import ProgramError
from core.openqasm.lowering import lower
from core.openqasm.values import INT, Const, Type, arithmetic
from tests.core.openqasm.programs import HEAD

ONE = HEAD + "qubit q; bit o; "
SIGNS = {"+": operator.add, "-": operator.sub, "*": operator.mul}
COMPARED = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, ">=": operator.ge}


def holds(declarations: str, condition: str) -> bool:
    """Tell whether a program finds a condition true when it runs."""
    lowered = lower(f"{ONE}{declarations} if ({condition}) x q; o = measure q;")
    found = distribution(lowered.circuit, "o")
    assert found in ({"1": 1.0}, {"0": 1.0})
    return found == {"1": 1.0}


@given(st.integers(1, 52), st.integers(0), st.integers(0), st.sampled_from("+-*/"), st.booleans())
def test_angles_with_a_size_are_calculated_modulo_a_full_turn(
    width: int, first: int, second: int, sign: str, is_angle: bool
) -> None:
    kind, full = Type("angle", width), 1 << width
    first, second = first % full, second % full
    unit = math.tau / full
    left = Const(first * unit, kind)
    right = Const(second * unit, kind) if is_angle else Const(second % 100, INT)
    other = second if is_angle else second % 100
    if ((sign in "+-") != is_angle and sign != "/") or (sign == "/" and not other):
        return
    found = arithmetic(sign, left, right, ast.IntegerLiteral(0), real=True)
    exact = first // other if sign == "/" else SIGNS[sign](first, other)
    if is_angle and sign == "/":
        assert (found.value, found.type.kind) == (exact, "uint")
    else:
        assert (found.value, found.type) == (exact % full * unit, kind)


@pytest.mark.parametrize(
    "condition",
    [
        "a + b == angle[4](pi / 2)",
        "b - a == angle[4](3 * pi / 2)",
        "2 * b == angle[4](0)",
        "-a == angle[4](pi / 2)",
        "a / 2 == angle[4](3 * pi / 4)",
        "a / b == 1",
    ],
)
def test_angles_of_a_program_wrap(condition: str) -> None:
    assert holds("angle[4] a = 3 * pi / 2; angle[4] b = pi;", condition)


@settings(deadline=None)
@given(st.integers(0, 10**9))
def test_registers_of_any_width_are_calculated_and_compared_without_a_loss(seed: int) -> None:
    chance = random.Random(seed)
    width = chance.choice([3, 31, 32, 33, 40, 63, 64, 65, 70])
    value, number = chance.getrandbits(width), chance.getrandbits(chance.choice([2, width]))
    sign, compared = chance.choice("+-"), chance.choice(sorted(COMPARED))
    outcome = SIGNS[sign](value, number)
    bound = outcome + chance.choice([0, 0, 1, -1, -(2**32), 2**32])
    program = f'bit[{width}] c = "{value:0{width}b}";'
    assert holds(program, f"c {sign} {number} {compared} {bound}") == COMPARED[compared](outcome, bound)


@st.composite
def operands(draw: st.DrawFn) -> tuple[str, str]:
    """A type, and a value of it as a number in a program's text."""
    kind = draw(st.sampled_from(["int", "uint", "bit"]))
    width = draw(st.sampled_from([1, 2, 4, 7, 8] if kind != "int" else [2, 4, 7, 8]))
    number = draw(st.integers(0, 2**width - 1))
    if kind == "bit":
        return f"bit[{width}]", f'"{number:0{width}b}"'
    return f"{kind}[{width}]", str(number - 2 ** (width - 1) if kind == "int" else number)


def bits_of_outcome(values: str, expression: str, target: str) -> str:
    """Return what the program gets for an expression, as a type and as 20 bits."""
    program = f"{values} {target} e = {expression}; int[20] w = {expression}; bit[20] f = w; bit[20] d = e;"
    lowered = lower(f"{ONE}bit z = measure q; {program}")
    found = []
    for register in ("d", "f"):
        [(outcome, weight)] = (distribution(lowered.circuit, register) or {}).items()
        assert weight == 1.0
        found.append(outcome)
    return " ".join(found)


BINARY = ["&", "|", "^", "+", "-", "*"]


@settings(deadline=None, max_examples=60)
@given(
    operands(),
    operands(),
    st.sampled_from([f"a {sign} b" for sign in [*BINARY, *COMPARED, ">", "<="]] + ["a << 2", "a >> 1"])
    | st.sampled_from(["~a", "-a", "!a", "~(a ^ b)", "-(a | b)", "~(a & b)", "(a ^ b) >> 1", "(a | b) << 3"])
    | st.sampled_from(
        ["a ^ 1", "a | 37", "5 & a", "a ^ 0", "~(a | 3)", "(a ^ b) + a", "a - 3", "a ^ -1", "~(a ^ -2)"]
    ),
    st.sampled_from(["int[20]", "uint[20]", "uint[12]", "int[16]"]),
)
@example(("uint[4]", "1"), ("uint[8]", "16"), "a ^ b", "uint[20]")
@example(("uint[4]", "1"), ("uint[8]", "240"), "a | b", "uint[12]")
@example(("uint[4]", "1"), ("uint[8]", "0"), "a | 37", "uint[12]")
@example(("uint[4]", "1"), ("uint[4]", "1"), "-a", "uint[12]")
@example(("bit[3]", '"101"'), ("uint[4]", "1"), "-a", "int[20]")
@example(("int[4]", "-1"), ("uint[8]", "16"), "a ^ b", "int[20]")
def test_constants_and_measured_values_are_calculated_alike(
    first: tuple[str, str], second: tuple[str, str], expression: str, target: str
) -> None:
    values = [
        f"{kind} {name} = {number};" for name, (kind, number) in zip("ab", (first, second), strict=True)
    ]
    constant = bits_of_outcome("const " + " const ".join(values), expression, target)
    # The measured bit is 0, which is not known before the program runs.
    for names in ("a", "b", "ab"):
        change = " ".join(f"{name} = 0;" for name in names)
        constants = ["" if name in names else "const " for name in "ab"]
        declared = " ".join(const + value for const, value in zip(constants, values, strict=True))
        assert bits_of_outcome(f"{declared} if (z) {{ {change} }}", expression, target) == constant


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("int i = 5000000000; if (m) i += 1;", "5000000000 does not fit in the 32 bits of int"),
        ("int i = -2147483649; if (m) i += 1;", "-2147483649 does not fit"),
        ("uint i = 4294967296; if (m) i += 1;", "does not fit in the 32 bits of uint"),
        ("int i = 2147483648; for int j in [0:1] { if (m) { i = j; } }", "does not fit"),
        ("bit[40] c; int i = c;", "bit[40] does not fit in the 32 bits of int"),
        ("bit[33] c; if (uint(c) == 1) x q;", "bit[33] does not fit"),
        ("bit[33] c; int i = 1; if (m) { i = c; }", "bit[33] does not fit"),
        ("const int i = 2 ** 40; if (popcount(i) == 1) x q;", "does not fit"),
        ("const int i = 2 ** 40; if (rotl(i, 1) == 1) x q;", "does not fit"),
        ("const int i = 2 ** 40; if (i[3]) x q;", "does not fit"),
        ("const uint i = 2 ** 40; if (~i == 1) x q;", "does not fit"),
        (
            "uint[40] a = 0; if (m) { a = 549755813888; } uint y = a;",
            "uint[40] does not fit in the 32 bits of uint",
        ),
        ("int[33] a = 0; if (m) { a = 1; } int y = a;", "int[33] does not fit in the 32 bits of int"),
        (
            "uint[40] a = 0; if (m) { a = 1; } int y = 0; y = a;",
            "uint[40] does not fit in the 32 bits of int",
        ),
        ("uint[40] a = 0; if (m) { a = 1; } if (uint(a) == 0) x q;", "uint[40] does not fit"),
        ("uint[40] a = 0; if (m) { a = 1; } def f(uint n) {} f(a);", "uint[40] does not fit"),
        ("uint[40] a = 0; if (m) { a = 1; } uint[8] b = 1; uint y = a ^ b;", "uint[40] does not fit"),
        ("uint[33] a = 0; if (m) { a = 1; } int n = 1; if (m) { n = 2; } n ^= a;", "int[34] does not fit"),
        (
            "uint[40] a = 0; if (m) { a = 1; } uint y = a + 1;",
            "a number of 41 bits does not fit in the 32 bits",
        ),
        ("uint[40] a = 0; if (m) { a = 1; } uint y = ~(a + 1) >> 1;", "a number of 41 bits does not fit"),
        ("bit[40] c; int y = -c;", "a number of 41 bits does not fit in the 32 bits of int"),
        ("int n = 1; if (m) { n = 2; } int y = n + 5000000000;", "does not fit in the 32 bits of int"),
        ("bit[40] c; if (c * c == 4) x q;", "a product that depends on a measurement has over 64 bits"),
    ],
)
def test_what_would_lose_bits_is_refused(text: str, words: str) -> None:
    with pytest.raises(ProgramError) as caught:
        lower(ONE + "bit m; m = measure q; " + text)
    assert words in caught.value.message
    assert caught.value.line == 3
    assert caught.value.column is not None


@pytest.mark.parametrize(
    ("declarations", "condition"),
    [
        ("int i = 2147483647; bit m; if (m) i = 0;", "i == 2147483647"),
        ("int i = -2147483648; bit m; if (m) i = 0;", "i == -2147483648"),
        ("uint i = 4294967295; bit m; if (m) i = 0;", "i == 4294967295"),
        ("int[64] i = 5000000000; bit m; if (m) i = 0; else i += 1;", "i == 5000000001"),
        (f'bit[40] c = "1{"0" * 39}";', "uint[40](c) == 2 ** 39"),
        ("int n = 5; bit m; if (m) { n = 1; } int k = n ^ -1;", "k == -6"),
        ("int n = 5; bit m; if (m) { n = 1; } uint u = 6; if (m) { u = 1; } int k = n ^ u;", "k == 3"),
        ("int n = -5; bit m; if (m) { n = 1; } uint[8] u = 6; if (m) { u = 1; } int k = n ^ u;", "k == -3"),
        ("uint n = 4294967295; bit m; if (m) { n = 1; } const int k = 5; uint y = n & k;", "y == 5"),
        ("uint n = 4294967295; bit m; if (m) { n = 1; } const int k = 5;", "n > k"),
        ("int n = 7; bit m; if (m) { n = 1; } n = n + 1; int k = -n;", "k == -8"),
        ("uint[40] a = 7; bit m; if (m) { a = 1; } uint[8] b = a; uint y = b;", "y == 7"),
        ("uint n = 7; bit m; if (m) { n = 1; } int k = ((n * n) ^ n) + n * 3 - (n << 1);", "k == 61"),
        ("const int i = 5000000000;", "i == 5000000000"),
    ],
)
def test_the_largest_values_are_kept(declarations: str, condition: str) -> None:
    assert holds(declarations, condition)
