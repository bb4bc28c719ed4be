"""Final events made to fit into a message: what is too large is kept elsewhere, or left out."""

from __future__ import annotations

import logging

from core.events import MAX_EVENT_BYTES, ErrorInfo, LargeResult, ResultEvent
from core.large_results import MAX_BYTES, LargeResults, name_of

log = logging.getLogger(__name__)

#: Bytes that the envelope around a result may need within one message.
_ENVELOPE_ROOM = 16_000


def within_limit(event: ResultEvent, store: LargeResults | None = None) -> ResultEvent:
    """The event; where it does not fit into one message, without its largest parts.

    Args:
        event: to be published.
        store: keeps result and answer as they are, and the event names them by `result_url`; None: what is
            left out is lost, and the event says so.

    Raises:
        ResultStoreError: the store cannot take it now.
    """
    size = _bytes(event)
    if size <= MAX_EVENT_BYTES - _ENVELOPE_ROOM:
        return event
    kept = store is not None and _keep(event, store)
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
        if name == "params":
            continue
        if kept:
            url = f"/api/v1/jobs/{event.process_job_id}/result"
            event = event.model_copy(update={"result_url": url})
        elif cut is None:
            cut = ErrorInfo(
                code=f"{name}_too_large",
                message=f"With its {name} the event has {size} bytes; {MAX_EVENT_BYTES} can be sent. "
                "Ask for fewer shots or a smaller problem.",
            )
            event = event.model_copy(update={"error": cut})
    return event


def _keep(event: ResultEvent, store: LargeResults) -> bool:
    large = LargeResult.model_construct(result=event.result, answer=event.answer)
    data = large.model_dump_json(exclude_none=True).encode()
    if len(data) > MAX_BYTES:
        log.warning("the result of %s has %d bytes: too many to keep", event.process_job_id, len(data))
        return False
    store.put(name_of(event.topic, event.process_job_id), data)
    return True


def _bytes(event: ResultEvent) -> int:
    return len(event.model_dump_json().encode())
