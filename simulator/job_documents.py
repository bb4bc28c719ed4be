"""Jobs in the form of IBM's REST API, whose fields depend on the version of the API."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version as package_version
from typing import Any

from .jobs import SimulatorJob, utc

#: From the first version on, IBM's API returns no `bss`, `usage.quantum_seconds` and `usage.seconds`. From
#: the second one on, `circuits_execution_time_ns` is not in `usage`.
CHARGE_TIME_ONLY = "2026-03-15"
CIRCUITS_TIME_OUTSIDE = "2026-04-15"
#: The reason code of a job that ran too long, and its `status`. Its `state.status` is Cancelled.
RAN_TOO_LONG = 1305
RAN_TOO_LONG_STATUS = "Cancelled - Ran too long"


@dataclass(frozen=True)
class JobForecast:
    """The service's forecast for an unfinished job on a device.

    Attributes:
        position: Number of jobs before it; None if it is not published.
        start: When it will start, in seconds since 1970.
        completion: When it will end.
    """

    position: int | None
    start: float
    completion: float


@cache
def qiskit_version() -> str:
    """Return the version of Qiskit that runs the jobs."""
    return package_version("qiskit")


def job_document(
    job: SimulatorJob, version: str, default_cost: float, forecast: JobForecast | None = None
) -> dict[str, Any]:
    """Return a job without its parameters.

    Args:
        job: The job.
        version: The version of the API.
        default_cost: Maximum execution time of a job that sets none, in seconds.
        forecast: The forecast, if its position in the queue is published.
    """
    state: dict[str, Any] = {"status": job.status}
    if job.reason is not None:
        state["reason"] = job.reason
    if job.reason_code is not None:
        state["reason_code"] = job.reason_code
    ended = utc(job.finished_at)
    too_long = job.status == "Cancelled" and job.reason_code == RAN_TOO_LONG
    document: dict[str, Any] = {
        "id": job.job_id,
        "backend": job.backend,
        "program": {"id": job.program_id},
        "state": state,
        "status": RAN_TOO_LONG_STATUS if too_long else job.status,
        "created": utc(job.created),
        "running": utc(job.running_at),
        "ended": ended,
        "finished": ended,
        "runtime": "",
        "cost": math.ceil(min(job.cost or default_cost, default_cost)),
        "tags": job.tags,
        "user_id": job.user,
        "estimated_running_time_seconds": job.verdict.get("device_seconds"),
        "usage": _usage(job, version),
    }
    # IBM's API omits these if they have no value.
    if job.session_id is not None:
        document["session_id"] = job.session_id
    if job.private:
        document["private"] = True
    if job.calibration_id is not None:
        document["calibration_id"] = job.calibration_id
    if forecast is not None:
        document["position_in_queue"] = forecast.position
        document["estimated_completion_time"] = utc(forecast.completion)
    return document


def job_metrics(job: SimulatorJob, version: str, forecast: JobForecast | None = None) -> dict[str, Any]:
    """Return a job's metrics, and how it was simulated.

    Args:
        job: The job.
        version: The version of the API.
        forecast: The forecast, if the job waits or runs on a device.
    """
    circuits_ns = round(float(job.verdict.get("circuit_seconds") or 0.0) * 1e9) if job.final else 0
    usage = _usage(job, version)
    document: dict[str, Any] = {
        "timestamps": {
            "created": utc(job.created),
            "running": utc(job.running_at),
            "finished": utc(job.finished_at),
        },
        "usage": usage,
        "qiskit_version": qiskit_version(),
        "num_circuits": job.verdict.get("circuits"),
        "simulator": job.verdict.get("simulator", []),
        "options_without_effect": job.verdict.get("ignored_options", []),
    }
    if version < CHARGE_TIME_ONLY:
        document["bss"] = {"seconds": usage["seconds"]}
    elif version < CIRCUITS_TIME_OUTSIDE:
        usage["circuits_execution_time_ns"] = circuits_ns
    else:
        document["circuits_execution_time_ns"] = circuits_ns
    if forecast is not None:
        document["estimated_start_time"] = utc(forecast.start)
        document["estimated_completion_time"] = utc(forecast.completion)
        if forecast.position is not None:
            document["position_in_queue"] = forecast.position
    return document


def _usage(job: SimulatorJob, version: str) -> dict[str, Any]:
    if version < CHARGE_TIME_ONLY:
        # Whole seconds: clients with generated types do not accept fractions.
        seconds = math.ceil(job.quantum_seconds)
        return {"seconds": seconds, "quantum_seconds": seconds}
    return {
        "status": "done" if job.final else "pending",
        "qpu_charge_time_seconds": round(job.quantum_seconds, 6),
    }
