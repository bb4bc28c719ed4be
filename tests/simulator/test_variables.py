"""Variables, expressions and assignments run as Qiskit defines them. Aer itself fails for most of these."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit.classical import expr, types

from simulator.backends import catalog
from simulator.engine import Engine
from simulator.errors import InvalidJob
from simulator.programs import codec
from simulator.settings import SimulationLimits

from .bodies import encoded, executor_request
from .conftest import Api

BACKENDS = catalog(["fake_fez"])
ENGINE = Engine(BACKENDS, SimulationLimits())
LIMIT = 10**7


def outcomes(circuit: QuantumCircuit, shots: int = 40) -> set[str]:
    """Return the values of the circuit's own bits, the highest first, run as a job is."""
    [received] = codec.circuits(encoded(circuit), LIMIT, "circuits")
    backend = BACKENDS["aer_simulator"]
    executions = ENGINE.prepare(backend, received, np.empty((1, 0)), shots)
    [bits] = ENGINE.run(backend, executions, np.random.default_rng(1))
    return {"".join(map(str, row[: circuit.num_clbits][::-1])) for row in bits.tolist()}


def measured(bits: int = 2) -> QuantumCircuit:
    """Return a circuit whose first bit is random; its second qubit is 0."""
    circuit = QuantumCircuit(QuantumRegister(2, "q"), ClassicalRegister(bits, "c"))
    circuit.h(0)
    circuit.measure(0, 0)
    return circuit


def declared() -> QuantumCircuit:
    circuit = measured()
    flag = circuit.add_var("flag", expr.lift(circuit.clbits[0]))
    with circuit.if_test(flag):
        circuit.x(1)
    circuit.measure(1, 1)
    return circuit


def stored() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    flag = circuit.add_var("flag", False)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.store(flag, expr.lift(circuit.clbits[0]))
    with circuit.if_test(expr.logic_not(expr.logic_not(flag))):
        circuit.x(1)
    circuit.measure(1, 1)
    return circuit


def number() -> QuantumCircuit:
    circuit = measured(3)
    count = circuit.add_var("count", expr.lift(0, types.Uint(4)))
    circuit.store(count, expr.bit_xor(count, expr.cast(expr.lift(circuit.cregs[0]), types.Uint(4))))
    with circuit.if_test(expr.equal(count, 1)):
        circuit.x(1)
    circuit.measure(1, 1)
    return circuit


def into_a_bit() -> QuantumCircuit:
    circuit = measured()
    circuit.store(circuit.clbits[1], expr.lift(circuit.clbits[0]))
    return circuit


def into_a_register() -> QuantumCircuit:
    circuit = measured()
    register = circuit.cregs[0]
    circuit.store(register, expr.bit_or(expr.lift(register), expr.shift_left(expr.lift(register), 1)))
    return circuit


def into_an_index() -> QuantumCircuit:
    circuit = measured()
    numbers = circuit.add_var("numbers", expr.lift(0, types.Uint(2)))
    circuit.store(expr.index(numbers, 1), expr.lift(circuit.clbits[0]))
    with circuit.if_test(expr.equal(numbers, 2)):
        circuit.x(1)
    circuit.measure(1, 1)
    return circuit


def local() -> QuantumCircuit:
    circuit = measured()
    with circuit.if_test(expr.lift(circuit.clbits[0])):
        flag = circuit.add_var("flag", expr.lift(circuit.clbits[0]))
        with circuit.if_test(flag):
            circuit.x(1)
    circuit.measure(1, 1)
    return circuit


def switched() -> QuantumCircuit:
    circuit = measured()
    value = circuit.add_var("value", expr.lift(circuit.cregs[0]))
    with circuit.switch(expr.bit_and(value, 1)) as case:
        with case(1):
            circuit.x(1)
            circuit.store(value, expr.lift(0, types.Uint(2)))
        with case(case.DEFAULT):
            circuit.id(1)
    circuit.measure(1, 1)
    return circuit


def repeated() -> QuantumCircuit:
    """Flips the second qubit if the loop has run an odd number of times, until the first one is 1."""
    circuit = QuantumCircuit(QuantumRegister(2, "q"), ClassicalRegister(2, "c"))
    goes_on = circuit.add_var("goes_on", True)
    rounds = circuit.add_var("rounds", expr.lift(0, types.Uint(8)))
    with circuit.while_loop(goes_on):
        circuit.store(rounds, expr.add(rounds, expr.lift(1, types.Uint(8))))
        with circuit.if_test(expr.equal(rounds, 3)):
            circuit.x(0)
            circuit.x(1)
        circuit.measure(0, 0)
        circuit.store(goes_on, expr.logic_not(circuit.clbits[0]))
    circuit.measure(1, 1)
    return circuit


def left_early() -> QuantumCircuit:
    circuit = QuantumCircuit(QuantumRegister(2, "q"), ClassicalRegister(2, "c"))
    rounds = circuit.add_var("rounds", expr.lift(0, types.Uint(4)))
    with circuit.for_loop(range(5)):
        circuit.store(rounds, expr.add(rounds, expr.lift(1, types.Uint(4))))
        with circuit.if_test(expr.less(rounds, 3)):
            circuit.continue_loop()
        circuit.x(0)
        circuit.break_loop()
    with circuit.if_test(expr.equal(rounds, 3)):
        circuit.x(1)
    circuit.measure([0, 1], [0, 1])
    return circuit


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        *[(build, {"00", "11"}) for build in (declared, stored, into_a_bit, into_a_register, local)],
        *[(build, {"00", "11"}) for build in (into_an_index, switched)],
        (number, {"000", "011"}),
        (repeated, {"11"}),
        (left_early, {"11"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_kind_of_statement(build: Callable[[], QuantumCircuit], expected: set[str]) -> None:
    assert outcomes(build()) == expected


def test_a_job_with_variables(api: Api) -> None:
    """Through the service, in both programs' encodings; the variables are not in the result."""
    job_id = api("POST", "/jobs", json=executor_request(declared())).json()["id"]
    assert api("GET", f"/jobs/{job_id}").json()["status"] == "Completed"
    [item] = api("GET", f"/jobs/{job_id}/results").json()["data"]
    assert {name: value["shape"] for name, value in item["results"].items()} == {"c": [100, 2]}


WIDTH = 3
MASK = (1 << WIDTH) - 1


class Program:
    """A random program, as a circuit and as what it computes."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        register = ClassicalRegister(WIDTH, "c")
        self.circuit = QuantumCircuit(QuantumRegister(WIDTH, "q"), register)
        value = self.chance.randrange(MASK + 1)
        for bit in range(WIDTH):
            if value >> bit & 1:
                self.circuit.x(bit)
        self.circuit.measure(range(WIDTH), range(WIDTH))
        self.register = register
        self.values: dict[Any, int] = {"c": value}
        self.variables: list[Any] = []
        for name in ("a", "b"):
            node, result = self.number(1)
            self.variables.append(self.circuit.add_var(name, node))
            self.values[self.variables[-1]] = result

    def number(self, depth: int) -> tuple[Any, int]:
        """Return an expression of a number, and its value."""
        kind = self.chance.randrange(8) if depth else self.chance.randrange(2)
        if kind == 0:
            value = self.chance.randrange(MASK + 1)
            return expr.lift(value, types.Uint(WIDTH)), value
        if kind == 1:
            source = self.chance.choice(["c", *self.variables])
            return expr.lift(self.register) if source == "c" else source, self.values[source]
        left, one = self.number(depth - 1)
        if kind == 2:
            return expr.bit_not(left), ~one & MASK
        if kind == 3:
            places = self.chance.randrange(WIDTH + 2)
            if self.chance.random() < 0.5:
                return expr.shift_left(left, expr.lift(places, types.Uint(8))), one << places & MASK
            return expr.shift_right(left, expr.lift(places, types.Uint(8))), one >> places
        right, other = self.number(depth - 1)
        name, compute = self.chance.choice(
            [
                ("bit_and", lambda x, y: x & y),
                ("bit_or", lambda x, y: x | y),
                ("bit_xor", lambda x, y: x ^ y),
                ("add", lambda x, y: (x + y) & MASK),
                ("sub", lambda x, y: (x - y) & MASK),
                ("mul", lambda x, y: (x * y) & MASK),
            ]
        )
        return getattr(expr, name)(left, right), compute(one, other)  # type: ignore[no-untyped-call]

    def truth(self, depth: int) -> tuple[Any, bool]:
        """Return an expression of a boolean, and its value."""
        kind = self.chance.randrange(5)
        if kind == 0 and depth:
            node, value = self.truth(depth - 1)
            return expr.logic_not(node), not value
        if kind == 1 and depth:
            (left, one), (right, other) = self.truth(depth - 1), self.truth(depth - 1)
            if self.chance.random() < 0.5:
                return expr.logic_and(left, right), one and other
            return expr.logic_or(left, right), one or other
        if kind == 2:
            (node, number), (index, place) = self.number(1), self.number(1)
            return expr.index(node, index), bool(number >> place & 1)
        if kind == 3:
            node, number = self.number(depth)
            return expr.cast(node, types.Bool()), bool(number)
        (left, number), (right, other_number) = self.number(depth), self.number(depth)
        name, compute = self.chance.choice(
            [
                ("equal", lambda x, y: x == y),
                ("not_equal", lambda x, y: x != y),
                ("less", lambda x, y: x < y),
                ("less_equal", lambda x, y: x <= y),
                ("greater", lambda x, y: x > y),
                ("greater_equal", lambda x, y: x >= y),
            ]
        )
        return getattr(expr, name)(left, right), compute(number, other_number)  # type: ignore[no-untyped-call]

    def statement(self, depth: int, runs: bool) -> None:
        """Add a random statement; `runs` is whether it is reached."""
        kind = self.chance.randrange(4) if depth else 0
        if kind == 1:
            condition, holds = self.truth(2)
            with self.circuit.if_test(condition) as otherwise:
                self.statement(depth - 1, runs and holds)
            with otherwise:
                self.statement(depth - 1, runs and not holds)
            return
        if kind == 2:
            target, value = self.number(1)
            with self.circuit.switch(target) as case:
                with case(1, 2):
                    self.statement(depth - 1, runs and value in (1, 2))
                with case(3):
                    self.statement(depth - 1, runs and value == 3)
                with case(case.DEFAULT):
                    self.statement(depth - 1, runs and value not in (1, 2, 3))
            return
        target = self.chance.choice(["c", *self.variables])
        node, result = self.number(3)
        self.circuit.store(self.register if target == "c" else target, node)
        if runs:
            self.values[target] = result


@pytest.mark.parametrize("seed", range(60))
def test_random_programs_compute_what_they_say(seed: int) -> None:
    program = Program(seed)
    for _ in range(4):
        program.statement(2, runs=True)
    # The variables' values show in the register at the end.
    for variable in program.variables:
        circuit = program.circuit.copy()
        circuit.store(program.register, variable)
        assert outcomes(circuit, 3) == {f"{program.values[variable]:0{WIDTH}b}"}
    assert outcomes(program.circuit, 3) == {f"{program.values['c']:0{WIDTH}b}"}


def products() -> QuantumCircuit:
    """Return a loop whose condition has no room for intermediate results."""
    circuit = measured(8)
    node: Any = expr.lift(circuit.cregs[0])
    for _ in range(2):
        node = expr.mul(node, node)
    with circuit.while_loop(expr.index(node, 7)):
        circuit.x(1)
    return circuit


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: products(), "more than 50000 operations"),
        (lambda: wide_variables(), "more than 4096 bits"),
        (lambda: division(), "operation div"),
        (lambda: with_an_input(), "input variables"),
    ],
    ids=["products", "wide", "division", "input"],
)
def test_what_would_be_too_large_or_has_no_meaning_is_refused(
    build: Callable[[], QuantumCircuit], message: str
) -> None:
    with pytest.raises(InvalidJob, match=message):
        outcomes(build())


def wide_variables() -> QuantumCircuit:
    circuit = measured()
    for index in range(20):
        circuit.add_var(f"v{index}", expr.lift(0, types.Uint(250)))
    return circuit


def division() -> QuantumCircuit:
    circuit = measured()
    value = circuit.add_var("value", expr.lift(1, types.Uint(2)))
    circuit.store(value, expr.div(value, expr.lift(circuit.cregs[0])))
    return circuit


def with_an_input() -> QuantumCircuit:
    circuit = measured()
    flag = circuit.add_input("flag", types.Bool())
    with circuit.if_test(flag):
        circuit.x(1)
    return circuit
