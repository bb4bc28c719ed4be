"""What the poller does outside its loop: look, fetch the result, ask for the answer, deliver."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

from core.config_docs import Documents
from core.errors import ActionError, QwhiskError
from core.events import ErrorInfo, JobEvent, JobResult, ResultEvent, encode
from core.kafka.publisher import Publisher
from core.kafka.topics import CANCEL, WEBHOOKS
from core.large_results import LargeResults
from core.openwhisk.client import Invoker
from core.provider import JobView, Provider
from core.provider.ibm.results import decode_result
from core.strays import lost
from poller.delivery.event_size import within_limit
from poller.delivery.step_reply import (
    ANSWER_RETRIES,
    NextJob,
    StepError,
    is_loop,
    may_pass,
    parse_step_reply,
    retries,
)
from poller.run_progress import RunProgress

log = logging.getLogger(__name__)

#: Seconds that a step may take: longer than an action may, so that whoever asks again does not overtake it.
ANSWER_TIMEOUT = 75.0


class ResultDelivery:
    """Delivers final events. Every method blocks and is called in a worker thread."""

    def __init__(
        self,
        provider: Provider,
        publisher: Publisher,
        documents: Documents,
        invoke: Invoker,
        large_results: LargeResults | None = None,
    ) -> None:
        self._provider = provider
        self._publisher = publisher
        self._documents = documents
        self._invoke = invoke
        self._large_results = large_results
        #: How far each run is.
        self.run_progress = RunProgress()

    def deliver(
        self,
        event: JobEvent,
        view: JobView,
        failures: int = 0,
        is_ours: Callable[[], bool] = lambda: True,
    ) -> ResultEvent:
        """Publish the one final event of a job that the provider calls final, or how far its loop now is.

        Args:
            event: the job.
            view: how it stands: final.
            failures: how often this has failed before.
            is_ours: false once another poller has the run: the news are then that one's to tell.

        Returns:
            What was published: a final event, or RUNNING where the function has submitted the next job.

        Raises:
            QwhiskError: the result could not be fetched, the function not be asked or the event not be
                published; try again later.
        """
        fields: dict[str, Any] = {"status": view.status}
        if view.status == "DONE":
            raw = self._provider.account(event.backend_type).raw_result(event.job_id)
            result = decode_result(view.program_id, raw)
            found = self._step(event, result, failures)
            if isinstance(found, NextJob):
                return self._go_on(event, found, is_ours)
            if isinstance(found, ErrorInfo) and self.run_progress.is_past(event):
                raise StepError("The reply got lost, and the next job is announced.")
            fields["result"] = result
            if not isinstance(found, ErrorInfo):
                fields["answer"] = found
            else:
                fields["error"] = found
                # The counts are worth having without their answer. Those in the middle of a loop are not.
                fields["status"] = "ERROR" if is_loop(event) else "DONE"
                if is_loop(event):
                    self._abandon_next(event)
        elif view.status == "ERROR":
            fields["error"] = ErrorInfo(
                code="job_failed", message=(view.reason or "The provider gave no reason.")[:4_000]
            )
        final = _extended(event, finished_at=view.finished or datetime.now(UTC), **fields)
        # Where the store stays out of reach, a final event without the result is better than none.
        store = self._large_results if failures < ANSWER_RETRIES else None
        self._publish(within_limit(final, store))
        return final

    def _abandon_next(self, event: JobEvent) -> None:
        """The loop ends here; but its function may have submitted the next job, only not said so."""
        following = event.model_copy(update={"step": event.step + 1, "submitted_at": datetime.now(UTC)})
        self._publisher.publish(CANCEL, event.process_job_id, encode(lost(following)))

    def fail_permanently(self, event: JobEvent, code: str, message: str) -> ResultEvent:
        """Publish the final event of a job whose outcome will never be known."""
        error = ErrorInfo(code=code, message=message[:4_000])
        final = _extended(event, status="ERROR", error=error, finished_at=datetime.now(UTC))
        self._publish(within_limit(final))
        return final

    def notify(self, progress: ResultEvent) -> None:
        """Publish a progress event."""
        self._publish(progress)

    def _publish(self, event: ResultEvent, from_previous_step: bool = False) -> None:
        """Publish, unless the client knows of a later step already; see `RunProgress.in_order`."""
        data = encode(event)
        topics = [event.topic]
        if event.final and event.callback_url:
            topics.append(WEBHOOKS)

        def send() -> list[Future[None]]:
            return [self._publisher.send(topic, event.process_job_id, data) for topic in topics]

        for sent in self.run_progress.in_order(event, send, from_previous_step):
            self._publisher.wait(sent)

    def _step(
        self, event: JobEvent, result: JobResult, failures: int
    ) -> NextJob | dict[str, Any] | ErrorInfo:
        """What the function makes of the result; where it makes nothing of it, the reason."""
        step = _extended(event, status="DONE", result=result, state=event.state)
        body = {"step": step.model_dump(mode="json")}
        try:
            # A gateway knows it, for the job was submitted there; this process may not have heard of it yet.
            document = self._documents.find(event.function)
            reply = self._invoke(document, body, ANSWER_TIMEOUT)
        except QwhiskError as error:
            if may_pass(error) and failures < retries(event):
                raise StepError(error.message) from None
            code = error.code if isinstance(error, ActionError) else "answer_failed"
            log.warning("no answer for %s: %s", event.process_job_id, error.message)
            return ErrorInfo(code=code[:100], message=error.message[:4_000])
        found = parse_step_reply(reply, event)
        if found is None:
            return ErrorInfo(
                code="answer_failed", message=f"The function {event.function} gave no answer to its result."
            )
        return found

    def _go_on(self, event: JobEvent, following: NextJob, is_ours: Callable[[], bool]) -> ResultEvent:
        """Tell the client how far its loop is. The function has announced the next job by itself."""
        progress = _extended(event, status="RUNNING").model_copy(
            update={
                **following.model_dump(exclude={"progress"}),
                "progress": following.progress,
                # What was known of the job before says nothing of this one.
                "submitted_at": datetime.now(UTC),
                "queue_length_at_submit": None,
                "estimated_completion_time": None,
                "attempt": 0,
            }
        )
        try:
            if is_ours():
                self._publish(within_limit(progress), from_previous_step=True)
        except QwhiskError as error:
            # News are a courtesy, and the loop goes on: its next job is announced.
            log.warning("progress of %s not told: %s", event.process_job_id, error.message)
        return progress


def _extended(event: JobEvent, **fields: Any) -> ResultEvent:
    """The JobEvent as a ResultEvent. The state is the algorithm's own affair and is not shown."""
    return ResultEvent.model_construct(**event.__dict__ | {"state": None, "looked_at": None} | fields)
