"""A client's wish to have its job cancelled, carried to the provider."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from core.errors import QwhiskError
from core.events import ResultEvent
from core.provider import Account, JobView, run_tag
from poller.retriever import Retriever
from poller.watch import Watch

log = logging.getLogger(__name__)

#: Seconds between looks at a run that is to be cancelled: at least, as a part of those it has taken so far,
#: and at most.
CANCEL_MIN, CANCEL_BACKOFF, CANCEL_MAX = 0.2, 0.3, 10.0
#: Seconds for which a run whose newest job is done may still submit the next one: as long as its step is
#: asked for again after failures.
CANCEL_PATIENCE = 480.0


@dataclass
class Attempt:
    """What came of it: the run's newest job, the final event where that is cancelled, or a failure."""

    newest: JobView | None = None
    delivered: ResultEvent | None = None
    error: QwhiskError | None = None


def attempt(account: Account, retriever: Retriever, watch: Watch) -> Attempt:
    """Cancel whatever job the run has now; a hybrid one may have none for a moment, between two steps."""
    event = watch.event
    try:
        found = account.tagged(run_tag(event.process_job_id)) or [account.look(event.job_id)]
        for view in found:
            if view.status in ("QUEUED", "RUNNING"):
                account.cancel(view.job_id)
        newest = found[0]
        if newest.status != "CANCELLED":
            return Attempt(newest)
        # Told at once: the job's own event may lie in a wait topic for minutes.
        event = event.model_copy(update={"job_id": newest.job_id})
        return Attempt(newest, retriever.deliver(event, newest))
    except QwhiskError as error:
        return Attempt(error=error)
    except Exception:
        log.exception("cancelling %s failed", event.process_job_id)
        return Attempt(error=QwhiskError("The poller failed; see its log."))


def too_late(newest: JobView | None, waited: float) -> bool:
    """True if the run has ended otherwise, and will not submit a further job."""
    return newest is not None and newest.status in ("DONE", "ERROR") and waited > CANCEL_PATIENCE


def delay(waited: float) -> float:
    """Seconds until the next look, after `waited` seconds."""
    return min(CANCEL_MAX, max(CANCEL_MIN, CANCEL_BACKOFF * waited))
