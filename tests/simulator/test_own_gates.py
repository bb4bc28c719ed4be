"""Circuits that define gates under names that the backend or Aer knows: never another gate is run."""

from __future__ import annotations

import base64
import io
import random
import zlib
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, qasm3, qpy
from qiskit.circuit import Gate, Instruction, Parameter
from qiskit.circuit.library import CXGate, ECRGate, RZZGate, XGate
from qiskit.quantum_info import Statevector
from qiskit_aer import AerSimulator

from simulator.backends import NOISELESS_GATES, catalog
from simulator.engine import Engine
from simulator.errors import InvalidJob
from simulator.own_gates import RESERVED, STANDARD, native
from simulator.programs import codec
from simulator.settings import SimulationLimits

from .bodies import encoded, executor_request, sampler_request
from .conftest import Api
from .test_app import check_error

BACKENDS = catalog(["fake_fez"])
ENGINE = Engine(BACKENDS, SimulationLimits())
LIMIT = 10**7
#: Names that Qiskit itself treats as its own instructions; no such circuit can be built.
IMPOSSIBLE = {"store", "measure"}


def names() -> list[str]:
    configuration = AerSimulator().configuration()
    known = {*STANDARD, *RESERVED, *configuration.basis_gates, *configuration.custom_instructions}
    return sorted(known - IMPOSSIBLE)


def flip(qubits: int) -> QuantumCircuit:
    definition = QuantumCircuit(qubits)
    definition.x(range(qubits))
    return definition


def own(name: str, qubits: int, angles: list[Any], definition: QuantumCircuit | None) -> Gate:
    gate = Gate(name, qubits, angles)
    gate.definition = definition
    return gate


def with_gate(gate: Instruction) -> QuantumCircuit:
    circuit = QuantumCircuit(3)
    circuit.append(gate, range(gate.num_qubits))
    circuit.measure_all()
    return circuit


def ran(circuit: QuantumCircuit, backend: str) -> dict[str, int]:
    """Return the counts of 50 shots, run as jobs are. Raises InvalidJob if the circuit is rejected."""
    [received] = codec.circuits(encoded(circuit), LIMIT, "circuits")
    executions = ENGINE.prepare(BACKENDS[backend], received, np.empty((1, 0)), 50)
    [bits] = ENGINE.run(BACKENDS[backend], executions, np.random.default_rng(1))
    keys = ["".join(map(str, row[::-1])) for row in bits.tolist()]
    return {key: keys.count(key) for key in keys}


@pytest.mark.parametrize("defined", [True, False], ids=["defined", "opaque"])
def test_a_gate_of_any_known_name_is_refused_if_it_is_different(defined: bool) -> None:
    for name in names():
        for qubits in (1, 2, 3):
            for angles in ([], [0.3], [0.1, 0.2, 0.3]):
                circuit = with_gate(own(name, qubits, angles, flip(qubits) if defined else None))
                for backend in BACKENDS:
                    if defined and (name, qubits, angles) == ("x", 1, []):
                        # This one is the gate of its name.
                        counts = ran(circuit, backend)
                        assert max(counts, key=lambda bits: counts[bits]) == "001"
                        continue
                    with pytest.raises(InvalidJob, match=f"instruction {name} "):
                        ran(circuit, backend)


@pytest.mark.parametrize("seed", range(40))
def test_an_accepted_gate_is_as_defined(seed: int) -> None:
    """Definitions of another gate, with its angles or others, nested, and with a phase."""
    chance = random.Random(seed)
    for name in NOISELESS_GATES:
        like = STANDARD[chance.choice([name, name, chance.choice(list(NOISELESS_GATES))])]
        angles = [chance.choice([0.5, 0.7, 1.1]) for _ in like.params]
        definition = QuantumCircuit(like.num_qubits, global_phase=chance.choice([0, 1.5]))
        inner = QuantumCircuit(like.num_qubits)
        inner.append(like.base_class(*angles), range(like.num_qubits))
        definition.append(own("h", like.num_qubits, [], inner), range(like.num_qubits))
        given = [angle if chance.random() < 0.8 else angle + 0.1 for angle in angles]
        circuit = QuantumCircuit(like.num_qubits)
        circuit.append(own(name, like.num_qubits, given, definition), range(like.num_qubits))
        try:
            [received] = codec.circuits(encoded(circuit), LIMIT, "circuits")
        except InvalidJob:
            assert (like.name, given) != (name, angles)
            continue
        assert [item.is_standard_gate() for item in received.data] == [True]
        # The gate in the definition of the definition is called h, which Qiskit's simulation ignores.
        wanted = QuantumCircuit(like.num_qubits)
        wanted.append(like.base_class(*angles), range(like.num_qubits))
        assert Statevector(received).equiv(Statevector(wanted))


def test_gates_within_control_flow_are_checked_too() -> None:
    def conditional(definition: QuantumCircuit) -> QuantumCircuit:
        circuit = QuantumCircuit(2, 2)
        circuit.x(0)
        circuit.measure(0, 0)
        with circuit.if_test((circuit.clbits[0], 1)), circuit.for_loop(range(3)):
            circuit.append(own("x", 1, [], definition), [1])
        circuit.measure(1, 1)
        return circuit

    assert ran(conditional(flip(1)), "aer_simulator") == {"11": 50}
    with pytest.raises(InvalidJob, match="instruction x "):
        ran(conditional(QuantumCircuit(1)), "aer_simulator")


def test_a_gate_with_the_circuits_parameter_is_compared_for_all_its_values() -> None:
    theta = Parameter("theta")

    def rotated(angle: Any) -> QuantumCircuit:
        definition = QuantumCircuit(1)
        definition.rx(angle, 0)
        return with_gate(own("rx", 1, [theta], definition))

    [received] = codec.circuits(encoded(rotated(theta)), LIMIT, "circuits")
    assert received.data[0].is_standard_gate()
    assert received.num_parameters == 1
    for other in (-theta, 2 * theta, 0.347):
        with pytest.raises(InvalidJob, match="instruction rx "):
            codec.circuits(encoded(rotated(other)), LIMIT, "circuits")


def nested(levels: int, times: int) -> QuantumCircuit:
    """Return definitions, each of which applies the one before this many times."""
    definition = flip(1)
    for level in range(levels):
        gate = own(f"g{level}", 1, [], definition)
        definition = QuantumCircuit(1)
        for _ in range(times):
            definition.append(gate, [0], copy=False)
    return with_gate(own("x", 1, [], definition))


def test_definitions_are_bounded() -> None:
    with pytest.raises(InvalidJob, match="more than 10000 gates"):
        native(nested(18, 2))
    with pytest.raises(InvalidJob, match="more than 20 deep"):
        native(nested(25, 1))
    assert native(nested(11, 1)).data[0].is_standard_gate()


@pytest.mark.parametrize("request_of", [sampler_request, executor_request])
@pytest.mark.parametrize("backend", ["aer_simulator", "aer_simulator_noisy_fez", "fake_fez"])
@pytest.mark.parametrize(
    "gate",
    [
        own("rz", 1, [], flip(1)),
        own("x", 2, [], flip(2)),
        own("sx", 1, [], flip(1)),
        own("cz", 2, [], None),
        own("if_else", 1, [], flip(1)),
        own("delay", 1, [0.5], flip(1)),
        own("reset", 1, [], flip(1)),
        own("unitary", 1, [], flip(1)),
    ],
    ids=lambda gate: gate.name,
)
def test_a_submission_is_refused_with_the_instructions_name(
    api: Api, gate: Gate, backend: str, request_of: Any
) -> None:
    answer = api("POST", "/jobs", json=request_of(with_gate(gate)) | {"backend": backend})
    message = check_error(answer, 400)
    assert f"instruction {gate.name} " in message
    assert "not supported" in message
    assert answer.json()["errors"][0]["code"] == 1517


def text_request(program: str, backend: str) -> dict[str, Any]:
    request = sampler_request() | {"backend": backend}
    request["params"]["pubs"] = [[program, None, 100]]
    return request


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("gate h a { U(pi, 0, pi) a; } h $0;", "h"),
        ("gate x a { } ctrl @ x $0, $1;", "cown_x"),
        ("gate rz(t) a { U(t, 0, 0) a; } rz(0.5) $0;", "rz"),
        ("gate rz a { U(pi, 0, pi) a; } rz $0;", "rz"),
        ("gate rx(b, a) t { U(b, a, 0) t; } rx(0.1, 0.2) $0;", "rx"),
        ("gate store a { U(pi, 0, pi) a; } store $0;", "store"),
        ("gate mine a { U(pi, 0, pi) a; } mine $0;", "mine"),
    ],
)
def test_openqasm_that_defines_gates_of_known_names_is_refused(api: Api, program: str, name: str) -> None:
    text = f"OPENQASM 3.0; bit c; {program} c = measure $0;"
    message = check_error(api("POST", "/jobs", json=text_request(text, "aer_simulator")), 400)
    assert f"instruction {name} " in message


def test_definitions_that_qiskit_writes_for_a_backends_gates_are_understood() -> None:
    """Those that stdgates.inc lacks."""
    circuit = QuantumCircuit(3, 3)
    circuit.append(ECRGate(), [0, 1])
    circuit.append(RZZGate(0.3), [1, 2])
    circuit.append(RZZGate(0.4), [0, 2])
    circuit.append(CXGate(), [2, 0])
    circuit.sxdg(1)
    circuit.ccz(0, 1, 2)
    text = qasm3.dumps(circuit)
    assert "gate rzz" in text
    received = codec.circuit(text, LIMIT, "pubs[0]")
    assert [item.name for item in received.data] == ["ecr", "rzz", "rzz", "cx", "sxdg", "ccz"]
    assert all(item.is_standard_gate() for item in received.data)
    assert Statevector(received).equiv(Statevector(circuit))


def test_a_gate_of_a_clients_own_class_is_accepted_as_itself() -> None:
    class Flip(XGate):  # type: ignore[misc]
        """Written to QPY as a gate with a definition."""

    circuit = QuantumCircuit(1)
    circuit.append(Flip(), [0])
    buffer = io.BytesIO()
    qpy.dump(circuit, buffer, version=17)
    text = base64.b64encode(zlib.compress(buffer.getvalue())).decode()
    [received] = codec.circuits(text, LIMIT, "circuits")
    assert received.data[0].is_standard_gate()


@pytest.mark.parametrize("step", ["g{0}(t / 2) a; g{0}(t / 3) a;", "inv @ g{0}(t) a; inv @ g{0}(t / 2) a;"])
def test_openqasm_with_very_many_gates_is_refused(step: str) -> None:
    steps = " ".join(f"gate g{level + 1}(t) a {{ {step.format(level)} }}" for level in range(60))
    text = f"OPENQASM 3.0; gate g0(t) a {{ U(t, 0, 0) a; }} {steps} g60(1) $0;"
    with pytest.raises(InvalidJob, match="over 20000 gates"):
        codec.circuit(text, LIMIT, "pubs[0]")
