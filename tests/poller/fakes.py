"""Stand-ins for the broker, the provider and the functions: they keep what they are given."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import TopicPartition

from core.config_docs.model import ConfigDocument
from core.errors import NotFoundError
from core.kafka.topics import CANCEL
from core.protocol import JobEvent, JobResult, ResultEvent, decode
from core.provider import JobView
from core.provider.ibm.results import decode_result
from poller.job_consumer import JobConsumer
from tests.core.samples import raw_document


class Publisher:
    """Acknowledges every message, or fails as it is told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes]] = []
        self.headers: list[Any] = []
        self.error: Exception | None = None

    def send(self, topic: str, key: str, value: bytes, headers: Any = None) -> Future[None]:
        done: Future[None] = Future()
        if self.error is not None:
            done.set_exception(self.error)
        else:
            self.sent.append((topic, key, value))
            self.headers.append(headers)
            done.set_result(None)
        return done

    def publish(self, topic: str, key: str, value: bytes, headers: Any = None) -> None:
        self.wait(self.send(topic, key, value, headers))

    def wait(self, sent: Future[None]) -> None:
        sent.result(0)

    def events(self) -> list[ResultEvent]:
        """What clients were told, read back as the gateway reads it."""
        return [decode(ResultEvent, value) for topic, _, value in self.sent if topic != CANCEL]

    def requests(self) -> list[JobEvent]:
        """What pollers were asked to cancel."""
        return [decode(JobEvent, value) for topic, _, value in self.sent if topic == CANCEL]

    def close(self, timeout: float = 3.0) -> None:
        """Nothing is open."""


class Provider:
    """One account, with the results and views that the test put in."""

    def __init__(self) -> None:
        self.raw: str = ""
        self.views: dict[str, JobView | Exception] = {}
        self.error: Exception | None = None
        self.asked: list[str] = []
        #: Ids of the jobs with a tag, the newest first.
        self.tags: dict[str, list[str]] = {}
        self.cancelled: list[str] = []
        self.tagged_anew: list[tuple[str, list[str]]] = []

    def account(self, backend_type: str) -> Provider:
        return self

    def result(self, view: JobView) -> JobResult:
        self.asked.append(view.job_id)
        if self.error is not None:
            raise self.error
        return decode_result(view.program_id, self.raw)

    def look(self, job_id: str) -> JobView:
        found = self.views[job_id]
        if isinstance(found, Exception):
            raise found
        return found

    def look_since(self, created_after: datetime, newest_first: bool = True) -> dict[str, JobView]:
        return {view.job_id: view for view in self.views.values() if isinstance(view, JobView)}

    def tagged(self, tag: str, *_run: str) -> list[JobView]:
        return [self.look(job_id) for job_id in self.tags.get(tag, [])]

    def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)

    def tag(self, job_id: str, tags: list[str]) -> None:
        self.tagged_anew.append((job_id, list(tags)))
        for name, known in self.tags.items():
            if job_id in known and name not in tags:
                known.remove(job_id)

    def backends(self, fresh: float = 0.0) -> list[Any]:
        return []


class Documents:
    """Knows one function, unless it fails."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def find(self, function: str) -> ConfigDocument:
        if self.error is not None:
            raise self.error
        if function != "smile_super_position":
            raise NotFoundError(f"There is no function {function!r}.")
        return ConfigDocument.model_validate(raw_document())


class Invoke:
    """Answers every invocation with `reply`, or raises it."""

    def __init__(self, reply: dict[str, Any] | Exception) -> None:
        self.reply = reply
        self.bodies: list[dict[str, Any]] = []

    def __call__(self, document: ConfigDocument, body: dict[str, Any], timeout: float) -> dict[str, Any]:
        self.bodies.append(body)
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


def view(status: Any = "DONE", job_id: str = "d1abc", program_id: str = "sampler", **changes: Any) -> JobView:
    fields: dict[str, Any] = {
        "backend": "aer_simulator",
        "reason": None,
        "created": None,
        "running": None,
        "finished": datetime(2026, 5, 1, 12, 5, tzinfo=UTC),
    }
    return JobView(job_id=job_id, status=status, program_id=program_id, **fields | changes)


class Message:
    """One Kafka message."""

    def __init__(self, topic: str, offset: int, value: bytes, stamp: float | None = None) -> None:
        self._topic, self._offset, self._value, self._stamp = topic, offset, value, stamp

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return self._topic

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes:
        return b"process-1"

    def value(self) -> bytes:
        return self._value

    def timestamp(self) -> tuple[int, int]:
        return (0, 0) if self._stamp is None else (1, int(self._stamp * 1000))


class Consumer:
    """Gives the messages that the test put in, and keeps what it was told."""

    def __init__(self) -> None:
        self.messages: deque[Message] = deque()
        #: Called at every poll, so that a message may come in at any moment.
        self.polls = 0
        self.committed: dict[str, int] = {}
        self.paused: list[str] = []

    def poll(self, timeout: float) -> Message | None:
        self.polls += 1
        return self.messages.popleft() if self.messages else None

    def commit(self, offsets: list[Any], asynchronous: bool) -> None:
        self.committed |= {at.topic: at.offset for at in offsets}

    def incremental_assign(self, partitions: list[Any]) -> None:
        """Nothing to do: the test puts messages in."""

    def pause(self, partitions: list[Any]) -> None:
        self.paused += [at.topic for at in partitions]

    def resume(self, partitions: list[Any]) -> None:
        self.paused = [topic for topic in self.paused if topic not in {at.topic for at in partitions}]

    def close(self) -> None:
        """Nothing is open."""


def consumers_of(job_consumer: JobConsumer) -> tuple[Consumer, Consumer]:
    """The two consumers of a JobConsumer that was made with `group_consumer` below."""
    return job_consumer._urgent._consumer, job_consumer._waiting._consumer


def group_consumer(
    _settings: Any, _group: str, topics: list[str], _patient: bool, **callbacks: Any
) -> Consumer:
    """In the place of `core.kafka.consumers.group_consumer`: partitions come with the first poll."""
    made = Consumer()
    assign, poll = callbacks["on_assign"], made.poll

    def first(timeout: float) -> Message | None:
        made.poll = poll  # type: ignore[method-assign]
        assign(made, [TopicPartition(topic, 0) for topic in topics])
        return made.poll(timeout)

    made.poll = first  # type: ignore[method-assign]
    return made
