"""The delivery of one final event: what is sent, how often it was attempted, and when it is retried. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

from core.errors import EventError
from core.kafka.topics import WEBHOOK_WAITS
from core.protocol import STRUCTURED, ResultEvent, decode, encode_public, read_trace, structured
from gateway.links import below
from gateway.webhooks.callback import gets_cloud_events
from gateway.webhooks.signature import signature

#: The minimum seconds from each failed attempt to the next. After the last of them there is no further
#: attempt.
DELAYS = (5.0, 60.0, 600.0, *(3_600.0,) * 8)
#: Seconds after the first attempt beyond which there is no further one.
MAX_AGE = 12 * 3_600.0
#: The largest random increase of a delay, as a fraction, so that deliveries that failed together are not
#: retried together.
JITTER = 0.25

#: The longest time in seconds that a message waits, by its topic.
LONGEST = {topic: delay * (1 + JITTER) for delay, topic in WEBHOOK_WAITS.items()}
#: Seconds after a job's end within which its data cannot have been erased: its client hardly knows the end.
AT_ONCE = 2.0
#: The most characters of a number in a header. A longer one may not be finite.
MAX_NUMBER = 20

#: A message's headers. A header may have no value.
Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True)
class WebhookDelivery:
    """The delivery of a final event to an address.

    Args:
        event: the final event.
        data: the encoded event.
        attempt: the number of attempts so far.
        first: when the first attempt was made, in seconds since 1970.
        prefix: the prefix of the link in the event. No request says it, so it is that of the setting.
    """

    event: ResultEvent
    data: bytes
    attempt: int
    first: float
    prefix: str = ""

    @property
    def host(self) -> str:
        """The receiver's host, for logs. The rest of the address may be secret."""
        try:
            return (urlsplit(self.event.callback_url or "").hostname or "")[:100]
        except ValueError:
            # The caller of an action can give any address.
            return ""

    def waited(self, now: float) -> bool:
        """Return whether the client has had time to erase the job's data since its end."""
        ended = self.event.finished_at or self.event.submitted_at
        # An end in the future is by a clock of the provider that is ahead: it says nothing.
        return self.attempt > 0 or not 0 <= now - ended.timestamp() <= AT_ONCE

    @property
    def body(self) -> bytes:
        """The body of the request, the same in every attempt."""
        if self._is_cloud_event:
            return structured(self.event, self._job, self._id)
        kind = f"job.{self.event.status.lower()}"
        when = self.event.finished_at or self.event.submitted_at
        head = orjson.dumps({"type": kind, "timestamp": when.isoformat()})
        return b'%s,"data":%s}' % (head[:-1], self._job)

    def headers(self, secrets: Sequence[str], body: bytes, now: float) -> dict[str, str]:
        """Return the headers of the attempt at `now`, with a signature by each of the client's secrets."""
        timestamp = int(now)
        media_type = {"Content-Type": STRUCTURED} if self._is_cloud_event else {}
        return media_type | {
            "webhook-id": self._id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(signature(secret, self._id, timestamp, body) for secret in secrets),
        }

    @property
    def _job(self) -> bytes:
        """The job as the client sees it."""
        return below(encode_public(self.event), self.event.result_url, self.prefix)

    @property
    def _id(self) -> str:
        return f"msg_{self.event.process_job_id}"

    @property
    def _is_cloud_event(self) -> bool:
        return gets_cloud_events(str(self.event.callback_url))

    def schedule_retry(self, now: float, chance: float, retry_after: float = 0.0) -> Wait | None:
        """Return where the delivery waits after a failed attempt; None if there is no further one.

        Args:
            now: the time in seconds since 1970.
            chance: a random number from 0 to 1.
            retry_after: seconds that the receiver asked to wait.
        """
        if self.attempt >= len(DELAYS) or now - self.first > MAX_AGE:
            return None
        return choose_wait(max(DELAYS[self.attempt], retry_after), now, chance, self.attempt + 1, self.first)

    def postpone(self, now: float, chance: float) -> Wait | None:
        """Return where the delivery waits for others of its client, without an attempt; None if too old."""
        if now - self.first > MAX_AGE:
            return None
        return choose_wait(0.0, now, chance, self.attempt, self.first)


@dataclass(frozen=True)
class Wait:
    """A wait topic and the headers of the message that waits there."""

    topic: str
    headers: Mapping[str, bytes]


def choose_wait(delay: float, now: float, chance: float, attempt: int, first: float) -> Wait:
    """Return the wait topic for a delay.

    All messages of a wait topic wait about equally long, so that the head of a partition is due first.
    """
    longest = max(WEBHOOK_WAITS)
    fitting = min(wait for wait in WEBHOOK_WAITS if wait >= min(delay, longest))
    due = now + fitting * (1 + JITTER * chance)
    values = {"attempt": str(attempt), "first": f"{first:.3f}", "due": f"{due:.3f}"}
    return Wait(WEBHOOK_WAITS[fitting], {name: value.encode() for name, value in values.items()})


def due(headers: Headers | None) -> float:
    """Return when a message is due, in seconds since 1970; 0 for immediately."""
    return _number(dict(headers or ()), "due")


def parse_delivery(
    data: bytes | None, headers: Headers | None, now: float, prefix: str = ""
) -> WebhookDelivery:
    """Parse a message of a webhooks topic.

    Args:
        data: the message's value.
        headers: the message's headers; a first attempt has none.
        now: the time in seconds since 1970.
        prefix: the prefix of the link in the event.

    Raises:
        EventError: the message is not a final event with a `callback_url`.
    """
    event = decode(ResultEvent, data)
    if not event.final or event.callback_url is None:
        raise EventError("Not a final event with a callback_url.")
    read_trace(event, headers)
    named = dict(headers or ())
    attempt, first = int(_number(named, "attempt")), _number(named, "first") or now
    return WebhookDelivery(event, data or b"", attempt, first, prefix)


def _number(headers: Mapping[str, bytes | None], name: str) -> float:
    """Return a header's value; 0 if it is missing or not a number."""
    value = headers.get(name) or b""
    if len(value) > MAX_NUMBER:
        return 0.0
    raw = value.decode("ascii", "replace")
    return float(raw) if raw.replace(".", "", 1).isdecimal() else 0.0
