"""What a circuit must give, computed exactly: no sampling, no recorded output."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Clbit, IfElseOp
from qiskit.quantum_info import Operator, Statevector

from actions.framework.job import Job, Pub, Step
from core.protocol import JobResult, PubResult

#: Branches less likely than this are rounding errors.
_NOTHING = 1e-12

_Bits = tuple[int, ...]


def probabilities(circuit: QuantumCircuit, register: str | None = None) -> dict[str, float]:
    """Return the exact distribution of a register's outcomes, including measurements inside the circuit.

    Every measurement splits the state into two branches, so that what follows may depend on its outcome.

    Args:
        circuit: a circuit with gates, measurements, resets and `if_test` on a bit or a register.
        register: the register to read; None if there is only one.

    Returns:
        Bitstrings as Qiskit writes them (the last character is bit 0), with their probabilities.
    """
    [wanted] = [found for found in circuit.cregs if register in (None, found.name)]
    branches = [(1.0, Statevector.from_int(0, 2**circuit.num_qubits), (0,) * circuit.num_clbits)]
    branches = _run(circuit, branches, list(range(circuit.num_qubits)), list(circuit.clbits), circuit)
    positions = [circuit.find_bit(bit).index for bit in wanted]
    found: dict[str, float] = defaultdict(float)
    for weight, _, bits in branches:
        found["".join(str(bits[position]) for position in reversed(positions))] += weight
    return {outcome: weight for outcome, weight in found.items() if weight > _NOTHING}


_Branch = tuple[float, Statevector, _Bits]


def _run(
    circuit: QuantumCircuit,
    branches: list[_Branch],
    qubits: Sequence[int],
    clbits: Sequence[Clbit],
    whole: QuantumCircuit,
) -> list[_Branch]:
    for item in circuit.data:
        on = [qubits[circuit.find_bit(qubit).index] for qubit in item.qubits]
        into = [whole.find_bit(clbits[circuit.find_bit(bit).index]).index for bit in item.clbits]
        operation = item.operation
        if operation.name == "measure":
            branches = [split for branch in branches for split in _measured(branch, on[0], into[0])]
        elif operation.name == "reset":
            branches = [split for branch in branches for split in _reset(branch, on[0])]
        elif isinstance(operation, IfElseOp):
            branches = [
                split for branch in branches for split in _conditional(branch, operation, on, item, whole)
            ]
        elif operation.name not in ("barrier", "delay"):
            branches = [(weight, state.evolve(operation, on), bits) for weight, state, bits in branches]
    return branches


def _measured(branch: _Branch, qubit: int, bit: int) -> list[_Branch]:
    weight, state, bits = branch
    splits = []
    for outcome, part in enumerate(state.probabilities([qubit])):
        if weight * part > _NOTHING:
            projector = np.diag([1.0 - outcome, float(outcome)]) / np.sqrt(part)
            after = Statevector(state.evolve(Operator(projector), [qubit]))
            splits.append((weight * part, after, (*bits[:bit], outcome, *bits[bit + 1 :])))
    return splits


def _reset(branch: _Branch, qubit: int) -> list[_Branch]:
    flip = Operator(np.array([[0.0, 1.0], [1.0, 0.0]]))
    splits = []
    for weight, state, (outcome,) in _measured((branch[0], branch[1], (0,)), qubit, 0):
        splits.append((weight, state.evolve(flip, [qubit]) if outcome else state, branch[2]))
    return splits


def _conditional(
    branch: _Branch, operation: IfElseOp, on: Sequence[int], item: Any, whole: QuantumCircuit
) -> list[_Branch]:
    condition, value = operation.condition
    bits = branch[2]
    if isinstance(condition, ClassicalRegister):
        seen = sum(bits[whole.find_bit(bit).index] << place for place, bit in enumerate(condition))
    else:
        seen = bits[whole.find_bit(condition).index]
    blocks = operation.blocks
    chosen = blocks[0] if seen == int(value) else (blocks[1] if len(blocks) > 1 else None)
    return [branch] if chosen is None else _run(chosen, [branch], on, list(item.clbits), whole)


def result_of(job: Job, shots: int = 4096, seed: int = 1) -> JobResult:
    """Return the result of a job on a perfect machine.

    Sampler counts are drawn from the exact distribution, with a seed; the Estimator's values are exact.
    """
    random = np.random.default_rng(seed)
    pubs = [_pub(pub, job.shots or shots, random) for pub in job.pubs]
    first = pubs[0]
    return JobResult(**first.model_dump(), pubs=pubs if len(pubs) > 1 else None)


def _pub(pub: Pub, shots: int, random: np.random.Generator) -> PubResult:
    if pub.observable is not None:
        values = np.atleast_1d(np.asarray(pub.values if pub.values is not None else [], dtype=float))
        rows = values.reshape(-1, pub.circuit.num_parameters) if pub.circuit.num_parameters else [values]
        evs = [
            float(np.real(Statevector(_bound(pub.circuit, row)).expectation_value(pub.observable)))
            for row in rows
        ]
        many = values.ndim > 1
        return PubResult(evs=evs if many else evs[0], stds=[0.0] * len(evs) if many else 0.0)
    circuit = _bound(pub.circuit, pub.values)
    counts = {register.name: _counts(circuit, register.name, shots, random) for register in circuit.cregs}
    return PubResult(counts=counts, shots=shots)


def _bound(circuit: QuantumCircuit, values: Any) -> QuantumCircuit:
    return circuit.assign_parameters(list(values)) if circuit.num_parameters else circuit


def _counts(
    circuit: QuantumCircuit, register: str, shots: int, random: np.random.Generator
) -> dict[str, int]:
    """Draw separately the parts of a circuit that never interact: together they would be too large."""
    drawn = np.zeros(shots, dtype=object)
    for part in parts(circuit):
        exact = probabilities(part, register)
        outcomes = sorted(exact)
        weights = np.array([exact[outcome] for outcome in outcomes])
        places = random.choice(len(outcomes), size=shots, p=weights / weights.sum())
        drawn |= np.array([int(outcome, 2) for outcome in outcomes], dtype=object)[places]
    [width] = [found.size for found in circuit.cregs if found.name == register]
    return {f"{outcome:0{width}b}": count for outcome, count in sorted(Counter(drawn).items())}


def parts(circuit: QuantumCircuit) -> list[QuantumCircuit]:
    """Split the circuit into circuits of qubits that interact by a gate or a bit."""
    items = [item for item in circuit.data if item.operation.name != "barrier"]
    groups: list[set[Any]] = []
    for item in items:
        joined = {*item.qubits, *item.clbits}
        for group in [group for group in groups if group & joined]:
            groups.remove(group)
            joined |= group
        groups.append(joined)
    circuits = []
    for group in groups:
        part = QuantumCircuit([bit for bit in circuit.qubits if bit in group], circuit.clbits, *circuit.cregs)
        for item in items:
            if item.qubits[0] in group:
                part.append(item)
        circuits.append(part)
    return circuits


def step_of(job: Job, number: int = 0, shots: int = 4096, seed: int = 1, noisy: bool = False) -> Step:
    """Return a job as its algorithm sees it when it is done, on a perfect machine."""
    return Step(number, result_of(job, shots, seed), job.state, "aer_simulator", noisy)
