"""Deletes the provider's jobs of a run whose client erased its data."""

from __future__ import annotations

import logging

from core.erasure import Erasure
from core.errors import JobNotFoundError
from core.protocol import JobEvent
from core.provider import QuantumAccount, run_tag

log = logging.getLogger(__name__)

#: Seconds for which deleted jobs of a long run may still be listed. They are deleted until they are not.
ERASE_PATIENCE = 600.0

#: A list of fewer jobs with a tag has all of them (`PAGE` in `core/provider/ibm/account.py`).
MAX_COMPLETE = 100

#: The calls: find the run's jobs, delete one of them, and delete the last one.
FIND, DELETE, LAST = "find", "delete", "delete_last"


def follow_erasure(
    account: QuantumAccount, event: JobEvent, erasure: Erasure, call: tuple[str, str]
) -> tuple[list[tuple[str, str]], bool]:
    """Make one call of an erasure.

    Args:
        account: the account that makes the call.
        event: the request.
        erasure: which jobs it is about.
        call: the call, a kind and a job id.

    Returns:
        The calls to make next, and whether all jobs are deleted.

    Raises:
        QwhiskError: the call failed.
    """
    kind, job_id = call
    if kind == FIND:
        job_ids = [view.job_id for view in account.tagged(run_tag(event.process_job_id))]
        if len(job_ids) >= MAX_COMPLETE:
            return [(DELETE, found) for found in job_ids], False  # there may be more
        if erasure.job_id is not None and erasure.job_id not in job_ids:
            job_ids.append(erasure.job_id)  # jobs of some functions have no tag
        kinds = [DELETE] * (len(job_ids) - 1) + [LAST]
        return list(zip(kinds, job_ids, strict=False)), not job_ids
    try:
        account.delete(job_id)
    except JobNotFoundError:
        pass  # it is deleted already
    else:
        log.info("deleted", extra={"process_job_id": event.process_job_id, "job_id": job_id})
    return [], kind == LAST
