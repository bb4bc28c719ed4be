"""`DELETE /jobs/{id}/data`: erases a finished job's input and result."""

from __future__ import annotations

import logging

from core.erasure import erasure_request
from core.large_results import name_of
from core.poller_requests import publish_request
from core.protocol import ERASURE
from gateway.auth.tokens import ClientSession
from gateway.inbox.erasures import erasure_notice
from gateway.inbox.inbox import Inbox, InboxEntry
from gateway.problems import ConflictError
from gateway.services import GatewayServices
from gateway.submissions import APPEARS

log = logging.getLogger(__name__)


class UnfinishedError(ConflictError):
    """The job has not ended."""

    code = "job_not_ended"


def erase(gateway: GatewayServices, client: ClientSession, inbox: Inbox, entry: InboxEntry) -> None:
    """Erase the data of a job that has ended.

    If this fails, the job is still shown, and the request can be repeated: each step may be done twice.

    Args:
        gateway: the gateway's services.
        client: the client.
        inbox: the client's events.
        entry: the job's newest event.

    Raises:
        UnfinishedError: the job has not ended.
        ResultStoreError: the store of large results is not available.
        StreamError: the broker is not available.
    """
    event = entry.event
    if not event.final:
        raise UnfinishedError("The job has not ended. Cancel it or wait for its end, then erase its data.")
    job = event.process_job_id
    with gateway.processor.waiting():
        # Before the large result: a poller that knows of the erasure does not store it again.
        publish_request(gateway.publisher, erasure_request(event.job_event()), ERASURE)
        if gateway.large_results is not None:
            gateway.large_results.delete(name_of(client.topic, job))
        # The last step: once it is acknowledged, nothing remains to be done.
        gateway.publisher.publish(client.topic, job, erasure_notice(job))
        inbox.erasing(job, APPEARS)
    log.info("erased", extra={"process_job_id": job, "function": event.function})
