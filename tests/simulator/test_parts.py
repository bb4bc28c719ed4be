"""The smaller parts, each by itself."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from qiskit.primitives import BitArray

from simulator.circuits import Shape, Uses
from simulator.counts import big_endian_bytes, shots
from simulator.engine import plan
from simulator.errors import InvalidJob
from simulator.iam import LIFETIME, Iam
from simulator.jobs import JobStore, SimulatorJob
from simulator.programs.executor import annotate
from simulator.settings import Limits


def shape(qubits: int, gates: int, clifford: bool) -> Shape:
    uses: Uses = Counter()
    for qubit in range(qubits - 1):
        uses["cx", (qubit, qubit + 1)] = gates // (qubits - 1)
    return Shape(uses, clifford, control_flow=False)


@pytest.mark.parametrize(
    ("qubits", "gates", "clifford", "noisy", "method", "noise"),
    [
        (2, 5, True, False, "statevector", "none"),
        (16, 60, True, False, "stabilizer", "none"),
        (100, 400, True, False, "stabilizer", "none"),
        (20, 60, False, False, "statevector", "none"),
        (2, 5, True, True, "density_matrix", "full"),
        (5, 100, False, True, "density_matrix", "full"),
        (16, 60, True, True, "stabilizer", "pauli_twirled"),
        (100, 400, True, True, "stabilizer", "pauli_twirled"),
        (14, 400, False, True, "statevector", "pauli_twirled"),
    ],
)
def test_plan(qubits: int, gates: int, clifford: bool, noisy: bool, method: str, noise: str) -> None:
    decided = plan(shape(qubits, gates, clifford), 1024, noisy, Limits())
    assert (decided.method, decided.noise) == (method, noise)


@pytest.mark.parametrize("noisy", [True, False])
def test_plan_refuses_what_does_not_fit(noisy: bool) -> None:
    with pytest.raises(InvalidJob, match="uses 40 qubits and is not Clifford"):
        plan(shape(40, 200, clifford=False), 10, noisy, Limits())


def test_full_noise_only_as_far_as_it_is_wanted() -> None:
    limits = Limits(full_noise_seconds=0.0)
    assert plan(shape(2, 5, clifford=True), 1024, True, limits).noise == "pauli_twirled"


def test_counts_become_shots_in_random_order() -> None:
    bits = shots({"0x0": 300, "0x205": 700}, 10, 1000, np.random.default_rng(1))
    assert bits.shape == (1000, 10)
    assert bits.sum(axis=0).tolist() == [700, 0, 700, 0, 0, 0, 0, 0, 0, 700]
    assert 50 < bits[:100, 0].sum() < 90
    assert shots({}, 3, 5, np.random.default_rng(1)).sum() == 0


@pytest.mark.parametrize("num_bits", [1, 7, 8, 9, 16, 17])
def test_bytes_are_as_in_bit_arrays(num_bits: int) -> None:
    bits = np.random.default_rng(num_bits).integers(2, size=(50, num_bits), dtype=np.uint8)
    expected = BitArray.from_bool_array(bits.astype(bool), order="little").array
    assert np.array_equal(big_endian_bytes(bits), expected)


def job(size: int = 0) -> SimulatorJob:
    return SimulatorJob(program_id="sampler", backend="aer_simulator", body=b"x" * size, created=0.0, tags=[])


def test_store_forgets_the_oldest_finished_jobs() -> None:
    store = JobStore(max_finished=2, max_bytes=10**6)
    running = job()
    store.add(running)
    finished = [job() for _ in range(3)]
    for one in finished:
        store.add(one)
        one.finish("Completed", 1.0)
        store.finished(one)
    assert store.get(finished[0].job_id) is None
    assert [one.job_id for one in store.find(lambda _: True)] == [
        finished[2].job_id,
        finished[1].job_id,
        running.job_id,
    ]


def test_store_keeps_within_its_bytes() -> None:
    store = JobStore(max_finished=100, max_bytes=10_000)
    jobs = [job(size=4000) for _ in range(3)]
    for one in jobs:
        store.add(one)
        one.finish("Completed", 1.0)
        store.finished(one)
    assert [store.get(one.job_id) is not None for one in jobs] == [False, False, True]


def test_a_final_state_stays() -> None:
    one = job()
    one.finish("Cancelled", 1.0, "why", 5)
    one.finish("Completed", 2.0)
    one.start(3.0)
    assert (one.status, one.finished_at, one.reason) == ("Cancelled", 1.0, "why")


def test_tokens_expire_and_cannot_be_forged() -> None:
    iam = Iam("key")
    assert iam.accepts("key")
    assert not iam.accepts("kex")
    assert not iam.accepts("")
    token = iam.issue()["access_token"]
    assert iam.verify(token)
    assert iam.verify(token)
    assert not iam.verify(token + "x")
    assert not Iam("key").verify(token)
    assert not iam.verify(iam.issue(now=1_000_000 - LIFETIME)["access_token"])


def test_how_it_was_simulated_travels_with_the_circuit_metadata() -> None:
    how = [{"method": "stabilizer"}, {"method": "statevector"}]
    passed = {
        "post_processor": {"version": "v0.1", "circuits_metadata": [None, {"a": 1, "simulator": "mine"}]}
    }
    assert annotate(passed, how)["post_processor"] == {
        "version": "v0.1",
        "circuits_metadata": [{"simulator": how[0]}, {"a": 1, "simulator": "mine"}],
    }
    assert annotate({"x": 1}, how) == {"x": 1, "simulator": how}
    assert annotate(None, how) is None
