"""The jobs of an algorithm: PUBs, and the state that it needs until their results arrive."""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp

from actions.framework.measurement import bit_name, coverage
from core.errors import InputError
from core.protocol import JobResult, Progress, PubResult
from core.provider import Primitive

#: Maximum number of PUBs of one job.
MAX_PUBS = 300
#: Maximum number of names in an error.
MAX_NAMED = 8


class JobError(ValueError):
    """A job that no provider can run usefully: a mistake in the algorithm, not in its input."""


@dataclass(frozen=True)
class Pub:
    """One circuit to run: for the Sampler with measurements, for the Estimator with an observable instead.

    Args:
        circuit: the circuit, not transpiled; a circuit object that PUBs share is transpiled once.
        values: the values of the circuit's parameters, in the order of `circuit.parameters`; a list of such
            lists runs the circuit once for each.
        observable: the observable that the Estimator estimates; None for the Sampler.
        partly_measured: whether the Sampler's circuit may have classical bits that nothing is measured into;
            they read 0. Otherwise such a bit is an error.
    """

    circuit: QuantumCircuit
    values: Sequence[float] | Sequence[Sequence[float]] | None = None
    observable: SparsePauliOp | None = None
    partly_measured: bool = False


def _check(pub: Pub, number: int) -> None:
    """JobError if the primitive cannot run the PUB, or if its circuit measures too little."""
    bits = coverage(pub.circuit)
    if pub.observable is not None:
        if bits.measured:
            raise JobError(
                f"PUB {number}: the Estimator measures the observable itself. Remove the measurements "
                "from the circuit."
            )
        sizes = (pub.observable.num_qubits, pub.circuit.num_qubits)
        if sizes[0] != sizes[1]:
            raise JobError(
                f"PUB {number}: the observable has {sizes[0]} qubits and the circuit has {sizes[1]}. Make "
                "them the same."
            )
    elif not bits.measured:
        raise JobError(f"PUB {number}: the circuit has no measurement. End it with circuit.measure_all().")
    elif bits.unwritten and not pub.partly_measured:
        listed = ", ".join(bit_name(bit, pub.circuit) for bit in bits.unwritten[:MAX_NAMED])
        more = len(bits.unwritten) - MAX_NAMED
        listed += f" and {more} more" if more > 0 else ""
        raise JobError(
            f"PUB {number}: the circuit leaves classical bits unmeasured: {listed}. Measure into them, or "
            "declare fewer bits."
        )


@dataclass(frozen=True)
class Job:
    """One job of an algorithm.

    Args:
        pubs: the PUBs, all for the same primitive.
        shots: shots of each PUB; None means the caller's.
        state: the algorithm's state until the result arrives (JSON, at most 64 kB).
        progress: the progress of a hybrid algorithm, which the client sees.
        key: distinguishes the circuits from those of other jobs with the same input. Transpiled circuits are
            reused for the same input and key. Without a key they are reused only for jobs without a state,
            because circuits may depend on it.
    """

    pubs: Sequence[Pub]
    shots: int | None = None
    state: dict[str, Any] | None = None
    progress: Progress | None = None
    key: Hashable = None

    def __post_init__(self) -> None:
        """Check the job before it is submitted.

        Raises:
            JobError: its PUBs cannot run, or would measure less than the answer reads.
            ValueError: its state has a number that JSON cannot represent.
            TypeError: its state has a value of a type that JSON does not have.
        """
        if not 1 <= len(self.pubs) <= MAX_PUBS:
            raise JobError(f"a job has 1 to {MAX_PUBS} PUBs, not {len(self.pubs)}")
        if len({pub.observable is None for pub in self.pubs}) > 1:
            raise JobError("the PUBs of one job are all for the Sampler or all for the Estimator")
        checked: set[tuple[int, int, bool]] = set()
        for number, pub in enumerate(self.pubs):
            identity = (id(pub.circuit), id(pub.observable), pub.partly_measured)
            if identity not in checked:
                checked.add(identity)
                _check(pub, number)
        # Otherwise NaN and NumPy's numbers would be noticed only once the job is running.
        json.dumps(self.state, allow_nan=False)

    @property
    def qubits(self) -> int:
        """The number of qubits that a backend must have."""
        return max(int(pub.circuit.num_qubits) for pub in self.pubs)

    @property
    def primitive(self) -> Primitive:
        """The primitive that runs the PUBs."""
        return "sampler" if self.pubs[0].observable is None else "estimator"


@dataclass(frozen=True)
class Step:
    """A finished job of an algorithm.

    Args:
        number: 0 for the first job of a run.
        result: the result of the job.
        state: the state of the job.
        backend: the name of the backend.
        noisy: False only for the noiseless simulator.
    """

    number: int
    result: JobResult
    state: dict[str, Any] | None
    backend: str
    noisy: bool

    @property
    def pubs(self) -> Sequence[PubResult]:
        """The results of all PUBs, in order."""
        return self.result.pubs or [self.result]

    def counts(self, register: str = "meas", pub: int = 0) -> dict[str, int]:
        """The number of shots with each outcome.

        Args:
            register: the classical register; `measure_all` calls it `meas`.
            pub: the PUB's place in the job.

        Returns:
            The counts by the bitstring of the outcome, of which the last character is bit 0; never empty.

        Raises:
            InputError: the result has no counts of this register.
        """
        registers = self.pubs[pub].counts or {}
        counts = {outcome: count for outcome, count in registers.get(register, {}).items() if count > 0}
        if not counts:
            names = ", ".join(repr(name) for name in list(registers)[:MAX_NAMED]) or "none"
            raise InputError(
                f"step.result: PUB {pub} has no counts of register {register!r}; its registers are: {names}.",
                field="step",
            )
        return counts
