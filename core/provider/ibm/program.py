"""Prepares and encodes PUBs as the program that IBM Quantum runs, with the client's own functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from qiskit_ibm_runtime.executor import Executor
from qiskit_ibm_runtime.executor_estimator.prepare import prepare as prepare_estimator
from qiskit_ibm_runtime.executor_sampler.prepare import prepare as prepare_sampler
from qiskit_ibm_runtime.options_models.estimator import EstimatorOptions
from qiskit_ibm_runtime.options_models.sampler import SamplerOptions
from qiskit_ibm_runtime.quantum_program.params_converters import QUANTUM_PROGRAM_PARAMS_CONVERTERS

from core.provider.port import Primitive
from core.simulators import NOISELESS

#: The version of the program that this version of the client sends.
_SCHEMA = Executor._SCHEMA_VERSION


def encoded(
    pubs: Sequence[Any],
    device: Any,
    shots: int,
    primitive: Primitive,
    simulator_options: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the parameters of the program `executor` for these PUBs.

    Args:
        pubs: PUBs that are transpiled for the device.
        device: the client's backend object.
        shots: the shots of each PUB; for the Estimator, of each measured basis.
        primitive: the primitive that runs the PUBs.
        simulator_options: options that only simulators have, such as `seed_simulator`.
    """
    # The client does not send its own options `simulator`, which are for its local mode; it sends these.
    experimental = dict(simulator_options)
    if primitive == "sampler":
        sampler = SamplerOptions(default_shots=shots, experimental=experimental)
        program, executor_options = prepare_sampler(pubs, sampler, backend=device)
    else:
        # Only noisy backends have readout errors to mitigate.
        level: Literal[0, 1] = 0 if device.name == NOISELESS else 1
        estimator = EstimatorOptions(default_shots=shots, resilience_level=level, experimental=experimental)
        program, executor_options = prepare_estimator(pubs, estimator, backend=device)
    program._semantic_role = f"{primitive}_v2"
    program_params = QUANTUM_PROGRAM_PARAMS_CONVERTERS[_SCHEMA].encoder(program, executor_options)
    params: dict[str, Any] = program_params.model_dump(mode="json")
    return params
