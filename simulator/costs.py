"""The cost model: how long each simulation method takes, on one core.

Each method's time is a sum of terms, such as the number of gates times the size of the state, with one
constant per term. The defaults were measured with Aer 0.18, NumPy 2.4 and Stim 1.16; `calibration.py`
measures those that matter most on this machine at the first start. Estimates are right to within a factor of
about three.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Gates of a block of trajectories, and of density matrices.
GATES_PER_BRANCH_BLOCK = 27
GATES_PER_BLOCK = 10
#: Operations whose preparation takes as long as that of a circuit without any.
START = 60
#: Bond dimension above which the bound of a matrix product state says little about its time.
MAX_BOND = 2.0**12


@dataclass(frozen=True)
class Costs:
    """The constants, in seconds.

    Attributes:
        call: One call of Aer.
        amplitude: Aer's time for one amplitude and gate of a state vector.
        run_gate: Aer's for one gate of one run of a state vector, besides the amplitudes.
        matrix_element: Aer's for one element and gate of a density matrix.
        shot_gate: Aer's for one gate of one shot, besides the amplitudes.
        operation: Preparing one operation of the simulator's own methods.
        transfer_element: One element of a density matrix in one block.
        branch_block: One block of one trajectory, besides the amplitudes.
        branch_amplitude: One amplitude of one trajectory in one block.
        history: Drawing what happens to a shot in a block where it has an error.
        block: Preparing one block.
        pattern_gate: Reading one gate for each pattern of resets of the stabilizer method.
        pattern_bit: One pair of qubits for each pattern.
        frame_gate: One gate of one shot of the stabilizer method.
        bond_cube: One two-qubit gate of a matrix product state, per cubed bond dimension.
    """

    call: float = 5e-4
    amplitude: float = 1.5e-9
    run_gate: float = 1.2e-7
    matrix_element: float = 2e-8
    shot_gate: float = 8e-6
    operation: float = 4e-6
    transfer_element: float = 2e-8
    branch_block: float = 6e-5
    branch_amplitude: float = 5e-9
    history: float = 1e-3
    block: float = 5e-3
    pattern_gate: float = 5e-7
    pattern_bit: float = 3e-8
    frame_gate: float = 3e-9
    bond_cube: float = 1e-6

    def state_vector(self, qubits: int, gates: int, runs: int = 1) -> float:
        """Return the time of Aer's state vectors."""
        return self.call + runs * gates * (self.run_gate + 2.0**qubits * self.amplitude)

    def small_state_vector(self, qubits: int, gates: int) -> float:
        """Return the time of the simulator's own state vectors without noise."""
        return START * self.operation + gates * (3 * self.operation + 2.0**qubits * self.branch_amplitude)

    def shots(self, qubits: int, gates: int, shots: int) -> float:
        """Return the time of Aer's state vectors with noise, shot by shot."""
        return self.call + shots * gates * (self.shot_gate + 2.0**qubits * self.amplitude * 4)

    def aer_density(self, qubits: int, gates: int, runs: int) -> float:
        """Return the time of Aer's density matrices."""
        return self.call + runs * gates * 4.0**qubits * self.matrix_element

    def density(self, qubits: int, gates: int) -> float:
        """Return the time of a density matrix in the Pauli basis."""
        blocks = 1 + gates / GATES_PER_BLOCK
        # A gate has up to three channels, each of which is a further operation.
        return (START + 10 * gates) * self.operation + blocks * 4.0**qubits * self.transfer_element

    def trajectories(self, qubits: int, gates: int, shots: int, errors: float) -> float:
        """Return the time of trajectories.

        Args:
            qubits: Number of qubits.
            gates: Number of gates.
            shots: Number of shots.
            errors: Expected number of errors in a shot.
        """
        blocks = 1 + gates / GATES_PER_BRANCH_BLOCK
        block = self.branch_block + 2.0**qubits * self.branch_amplitude
        faulty = shots * -math.expm1(-errors)
        # The first error is in the middle on average, if there is one; with many it is close to the start.
        followed = 1 - 0.5 / (1 + errors)
        return (
            3 * gates * self.operation
            + blocks * self.block
            + blocks * (1 + faulty * followed) * block
            + shots * errors * (self.history + block)
        )

    def stabilizer(self, qubits: int, gates: int, shots: int, resets: float = 0.0) -> float:
        """Return the time of stabilizers, with an expected number of resets by noise in a shot."""
        patterns = 1 + shots * -math.expm1(-resets)
        return (
            3 * gates * self.operation
            + patterns * (gates * self.pattern_gate + qubits**2 * self.pattern_bit + 5e-5)
            + shots * (gates * self.frame_gate + 2e-6)
        )

    def product_state(self, bonds: float, shots: int, qubits: int) -> float:
        """Return the time of a matrix product state; `bonds` is the sum of cubed bond dimensions."""
        return self.call + bonds * self.bond_cube + shots * qubits * 2e-6
