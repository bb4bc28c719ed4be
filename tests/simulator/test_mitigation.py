"""What today's client does itself against noise, and its effect on a noisy device.

The primitives of `executor_sampler` and `executor_estimator` twirl, decouple, mitigate readout errors and
extrapolate to zero noise on the client's side: they send other circuits and process the counts. Here these
circuits run on the simulator, and values that are known are compared with and without each option.

`make trial-mitigation` does so with many shots and prints the errors. `SEED=N` repeats a run.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_ibm_runtime import QiskitRuntimeService
from qiskit_ibm_runtime.executor.dynamical_decoupling import generate_dd_pass_manager
from qiskit_ibm_runtime.executor_estimator import Estimator
from qiskit_ibm_runtime.executor_sampler import Sampler

from . import exact

SHOTS = int(os.environ.get("MITIGATION_SHOTS", "10000"))
SEED = int(os.environ.get("SEED", "16"))
RANDOMIZATIONS = int(os.environ.get("MITIGATION_RANDOMIZATIONS", "8"))
BACKEND = "aer_simulator_noisy_fez"
#: Qubits of fake_fez with large readout errors.
MISREAD = (0, 1, 2, 3, 7, 11, 12, 15)
#: Standard errors by which a value may be off: it is exceeded by chance once in two million times.
SIGMAS = 5
#: Microseconds for which a qubit waits.
WAIT = 60


class PerfectReadout(exact.Device):
    """A device that reads each qubit rightly."""

    def confusion(self, _: int) -> NDArray[np.float64]:
        return np.eye(2)


@pytest.fixture(scope="module")
def backend(client: QiskitRuntimeService) -> Any:
    return client.backend(BACKEND)


def reference(backend: Any, kind: type[exact.Device] = exact.Device) -> exact.Device:
    properties = backend.properties().to_dict()
    return kind(properties, backend.dt * 1e9)


def values(
    backend: Any, circuit: QuantumCircuit, observables: list[SparsePauliOp], options: dict[str, Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the expectation values and their standard errors."""
    estimator = Estimator(backend, options={"experimental": {"seed_simulator": SEED}, **options})
    data = estimator.run([(circuit, observables)], precision=SHOTS**-0.5).result(timeout=150)[0].data
    return np.asarray(data.evs), np.asarray(data.stds)


def share_of_ones(backend: Any, circuit: QuantumCircuit, **options: Any) -> float:
    """Return how often the only bit of a circuit is read as 1."""
    sampler = Sampler(backend, options={"experimental": {"seed_simulator": SEED}, **options})
    counts = sampler.run([circuit], shots=SHOTS).result(timeout=150)[0].data.c.get_counts()
    return float(counts.get("1", 0) / sum(counts.values()))


def spread(probability: float) -> float:
    """Return the standard error of a share of the shots."""
    return float(np.sqrt(probability * (1 - probability) / SHOTS))


def report(what: str, **numbers: Any) -> None:
    shown = ", ".join(f"{name} {np.round(number, 4)}" for name, number in numbers.items())
    print(f"\n{what}: SEED={SEED}, {SHOTS} shots, {shown.replace('_', ' ')}")


def rms(errors: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(errors**2)))


def test_readout_mitigation_removes_the_bias(backend: Any) -> None:
    circuit = QuantumCircuit(backend.num_qubits)
    circuit.x(MISREAD)
    single = [SparsePauliOp.from_sparse_list([("Z", [qubit], 1)], backend.num_qubits) for qubit in MISREAD]
    parity = SparsePauliOp.from_sparse_list(
        [("Z" * len(MISREAD), list(MISREAD), 1)], num_qubits=backend.num_qubits
    )
    measured = QuantumCircuit(backend.num_qubits, len(MISREAD))
    measured.x(MISREAD)
    measured.measure(MISREAD, range(len(MISREAD)))
    shares = exact.distribution(measured, reference(backend, PerfectReadout))
    signs = 1 - 2 * (np.arange(len(shares))[:, None] >> np.arange(len(MISREAD)) & 1)
    right = np.append(shares @ signs, shares @ signs.prod(axis=1))
    bare, _ = values(backend, circuit, [*single, parity], {"resilience_level": 0})
    mitigated, errors = values(backend, circuit, [*single, parity], {"resilience_level": 1})
    before, after = bare - right, mitigated - right
    report(
        "readout mitigation, 8 qubits in state 1",
        error_of_Z_without=rms(before[:-1]),
        error_of_Z_with=rms(after[:-1]),
        error_of_the_parity_without=abs(before[-1]),
        error_of_the_parity_with=abs(after[-1]),
    )
    assert abs(before[-1]) > 0.2
    assert rms(after) < rms(before) / 4
    # The client's standard errors leave out those of its calibration.
    assert (np.abs(after) < SIGMAS * np.hypot(errors, 1 / np.sqrt(SHOTS))).all()


def test_measurement_twirling_makes_readout_errors_symmetric(backend: Any) -> None:
    qubit = 15
    down, up = reference(backend).confusion(qubit)[[0, 1], [1, 0]]
    assert down > 2 * up
    twirling = {"enable_measure": True, "num_randomizations": RANDOMIZATIONS}
    idle, excited = QuantumCircuit(backend.num_qubits, 1), QuantumCircuit(backend.num_qubits, 1)
    excited.x(qubit)
    for circuit in (idle, excited):
        circuit.measure(qubit, 0)
    bare = share_of_ones(backend, idle), 1 - share_of_ones(backend, excited)
    twirled = [
        share_of_ones(backend, idle, twirling=twirling),
        1 - share_of_ones(backend, excited, twirling=twirling),
    ]
    report(f"measurement twirling, qubit {qubit}", misread_0_and_1_without=bare, misread_0_and_1_with=twirled)
    # The gates before the measurement have errors of 0.001.
    allowed = SIGMAS * spread(down) + 0.003
    assert bare == pytest.approx([up, down], abs=allowed)
    assert twirled == pytest.approx([(up + down) / 2] * 2, abs=allowed)


def test_gate_twirling_makes_relaxation_symmetric(backend: Any) -> None:
    """The noise has no coherent errors that twirling would remove. What it changes is relaxation."""
    pair, layers = (0, 1), 40
    observables = [SparsePauliOp.from_sparse_list([("Z", [place], 1)], backend.num_qubits) for place in pair]
    found = {}
    for twirled in (False, True):
        signs = []
        for state in (0, 1):
            circuit = QuantumCircuit(backend.num_qubits)
            if state:
                circuit.x(pair)
            for _ in range(layers):
                circuit.cz(*pair)
                circuit.barrier(pair)
            options = {
                # Both measure so that readout errors cancel.
                "resilience_level": 1,
                "twirling": {"enable_gates": twirled, "num_randomizations": RANDOMIZATIONS},
            }
            signs.append(values(backend, circuit, observables, options)[0])
        found[twirled] = signs
    # What remains of a state 0 is more than what remains of a state 1, since a qubit decays to 0.
    bare, twirled_sum = (np.abs(found[each][0] + found[each][1]).mean() for each in (False, True))
    kept = {each: np.mean([found[each][0], -found[each][1]]) for each in (False, True)}
    report(
        f"gate twirling, {layers} cz",
        asymmetry_of_Z_without=bare,
        asymmetry_of_Z_with=twirled_sum,
        mean_of_Z_without=kept[False],
        mean_of_Z_with=kept[True],
    )
    assert bare > 0.05
    assert twirled_sum < bare / 2


def ising(qubits: int, steps: int) -> QuantumCircuit:
    circuit = QuantumCircuit(qubits)
    circuit.h(range(qubits))
    for _ in range(steps):
        for first in (0, 1):
            for left in range(first, qubits - 1, 2):
                circuit.rzz(0.6, left, left + 1)
        circuit.rx(0.5, range(qubits))
    return circuit


def test_zero_noise_extrapolation_reduces_the_bias(backend: Any) -> None:
    qubits = 4
    circuit = ising(qubits, 4)
    observables = [
        *(SparsePauliOp.from_sparse_list([("ZZ", [left, left + 1], 1)], qubits) for left in range(3)),
        *(SparsePauliOp.from_sparse_list([("X", [qubit], 1)], qubits) for qubit in range(qubits)),
    ]
    right = np.array([Statevector(circuit).expectation_value(each).real for each in observables])
    prepared = transpile(
        circuit, backend, initial_layout=list(range(qubits)), optimization_level=1, seed_transpiler=1
    )
    placed = [each.apply_layout(prepared.layout) for each in observables]
    ways: dict[str, dict[str, Any]] = {
        "nothing": {"resilience_level": 0},
        "gate twirling": {
            "resilience_level": 0,
            "twirling": {"enable_gates": True, "num_randomizations": RANDOMIZATIONS},
        },
        "extrapolation": {"resilience_level": 0, "resilience": {"zne_mitigation": True}},
        "readout mitigation": {"resilience_level": 1, "twirling": {"num_randomizations": RANDOMIZATIONS}},
        "both": {
            "resilience_level": 1,
            "resilience": {"zne_mitigation": True},
            "twirling": {"num_randomizations": RANDOMIZATIONS},
        },
    }
    errors = {
        name: rms(values(backend, prepared, placed, options)[0] - right) for name, options in ways.items()
    }
    report("an Ising circuit of 4 qubits, 24 cz; errors", **errors)
    assert errors["nothing"] > 0.04
    assert errors["extrapolation"] < 0.7 * errors["nothing"]
    assert errors["both"] < 0.5 * errors["readout mitigation"]
    # Twirling adds gates of one qubit, with the errors that they have.
    assert errors["gate twirling"] < 1.5 * errors["nothing"]


def only(qubit: int, circuit: QuantumCircuit) -> QuantumCircuit:
    """Return what a circuit does to one qubit: the client decouples all qubits of the device."""
    result = circuit.copy_empty_like()
    for item in circuit.data:
        if circuit.qubits[qubit] in item.qubits and item.name != "barrier":
            result.append(item)
    return result


@pytest.mark.parametrize("sequence", ["XX", "XpXm", "XY4"])
@pytest.mark.parametrize("state", ["1", "+"])
def test_dynamical_decoupling_acts_as_its_circuit_says(backend: Any, state: str, sequence: str) -> None:
    """Dephasing is Markovian and cannot be echoed: a superposition gains nothing. State 1 spends half the
    time in 0."""
    qubit = 3
    circuit = QuantumCircuit(backend.num_qubits, 1)
    prepare = {"1": circuit.x, "+": circuit.h}[state]
    prepare(qubit)
    circuit.delay(WAIT, qubit, unit="us")
    if state == "+":
        circuit.h(qubit)
    circuit.measure(qubit, 0)
    circuit = transpile(circuit, backend, optimization_level=0)
    decoupling = {"enable": True, "sequence_type": sequence}
    bare = share_of_ones(backend, circuit)
    decoupled = share_of_ones(backend, circuit, dynamical_decoupling=decoupling)
    sampler = Sampler(backend, options={"dynamical_decoupling": decoupling})
    sent = generate_dd_pass_manager(backend, sampler.options.dynamical_decoupling).run(circuit)
    assert sent.count_ops()["x"] >= {"XY4": 4}.get(sequence, 2)
    device = reference(backend)
    expected = [exact.distribution(only(qubit, each), device)[1] for each in (circuit, sent)]
    wanted = {"1": 1, "+": 0}[state]
    report(
        f"dynamical decoupling, {sequence}, {WAIT} us in state {state}",
        error_without=abs(wanted - bare),
        error_with=abs(wanted - decoupled),
        exact=[abs(wanted - each) for each in expected],
    )
    for share, probability in zip([bare, decoupled], expected, strict=True):
        assert share == pytest.approx(probability, abs=SIGMAS * spread(probability))
    if state == "+":
        assert expected[1] > expected[0] - 1e-3
    else:
        assert expected[1] > expected[0] + 0.05
