"""bb84: the qubits' physics with and without Eve, the public exchange, and the answer."""

from __future__ import annotations

import itertools
import json
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import transpile

from actions.bb84.algorithm import Bb84Input, algorithm
from actions.bb84.amplification import entropy, hash_key, secret_bits
from actions.bb84.circuit import BATCH, angles, channel
from actions.bb84.exchange import THRESHOLD, run_exchange
from actions.bb84.reconciliation import Cascade
from actions.bb84.secrecy import Secrets
from actions.framework.input import validated
from actions.framework.job import Step
from core.errors import InputError
from core.protocol import JobResult, PubResult
from tests.actions.cases import bb84 as case
from tests.actions.theory import probabilities, step_of

ways = st.tuples(*[st.sampled_from("01")] * 4)


def run(seed: int = 1, **values: Any) -> dict[str, Any]:
    """The answer on a perfect machine."""
    params = Bb84Input(**values)
    answer = algorithm.proceed(params, step_of(algorithm.start(params), seed=seed)).as_dict()
    json.dumps(answer, allow_nan=False)
    return answer


# --- the qubits ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bit", "alice", "bob"), list(itertools.product("01", repeat=3)))
def test_bob_reads_the_bit_if_the_bases_agree_and_a_coin_if_not(bit: str, alice: str, bob: str) -> None:
    circuit = channel(1, eavesdropper=False).assign_parameters(angles(bit, alice, None, bob))
    expected = {bit: 1} if alice == bob else {"0": 0.5, "1": 0.5}
    assert probabilities(circuit, "meas") == pytest.approx(expected)


@pytest.mark.parametrize(("bit", "alice", "eve", "bob"), list(itertools.product("01", repeat=4)))
def test_eve_reads_and_disturbs_as_theory_says(bit: str, alice: str, eve: str, bob: str) -> None:
    circuit = channel(1, eavesdropper=True).assign_parameters(angles(bit, alice, eve, bob))
    coin = {"0": 0.5, "1": 0.5}
    read = {bit: 1} if alice == eve else coin
    assert probabilities(circuit, "eve") == pytest.approx(read)
    assert probabilities(circuit, "meas") == pytest.approx(read if eve == bob else coin)


@given(st.lists(ways, min_size=2, max_size=4))
def test_every_qubit_is_independent(each: list[tuple[str, ...]]) -> None:
    bits, alice, eve, bob = ("".join(column) for column in zip(*each, strict=True))
    circuit = channel(len(each), eavesdropper=True).assign_parameters(angles(bits, alice, eve, bob))
    seen = probabilities(circuit, "eve")
    for place, bit in enumerate(bits):
        right = sum(weight for outcome, weight in seen.items() if outcome[::-1][place] == bit)
        assert right == pytest.approx(1 if alice[place] == eve[place] else 0.5)


def test_the_transpiler_keeps_the_three_apart() -> None:
    ready = transpile(channel(1, eavesdropper=True), basis_gates=["rz", "sx", "x"], optimization_level=3)
    names = [item.operation.name for item in ready.data]
    assert names.count("measure") == 2
    between = names[names.index("measure") + 1 : len(names) - 1 - names[::-1].index("measure")]
    assert "barrier" in between


# --- the exchange ----------------------------------------------------------------------------------


def test_what_is_drawn_is_fair_different_each_time_and_survives_its_journey() -> None:
    one, two = Secrets.draw(1024, True), Secrets.draw(1024, True)
    assert one != two
    assert Secrets.of(json.loads(json.dumps(one.state))) == one
    assert one.eve is not None
    for text in (one.bits, one.alice, one.bob, one.eve, one.sample):
        assert len(text) == 1024
        assert abs(text.count("1") - 512) < 7 * 16
    assert len({one.bits, one.alice, one.bob, one.eve, one.sample}) == 5
    assert Secrets.draw(64, False).eve is None


def errors(size: int, rate: float, seed: int) -> tuple[list[int], list[int]]:
    random = Random(seed)
    alice = [random.getrandbits(1) for _ in range(size)]
    return alice, [bit ^ (random.random() < rate) for bit in alice]


@given(st.integers(1, 500), st.floats(0, 0.11), st.integers())
def test_cascade_only_corrects_wrong_bits(size: int, rate: float, seed: int) -> None:
    alice, bob = errors(size, rate, seed)
    wrong = {place for place in range(size) if alice[place] != bob[place]}
    cascade = Cascade(alice, list(bob))
    cascade.run(rate + 0.01, Random(seed))
    left = {place for place in range(size) if alice[place] != cascade.bob[place]}
    assert left <= wrong
    assert cascade.corrected == len(wrong) - len(left)
    # Errors that remain come in pairs: every block of every pass has the same parity on both sides.
    assert len(left) % 2 == 0


def test_cascade_nearly_always_finds_all_errors_and_reveals_little_more_than_necessary() -> None:
    left = announced = 0
    for seed in range(100):
        alice, bob = errors(500, 0.03, seed)
        cascade = Cascade(alice, bob)
        cascade.run(0.03, Random(seed))
        left += cascade.bob != alice
        announced += cascade.announced
    assert left <= 3
    # Shannon's limit is h(0.03) per bit; Cascade is known to need about 1.2 times that, more for few bits.
    assert 1.0 < announced / (100 * 500 * entropy(0.03)) < 1.5


@given(st.lists(st.integers(0, 1), min_size=1, max_size=40), st.data())
def test_the_hash_is_linear_and_both_sides_get_the_same(key: list[int], data: st.DataObject) -> None:
    size = len(key)
    length = data.draw(st.integers(0, size))
    mixing = data.draw(st.text("01", min_size=2 * size, max_size=2 * size))
    other = data.draw(st.lists(st.integers(0, 1), min_size=size, max_size=size))
    one, two = (hash_key(bits, length, mixing) for bits in (key, other))
    both = hash_key([a ^ b for a, b in zip(key, other, strict=True)], length, mixing)
    assert len(one) == length
    assert both == "".join(str(int(a) ^ int(b)) for a, b in zip(one, two, strict=True))


def test_any_two_keys_collide_as_rarely_as_with_a_random_hash() -> None:
    """Over all hashes of four bits to two: exactly a quarter, for any difference between the two keys."""
    for difference in itertools.product((0, 1), repeat=4):
        if any(difference):
            hashes = [
                hash_key(difference, 2, "".join(mixing)) for mixing in itertools.product("01", repeat=5)
            ]
            assert hashes.count("00") == len(hashes) / 4


def test_the_secret_part_vanishes_at_the_threshold() -> None:
    assert secret_bits(1000, 0, 0) == 1000
    assert secret_bits(1000, 0.5, 0) == 0
    assert secret_bits(10, 0.01, 100) == 0
    # There, an ideal correction reveals as much as Eve may know: 1 - 2 h(e) is zero.
    assert abs(secret_bits(10_000, THRESHOLD, round(10_000 * entropy(THRESHOLD)))) < 10
    assert (entropy(0), entropy(0.5), entropy(1)) == (0, 1, 0)


def exchange(bob: str, sample: str, bits: str = "01" * 32) -> Any:
    bases = "01" * (len(bits) // 2)
    drawn = Secrets(bits=bits, alice=bases, bob=bases, eve=None, sample=sample, mixing="01110" * 30)
    return run_exchange(drawn, bob, None)


def test_more_errors_than_allowed_end_it() -> None:
    bits, sample = "01" * 50, "1" * 50 + "0" * 50
    flipped = ["".join(str(1 - int(bit)) for bit in bits[:count]) + bits[count:] for count in (5, 6)]
    good, bad = (exchange(bob, sample, bits) for bob in flipped)
    assert (good.wrong, good.aborted) == (5, False)
    assert good.alice == good.bob != ""
    assert (bad.wrong, bad.aborted, bad.alice) == (6, True, "")


def test_errors_outside_the_sample_are_corrected() -> None:
    bits = "0110" * 16
    bob = bits[:-1] + str(1 - int(bits[-1]))
    done = exchange(bob, "1" * 32 + "0" * 32, bits)
    assert (done.wrong, done.corrected) == (0, 1)
    assert done.alice == done.bob
    assert 0 < len(done.alice) < 32 - done.announced


def test_no_key_is_trusted_without_a_comparison() -> None:
    assert exchange("01" * 32, "0" * 64).aborted


def test_only_bits_of_the_same_basis_count() -> None:
    drawn = Secrets(bits="0101", alice="0011", bob="0110", eve="0000", sample="1111", mixing="0" * 8)
    done = run_exchange(drawn, "0000", "0111")
    # Places 0 and 2 agree; Bob has both right, and Eve the first.
    assert (done.sifted, done.sampled, done.wrong, done.known) == (2, 2, 0, 0.5)


# --- the answer ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_the_case_that_runs_end_to_end(seed: int) -> None:
    case.check(run(seed, **case.VALUES), noisy=False)


def test_eve_causes_a_quarter_of_errors_and_is_noticed() -> None:
    answer = run(qubits=1024, eavesdropper=True)
    assert answer["aborted"]
    assert (answer["key"], answer["keys_match"]) == ("", False)
    assert "discarded the key" in answer["summary"]
    assert "note" not in answer
    # Six and a half standard deviations each.
    assert abs(answer["error_rate"] - 0.25) < 6.5 * (0.25 * 0.75 / answer["compared"]) ** 0.5
    assert abs(answer["eve_knew"] - 0.75) < 6.5 * (0.25 * 0.75 / answer["sifted"]) ** 0.5


def noisy_run(rate: float, seed: int, **values: Any) -> dict[str, Any]:
    """Return the answer if each bit is read with this error rate; the same each time for a seed."""
    params = Bb84Input(**values)
    random = Random(seed)
    with patch("secrets.randbits", random.getrandbits):
        job = algorithm.start(params)
    perfect = step_of(job, seed=seed)
    pubs = []
    for number in range(len(perfect.pubs)):
        counts = {}
        for register in ("meas", "eve") if params.eavesdropper else ("meas",):
            [outcome] = perfect.counts(register, number)
            counts[register] = {"".join(str(int(bit) ^ (random.random() < rate)) for bit in outcome): 1}
        pubs.append(PubResult(counts=counts))
    step = Step(0, JobResult(pubs=pubs), perfect.state, "fake_fez", True)
    answer = algorithm.proceed(params, step).as_dict()
    json.dumps(answer, allow_nan=False)
    return answer


def test_noise_is_corrected_at_the_cost_of_a_shorter_key() -> None:
    answers = [noisy_run(0.03, seed, qubits=512) for seed in range(5)]
    assert sum(answer["keys_match"] for answer in answers) >= 4
    assert sum(answer["corrected"] for answer in answers) > 10
    for answer in answers:
        assert 30 < answer["key_bits"] < answer["sifted"] - answer["compared"] - answer["disclosed"]


def test_noise_without_eve_is_reported_as_noise() -> None:
    answer = noisy_run(0.3, 1, qubits=512)
    assert answer["aborted"]
    assert answer["note"].startswith("There was no eavesdropper")


@pytest.mark.parametrize("rate", [0, 0.02, 0.05, 0.08, 0.1, 0.5, 1])
@pytest.mark.parametrize("eavesdropper", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_a_key_that_is_not_shared_is_not_reported_as_one(rate: float, eavesdropper: bool, seed: int) -> None:
    answer = noisy_run(rate, seed, qubits=64, eavesdropper=eavesdropper)
    assert ("share a secret key" in answer["summary"]) == answer["keys_match"]
    assert answer["keys_match"] <= (not answer["aborted"])
    if not answer["keys_match"] and not (eavesdropper and answer["aborted"]):
        assert answer["note"]
    if eavesdropper and not answer["aborted"]:
        assert "Eve was not detected" in answer["note"]


@pytest.mark.parametrize("qubits", [64, 1024])
def test_each_qubit_is_sent_once(qubits: int) -> None:
    job = algorithm.start(Bb84Input(qubits=qubits))
    assert job.shots == 1
    assert len(job.pubs) == qubits / BATCH
    assert len({id(pub.circuit) for pub in job.pubs}) == 1, "transpiled more than once"


@pytest.mark.parametrize(
    ("values", "words"),
    [({"qubits": 65}, "multiple of 16"), ({"qubits": 48}, "64"), ({"shots": 2}, "less than or equal to 1")],
)
def test_an_impossible_number_of_qubits_is_refused(values: dict[str, int], words: str) -> None:
    with pytest.raises(InputError, match=f"{next(iter(values))}: .*{words}"):
        validated(Bb84Input, values)
