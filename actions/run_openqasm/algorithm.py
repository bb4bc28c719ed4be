"""Input, circuit and answer of the caller's program."""

from __future__ import annotations

from functools import lru_cache
from math import sqrt
from typing import Annotated

from pydantic import Field
from qiskit import QuantumCircuit

from actions.framework.algorithm import CircuitAlgorithm
from actions.framework.input import ActionInput
from actions.framework.job import Job, Pub, Step
from actions.run_openqasm.answer import OpenQasmAnswer, Outcome, RegisterOutcomes
from actions.run_openqasm.bounds import MAX_CHARACTERS, MAX_COUNTS, MAX_SIZE
from actions.run_openqasm.circuit import KEPT, Inputs, Program, program
from actions.run_openqasm.exact import distribution
from actions.run_openqasm.simulation import sentence, simulation
from actions.toolkit.outcomes import format_list, most_likely
from core.errors import InputError
from core.openqasm.budget import WHILE_TURNS

#: Maximum number of listed outcomes of one register, the most frequent first.
MAX_OUTCOMES = 32
#: Maximum number of listed outcomes of all registers together.
MAX_LISTED = 1_000
#: Registers and outcomes that a summary names.
MAX_NAMED = 4
#: Standard deviations of the difference of two counts below which they are said to be too close to tell.
TIE = 2.0
#: Inputs of a program, and characters of the value of one.
MAX_INPUTS = 200
MAX_INPUT = 2_048
#: Closeness to the ideal distribution below which noise is said to hide it.
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
        description=f"OpenQASM 2 or 3, up to 127 qubits and {MAX_SIZE} gates. A program that measures "
        "nothing is measured at its end.",
        examples=[_EXAMPLE],
        json_schema_extra={"x-control": "openqasm"},
    )
    inputs: dict[str, int | float | bool | Annotated[str, Field(max_length=MAX_INPUT)]] = Field(
        default_factory=dict,
        max_length=MAX_INPUTS,
        title="Inputs",
        examples=[{"theta": 1.5708}],
        description="Values of what an OpenQASM 3 program declares as input, by name: numbers, or bits as "
        'in "01".',
    )

    @property
    def input_values(self) -> Inputs:
        """The inputs in a form that can be a key."""
        return tuple(sorted(self.inputs.items()))


class RunOpenQasm(CircuitAlgorithm[OpenQasmInput]):
    """Runs a program in OpenQASM 2 or 3 and gives the counts of its registers."""

    name = "run_openqasm"
    title = "Run OpenQASM"
    description = (
        "Runs your own quantum program, in OpenQASM 2 or 3, with mid-circuit measurement and conditions. "
        "Gives the outcomes of every classical register, most frequent first."
    )
    use_case = (
        "Running a program that you have, from any tool that writes OpenQASM, on a simulator, with a "
        "device's noise, or on hardware."
    )
    classical_alternative = (
        "A simulator on a laptop, such as Qiskit Aer, runs programs of up to about 25 qubits without noise "
        "in seconds, and wide ones with Clifford gates alone."
    )
    category = "Basics"
    #: The largest programs take 320 MB, other algorithms at most 200.
    memory = 512
    input = OpenQasmInput
    output = OpenQasmAnswer

    def start(self, params: OpenQasmInput) -> Job:
        # OpenQASM lets a program declare bits that it never measures into; they read 0.
        return Job([Pub(self.build(params), partly_measured=True)])

    def build(self, params: OpenQasmInput) -> QuantumCircuit:
        made = program(params.program, params.input_values)
        check_counts(made, params.shots)
        # The circuit is kept for later calls and must not change.
        circuit = made.circuit.copy()
        assert isinstance(circuit, QuantumCircuit)
        return circuit

    def answer(self, params: OpenQasmInput, step: Step) -> OpenQasmAnswer:
        """Return the outcomes of each register."""
        made = program(params.program, params.input_values)
        every = {register.name: step.counts(register.name) for register in made.registers}
        shots = sum(next(iter(every.values())).values())
        registers = _registers(made, every, shots)
        notes = list(made.notes)
        unfinished = None
        if made.unfinished is not None:
            unfinished = step.counts(made.unfinished).get("1", 0)
            if unfinished:
                notes.append(
                    f"in {unfinished} of {shots} shots a while loop was still going on after {WHILE_TURNS} "
                    "turns, where it was cut off"
                )
        how = simulation(step.pubs[0])
        if how is not None:
            notes.append(sentence(how))
        exactly = exact(params.program, params.input_values)
        fidelity = note = None
        if exactly is not None:
            seen = every[made.registers[0].name]
            fidelity = sum(sqrt(part * seen.get(bits, 0) / shots) for bits, part in exactly.items()) ** 2
            if step.noisy and fidelity < CLOSE:
                note = (
                    f"Noise changed the outcomes: their fidelity with those of a perfect machine is "
                    f"{fidelity:.0%}. A shorter program with fewer two-qubit gates would suffer less."
                )
        return OpenQasmAnswer(
            summary=_summary(made, registers, shots),
            registers=registers,
            measured_all=made.measured_all,
            openqasm=made.version,
            qubits=made.circuit.num_qubits,
            shots=shots,
            notes=notes,
            unfinished=unfinished,
            simulation=how,
            ideal=None if exactly is None else most_likely(exactly),
            fidelity=None if fidelity is None else min(fidelity, 1.0),
            note=note,
        )


@lru_cache(maxsize=KEPT)
def exact(text: str, inputs: Inputs = ()) -> dict[str, float] | None:
    """Return the exact distribution of the first register's outcomes; None if it would take too long."""
    made = program(text, inputs)
    return distribution(made.circuit, made.registers[0].name)


def check_counts(made: Program, shots: int) -> None:
    """Refuse what could have more different outcomes than a result's message holds."""
    circuit = made.circuit
    sizes = [
        (made.measured.get(register.name, register.size), register.size + 12) for register in circuit.cregs
    ]
    worst = sum(min(shots, 2 ** min(bits, 60)) * size for bits, size in sizes)
    if worst > MAX_COUNTS:
        most = (MAX_COUNTS - sum(size for bits, size in sizes if not bits)) // sum(
            size for bits, size in sizes if bits
        )
        raise InputError(
            f"shots: {shots} shots of {circuit.num_clbits} classical bits may give more different "
            f"outcomes than a result can hold. Ask for {most} shots, or measure fewer qubits.",
            errors=[{"field": "shots", "message": f"Too many for so many classical bits; {most} fit."}],
        )


def _summary(made: Program, registers: list[RegisterOutcomes], shots: int) -> str:
    times = "once" if shots == 1 else f"{shots} times"
    sentences = [f"The program was run {times}."]
    if made.measured_all:
        sentences.append("It measures nothing, so all qubits were measured at its end.")
    tops = [_most_often(register) for register in registers[:MAX_NAMED]]
    more = f", and so on in {len(registers) - MAX_NAMED} more" if len(registers) > MAX_NAMED else ""
    sentences.append(f"Most often seen: {', '.join(tops)}{more}.")
    unmeasured = [register.name for register in registers if not register.measured]
    if unmeasured:
        listed = ", ".join(unmeasured[:MAX_NAMED]) + (" and others" if len(unmeasured) > MAX_NAMED else "")
        sentences.append(f"Nothing is measured into {listed}.")
    return " ".join(sentences)


def _registers(made: Program, every: dict[str, dict[str, int]], shots: int) -> list[RegisterOutcomes]:
    """Return the registers with the outcomes that are listed."""
    listed = min(MAX_OUTCOMES, max(1, MAX_LISTED // len(every)))
    return [
        RegisterOutcomes(
            name=register.written,
            bits=register.bits,
            measured=made.measured[register.name],
            distinct=len(every[register.name]),
            outcomes=[
                Outcome(bitstring=bits, count=count, probability=count / shots)
                for bits, count in sorted(every[register.name].items(), key=lambda item: (-item[1], item[0]))[
                    :listed
                ]
            ],
        )
        for register in made.registers
    ]


def _most_often(register: RegisterOutcomes) -> str:
    """Return the outcomes that were seen most often, several if their counts are too close to tell."""
    outcomes = register.outcomes
    first = outcomes[0].count
    close = [item for item in outcomes if first - item.count <= TIE * sqrt(first + item.count)]
    named = [_short(item.bitstring) for item in close[:MAX_NAMED]]
    shares = ", ".join(f"{item.probability:.1%}" for item in close[:MAX_NAMED])
    if len(close) == 1:
        return f"{named[0]} in {register.name} ({shares})"
    rest = max(0, len(close) - MAX_NAMED)
    listed = format_list([*named, f"{rest} more"] if rest else named)
    return f"{listed} in {register.name} ({shares}; too close to tell apart)"


def _short(bits: str) -> str:
    return bits if len(bits) <= 64 else f"{bits[:30]}...{bits[-30:]}"


algorithm = RunOpenQasm()
