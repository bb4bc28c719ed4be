"""Dynamic circuits that Aer alone runs wrongly, or not at all."""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Callable
from contextlib import ExitStack

import numpy as np
import pytest
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Parameter
from qiskit.circuit.classical import expr, types
from qiskit_aer import AerSimulator

from simulator.aer import Aer
from simulator.backends import catalog
from simulator.counts import Bits
from simulator.engine import Engine
from simulator.errors import InvalidJob, SimulationError
from simulator.programs import codec
from simulator.settings import SimulationLimits
from simulator.variables import lower

NOISY = "aer_simulator_noisy_fez"
BACKENDS = ("aer_simulator", NOISY)
SEEDS = (None, 7)
#: Qubits of fake_fez. The device never reads a 0 of the last one as 1.
QUBIT, OTHER, FAITHFUL = 0, 2, 150


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(catalog(["fake_fez"]), SimulationLimits())


def run_all(
    engine: Engine, name: str, circuits: list[QuantumCircuit], num_shots: int = 2000, seed: int | None = None
) -> tuple[list[Bits], list[int]]:
    """Return the bits of the circuits of one job, and their numbers of active qubits."""
    backend = engine.backends[name]
    executions = [
        engine.prepare(backend, lower(circuit), np.empty((1, 0)), num_shots, seeded=seed is not None)[0]
        for circuit in circuits
    ]
    bits = engine.run(backend, executions, np.random.default_rng(1), seed)
    return bits, [execution.plan.qubits for execution in executions]


def run(
    engine: Engine, name: str, circuit: QuantumCircuit, num_shots: int = 2000, seed: int | None = None
) -> tuple[Bits, int]:
    """Return the bits of a circuit, and its number of active qubits."""
    (bits,), (active,) = run_all(engine, name, [circuit], num_shots, seed)
    return bits, active


def empty_branch(circuit: QuantumCircuit) -> None:
    with circuit.if_test((circuit.clbits[0], 1)):
        pass


def empty_loop(circuit: QuantumCircuit) -> None:
    with circuit.for_loop(range(2)):
        pass


def empty_case(circuit: QuantumCircuit) -> None:
    with circuit.switch(circuit.clbits[0]) as case, case(0):
        pass


def wide_barrier(circuit: QuantumCircuit) -> None:
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.barrier()


def idle_delay(circuit: QuantumCircuit) -> None:
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.delay(100, 3, unit="dt")


def nested(circuit: QuantumCircuit) -> None:
    with circuit.for_loop(range(2)):
        empty_loop(circuit)
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.barrier()
            circuit.break_loop()


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize(
    "build",
    [empty_branch, empty_loop, empty_case, wide_barrier, idle_delay, nested],
    ids=lambda each: each.__name__,
)
def test_control_flow_does_not_add_qubits(
    engine: Engine, name: str, build: Callable[[QuantumCircuit], None]
) -> None:
    """Blocks without gates, on a circuit as wide as the backend."""
    circuit = QuantumCircuit(engine.backends[name].num_qubits, 2)
    circuit.x(QUBIT)
    circuit.measure(QUBIT, 0)
    build(circuit)
    circuit.measure(QUBIT, 1)
    bits, active = run(engine, name, circuit)
    assert active == 1
    assert (bits.mean(axis=0) > 0.95).all()


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("nested", [False, True])
def test_assignments(engine: Engine, name: str, nested: bool) -> None:
    """Aer drops assignments if there is readout noise."""
    circuit = QuantumCircuit(156 if name == NOISY else 20, 4)
    circuit.sx(QUBIT)
    circuit.measure(QUBIT, 0)
    flag = circuit.add_var("flag", expr.lift(False))
    number = circuit.add_var("number", expr.lift(2, types.Uint(2)))
    circuit.store(circuit.clbits[1], True)
    if nested:
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.store(flag, True)
            circuit.store(number, expr.bit_xor(number, 3))
    else:
        circuit.store(flag, circuit.clbits[0])
        circuit.store(number, expr.bit_xor(number, 3))
    circuit.store(circuit.clbits[2], flag)
    circuit.store(circuit.clbits[3], expr.equal(number, 1))
    bits, _ = run(engine, name, circuit)
    assert 0.4 < bits[:, 0].mean() < 0.6
    assert bits[:, 1].all()
    assert (bits[:, 2] == bits[:, 0]).all()
    assert (bits[:, 3] == (bits[:, 0] if nested else 1)).all()


@pytest.mark.parametrize("gates_between", [False, True])
def test_a_bit_has_the_readout_error_of_its_last_measurement(engine: Engine, gates_between: bool) -> None:
    circuit = QuantumCircuit(156, 2)
    circuit.sx(OTHER)
    circuit.measure(OTHER, 0)
    with circuit.for_loop(range(2)):
        circuit.x(OTHER)
    if gates_between:
        circuit.sx(QUBIT)
        circuit.measure(QUBIT, 1)
    circuit.measure(OTHER, 0)
    circuit.measure(FAITHFUL, 0)
    bits, _ = run(engine, NOISY, circuit, 20_000)
    assert not bits[:, 0].any()


def flipped_in_a_loop(circuit: QuantumCircuit) -> None:
    circuit.sx(QUBIT)
    with circuit.for_loop(range(2)):
        circuit.x(QUBIT)
    circuit.x(20)
    circuit.measure(20, 0)


def measured_in_a_case(circuit: QuantumCircuit) -> None:
    circuit.sx(QUBIT)
    with circuit.switch(circuit.clbits[0]) as case, case(0):
        circuit.x(20)
        circuit.measure(20, 0)


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("build", [flipped_in_a_loop, measured_in_a_case], ids=lambda each: each.__name__)
def test_a_qubit_in_control_flow_need_not_be_measured(
    engine: Engine, name: str, seed: int | None, build: Callable[[QuantumCircuit], None]
) -> None:
    circuit = QuantumCircuit(30, 1)
    build(circuit)
    bits, _ = run(engine, name, circuit, seed=seed)
    assert bits.mean() > 0.95


def test_seeded_counts_are_those_of_aer_beside_a_circuit_that_it_fails_for(engine: Engine) -> None:
    """Aer's random numbers depend on a circuit's place in the job, and on what it runs of it."""
    failing = QuantumCircuit(30, 1)
    flipped_in_a_loop(failing)
    random = QuantumCircuit(3, 1)
    random.sx(2)
    with random.for_loop(range(2)):
        random.x(2)
    # Aer drops this, without which the outcome is the same. A measured qubit's reset would draw a number.
    random.sx(1)
    random.reset(1)
    random.measure(2, 0)
    bits, _ = run_all(engine, "aer_simulator", [random, failing, random], 500, seed=7)
    # Aer itself would not run the one in the middle.
    simulator = AerSimulator(method="statevector")
    aer = simulator.run([random, random, random], shots=500, seed_simulator=7).result()
    for place in (0, 2):
        assert bits[place].sum() == aer.get_counts(place)["1"]
    assert bits[1].all()


def test_a_job_that_aer_cannot_run_with_a_spare_bit_either_fails(engine: Engine) -> None:
    """The second attempt has an end."""
    small = Engine(engine.backends, SimulationLimits())
    small.aer = Aer(max_memory_mb=1)
    circuit = QuantumCircuit(17, 1)
    circuit.h(range(17))
    with circuit.for_loop(range(2)):
        circuit.x(QUBIT)
    circuit.measure(16, 0)
    with pytest.raises(SimulationError, match="Aer could not simulate"):
        run(small, "aer_simulator", circuit, 10, seed=7)


def stored(circuit: QuantumCircuit) -> None:
    circuit.store(circuit.clbits[0], True)


def stored_after_a_gate(circuit: QuantumCircuit) -> None:
    circuit.sx(OTHER)
    stored(circuit)


def stored_before_a_reset(circuit: QuantumCircuit) -> None:
    stored(circuit)
    circuit.reset(OTHER)


def stored_in_a_branch(circuit: QuantumCircuit) -> None:
    with circuit.if_test((circuit.clbits[0], 0)):
        stored(circuit)


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "build",
    [stored, stored_after_a_gate, stored_before_a_reset, stored_in_a_branch],
    ids=lambda each: each.__name__,
)
def test_assignments_without_a_measurement(
    engine: Engine, name: str, seed: int | None, build: Callable[[QuantumCircuit], None]
) -> None:
    circuit = QuantumCircuit(30, 2)
    build(circuit)
    circuit.store(circuit.clbits[1], expr.logic_not(circuit.clbits[0]))
    bits, _ = run(engine, name, circuit, 20, seed)
    assert (bits == [1, 0]).all()


def empty_branch_and_assignment(circuit: QuantumCircuit) -> None:
    empty_branch(circuit)
    stored(circuit)


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize(
    "build",
    [empty_branch, empty_loop, empty_case, stored, stored_in_a_branch, empty_branch_and_assignment],
    ids=lambda each: each.__name__,
)
def test_control_flow_without_qubits_is_rejected(
    engine: Engine, name: str, build: Callable[[QuantumCircuit], None]
) -> None:
    circuit = QuantumCircuit(0, 1)
    build(circuit)
    with pytest.raises(InvalidJob, match="must have a qubit"):
        run(engine, name, circuit)


@pytest.mark.parametrize("name", BACKENDS)
def test_a_circuit_without_qubits_and_control_flow_runs(engine: Engine, name: str) -> None:
    bits, active = run(engine, name, QuantumCircuit(0, 1), 20)
    assert (bits.shape, active) == ((20, 1), 0)
    assert not bits.any()


@pytest.mark.parametrize("inside", [False, True])
def test_assignments_with_noise_need_the_memory_of_one_more_qubit(engine: Engine, inside: bool) -> None:
    """A state of 16 qubits takes 1 MB."""
    small = Engine(engine.backends, SimulationLimits(max_memory_mb=1))

    def circuit(qubits: int) -> QuantumCircuit:
        result = QuantumCircuit(qubits, 1)
        result.x(range(qubits))
        (stored_in_a_branch if inside else stored)(result)
        return result

    bits, active = run(small, NOISY, circuit(15), 2)
    assert active == 15
    assert bits.all()
    with pytest.raises(InvalidJob, match=r"uses 16 qubits .* At most 15 active qubits"):
        run(small, NOISY, circuit(16), 2)
    bits, active = run(small, "aer_simulator", circuit(16), 2)
    assert active == 16
    assert bits.all()


def loops(*ranges: range) -> QuantumCircuit:
    """Return a circuit with one loop within the other."""
    circuit = QuantumCircuit(1, 1)
    with ExitStack() as stack:
        for each in ranges:
            stack.enter_context(circuit.for_loop(each))
        circuit.x(0)
    circuit.measure(0, 0)
    return circuit


@pytest.mark.parametrize("name", BACKENDS)
def test_the_passes_of_loops_count(engine: Engine, name: str) -> None:
    """Otherwise a job that takes long would be one of the small ones, which may occupy all workers."""
    backend = engine.backends[name]
    short, long = (
        engine.prepare(backend, loops(range(10), range(size)), np.empty((1, 0)), 100)[0].plan.seconds
        for size in (1, 5_000)
    )
    # Aer takes seconds to write so many passes out.
    assert short < 0.1 < 1 < long


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("values", [(1, 1), (0, 1, 0), (5,) * 4], ids=str)
def test_the_values_of_a_loop_may_be_equal(engine: Engine, name: str, values: tuple[int, ...]) -> None:
    """Aer names a pass after its value, and fails for two of the same name."""
    circuit = QuantumCircuit(1, 1)
    with circuit.for_loop(values):
        circuit.x(0)
    circuit.measure(0, 0)
    bits, _ = run(engine, name, circuit, 100)
    assert bits.mean() == pytest.approx(len(values) % 2, abs=0.2)


def test_equal_values_that_a_body_uses_are_rejected(engine: Engine) -> None:
    circuit = QuantumCircuit(1, 1)
    with circuit.for_loop((1, 1)) as value:
        circuit.rz(value, 0)
    with pytest.raises(InvalidJob, match="must differ"):
        run(engine, "aer_simulator", circuit)


@pytest.mark.parametrize("values", [f"0:{2**63}", f"-{2**64}:0", f"0:{2**63}:5"])
def test_a_range_of_large_integers_is_rejected(values: str) -> None:
    """Qiskit would write it out in memory until there is none."""
    text = f"OPENQASM 3.0; qubit q; for int i in [{values}] {{ reset q; }}"
    with pytest.raises(InvalidJob, match="integers of 64 bits"):
        codec.circuit(text, 1_000, "circuit")


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize(
    "ranges",
    [
        (range(100_001),),
        (range(1_000), range(1_000)),
        (range(2**62), range(2**62)),
        (range(-(2**63), 2**63 - 1),),
    ],
    ids=str,
)
def test_loops_of_too_many_passes_are_rejected(engine: Engine, name: str, ranges: tuple[range, ...]) -> None:
    with pytest.raises(InvalidJob, match="more than 100000 passes"):
        run(engine, name, loops(*ranges))


@pytest.mark.parametrize("name", BACKENDS)
def test_a_condition_may_read_a_bit_that_is_never_written(engine: Engine, name: str) -> None:
    circuit = QuantumCircuit(3, 3)
    with circuit.if_test(expr.bit_xor(circuit.clbits[2], circuit.clbits[1])) as otherwise:
        circuit.sx(1)
    with otherwise:
        circuit.x(1)
    circuit.measure([0, 1], [0, 1])
    bits, _ = run(engine, name, circuit)
    assert bits[:, 1].mean() > 0.95
    assert bits[:, [0, 2]].mean() < 0.05


def packed(circuit: QuantumCircuit) -> str:
    buffer = io.BytesIO()
    qpy.dump(circuit, buffer, version=17)
    return base64.b64encode(zlib.compress(buffer.getvalue())).decode()


@pytest.mark.parametrize("length", [39.0, 2.5])
@pytest.mark.parametrize("inside", [False, True])
def test_a_delay_whose_unit_is_lost_is_rejected(length: float, inside: bool) -> None:
    """QPY does not keep units: 39.0 microseconds would be read as 39 dt."""
    circuit = QuantumCircuit(1, 1)
    if inside:
        with circuit.if_test((circuit.clbits[0], 0)):
            circuit.delay(length, 0, unit="us")
    else:
        circuit.delay(length, 0, unit="us")
    with pytest.raises(InvalidJob, match="QPY does not keep the unit of a delay"):
        codec.circuits(packed(circuit), 10**6, "circuit")


def test_a_delay_in_dt_is_accepted() -> None:
    circuit = QuantumCircuit(1, 1)
    circuit.delay(40, 0, unit="dt")
    (loaded,) = codec.circuits(packed(circuit), 10**6, "circuit")
    assert (loaded.data[0].operation.duration, loaded.data[0].operation.unit) == (40, "dt")


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("inside", [False, True])
def test_a_delay_may_have_a_parameter(engine: Engine, name: str, inside: bool) -> None:
    """Qiskit's reader gives such a delay a unit with which it cannot be used (2.6.2)."""
    circuit = QuantumCircuit(1, 2)
    length = Parameter("length")
    circuit.x(0)
    if inside:
        with circuit.if_test((circuit.clbits[0], 0)):
            circuit.delay(length, 0, unit="dt")
    else:
        circuit.delay(length, 0, unit="dt")
    circuit.measure(0, 0)
    (loaded,) = codec.circuits(packed(circuit), 10**6, "circuit")
    backend = engine.backends[name]
    values = np.array([[0.0], [400_000.0]])
    bits = engine.run(backend, engine.prepare(backend, loaded, values, 1000), np.random.default_rng(1))
    assert bits[0][:, 0].mean() > 0.95
    # 1.6 milliseconds are many times T1.
    assert bits[1][:, 0].mean() == pytest.approx(0 if name == NOISY else 1, abs=0.1)
    for impossible in (-5.0, 0.5):
        with pytest.raises(InvalidJob, match=r"do not fit the circuit|cannot have this duration"):
            engine.prepare(backend, loaded, np.array([[impossible]]), 1000)


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("kind", ["isolated", "together", "control flow"])
@pytest.mark.parametrize("angle", ["log", "inverse", "large"])
def test_angles_without_a_value_are_rejected(engine: Engine, name: str, kind: str, angle: str) -> None:
    circuit = QuantumCircuit(2, 1)
    free = Parameter("free")
    angles = {"log": free.log(), "inverse": 1 / free, "large": 1e300 / (free + 1e-300)}
    if kind == "control flow":
        with circuit.if_test((circuit.clbits[0], 0)):
            circuit.rz(angles[angle], 0)
    else:
        circuit.rz(angles[angle], 0)
    if kind == "together":
        circuit.cz(0, 1)
    circuit.measure(0, 0)
    backend = engine.backends[name]

    def attempt() -> None:
        executions = engine.prepare(backend, circuit, np.zeros((1, 1)), 100)
        engine.run(backend, executions, np.random.default_rng(1))

    with pytest.raises(InvalidJob, match="do not fit the circuit"):
        attempt()
