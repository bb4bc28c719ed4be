"""The circuit of a program, which any backend can run, or the reason why there is none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from qiskit import ClassicalRegister, QuantumCircuit

from actions.framework.measurement import coverage
from actions.run_openqasm import version2, version3, words
from actions.run_openqasm.bounds import program_error
from core.openqasm.output import Register

#: Circuits kept, for the answer to a program whose job was built a moment ago.
KEPT = 16

#: Values of a program's inputs, in a form that can be a key.
Inputs = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Program:
    """A program with its circuit.

    Attributes:
        circuit: the circuit, with at least one measurement, and every classical bit in exactly one register.
        version: of OpenQASM, 2 or 3.
        measured_all: whether it measured nothing, and everything is measured at its end therefore.
        registers: the classical registers that the answer has.
        measured: of each of these, by its name in the circuit, how many bits are measured or assigned.
        notes: remarks on what was left out or assumed.
        unfinished: the register whose bit is set in the shots in which a loop was cut off.
    """

    circuit: QuantumCircuit
    version: int
    measured_all: bool
    registers: list[Register]
    measured: dict[str, int]
    notes: list[str]
    unfinished: str | None


@contextmanager
def _no_collection() -> Iterator[None]:
    """Pause the garbage collector, which takes up to two thirds of the time in which a program is read.

    Tokens, trees and circuits are many objects at once, and few of them are garbage.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@lru_cache(maxsize=KEPT)
@_no_collection()
def program(text: str, inputs: Inputs = ()) -> Program:
    """Return the circuit of an OpenQASM text.

    Args:
        text: the program.
        inputs: names and values of its inputs.

    Raises:
        InputError: with the line and column.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    found = words.split(text)
    number = words.version(found)
    unfinished = None
    if number == 2:
        words.check_version_2(found)
        circuit, registers, notes = version2.load(text, found)
        used: frozenset[str] = frozenset()
    else:
        lowered = version3.load(found, dict(inputs))
        circuit, registers, notes = lowered.circuit, lowered.registers, lowered.notes
        used, unfinished = lowered.inputs, lowered.unfinished
    for name, _ in inputs:
        if name not in used:
            raise program_error(f"it declares no input {name[:40]!r}", 1, 1)
    if not circuit.num_qubits:
        raise program_error("it declares no qubits", 1, 1)
    # Every bit of a register that is added below is measured.
    bits = coverage(circuit)
    if not bits.measured:
        names = {register.name for register in (*circuit.cregs, *circuit.qregs)}
        name = "meas"
        while name in names:
            name += "_"
        register = ClassicalRegister(circuit.num_qubits, name)
        circuit.add_register(register)
        circuit.measure(circuit.qubits, register)
        registers = [Register(name, name, circuit.num_qubits)]
    unwritten = set(bits.unwritten)
    clbits = {register.name: set(register) for register in circuit.cregs}
    measured = {register.name: len(clbits[register.name] - unwritten) for register in registers}
    return Program(circuit, number, not bits.measured, registers, measured, notes, unfinished)
