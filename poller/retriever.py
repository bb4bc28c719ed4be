"""What the poller does outside its loop: look, fetch the result, ask for the answer, deliver."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from core.documents import Documents
from core.errors import ActionError, QwhiskError
from core.events import MAX_EVENT_BYTES, ErrorInfo, JobEvent, JobResult, ResultEvent, encode
from core.invoke import Invoker
from core.provider import JobView, Provider
from core.streams import Publisher
from poller.results import decode_result

log = logging.getLogger(__name__)

#: Seconds the answer step may take.
ANSWER_TIMEOUT = 30.0
#: Bytes that the envelope around a result may need within one message.
_ENVELOPE_ROOM = 16_000


class Retriever:
    """Delivers final events. Every method blocks and is called in a worker thread."""

    def __init__(
        self, provider: Provider, publisher: Publisher, documents: Documents, invoke: Invoker
    ) -> None:
        self._provider = provider
        self._publisher = publisher
        self._documents = documents
        self._invoke = invoke

    def deliver(self, event: JobEvent, view: JobView) -> ResultEvent:
        """Publish the one final event of a job that the provider calls final.

        Raises:
            QwhiskError: the result could not be fetched or the event not be published; try again later.
        """
        result: JobResult | None = None
        error: ErrorInfo | None = None
        answer: dict[str, Any] | None = None
        if view.status == "DONE":
            raw = self._provider.account(event.backend_type).raw_result(event.job_id)
            result = decode_result(view.program_id, raw)
            answer, error = self._answer(event, result)
        elif view.status == "ERROR":
            error = ErrorInfo(
                code="job_failed", message=(view.reason or "The provider gave no reason.")[:4_000]
            )
        final = _extended(event, view.status, view.finished, result=result, answer=answer, error=error)
        self._publish(_within_limit(final))
        return final

    def give_up(self, event: JobEvent, code: str, message: str) -> ResultEvent:
        """Publish the final event of a job whose outcome will never be known."""
        final = _extended(event, "ERROR", None, error=ErrorInfo(code=code, message=message[:4_000]))
        self._publish(_within_limit(final))
        return final

    def tell(self, progress: ResultEvent) -> None:
        """Publish a progress event."""
        self._publish(progress)

    def _publish(self, event: ResultEvent) -> None:
        self._publisher.publish(event.topic, event.process_job_id, encode(event))

    def _answer(self, event: JobEvent, result: JobResult) -> tuple[dict[str, Any] | None, ErrorInfo | None]:
        """The action's own words for the result; where it has none, the reason beside the raw result."""
        step = _extended(event, "DONE", None, result=result).model_copy(update={"state": event.state})
        body = {"step": step.model_dump(mode="json")}
        try:
            reply = self._invoke(self._documents.get(event.function), body, ANSWER_TIMEOUT)
        except QwhiskError as error:
            code = error.code if isinstance(error, ActionError) else "answer_failed"
            log.warning("no answer for %s: %s", event.process_job_id, error.message)
            return None, ErrorInfo(code=code[:100], message=error.message[:4_000])
        answer = reply.get("answer")
        if not isinstance(answer, dict):
            return None, ErrorInfo(
                code="answer_failed", message=f"The function {event.function} gave no answer to its result."
            )
        return answer, None


def _extended(
    event: JobEvent,
    status: Any,
    finished: datetime | None,
    *,
    result: JobResult | None = None,
    answer: dict[str, Any] | None = None,
    error: ErrorInfo | None = None,
) -> ResultEvent:
    """The JobEvent as a ResultEvent. The state is the algorithm's own affair and is not shown."""
    return ResultEvent.model_construct(
        **event.__dict__ | {"state": None},
        status=status,
        result=result,
        answer=answer,
        error=error,
        finished_at=finished or datetime.now(UTC),
    )


def _within_limit(event: ResultEvent) -> ResultEvent:
    """The event; where it does not fit into one message, without its largest parts, and with the reason."""
    size = _bytes(event)
    cut = None
    while _bytes(event) > MAX_EVENT_BYTES - _ENVELOPE_ROOM:
        # Whoever asked knows the input already; it is cut only where it is the largest part, and silently.
        smaller = {
            name: event.model_copy(update={name: {} if name == "params" else None})
            for name in ("answer", "result", "params")
            if getattr(event, name)
        }
        if not smaller:
            break
        name = min(smaller, key=lambda name: _bytes(smaller[name]))
        event = smaller[name]
        log.warning("%s of %s is left out: %d bytes", name, event.process_job_id, size)
        if name != "params" and cut is None:
            cut = ErrorInfo(
                code=f"{name}_too_large",
                message=f"With its {name} the event has {size} bytes; {MAX_EVENT_BYTES} can be sent. "
                "Ask for fewer shots or a smaller problem.",
            )
            event = event.model_copy(update={"error": cut})
    return event


def _bytes(event: ResultEvent) -> int:
    return len(event.model_dump_json().encode())
