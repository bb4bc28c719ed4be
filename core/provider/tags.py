"""The tags by which jobs are found at the provider. Pure."""

from __future__ import annotations


def run_tag(process_job_id: str) -> str:
    """Return the tag that all jobs of one run of an algorithm have."""
    return f"qwhisk-{process_job_id}"


def step_tag(process_job_id: str, step: int, attempt: str | None = None) -> str:
    """Return the tag of the job of one step.

    Args:
        process_job_id: the id of the run.
        step: the number of the step.
        attempt: identifies one attempt to submit the job; None for the tag that all attempts share.
    """
    return f"{run_tag(process_job_id)}-{step}" + (f"-{attempt}" if attempt else "")
