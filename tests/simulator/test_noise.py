"""Noise models and single qubits, against Aer's and Qiskit's own."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import PTM, SuperOp, average_gate_fidelity
from qiskit_aer import AerSimulator
from qiskit_aer.noise import QuantumError

from simulator.aer_noise import AerNoise, error_of
from simulator.backends import Backend, catalog
from simulator.channels import NoiseKind
from simulator.circuits import Isa, IsolatedQubit, examine, separate_isolated_qubits
from simulator.isolated_qubits import IsolatedQubits
from simulator.noise import DeviceNoise, Gate, Qubit, gate_channels


@pytest.fixture(scope="module")
def backends() -> dict[str, Backend]:
    return catalog(["fake_fez"])


@pytest.fixture(scope="module")
def noise(backends: dict[str, Backend]) -> DeviceNoise:
    properties = backends["fake_fez"].properties
    assert properties is not None
    return DeviceNoise(properties)


GATES = [
    (Gate(1e-3, 24e-9), (Qubit(50e-6, 40e-6, 0, 0),)),
    (Gate(0.0, 500e-9), (Qubit(50e-6, 100e-6, 0, 0),)),
    (Gate(8e-3, 80e-9), (Qubit(50e-6, 40e-6, 0, 0), Qubit(120e-6, 20e-6, 0, 0))),
]


def gate_error(gate: Gate, qubits: tuple[Qubit, ...], kind: NoiseKind) -> QuantumError:
    """Return the noise after a gate, as Aer's error."""
    channels = gate_channels(gate, tuple(range(len(qubits))), list(qubits), kind)
    return error_of(channels, len(qubits))


@pytest.mark.parametrize(("gate", "qubits"), GATES)
def test_full_error_has_the_reported_infidelity(gate: Gate, qubits: tuple[Qubit, ...]) -> None:
    error = gate_error(gate, qubits, "full")
    infidelity = 1 - average_gate_fidelity(SuperOp(error))
    if gate.error:
        assert infidelity == pytest.approx(gate.error, rel=1e-6)
    else:
        assert 0 < infidelity < 0.01  # relaxation alone is more than was reported


@pytest.mark.parametrize(("gate", "qubits"), GATES)
def test_twirled_error_is_the_twirl_of_the_full_one(gate: Gate, qubits: tuple[Qubit, ...]) -> None:
    full = PTM(SuperOp(gate_error(gate, qubits, "full"))).data.real
    twirled = PTM(SuperOp(gate_error(gate, qubits, "pauli_twirled"))).data.real
    assert np.diag(twirled) == pytest.approx(np.diag(full), abs=1e-9)
    assert twirled - np.diag(np.diag(twirled)) == pytest.approx(0, abs=1e-9)


def test_models_are_kept_and_cover_only_what_is_used(noise: DeviceNoise) -> None:
    uses = Counter({("sx", (3,)): 5, ("cz", (3, 4)): 1, ("rz", (3,)): 2, ("measure", (3,)): 1})
    noise_models = AerNoise(noise)
    model = noise_models.model("pauli_twirled", uses)
    assert model is noise_models.model("pauli_twirled", Counter(set(uses)))
    assert set(model.noise_instructions) == {"sx", "cz", "measure"}
    assert set(model.noise_qubits) == {3, 4}


def circuit_on(qubit: int, steps: list[tuple[str, float | None]]) -> QuantumCircuit:
    circuit = QuantumCircuit(qubit + 1, 1)
    for name, angle in steps:
        getattr(circuit, name)(*([qubit] if angle is None else [angle, qubit]))
    circuit.measure(qubit, 0)
    return circuit


@pytest.mark.parametrize("device", [False, True])
@pytest.mark.parametrize(
    "steps",
    [
        [("x", None)],
        [("sx", None), ("rz", 0.7), ("sx", None), ("x", None)] * 5,
        [("sx", None), ("rz", -1.1), ("reset", None), ("sx", None), ("rz", 0.2), ("sx", None)],
    ],
)
def test_single_qubits_are_as_in_aer(
    noise: DeviceNoise, backends: dict[str, Backend], device: bool, steps: list[tuple[str, float | None]]
) -> None:
    circuit = circuit_on(2, steps)
    shape = examine(circuit, Isa(backends["fake_fez"]))
    rest, _, (one,) = separate_isolated_qubits(circuit, shape)
    assert rest is None
    isolated = IsolatedQubits([one], {}, np.empty((1, 0)), noise if device else None)
    [probability] = isolated.ones(one)
    options: dict[str, Any] = {"noise_model": AerNoise(noise).model("full", shape.uses)} if device else {}
    shots = 200_000
    simulator = AerSimulator(method="density_matrix", seed_simulator=5)
    counts = simulator.run(circuit, shots=shots, **options).result().get_counts()
    sigma = math.sqrt(max(probability * (1 - probability), 1e-9) / shots)
    assert counts.get("1", 0) / shots == pytest.approx(probability, abs=5 * sigma + 1e-6)


def test_samples_follow_the_probabilities(backends: dict[str, Backend]) -> None:
    circuit = QuantumCircuit(3, 3)
    circuit.ry(2 * math.asin(math.sqrt(0.3)), 0)
    circuit.x(2)
    circuit.measure([0, 1, 2], [2, 1, 0])
    _, _, alone = separate_isolated_qubits(circuit, examine(circuit, Isa(backends["aer_simulator"])))
    bits = np.zeros((50_000, 3), dtype=np.uint8)
    IsolatedQubits(alone, {}, np.empty((1, 0))).sample(0, bits, np.random.default_rng(1))
    assert bits.mean(axis=0) == pytest.approx([1, 0, 0.3], abs=0.01)


def test_parameters_of_single_qubits_are_as_if_each_execution_were_bound(
    noise: DeviceNoise, backends: dict[str, Backend]
) -> None:
    first, second = Parameter("first"), Parameter("second")
    circuit = QuantumCircuit(2, 2)
    circuit.sx(0)
    circuit.rz(first, 0)
    circuit.sx(0)
    circuit.rx(2 * second - first, 1)
    circuit.reset(0)
    circuit.ry(second, 0)
    circuit.rz(0.4, 1)
    circuit.rx(first, 1)
    circuit.measure([0, 1], [1, 0])
    rows = np.random.default_rng(3).uniform(-4, 4, (5, 2))
    columns = {first: 0, second: 1}

    def alone(of: QuantumCircuit) -> list[IsolatedQubit]:
        return separate_isolated_qubits(of, examine(of, Isa(backends["aer_simulator"])))[2]

    together = IsolatedQubits(alone(circuit), columns, rows, noise)
    for place, one in enumerate(alone(circuit)):
        found = together.ones(one)
        for row, values in enumerate(rows):
            bound = circuit.assign_parameters({first: values[0], second: values[1]})
            [expected] = IsolatedQubits([], {}, np.empty((1, 0)), noise).ones(alone(bound)[place])
            assert found[row] == pytest.approx(expected, abs=1e-12)


def test_separating_keeps_what_belongs_together(backends: dict[str, Backend]) -> None:
    isa = Isa(backends["aer_simulator"])
    circuit = QuantumCircuit(6, 6)
    circuit.ry(0.3, 0)  # alone, and not Clifford
    circuit.h(1)
    circuit.cx(1, 2)  # a pair
    circuit.h(3)
    circuit.measure(3, 3)
    circuit.x(3)  # goes on after its measurement
    circuit.measure(3, 4)
    circuit.x(5)  # alone, never measured
    circuit.barrier()
    circuit.measure([0, 1, 2], [0, 1, 2])
    shape = examine(circuit, isa)
    assert not shape.clifford
    rest, rest_shape, alone = separate_isolated_qubits(circuit, shape)
    assert rest is not None
    assert {one.qubit: one.clbit for one in alone} == {0: 0, 5: None}
    assert rest_shape.qubits == {1, 2, 3}
    assert rest_shape.clifford
    assert rest.count_ops() == {"h": 2, "cx": 1, "measure": 4, "x": 1}


def test_qubits_that_share_a_classical_bit_stay(backends: dict[str, Backend]) -> None:
    circuit = QuantumCircuit(2, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    circuit.measure(1, 0)
    rest, _, alone = separate_isolated_qubits(circuit, examine(circuit, Isa(backends["aer_simulator"])))
    assert rest is not None
    assert alone == []
