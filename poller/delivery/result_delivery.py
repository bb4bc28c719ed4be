"""Fetches a result, invokes the function's next step and publishes the outcome."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime

from core.config_docs import Documents
from core.errors import MessageTooLargeError, QwhiskError, ResultStoreError, TopicUnknownError
from core.kafka.publisher import Publisher
from core.kafka.topics import WEBHOOKS
from core.large_results import LargeResults, name_of
from core.openwhisk.client import FunctionInvoker
from core.openwhisk.pace import Pace
from core.poller_requests import publish_request
from core.protocol import (
    CANCELLATION,
    MAX_EVENT_BYTES,
    POOLED_JOB,
    ErrorInfo,
    JobEvent,
    JobResult,
    NextJob,
    ResultEvent,
    Status,
    binary_headers,
    encode,
)
from core.provider import JobView, Provider
from core.strays import lost, stray
from core.tracing import span
from poller.delivery.event_size import fit_event
from poller.delivery.step_reply import (
    ANSWER_RETRIES,
    CANCELLED,
    StepError,
    StepInvoker,
    is_loop,
    loop_progress,
    most_jobs,
    too_many_jobs,
    with_jobs,
)
from poller.pooling.delivery import PooledDelivery
from poller.state import RunProgress, UnknownTopics, UsageCounter, with_usage

log = logging.getLogger(__name__)

#: An event of fewer bytes is not made smaller.
MIN_EVENT_BYTES = 4_000


class ResultDelivery:
    """Delivers results and final events. Every method blocks and is called in a worker thread.

    Args:
        provider: the provider of the jobs.
        publisher: publishes events.
        documents: the config documents of the functions.
        invoke: invokes functions.
        large_results: stores results that are too large for an event; None if there is no store.
        topic_limit: returns the most bytes of a message of a topic; None if unknown.
        run_progress: the newest step of each run.
        learn_cancellations: called before the next step of a run, so that cancellation requests which another
            poller has consumed are known too.
        pace: gives each invocation its time; None for one that knows no limit yet.
        pooled: what is done about pooled jobs that are final; None if there are none.
    """

    def __init__(
        self,
        provider: Provider,
        publisher: Publisher,
        documents: Documents,
        invoke: FunctionInvoker,
        large_results: LargeResults | None = None,
        topic_limit: Callable[[str], int | None] = lambda _: None,
        run_progress: RunProgress | None = None,
        learn_cancellations: Callable[[], object] = lambda: None,
        pace: Pace | None = None,
        pooled: PooledDelivery | None = None,
    ) -> None:
        self._pooled = pooled
        self._provider = provider
        self._publisher = publisher
        self._documents = documents
        self._large_results = large_results
        self._topic_limit = topic_limit
        self._unknown_topics = UnknownTopics()
        self._learn_cancellations = learn_cancellations
        self._steps = StepInvoker(documents, invoke, pace or Pace(time.monotonic))
        self.run_progress = run_progress or RunProgress()
        #: Counts the quantum seconds; the poller sets it.
        self.usage: UsageCounter | None = None

    def deliver(
        self,
        event: JobEvent,
        view: JobView,
        failures: int = 0,
        is_ours: Callable[[], bool] = lambda: True,
    ) -> ResultEvent:
        """Deliver a job that is final at the provider: publish its final event, or the progress of its loop.

        Args:
            event: the job.
            view: the provider's view of the job, which is final.
            failures: how often the delivery has failed before.
            is_ours: returns False once another poller has the job and publishes its progress.

        Returns:
            The published event: a final event, or RUNNING if the function has submitted the next job.

        Raises:
            MessageTooLargeError, TopicUnknownError: the event can never be published.
            QwhiskError: the result was not fetched, the function was not invoked or the event was not
                published. Retry later.
        """
        if event.callback_url is None:
            self._unknown_topics.check(event.topic)
        final = ResultEvent.of(event, view.status)
        if self._pooled is not None and event.pool is not None:
            self._pooled.ended(event)
        if self.run_progress.is_erased(event):
            # Consumed again after a crash: the result must not be stored again.
            return final
        takes_out = False
        if view.status == "DONE" and self._stops(event):
            final.status, final.error = "CANCELLED", CANCELLED
        elif view.status == "DONE":
            self._steps.await_turn(event)
            with span("fetch result", "client"):
                result = self._result(event, view)
            reply = self._steps.invoke(event, result, failures)
            if isinstance(reply, NextJob):
                end = self._end_of_loop(event, reply)
                if end is None:
                    return self._continue_loop(event, reply, is_ours)
                takes_out = reply.job_id == POOLED_JOB
                final.previous_jobs, final.job_id = event.provider_jobs, reply.job_id
                final.circuit = reply.circuit
                final.step, final.status, final.error = reply.step, *end
            elif isinstance(reply, ErrorInfo) and self.run_progress.is_past(event):
                raise StepError("The reply was lost, but the next job is announced.")
            elif isinstance(reply, ErrorInfo):
                final.result, final.error = result, reply
                # Counts are useful without an answer, except those of an intermediate step of a loop.
                if is_loop(event):
                    final.status = "ERROR"
                    self._abandon_next(event)
                    takes_out = event.pool is not None
            else:
                final.result, final.answer = result, reply
        elif view.status == "ERROR" or self._is_cancelled_unasked(event):
            if (again := self._again(event, view)) is not None:
                return again
            final.status = "ERROR"
            final.error = ErrorInfo(code="job_failed", message=_reason(event, view))
        elif view.reason:
            final.error = ErrorInfo(code="cancelled", message=_reason(event, view))
        elif is_loop(event):
            final.error = CANCELLED
        final.error = with_jobs(final)
        final.finished_at = view.finished or datetime.now(UTC)
        published = self._publish_fitting(final, self._large_results, failures)
        if takes_out:
            # Only now, so that no other end is published before.
            self._take_out(event)
        return published

    def _is_cancelled_unasked(self, event: JobEvent) -> bool:
        """Return whether the job of this participant was cancelled although it did not withdraw.

        Our pollers cancel a pooled job once no participant is left. Another poller may have searched it as
        one that was given up, or somebody has cancelled it at the provider.

        Args:
            event: a participant of a job that is CANCELLED at the provider.
        """
        if event.pool is None:
            return False
        self._learn_cancellations()
        return not self.run_progress.is_cancelled(event)

    def _again(self, event: JobEvent, view: JobView) -> ResultEvent | None:
        """Submit a participant of a pooled job that failed as a whole again; None if that does not help."""
        if self._pooled is None or self.run_progress.is_cancelled(event):
            return None
        again = self._pooled.again(event, cancelled=view.status == "CANCELLED")
        if again is not None:
            self._publish_fitting(again, None)
        return again

    def _result(self, event: JobEvent, view: JobView) -> JobResult:
        account = self._provider.account(event.backend_type)
        if event.backend_type != "hardware":
            view = replace(view, charged_seconds=None)
        if self._pooled is not None and event.pool is not None:
            result = self._pooled.results.part(account, view, event.pool)
        else:
            result = account.result(view)
            if view.charged_seconds is not None:
                result = with_usage(result, view.charged_seconds)
        if self.usage is not None:
            self.usage.add(event, result)
        return result

    def withdraw(self, event: JobEvent) -> ResultEvent:
        """Publish the final event of a pooled job whose cancellation was requested.

        Args:
            event: the request.

        Returns:
            The published event.

        Raises:
            MessageTooLargeError, TopicUnknownError: the event can never be published.
            QwhiskError: the event was not published. Retry later.
        """
        final = ResultEvent.of(event, "CANCELLED", finished_at=datetime.now(UTC))
        final.error = with_jobs(final)
        return self._publish_fitting(final, None)

    def _stops(self, event: JobEvent) -> bool:
        """Return whether the run's cancellation was requested and its job does not simply end.

        Its function may submit further jobs, or its pooled job has run for others.
        """
        if event.pool is None and not is_loop(event) and most_jobs(self._documents, event) <= 1:
            return False
        self._learn_cancellations()
        return self.run_progress.is_cancelled(event)

    def _end_of_loop(self, event: JobEvent, following: NextJob) -> tuple[Status, ErrorInfo] | None:
        """Return how the run ends although its function has submitted the next job; None if it continues.

        The next job is cancelled if the run ends.
        """
        most = most_jobs(self._documents, event)
        if self.run_progress.is_cancelled(event):
            end: tuple[Status, ErrorInfo] = "CANCELLED", CANCELLED
        elif following.step >= most:
            end = "ERROR", too_many_jobs(event, most)
        else:
            return None
        if following.job_id != POOLED_JOB:
            publish_request(self._publisher, stray(event, following.job_id), CANCELLATION)
        return end

    def _take_out(self, event: JobEvent) -> None:
        """Take the job of the next step out of the pool: pollers drop what belongs to a cancelled run."""
        changes = {"job_id": POOLED_JOB, "pool": None, "step": event.step + 1, "callback_url": None}
        following = event.without_large_fields().model_copy(update=changes)
        publish_request(self._publisher, following, CANCELLATION)

    def _abandon_next(self, event: JobEvent) -> None:
        """Request the cancellation of a next job: the function may have submitted it without replying."""
        following = event.model_copy(
            update={"step": event.step + 1, "submitted_at": datetime.now(UTC), "pool": None}
        )
        publish_request(self._publisher, lost(following), CANCELLATION)

    def fail_permanently(self, event: JobEvent, code: str, message: str) -> ResultEvent:
        """Publish the final event of a job that fails for good.

        Args:
            event: the job.
            code: the error code.
            message: the reason, for the client.

        Returns:
            The published event.

        Raises:
            MessageTooLargeError, TopicUnknownError: the event can never be published.
            QwhiskError: the event was not published. Retry later.
        """
        error = ErrorInfo(code=code, message=message[:4_000])
        final = ResultEvent.of(event, "ERROR", error=error, finished_at=datetime.now(UTC))
        final.error = with_jobs(final)
        return self._publish_fitting(final, None)

    def notify(self, progress: ResultEvent) -> None:
        """Publish a progress event.

        Args:
            progress: the event.

        Raises:
            QwhiskError: the event was not published.
        """
        self._publish_fitting(progress, None)

    def _publish(self, event: ResultEvent, from_previous_step: bool = False) -> None:
        """Publish an event unless the client already has one of a later step (`RunProgress.in_order`)."""
        with span("publish results", "producer", event.traceparent, {"qwhisk.status": event.status}):
            self._publish_and_wait(event, from_previous_step)

    def _publish_and_wait(self, event: ResultEvent, from_previous_step: bool) -> None:
        data = encode(event)
        headers = binary_headers(event, data)
        topics = [event.topic]
        if event.final and event.callback_url:
            topics.append(WEBHOOKS)

        def send(topic: str) -> Future[None]:
            return self._publisher.send(topic, event.process_job_id, data, headers)

        unknown = False
        for sent in self.run_progress.in_order(event, topics, send, from_previous_step):
            try:
                self._publisher.wait(sent)
            except TopicUnknownError:
                unknown = True  # the webhook is published even if the client's topic was deleted
        if not unknown:
            self._unknown_topics.succeeded(event.topic)
            return
        try:
            self._unknown_topics.failed(event.topic)
        except TopicUnknownError:
            # A webhook needs no topic of the client.
            if event.callback_url is None:
                raise

    def _publish_fitting(
        self,
        complete: ResultEvent,
        store: LargeResults | None,
        failures: int = 0,
        from_previous_step: bool = False,
    ) -> ResultEvent:
        """Publish an event without the parts that are too large for its topic, and return it.

        Args:
            complete: the event.
            store: stores what is too large.
            failures: how often its delivery has failed before.
            from_previous_step: see `RunProgress.in_order`.

        Raises:
            ResultStoreError: the store is not available. After some failures the event is published without
                what is too large.
            QwhiskError: the event was not published.
        """
        limit, hint = MAX_EVENT_BYTES, ""
        while True:
            try:
                event = fit_event(complete, store, limit, hint)
            except ResultStoreError:
                if failures < ANSWER_RETRIES:
                    raise
                # If the store stays unavailable, a final event without the result is better than none.
                store, hint = None, "The store of large results is not available. "
                continue
            if store is not None and event is not complete and self._is_erased_meanwhile(event):
                store.delete(name_of(event.topic, event.process_job_id))
                return event
            try:
                self._publish(event, from_previous_step)
            except MessageTooLargeError:
                size = len(encode(event))
                known = self._topic_limit(event.topic)
                # If the topic's limit is unknown, or does not explain the rejection, it is below the size.
                limit = known if known is not None and known < min(size, limit) else size // 2
                log.warning(
                    "an event of %d bytes was rejected; the limit is now %d",
                    size,
                    limit,
                    extra={"process_job_id": event.process_job_id},
                )
                if limit < MIN_EVENT_BYTES:
                    raise
            else:
                return event

    def _is_erased_meanwhile(self, event: ResultEvent) -> bool:
        """Return whether the run's data was erased before its result was stored, perhaps a second time.

        Another poller may have delivered the job before, and a poller that has just started does not know all
        erasures yet. Requests are read here after the result is stored: a gateway deletes what is stored only
        after its request, so one of the two deletes it.
        """
        self._learn_cancellations()
        return self.run_progress.is_erased(event)

    def _continue_loop(self, event: JobEvent, following: NextJob, is_ours: Callable[[], bool]) -> ResultEvent:
        """Publish the progress of the loop. The function has already announced the next job."""
        progress = loop_progress(event, following)
        try:
            if is_ours():
                self._publish_fitting(progress, None, from_previous_step=True)
        except TopicUnknownError:
            # No client can get the result, so the next job is cancelled.
            self._abandon_next(event)
            raise
        except QwhiskError as error:
            # The next job is announced, so the loop continues without this progress event.
            log.warning("progress of %s not published: %s", event.process_job_id, error.message)
        return progress


def _reason(event: JobEvent, view: JobView) -> str:
    """Return why the provider's job has no result. Another client's circuit may be the cause."""
    if event.pool is not None and view.status == "CANCELLED":
        return "The provider's job was cancelled, although its client did not request that."
    if event.pool is not None and event.pool.members > 1:
        return "The provider's job, which had the circuits of several clients, has no result."
    return (view.reason or "The provider gave no reason.")[:4_000]
