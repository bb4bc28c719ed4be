"""The cost of what clients send to the simulator grows in proportion, before a job is accepted."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate
from qiskit.circuit.classical import expr, types

from simulator.backends import catalog
from simulator.circuits import Isa, examine, separate_isolated_qubits
from simulator.errors import ApiError, InvalidJob
from simulator.iam import Iam
from simulator.instances import CRN
from simulator.own_gates import native
from simulator.programs import codec
from simulator.requests import job_filter, parse_object, read_number, read_time
from simulator.variables import lower
from testkit.growth import excess

SIZE = 10_000
LIMIT = 10**8
ISA = Isa(catalog(["fake_fez"])["aer_simulator"])
TOKENS = Iam("k" * 32)


def packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data)).decode()


def tensor(shape: list[Any], data: bytes = b"", dtype: str = "f64") -> Callable[[], object]:
    return lambda: codec.tensor({"shape": shape, "data": packed(data), "dtype": dtype}, LIMIT, "x")


def line(size: int) -> QuantumCircuit:
    """Many gates on a few qubits."""
    circuit = QuantumCircuit(4, 4)
    for step in range(size):
        circuit.rz(0.1 * step, step % 4)
        circuit.cx(0, 1)
    circuit.measure(range(4), range(4))
    return circuit


def branches(size: int) -> QuantumCircuit:
    circuit = QuantumCircuit(2, 1)
    for _ in range(size):
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.x(0)
    return circuit


def defined(size: int) -> QuantumCircuit:
    """One gate of its own that is defined by many."""
    gate = Gate("x", 1, [])
    gate.definition = QuantumCircuit(1)
    for _ in range(size):
        gate.definition.h(0)
    circuit = QuantumCircuit(1)
    circuit.append(gate, [0])
    return circuit


def assigned(size: int) -> QuantumCircuit:
    """A variable that is assigned many times, from itself."""
    circuit = QuantumCircuit(1, 1)
    value = circuit.add_var("value", expr.lift(1, types.Uint(4)))
    for _ in range(size):
        circuit.store(value, expr.add(value, value))
    return circuit


#: The work for an input of a size.
WORK: dict[str, Callable[[int], Callable[[], object]]] = {
    "a number in a query": lambda size: lambda: read_number("9" * size, "limit", 1, 0),
    "a time in a query": lambda size: lambda: read_time("2" * size, "created_after"),
    "tags in a query": lambda size: (
        lambda: job_filter(
            SimpleNamespace(
                get=lambda _, default=None: default, getall=lambda *_: [str(n) for n in range(size)]
            ),
            "",
        )
    ),
    "assignments of variables": lambda size: partial(lower, assigned(size)),
    "a CRN": lambda size: lambda: CRN.fullmatch("crn:v1:" + "a:" * size),
    "a token": lambda size: lambda: TOKENS.verify("eyJh." + "a" * size + ".b"),
    "a number in a body": lambda size: lambda: parse_object(b'{"a": ' + b"9" * size + b"}"),
    "a deep body": lambda size: lambda: parse_object(b'{"a": ' + b"[" * size + b"]" * size + b"}"),
    "names in a body": lambda size: lambda: parse_object(orjson.dumps({str(n): n for n in range(size)})),
    "a shape of large sizes": lambda size: tensor([2**63 - 1] * size),
    "a shape of ones": lambda size: tensor([1] * size),
    "a shape of zeros": lambda size: tensor([0, *[2**63 - 1] * size]),
    "a tensor": lambda size: tensor([size], b"\0" * 8 * size),
    "a tensor of bits": lambda size: tensor([8 * size], b"\1" * size, "bool"),
    "compressed data": lambda size: lambda: codec.decompress(packed(b"\0" * size * 100), LIMIT, "x"),
    "data that is not base64": lambda size: lambda: codec.decompress("!" * size, LIMIT, "x"),
    "a list of numbers": lambda size: lambda: codec.array([1.5] * size, LIMIT, "x"),
    "a list of texts": lambda size: lambda: codec.array(["9" * size], LIMIT, "x"),
    "a list of lists": lambda size: lambda: codec.array([[1.0]] * size, LIMIT, "x"),
    "a deep list": lambda size: lambda: codec.array(deep(size), LIMIT, "x"),
    "a header of an array": lambda size: (
        lambda: codec.array(
            {"__type__": "ndarray", "__value__": packed(b"\x93NUMPY\x01\x00\xff\xff" + b"{" * size)},
            LIMIT,
            "x",
        )
    ),
    "OpenQASM of blanks": lambda size: lambda: codec.circuit(" " * size, LIMIT, "x"),
    "gates": lambda size: checked(line(size // 10)),
    "branches": lambda size: checked(branches(size // 100)),
    "a definition": lambda size: checked(defined(size // 4)),
}


def deep(size: int) -> list[Any]:
    value: list[Any] = [1.0]
    for _ in range(size // 20):
        value = [value]
    return value


def checked(circuit: QuantumCircuit) -> Callable[[], object]:
    """Return the check of a circuit that has been decoded."""

    def check() -> None:
        plain = native(circuit)
        shape = examine(plain, ISA)
        separate_isolated_qubits(plain, shape)

    return check


@pytest.mark.parametrize("name", WORK)
def test_the_cost_grows_in_proportion(name: str) -> None:
    def make(size: int) -> Callable[[], object]:
        work = WORK[name](size)

        def done() -> None:
            with suppress(ApiError, InvalidJob):
                work()

        return done

    assert excess(make, SIZE) is None


def test_a_gate_of_one_qubit_that_is_defined_by_many_is_rejected() -> None:
    """The matrix of its definition would have 2^80 elements."""
    gate = Gate("x", 1, [])
    # The constructor of a circuit does not compare the numbers of qubits; neither does the reader of QPY.
    gate.definition = QuantumCircuit(40)
    gate.definition.x(0)
    circuit = QuantumCircuit(1)
    circuit.append(gate, [0])
    with pytest.raises(InvalidJob, match="not supported by the target"):
        native(circuit)
