"""The `estimator` program: what `qiskit_ibm_runtime.EstimatorV2` submits.

Aer computes the expectation values, and the statistical error of the requested precision is added. Resilience
options have no effect: there is no error mitigation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit_aer.primitives import EstimatorV2

from ..backends import Backend
from ..engine import Engine
from ..errors import InvalidJob, SimulationError
from ..simulation_plan import Execution
from . import codec
from .base import PrimitiveProgram, checked_seed, noise_choice, require

DEFAULT_PRECISION = 0.015625


@dataclass(frozen=True)
class EstimatorPub:
    """One PUB: a circuit, its observables and parameter values, and the requested precision."""

    circuit: QuantumCircuit
    observables: ObservablesArray
    values: NDArray[np.float64]
    precision: float
    executions: list[Execution]


class Estimator(PrimitiveProgram[EstimatorPub]):
    """A decoded estimator job."""

    def run(self, rng: np.random.Generator) -> bytes:
        """Run it and return the encoded `PrimitiveResult`."""
        results = [
            self._run_pub(pub, meta, rng) for pub, meta in zip(self._pubs, self.simulator, strict=True)
        ]
        value = {"pub_results": results, "metadata": {"version": 2, "simulator": self.simulator}}
        return codec.dumps({"__type__": "PrimitiveResult", "__value__": value})

    def _run_pub(
        self, pub: EstimatorPub, simulator: dict[str, Any], rng: np.random.Generator
    ) -> dict[str, Any]:
        shapes = [execution.shape for execution in pub.executions]
        plan = pub.executions[0].plan
        options: dict[str, Any] = {
            "method": plan.method,
            "max_parallel_threads": self._engine.threads(plan),
            "max_memory_mb": self._engine.limits.max_memory_mb,
        }
        model = self._engine.noise_model(self._backend, plan.noise, shapes)
        if model is not None:
            options["noise_model"] = model
        seed = int(rng.integers(2**31)) if self._seed is None else self._seed
        estimator = EstimatorV2(options={"backend_options": options, "run_options": {"seed_simulator": seed}})
        try:
            bare = pub.circuit.remove_final_measurements(inplace=False) if pub.circuit.clbits else pub.circuit
            values = pub.values if pub.circuit.num_parameters else None
            result = estimator.run([(bare, pub.observables, values)], precision=pub.precision).result()[0]
        except QiskitError as error:
            raise SimulationError(f"Aer could not simulate the circuit: {error.message}") from error
        evs = np.asarray(result.data.evs, dtype=np.float64)
        stds = np.full(evs.shape, pub.precision)
        fields = {
            "evs": codec.encode_array(evs),
            "stds": codec.encode_array(stds),
            "ensemble_standard_error": codec.encode_array(stds),
        }
        data = {"field_names": list(fields), "shape": list(evs.shape), "fields": fields}
        metadata = {
            "shots": round(1 / pub.precision**2),
            "target_precision": pub.precision,
            "circuit_metadata": pub.circuit.metadata or {},
            "resilience": {},
            "num_randomizations": 1,
            "simulator": simulator,
        }
        value = {"data": {"__type__": "DataBin", "__value__": data}, "metadata": metadata}
        return {"__type__": "PubResult", "__value__": value}


def load(engine: Engine, backend: Backend, params: dict[str, Any], _: np.random.Generator) -> Estimator:
    """Decode an estimator job's parameters."""
    limits = engine.limits
    options = require(params.get("options", {}), dict, "options")
    simulator = require(options.get("simulator", {}), dict, "options.simulator")
    if simulator.get("noise_model") is not None:
        raise InvalidJob(
            "options.simulator.noise_model is not supported; choose an aer_simulator_noisy_ backend."
        )
    default = params.get("precision") or options.get("default_precision") or DEFAULT_PRECISION
    noise = noise_choice(options)
    pubs = []
    executions = 0
    for index, pub in enumerate(require(params.get("pubs"), list, "pubs")):
        name = f"pubs[{index}]"
        parts = require(pub, list, name)
        if not 2 <= len(parts) <= 4:
            raise InvalidJob(
                f"{name} must be [circuit, observables, parameter values, precision], the last two optional."
            )
        circuit = codec.circuit(parts[0], limits.max_body_bytes, f"{name}[0]")
        observables = _observables(parts[1], circuit.num_qubits, f"{name}[1]")
        values = codec.array(parts[2] if len(parts) > 2 else None, limits.max_body_bytes, f"{name}[2]")
        precision = parts[3] if len(parts) > 3 and parts[3] is not None else default
        if not isinstance(precision, int | float) or not 1e-4 <= precision <= 1:
            raise InvalidJob(f"{name}[3] (precision) must be a number from 0.0001 to 1.")
        shape, rows = codec.rows(values, circuit.num_parameters, f"{name}[2]")
        try:
            np.broadcast_shapes(shape, observables.shape)
        except ValueError as error:
            raise InvalidJob(
                f"{name}: observables {observables.shape} and parameters {shape} do not match."
            ) from error
        executions += len(rows) * max(observables.size, 1)
        if executions > limits.max_executions:
            raise InvalidJob(f"The job has more than {limits.max_executions} circuit executions.", code=1518)
        shots = min(max(round(1 / precision**2), 1), limits.max_shots)
        prepared = engine.prepare(backend, circuit, rows, shots, whole=True, noise=noise)
        if not prepared:
            raise InvalidJob(f"{name} has no parameter values.")
        pubs.append(EstimatorPub(circuit, observables, values, float(precision), prepared))
    if not pubs:
        raise InvalidJob("The job has no PUBs.")
    return Estimator(
        engine, backend, pubs, checked_seed(params.get("seed_estimator") or simulator.get("seed_simulator"))
    )


def _observables(value: object, num_qubits: int, name: str) -> ObservablesArray:
    if isinstance(value, dict) and value.get("__type__") == "ObservablesArray":
        value = value.get("__value__")
    try:
        observables = ObservablesArray(value)
    except (ValueError, TypeError, QiskitError) as error:
        raise InvalidJob(f"{name} is not an array of observables: {error}") from error
    for observable in observables.ravel():
        if any(len(pauli) != num_qubits for pauli in observable):
            raise InvalidJob(f"{name}: every Pauli string must have {num_qubits} letters, one per qubit.")
    return observables
