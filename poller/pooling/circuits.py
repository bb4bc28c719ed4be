"""The circuits of a participant, from its message."""

from __future__ import annotations

import base64
import io
from typing import Any

from qiskit import QuantumCircuit, qpy
from qiskit.quantum_info import SparsePauliOp

from core.errors import EventError
from core.protocol import PoolSubmission
from poller.pooling.extent import JobExtent


def native_pubs(submission: PoolSubmission) -> list[tuple[Any, ...]]:
    """Return the PUBs for the primitive.

    Raises:
        EventError: the message has no readable circuits.
    """
    try:
        circuits: list[QuantumCircuit] = qpy.load(io.BytesIO(base64.b64decode(submission.circuits)))
        pubs: list[tuple[Any, ...]] = []
        for pub in submission.pubs:
            circuit = circuits[pub.circuit]
            values = () if pub.values is None else (pub.values,)
            if submission.primitive == "sampler":
                pubs.append((circuit, *values))
            else:
                pubs.append((circuit, SparsePauliOp.from_list(pub.observable or []), *values))
    except Exception as error:  # QPY may raise anything for bytes that it did not write
        raise EventError(f"The circuits cannot be read ({type(error).__name__}).") from None
    return pubs


def extent(submission: PoolSubmission) -> JobExtent:
    """Return how much of a provider job the circuits take."""
    return JobExtent(
        pubs=len(submission.pubs),
        executions=submission.executions,
        instructions=submission.instructions,
        two_qubit_gates=submission.two_qubit_gates,
        size=len(submission.circuits),
        seconds=submission.seconds,
    )
