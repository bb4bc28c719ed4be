"""Options of a job: those that devices observe, and those without an effect here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..backends import Backend
from ..errors import InvalidJob
from .base import require

#: Experimental options of this service.
EXPERIMENTAL = ("noise_model", "seed_simulator")
#: Why server-side options of the sampler and the estimator have no effect.
CLIENT_DOES_IT = "IBM has deprecated it; executor_sampler.Sampler and executor_estimator.Estimator do it"
NOT_SIMULATED = "it is not simulated"


def _enabled(value: object) -> bool:
    return value is True


def _disabled(value: object) -> bool:
    return value is False


def _given(value: object) -> bool:
    return value is not None


def _positive(value: object) -> bool:
    return isinstance(value, int) and value > 0


#: An option: its path, the test whether its value asks for something, and why that has no effect.
Row = tuple[str, Callable[[object], bool], str]
PRIMITIVES: tuple[Row, ...] = (
    ("dynamical_decoupling.enable", _enabled, CLIENT_DOES_IT),
    ("twirling.enable_gates", _enabled, CLIENT_DOES_IT),
    ("twirling.enable_measure", _enabled, CLIENT_DOES_IT),
    ("resilience_level", _positive, CLIENT_DOES_IT),
    ("resilience.measure_mitigation", _enabled, CLIENT_DOES_IT),
    ("resilience.zne_mitigation", _enabled, CLIENT_DOES_IT),
    ("resilience.pec_mitigation", _enabled, CLIENT_DOES_IT),
    ("execution.init_qubits", _disabled, NOT_SIMULATED),
    ("simulator.coupling_map", _given, "the backend decides it"),
    ("simulator.basis_gates", _given, "the backend decides it"),
)
EXECUTOR: tuple[Row, ...] = (
    ("init_qubits", _disabled, NOT_SIMULATED),
    ("scheduler_timing", _enabled, NOT_SIMULATED),
    ("stretch_values", _enabled, NOT_SIMULATED),
)


def ignored(options: dict[str, Any], rows: tuple[Row, ...], backend: Backend) -> list[str]:
    """Return a sentence for each option that a job sets and that has no effect.

    Args:
        options: The job's options.
        rows: The options of its program that have no effect.
        backend: The backend.
    """
    lines = []
    for path, matters, reason in rows:
        value: Any = options
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if matters(value):
            lines.append(f"options.{path} had no effect: {reason}.")
    if not backend.queued and _requested_delay(options) is not None:
        lines.append("options.rep_delay had no effect: only devices have a repetition delay.")
    experimental = options.get("experimental")
    for name in experimental if isinstance(experimental, dict) else ():
        if name not in EXPERIMENTAL:
            lines.append(f"options.experimental.{str(name)[:64]} had no effect: it is not known.")
    return lines[:64]


def rep_delay(options: dict[str, Any], backend: Backend) -> float | None:
    """Return the repetition delay that a job sets for a device, in seconds; None for the device's own.

    Raises:
        InvalidJob: If it is not within the range of the device.
    """
    value = _requested_delay(options)
    if value is None or not backend.queued:
        return None
    # The range is in microseconds.
    low, high = (limit * 1e-6 for limit in backend.configuration.get("rep_delay_range", (0.0, 500.0)))
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InvalidJob(f"options.rep_delay must be from {low:g} to {high:g} seconds on {backend.name}.")
    return float(value)


def _requested_delay(options: dict[str, Any]) -> Any:
    execution = require(options.get("execution") or {}, dict, "options.execution")
    return options.get("rep_delay", execution.get("rep_delay"))
