"""The quantum kernel: its circuit against the states' overlap, the matrix from exact and noisy counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from qiskit.quantum_info import Statevector

from actions.framework.job import Step
from actions.quantum_kernel.algorithm import KernelInput, algorithm
from actions.quantum_kernel.circuit import Entanglement, overlap
from actions.quantum_kernel.kernel import alignment, mitigate, nearest
from core.protocol import JobResult, PubResult
from tests.actions.theory import probabilities, step_of

VECTORS = [[0.4, 1.2, 0.8], [0.5, 1.1, 0.8], [2.4, 0.3, 1.9], [1.5, 2.8, 0.2]]


def theory(vectors: list[list[float]], reps: int, full: bool) -> NDArray[np.float64]:
    """The kernel from the definition: Hadamards, then phases of x_i and (pi - x_i)(pi - x_j), repeated."""
    size = len(vectors[0])
    basis = np.arange(2**size)
    bits = [(basis >> place) & 1 for place in range(size)]
    hadamard = np.array([[1]])
    for _ in range(size):
        hadamard = np.kron(hadamard, np.array([[1, 1], [1, -1]]) / np.sqrt(2))
    pairs = [(i, j) for i in range(size) for j in range(i + 1, size) if full or j == i + 1]
    made = []
    for vector in vectors:
        phase = sum(2 * vector[place] * bits[place] for place in range(size))
        for i, j in pairs:
            phase = phase + 2 * (np.pi - vector[i]) * (np.pi - vector[j]) * (bits[i] ^ bits[j])
        state = np.eye(2**size)[0].astype(complex)
        for _ in range(reps):
            state = np.exp(1j * phase) * (hadamard @ state)
        made.append(state)
    table = np.array(made)
    kernel: NDArray[np.float64] = np.abs(table.conj() @ table.T) ** 2
    return kernel


@pytest.mark.parametrize("reps", [1, 2, 3])
@pytest.mark.parametrize("entanglement", ["linear", "full"])
def test_the_probability_of_zeros_is_the_overlap(reps: int, entanglement: Entanglement) -> None:
    params = KernelInput(vectors=VECTORS, reps=reps, entanglement=entanglement)
    expected = theory(VECTORS, reps, entanglement == "full")
    job = algorithm.start(params)
    assert len(job.pubs) == 6
    assert len({id(pub.circuit) for pub in job.pubs}) == 1, "transpiled more than once"
    places = [(i, j) for i in range(4) for j in range(i + 1, 4)]
    for pub, (i, j) in zip(job.pubs, places, strict=True):
        exact = probabilities(pub.circuit.assign_parameters(list(pub.values or [])))
        assert exact.get("000", 0.0) == pytest.approx(expected[i, j], abs=1e-9)
    answer = algorithm.proceed(params, step_of(job)).as_dict()
    assert np.allclose(answer["exact_matrix"], expected, atol=1e-9)


def test_parameters_come_in_the_order_of_the_values() -> None:
    names = [parameter.name for parameter in overlap(6, 1, "linear").parameters]
    assert names == [f"x[{i}]" for i in range(6)] + [f"y[{i}]" for i in range(6)]


def test_the_kernel_of_twelve_vectors_of_six_features() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.uniform(0, 3, (12, 6)).tolist()
    params = KernelInput(vectors=vectors, entanglement="full", backend_type="hardware")
    job = algorithm.start(params)
    assert len(job.pubs) == 78
    assert job.pubs[0].circuit.depth() < 150


def stepped(matrix: Any, params: KernelInput, shots: int = 10**6) -> Step:
    """Return the counts of a machine that has these probabilities of zeros."""
    places = [(i, j) for i in range(len(matrix)) for j in range(i + 1, len(matrix))]
    if params.backend_type != "simulator":
        places += [(i, i) for i in range(len(matrix))]
    size = len(params.vectors[0])
    pubs = []
    for i, j in places:
        zeros = round(matrix[i][j] * shots)
        pubs.append(PubResult(counts={"meas": {"0" * size: zeros, "1" * size: shots - zeros}}))
    return Step(0, JobResult(pubs=pubs), None, "x", params.backend_type != "simulator")


@pytest.mark.parametrize("seed", range(4))
def test_a_perfect_machine_gives_the_exact_kernel_within_shot_noise(seed: int) -> None:
    params = KernelInput(vectors=VECTORS)
    answer = algorithm.proceed(params, step_of(algorithm.start(params), seed=seed)).as_dict()
    assert answer["largest_difference"] < 7 * answer["expected_error"]
    assert answer["alignment"] > 0.99
    assert "measured_matrix" not in answer
    assert "vectors, 1 and 2 are the most similar" in answer["summary"]
    state = Statevector(
        overlap(3, 2, "linear")
        .remove_final_measurements(inplace=False)
        .assign_parameters([*VECTORS[0], *VECTORS[1]])
    )
    assert answer["ideal"] == pytest.approx(
        {bits: part for bits, part in state.probabilities_dict().items() if part > 1e-12}
    )


@pytest.mark.parametrize("kept", [[0.9, 0.8, 0.7, 0.95], [0.3, 0.4, 0.3, 0.2]])
def test_depolarizing_noise_is_removed(kept: list[float]) -> None:
    params = KernelInput(vectors=VECTORS, backend_type="noisy_simulator")
    exact = theory(VECTORS, 2, False)
    both = np.outer(np.sqrt(kept), np.sqrt(kept))
    noisy = both * exact + (1 - both) / 8
    answer = algorithm.proceed(params, stepped(noisy, params)).as_dict()
    assert np.allclose(answer["measured_matrix"], noisy, atol=1e-5)
    assert np.allclose(answer["matrix"], exact, atol=1e-4)


def test_pure_noise_is_reported_as_such() -> None:
    params = KernelInput(vectors=VECTORS, backend_type="hardware")
    answer = algorithm.proceed(params, stepped(np.full((4, 4), 1 / 8), params)).as_dict()
    assert "should be 100 %" in answer["note"]


def test_a_matrix_that_is_not_positive_semidefinite_is_reported_and_corrected() -> None:
    params = KernelInput(vectors=VECTORS[:3])
    broken = [[1, 0.9, 0.9], [0.9, 1, 0.1], [0.9, 0.1, 1]]
    answer = algorithm.proceed(params, stepped(broken, params)).as_dict()
    assert answer["positive_semidefinite"] is False
    assert answer["smallest_eigenvalue"] == pytest.approx(np.linalg.eigvalsh(broken)[0])
    assert "not quite a kernel" in answer["note"]
    assert np.linalg.eigvalsh(answer["nearest_kernel"])[0] > -1e-9


symmetric = st.lists(st.floats(0, 1), min_size=10, max_size=10)


@given(symmetric)
def test_any_counts_give_kernels(entries: list[float]) -> None:
    matrix = np.zeros((4, 4))
    matrix[np.triu_indices(4)] = entries
    matrix = np.maximum(matrix, matrix.T)
    found = mitigate(matrix, 3)
    assert np.array_equal(found, found.T)
    assert ((found >= 0) & (found <= 1)).all()
    mended = nearest(found + 1e-6 * np.eye(4))
    assert np.linalg.eigvalsh(mended)[0] > -1e-9
    assert np.diag(mended) == pytest.approx(1)
    assert 0 <= alignment(mended, np.eye(4)) <= 1 + 1e-9


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        ([[1.0, 2.0]], "at least 2 items"),
        ([[1.0], [2.0]], "at least 2 items"),
        ([[1.0, 2.0], [1.0, 2.0, 3.0]], "vector 2 has 3 features, but the first has 2"),
        ([[1.0, 2.0], [1.0, 11.0]], "less than or equal to 10"),
        ([[1.0, 2.0], [1.0, float("inf")]], "finite"),
        ([[1.0] * 7] * 2, "at most 6 items"),
        ([[1.0, 2.0]] * 13, "at most 12 items"),
        ([[1.0, "a"], [1.0, 2.0]], "valid number"),
    ],
)
def test_wrong_vectors_are_named(vectors: Any, words: str) -> None:
    error = algorithm.main({"vectors": vectors})["error"]
    assert error["details"]["errors"][0]["field"].startswith("vectors")
    assert words in error["message"]
