"""The `estimator` program: what `qiskit_ibm_runtime.EstimatorV2` submits.

Observables are measured as on a device: terms that commute qubit by qubit are measured together, each group
with its own shots. Values and standard errors come from the counts. Resilience options have no effect: there
is no error mitigation.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from qiskit.exceptions import QiskitError
from qiskit.primitives.containers.observables_array import ObservablesArray

from ..backends import Backend
from ..engine import Engine
from ..errors import InvalidJob
from ..settings import SimulationLimits
from ..simulation_plan import NoiseChoice
from . import codec
from .base import PrimitiveProgram, checked_seed, noise_choice, require, without_effect
from .estimator_pub import EstimatorPub, JobTotal, Sweep, reading_seconds
from .observables import Estimate, Observable, group, measured, term, term_uses
from .options import PRIMITIVES, ignored, rep_delay

DEFAULT_PRECISION = 0.015625
#: Largest coefficient of an observable: the sum of all squares must be a finite number.
MAX_COEFFICIENT = 1e100


class Estimator(PrimitiveProgram[EstimatorPub]):
    """A decoded estimator job."""

    def run(self, rng: np.random.Generator) -> bytes:
        """Run it and return the encoded `PrimitiveResult`."""
        if self._seed is not None:
            rng = np.random.default_rng(self._seed)
        results = [
            _result(pub, self._estimates(pub, rng), simulator)
            for pub, simulator in zip(self._pubs, self.simulator, strict=True)
        ]
        metadata = {"version": 2, "simulator": self.simulator, **without_effect(self.ignored_options)}
        value = {"pub_results": results, "metadata": metadata}
        return codec.dumps({"__type__": "PrimitiveResult", "__value__": value})

    def _estimates(self, pub: EstimatorPub, rng: np.random.Generator) -> dict[int, Estimate]:
        """Return the estimates of a PUB's parameter sets.

        Outcomes have a byte per bit and shot, and those of a whole job may not fit in the memory.
        """
        estimates = {
            row: Estimate([pub.observables[index] for index in wanted], pub.uses[wanted])
            for row, wanted in pub.wanted.items()
        }
        for sweep in pub.sweeps:
            for batch in sweep.batches():
                outcomes = self._engine.run(self._backend, sweep.executions[batch], rng)
                for row, bits in zip(sweep.rows[batch], outcomes, strict=True):
                    estimates[row].add(sweep.group, bits[:, sweep.places])
        return estimates


def _result(pub: EstimatorPub, estimates: dict[int, Estimate], simulator: dict[str, Any]) -> dict[str, Any]:
    orders = {wanted: {index: place for place, index in enumerate(wanted)} for wanted in pub.uses}
    places = {row: orders[wanted] for row, wanted in pub.wanted.items()}
    errors = {row: estimate.errors for row, estimate in estimates.items()}
    evs, stds = np.zeros(len(pub.cells)), np.zeros(len(pub.cells))
    for cell, (row, index) in enumerate(pub.cells):
        place = places[row][index]
        evs[cell], stds[cell] = estimates[row].values[place], errors[row][place]
    fields = {
        "evs": codec.encode_array(evs.reshape(pub.shape)),
        "stds": codec.encode_array(stds.reshape(pub.shape)),
        "ensemble_standard_error": codec.encode_array(stds.reshape(pub.shape)),
    }
    data = {"field_names": list(fields), "shape": list(pub.shape), "fields": fields}
    metadata = {
        "shots": pub.shots,
        "target_precision": pub.precision,
        "circuit_metadata": pub.circuit_metadata,
        "resilience": {},
        "num_randomizations": 1,
        "simulator": simulator,
    }
    value = {"data": {"__type__": "DataBin", "__value__": data}, "metadata": metadata}
    return {"__type__": "PubResult", "__value__": value}


def load(engine: Engine, backend: Backend, params: dict[str, Any], _: np.random.Generator) -> Estimator:
    """Decode an estimator job's parameters."""
    options = require(params.get("options", {}), dict, "options")
    simulator = require(options.get("simulator", {}), dict, "options.simulator")
    if simulator.get("noise_model") is not None:
        raise InvalidJob(
            "options.simulator.noise_model is not supported; choose an aer_simulator_noisy_ backend."
        )
    seed = options.get("seed_estimator", params.get("seed_estimator", simulator.get("seed_simulator")))
    noise = noise_choice(options)
    pubs = []
    total = JobTotal(engine.limits.max_executions)
    for index, pub in enumerate(require(params.get("pubs"), list, "pubs")):
        name = f"pubs[{index}]"
        parts = require(pub, list, name)
        if not 2 <= len(parts) <= 4:
            raise InvalidJob(
                f"{name} must be [circuit, observables, parameter values, precision], the last two optional."
            )
        precision, shots = _precision(parts, params, options, engine.limits, name)
        pubs.append(_pub(engine, backend, parts, precision, shots, noise, name, total))
    if not pubs:
        raise InvalidJob("The job has no PUBs.")
    program = Estimator(engine, backend, pubs, checked_seed(seed))
    program.seconds += sum(sweep.seconds for pub in pubs for sweep in pub.sweeps)
    program.rep_delay = rep_delay(options, backend)
    level = params.get("resilience_level", options.get("resilience_level"))
    program.ignored_options = ignored(options | {"resilience_level": level}, PRIMITIVES, backend)
    return program


def _precision(
    parts: list[Any], params: dict[str, Any], options: dict[str, Any], limits: SimulationLimits, name: str
) -> tuple[float, int]:
    """Return the precision and the shots of a PUB, by the client's rules.

    The precision of the PUB or of `run` comes first, then `default_shots`, then `default_precision`.
    """
    given = parts[3] if len(parts) > 3 and parts[3] is not None else params.get("precision")
    field = f"{name}[3] (precision)"
    if given is None and (shots := options.get("default_shots")) is not None:
        shots = require(shots, int, "options.default_shots")
        if not 1 <= shots <= limits.max_shots:
            raise InvalidJob(f"options.default_shots must be from 1 to {limits.max_shots}.", code=1519)
        return 1 / math.sqrt(shots), shots
    if given is None:
        given, field = options.get("default_precision", DEFAULT_PRECISION), "options.default_precision"
    if not isinstance(given, int | float) or isinstance(given, bool) or not 0 < given < math.inf:
        raise InvalidJob(f"{field} must be a number above 0.")
    # Rounding errors of the square must not add a shot.
    shots = max(math.ceil(given**-2 * (1 - 1e-9)), 1) if given > 1e-9 else limits.max_shots + 1
    if shots > limits.max_shots:
        least = 1 / math.sqrt(limits.max_shots)
        raise InvalidJob(
            f"{field} must be at least {least:.2g}: a measurement may have {limits.max_shots} shots.",
            code=1519,
        )
    return float(given), shots


def _pub(
    engine: Engine,
    backend: Backend,
    parts: list[Any],
    precision: float,
    shots: int,
    noise: NoiseChoice,
    name: str,
    total: JobTotal,
) -> EstimatorPub:
    limits = engine.limits
    circuit = codec.circuit(parts[0], limits.max_body_bytes, f"{name}[0]")
    if isinstance(parts[0], str):
        circuit = codec.on_all_qubits(circuit, backend.num_qubits)
    array = _observables(parts[1], circuit.num_qubits, f"{name}[1]")
    values = codec.array(parts[2] if len(parts) > 2 else None, limits.max_body_bytes, f"{name}[2]")
    sweep, rows = codec.rows(values, circuit.num_parameters, f"{name}[2]")
    try:
        shape = np.broadcast_shapes(sweep, array.shape)
    except ValueError as error:
        raise InvalidJob(f"{name}: observables {array.shape} and parameters {sweep} do not match.") from error
    if math.prod(shape) > limits.max_executions:
        raise InvalidJob(f"The job has more than {limits.max_executions} circuit executions.", code=1518)
    if not math.prod(shape):
        raise InvalidJob(f"{name} has no parameter values or no observables.")
    observables = [_terms(observable) for observable in array.ravel()]
    row_of = np.broadcast_to(np.arange(len(rows)).reshape(sweep), shape).reshape(-1).tolist()
    index_of = np.broadcast_to(np.arange(len(observables)).reshape(array.shape), shape).reshape(-1).tolist()
    cells = list(zip(row_of, index_of, strict=True))
    chosen: dict[int, dict[int, None]] = {}
    for row, index in cells:
        chosen.setdefault(row, {})[index] = None
    wanted = {row: tuple(indices) for row, indices in chosen.items()}
    bare = circuit.remove_final_measurements(inplace=False) if circuit.clbits else circuit
    if bare.num_parameters != circuit.num_parameters:
        raise InvalidJob(f"{name}[0] has parameters only in measurements.")
    together: dict[tuple[int, ...], list[int]] = {}
    for row, indices in wanted.items():
        together.setdefault(indices, []).append(row)
    sweeps = []
    gates = [gate["name"] for gate in backend.configuration["gates"]]
    # The circuit is checked by itself, since the measurements may need no execution.
    engine.check(backend, bare)
    uses = {}
    for indices, members in together.items():
        chosen_observables = [observables[index] for index in indices]
        uses[indices] = term_uses(chosen_observables)
        groups = group(
            chosen_observables,
            circuit.num_qubits,
            f"{name}[1]",
            (total.most - total.executions) // len(members),
        )
        total.add(groups, len(members), len(bare.data))
        for part in groups:
            complete, places = measured(bare, part.bases, gates)
            prepared = engine.prepare(backend, complete, rows[members], shots, noise=noise)
            seconds = len(members) * reading_seconds(part, uses[indices], shots)
            sweeps.append(Sweep(part, members, places, prepared, seconds))
    return EstimatorPub(
        shape, cells, wanted, observables, uses, sweeps, precision, shots, circuit.metadata or {}
    )


def _terms(observable: dict[str, float]) -> Observable:
    terms: dict[tuple[tuple[int, str], ...], float] = {}
    for label, coefficient in observable.items():
        letters = term(label)
        terms[letters] = terms.get(letters, 0.0) + float(coefficient)
    return terms


def _observables(value: object, num_qubits: int, name: str) -> ObservablesArray:
    if isinstance(value, dict) and value.get("__type__") == "ObservablesArray":
        value = value.get("__value__")
    try:
        observables = ObservablesArray(value)
        each = list(observables.ravel())
        # A comparison with NaN is false.
        bounded = all(
            abs(float(weight)) <= MAX_COEFFICIENT for observable in each for weight in observable.values()
        )
    except (ValueError, TypeError, QiskitError) as error:
        raise InvalidJob(f"{name} is not an array of observables: {error}") from error
    if not bounded:
        raise InvalidJob(f"{name}: coefficients must be numbers of at most {MAX_COEFFICIENT:g}.")
    for observable in each:
        if any(len(pauli) != num_qubits for pauli in observable):
            raise InvalidJob(f"{name}: every Pauli string must have {num_qubits} letters, one per qubit.")
    return observables
