"""Drawing the arguments of a twirled circuit from its samplex."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidJob
from ..settings import SimulationLimits
from . import codec
from .base import require


def draw_arguments(
    entry: dict[str, Any], num_parameters: int, limits: SimulationLimits, rng: np.random.Generator, name: str
) -> tuple[tuple[int, ...], NDArray[np.float64], dict[str, NDArray[Any]]]:
    """Draw an item's circuit arguments.

    The samplex is sampled once for each of its own arguments. The axes of the item's shape over which these
    do not vary are randomizations of the same arguments.

    Args:
        entry: The samplex item, unchanged.
        num_parameters: Number of the template circuit's parameters.
        limits: Limits of a job.
        rng: Draws the arguments.
        name: The item's name in messages.

    Returns:
        The item's shape, the arguments of shape (*shape, parameters), and the samplex's further results.
    """
    # Only twirled jobs need samplomatic. Other workers save its import.
    from samplomatic.exceptions import SamplexRuntimeError
    from samplomatic.serialization import samplex_from_json

    shape = tuple(
        require(size, int, f"{name}.shape") for size in require(entry.get("shape"), list, f"{name}.shape")
    )
    if any(size < 1 for size in shape) or math.prod(shape) > limits.max_executions:
        raise InvalidJob(f"{name}.shape has more than {limits.max_executions} elements, or none.", code=1518)
    encoded = require(entry.get("samplex"), dict, f"{name}.samplex")
    text = require(encoded.get("samplex_json"), str, f"{name}.samplex.samplex_json")
    samplex_arguments = require(entry.get("samplex_arguments", {}), dict, f"{name}.samplex_arguments")
    try:
        samplex = samplex_from_json(text)
        samplex.finalize()
        arguments = samplex.inputs().make_broadcastable()
        for key, value in samplex_arguments.items():
            arguments[key] = _argument(value, limits, f"{name}.samplex_arguments.{key}")
    except InvalidJob:
        raise
    except Exception as error:
        # With a damaged samplex the reader may raise any error.
        raise InvalidJob(f"{name}.samplex cannot be read: {type(error).__name__}: {error}") from error
    samplex_shape = (1,) * (len(shape) - arguments.ndim) + tuple(arguments.shape)
    if len(samplex_shape) != len(shape) or any(
        size not in (1, full) for size, full in zip(samplex_shape, shape, strict=True)
    ):
        raise InvalidJob(
            f"{name}: samplex_arguments of shape {tuple(arguments.shape)} do not fit the shape {shape}."
        )
    randomizations = tuple(full for size, full in zip(samplex_shape, shape, strict=True) if size == 1)
    drawn: dict[str, NDArray[Any]] = {}
    sweep: list[Iterable[Any]] = [range(size) if size > 1 else (slice(None),) for size in samplex_shape]
    for place in itertools.product(*sweep):
        # The samplex's index: axes over which its arguments do not vary have length one.
        inner = tuple(0 if isinstance(index, slice) else index for index in place)[
            len(shape) - arguments.ndim :
        ]
        try:
            sample = dict(
                samplex.sample(arguments[inner], num_randomizations=math.prod(randomizations), rng=rng)
            )
        except (SamplexRuntimeError, ValueError, KeyError, TypeError) as error:
            raise InvalidJob(f"{name}.samplex cannot be sampled: {error}") from error
        for key, values in sample.items():
            array = np.asarray(values)
            if key not in drawn:
                drawn[key] = np.empty((*shape, *array.shape[1:]), dtype=array.dtype)
            drawn[key][place] = array.reshape(*randomizations, *array.shape[1:])
    values = drawn.pop("parameter_values", np.empty((*shape, 0)))
    if values.shape != (*shape, num_parameters):
        raise InvalidJob(
            f"{name}.samplex gives {values.shape[-1]} arguments; its circuit has {num_parameters} parameters."
        )
    return shape, values.astype(np.float64), drawn


def _argument(value: object, limits: SimulationLimits, name: str) -> Any:
    if isinstance(value, bool | int):
        return value
    fields = require(value, dict, name)
    if "data" in fields:
        return codec.tensor(fields, limits.max_body_bytes, name)
    from ibm_quantum_schemas.common import PauliLindbladMapModel

    return PauliLindbladMapModel.model_validate(fields).to_pauli_lindblad_map()
