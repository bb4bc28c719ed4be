"""How circuits are simulated: method, noise model, limits."""

from __future__ import annotations

from collections import Counter

import pytest

from simulator.circuits import Shape, Uses
from simulator.errors import InvalidJob
from simulator.settings import SimulationLimits
from simulator.simulation_plan import plan


def shape(qubits: int, gates: int, clifford: bool) -> Shape:
    uses: Uses = Counter()
    for qubit in range(qubits - 1):
        uses["cx", (qubit, qubit + 1)] = gates // (qubits - 1)
    return Shape(uses, clifford, control_flow=False)


@pytest.mark.parametrize(
    ("qubits", "gates", "clifford", "noisy", "method", "noise"),
    [
        (2, 5, True, False, "statevector", "none"),
        (16, 60, True, False, "stabilizer", "none"),
        (100, 400, True, False, "stabilizer", "none"),
        (20, 60, False, False, "statevector", "none"),
        (2, 5, True, True, "density_matrix", "full"),
        (5, 100, False, True, "density_matrix", "full"),
        (16, 60, True, True, "stabilizer", "pauli_twirled"),
        (100, 400, True, True, "stabilizer", "pauli_twirled"),
        (14, 400, False, True, "statevector", "pauli_twirled"),
    ],
)
def test_plan(qubits: int, gates: int, clifford: bool, noisy: bool, method: str, noise: str) -> None:
    decided = plan(shape(qubits, gates, clifford), 1024, noisy, SimulationLimits())
    assert (decided.method, decided.noise) == (method, noise)


@pytest.mark.parametrize("noisy", [True, False])
def test_a_circuit_that_does_not_fit_is_refused(noisy: bool) -> None:
    with pytest.raises(InvalidJob, match="uses 40 qubits and is not Clifford"):
        plan(shape(40, 200, clifford=False), 10, noisy, SimulationLimits())


def test_full_noise_is_used_only_up_to_the_requested_size() -> None:
    limits = SimulationLimits(full_noise_seconds=0.0)
    assert plan(shape(2, 5, clifford=True), 1024, True, limits).noise == "pauli_twirled"
