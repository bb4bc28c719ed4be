"""A PUB of the estimator: the measurements for its observables, and how many of them a job may have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidJob
from ..simulation_plan import Execution
from .observables import INSTRUCTIONS, Group, Observable, TermUses

#: Instructions of all circuits that a job's observables need: its circuit once per group of observables,
#: with the measurements. Preparing a million takes about ten seconds.
MAX_INSTRUCTIONS = 1_000_000
#: Bytes of outcomes that are held at once, unless a single execution has more.
MAX_OUTCOME_BYTES = 1 << 25
#: Seconds to read one outcome for one term, and to begin with a term.
OUTCOME_SECONDS = 2e-9
TERM_SECONDS = 2e-5


@dataclass(frozen=True)
class Sweep:
    """The executions that measure one group for some of the parameter sets.

    Attributes:
        group: The group.
        rows: The indices of the parameter sets.
        places: The classical bits of the group's measurements.
        executions: One execution per parameter set.
        seconds: Approximate time to read the group's terms from the outcomes, besides the simulation.
    """

    group: Group
    rows: list[int]
    places: list[int]
    executions: list[Execution]
    seconds: float

    def batches(self) -> Iterator[slice]:
        """Yield the executions whose outcomes are held at once."""
        each = max(self.executions[0].shots * self.executions[0].num_clbits, 1)
        step = max(MAX_OUTCOME_BYTES // each, 1)
        for start in range(0, len(self.executions), step):
            yield slice(start, start + step)


@dataclass(frozen=True)
class EstimatorPub:
    """One PUB.

    Attributes:
        shape: Shape of its results.
        cells: For each result the indices of its parameter set and its observable.
        wanted: For each parameter set the indices of its observables.
        observables: The observables.
        uses: The terms of each set of observables in `wanted`.
        sweeps: The measurements.
        precision: The requested precision.
        shots: Shots of each measurement.
        circuit_metadata: The metadata of the circuit.
    """

    shape: tuple[int, ...]
    cells: list[tuple[int, int]]
    wanted: dict[int, tuple[int, ...]]
    observables: list[Observable]
    uses: dict[tuple[int, ...], TermUses]
    sweeps: list[Sweep]
    precision: float
    shots: int
    circuit_metadata: dict[str, Any]

    @property
    def executions(self) -> list[Execution]:
        """All executions."""
        return [execution for sweep in self.sweeps for execution in sweep.executions]


@dataclass
class JobTotal:
    """What the PUBs of a job come to.

    Attributes:
        most: The number of circuit executions that a job may have.
        executions: Circuit executions so far.
        instructions: Instructions so far of all circuits that the observables need.
    """

    most: int
    executions: int = 0
    instructions: int = 0

    def add(self, groups: list[Group], rows: int, size: int) -> None:
        """Add the groups of a circuit, before any of them is prepared.

        Args:
            groups: The groups.
            rows: Number of parameter sets.
            size: Number of the circuit's instructions.

        Raises:
            InvalidJob: If the job has too many executions or instructions.
        """
        self.executions += rows * len(groups)
        if self.executions > self.most:
            raise InvalidJob(
                f"The job has more than {self.most} circuit executions: one for each parameter set and group "
                "of observables that can be measured together.",
                code=1518,
            )
        self.instructions += sum(
            size + sum(INSTRUCTIONS[basis] for basis in each.bases.values()) for each in groups
        )
        if self.instructions > MAX_INSTRUCTIONS:
            raise InvalidJob(
                f"The circuits for the observables have more than {MAX_INSTRUCTIONS} instructions: a circuit "
                "is prepared once for each group of observables that can be measured together. Spread the "
                "observables over several jobs.",
                code=1518,
            )


def reading_seconds(group: Group, uses: TermUses, shots: int) -> float:
    """Return the approximate time to read a group's terms from the outcomes of one execution."""
    letters = sum(len(each) for each in group.terms)
    terms = sum(len(uses[each]) for each in group.terms)
    return terms * TERM_SECONDS + shots * (letters + terms) * OUTCOME_SECONDS
