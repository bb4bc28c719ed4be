"""How much of a provider job some circuits take. Pure."""

from __future__ import annotations

from dataclasses import astuple, dataclass


@dataclass(frozen=True, slots=True)
class JobExtent:
    """The quantities that a provider limits for each job. All of them add up over the PUBs of a job.

    Attributes:
        pubs: the number of PUBs.
        executions: the number of circuits after broadcasting, times the shots.
        instructions: the control instructions on the busiest qubit of each circuit. The busiest qubits of two
            circuits may differ, so the sum is an upper bound.
        two_qubit_gates: the number of two-qubit gates.
        size: the bytes of the encoded PUBs.
        seconds: the expected quantum seconds.
    """

    pubs: int = 0
    executions: int = 0
    instructions: int = 0
    two_qubit_gates: int = 0
    size: int = 0
    seconds: float = 0.0

    def __add__(self, other: JobExtent) -> JobExtent:
        return JobExtent(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: JobExtent) -> JobExtent:
        return JobExtent(*(mine - theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    def fits(self, limit: JobExtent) -> bool:
        """Return whether no quantity is over the limit."""
        return all(mine <= most for mine, most in zip(astuple(self), astuple(limit), strict=True))


#: The limits of an IBM Quantum job (https://quantum.cloud.ibm.com/docs/guides/job-limits, read in 2026-11):
#: executions and control instructions as stated; a job below 10,000 two-qubit gates always passes. PUBs,
#: bytes and seconds are ours: so many circuits are validated and decoded in a moment, and a pooled job
#: keeps the device for at most two minutes of its three hours, so that the next one is not late.
IBM_JOB = JobExtent(
    pubs=300,
    executions=10_000_000,
    instructions=26_800_000,
    two_qubit_gates=10_000,
    size=20_000_000,
    seconds=120.0,
)
