"""Random right programs in OpenQASM 3, with few measurements, so that all their runs can be tried."""

from __future__ import annotations

import random
import re

from tests.core.openqasm.programs import HEAD

QUBITS = 3
#: Measurements of one run at most.
MEASUREMENTS = 5
_NUMBER = re.compile(r'(?<![\w."])\d+(?![\w."])')


def program(seed: int) -> str:
    """Return a program that the seed decides on."""
    return _Generator(random.Random(seed)).program()


class _Generator:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._left = MEASUREMENTS
        self._depth = 0
        self._loops = 0
        self._names = 0
        self._integers: list[str] = ["n", "m"]
        self._loop_names: list[str] = []

    def program(self) -> str:
        chance = self._chance
        lines = [
            f"qubit[{QUBITS}] q;",
            "bit[3] c;",
            "bit d;",
            f"int[6] n = {chance.randint(-4, 4)};",
            f"uint[3] m = {chance.randint(0, 7)};",
            f"bool b = {chance.choice(['true', 'false'])};",
            "gate mine(t) a, b { rx(t) a; cx a, b; ctrl @ rz(t / 2) b, a; }",
            "def flip(qubit r, int k) { if (k > 1) { x r; } else { h r; } }",
            "def look(qubit r) -> bit { bit s; s = measure r; if (s) { return true; } x r; return false; }",
            "def twice(int k) -> int { return 2 * k; }",
            f"let part = q[{chance.choice(['0:1', '{2, 0}', '1:2'])}];",
        ]
        lines += [self._statement() for _ in range(chance.randint(4, 9))]
        lines.append("c[0] = measure q[0];")
        return HEAD + _NUMBER.sub(self._in_a_base, "\n".join(lines)) + "\n"

    def _in_a_base(self, number: re.Match[str]) -> str:
        """Return a whole number in any base that the language has."""
        form = self._chance.choice(["d", "d", "d", "d", "d", "#x", "#o", "#b"])
        return format(int(number[0]), form)

    def _block(self) -> str:
        self._depth += 1
        inner = " ".join(self._statement() for _ in range(self._chance.randint(1, 3)))
        self._depth -= 1
        return f"{{ {inner} }}"

    def _statement(self) -> str:
        chance = self._chance
        simple = [self._gate, self._gate, self._assign, self._classical]
        if self._left > 0 and self._loops == 0:
            simple += [self._measure, self._measure]
        if self._depth < 3:
            simple += [self._if, self._if, self._for, self._switch]
        if self._loops and chance.random() < 0.2:
            return f"if ({self._condition()}) {{ {chance.choice(['break', 'continue'])}; }}"
        return chance.choice(simple)()

    def _qubits(self, count: int) -> list[str]:
        return [f"q[{place}]" for place in self._chance.sample(range(QUBITS), count)]

    def _gate(self) -> str:
        chance = self._chance
        one, two, three = self._qubits(3)
        angle = chance.choice(
            [f"{chance.uniform(0.1, 3):.3f}", "pi / 4", *[f"{name} * pi / 5" for name in self._loop_names]]
        )
        return chance.choice(
            [
                f"h {one};",
                f"x {one};",
                f"rx({angle}) {one};",
                f"cx {one}, {two};",
                f"ctrl @ ry({angle}) {one}, {two};",
                f"negctrl @ x {one}, {two};",
                f"ccx {one}, {two}, {three};",
                f"mine({angle}) {one}, {two};",
                f"inv @ mine({angle}) {one}, {two};",
                f"pow(2) @ mine(0.3) {one}, {two};",
                f"flip({one}, {chance.randint(0, 3)});",
                f"rx(twice({chance.randint(1, 3)}) * pi / 9) {one};",
                "h part[0];",
                "h part;",
                f"ctrl @ gphase({angle}) {one};",
            ]
        )

    def _measure(self) -> str:
        chance = self._chance
        self._left -= 1
        [qubit] = self._qubits(1)
        if chance.random() < 0.3:
            return f"d = look({qubit});"
        return f"c[{chance.randrange(3)}] = measure {qubit};"

    def _integer(self) -> str:
        chance = self._chance
        return chance.choice(
            [
                *self._integers,
                *self._loop_names,
                str(chance.randint(0, 5)),
                f"(n + {chance.randint(1, 3)})",
                "(m - 1)",
                "(n * 2)",
                "int[6](c)",
            ]
        )

    def _condition(self) -> str:
        chance = self._chance
        sign = chance.choice(["==", "!=", "<", "<=", ">", ">="])
        return chance.choice(
            [
                f"c[{chance.randrange(3)}]",
                f"!c[{chance.randrange(3)}]",
                f"c[{chance.randrange(3)}] == {chance.randint(0, 1)}",
                f"c {sign} {chance.randint(0, 7)}",
                'c == "101"',
                "c[0:1] == 2",
                "c[0] ^ c[1]",
                "c[0] && !d || b",
                "(c & 3) == 1",
                "b",
                "!b",
                f"{self._integer()} {sign} {chance.randint(-3, 6)}",
                "popcount(c) == 1",
            ]
        )

    def _assign(self) -> str:
        chance = self._chance
        return chance.choice(
            [
                f"n = {self._integer()};",
                f"n += {chance.randint(1, 3)};",
                f"n -= {self._integer()};",
                f"m = m + {chance.randint(1, 3)};",
                f"m = m * {chance.randint(1, 3)};",
                f"b = {self._condition()};",
            ]
        )

    def _classical(self) -> str:
        chance = self._chance
        return chance.choice(
            [
                f"d = c[{chance.randrange(3)}];",
                "c = ~c;",
                "c = c << 1;",
                "c[1] = c[0] ^ c[2];",
                "c[0:1] = c[1:2];",
                'c = c ^ "110";',
                f"d = {self._condition()};",
                "reset q[1];" if self._left == MEASUREMENTS and not self._loops else "c[2] = 0;",
            ]
        )

    def _if(self) -> str:
        text = f"if ({self._condition()}) {self._block()}"
        if self._chance.random() < 0.5:
            text += f" else {self._block()}"
        return text

    def _for(self) -> str:
        chance = self._chance
        self._names += 1
        name = f"i{self._names}"
        over = chance.choice(["[0:2]", "[2:-1:1]", "{1, 3}", "[0:2:4]"])
        self._loops += 1
        self._loop_names.append(name)
        block = self._block()
        self._loop_names.pop()
        self._loops -= 1
        return f"for int {name} in {over} {block}"

    def _switch(self) -> str:
        chance = self._chance
        target = chance.choice(["c", "m", "n"])
        labels = chance.sample(range(4), 3)
        first = f"case {labels[0]}, {labels[1]} {self._block()} case {labels[2]} {self._block()}"
        return f"switch ({target}) {{ {first} default {self._block()} }}"
