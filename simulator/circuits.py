"""The instructions of a circuit: checked against a backend, and counted to estimate the simulation's cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, ControlFlowOp, ForLoopOp
from qiskit.exceptions import QiskitError

from .backends import Backend
from .clifford import is_clifford, is_clifford_gate
from .errors import InvalidJob
from .narrow import PASSIVE
from .own_gates import RESERVED, STANDARD
from .timing import DEFAULT_DT, delay_seconds, has_parameters

#: Instructions that take no time and have no error.
VIRTUAL = frozenset({"rz", "barrier", "delay"})
#: Instructions of every backend. The last ones occur only in control flow.
ALWAYS = frozenset({"barrier", "measure", "reset", "delay", "break_loop", "continue_loop", "store"})
#: An isolated qubit may have gates and these instructions.
ISOLATED_INSTRUCTIONS = frozenset({"barrier", "measure", "reset", "delay"})

#: Instructions that make no qubit active. The instructions in the blocks of control flow count themselves.
_PASSIVE = PASSIVE | {"if_else", "for_loop", "while_loop", "switch_case", "box"}

#: Passes through the bodies of all `for` loops of a circuit, which Aer writes out before it simulates.
MAX_PASSES = 100_000

#: The number of occurrences by instruction name and physical qubits.
Uses = Counter[tuple[str, tuple[int, ...]]]


@dataclass(frozen=True)
class Shape:
    """The instructions of a circuit.

    Attributes:
        uses: How often each instruction is applied to each tuple of qubits. Branches and the bodies of
            `while` loops count once, those of `for` loops for each pass.
        clifford: Whether the stabilizer method can simulate it; False while it has parameters.
        control_flow: Whether it has control-flow instructions.
    """

    uses: Uses
    clifford: bool
    control_flow: bool

    @property
    def qubits(self) -> frozenset[int]:
        """The qubits that are not idle."""
        return frozenset(qubit for name, where in self.uses if name not in _PASSIVE for qubit in where)

    @property
    def gates(self) -> int:
        """Number of instructions other than barriers and delays."""
        return sum(count for (name, _), count in self.uses.items() if name not in ("barrier", "delay"))


@dataclass(frozen=True)
class IsolatedQubit:
    """A qubit without interactions with other qubits.

    Attributes:
        qubit: Its index.
        gates: Its gates, resets and delays, in order; they may have parameters of the circuit.
        clbit: The classical bit that it is measured into at the end; None if it is not.
    """

    qubit: int
    gates: list[CircuitInstruction]
    clbit: int | None


class Isa:
    """The instructions of a backend and their qubits.

    Args:
        backend: The backend.
    """

    def __init__(self, backend: Backend) -> None:
        self.name = backend.name
        self.num_qubits = backend.num_qubits
        configuration = backend.configuration
        gates = configuration["gates"]
        named = {*configuration.get("supported_instructions", ()), *(gate["name"] for gate in gates)}
        # A device's description also has instructions that cannot be simulated, such as pulses.
        self._anywhere = ALWAYS | (named & (STANDARD.keys() | RESERVED))
        self._placed: dict[str, frozenset[tuple[int, ...]]] = {}
        for gate in gates:
            if couplings := gate.get("coupling_map"):
                self._placed[gate["name"]] = frozenset(map(tuple, couplings))

    def check(self, name: str, qubits: tuple[int, ...]) -> None:
        """Check an instruction.

        Raises:
            InvalidJob: If the backend cannot apply it to these qubits.
        """
        if name not in self._anywhere:
            raise InvalidJob(
                f"The instruction {name} on qubits {qubits} is not supported by the target system "
                f"{self.name}. Transpile the circuit for it, for example with generate_preset_pass_manager.",
                code=1517,
            )
        placed = self._placed.get(name)
        if placed is not None and qubits not in placed:
            raise InvalidJob(
                f"{self.name} has no {name} on qubits {qubits}. Transpile the circuit for its coupling map.",
                code=1517,
            )


def examine(circuit: QuantumCircuit, isa: Isa) -> Shape:
    """Check a circuit against a backend, and count its instructions.

    Raises:
        InvalidJob: If the backend cannot run the circuit.
    """
    if circuit.num_qubits > isa.num_qubits:
        raise InvalidJob(
            f"The circuit has {circuit.num_qubits} qubits; {isa.name} has {isa.num_qubits}.", code=1517
        )
    scan = _Scan(isa)
    scan.visit(circuit, {bit: index for index, bit in enumerate(circuit.qubits)})
    if scan.control_flow and not circuit.qubits:
        # Aer keeps the order of these instructions only if they are on a qubit.
        raise InvalidJob("A circuit with control flow or assignments must have a qubit.", code=1517)
    return Shape(scan.uses, scan.clifford, scan.control_flow)


class _Scan:
    """Counts the instructions of a circuit and of the blocks of its control flow."""

    def __init__(self, isa: Isa) -> None:
        self._isa = isa
        self.uses: Uses = Counter()
        self.clifford = True
        self.control_flow = False
        self._passes = 0

    def visit(self, circuit: QuantumCircuit, indices: dict[Any, int], times: int = 1) -> None:
        """Count a circuit's instructions.

        Args:
            circuit: The circuit, or a block of control flow.
            indices: The physical index of each of its qubits.
            times: How often it runs.
        """
        for instruction in circuit.data:
            name = instruction.name
            use = (name, tuple([indices[bit] for bit in instruction.qubits]))
            if use not in self.uses:
                self._isa.check(*use)
            self.uses[use] += times
            if name == "delay":
                _check_delay(instruction)
            if instruction.is_control_flow():
                self.control_flow = True
                self.clifford = False
                operation = instruction.operation
                assert isinstance(operation, ControlFlowOp)
                rounds = self._loop(operation, times) if isinstance(operation, ForLoopOp) else times
                for block in operation.blocks:
                    self.visit(block, dict(zip(block.qubits, use[1], strict=True)), rounds)
            elif name == "store":
                # Like an assignment in control flow: it must stay in its place.
                self.control_flow = True
                self.clifford = False
            elif self.clifford:
                self.clifford = is_clifford_gate(name, instruction.params)

    def _loop(self, loop: ForLoopOp, times: int) -> int:
        """Return how often the body of a loop runs that is itself run so many times."""
        indices, parameter, _ = loop.params
        if not isinstance(indices, range | tuple):
            raise InvalidJob("A for loop over a variable is not supported.", code=1517)
        if parameter is not None and isinstance(indices, tuple) and len(set(indices)) < len(indices):
            # Aer names each pass after its value. Without a parameter the values do not matter (narrow.py).
            raise InvalidJob("The values of a for loop whose body uses them must differ.", code=1517)
        try:
            rounds = times * len(indices)
        except OverflowError:
            # The range has more elements than a list can have.
            rounds = MAX_PASSES + 1
        self._passes += rounds
        if self._passes > MAX_PASSES:
            raise InvalidJob(
                f"The for loops of the circuit have more than {MAX_PASSES} passes in all.", code=1517
            )
        return rounds


def _check_delay(instruction: CircuitInstruction) -> None:
    """Check that a delay without free parameters has a length."""
    try:
        operation = instruction.operation
    except QiskitError as error:
        # Qiskit makes the object, and checks its parameter, only now.
        raise InvalidJob(f"A delay cannot have this duration: {error.message}") from error
    if not has_parameters(operation):
        # The length of `dt` does not matter here.
        delay_seconds(operation, DEFAULT_DT)


def separate_isolated_qubits(
    circuit: QuantumCircuit, shape: Shape
) -> tuple[QuantumCircuit | None, Shape, list[IsolatedQubit]]:
    """Separate the isolated qubits, so that their number does not add to the cost.

    The client's estimator measures every qubit of a device, although the algorithm uses few.

    Args:
        circuit: The circuit; its gates may have free parameters.
        shape: Its instructions.

    Returns:
        The circuit of the other qubits (None if there are none), its instructions, and the isolated qubits.
    """
    together = {
        qubit for name, where in shape.uses if name != "barrier" and len(where) > 1 for qubit in where
    }
    candidates = shape.qubits - together
    if not candidates or shape.control_flow:
        return circuit, shape, []
    qubits = {bit: index for index, bit in enumerate(circuit.qubits)}
    clbits = {bit: index for index, bit in enumerate(circuit.clbits)}
    gates: dict[int, list[CircuitInstruction]] = {qubit: [] for qubit in candidates}
    measured: dict[int, int] = {}
    writes: Counter[int] = Counter()
    for instruction in circuit.data:
        for bit in instruction.clbits:
            writes[clbits[bit]] += 1
        qubit = qubits[instruction.qubits[0]] if len(instruction.qubits) == 1 else -1
        if qubit not in gates or instruction.name == "barrier":
            continue
        if instruction.name == "delay" and qubit in measured:
            continue
        if qubit in measured or not (
            instruction.name in ISOLATED_INSTRUCTIONS or instruction.is_standard_gate()
        ):
            # Its measurement is not the last instruction, or this is not a simple gate: Aer simulates it.
            del gates[qubit]
            measured.pop(qubit, None)
        elif instruction.name == "measure":
            measured[qubit] = clbits[instruction.clbits[0]]
        else:
            gates[qubit].append(instruction)
    isolated = [
        IsolatedQubit(qubit, steps, measured.get(qubit))
        for qubit, steps in gates.items()
        if qubit not in measured or writes[measured[qubit]] == 1
    ]
    split = {qubit.qubit for qubit in isolated}
    if shape.qubits <= split:
        return None, Shape(Counter(), clifford=True, control_flow=False), isolated
    rest = circuit.copy_empty_like()
    uses: Uses = Counter()
    for instruction in circuit.data:
        where = tuple([qubits[bit] for bit in instruction.qubits])
        if instruction.name != "barrier" and where[0] not in split:
            rest._append(instruction)
            uses[instruction.name, where] += 1
    clifford = shape.clifford or is_clifford(rest)
    return rest, Shape(uses, clifford, control_flow=False), isolated


@contextmanager
def fitting_values() -> Iterator[None]:
    """Replace the errors of values that an instruction cannot have, as a delay cannot be negative.

    Raises:
        InvalidJob: Instead of the errors that Qiskit raises while it calculates with the values.
    """
    try:
        yield
    except (QiskitError, ValueError, TypeError, ArithmeticError) as error:
        raise InvalidJob(f"The parameter values do not fit the circuit: {error}") from error
