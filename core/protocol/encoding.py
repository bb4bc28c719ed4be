"""Encodes events as bytes and decodes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from core.errors import EventError
from core.protocol.events import MAX_EVENT_BYTES, JobEvent
from core.tracing import TRACEPARENT, parse

EventModel = TypeVar("EventModel", bound=BaseModel)


def encode(event: BaseModel) -> bytes:
    """Return the event as UTF-8 JSON.

    Args:
        event: the event.

    Raises:
        EventError: the event is larger than a message may be.
    """
    data = event.__pydantic_serializer__.to_json(event, exclude_none=False)
    if len(data) > MAX_EVENT_BYTES:
        raise EventError(
            f"The event has {len(data)} bytes; a message may have {MAX_EVENT_BYTES}. "
            "Ask for fewer shots or a smaller problem.",
            bytes=len(data),
        )
    return data


def decode(model: type[EventModel], data: bytes | None) -> EventModel:
    """Return the validated event.

    Args:
        model: the event's class.
        data: the message's value.

    Raises:
        EventError: the message is not such an event. The error names the invalid field.
    """
    if not data:
        raise EventError(f"An empty message is not a {model.__name__}.")
    if len(data) > MAX_EVENT_BYTES:
        raise EventError(f"A message of {len(data)} bytes is over the limit of {MAX_EVENT_BYTES}.")
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise EventError(f"Not a {model.__name__}: {explain(error)}") from None


def read_trace(event: JobEvent, headers: Iterable[tuple[str, bytes | None]] | None) -> None:
    """Give an event the trace that the headers of its message name; a malformed name counts as none."""
    for name, value in headers or ():
        if name == TRACEPARENT:
            context = parse(value)
            event.traceparent = None if context is None else context.header


def explain(error: ValidationError) -> str:
    """Return pydantic's findings in one line, each with the field's name and without its value."""
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'the document'}: {item['msg']}"
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    )[:2_000]
