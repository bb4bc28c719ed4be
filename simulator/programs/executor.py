"""The `executor` program: what `qiskit_ibm_runtime.executor_sampler.Sampler` and similar classes submit.

A quantum program (schema v2.0) is a list of circuits with arguments. A `circuit` item has the arguments; a
`samplex` item has a samplex that draws them at random, for twirling.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backends import Backend
from ..counts import registers
from ..engine import Engine
from ..errors import InvalidJob
from ..simulation_plan import Execution
from . import codec
from .base import PrimitiveProgram, checked_seed, noise_choice, require, without_effect
from .options import EXECUTOR, ignored, rep_delay
from .samplex import draw_arguments

SCHEMA = "v2.0"


@dataclass(frozen=True)
class Item:
    """One item: a circuit, run once per element of its shape.

    Attributes:
        shape: Shape of the item.
        executions: Its executions, in C order of the shape.
        registers: The places of each classical register's bits.
        extra: Further results, drawn with the arguments, such as the bits that undo a twirled measurement.
    """

    shape: tuple[int, ...]
    executions: list[Execution]
    registers: dict[str, list[int]]
    extra: dict[str, NDArray[Any]]


class Executor(PrimitiveProgram[Item]):
    """A decoded executor job.

    Args:
        engine, backend, seed: See `PrimitiveProgram`.
        items: The items.
        program: The quantum program, unchanged, with the data that is passed through.
    """

    def __init__(
        self, engine: Engine, backend: Backend, items: list[Item], program: dict[str, Any], seed: int | None
    ) -> None:
        super().__init__(engine, backend, items, seed)
        self._program = program

    def run(self, rng: np.random.Generator) -> bytes:
        """Run it and return the encoded `QuantumProgramResult`."""
        started = datetime.now(UTC)
        if self._seed is not None:
            rng = np.random.default_rng(self._seed)
        executions = [execution for item in self._pubs for execution in item.executions]
        outcomes = iter(self._engine.run(self._backend, executions, rng, self._seed))
        shots = self._program["shots"]
        data = []
        for item in self._pubs:
            bits = [next(outcomes) for _ in item.executions]
            results = {name: codec.encode_tensor(values) for name, values in item.extra.items()}
            for name, places in item.registers.items():
                values = np.empty((len(bits), shots, len(places)), dtype=np.uint8)
                for index, outcome in enumerate(bits):
                    values[index] = outcome[:, places]
                results[name] = codec.encode_bools(values.reshape(*item.shape, shots, len(places)))
            data.append({"results": results, "metadata": {"scheduler_timing": None, "stretch_values": None}})
        parts = [
            {
                "idx_item": index,
                "size": math.prod(item.shape),
                "permutation": list(range(len(item.shape))),
                "element_range": [0, math.prod(item.shape), 1],
            }
            for index, item in enumerate(self._pubs)
        ]
        span = {"start": _utc(started), "stop": _utc(datetime.now(UTC)), "parts": parts}
        return codec.dumps(
            {
                "schema_version": SCHEMA,
                "data": data,
                "metadata": {"chunk_timing": [span]},
                "passthrough_data": self._program.get("passthrough_data"),
                "semantic_role": self._program.get("semantic_role"),
                # The schema has no field for these. The client ignores them, and finds them in the metrics.
                "simulator": self.simulator,
                **without_effect(self.ignored_options),
            }
        )


def _utc(moment: datetime) -> str:
    # The client replaces the time zone instead of converting to it.
    return moment.replace(tzinfo=None).isoformat()


def load(engine: Engine, backend: Backend, params: dict[str, Any], rng: np.random.Generator) -> Executor:
    """Decode an executor job's parameters."""
    limits = engine.limits
    if (version := params.get("schema_version")) != SCHEMA:
        raise InvalidJob(f"schema_version {version!r} is not supported; {SCHEMA} is.")
    options = require(params.get("options", {}), dict, "options")
    experimental = require(options.get("experimental") or {}, dict, "options.experimental")
    seed = checked_seed(experimental.get("seed_simulator"))
    program = require(params.get("quantum_program"), dict, "quantum_program")
    if program.get("meas_level", "classified") != "classified":
        raise InvalidJob("A simulator has no measurement signal: meas_level must be classified.")
    shots = require(program.get("shots"), int, "quantum_program.shots")
    blob = require(program.get("circuits"), dict, "quantum_program.circuits")
    if "b64_data" not in blob:
        raise InvalidJob("quantum_program.circuits must be compressed QPY; OpenQASM 3 is not supported.")
    circuits = codec.circuits(blob["b64_data"], limits.max_body_bytes, "quantum_program.circuits")
    entries = require(program.get("items"), list, "quantum_program.items")
    if len(circuits) != len(entries) or not entries:
        raise InvalidJob(
            f"quantum_program has {len(circuits)} circuits for {len(entries)} items; there must be one each."
        )
    noise = noise_choice(options)
    items = []
    executions = 0
    if seed is not None:
        rng = np.random.default_rng(seed)
    for index, (circuit, entry) in enumerate(zip(circuits, entries, strict=True)):
        name = f"quantum_program.items[{index}]"
        kind = require(entry, dict, name).get("item_type", "circuit")
        extra: dict[str, NDArray[Any]] = {}
        if kind == "circuit":
            values = codec.tensor(
                entry.get("circuit_arguments"), limits.max_body_bytes, f"{name}.circuit_arguments"
            )
            numbers = codec.reals(values, f"{name}.circuit_arguments")
            shape, rows = codec.rows(numbers, circuit.num_parameters, f"{name}.circuit_arguments")
        elif kind == "samplex":
            shape, values, extra = draw_arguments(entry, circuit.num_parameters, limits, rng, name)
            rows = values.reshape(-1, circuit.num_parameters)
        else:
            raise InvalidJob(f"{name}.item_type must be circuit or samplex.")
        executions += len(rows)
        if executions > limits.max_executions:
            raise InvalidJob(f"The job has more than {limits.max_executions} circuit executions.", code=1518)
        items.append(
            Item(
                shape,
                engine.prepare(backend, circuit, rows, shots, seeded=seed is not None, noise=noise),
                registers(circuit),
                extra,
            )
        )
    executor = Executor(engine, backend, items, program, seed)
    executor.rep_delay = rep_delay(options, backend)
    executor.ignored_options = ignored(options, EXECUTOR, backend)
    return executor
