"""The `sampler` program: what `qiskit_ibm_runtime.SamplerV2` submits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from ..backends import Backend
from ..counts import Bits, big_endian_bytes, registers
from ..engine import Engine
from ..errors import InvalidJob
from ..simulation_plan import Execution
from . import codec
from .base import PrimitiveProgram, checked_seed, noise_choice, require, without_effect
from .options import PRIMITIVES, ignored, rep_delay
from .spans import execution_spans

DEFAULT_SHOTS = 4096


@dataclass(frozen=True)
class SamplerPub:
    """One PUB: a circuit, run once per element of the sweep."""

    shape: tuple[int, ...]
    executions: list[Execution]
    registers: dict[str, list[int]]
    shots: int
    circuit_metadata: dict[str, Any]


class Sampler(PrimitiveProgram[SamplerPub]):
    """A decoded sampler job."""

    def run(self, rng: np.random.Generator) -> bytes:
        """Run it and return the encoded `PrimitiveResult`."""
        if self._seed is not None:
            rng = np.random.default_rng(self._seed)
        started = datetime.now(UTC)
        outcomes = iter(
            self._engine.run(
                self._backend,
                [execution for pub in self._pubs for execution in pub.executions],
                rng,
                self._seed,
            )
        )
        stopped = datetime.now(UTC)
        shapes = [(pub.shape, pub.shots) for pub in self._pubs]
        results = []
        for pub, simulator in zip(self._pubs, self.simulator, strict=True):
            bits = [next(outcomes) for _ in pub.executions]
            results.append(self._pub_result(pub, bits, simulator))
        value = {
            "pub_results": results,
            "metadata": {
                "execution": {"execution_spans": execution_spans(started, stopped, shapes)},
                "version": 2,
                "simulator": self.simulator,
                **without_effect(self.ignored_options),
            },
        }
        return codec.dumps({"__type__": "PrimitiveResult", "__value__": value})

    @staticmethod
    def _pub_result(pub: SamplerPub, outcomes: list[Bits], simulator: dict[str, Any]) -> dict[str, Any]:
        fields = {}
        for name, places in pub.registers.items():
            num_bytes = (len(places) + 7) // 8
            packed = np.empty((len(outcomes), pub.shots, num_bytes), dtype=np.uint8)
            for index, bits in enumerate(outcomes):
                packed[index] = big_endian_bytes(bits[:, places])
            array = codec.encode_array(packed.reshape(*pub.shape, pub.shots, num_bytes))
            fields[name] = {"__type__": "BitArray", "__value__": {"array": array, "num_bits": len(places)}}
        data = {"field_names": list(fields), "shape": list(pub.shape), "fields": fields}
        metadata = {"circuit_metadata": pub.circuit_metadata, "simulator": simulator}
        value = {"data": {"__type__": "DataBin", "__value__": data}, "metadata": metadata}
        return {"__type__": "SamplerPubResult", "__value__": value}


def load(engine: Engine, backend: Backend, params: dict[str, Any], _: np.random.Generator) -> Sampler:
    """Decode a sampler job's parameters."""
    limits = engine.limits
    options = require(params.get("options", {}), dict, "options")
    if (version := params.get("version", 2)) != 2:
        raise InvalidJob(f"Version {version} of the sampler is not supported; 2 is.")
    if (
        require(options.get("execution", {}), dict, "options.execution").get("meas_type", "classified")
        != "classified"
    ):
        raise InvalidJob("A simulator has no measurement signal: meas_type must be classified.")
    simulator = require(options.get("simulator", {}), dict, "options.simulator")
    if simulator.get("noise_model") is not None:
        raise InvalidJob(
            "options.simulator.noise_model is not supported; choose an aer_simulator_noisy_ backend."
        )
    given = (params.get("shots"), options.get("default_shots"), DEFAULT_SHOTS)
    default = next(shots for shots in given if shots is not None)
    seed = checked_seed(simulator.get("seed_simulator"))
    noise = noise_choice(options)
    pubs = []
    executions = 0
    for index, pub in enumerate(require(params.get("pubs"), list, "pubs")):
        name = f"pubs[{index}]"
        parts = require(pub, list, name)
        if not 1 <= len(parts) <= 3:
            raise InvalidJob(f"{name} must be [circuit, parameter values, shots], the last two optional.")
        circuit = codec.circuit(parts[0], limits.max_body_bytes, f"{name}[0]")
        values = codec.array(parts[1] if len(parts) > 1 else None, limits.max_body_bytes, f"{name}[1]")
        shots = require(
            parts[2] if len(parts) > 2 and parts[2] is not None else default, int, f"{name}[2] (shots)"
        )
        shape, rows = codec.rows(values, circuit.num_parameters, f"{name}[1]")
        executions += len(rows)
        if executions > limits.max_executions:
            raise InvalidJob(f"The job has more than {limits.max_executions} circuit executions.", code=1518)
        prepared = engine.prepare(backend, circuit, rows, shots, seeded=seed is not None, noise=noise)
        pubs.append(SamplerPub(shape, prepared, registers(circuit), shots, circuit.metadata or {}))
    if not pubs:
        raise InvalidJob("The job has no PUBs.")
    program = Sampler(engine, backend, pubs, seed)
    program.rep_delay = rep_delay(options, backend)
    program.ignored_options = ignored(options, PRIMITIVES, backend)
    return program
