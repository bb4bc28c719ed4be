"""One final event on its way to its receiver: what is sent, how often it was tried, and when again. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from core.errors import EventError
from core.kafka.topics import WEBHOOK_WAITS
from core.protocol import PRIVATE_FIELDS, ResultEvent, decode
from gateway.webhooks.signature import signature

#: Seconds from a failed attempt to the next one, at least; after the last of them it is given up.
DELAYS = (5.0, 60.0, 600.0, *(3_600.0,) * 8)
#: Seconds after the first attempt when there is no further one.
MAX_AGE = 12 * 3_600.0
#: By how much a delay is longer, at most, so that what failed together does not come together again.
JITTER = 0.25

#: The longest time in seconds that a message waits, by its topic.
LONGEST = {topic: delay * (1 + JITTER) for delay, topic in WEBHOOK_WAITS.items()}
#: Characters of a number in a header; longer ones may be no finite number.
MAX_NUMBER = 20

#: A message's headers as they come: a header may have no value.
Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True)
class WebhookDelivery:
    """A final event with an address.

    Args:
        event: the final event.
        data: the same as it stands on the topic.
        attempt: attempts made so far.
        first: when the first was made, in seconds since 1970.
    """

    event: ResultEvent
    data: bytes
    attempt: int
    first: float

    @property
    def host(self) -> str:
        """The receiver, for logs: what else is in the address may be secret."""
        try:
            return (urlsplit(self.event.callback_url or "").hostname or "")[:100]
        except ValueError:
            # Whoever calls an action directly gives it any address.
            return ""

    @property
    def body(self) -> bytes:
        """What is sent, the same at every attempt."""
        shown: dict[str, Any] = orjson.loads(self.data)
        for name in PRIVATE_FIELDS:
            shown.pop(name, None)
        kind = f"job.{self.event.status.lower()}"
        when = self.event.finished_at or self.event.submitted_at
        return orjson.dumps({"type": kind, "timestamp": when.isoformat(), "data": shown})

    def headers(self, secret: str, body: bytes, now: float) -> dict[str, str]:
        """What goes with the body in an attempt at `now`."""
        webhook_id, timestamp = f"msg_{self.event.process_job_id}", int(now)
        return {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(secret, webhook_id, timestamp, body),
        }

    def again(self, now: float, chance: float, retry_after: float = 0.0) -> Wait | None:
        """Where it waits after a failed attempt; None if it is to be given up.

        Args:
            now: seconds since 1970.
            chance: from 0 to 1, by chance.
            retry_after: seconds that the receiver asked for.
        """
        if self.attempt >= len(DELAYS) or now - self.first > MAX_AGE:
            return None
        return wait(max(DELAYS[self.attempt], retry_after), now, chance, self.attempt + 1, self.first)

    def busy(self, now: float, chance: float) -> Wait | None:
        """Where it waits for others of its client, with no attempt made; None if it is to be given up."""
        if now - self.first > MAX_AGE:
            return None
        return wait(0.0, now, chance, self.attempt, self.first)


@dataclass(frozen=True)
class Wait:
    """A message that waits."""

    topic: str
    headers: Mapping[str, bytes]


def wait(delay: float, now: float, chance: float, attempt: int, first: float) -> Wait:
    """The topic whose delay fits, where all wait about equally long, so that its head is due first."""
    longest = max(WEBHOOK_WAITS)
    fitting = min(one for one in WEBHOOK_WAITS if one >= min(delay, longest))
    due = now + fitting * (1 + JITTER * chance)
    told = {"attempt": str(attempt), "first": f"{first:.3f}", "due": f"{due:.3f}"}
    return Wait(WEBHOOK_WAITS[fitting], {name: value.encode() for name, value in told.items()})


def due(headers: Headers | None) -> float:
    """When a message is due, in seconds since 1970; 0 for at once."""
    return _number(dict(headers or ()), "due")


def parse_delivery(data: bytes | None, headers: Headers | None, now: float) -> WebhookDelivery:
    """The delivery that a message of a webhooks topic asks for.

    Args:
        data: the message's value.
        headers: the message's headers; those of a first attempt are empty.
        now: the time in seconds since 1970.

    Raises:
        EventError: the message is not a final event with a `callback_url`.
    """
    event = decode(ResultEvent, data)
    if not event.final or event.callback_url is None:
        raise EventError("Not a final event with a callback_url.")
    told = dict(headers or ())
    return WebhookDelivery(event, data or b"", int(_number(told, "attempt")), _number(told, "first") or now)


def _number(headers: Mapping[str, bytes | None], name: str) -> float:
    """A header's value; 0 where there is none, or one that is no number."""
    value = headers.get(name) or b""
    if len(value) > MAX_NUMBER:
        return 0.0
    raw = value.decode("ascii", "replace")
    return float(raw) if raw.replace(".", "", 1).isdecimal() else 0.0
