"""Input, circuit and answer of the caller's program."""

from __future__ import annotations

from math import sqrt
from typing import Any

from pydantic import Field
from qiskit import QuantumCircuit

from actions.framework.algorithm import CircuitAlgorithm
from actions.framework.input import ActionInput
from actions.framework.job import Job, Pub, Step
from actions.run_openqasm.bounds import MAX_CHARACTERS, MAX_COUNTS
from actions.run_openqasm.circuit import Program, exact, program
from actions.toolkit.outcomes import MAX_IDEAL
from core.errors import InputError

#: Maximum number of listed outcomes of one register, the most frequent first.
MAX_OUTCOMES = 32
#: Maximum number of listed outcomes of all registers together.
MAX_LISTED = 1_000
#: Fidelity with the ideal distribution below which the answer has a note about noise.
CLOSE = 0.7

_EXAMPLE = """OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
bit[2] c;
h q[0];
cx q[0], q[1];
c = measure q;
"""


class OpenQasmInput(ActionInput):
    """A program."""

    program: str = Field(
        min_length=1,
        max_length=MAX_CHARACTERS,
        title="Program",
        description="OpenQASM 2 or 3, up to 127 qubits and 5000 gates. A program without measurement is "
        "measured at its end.",
        examples=[_EXAMPLE],
        json_schema_extra={"x-control": "openqasm"},
    )


class RunOpenQasm(CircuitAlgorithm[OpenQasmInput]):
    """Runs a program in OpenQASM 2 or 3 and gives the counts of its registers."""

    name = "run_openqasm"
    title = "Run OpenQASM"
    description = (
        "Runs your own quantum program, in OpenQASM 2 or 3, with mid-circuit measurement and conditions. "
        "Gives the outcomes of every classical register, most frequent first."
    )
    category = "Basics"
    input = OpenQasmInput

    def start(self, params: OpenQasmInput) -> Job:
        # OpenQASM lets a program declare bits that it never measures into; they read 0.
        return Job([Pub(self.build(params), partly_measured=True)])

    def build(self, params: OpenQasmInput) -> QuantumCircuit:
        made = program(params.program)
        check_counts(made, params.shots)
        # The circuit is kept for later calls and must not change.
        circuit = made.circuit.copy()
        assert isinstance(circuit, QuantumCircuit)
        return circuit

    def answer(self, params: OpenQasmInput, step: Step) -> dict[str, Any]:
        """`{"summary", "note"?, "registers": [{"name", "bits", "distinct", "outcomes": [{"bitstring",
        "count", "probability"}]}], "measured_all", "openqasm", "qubits", "shots", "ideal"?, "fidelity"?}`.

        `fidelity` compares the first register's outcomes with the ideal ones; it is 1 if they are equal
        (Bhattacharyya).
        """
        made = program(params.program)
        every = {register: step.counts(register) for register in made.names}
        shots = sum(next(iter(every.values())).values())
        listed = min(MAX_OUTCOMES, max(1, MAX_LISTED // len(every)))
        registers = [
            {
                "name": made.names[register],
                "bits": len(next(iter(counts))),
                "distinct": len(counts),
                "outcomes": [
                    {"bitstring": bits, "count": count, "probability": count / shots}
                    for bits, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:listed]
                ],
            }
            for register, counts in every.items()
        ]
        answer: dict[str, Any] = {
            "summary": _summary(made, registers, shots),
            "registers": registers,
            "measured_all": made.measured_all,
            "openqasm": made.version,
            "qubits": made.circuit.num_qubits,
            "shots": shots,
        }
        known = exact(params.program)
        if known is not None:
            register, ideal = known
            answer["ideal"] = dict(sorted(ideal.items(), key=lambda item: (-item[1], item[0]))[:MAX_IDEAL])
            seen = every[register]
            fidelity = sum(sqrt(part * seen.get(bits, 0) / shots) for bits, part in ideal.items()) ** 2
            answer["fidelity"] = min(fidelity, 1.0)
            if step.noisy and fidelity < CLOSE:
                answer["note"] = (
                    f"Noise changed the outcomes: their fidelity with those of a perfect machine is "
                    f"{fidelity:.0%}. A shorter program with fewer two-qubit gates would suffer less."
                )
        return answer


def check_counts(made: Program, shots: int) -> None:
    """InputError if there may be more different outcomes than the message of a result can hold."""
    worst = sum(
        min(shots, 2 ** min(register.size, 60)) * (register.size + 12) for register in made.circuit.cregs
    )
    if worst > MAX_COUNTS:
        most = MAX_COUNTS // sum(register.size + 12 for register in made.circuit.cregs)
        raise InputError(
            f"shots: {shots} shots of {made.circuit.num_clbits} classical bits may give more different "
            f"outcomes than a result can hold. Ask for {most} shots, or measure fewer qubits.",
            errors=[{"field": "shots", "message": f"Too many for so many classical bits; {most} fit."}],
        )


def _summary(made: Program, registers: list[dict[str, Any]], shots: int) -> str:
    times = "once" if shots == 1 else f"{shots} times"
    start = f"The program was run {times}."
    if made.measured_all:
        start += " It measures nothing, so all qubits were measured at its end."
    tops = [
        f"{one['outcomes'][0]['bitstring']} in {one['name']} ({one['outcomes'][0]['probability']:.1%})"
        for one in registers[:3]
    ]
    more = f", and so on in {len(registers) - 3} more" if len(registers) > 3 else ""
    return f"{start} Most often seen: {', '.join(tops)}{more}."


algorithm = RunOpenQasm()
