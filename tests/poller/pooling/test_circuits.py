"""The circuits of participants as messages, and their results."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp

from actions.framework.job import Job, Pub
from actions.framework.pooling import pool_submission
from actions.framework.submission import native
from core.errors import EventError, ProviderError
from core.protocol import JobResult, PoolShare, PoolSubmission, PubResult, decode, encode
from poller.pooling import shared_results
from poller.pooling.circuits import extent, native_pubs
from poller.pooling.shared_results import SharedResults, part
from testkit.quantum_account import InMemoryAccount
from tests.poller.pooling.messages import circuit, submission


def test_pubs_arrive_as_the_action_would_submit_them() -> None:
    backend = GenericBackendV2(5, seed=1)
    angle = Parameter("angle")
    plain = QuantumCircuit(3)
    plain.h(0)
    plain.cx(0, 2)
    plain.ry(angle, 1)
    placed = transpile(plain, backend, initial_layout=[4, 2, 0], seed_transpiler=1)
    observable = SparsePauliOp.from_list([("ZIX", 0.5), ("IYY", -1.25)])
    job = Job([Pub(plain, [0.3], observable), Pub(plain, [[0.1], [0.2]], observable)])
    circuits = [placed, placed]
    event = submission().event
    message = decode(PoolSubmission, encode(pool_submission(event, job, circuits, shots=1_000)))
    expected = [native(pub, each) for pub, each in zip(job.pubs, circuits, strict=True)]
    found = native_pubs(message)
    for (circuit_a, observable_a, values_a), (circuit_b, observable_b, values_b) in zip(
        found, expected, strict=True
    ):
        assert circuit_a == circuit_b
        assert observable_a == observable_b
        assert values_a == values_b
    assert found[0][0] is found[1][0], "a shared circuit is read once"
    assert message.executions == 1_000 * 3 * 2, "three settings of the angle in two bases"


def test_the_extent_counts_as_the_provider_does() -> None:
    made = QuantumCircuit(3, 3)
    made.sx(0)
    made.cz(0, 1)
    made.cz(0, 2)
    made.measure([0, 1, 2], [0, 1, 2])
    message = pool_submission(submission().event, Job([Pub(made)]), [made], shots=500)
    size = extent(message)
    assert (size.pubs, size.executions, size.two_qubit_gates) == (1, 500, 2)
    assert size.instructions == 50 + 2 + 5 + 5 + 10
    assert size.size == len(message.circuits)


@pytest.mark.parametrize("circuits", ["", "not base64!", base64.b64encode(b"QISKIT").decode()])
def test_unreadable_circuits_are_an_error_of_the_participant(circuits: str) -> None:
    with pytest.raises(EventError, match="cannot be read"):
        native_pubs(submission().model_copy(update={"circuits": circuits}))


def test_a_pub_that_names_no_circuit_is_an_error_of_the_participant() -> None:
    message = submission()
    message.pubs[0].circuit = 5
    with pytest.raises(EventError, match="cannot be read"):
        native_pubs(message)


def share(first: int, count: int, member: int = 0, members: int = 2) -> PoolShare:
    return PoolShare(first=first, count=count, member=member, members=members, source=0)


def result(pubs: int) -> JobResult:
    parts = [
        PubResult(counts={"meas": {f"{number:b}": 10}}, shots=10, metadata={"number": number})
        for number in range(pubs)
    ]
    first = parts[0]
    return JobResult(
        counts=first.counts, shots=10, metadata={"number": 0, "pubs": pubs}, pubs=parts if pubs > 1 else None
    )


@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=8))
def test_each_participant_gets_its_own_part_and_nothing_else(sizes: list[int]) -> None:
    whole, first = result(sum(sizes)), 0
    for member, count in enumerate(sizes):
        own = part(whole, share(first, count, member, len(sizes)))
        numbers = [pub.metadata["number"] for pub in own.pubs or [own]]
        assert numbers == list(range(first, first + count))
        if len(sizes) > 1:
            assert "pubs" not in own.metadata, "the number of the others' circuits is not shown"
        first += count


def test_a_result_with_too_few_parts_is_an_error() -> None:
    with pytest.raises(ProviderError, match="fewer parts"):
        part(result(2), share(1, 2))


def test_a_result_is_fetched_once_for_all_participants() -> None:
    class Counting(InMemoryAccount):
        fetched = 0

        def result(self, view: Any) -> JobResult:
            self.fetched += 1
            return super().result(view)

    account = Counting()
    job_id = account.submit([(circuit(),)] * 3, "fake_fez", 10, [])
    account.finish(job_id, result(3))
    results = SharedResults()
    for number in range(3):
        own = results.part(account, account.look(job_id), share(number, 1, number, 3))
        assert own.metadata["number"] == number
    assert account.fetched == 1
    assert not len(results), "all have their parts"


def test_few_outcomes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_results, "MAX_OUTCOMES", 10)
    account, results = InMemoryAccount(), SharedResults()
    jobs = [account.submit([(circuit(),)] * 4, "fake_fez", 10, []) for _ in range(3)]
    for job_id in jobs:
        account.finish(job_id, result(4))
        results.part(account, account.look(job_id), share(0, 1, 0, 4))
    assert len(results) == 2
    large = account.submit([(circuit(),)] * 40, "fake_fez", 10, [])
    account.finish(large, result(40))
    for number in range(2):
        results.part(account, account.look(large), share(number, 1, number, 40))
        assert len(results) == 1, "the newest is kept however large it is"


def test_a_participant_pays_its_part_of_the_executions_and_not_of_the_values() -> None:
    whole = JobResult(evs=0.0, pubs=[PubResult(evs=0.0), PubResult(evs=0.0)])
    shares = [
        share(place, 1, place, 2).model_copy(update={"fraction": own}) for place, own in enumerate((0.2, 0.8))
    ]
    used = [part(whole, each, 10.0).metadata["quantum_seconds"] for each in shares]
    assert used == pytest.approx([2.0, 8.0])


@given(
    shots=st.lists(st.integers(1, 1_000), min_size=1, max_size=8),
    charged=st.floats(0, 1e4),
    estimator=st.booleans(),
)
def test_the_quantum_seconds_are_shared_by_executions(
    shots: list[int], charged: float, estimator: bool
) -> None:
    pubs = [
        PubResult(evs=[0.0] * count) if estimator else PubResult(counts={"c": {"0": count}})
        for count in shots
    ]
    whole = JobResult(counts=pubs[0].counts, evs=pubs[0].evs, pubs=pubs if len(pubs) > 1 else None)
    shares = [share(place, 1, place, len(shots)) for place in range(len(shots))]
    used = [part(whole, each, charged).metadata["quantum_seconds"] for each in shares]
    assert sum(used) == pytest.approx(charged, abs=1e-5)
    assert used == pytest.approx([charged * count / sum(shots) for count in shots], abs=1e-5)
    assert "quantum_seconds" not in part(whole, shares[0]).metadata
    assert not any(pub.metadata for pub in pubs), "a participant's part has changed the others'"
