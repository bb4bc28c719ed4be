"""What the programs have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar, get_args

import numpy as np

from ..backends import Backend
from ..engine import Engine
from ..errors import InvalidJob
from ..simulation_plan import Execution, NoiseChoice


class LoadedProgram(Protocol):
    """A job's decoded and checked parameters."""

    #: Approximate computing time on one core, in seconds.
    seconds: float
    #: Circuit executions times shots.
    total_shots: int
    #: Circuit executions.
    total_circuits: int
    #: The repetition delay that the job sets, in seconds; None for that of the device.
    rep_delay: float | None
    #: A sentence for each option that had no effect.
    ignored_options: list[str]
    #: How each PUB or item is simulated.
    simulator: list[dict[str, Any]]

    def run(self, rng: np.random.Generator) -> bytes:
        """Run it and return the encoded result."""
        ...


class PubExecutions(Protocol):
    """A circuit and its executions."""

    @property
    def executions(self) -> Sequence[Execution]:
        """Its executions."""
        ...


P = TypeVar("P", bound=PubExecutions)


class PrimitiveProgram(Generic[P]):
    """A decoded job of PUBs, or of the items of a quantum program.

    Args:
        engine: Runs the circuits.
        backend: The backend.
        pubs: The PUBs.
        seed: Seeds Aer, if the client has set it.
    """

    def __init__(self, engine: Engine, backend: Backend, pubs: list[P], seed: int | None) -> None:
        self._engine = engine
        self._backend = backend
        self._pubs = pubs
        self._seed = seed
        executions = [execution for pub in pubs for execution in pub.executions]
        self.seconds = sum(execution.plan.seconds for execution in executions)
        self.total_shots = sum(execution.shots for execution in executions)
        self.total_circuits = len(executions)
        self.rep_delay: float | None = None
        self.ignored_options: list[str] = []
        self.simulator = [pub.executions[0].metadata() if pub.executions else {} for pub in pubs]


def require(value: object, kind: type, name: str) -> Any:
    """Return a value of a type.

    Args:
        value: The value.
        kind: The type.
        name: The name for the message.

    Raises:
        InvalidJob: If it has another type.
    """
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise InvalidJob(f"{name} must be of type {kind.__name__}, not {type(value).__name__}.")
    return value


def noise_choice(options: dict[str, Any]) -> NoiseChoice:
    """Return the noise model that a client has chosen in options.experimental.noise_model."""
    experimental = require(options.get("experimental") or {}, dict, "options.experimental")
    choice = experimental.get("noise_model", "auto")
    if choice not in get_args(NoiseChoice):
        raise InvalidJob(
            f"options.experimental.noise_model must be one of {', '.join(get_args(NoiseChoice))}."
        )
    return choice  # type: ignore[no-any-return]


def checked_seed(value: object) -> int | None:
    """Return the seed that a client has set for Aer; None if it has not."""
    if value is None:
        return None
    number = int(require(value, int, "seed_simulator"))
    if not 0 <= number < 2**63:
        raise InvalidJob("seed_simulator must not be negative, nor have more than 63 bits.")
    return number


def without_effect(ignored: list[str]) -> dict[str, list[str]]:
    """Return the line of a result's metadata that names the options without effect, if there are any."""
    return {"options_without_effect": ignored} if ignored else {}
