"""Results as a provider sends them, made with the models and encoders of the client itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np
from ibm_quantum_schemas.common import CompressedTensorModel
from ibm_quantum_schemas.executor.version_2_0 import QuantumProgramResultModel
from qiskit import QuantumCircuit
from qiskit.primitives import BitArray, DataBin, PrimitiveResult, PubResult, SamplerPubResult
from qiskit_ibm_runtime.executor_sampler.prepare import prepare
from qiskit_ibm_runtime.json import RuntimeEncoder
from qiskit_ibm_runtime.options_models.sampler import SamplerOptions
from qiskit_ibm_runtime.quantum_program.params_converters import QUANTUM_PROGRAM_PARAMS_CONVERTERS

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@cache
def _passthrough(pubs: int, shots: int) -> str:
    circuit = QuantumCircuit(2)
    circuit.measure_all()
    circuit.metadata = {"how": "exactly"}
    program, options = prepare([circuit] * pubs, SamplerOptions(default_shots=shots))
    program._semantic_role = "sampler_v2"
    encoded = QUANTUM_PROGRAM_PARAMS_CONVERTERS["v2.0"].encoder(program, options).model_dump(mode="json")
    passthrough: dict[str, Any] = encoded["quantum_program"]["passthrough_data"]
    return json.dumps(passthrough)


def executor(*shots: list[list[int]]) -> str:
    """Return the answer to an executor job: for each PUB its shots, each a list of bits, qubit 0 first."""
    part = {"idx_item": 0, "size": 1, "permutation": [], "element_range": [0, 1, 1]}
    span = {"start": NOW, "stop": NOW, "parts": [part]}
    model = QuantumProgramResultModel.model_validate(
        {
            "data": [
                {
                    "results": {"meas": CompressedTensorModel.from_numpy(np.array(bits, dtype=bool))},
                    "metadata": {"scheduler_timing": None, "stretch_values": None},
                }
                for bits in shots
            ],
            "metadata": {"chunk_timing": [span] if shots else []},
            "passthrough_data": json.loads(_passthrough(max(1, len(shots)), len(shots[0]) if shots else 1)),
            "semantic_role": "sampler_v2",
        }
    )
    return str(model.model_dump_json())


def sampler(counts: dict[str, int], **registers: dict[str, int]) -> str:
    """Return the answer to a job of the program `sampler`: counts of `meas` and of further registers."""
    bits = {
        name: BitArray.from_counts(register_counts)
        for name, register_counts in ({"meas": counts} | registers).items()
    }
    pub = SamplerPubResult(DataBin(**bits), metadata={"circuit_metadata": {}})
    return _encoded(pub)


def estimator(evs: Any, stds: Any) -> str:
    """Return the answer to a job of the program `estimator`."""
    data = DataBin(evs=np.array(evs), stds=np.array(stds), shape=np.shape(evs))
    pub = PubResult(data, metadata={"target_precision": 0.1})
    return _encoded(pub)


def _encoded(pub: Any) -> str:
    return json.dumps(PrimitiveResult([pub], metadata={"version": 2}), cls=RuntimeEncoder)
