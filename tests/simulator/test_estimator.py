"""The `estimator` program: values and errors from the counts of real measurements."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.quantum_info import SparseObservable, SparsePauliOp, Statevector
from qiskit_ibm_runtime import RuntimeDecoder, RuntimeEncoder

from simulator.backends import catalog
from simulator.engine import Engine
from simulator.errors import InvalidJob
from simulator.programs import estimator
from simulator.programs.estimator_pub import MAX_OUTCOME_BYTES
from simulator.programs.observables import Estimate, Group, Observable, group, term, term_uses
from simulator.settings import SimulationLimits
from testkit.growth import excess

from .bodies import sampler_request

#: The two-qubit Hamiltonian of H2 at 0.735 angstrom (O'Malley et al., PRX 6, 031007, 2016; parity mapping).
H2 = SparsePauliOp(
    ["II", "IZ", "ZI", "ZZ", "XX"],
    [
        -1.052373245772859,
        0.39793742484318045,
        -0.39793742484318045,
        -0.01128010425623538,
        0.18093119978423156,
    ],
)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(catalog(["fake_fez"]), SimulationLimits())


def load(engine: Engine, pubs: list[Any], name: str = "aer_simulator", **params: Any) -> estimator.Estimator:
    coerced = [[pub[0], ObservablesArray.coerce(pub[1]), *pub[2:]] for pub in pubs]
    encoded = json.loads(json.dumps({"pubs": coerced, **params}, cls=RuntimeEncoder))
    return estimator.load(engine, engine.backends[name], encoded, np.random.default_rng(1))


def run(
    engine: Engine, pubs: list[Any], name: str = "aer_simulator", seed: int | None = None, **params: Any
) -> Any:
    loaded = load(engine, pubs, name, **params)
    rng = np.random.default_rng(seed)
    return json.loads(loaded.run(rng), cls=RuntimeDecoder)


def prepared(angle: float = 0.0) -> QuantumCircuit:
    """Return a two-qubit state of H2's symmetry; the ground state has an angle of about -0.22."""
    circuit = QuantumCircuit(2)
    circuit.x(0)
    circuit.ry(angle, 1)
    circuit.cx(1, 0)
    return circuit


@pytest.mark.parametrize("qubits", [20, 128])
def test_observables_may_be_wider_than_the_circuit(engine: Engine, qubits: int) -> None:
    """A sum of Z over all qubits, or Z on each of them, costs no more than the active qubits."""
    circuit = QuantumCircuit(qubits)
    circuit.ry(0.9, 0)
    summed = SparsePauliOp.from_sparse_list([("Z", [place], 1.0) for place in range(qubits)], qubits)
    result = run(engine, [[circuit, [summed, SparsePauliOp("Z" * qubits)]]], seed=2)[0]
    expected = [qubits - 1 + math.cos(0.9), math.cos(0.9)]
    assert result.data.evs == pytest.approx(expected, abs=0.06)
    assert result.data.stds == pytest.approx([math.sin(0.9) / 64] * 2, rel=0.05)


def test_every_qubit_of_a_device_may_be_observed(engine: Engine) -> None:
    circuit = QuantumCircuit(156)
    circuit.sx(0)
    loaded = load(engine, [[circuit, "Z" * 156]], "aer_simulator_noisy_fez")
    assert loaded.seconds < 1
    result = json.loads(loaded.run(np.random.default_rng(3)), cls=RuntimeDecoder)[0]
    # Readout errors of 156 qubits leave little of the product.
    assert abs(result.data.evs) < 0.3


def test_an_eigenstate_has_no_standard_error(engine: Engine) -> None:
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    result = run(engine, [[bell, ["ZZ", "XX", "YY", "ZI", "II"]]], options={"default_shots": 500}, seed=4)[0]
    assert result.data.evs[[0, 1, 2, 4]].tolist() == [1, 1, -1, 1]
    assert result.data.stds[[0, 1, 2, 4]].tolist() == [0, 0, 0, 0]
    assert result.data.stds[3] == pytest.approx(1 / math.sqrt(500), rel=0.05)


def test_values_are_within_the_spectrum(engine: Engine) -> None:
    """Shots of single Paulis are signs: no value is beyond 1, however few shots there are."""
    circuit = QuantumCircuit(1)
    circuit.ry(0.1, 0)
    result = run(engine, [[circuit, ["Z"] * 400, None, 0.2]], seed=5)[0]
    assert np.abs(result.data.evs).max() <= 1
    # 25 shots of one qubit: multiples of 2/25.
    assert np.allclose(result.data.evs * 25 % 2, 1)


def test_energies_of_h2_are_those_of_exact_sampling(engine: Engine) -> None:
    """1,000 evaluations with 4,000 shots: the spread of theory, and nothing that sampling cannot give."""
    energies = np.linalg.eigvalsh(H2.to_matrix())
    angle = min(
        np.linspace(-1, 1, 2001),
        key=lambda value: Statevector(prepared(value)).expectation_value(H2).real,
    )
    state = Statevector(prepared(angle))
    ground = state.expectation_value(H2).real
    assert ground == pytest.approx(energies[0], abs=1e-4)
    groups = [H2[[1, 2, 3]], H2[[4]]]
    variance = sum(
        (state.expectation_value(part @ part) - state.expectation_value(part) ** 2).real for part in groups
    )
    lowest = H2.coeffs[0].real + sum(np.linalg.eigvalsh(part.to_matrix())[0] for part in groups)
    # Equal observables of one parameter set come from the same shots, so there are 1,000 parameter sets.
    parameter = Parameter("angle")
    circuit = prepared(parameter)
    pub = [circuit, H2, np.full((1000, 1), angle)]
    result = run(engine, [pub], options={"default_shots": 4000}, seed=6)[0]
    values = result.data.evs
    theory = math.sqrt(variance / 4000)
    assert values.min() >= lowest
    assert values.std() == pytest.approx(theory, rel=0.1)
    assert values.mean() == pytest.approx(ground, abs=5 * theory / math.sqrt(1000))
    assert result.data.stds.mean() == pytest.approx(theory, rel=0.1)
    print(f"spread {values.std():.6f}, theory {theory:.6f}, lowest {values.min():.5f} of {lowest:.5f}")


@pytest.mark.parametrize(
    ("pub", "params", "shots"),
    [
        (None, {}, 4096),
        (0.1, {"options": {"default_shots": 77}}, 100),
        (None, {"options": {"default_shots": 77}}, 77),
        (None, {"options": {"default_shots": 77, "default_precision": 0.1}}, 77),
        (None, {"options": {"default_precision": 0.1}}, 100),
        (None, {"options": {"default_precision": 0.03}}, 1112),
        (0.01, {}, 10_000),
    ],
)
def test_shots_follow_the_clients_rules(
    engine: Engine, pub: float | None, params: dict[str, Any], shots: int
) -> None:
    circuit = QuantumCircuit(1)
    circuit.h(0)
    result = run(engine, [[circuit, "Z", None, pub]], seed=7, **params)[0]
    assert result.metadata["shots"] == shots
    assert result.metadata["target_precision"] == pytest.approx(1 / math.sqrt(shots), rel=1e-3)
    assert result.data.stds == pytest.approx(1 / math.sqrt(shots), rel=0.2)


@pytest.mark.parametrize(
    ("precision", "options", "message"),
    [
        (1e-4, {}, r"pubs\[0\]\[3\] \(precision\) must be at least 0.0032"),
        (0, {}, "must be a number above 0"),
        (1e-300, {}, "must be at least"),
        (None, {"default_shots": 0}, "options.default_shots must be from 1 to 100000"),
        (None, {"default_precision": "much"}, "options.default_precision must be a number"),
    ],
)
def test_impossible_precisions_are_rejected(
    engine: Engine, precision: float | None, options: dict[str, Any], message: str
) -> None:
    circuit = QuantumCircuit(1)
    with pytest.raises(InvalidJob, match=message):
        load(engine, [[circuit, "Z", None, precision]], options=options)


@pytest.mark.parametrize("coefficient", [1e101, -1e308, math.inf, math.nan])
def test_coefficients_whose_squares_have_no_finite_sum_are_rejected(
    engine: Engine, coefficient: float
) -> None:
    request = sampler_request()["params"]["pubs"][0][0]
    pubs = [[request, {"ZI": coefficient, "YI": 1.0}]]
    with pytest.raises(InvalidJob, match=r"pubs\[0\]\[1\]: coefficients must be"):
        estimator.load(engine, engine.backends["aer_simulator"], {"pubs": pubs}, np.random.default_rng(1))


def test_large_coefficients_give_finite_values(engine: Engine) -> None:
    circuit = QuantumCircuit(1)
    circuit.sx(0)
    result = run(engine, [[circuit, {"Z": 1e100, "Y": -1e100, "X": 1e100}]], seed=2)[0]
    assert np.isfinite([result.data.evs, result.data.stds]).all()


def test_projectors_and_broadcasting(engine: Engine) -> None:
    theta = Parameter("theta")
    circuit = QuantumCircuit(2)
    circuit.ry(theta, 0)
    circuit.sx(1)
    observables: list[Any] = [["I0"], ["I1"], ["r+"], ["lI"], [{"ZZ": 0.5, "I+": 2.0}]]
    angles = np.array([[0.3], [1.2], [2.5]])
    result = run(engine, [[circuit, observables, angles]], options={"default_precision": 0.01}, seed=8)[0]
    assert result.data.evs.shape == (5, 3)
    for column, angle in enumerate(angles[:, 0]):
        plus = (1 + math.sin(angle)) / 2
        # sx turns qubit 1 to the state l, the eigenstate of Y with the value -1.
        expected = [math.cos(angle / 2) ** 2, math.sin(angle / 2) ** 2, 0, 1, 2 * plus]
        assert result.data.evs[:, column] == pytest.approx(expected, abs=0.06)
    assert (result.data.stds[2:4] == 0).all()


def test_terms_are_grouped(engine: Engine) -> None:
    labels = ["ZZ", "ZI", "IZ", "XX", "XI", "YY", "+0"]
    parts = group([{term(label): 1.0} for label in labels], 2, "observables", 10)
    assert [len(part.bases) for part in parts] == [2, 2, 2, 2]
    assert sorted(len(part.terms) for part in parts) == [1, 1, 2, 3]
    for part in parts:
        for first in part.terms:
            for second in part.terms:
                shared = dict(first).keys() & dict(second).keys()
                assert all({dict(first)[q], dict(second)[q]} != {"X", "Z"} for q in shared)


def test_readout_errors_show_in_the_estimator(engine: Engine) -> None:
    circuit = QuantumCircuit(156)
    circuit.x(0)
    result = run(
        engine,
        [[circuit, "I" * 155 + "Z"]],
        "aer_simulator_noisy_fez",
        options={"default_shots": 50_000},
        seed=9,
    )[0]
    properties = engine.backends["fake_fez"].properties
    assert properties is not None
    flip = next(each["value"] for each in properties["qubits"][0] if each["name"] == "prob_meas0_prep1")
    assert result.data.evs == pytest.approx(-1 + 2 * flip, abs=0.008)


def test_options_without_effect_are_named(engine: Engine) -> None:
    result = run(
        engine, [[QuantumCircuit(1), "Z"]], resilience_level=1, options={"twirling": {"enable_gates": True}}
    )
    lines = result.metadata["options_without_effect"]
    assert [line.split(" ")[0] for line in lines] == [
        "options.twirling.enable_gates",
        "options.resilience_level",
    ]


def test_reading_the_outcomes_grows_with_the_terms_and_not_with_their_square() -> None:
    """Each group has terms of one observable, and there are as many groups as observables."""
    bits = np.zeros((4, 1), dtype=np.uint8)

    def make(size: int) -> Callable[[], object]:
        observables: list[Observable] = [{((index, "Z"),): 1.0} for index in range(size)]
        groups = [Group({index: "Z"}, [((index, "Z"),)]) for index in range(size)]

        def read() -> None:
            estimate = Estimate(observables, term_uses(observables))
            for each in groups:
                estimate.add(each, bits)

        return read

    assert excess(make, 500) is None


def test_observables_that_share_terms_have_the_values_of_their_own() -> None:
    labels = ["ZIZ", "Z+Y", "1Z0", "lXI"]
    rng = np.random.default_rng(3)
    circuit = QuantumCircuit(3)
    for qubit, angle in enumerate(rng.uniform(0, 3, 3)):
        circuit.ry(angle, qubit)
        circuit.rz(0.4, qubit)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    observables = [{label: float(rng.normal()) for label in labels[start:]} for start in range(4)]
    engine = Engine(catalog(["fake_fez"]), SimulationLimits())
    value = run(engine, [[circuit, observables, None, 0.004]], seed=5)[0]
    for index, observable in enumerate(observables):
        operator = SparseObservable.from_list(list(observable.items())).as_paulis()
        exact = Statevector(circuit).expectation_value(SparsePauliOp.from_sparse_observable(operator)).real
        assert abs(value.data.evs[index] - exact) < 5 * value.data.stds[index]


class Measuring(Engine):
    """Notes how many bytes the outcomes of a call have."""

    most = 0

    def run(self, *args: Any, **options: Any) -> Any:
        results = super().run(*args, **options)
        self.most = max(self.most, sum(bits.nbytes for bits in results))
        return results


def test_the_estimate_has_the_time_of_isolated_qubits(engine: Engine) -> None:
    """Every qubit of a device is measured, and only two have a gate together."""
    circuit = QuantumCircuit(156)
    circuit.cz(0, 1)
    labels = ["I" * 154 + "XX", "X" * 154 + "XX"]
    narrow, wide = (load(engine, [[circuit, label]], "aer_simulator_noisy_fez") for label in labels)
    assert narrow.total_circuits == wide.total_circuits == 1
    assert wide.seconds > narrow.seconds + 154 * wide.total_shots * 5e-9


def test_the_outcomes_of_a_job_are_never_held_all_at_once() -> None:
    engine = Measuring(catalog(["fake_fez"]), SimulationLimits())
    circuit = QuantumCircuit(1)
    circuit.rx(Parameter("angle"), 0)
    angles = np.linspace(0, np.pi, 2 * MAX_OUTCOME_BYTES // 100_000)
    result = run(engine, [[circuit, "Z", angles[:, np.newaxis], 100_000**-0.5]], seed=1)
    assert result[0].data.evs == pytest.approx(np.cos(angles), abs=0.02)
    assert MAX_OUTCOME_BYTES / 2 < engine.most <= MAX_OUTCOME_BYTES


def test_a_circuit_is_not_prepared_for_more_observables_than_fit(engine: Engine) -> None:
    circuit = QuantumCircuit(5)
    for step in range(9_000):
        circuit.sx(step % 5)
    labels = ["".join(letters) for letters in itertools.product("XYZ", repeat=5)]
    with pytest.raises(InvalidJob, match=r"more than 1000000 instructions.* several jobs"):
        load(engine, [[circuit, labels]])
    with pytest.raises(InvalidJob, match=r"more than 1000000 instructions.* several jobs"):
        load(engine, [[circuit, labels[:60]], [circuit, labels[60:120]]])
    assert load(engine, [[circuit, labels[:2]]]).total_circuits == 2


def test_the_estimate_has_the_time_to_read_the_outcomes(engine: Engine) -> None:
    circuit = QuantumCircuit(12)
    circuit.h(range(12))
    labels = ["".join(letters) for letters in itertools.product("IZ", repeat=12)]
    one, many = (load(engine, [[circuit, [dict.fromkeys(part, 1.0)]]]) for part in (labels[-1:], labels))
    assert one.total_circuits == many.total_circuits == 1
    assert many.seconds > one.seconds + len(labels) * 1e-5
