"""PennyLane's plugin: samples, expectation values and a gradient on a backend of the service."""

from __future__ import annotations

import json
import sys

import pennylane as qml
from connect import service
from pennylane import numpy as np


def main() -> None:
    results = {}
    for name in ("aer_simulator", "aer_simulator_noisy_fez"):
        backend = service().backend(name)
        device = qml.device("qiskit.remote", wires=2, backend=backend, seed_transpiler=1)

        @qml.qnode(device, shots=4000)
        def energy(angle):  # type: ignore[no-untyped-def]
            qml.RY(angle, wires=0)
            qml.CNOT(wires=[0, 1])
            return qml.expval(qml.Z(1))

        @qml.qnode(device, shots=500)
        def counts():  # type: ignore[no-untyped-def]
            qml.Hadamard(0)
            qml.CNOT(wires=[0, 1])
            return qml.counts()

        angle = np.array(0.8, requires_grad=True)
        results[name] = {
            "energy": float(energy(angle)),
            "gradient": float(qml.grad(energy)(angle)),
            "counts": {key: int(number) for key, number in counts().items()},
        }
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
