"""MaxCut by QAOA: the circuit against theory, the complete loop, and wrong input."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.quantum_info import Statevector

from actions.framework.input import validated
from actions.framework.job import Step
from actions.qaoa_maxcut.algorithm import MaxCutInput, algorithm
from actions.qaoa_maxcut.circuit import ansatz, cost, measured, starting_angles, to_circuit
from actions.qaoa_maxcut.graph import Graph
from actions.toolkit.descent import begin
from core.errors import InputError
from core.protocol import JobResult
from tests.actions.answers import answer_of
from tests.actions.loops import looped
from tests.actions.theory import probabilities
from tests.examples import examples

RING = [[0, 1, 1.0], [1, 2, 1.0], [2, 3, 1.0], [3, 4, 1.0], [4, 5, 1.0], [5, 0, 1.0]]
WEIGHTED = [[0, 1, 0.5], [0, 2, 3.0], [1, 2, -1.0], [2, 3, 1.5], [4, 6, 2.0], [3, 6, 0.7], [1, 4, 1.1]]
PETERSEN = [
    [first, second, 1.0]
    for at in range(5)
    for first, second in ((at, (at + 1) % 5), (at, at + 5), (at + 5, (at + 2) % 5 + 5))
]


def graph_of(edges: list[list[Any]], nodes: int | None = None) -> Graph:
    return MaxCutInput.model_validate({"edges": edges, "nodes": nodes}).graph


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    nodes = draw(st.integers(2, 6))
    pairs = draw(
        st.lists(st.sampled_from(list(itertools.combinations(range(nodes), 2))), min_size=1, unique=True)
    )
    weight = st.floats(-5, 5).filter(lambda value: abs(value) > 0.01)
    return Graph(nodes, tuple((first, second, draw(weight)) for first, second in pairs))


# --- the graph ------------------------------------------------------------------------------------------


@given(graphs())
def test_the_values_are_those_of_all_cuts(graph: Graph) -> None:
    best = max(graph.value(cut) for cut in itertools.product((0, 1), repeat=graph.nodes))
    assert graph.optimum == pytest.approx(best, abs=1e-9)
    for sides, value in enumerate(graph.values):
        cut = graph.spread(sides)
        assert cut[graph.joined[0]] == 0
        assert graph.value(cut) == pytest.approx(value, abs=1e-9)


@given(graphs())
def test_the_cost_is_half_the_weight_less_the_cut(graph: Graph) -> None:
    diagonal = np.real(np.diag(cost(graph).to_matrix()))
    assert diagonal == pytest.approx(graph.total / 2 - graph.values, abs=1e-9)


# --- the circuit ----------------------------------------------------------------------------------------


@given(graphs(), st.integers(1, 3), st.data())
@examples(20)
def test_the_circuit_is_qaoa(graph: Graph, layers: int, data: st.DataObject) -> None:
    """Compared with matrices: phases by the cut's value, then the mixer as exp(-i beta X) on each qubit."""
    angle = st.floats(-3, 3)
    angles = data.draw(st.lists(angle, min_size=2 * layers, max_size=2 * layers))
    width = len(graph.joined)
    state = np.full(2**width, 2 ** (-width / 2), dtype=complex)
    for beta, gamma in zip(angles[:layers], angles[layers:], strict=True):
        state = state * np.exp(1j * gamma * graph.values)
        mixer = np.array([[math.cos(beta), -1j * math.sin(beta)], [-1j * math.sin(beta), math.cos(beta)]])
        whole = np.eye(1)
        for _ in range(width):
            whole = np.kron(whole, mixer)
        state = whole @ state
    exact = np.abs(state) ** 2
    bound = ansatz(graph, layers).assign_parameters(angles)
    assert Statevector(bound).probabilities() == pytest.approx(exact, abs=1e-9)
    seen = probabilities(measured(graph, layers).assign_parameters(angles))
    for sides, probability in enumerate(exact):
        assert seen.get(f"{sides:0{width}b}", 0.0) == pytest.approx(probability, abs=1e-9)


def test_one_layer_on_a_ring_has_the_known_maximum() -> None:
    """Farhi, Goldstone, Gutmann (arXiv:1411.4028), section 4: 3/4 of a ring's edges."""
    graph = graph_of(RING)
    state = Statevector(ansatz(graph, 1).assign_parameters([-math.pi / 8, math.pi / 4]))
    assert state.probabilities() @ graph.values == pytest.approx(4.5)


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
@pytest.mark.parametrize("edges", [RING, WEIGHTED, PETERSEN])
def test_the_start_is_already_good(edges: list[list[Any]], layers: int) -> None:
    """It is better the more layers there are, and independent of the unit of the weights."""
    graph = graph_of(edges)
    ratio = [start_ratio(graph, layers) for graph in (graph, Graph(graph.nodes, tuple(scaled(graph, 40.0))))]
    assert ratio[0] == pytest.approx(ratio[1])
    assert ratio[0] > [0.66, 0.74, 0.79, 0.8][layers - 1]


def start_ratio(graph: Graph, layers: int) -> float:
    angles = to_circuit(graph, starting_angles(layers))
    return float(
        Statevector(ansatz(graph, layers).assign_parameters(angles)).probabilities()
        @ graph.values
        / graph.optimum
    )


def scaled(graph: Graph, by: float) -> list[tuple[int, int, float]]:
    return [(first, second, by * weight) for first, second, weight in graph.edges]


def test_nodes_without_edges_need_no_qubit() -> None:
    graph = graph_of([[1, 5, 1.0]], 12)
    assert ansatz(graph, 2).num_qubits == 2
    assert graph.spread(0b10) == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]


# --- the loop -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edges", "layers", "ratio"),
    [(RING, 1, 0.749), (RING, 2, 0.83), (RING, 3, 0.99), (PETERSEN, 2, 0.85), (WEIGHTED, 3, 0.89)],
)
def test_the_search_converges(edges: list[list[Any]], layers: int, ratio: float) -> None:
    """To the mean cut that the layers allow: on a ring (2p+1)/(2p+2), and the maximum once 2p reaches its
    length."""
    answer, jobs = looped(algorithm, {"edges": edges, "layers": layers})
    assert answer["ideal_value"] / answer["optimum"] > ratio
    assert answer["value"] == pytest.approx(answer["optimum"])
    assert answer["approximation_ratio"] == pytest.approx(1)
    assert len(jobs) <= 21
    values = [point["value"] for point in answer["convergence"]]
    assert values[0] == pytest.approx(start_ratio(graph_of(edges), layers) * answer["optimum"])
    assert max(values) == pytest.approx(answer["ideal_value"])


def test_the_search_converges_in_few_jobs_despite_shot_noise() -> None:
    """The spread of 1,024 shots: half of a weight's, divided by the square root of 32."""
    runs = [looped(algorithm, {"edges": RING}, spread=1.2 / 32, seed=seed) for seed in range(5)]
    assert sum(len(jobs) for _, jobs in runs) / 5 < 10
    assert min(answer["ideal_value"] for answer, _ in runs) > 6 * (5 / 6 - 0.03)


def test_the_answer_is_complete() -> None:
    answer, _ = looped(algorithm, {"edges": [[0, 1, 1.0], [1, 2, 2.0]], "nodes": 4})
    assert answer["cut"] == [0, 1, 0, 0]
    assert answer["summary"] == "Node 1 against the rest: the cut weighs 3, and none weighs more."
    assert answer["graph"] == {"nodes": 4, "edges": [[0, 1, 1.0], [1, 2, 2.0]]}
    assert (answer["optimum"], answer["reference"], answer["random_value"]) == (3.0, 3.0, 1.5)
    assert sum(answer["ideal"].values()) == pytest.approx(1)
    assert answer["optimum_probability"] == pytest.approx(answer["ideal"]["010"] * 2, abs=0.05)
    assert "note" not in answer


@pytest.mark.parametrize("steps", [1, 2])
def test_the_callers_bound_on_steps_is_kept(steps: int) -> None:
    answer, jobs = looped(algorithm, {"edges": PETERSEN, "layers": 3, "max_steps": steps})
    assert [job.primitive for job in jobs] == ["estimator"] * steps + ["sampler"]
    assert len(answer["convergence"]) == steps


@pytest.mark.parametrize(
    ("edges", "backend_type", "shots", "searched"),
    [
        (PETERSEN, "simulator", 1024, None),
        (RING, "hardware", 1024, None),
        (PETERSEN, "hardware", 1024, 256),
        (PETERSEN, "noisy_simulator", 100, 100),
    ],
)
def test_large_graphs_are_searched_with_fewer_shots_if_there_is_noise(
    edges: list[list[Any]], backend_type: str, shots: int, searched: int | None
) -> None:
    """Only the search: the cuts themselves are measured as often as the caller requested."""
    values = {"edges": edges, "backend_type": backend_type, "shots": shots, "max_steps": 2}
    _, jobs = looped(algorithm, values)
    assert [job.shots for job in jobs] == [searched, searched, None]


def test_the_ratio_is_null_if_no_cut_has_weight() -> None:
    answer, _ = looped(algorithm, {"edges": [[0, 1, -1.0], [1, 2, -1.0]]})
    assert (answer["value"], answer["optimum"], answer["approximation_ratio"]) == (0.0, 0.0, None)
    assert answer["summary"] == "All nodes stay in one group: the cut weighs 0, and none weighs more."


def test_the_largest_graph_is_fast() -> None:
    complete = [[first, second, 1.0] for first, second in itertools.combinations(range(12), 2)]
    answer, jobs = looped(algorithm, {"edges": complete, "layers": 1, "max_steps": 1})
    assert answer["optimum"] == 36
    assert "ideal" not in answer
    assert len(jobs[0].pubs[0].values or []) <= 20


# --- results that are worth little ----------------------------------------------------------------------


def answered(counts: dict[str, int], noisy: bool = True) -> dict[str, Any]:
    params = MaxCutInput.model_validate({"edges": RING})
    search = begin(starting_angles(2), algorithm.plan(params))
    search = search.model_copy(update={"best": search.centre, "values": [1.0]})
    state = {"search": search.dump(), "over": True}
    reply = algorithm.proceed(params, Step(9, JobResult(counts={"meas": counts}), state, "ibm_x", noisy))
    return answer_of(reply)


def test_noise_is_reported_in_plain_words() -> None:
    every = {f"{sides:06b}": 1 for sides in range(64)}
    answer = answered(every)
    assert answer["average_value"] == pytest.approx(answer["random_value"])
    assert "0% of the gain remains" in answer["note"]
    assert answer["value"] == 6


def test_a_cut_that_is_not_the_best_is_reported_as_such() -> None:
    answer = answered({"000001": 3, "000011": 1})
    assert answer["summary"] == (
        "Nodes 1, 2, 3, 4, 5 against the rest: the cut weighs 2; the best possible one weighs 6."
    )
    assert answer["approximation_ratio"] == pytest.approx(1 / 3)
    assert answer["optimum_probability"] == 0


# --- wrong input ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"edges": [[1, 1, 1.0]]}, "edges", "node 1 is connected to itself"),
        ({"edges": [[0, 1, 1.0], [1, 0, 2.0]]}, "edges", r"\[1, 0\] is there twice; add"),
        ({"edges": [[0, 1, 0.0]]}, "edges", "leave it out"),
        ({"edges": [[0, 1, math.nan]]}, "edges.0.2", "finite"),
        ({"edges": [[0, 1, math.inf]]}, "edges.0.2", "finite|less"),
        ({"edges": [[0, 12, 1.0]]}, "edges.0.1", "less than 12"),
        ({"edges": [[0, True, 1.0]]}, "edges.0.1", "integer"),
        ({"edges": [[0, 1]]}, "edges.0.2", "required"),
        ({"edges": []}, "edges", "at least 1"),
        ({"nodes": 5}, "nodes", "an edge names node 5; make it 6 or more"),
        ({"nodes": 13}, "nodes", "less than or equal to 12"),
        ({"layers": 5}, "layers", "less than or equal to 4"),
        ({"max_steps": 61}, "max_steps", "less than or equal to 60"),
    ],
)
def test_wrong_input_is_reported_with_field_and_fix(changes: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        validated(MaxCutInput, {"edges": RING} | changes)
    assert [item["field"] for item in caught.value.details["errors"]] == [field]


@pytest.mark.parametrize("evs", [None, 1.0, [1.0], [math.nan] * 9, ["x"] * 9, [None] * 9])
def test_a_result_without_the_values_is_reported(evs: Any) -> None:
    params = MaxCutInput.model_validate({"edges": RING})
    job = algorithm.start(params)
    step = Step(0, JobResult(evs=evs), job.state, "aer_simulator", False)
    with pytest.raises(InputError, match="finite expectation values"):
        algorithm.proceed(params, step)


@pytest.mark.parametrize("state", [None, {}, {"search": 1}, {"search": {"centre": "x"}}])
def test_a_state_of_another_run_is_reported(state: Any) -> None:
    params = MaxCutInput.model_validate({"edges": RING})
    with pytest.raises(InputError, match=r"step\.state"):
        algorithm.proceed(params, Step(0, JobResult(evs=[1.0]), state, "aer_simulator", False))
