"""A job's circuits measure what its answer reads; any other job is refused before its submission."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit.classical import expr
from qiskit.quantum_info import SparsePauliOp

from actions.framework.job import Job, JobError, Pub, Step
from core.errors import InputError
from core.protocol import JobResult
from tests.actions.broken import Coins, CoinsInput
from tests.actions.walk import Caller


def circuit(qubits: int = 2, bits: int = 2) -> QuantumCircuit:
    return QuantumCircuit(QuantumRegister(qubits, "q"), ClassicalRegister(bits, "meas"))


def unmeasured() -> QuantumCircuit:
    built = QuantumCircuit(2)
    built.h(0)
    return built


def half_measured() -> QuantumCircuit:
    built = circuit(2, 3)
    built.measure(0, 1)
    return built


def measured_in_a_condition() -> QuantumCircuit:
    built = circuit(2, 2)
    built.measure(0, 1)
    with built.if_test((built.clbits[1], 1)):
        built.measure(1, 0)
    return built


def measured_in_a_loop() -> QuantumCircuit:
    built = circuit(1, 1)
    with built.for_loop(range(2)):
        built.measure(0, 0)
    return built


def measured_in_an_instruction() -> QuantumCircuit:
    part = QuantumCircuit(1, 1)
    part.measure(0, 0)
    built = circuit(2, 1)
    built.append(part.to_instruction(), [1], [0])
    return built


def stored() -> QuantumCircuit:
    built = circuit(1, 2)
    built.measure(0, 0)
    built.store(built.clbits[1], expr.lift(built.clbits[0]))
    return built


def unmeasured_in_an_instruction() -> QuantumCircuit:
    built = circuit(1, 1)
    built.append(QuantumCircuit(1, 1).to_instruction(), [0], [0])
    return built


def compared_but_unmeasured() -> QuantumCircuit:
    built = circuit(2, 2)
    built.measure(0, 0)
    with built.if_test((built.clbits[1], 1)):
        built.x(1)
    return built


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (unmeasured, r"PUB 0: the circuit has no measurement\. End it with circuit\.measure_all\(\)\."),
        (half_measured, r"PUB 0: .*unmeasured: meas\[0\], meas\[2\]\. Measure into them, or"),
        (unmeasured_in_an_instruction, r"PUB 0: the circuit has no measurement"),
        (compared_but_unmeasured, r"unmeasured: meas\[1\]"),
        (lambda: circuit(1, 40), r"PUB 0: the circuit has no measurement"),
    ],
)
def test_a_circuit_that_leaves_bits_unmeasured_is_refused(
    build: Callable[[], QuantumCircuit], words: str
) -> None:
    with pytest.raises(JobError, match=words):
        Job([Pub(build())])


def test_the_wrong_pub_is_named_and_the_list_of_bits_is_bounded() -> None:
    wide = circuit(1, 100)
    wide.measure(0, 0)
    with pytest.raises(JobError, match=r"PUB 1: .*meas\[8\] and 91 more\. ") as caught:
        Job([Pub(measured_in_a_loop()), Pub(wide)])
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "build", [measured_in_a_condition, measured_in_a_loop, measured_in_an_instruction, stored]
)
def test_a_bit_may_be_written_anywhere_in_the_circuit(build: Callable[[], QuantumCircuit]) -> None:
    assert Job([Pub(build())]).primitive == "sampler"


def test_a_pub_may_declare_that_it_leaves_bits_unmeasured_but_not_that_it_measures_nothing() -> None:
    Job([Pub(half_measured(), partly_measured=True)])
    with pytest.raises(JobError, match="has no measurement"):
        Job([Pub(circuit(), partly_measured=True)])


def test_an_estimators_circuit_has_no_measurement_and_its_observable_the_same_qubits() -> None:
    Job([Pub(unmeasured(), observable=SparsePauliOp("ZZ"))])
    with pytest.raises(JobError, match=r"PUB 0: .*Estimator measures the observable.*Remove"):
        Job([Pub(measured_in_a_loop(), observable=SparsePauliOp("Z"))])
    with pytest.raises(JobError, match="PUB 0: the observable has 3 qubits and the circuit has 2"):
        Job([Pub(unmeasured(), observable=SparsePauliOp("ZZZ"))])


def test_a_register_without_counts_is_named_with_those_that_have_some() -> None:
    step = Step(0, JobResult(counts={"c": {"0": 5, "1": 0}}), None, "aer_simulator", False)
    assert step.counts("c") == {"0": 5}
    with pytest.raises(InputError, match="PUB 0 has no counts of register 'meas'; its registers are: 'c'"):
        step.counts()


class Forgets(Coins):
    """Does not measure."""

    def build(self, params: CoinsInput) -> QuantumCircuit:
        return QuantumCircuit(params.coins)


def test_nothing_is_submitted_and_the_function_says_what_is_missing(caplog: Any) -> None:
    caller = Caller(Forgets())
    error = caller.submit({"coins": 2})["error"]
    assert not caller.submission.jobs
    assert error["code"] == "internal_error"
    assert "the circuit has no measurement. End it with circuit.measure_all()." in error["message"]
    assert "no measurement" in caplog.text
