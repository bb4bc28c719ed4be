"""The programs that jobs run: sampler, estimator, executor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..backends import Backend
from ..engine import Engine
from ..errors import Refusal
from . import estimator, executor, sampler
from .base import Program

#: Decodes a program's parameters; raises `Refusal` if they are wrong.
Loader = Callable[[Engine, Backend, dict[str, Any], np.random.Generator], Program]

LOADERS: dict[str, Loader] = {"sampler": sampler.load, "estimator": estimator.load, "executor": executor.load}


def load(
    engine: Engine, backend: Backend, program_id: str, params: dict[str, Any], rng: np.random.Generator
) -> Program:
    """Decode a job's parameters.

    Args:
        engine: What runs circuits.
        backend: Where.
        program_id: The program's name.
        params: Its parameters.
        rng: Where randomness comes from, unless the client gave a seed.

    Raises:
        Refusal: If there is no such program, or the parameters are wrong.
    """
    loader = LOADERS.get(program_id)
    if loader is None:
        raise Refusal(
            f"There is no program {program_id!r}; there are: {', '.join(LOADERS)}.", code=1216, status=404
        )
    return loader(engine, backend, params, rng)
