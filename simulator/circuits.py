"""What a circuit is made of: checked against a backend, and counted to foretell what it costs to simulate."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import ControlFlowOp, ParameterExpression

from .backends import NON_GATES, Backend
from .errors import Refusal

#: Gates that the stabilizer method simulates whatever their parameters.
CLIFFORD = frozenset(
    {"id", "x", "y", "z", "h", "s", "sdg", "sx", "sxdg", "cx", "cy", "cz", "swap", "ecr"}
    | {"barrier", "measure", "reset", "delay"}
)
#: Rotations that it simulates if the angle is a multiple of half pi.
QUARTER_TURNS = frozenset({"rx", "ry", "rz"})
#: Instructions that take no time and have no error.
VIRTUAL = frozenset({"rz", "barrier", "delay"})
#: How far from a multiple of half pi an angle may be.
ANGLE_TOLERANCE = 1e-8

#: (instruction name, physical qubits): how often it occurs.
Uses = Counter[tuple[str, tuple[int, ...]]]


@dataclass(frozen=True)
class Shape:
    """What a circuit is made of.

    Attributes:
        qubits: The qubits that are not idle.
        uses: How often each instruction is applied to each tuple of qubits; inside control flow, once per block.
        clifford: Whether the stabilizer method can simulate it; unknown (False) while parameters are unbound.
        control_flow: Whether it has control-flow instructions.
    """

    qubits: tuple[int, ...]
    uses: Uses
    clifford: bool
    control_flow: bool

    @property
    def gates(self) -> int:
        """Number of instructions other than barriers and delays."""
        return sum(count for (name, _), count in self.uses.items() if name not in ("barrier", "delay"))


class Isa:
    """What instructions a backend has, and on which qubits.

    Args:
        backend: The backend.
    """

    def __init__(self, backend: Backend) -> None:
        self.name = backend.name
        self.num_qubits = backend.num_qubits
        configuration = backend.configuration
        self._anywhere = {"barrier", *NON_GATES, *configuration.get("supported_instructions", ())}
        self._placed: dict[str, frozenset[tuple[int, ...]]] = {}
        for gate in configuration["gates"]:
            self._anywhere.add(gate["name"])
            if couplings := gate.get("coupling_map"):
                self._placed[gate["name"]] = frozenset(map(tuple, couplings))

    def check(self, name: str, qubits: tuple[int, ...]) -> None:
        """Raise `Refusal` if the backend cannot apply this instruction to these qubits."""
        if name not in self._anywhere:
            raise Refusal(
                f"The instruction {name} on qubits {qubits} is not supported by the target system {self.name}. "
                "Transpile the circuit for the backend, for example with generate_preset_pass_manager.",
                code=1517,
            )
        placed = self._placed.get(name)
        if placed is not None and qubits not in placed:
            raise Refusal(
                f"{self.name} has no {name} on qubits {qubits}. Transpile the circuit for the backend's coupling map.",
                code=1517,
            )


def examine(circuit: QuantumCircuit, isa: Isa) -> Shape:
    """Check a circuit against a backend and return what it is made of.

    Raises:
        Refusal: If the backend cannot run the circuit.
    """
    if circuit.num_qubits > isa.num_qubits:
        raise Refusal(
            f"The circuit has {circuit.num_qubits} qubits; {isa.name} has {isa.num_qubits}.", code=1517
        )
    uses: Uses = Counter()
    flags = [True, False]
    _examine(circuit, {bit: index for index, bit in enumerate(circuit.qubits)}, isa, uses, flags)
    qubits = sorted({qubit for name, where in uses if name != "barrier" for qubit in where})
    return Shape(tuple(qubits), uses, clifford=flags[0], control_flow=flags[1])


def _examine(
    circuit: QuantumCircuit, indices: dict[Any, int], isa: Isa, uses: Uses, flags: list[bool]
) -> None:
    checked: set[tuple[str, tuple[int, ...]]] = set()
    for instruction in circuit.data:
        name = instruction.name
        where = tuple([indices[bit] for bit in instruction.qubits])
        use = (name, where)
        if use not in checked:
            isa.check(name, where)
            checked.add(use)
        if instruction.is_control_flow():
            flags[1] = True
            flags[0] = False
            operation = instruction.operation
            assert isinstance(operation, ControlFlowOp)
            for block in operation.blocks:
                _examine(block, dict(zip(block.qubits, where, strict=True)), isa, uses, flags)
            # The condition's own qubits count as used, even if its blocks leave them alone.
            uses[("barrier", where)] += 1
            continue
        uses[use] += 1
        if flags[0] and name not in CLIFFORD:
            flags[0] = name in QUARTER_TURNS and _is_quarter_turn(instruction.params[0])


def _is_quarter_turn(angle: object) -> bool:
    if isinstance(angle, ParameterExpression):
        return False
    turns = float(angle) / (math.pi / 2)  # type: ignore[arg-type]
    return abs(turns - round(turns)) < ANGLE_TOLERANCE
