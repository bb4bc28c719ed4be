"""What an algorithm wants to have run: PUBs, and what it must remember until their results are there."""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from core.errors import InputError
from core.protocol import JobResult, Progress, PubResult
from core.provider import Primitive

#: PUBs that one job may have.
MAX_PUBS = 300


@dataclass(frozen=True)
class Pub:
    """One circuit to run: for the Sampler with measurements, for the Estimator with an observable instead.

    Args:
        circuit: on its own qubits; PUBs that share one circuit object have it transpiled once.
        values: the values of the circuit's parameters, in the order of `circuit.parameters`; a list of such
            lists runs the circuit once for each.
        observable: what the Estimator estimates; None for the Sampler.
    """

    circuit: QuantumCircuit
    values: Sequence[float] | Sequence[Sequence[float]] | None = None
    observable: SparsePauliOp | None = None


@dataclass(frozen=True)
class Job:
    """One job of an algorithm.

    Args:
        pubs: what to run, all for the same primitive.
        shots: of each PUB; None takes the caller's.
        state: what the algorithm remembers until the result is there (JSON, at most 64 kB).
        progress: how far a hybrid algorithm is, for the client to see.
        key: what tells the circuits from those of other jobs with the same input. What was transpiled for an
            input and a key is used again; without a key only for jobs without a state, since circuits may
            depend on that.
    """

    pubs: Sequence[Pub]
    shots: int | None = None
    state: dict[str, Any] | None = None
    progress: Progress | None = None
    key: Hashable = None

    def __post_init__(self) -> None:
        """ValueError for what no provider and no event would take: a mistake in the algorithm."""
        if not 1 <= len(self.pubs) <= MAX_PUBS:
            raise ValueError(f"a job has 1 to {MAX_PUBS} PUBs, not {len(self.pubs)}")
        if len({pub.observable is None for pub in self.pubs}) > 1:
            raise ValueError("the PUBs of one job are all for the Sampler or all for the Estimator")
        # NaN and NumPy's numbers would be found out only when the job runs already.
        json.dumps(self.state, allow_nan=False)

    @property
    def qubits(self) -> int:
        """Qubits that a backend must have for it."""
        return max(int(pub.circuit.num_qubits) for pub in self.pubs)

    @property
    def primitive(self) -> Primitive:
        """Whose PUBs these are."""
        return "sampler" if self.pubs[0].observable is None else "estimator"


@dataclass(frozen=True)
class Step:
    """A finished job of an algorithm.

    Args:
        number: 0 for the first job of a run.
        result: the job's.
        state: as the job had it.
        backend: where it ran.
        noisy: false only for the noiseless simulator.
    """

    number: int
    result: JobResult
    state: dict[str, Any] | None
    backend: str
    noisy: bool

    @property
    def pubs(self) -> Sequence[PubResult]:
        """The results of all PUBs, in their order."""
        return self.result.pubs or [self.result]

    def counts(self, register: str = "meas", pub: int = 0) -> dict[str, int]:
        """How often each outcome of a register was seen, never empty; InputError if there are none."""
        seen = (self.pubs[pub].counts or {}).get(register) or {}
        found = {outcome: count for outcome, count in seen.items() if count > 0}
        if not found:
            raise InputError(f"step.result: PUB {pub} has no counts of register {register!r}.", field="step")
        return found
