"""What a physicist checks first: Clifford circuits, wide observables, relaxation while qubits wait."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import Statevector, random_clifford
from qiskit.transpiler import CouplingMap, generate_preset_pass_manager

from simulator.backends import Backend, catalog
from simulator.counts import Bits
from simulator.engine import Engine
from simulator.errors import InvalidJob
from simulator.settings import SimulationLimits

from . import exact


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(catalog(["fake_fez"]), SimulationLimits())


def sample(
    engine: Engine, name: str, circuit: QuantumCircuit, shots: int = 1000, seed: int = 1, **options: Any
) -> tuple[Bits, dict[str, Any]]:
    """Run a circuit without parameters; return its bits and how it was simulated."""
    backend = engine.backends[name]
    executions = engine.prepare(backend, circuit, np.empty((1, 0)), shots, **options)
    (bits,) = engine.run(backend, executions, np.random.default_rng(seed))
    return bits, executions[0].metadata()


def device(backend: Backend) -> exact.Device:
    assert backend.properties is not None
    return exact.Device(backend.properties, backend.configuration["dt"])


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), level=st.integers(0, 3), noisy=st.booleans())
def test_transpiled_clifford_circuits_run_at_any_width(
    engine: Engine, seed: int, level: int, noisy: bool
) -> None:
    """The transpiler's angles miss quarter turns by rounding."""
    width = 14
    circuit = QuantumCircuit(width)
    for qubit in range(0, width - 1, 2):
        circuit.compose(random_clifford(2, seed=seed + qubit).to_circuit(), [qubit, qubit + 1], inplace=True)
    for qubit in range(width - 1):
        circuit.cz(qubit, qubit + 1)
    # The inverse makes the outcome known.
    known = circuit.compose(circuit.inverse())
    known.x(3)
    known.measure_all()
    gates = ["rz", "sx", "x", "cz"]
    prepared = generate_preset_pass_manager(
        level, basis_gates=gates, coupling_map=CouplingMap.from_line(16), seed_transpiler=seed,
        initial_layout=range(width), routing_method="none", layout_method="trivial",
    ).run(known)  # fmt: skip
    name = "aer_simulator_noisy_fez" if noisy else "aer_simulator"
    bits, _ = sample(engine, name, prepared, 20)
    if not noisy:
        assert (bits == [place == 3 for place in range(width)]).all()


@pytest.mark.parametrize("angle", [1.5707963, math.pi / 2 + 1e-9, -4.712388980384])
@pytest.mark.parametrize("seeded", [False, True])
def test_angles_close_to_quarter_turns_count_as_quarter_turns(
    engine: Engine, angle: float, seeded: bool
) -> None:
    circuit = QuantumCircuit(20, 20)
    for qubit in range(20):
        circuit.sx(qubit)
        circuit.rz(angle, qubit)
        circuit.rz(angle, qubit)
        circuit.sx(qubit)
        circuit.cz(qubit, (qubit + 1) % 20)
    circuit.measure(range(20), range(20))
    bits, how = sample(engine, "aer_simulator", circuit, 10, seeded=seeded)
    assert how["method"] == "stabilizer"
    # sx rz(pi) sx is rz(pi): every qubit stays 0.
    assert not bits.any()


def test_kicked_ising_at_its_clifford_point(engine: Engine) -> None:
    """`rzz(-pi/2)` and `rx(pi/2)`, as parameters and expressions of them."""
    theta, kick = Parameter("theta"), Parameter("kick")
    circuit = QuantumCircuit(40)
    for _ in range(3):
        for qubit in range(39):
            circuit.rzz(-theta / 3, qubit, qubit + 1)
        circuit.rx(kick, range(40))
    circuit.measure_all()
    backend = engine.backends["aer_simulator"]
    rows = np.array([[0.5 * math.pi, 3 * 1.5707963267]])
    if circuit.parameters[0] != kick:
        rows = rows[:, ::-1]
    (execution,) = engine.prepare(backend, circuit, rows, 2000)
    assert execution.plan.method == "stabilizer"
    (bits,) = engine.run(backend, [execution], np.random.default_rng(2))
    # The same circuit on the first qubits that matter for qubit 0: its light cone of three steps.
    small = QuantumCircuit(6)
    for _ in range(3):
        for qubit in range(5):
            small.rzz(-math.pi / 2, qubit, qubit + 1)
        small.rx(math.pi / 2, range(6))
    expected = Statevector(small).probabilities([0])[1]
    assert bits[:, 0].mean() == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize("qubit", [0, 5])
def test_a_waiting_qubit_decays(engine: Engine, qubit: int) -> None:
    """An excited qubit after twice its T1: delays in each unit, alone and in an entangled circuit."""
    backend = engine.backends["aer_simulator_noisy_fez"]
    properties = device(backend)
    t1, _ = properties.times(qubit)
    for unit, length in (("ns", 2 * t1), ("us", 2 * t1 / 1000), ("s", 2 * t1 / 1e9), ("dt", round(t1 / 2))):
        for entangled in (False, True):
            circuit = QuantumCircuit(156, 2)
            circuit.x(qubit)
            if entangled:
                circuit.cz(*sorted((0, 1) if qubit == 0 else (4, 5)))
            circuit.delay(length, qubit, unit=unit)
            circuit.measure(qubit, 0)
            if entangled:
                circuit.measure(1 if qubit == 0 else 4, 1)
            expected = exact.distribution(circuit, properties)
            shots = 20_000
            bits, _ = sample(engine, backend.name, circuit, shots)
            ones = expected[1] + expected[3]
            assert 0.1 < ones < 0.2
            assert bits[:, 0].mean() == pytest.approx(ones, abs=4 * math.sqrt(ones / shots))


def test_waiting_dephases(engine: Engine) -> None:
    """Ramsey: a superposition after T2 has lost all but 1/e of its contrast."""
    backend = engine.backends["aer_simulator_noisy_fez"]
    properties = device(backend)
    _, t2 = properties.times(2)
    circuit = QuantumCircuit(3, 1)
    circuit.sx(2)
    circuit.delay(t2, 2, unit="ns")
    circuit.sx(2)
    circuit.measure(2, 0)
    expected = exact.distribution(circuit, properties)[1]
    assert expected == pytest.approx((1 + math.exp(-1)) / 2, abs=0.02)
    bits, _ = sample(engine, backend.name, circuit, 20_000)
    assert bits.mean() == pytest.approx(expected, abs=0.015)


def test_a_qubit_waits_while_another_is_delayed(engine: Engine) -> None:
    """A circuit with a delay has a schedule: others wait until their next instruction, which is late."""
    backend = engine.backends["aer_simulator_noisy_fez"]
    properties = device(backend)
    t1, _ = properties.times(0)
    circuit = QuantumCircuit(156, 2)
    circuit.x(0)
    circuit.x(1)
    circuit.cz(0, 1)
    circuit.delay(t1, 1, unit="ns")
    circuit.cz(0, 1)
    circuit.measure([0, 1], [0, 1])
    explicit = QuantumCircuit(156, 2)
    explicit.x(0)
    explicit.x(1)
    explicit.cz(0, 1)
    explicit.delay(t1, 0, unit="ns")
    explicit.delay(t1, 1, unit="ns")
    explicit.cz(0, 1)
    explicit.measure([0, 1], [0, 1])
    expected = exact.distribution(explicit, properties)
    bits, _ = sample(engine, backend.name, circuit, 20_000)
    counts = np.bincount(bits @ [1, 2], minlength=4) / 20_000
    assert counts == pytest.approx(expected, abs=0.015)


def test_delays_in_control_flow_decay(engine: Engine) -> None:
    backend = engine.backends["aer_simulator_noisy_fez"]
    properties = device(backend)
    t1, _ = properties.times(0)
    circuit = QuantumCircuit(1, 2)
    circuit.x(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.delay(3 * t1, 0, unit="ns")
    circuit.measure(0, 1)
    bits, _ = sample(engine, backend.name, circuit, 4000)
    assert bits[bits[:, 0] == 1][:, 1].mean() == pytest.approx(math.exp(-3), abs=0.03)


def test_delays_without_noise_do_nothing(engine: Engine) -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.delay(1, 0, unit="s")
    circuit.measure(0, 0)
    bits, _ = sample(engine, "aer_simulator", circuit)
    assert bits.all()


def test_wide_circuits_of_low_entanglement_run(engine: Engine) -> None:
    """A W state of 50 qubits, by gates that Aer's matrix product states lack: one qubit is 1."""
    size = 50
    circuit = QuantumCircuit(size)
    circuit.x(0)
    for qubit in range(size - 1):
        circuit.cry(2 * math.acos(math.sqrt(1 / (size - qubit))), qubit, qubit + 1)
        circuit.cx(qubit + 1, qubit)
    circuit.measure_all()
    bits, how = sample(engine, "aer_simulator", circuit, 2000)
    assert how == {"method": "matrix_product_state", "noise_model": "none", "active_qubits": size}
    assert (bits.sum(axis=1) == 1).all()
    counts = bits.sum(axis=0)
    assert ((counts - 40) ** 2 / 40).sum() < 100  # chi-squared of 49 degrees of freedom: p of about 2e-5


@pytest.mark.parametrize("name", ["aer_simulator", "aer_simulator_noisy_fez"])
@pytest.mark.parametrize("nested", [False, True])
def test_delays_must_have_a_length(engine: Engine, name: str, nested: bool) -> None:
    length = Parameter("length")
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    if nested:
        with circuit.if_test((circuit.clbits[0], 0)):
            circuit.delay(length, 0, unit="us")
    else:
        circuit.delay(length, 0, unit="us")
    circuit.measure(0, 0)
    backend = engine.backends[name]
    assert engine.prepare(backend, circuit, np.array([[1.0], [2.0]]), 10)
    if nested or name != "aer_simulator":
        with pytest.raises(InvalidJob, match="A delay cannot have this duration"):
            engine.prepare(backend, circuit, np.array([[1.0], [-2.0]]), 10)


def test_a_few_qubits_with_many_gates_fit_in_memory(engine: Engine) -> None:
    """Trajectories keep small matrices for a bounded number of operations."""
    circuit = QuantumCircuit(2, 3)
    for _ in range(3000):
        circuit.sx(0)
        circuit.rz(0.1, 0)
        circuit.cz(0, 1)
    circuit.measure(0, 2)
    circuit.reset(0)
    circuit.measure([0, 1], [0, 1])
    executions = engine.prepare(engine.backends["aer_simulator_noisy_fez"], circuit, np.empty((1, 0)), 20)
    tracemalloc.start()
    (bits,) = engine.run(engine.backends["aer_simulator_noisy_fez"], executions, np.random.default_rng(1))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert executions[0].plan.method == "statevector"
    assert len(np.unique(bits[:, 1:], axis=0)) > 1
    assert peak < 200e6
