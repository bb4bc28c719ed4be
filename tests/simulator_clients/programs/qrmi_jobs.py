"""QRMI, IBM's client for high-performance computing: an acquisition, jobs to their results, and a release."""

from __future__ import annotations

import json
import os
import sys
import time

from connect import INSTANCE, key, url
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager
from qrmi import QuantumResource, ResourceType, TaskStatus
from qrmi.primitives.ibm import EstimatorV2, SamplerV2, get_backend

NAME = "fake_fez"
#: The two types of resources that use this API, and the prefixes of their settings.
KINDS = {
    "QRS": ResourceType.IBMQiskitRuntimeService,
    "QCS": ResourceType.IBMQuantumComputeService,
}


def resource(kind: str) -> QuantumResource:
    settings = {
        "ENDPOINT": url(),
        "IAM_ENDPOINT": url(),
        "IAM_APIKEY": key(),
        "SERVICE_CRN": INSTANCE,
        "SESSION_MODE": "batch",
        "SESSION_MAX_TTL": "600",
        "TIMEOUT_SECONDS": "30",
    }
    for name, value in settings.items():
        os.environ[f"{NAME}_QRMI_IBM_{kind}_{name}"] = value
    return QuantumResource(NAME, KINDS[kind])


def run(kind: str) -> dict[str, object]:
    device = resource(kind)
    accessible = device.is_accessible()
    acquired = device.acquire()
    backend = get_backend(device)
    bell = QuantumCircuit(2)
    bell.h(0)
    bell.cx(0, 1)
    manager = generate_preset_pass_manager(backend=backend, optimization_level=1, seed_transpiler=1)
    bare = manager.run(bell)
    bell.measure_all()
    job = SamplerV2(device, options={"default_shots": 500}).run([(manager.run(bell),)])
    counts = job.result()[0].data.meas.get_counts()
    estimate = EstimatorV2(device).run(
        [(bare, SparsePauliOp("ZZ").apply_layout(bare.layout))], precision=0.05
    )
    value = float(estimate.result()[0].data.evs)
    again = device.acquire()
    stopped = SamplerV2(device).run([(manager.run(bell),)])
    device.task_stop(stopped.job_id())
    status = device.task_status(stopped.job_id())
    end = time.monotonic() + 20
    while status not in (TaskStatus.Cancelled, TaskStatus.Completed) and time.monotonic() < end:
        time.sleep(0.1)
        status = device.task_status(stopped.job_id())
    device.release(acquired)
    return {
        "accessible": accessible,
        "acquired_again": again == acquired,
        "qubits": backend.num_qubits,
        "counts": counts,
        "done": str(job.status()),
        "logs": device.task_logs(job.job_id()),
        "value": value,
        "stopped": str(status),
    }


if __name__ == "__main__":
    json.dump({kind: run(kind) for kind in KINDS}, sys.stdout)
