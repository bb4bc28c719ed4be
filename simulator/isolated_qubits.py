"""Exact simulation of isolated qubits by their Bloch vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import CircuitInstruction, Gate, Parameter, ParameterExpression
from qiskit.circuit.library import get_standard_gate_name_mapping

from .circuits import IsolatedQubit, fitting_values
from .noise import DeviceNoise
from .timing import delay_seconds

GATES = get_standard_gate_name_mapping()
PAULIS = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
#: Number of cached rotations. Twirled circuits draw their angles from few values.
KEPT = 4096
#: Seconds for one gate in all executions, for one in each execution, and to draw one outcome.
STEP_SECONDS = 2e-5
ROW_SECONDS = 1e-7
DRAW_SECONDS = 1e-8


@lru_cache(maxsize=KEPT)
def rotation(name: str, parameters: tuple[float, ...]) -> NDArray[np.float64]:
    """Return a gate's rotation matrix for the Bloch vector."""
    gate: Gate = GATES[name].base_class(*parameters)
    unitary = gate.to_matrix()
    turned = unitary @ PAULIS @ unitary.conj().T
    matrix: NDArray[np.float64] = np.einsum("iab,jba->ij", PAULIS, turned).real / 2
    return matrix


class IsolatedQubits:
    """The isolated qubits in all executions of one circuit.

    A device's estimator twirls the measurements of a hundred idle qubits. One execution after the other,
    these would take most of the time.

    Args:
        qubits: The qubits; their gates may have the circuit's parameters.
        columns: The column of `rows` for each parameter.
        rows: The parameters' values, one row per execution.
        noise: The device's noise; None for no noise.
    """

    def __init__(
        self,
        qubits: Sequence[IsolatedQubit],
        columns: Mapping[Parameter, int],
        rows: NDArray[np.float64],
        noise: DeviceNoise | None = None,
    ) -> None:
        self._noise = noise
        self.noisy = noise is not None
        self._measured = {qubit.clbit: qubit for qubit in qubits if qubit.clbit is not None}
        self._columns = columns
        self._rows = rows
        self._probabilities: NDArray[np.float64] | None = None
        self.size = len(qubits)
        self._steps = sum(len(qubit.gates) + 1 for qubit in qubits)

    def seconds(self, shots: int) -> float:
        """Return the approximate time of one execution."""
        # Each gate's matrix product and noise, once for all executions and for each of them.
        steps = self._steps * (STEP_SECONDS / max(len(self._rows), 1) + ROW_SECONDS)
        return steps + shots * len(self._measured) * DRAW_SECONDS

    def sample(self, row: int, bits: NDArray[np.uint8], rng: np.random.Generator) -> None:
        """Draw the outcomes of one execution.

        Args:
            row: Its index.
            bits: Array of shape (shots, classical bits) for the outcomes.
            rng: Draws the outcomes.
        """
        if not self._measured:
            return
        if self._probabilities is None:
            self._probabilities = np.stack([self.ones(qubit) for qubit in self._measured.values()], axis=1)
        places = list(self._measured)
        bits[:, places] = rng.random((len(bits), len(places))) < self._probabilities[row]

    def ones(self, qubit: IsolatedQubit) -> NDArray[np.float64]:
        """Return the probability in each execution that a qubit is read as 1 at the end."""
        start = np.tile([0.0, 0.0, 1.0], (len(self._rows), 1))
        bloch = start
        noise = self._noise
        for instruction in qubit.gates:
            if instruction.name == "reset":
                bloch = start
                continue
            if instruction.name == "delay":
                if noise is not None:
                    seconds = delay_seconds(instruction.operation, noise.dt)
                    if (relaxation := noise.waiting(qubit.qubit, seconds)) is not None:
                        matrix = relaxation.transfer()
                        bloch = bloch * np.diagonal(matrix)[1:] + matrix[1:, 0]
                continue
            bloch = np.einsum("rij,rj->ri", self._rotations(instruction), bloch)
            if noise is not None and (change := noise.gate_noise(instruction.name, qubit.qubit)) is not None:
                factor, shift = change
                bloch = bloch * factor + shift
        probability: NDArray[np.float64] = np.clip((1 - bloch[:, 2]) / 2, 0.0, 1.0)
        if noise is not None:
            up, down = noise.readout_flips(qubit.qubit)
            probability = probability * (1 - down) + (1 - probability) * up
        return probability

    def _rotations(self, instruction: CircuitInstruction) -> NDArray[np.float64]:
        """Return a gate's rotations, of shape (executions, 3, 3), or (1, 3, 3) if all are equal."""
        angles = [self._values(value) for value in instruction.params]
        if all(len(values) == 1 for values in angles):
            return rotation(instruction.name, tuple(float(values[0]) for values in angles))[np.newaxis]
        table = np.stack([np.broadcast_to(values, len(self._rows)) for values in angles], axis=1)
        distinct, which = np.unique(table, axis=0, return_inverse=True)
        matrices = np.stack([rotation(instruction.name, tuple(row)) for row in distinct.tolist()])
        return matrices[which.reshape(-1)]

    def _values(self, value: Any) -> NDArray[np.float64]:
        """Return a gate's angle in each execution, or one angle for all."""
        if not isinstance(value, ParameterExpression):
            return np.array([float(value)])
        if isinstance(value, Parameter):
            return self._rows[:, self._columns[value]]
        free = list(value.parameters)
        with fitting_values():
            return np.array(
                [float(value.bind({each: row[self._columns[each]] for each in free})) for row in self._rows]
            )
