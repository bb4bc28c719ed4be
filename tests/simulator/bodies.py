"""Requests as the client makes them, written by hand."""

from __future__ import annotations

import base64
import io
import zlib
from typing import Any

from qiskit import QuantumCircuit, qpy

from .circuits import ghz


def encoded(circuit: QuantumCircuit) -> str:
    """Return a circuit in the form that jobs contain."""
    buffer = io.BytesIO()
    qpy.dump(circuit, buffer, version=17)
    return base64.b64encode(zlib.compress(buffer.getvalue())).decode()


def sampler_request(circuit: QuantumCircuit | None = None) -> dict[str, Any]:
    """A job of the `sampler` program; by default two qubits, 100 shots."""
    pub = {"__type__": "QuantumCircuit", "__value__": encoded(circuit or ghz(2))}
    params = {"pubs": [[pub, None, 100]], "options": {}, "version": 2, "support_qiskit": True}
    return {"program_id": "sampler", "backend": "aer_simulator", "params": params}


def executor_request(circuit: QuantumCircuit | None = None) -> dict[str, Any]:
    """A job of the `executor` program; by default two qubits, 100 shots."""
    nothing = {"data": base64.b64encode(zlib.compress(b"")).decode(), "shape": [0], "dtype": "f64"}
    program = {
        "shots": 100,
        "circuits": {"b64_data": encoded(circuit or ghz(2)), "qpy_version": 17, "num_programs": 1},
        "items": [{"item_type": "circuit", "circuit_arguments": nothing, "shape": [], "chunk_size": "auto"}],
        "meas_level": "classified",
        "passthrough_data": None,
        "semantic_role": None,
    }
    params = {"schema_version": "v2.0", "quantum_program": program, "options": {}}
    return {"program_id": "executor", "backend": "aer_simulator", "params": params}
