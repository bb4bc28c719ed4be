"""The programs that jobs run: sampler, estimator, executor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..backends import Backend
from ..engine import Engine
from ..errors import InvalidJob
from . import estimator, executor, sampler
from .base import LoadedProgram

#: Decodes a program's parameters; raises `InvalidJob` if they are wrong.
Loader = Callable[[Engine, Backend, dict[str, Any], np.random.Generator], LoadedProgram]

LOADERS: dict[str, Loader] = {"sampler": sampler.load, "estimator": estimator.load, "executor": executor.load}


def load(
    engine: Engine, backend: Backend, program_id: str, params: dict[str, Any], rng: np.random.Generator
) -> LoadedProgram:
    """Decode a job's parameters.

    Args:
        engine: Runs circuits.
        backend: The backend.
        program_id: The program's name.
        params: Its parameters.
        rng: Draws the random numbers, unless the client has set a seed.

    Raises:
        InvalidJob: If there is no such program, or the parameters are wrong.
    """
    loader = LOADERS.get(program_id)
    if loader is None:
        raise InvalidJob(
            f"There is no program {program_id!r}; there are: {', '.join(LOADERS)}.", code=1216, status=404
        )
    return loader(engine, backend, params, rng)
