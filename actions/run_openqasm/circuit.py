"""The circuit of a program, which any backend can run, or the reason why there is none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import ControlFlowOp, ForLoopOp
from qiskit.quantum_info import Statevector

from actions.run_openqasm import extent, version2, version3, words
from actions.run_openqasm.bounds import program_error

#: Maximum number of qubits for which the exact distribution is computed.
MAX_EXACT_QUBITS = 10
#: Number of circuits that are kept for the answers to their programs.
KEPT = 16

_NAME = re.compile(r"[A-Za-z]\w{0,63}", re.ASCII)


@dataclass(frozen=True)
class Program:
    """A program with its circuit.

    Args:
        circuit: with at least one measurement, and every classical bit in exactly one register.
        version: 2 or 3, of OpenQASM.
        measured_all: whether it has no measurement, so that all qubits are measured at its end.
        names: the program's names of the circuit's registers.
    """

    circuit: QuantumCircuit
    version: int
    measured_all: bool
    names: dict[str, str]


@lru_cache(maxsize=KEPT)
def program(text: str) -> Program:
    """Parse an OpenQASM text.

    Raises:
        InputError: the program is wrong; with the line and column if they are known.
    """
    result = list(words.words(text))
    if not result:
        raise program_error("there is no statement in it")
    version = words.version(result)
    words.check(result, version)
    if version == 2:
        circuit = version2.load(text)
        registers, bits = [register.name for register in circuit.cregs], list[str]()
    else:
        circuit, registers, bits = version3.load(text)
    if not circuit.num_qubits:
        raise program_error("it declares no qubits")
    extent.check(circuit)
    names = _named(circuit, registers, bits)
    measured_all = not any(name == "measure" for name in _operations(circuit))
    if measured_all:
        register = ClassicalRegister(circuit.num_qubits, _free("meas", circuit))
        circuit.add_register(register)
        circuit.measure(circuit.qubits, register)
        names = {register.name: register.name}
    if circuit.has_control_flow_op():
        circuit = unrolled(circuit)
    if sum(register.size for register in circuit.qregs) > circuit.num_qubits:
        circuit = _without_aliases(circuit)
    return Program(circuit, version, measured_all, names)


def unrolled(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit with all for loops unrolled, also those inside blocks.

    Qiskit's own pass fails on a loop around an `if` without an `else` (2.6.2).
    """
    out = circuit.copy_empty_like()
    for item in circuit.data:
        operation = item.operation
        if isinstance(operation, ForLoopOp):
            indices, parameter, body = operation.params
            body = unrolled(body)
            for index in indices:
                turn = body.assign_parameters({parameter: index}) if parameter in body.parameters else body
                out.compose(turn, item.qubits, item.clbits, inplace=True)
        elif isinstance(operation, ControlFlowOp):
            blocks = [unrolled(block) for block in operation.blocks]
            out.append(operation.replace_blocks(blocks), item.qubits, item.clbits)
        else:
            out.append(item)
    return out


def _without_aliases(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit without its quantum registers, of which some overlap."""
    out = QuantumCircuit(circuit.qubits, *circuit.cregs, global_phase=circuit.global_phase)
    for item in circuit.data:
        out.append(item)
    return out


def _named(circuit: QuantumCircuit, registers: list[str], bits: list[str]) -> dict[str, str]:
    """Put every classical bit in one register, and return each register's name in the program.

    Args:
        circuit: the circuit, to which registers for single bits are added.
        registers: names of the declared registers, in order.
        bits: names of the declared single bits, in order.
    """
    if len(circuit.cregs) > len(registers):
        raise program_error(
            "a part of a classical register cannot have a name or a condition of its own; declare more"
        )
    names = {register.name: name for register, name in zip(circuit.cregs, registers, strict=True)}
    alone = [bit for bit in circuit.clbits if not circuit.find_bit(bit).registers]
    for bit, name in zip(alone, bits, strict=True):
        register = ClassicalRegister(bits=[bit], name=_free(name, circuit))
        circuit.add_register(register)
        names[register.name] = name
    for name in names:
        if not _NAME.fullmatch(name):
            raise program_error(f"call register {name[:64]!r} by at most 64 letters a to z, digits and _")
    return names


def _free(name: str, circuit: QuantumCircuit) -> str:
    taken = {register.name for register in (*circuit.cregs, *circuit.qregs)}
    while name in taken:
        name += "_"
    return name


def _operations(circuit: QuantumCircuit) -> Iterator[str]:
    """The names of all instructions, also of those inside blocks."""
    for item in circuit.data:
        yield item.operation.name
        if isinstance(item.operation, ControlFlowOp):
            for block in item.operation.blocks:
                yield from _operations(block)


@lru_cache(maxsize=KEPT)
def exact(text: str) -> tuple[str, dict[str, float]] | None:
    """Return the first register and the exact distribution of its outcomes.

    None if it does not follow from one state: with over `MAX_EXACT_QUBITS` qubits, measurements inside
    the circuit, resets or control flow, or bits that nothing is measured into.
    """
    made = program(text)
    circuit = made.circuit
    if circuit.num_qubits > MAX_EXACT_QUBITS:
        return None
    bare = QuantumCircuit(circuit.qubits)
    source: dict[object, int] = {}
    done: set[object] = set()
    for item in circuit.data:
        if item.operation.name == "measure":
            source[item.clbits[0]] = circuit.find_bit(item.qubits[0]).index
            done.add(item.qubits[0])
        elif item.operation.name != "barrier":
            if item.clbits or item.operation.name == "reset" or not done.isdisjoint(item.qubits):
                return None
            bare.append(item)
    [register] = [one for one in circuit.cregs if one.name == next(iter(made.names))]
    if not all(bit in source for bit in register):
        return None
    qubits = [source[bit] for bit in register]
    if len(set(qubits)) < len(qubits):
        return None
    result = Statevector(bare).probabilities_dict(qubits)
    return register.name, {bits: float(part) for bits, part in result.items() if part > 1e-9}
