"""qiskit-addon-cutting: a gate is cut, and the parts run as one batch."""

from __future__ import annotations

import json
import sys

import numpy as np
from connect import service
from qiskit import QuantumCircuit
from qiskit.quantum_info import PauliList, SparsePauliOp, Statevector
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_addon_cutting import (
    generate_cutting_experiments,
    partition_problem,
    reconstruct_expectation_values,
)
from qiskit_ibm_runtime import Batch
from qiskit_ibm_runtime.executor_sampler import Sampler


def main() -> None:
    backend = service().backend("aer_simulator")
    circuit = QuantumCircuit(4)
    for qubit in range(4):
        circuit.ry(0.4 + 0.2 * qubit, qubit)
    for qubit in range(3):
        circuit.cz(qubit, qubit + 1)
    for qubit in range(4):
        circuit.rx(0.3, qubit)
    observables = PauliList(["ZZII", "IZZI", "IIZZ", "XIXI", "ZIZZ", "IXIX"])
    problem = partition_problem(circuit=circuit, partition_labels="AABB", observables=observables)
    experiments, coefficients = generate_cutting_experiments(
        circuits=problem.subcircuits, observables=problem.subobservables, num_samples=np.inf
    )
    manager = generate_preset_pass_manager(optimization_level=1, backend=backend)
    with Batch(backend=backend) as batch:
        jobs = {
            label: Sampler(mode=batch).run(manager.run(parts), shots=4096)
            for label, parts in experiments.items()
        }
    results = {label: job.result(timeout=100) for label, job in jobs.items()}
    terms = reconstruct_expectation_values(results, coefficients, problem.subobservables)
    exact = [
        float(Statevector(circuit).expectation_value(SparsePauliOp(str(item))).real) for item in observables
    ]
    json.dump({"terms": [float(term) for term in terms], "exact": exact}, sys.stdout)


if __name__ == "__main__":
    main()
