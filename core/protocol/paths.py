"""Paths of the gateway's HTTP API that other parts refer to."""

from __future__ import annotations

#: The prefix of every path of the API.
API = "/api/v1"


def job_path(process_job_id: str) -> str:
    """Return the path of a job.

    Args:
        process_job_id: the job's id, or a placeholder of a route.
    """
    return f"{API}/jobs/{process_job_id}"


def data_path(process_job_id: str) -> str:
    """Return the path of a job's data, which can be deleted.

    Args:
        process_job_id: the job's id, or a placeholder of a route.
    """
    return f"{job_path(process_job_id)}/data"


def result_path(process_job_id: str) -> str:
    """Return the path of a result that is too large for an event; events name it as `result_url`.

    Args:
        process_job_id: the job's id, or a placeholder of a route.
    """
    return f"{job_path(process_job_id)}/result"
