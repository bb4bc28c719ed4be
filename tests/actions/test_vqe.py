"""VQE: Hamiltonian and trial states against linear algebra, the complete loop, and wrong input."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.quantum_info import SparsePauliOp, Statevector

from actions.framework.input import validated
from actions.framework.job import Step
from actions.toolkit.descent import begin
from actions.vqe.algorithm import MAX_BASES, VqeInput, algorithm
from actions.vqe.circuit import NUDGE, ansatz, starting_angles
from actions.vqe.hamiltonian import H2, bases, exact_energy, is_real, lowest_bits
from core.errors import InputError
from core.protocol import JobResult
from tests.actions.answers import answer_of
from tests.actions.loops import looped

TERMS = [list(term) for term in H2]

#: Bohr radius in angstrom, by CODATA.
BOHR = 0.529177210903


def chain(length: int, field: float) -> list[list[Any]]:
    """Return the Ising chain in a transverse field, open at its ends."""
    pairs = [["I" * at + "ZZ" + "I" * (length - at - 2), -1.0] for at in range(length - 1)]
    return pairs + [["I" * at + "X" + "I" * (length - at - 1), -field] for at in range(length)]


def free_fermions(length: int, field: float) -> float:
    """Return that chain's lowest energy by Lieb, Schultz, Mattis: minus the sum of singular values."""
    matrix = np.diag(np.full(length, field)) + np.diag(np.ones(length - 1), 1)
    return -float(np.linalg.svd(matrix, compute_uv=False).sum())


# --- the Hamiltonian ------------------------------------------------------------------------------------


def test_the_hydrogen_molecule_agrees_with_the_textbooks() -> None:
    """-1.1373 hartree with the nuclei's repulsion: full configuration interaction in STO-3G."""
    assert exact_energy(H2) + BOHR / 0.735 == pytest.approx(-1.137306, abs=2e-6)


@pytest.mark.parametrize(("length", "field"), [(2, 0.5), (5, 1.0), (8, 2.0)])
def test_exact_energies_agree_with_free_fermions(length: int, field: float) -> None:
    terms = tuple((label, weight) for label, weight in chain(length, field))
    assert exact_energy(terms) == pytest.approx(free_fermions(length, field))


@given(st.dictionaries(st.text("IXYZ", min_size=3, max_size=3), st.floats(-5, 5), min_size=1, max_size=12))
def test_the_start_is_the_lowest_of_the_diagonal(weights: dict[str, float]) -> None:
    terms = tuple(weights.items())
    matrix = SparsePauliOp.from_list(list(terms)).to_matrix()
    diagonal = np.real(np.diag(matrix))
    assert diagonal[int(lowest_bits(terms), 2)] == pytest.approx(diagonal.min(), abs=1e-9)
    assert not is_real(list(weights)) or np.abs(matrix.imag).max() < 1e-12


def test_bases_are_counted_as_they_are_measured() -> None:
    assert bases(H2) == 2
    assert bases((("XX", 1.0), ("YY", 1.0), ("ZZ", 1.0), ("IZ", 1.0), ("II", 3.0))) == 3


@pytest.mark.parametrize("real", [True, False])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("bits", ["1", "01", "10110"])
def test_the_search_starts_near_the_basis_state(bits: str, layers: int, real: bool) -> None:
    circuit = ansatz(len(bits), layers, real)
    angles = starting_angles(circuit, bits)
    near = Statevector(circuit.assign_parameters(angles)).probabilities_dict()[bits]
    assert 0.5 < near < 1, "close but not equal: at the basis state the slopes may be zero"
    exactly = [round(angle / math.pi) * math.pi for angle in angles]
    assert Statevector(circuit.assign_parameters(exactly)).probabilities_dict()[bits] == pytest.approx(1)
    assert max(abs(angle - whole) for angle, whole in zip(angles, exactly, strict=True)) < 5 * NUDGE


def test_a_real_hamiltonian_needs_half_the_parameters() -> None:
    real, not_real = ansatz(4, 2, real=True), ansatz(4, 2, real=False)
    assert (real.num_parameters, not_real.num_parameters) == (12, 24)
    random = np.random.default_rng(1).normal(size=12)
    assert np.abs(Statevector(real.assign_parameters(random)).data.imag).max() < 1e-12


# --- the loop -------------------------------------------------------------------------------------------


def test_hydrogen_is_exact_in_six_jobs() -> None:
    answer, jobs = looped(algorithm, {"terms": TERMS})
    assert len(jobs) <= 7
    assert answer["error"] == pytest.approx(0, abs=1e-4)
    assert answer["exact_energy"] == pytest.approx(-1.8572750302)
    assert answer["summary"].endswith("the exact one is -1.85728.")
    values = [point["value"] for point in answer["convergence"]]
    assert values[0] - answer["exact_energy"] > 0.01, "the start is not the answer"
    assert answer["ansatz"] == {"name": "real_amplitudes", "layers": 1, "qubits": 2, "parameters": 4}


def test_hydrogen_is_within_a_hundredth_despite_shot_noise() -> None:
    """The spread of 1,024 shots on simulators: seven thousandths."""
    runs = [looped(algorithm, {"terms": TERMS}, spread=0.0075, seed=seed) for seed in range(10)]
    matrix = SparsePauliOp.from_list(list(H2)).to_matrix()
    for answer, jobs in runs:
        state = Statevector(ansatz(2, 1, real=True).assign_parameters(answer["angles"])).data
        assert np.real(state.conj() @ matrix @ state) - answer["exact_energy"] < 0.01
        assert len(jobs) <= 21
    assert sum(len(jobs) for _, jobs in runs) / 10 < 8


@pytest.mark.parametrize(
    ("terms", "layers", "error"),
    [
        (chain(3, 1.0), 2, 0.01),
        (chain(4, 0.5), 2, 0.06),
        ([["XX", 1.0], ["YY", 1.0], ["ZZ", 1.0]], 1, 0.01),
        ([["X", 0.6], ["Y", 0.8]], 1, 0.001),
        ([["XY", 1.0], ["YX", 1.0], ["ZI", 0.5]], 1, 0.02),
    ],
)
def test_other_hamiltonians_are_solved(terms: list[list[Any]], layers: int, error: float) -> None:
    """Their errors are at most a hundredth or so of the energy."""
    answer, _ = looped(algorithm, {"terms": terms, "layers": layers, "max_steps": 40})
    assert -1e-9 < answer["error"] < error


def test_many_terms_are_searched_in_turns() -> None:
    """With so many bases, only a few points fit into a job. The search goes on, within its bounds."""
    random = np.random.default_rng(4)
    labels = {"".join(random.choice(list("IXYZ"), 4)) for _ in range(60)} - {"IIII"}
    terms = [[label, float(random.normal())] for label in sorted(labels)]
    answer, jobs = looped(algorithm, {"terms": terms, "max_steps": 30})
    count = bases(tuple((label, weight) for label, weight in terms))
    assert all(
        len(job.pubs[0].values or []) * count <= 128 or len(job.pubs[0].values or []) <= 5 for job in jobs
    )
    values = [point["value"] for point in answer["convergence"]]
    assert min(values[-5:]) < values[0]
    assert answer["energy"] >= answer["exact_energy"]


def test_the_last_job_measures_again_with_more_shots() -> None:
    _, jobs = looped(algorithm, {"terms": TERMS, "shots": 500, "max_steps": 2})
    assert [job.shots for job in jobs] == [None, None, 4000]
    assert len(jobs[-1].pubs[0].values or []) == 2
    _, jobs = looped(algorithm, {"terms": TERMS, "shots": 100_000, "max_steps": 1})
    assert jobs[-1].shots == 100_000


def test_zero_coefficients_cost_nothing() -> None:
    plain = algorithm.start(VqeInput.model_validate({"terms": TERMS}))
    padded = algorithm.start(VqeInput.model_validate({"terms": [*TERMS, ["YI", 0.0]]}))
    assert padded.pubs[0].circuit == plain.pubs[0].circuit
    assert padded.pubs[0].observable == plain.pubs[0].observable


# --- results that are worth little ----------------------------------------------------------------------


def answered(energies: list[float], spread: float | None, noisy: bool) -> dict[str, Any]:
    params = VqeInput.model_validate({"terms": TERMS})
    search = begin([0.0] * 4, algorithm.plan(params))
    search = search.model_copy(update={"best": [0.1] * 4, "values": [1.0]})
    result = JobResult(evs=energies, stds=None if spread is None else [spread] * 2)
    state = {"search": search.dump(), "over": True}
    reply = algorithm.proceed(params, Step(9, result, state, "ibm_x", noisy))
    return answer_of(reply)


def test_the_uncertainty_determines_the_digits() -> None:
    answer = answered([-1.81234, -1.85012], 0.0024, noisy=False)
    assert answer["summary"] == "The lowest energy found is -1.8501 ± 0.0024; the exact one is -1.8573."
    assert answer["angles"] == [0.1] * 4
    assert "note" not in answer
    assert answered([-1.85, -1.8], None, noisy=False)["uncertainty"] is None
    assert "-1857 ± 12;" in answered([-1857.1, 0.0], 12.0, noisy=False)["summary"]


def test_noise_is_reported_in_plain_words() -> None:
    assert "off by +0.14" in answered([-1.72, -1.7], 0.01, noisy=True)["note"]
    assert "within the statistical uncertainty" in answered([-1.85, -1.7], 0.01, noisy=True)["note"]


# --- wrong input ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "field", "words"),
    [
        ([["XX", 1.0], ["Z", 1.0]], "terms", "Z and XX have different lengths; pad with I"),
        ([["XX", 1.0], ["XX", 1.0]], "terms", "XX is there twice; add"),
        ([["II", 1.0]], "terms", "nothing but the identity"),
        ([["XX", 0.0]], "terms", "nothing but the identity"),
        ([["xx", 1.0]], "terms.0.0", "pattern"),
        ([["XX\n", 1.0]], "terms.0.0", "pattern"),
        ([["X" * 9, 1.0]], "terms.0.0", "at most 8"),
        ([["XX", "1"]], "terms.0.1", "valid number"),
        ([["XX", math.nan]], "terms.0.1", "finite"),
        ([["XX", 1e9]], "terms.0.1", "less than or equal to 1000"),
        ([["XX"]], "terms.0.1", "required"),
        ([], "terms", "at least 1"),
        ([["XX", 1.0]] * 101, "terms", "at most 100"),
    ],
)
def test_wrong_input_is_reported_with_field_and_fix(terms: Any, field: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        validated(VqeInput, {"terms": terms})
    assert [item["field"] for item in caught.value.details["errors"]] == [field]


def test_too_many_bases_are_refused_before_any_job() -> None:
    random = np.random.default_rng(4)
    labels = sorted({"".join(random.choice(list("XYZ"), 8)) for _ in range(90)})
    params = VqeInput.model_validate({"terms": [[label, 1.0] for label in labels]})
    assert bases(params.hamiltonian) > MAX_BASES
    with pytest.raises(InputError, match="bases; at most 40") as caught:
        algorithm.start(params)
    assert caught.value.details["field"] == "terms"
