"""mitiq: zero-noise extrapolation by folding, and readout mitigation, on the device's noise."""

from __future__ import annotations

import json
import sys

import numpy as np
from connect import service
from mitiq import MeasurementResult, zne
from mitiq.rem import generate_inverse_confusion_matrix, mitigate_measurements
from qiskit import QuantumCircuit
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime.executor_sampler import Sampler

SHOTS = 20_000


def main() -> None:
    backend = service().backend("aer_simulator_noisy_fez")
    manager = generate_preset_pass_manager(
        optimization_level=0, backend=backend, initial_layout=[0, 1], seed_transpiler=1
    )
    # An identity of many gates: without noise every shot is 00.
    circuit = QuantumCircuit(2)
    for _ in range(30):
        circuit.cx(0, 1)
        circuit.cx(0, 1)

    def zeros(folded: QuantumCircuit) -> float:
        measured = folded.copy()
        measured.measure_all()
        result = Sampler(backend).run([manager.run(measured)], shots=SHOTS).result(timeout=100)
        return float(result[0].data.meas.get_counts().get("00", 0)) / SHOTS

    factory = zne.inference.RichardsonFactory([1.0, 2.0, 3.0])
    raw = zeros(circuit)
    extrapolated = zne.execute_with_zne(circuit, zeros, factory=factory)

    flips = [
        [
            backend.properties().qubit_property(qubit, name)[0]
            for name in ("prob_meas1_prep0", "prob_meas0_prep1")
        ]
        for qubit in (0, 1)
    ]
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    bell.measure_all()
    counts = Sampler(backend).run([manager.run(bell)], shots=SHOTS).result(timeout=100)[0].data.meas
    bits = [[int(bit) for bit in reversed(text)] for text in counts.get_bitstrings()]
    inverse = generate_inverse_confusion_matrix(
        2, p0=float(np.mean(flips, axis=0)[0]), p1=float(np.mean(flips, axis=0)[1])
    )
    mitigated = mitigate_measurements(MeasurementResult(bits), inverse)

    def agreement(rows: object) -> float:
        array = np.asarray(rows)
        return float(np.mean(array[:, 0] == array[:, 1]))

    json.dump(
        {
            "raw": raw,
            "extrapolated": float(extrapolated),
            "bell": agreement(bits),
            "bell_mitigated": agreement(mitigated.result),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
