"""The circuits of a job as a message for the pool, from which a poller submits them with others'."""

from __future__ import annotations

import base64
import io
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from qiskit import QuantumCircuit, qpy
from qiskit.circuit import Qubit

from actions.framework.job import Job, Pub
from core.protocol import JobEvent, PooledPub, PoolSubmission

#: Control instructions for each gate, as IBM Quantum counts them (its page on job limits); 1 for others.
_INSTRUCTIONS = {"sx": 2, "x": 2, "cx": 5, "cz": 5, "ecr": 5, "rzz": 5, "measure": 10, "reset": 17}
#: Control instructions at the beginning of each circuit.
_INITIALISATION = 50
#: Quantum seconds of one execution of a usual circuit: it is repeated after 250 us, and runs less than that.
_EXECUTION = 300e-6


def pool_submission(
    event: JobEvent, job: Job, circuits: Sequence[QuantumCircuit], shots: int
) -> PoolSubmission:
    """Return the message with the circuits of a job.

    Args:
        event: the job, without a provider's id.
        job: the job.
        circuits: the transpiled circuit of each PUB; a circuit that PUBs share is the same object.
        shots: the shots of each PUB.
    """
    distinct: dict[int, int] = {}
    written: list[QuantumCircuit] = []
    for circuit in circuits:
        if id(circuit) not in distinct:
            distinct[id(circuit)] = len(written)
            written.append(circuit)
    file = io.BytesIO()
    qpy.dump(written, file)
    pubs = [
        PooledPub(circuit=distinct[id(circuit)], values=_values(pub), observable=_observable(pub, circuit))
        for pub, circuit in zip(job.pubs, circuits, strict=True)
    ]
    executions = shots * sum(_settings(pub) for pub in job.pubs)
    return PoolSubmission(
        event=event,
        circuits=base64.b64encode(file.getvalue()).decode(),
        pubs=pubs,
        primitive=job.primitive,
        shots=shots,
        executions=executions,
        instructions=sum(_instructions(circuit) for circuit in circuits),
        two_qubit_gates=sum(circuit.num_nonlocal_gates() for circuit in circuits),
        seconds=executions * _EXECUTION,
    )


def _values(pub: Pub) -> list[float] | list[list[float]] | None:
    return None if pub.values is None else np.asarray(pub.values, dtype=float).tolist()


def _observable(pub: Pub, circuit: QuantumCircuit) -> list[tuple[str, float]] | None:
    if pub.observable is None:
        return None
    placed = pub.observable.apply_layout(circuit.layout)
    return [(label, float(factor.real)) for label, factor in placed.to_list()]


def _settings(pub: Pub) -> int:
    """Return how many circuits a PUB is after broadcasting: one for each row of values and each basis."""
    shape = np.shape(pub.values)[:-1] if pub.values is not None else ()
    bases = 1 if pub.observable is None else len(pub.observable.group_commuting(qubit_wise=True))
    return math.prod(shape) * bases


def _instructions(circuit: QuantumCircuit) -> int:
    """Return the control instructions on the busiest qubit."""
    of_qubit: Counter[Qubit] = Counter()
    for instruction in circuit.data:
        for qubit in instruction.qubits:
            of_qubit[qubit] += _INSTRUCTIONS.get(instruction.operation.name, 1)
    return _INITIALISATION + max(of_qubit.values(), default=0)
