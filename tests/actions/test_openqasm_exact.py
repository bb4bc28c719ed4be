"""The exact distribution by each method is that of the circuit, and wide circuits have one too."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit.random import random_circuit, random_clifford_circuit
from qiskit.quantum_info import Statevector

from actions.run_openqasm import matrix_product, stabilizer, state_vector
from actions.run_openqasm.costs import Seconds
from actions.run_openqasm.dependencies import Part, parts
from actions.run_openqasm.exact import distribution

Method = Callable[[Part, Seconds], "dict[int, float] | None"]


def measured(circuit: QuantumCircuit, chance: random.Random) -> tuple[QuantumCircuit, dict[int, float]]:
    """Return a circuit with some of its qubits measured in any order, and the distribution of the bits."""
    qubits = chance.sample(range(circuit.num_qubits), chance.randint(1, circuit.num_qubits))
    wanted = Statevector(circuit).probabilities_dict(qubits)
    whole = QuantumCircuit(QuantumRegister(circuit.num_qubits, "q"), ClassicalRegister(len(qubits), "c"))
    whole.compose(circuit, inplace=True)
    for place, qubit in enumerate(qubits):
        whole.measure(qubit, place)
    return whole, {int(bits, 2): float(share) for bits, share in wanted.items() if share > 1e-9}


def whole_part(circuit: QuantumCircuit) -> Part:
    return Part(list(circuit.data), list(circuit.clbits), list(circuit.qubits))


def agree(found: dict[int, float] | None, wanted: dict[int, float]) -> None:
    """Fail unless two distributions are the same. Outcomes that never happen may be left out."""
    assert found is not None
    assert {outcome: found.get(outcome, 0.0) for outcome in found | wanted} == pytest.approx(
        {outcome: wanted.get(outcome, 0.0) for outcome in found | wanted}, abs=1e-8
    )


@settings(deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([state_vector.distribution, matrix_product.distribution]))
def test_each_method_gives_the_distribution_of_any_gates(seed: int, method: Method) -> None:
    chance = random.Random(seed)
    width = chance.randint(1, 6)
    gates = random_circuit(width, chance.randint(1, 8), max_operands=3, seed=seed)
    circuit, wanted = measured(gates, chance)
    found = method(whole_part(circuit), Seconds(60))
    agree(found, wanted)


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_stabilizers_give_the_distribution_of_clifford_gates(seed: int) -> None:
    chance = random.Random(seed)
    width = chance.randint(1, 7)
    circuit, wanted = measured(random_clifford_circuit(width, chance.randint(1, 30), seed=seed), chance)
    found = stabilizer.distribution(whole_part(circuit), Seconds(60))
    agree(found, wanted)


@settings(deadline=None)
@given(st.integers(0, 10**6))
@example(953)  # outcomes of probabilities near 1e-12
def test_independent_parts_are_put_together(seed: int) -> None:
    chance = random.Random(seed)
    gates = QuantumCircuit(8)
    places = chance.sample(range(8), 8)
    for size in (3, 2, 2, 1):
        part = [places.pop() for _ in range(size)]
        gates.compose(random_circuit(size, 4, max_operands=2, seed=seed), part, inplace=True)
    circuit, wanted = measured(gates, chance)
    found = distribution(circuit, "c")
    assert found is not None
    agree({int(bits, 2): share for bits, share in found.items()}, wanted)
    assert len(parts(circuit, circuit.clbits)) >= min(4, len(circuit.clbits)) - 3


def test_what_a_register_does_not_depend_on_is_left_out() -> None:
    circuit = QuantumCircuit(QuantumRegister(100, "q"), ClassicalRegister(2, "c"), ClassicalRegister(3, "d"))
    for qubit in range(100):
        circuit.ry(0.1 * qubit, qubit)
    circuit.measure([0, 1, 2], [2, 3, 4])
    with circuit.if_test((circuit.clbits[2], 1)):
        circuit.x(3)
    circuit.cx(3, 4)
    circuit.measure([3, 4], [0, 1])
    for qubit in range(5, 99):
        circuit.crx(0.3, qubit, qubit + 1)
    [part] = parts(circuit, list(circuit.cregs[0]))
    assert {circuit.find_bit(qubit).index for qubit in part.qubits} == {0, 3, 4}
    assert not part.is_static
    # The condition is never true; qubit 3 is turned by 0.3 and qubit 4 by 0.4.
    one, two = math.sin(0.15) ** 2, math.sin(0.2) ** 2
    assert distribution(circuit, "c") == pytest.approx(
        {
            "00": (1 - one) * (1 - two),
            "10": (1 - one) * two,
            "11": one * (1 - two),
            "01": one * two,
        }
    )


def test_what_a_bit_or_a_qubit_was_before_does_not_matter() -> None:
    circuit = QuantumCircuit(QuantumRegister(4, "q"), ClassicalRegister(1, "c"))
    circuit.h([0, 1, 2])
    circuit.measure(0, 0)
    circuit.reset(1)
    circuit.x(1)
    circuit.measure(1, 0)
    [part] = parts(circuit, circuit.clbits)
    assert [item.operation.name for item in part.items] == ["reset", "x", "measure"]
    assert distribution(circuit, "c") == {"1": 1.0}


def test_a_measurement_that_is_not_read_still_disturbs() -> None:
    circuit = QuantumCircuit(QuantumRegister(1, "q"), ClassicalRegister(1, "c"), ClassicalRegister(1, "d"))
    circuit.h(0)
    circuit.measure(0, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    assert distribution(circuit, "c") == pytest.approx({"0": 0.5, "1": 0.5})


def wide(width: int, build: Callable[[QuantumCircuit], None], bits: int | None = None) -> QuantumCircuit:
    bits = width if bits is None else bits
    circuit = QuantumCircuit(QuantumRegister(width, "q"), ClassicalRegister(bits, "c"))
    build(circuit)
    circuit.measure(range(bits), range(bits))
    return circuit


def ghz(circuit: QuantumCircuit) -> None:
    circuit.h(0)
    for qubit in range(circuit.num_qubits - 1):
        circuit.cx(qubit, qubit + 1)


def turned_ghz(circuit: QuantumCircuit) -> None:
    circuit.ry(2 * math.asin(math.sqrt(0.2)), 0)
    for qubit in range(circuit.num_qubits - 1):
        circuit.cx(qubit, qubit + 1)


def excited_one(circuit: QuantumCircuit) -> None:
    """The W state: each qubit alone is 1 with the same probability."""
    width = circuit.num_qubits
    circuit.x(0)
    for qubit in range(width - 1):
        circuit.cry(2 * math.acos(math.sqrt(1 / (width - qubit))), qubit, qubit + 1)
        circuit.cx(qubit + 1, qubit)


def deep_clifford(circuit: QuantumCircuit) -> None:
    circuit.compose(random_clifford_circuit(circuit.num_qubits, 900, seed=5), inplace=True)


@pytest.mark.parametrize("width", [19, 40, 127])
def test_wide_circuits_have_an_exact_distribution(width: int) -> None:
    ends = {"0" * width: 0.5, "1" * width: 0.5}
    assert distribution(wide(width, ghz), "c") == pytest.approx(ends)
    turned = {"0" * width: 0.8, "1" * width: 0.2}
    assert distribution(wide(width, turned_ghz), "c") == pytest.approx(turned)
    found = distribution(wide(width, excited_one), "c")
    assert found == pytest.approx({f"{1 << place:0{width}b}": 1 / width for place in range(width)})


def test_few_bits_of_many_entangled_qubits_have_an_exact_distribution() -> None:
    found = distribution(wide(60, deep_clifford, bits=5), "c")
    assert found == pytest.approx({f"{number:05b}": 1 / 32 for number in range(32)})


def test_a_circuit_of_20_qubits_has_an_exact_distribution() -> None:
    def build(circuit: QuantumCircuit) -> None:
        circuit.h(range(4))
        for qubit in range(19):
            circuit.crx(0.7, qubit, qubit + 1)

    circuit = wide(20, build, bits=6)
    whole = QuantumCircuit(6)
    whole.h(range(4))
    for qubit in range(5):
        whole.crx(0.7, qubit, qubit + 1)
    found = distribution(circuit, "c")
    assert found == pytest.approx(Statevector(whole).probabilities_dict(), abs=1e-9)


def test_there_is_no_distribution_of_too_many_outcomes() -> None:
    circuit = wide(60, lambda made: made.h(range(60)))
    assert distribution(circuit, "c") is None
    assert distribution(wide(40, deep_clifford), "c") is None
