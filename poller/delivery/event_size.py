"""Makes final events fit into a message: parts that are too large are stored elsewhere or omitted."""

from __future__ import annotations

import logging

from core.large_results import MAX_BYTES, LargeResults, name_of
from core.protocol import MAX_EVENT_BYTES, ErrorInfo, LargeResult, ResultEvent, result_path

log = logging.getLogger(__name__)

#: Bytes of a message that are reserved for the envelope around a result.
_ENVELOPE_ROOM = 16_000


def fit_event(
    event: ResultEvent, store: LargeResults | None = None, limit: int = MAX_EVENT_BYTES, hint: str = ""
) -> ResultEvent:
    """Return the event in a form that fits into one message: large parts are stored or omitted.

    If the event is still too large without all of them, it is returned without all of them.

    Args:
        event: the event to be published.
        store: stores the complete result and answer, and the event refers to them by `result_url`. If None,
            the parts that are omitted are lost, and the event has an error that names them.
        limit: the most bytes of a message of the topic.
        hint: precedes the advice in the error, such as why there is no store.

    Raises:
        ResultStoreError: the store is not available.
    """
    size, most = _bytes(event), limit - min(_ENVELOPE_ROOM, limit // 4)
    if size <= most:
        return event
    stored = store is not None and _store(event, store)
    cut = None
    while _bytes(event) > most:
        # The largest part is omitted. The client knows its own input, and can do without the circuit: these
        # are omitted without an error.
        smaller = {
            name: event.model_copy(update={name: {} if name == "params" else None})
            for name in ("answer", "result", "params", "circuit")
            if getattr(event, name)
        }
        if not smaller:
            break
        name = min(smaller, key=lambda name: _bytes(smaller[name]))
        event = smaller[name]
        log.warning("%s of %s is omitted: %d bytes", name, event.process_job_id, size)
        if name in ("params", "circuit"):
            continue
        if stored:
            event = event.model_copy(update={"result_url": result_path(event.process_job_id)})
        elif cut is None:
            cut = ErrorInfo(
                code=f"{name}_too_large",
                message=f"With its {name} the event has {size} bytes; {limit} can be sent. {hint}"
                "Ask for fewer shots or a smaller problem.",
            )
            event = event.model_copy(update={"error": cut})
    return event


def _store(event: ResultEvent, store: LargeResults) -> bool:
    large = LargeResult.model_construct(result=event.result, answer=event.answer)
    data = large.model_dump_json(exclude_none=True).encode()
    if len(data) > MAX_BYTES:
        log.warning("the result of %s has %d bytes: too many to store", event.process_job_id, len(data))
        return False
    store.put(name_of(event.topic, event.process_job_id), data)
    return True


def _bytes(event: ResultEvent) -> int:
    return len(event.model_dump_json().encode())
