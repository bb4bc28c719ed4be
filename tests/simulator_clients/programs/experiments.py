"""qiskit-experiments on the device's noise: what each experiment measures, and what the device reports."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
from connect import service
from qiskit_experiments.library import T1, LocalReadoutError, StandardRB, T2Hahn, T2Ramsey
from qiskit_ibm_runtime import SamplerV2

#: A qubit of the device with usual coherence times.
QUBIT = 1
#: Microseconds.
MICRO = 1e-6


def run(experiment: Any, sampler: Any) -> Any:
    """Run an experiment and return its data after the analysis."""
    return experiment.run(sampler=sampler).block_for_results(timeout=100)


def value(data: Any, name: str) -> dict[str, float]:
    """Return a result and its standard error."""
    [result] = [
        row for row in data.analysis_results(dataframe=True).to_dict("records") if row["name"] == name
    ]
    return {"value": float(result["value"].nominal_value), "error": float(result["value"].std_dev)}


def main() -> None:
    backend = service().backend("aer_simulator_noisy_fez")
    sampler = SamplerV2(mode=backend)
    sampler.options.default_shots = 8000
    properties = backend.properties()
    t1, t2 = properties.t1(QUBIT), properties.t2(QUBIT)
    results: dict[str, Any] = {"device": {"t1": t1, "t2": t2}}

    delays = np.linspace(MICRO, 2.5 * t1, 12)
    results["t1"] = value(run(T1([QUBIT], delays, backend=backend), sampler), "T1")

    delays = np.linspace(MICRO, 2 * t2, 25)
    ramsey = T2Ramsey([QUBIT], delays, backend=backend, osc_freq=3 / t2)
    results["t2_ramsey"] = value(run(ramsey, sampler), "T2star")

    delays = np.linspace(MICRO, 2 * t2, 16)
    results["t2_hahn"] = value(run(T2Hahn([QUBIT], delays, num_echoes=1, backend=backend), sampler), "T2")

    benchmark = StandardRB([QUBIT], np.arange(1, 800, 160), num_samples=3, seed=1, backend=backend)
    data = run(benchmark, sampler)
    results["rb"] = value(data, "EPC")
    results["device"]["sx_error"] = properties.gate_error("sx", QUBIT)

    sampler.options.default_shots = 2000
    qubits = [0, 1, 2]
    data = run(LocalReadoutError(qubits, backend=backend), sampler)
    mitigator = data.analysis_results("Local Readout Mitigator", dataframe=False).value
    results["readout"] = [matrix.tolist() for matrix in mitigator._assignment_mats]
    results["device"]["readout"] = [
        [properties.qubit_property(qubit, name)[0] for name in ("prob_meas1_prep0", "prob_meas0_prep1")]
        for qubit in qubits
    ]
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
