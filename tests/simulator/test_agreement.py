"""The results against theory and against Aer run directly, and the fast noise model against the full one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import Statevector, hellinger_fidelity
from qiskit.transpiler import CouplingMap
from qiskit_aer import AerSimulator
from qiskit_ibm_runtime import QiskitRuntimeService
from qiskit_ibm_runtime.executor_sampler import Sampler
from scipy.stats import chisquare  # type: ignore[import-untyped]

from simulator.backends import catalog
from simulator.engine import Engine
from simulator.settings import SimulationLimits

from .circuits import ghz, isa
from .test_client import deprecated, old_sampler, run

SHOTS = 20_000
NOISY_SHOTS = 8_000


def scrambled(num_qubits: int, seed: int) -> QuantumCircuit:
    """Return a circuit without any symmetry that could hide an error."""
    bound = efficient_su2(num_qubits, reps=2)
    values = np.random.default_rng(seed).uniform(-np.pi, np.pi, bound.num_parameters)
    return bound.assign_parameters(values)


def fits(counts: dict[str, int], theory: dict[str, float]) -> float:
    """Return the p-value of Pearson's test; rare outcomes are grouped."""
    total = sum(counts.values())
    assert set(counts) <= {key for key, probability in theory.items() if probability > 1e-12}
    often = [key for key, probability in theory.items() if probability * total >= 5]
    observed = [counts.get(key, 0) for key in often]
    expected = [theory[key] * total for key in often]
    observed.append(total - sum(observed))
    expected.append(total - sum(expected))
    if expected[-1] < 5:
        observed[-2:], expected[-2:] = [sum(observed[-2:])], [sum(expected[-2:])]
    return float(chisquare(observed, np.array(expected) / sum(expected) * sum(observed)).pvalue)


@pytest.mark.parametrize(("qubits", "seed"), [(1, 1), (3, 2), (6, 3), (10, 4), (13, 5)])
def test_counts_agree_with_theory(client: QiskitRuntimeService, qubits: int, seed: int) -> None:
    """Shots of small circuits are drawn from Aer's probabilities; those of larger ones are Aer's own."""
    backend = client.backend("aer_simulator")
    circuit = scrambled(qubits, seed)
    theory = Statevector(circuit).probabilities_dict()
    circuit.measure_all()
    data = run(Sampler(backend), [isa(circuit, backend)], shots=SHOTS)[0].data.meas
    assert fits(data.get_counts(), theory) > 1e-4
    # The shots have a random order: the first half is like the whole.
    assert fits(data.slice_shots(range(SHOTS // 2)).get_counts(), theory) > 1e-4


def test_a_subset_of_qubits_is_measured_into_other_bits(client: QiskitRuntimeService) -> None:
    backend = client.backend("aer_simulator")
    circuit = scrambled(5, 9)
    theory = Statevector(circuit).probabilities_dict([3, 0, 1])
    measured = QuantumCircuit(5, 6)
    measured.compose(circuit, inplace=True)
    measured.measure([3, 0, 1], [4, 5, 2])
    counts = run(Sampler(backend), [isa(measured, backend)], shots=SHOTS)[0].data.c.get_counts()
    # Bits 5, 4 and 2 have qubits 0, 3 and 1; the theory's keys are qubits 1, 0, 3.
    expected = {f"{key[1]}{key[2]}0{key[0]}00": value for key, value in theory.items()}
    assert fits(counts, expected) > 1e-4


@pytest.mark.parametrize("how", ["executor", "SamplerV2"])
@pytest.mark.parametrize("kind", ["small", "registers", "dynamic", "clifford"])
def test_the_same_seed_gives_the_same_as_aer_run_directly(
    client: QiskitRuntimeService, how: str, kind: str
) -> None:
    backend = client.backend("aer_simulator")
    circuit = scrambled(4, 8) if kind != "clifford" else ghz(20)
    method = "stabilizer" if kind == "clifford" else "statevector"
    if kind == "registers":
        circuit = QuantumCircuit(5, 2).compose(scrambled(3, 2), [0, 1, 2])
        circuit.ry(0.4, 4)  # interacts with no other
        circuit.measure([4, 1], [0, 1])
        circuit.measure_all(add_bits=True)
    elif kind == "dynamic":
        circuit = QuantumCircuit(2, 2)
        circuit.ry(1.0, 0)
        circuit.measure(0, 0)
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.rx(0.7, 1)
        circuit.measure(1, 1)
    elif kind == "small":
        circuit.measure_all()
    prepared = isa(circuit, backend)
    if how == "executor":
        sampler = Sampler(backend)
        sampler.options.experimental = {"seed_simulator": 1234}
    else:
        sampler = old_sampler(backend, simulator={"seed_simulator": 1234})
    counts = run(sampler, [prepared], shots=2000)[0].join_data().get_counts()
    simulator = AerSimulator(method=method)
    direct = simulator.run(prepared, shots=2000, seed_simulator=1234).result().get_counts()
    # Aer writes spaces between registers, the last first; join_data has the first register's bits lowest.
    assert counts == {key.replace(" ", ""): value for key, value in direct.items()}


def engine(full_seconds: float) -> Engine:
    return Engine(catalog(["fake_fez"]), SimulationLimits(full_noise_seconds=full_seconds))


def transpiled(name: str) -> QuantumCircuit:
    """Return a circuit of up to eight qubits in the instructions of fake_fez, on neighbouring qubits."""
    if name.startswith("ghz"):
        circuit = ghz(int(name[3:]))
    elif name == "su2":
        circuit = scrambled(5, 3)
        circuit.measure_all()
    else:
        circuit = QuantumCircuit(6)
        theta = Parameter("theta")
        for _ in range(4):
            for qubit in range(5):
                circuit.rzz(theta, qubit, qubit + 1)
            circuit.rx(theta, range(6))
        circuit = circuit.assign_parameters([0.35])
        circuit.measure_all()
    couplings = CouplingMap.from_line(16)
    return transpile(
        circuit,
        basis_gates=["sx", "x", "rz", "cz"],
        coupling_map=couplings,
        initial_layout=list(range(circuit.num_qubits)),
        seed_transpiler=1,
    )


def distribution(
    engine: Engine, circuit: QuantumCircuit, wanted: Any, shots: int
) -> tuple[dict[str, int], str]:
    backend = engine.backends["aer_simulator_noisy_fez"]
    (prepared,) = engine.prepare(backend, circuit, np.empty((1, 0)), shots, noise=wanted)
    (bits,) = engine.run(backend, [prepared], np.random.default_rng(5))
    keys, numbers = np.unique(bits @ (1 << np.arange(bits.shape[1])), return_counts=True)
    return {str(key): int(number) for key, number in zip(keys, numbers, strict=True)}, prepared.plan.noise


@pytest.mark.parametrize("name", ["ghz2", "ghz4", "ghz8", "su2", "ising"])
@pytest.mark.parametrize("kind", ["reset_mixture", "pauli_twirled"])
def test_the_fast_noise_models_are_close_to_the_full_one(name: str, kind: str) -> None:
    """Closer than either is to no noise: a Hellinger fidelity of at least 0.99."""
    maker = engine(60.0)
    circuit = transpiled(name)
    full, full_name = distribution(maker, circuit, "full", NOISY_SHOTS)
    cheap, cheap_name = distribution(maker, circuit, kind, NOISY_SHOTS)
    assert (full_name, cheap_name) == ("full", kind)
    near = hellinger_fidelity(full, cheap)
    assert near > 0.99
    backend = maker.backends["aer_simulator"]
    (prepared,) = maker.prepare(backend, circuit, np.empty((1, 0)), NOISY_SHOTS)
    (bits,) = maker.run(backend, [prepared], np.random.default_rng(6))
    keys, numbers = np.unique(bits @ (1 << np.arange(bits.shape[1])), return_counts=True)
    clean = {str(key): int(number) for key, number in zip(keys, numbers, strict=True)}
    assert near > hellinger_fidelity(full, clean)
    print(f"{name}: Hellinger fidelity {near:.4f}, of the noiseless {hellinger_fidelity(full, clean):.4f}")


@pytest.mark.parametrize("how", ["executor", "SamplerV2"])
def test_the_full_model_can_be_requested(client: QiskitRuntimeService, how: str) -> None:
    backend = client.backend("aer_simulator_noisy_fez")
    prepared = isa(ghz(12), backend)
    for wanted, method in (
        ("full", "statevector"),
        ("reset_mixture", "stabilizer"),
        ("pauli_twirled", "stabilizer"),
    ):
        if how == "executor":
            sampler = Sampler(backend)
            sampler.options.experimental = {"noise_model": wanted}
        else:
            sampler = old_sampler(backend, experimental={"noise_model": wanted})
        with deprecated():
            job = sampler.run([prepared], shots=200)
            assert job.result(timeout=60)[0].data.meas.num_shots == 200
        (simulation,) = job.metrics()["simulator"]
        assert simulation["method"] == method
        assert simulation["noise_model"] == wanted
