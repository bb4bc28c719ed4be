"""In-memory stand-ins for the broker, the provider and the functions. They record what they are given."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import TopicPartition

from core import config_docs, provider
from core.config_docs.model import ConfigDocument
from core.errors import MessageTooLargeError, NotFoundError, TopicUnknownError
from core.kafka import publisher
from core.kafka.topics import CANCEL
from core.openwhisk import client
from core.protocol import BackendInfo, JobEvent, JobResult, ResultEvent, Status, decode
from core.provider import JobView
from core.provider.ibm.results import decode_result
from core.settings import KafkaSettings
from poller.job_consumer import JobConsumer
from testkit.quantum_account import InMemoryAccount
from tests.core.samples import raw_document


class Publisher(publisher.Publisher):
    """Acknowledges every message, or fails with `error` or as the topic requires."""

    def __init__(self) -> None:
        #: The most bytes of a message, by topic.
        self.limits: dict[str, int] = {}
        #: Topics that do not exist.
        self.unknown: set[str] = set()
        self.attempts = 0
        self.sent: list[tuple[str, str, bytes]] = []
        self.headers: list[dict[str, bytes]] = []
        self.error: Exception | None = None

    def send(
        self, topic: str, key: str, value: bytes, headers: Mapping[str, bytes] | None = None
    ) -> Future[None]:
        done: Future[None] = Future()
        self.attempts += 1
        if self.error is not None:
            done.set_exception(self.error)
        elif topic in self.unknown:
            done.set_exception(TopicUnknownError("Kafka does not know the topic."))
        elif len(value) > self.limits.get(topic, len(value)):
            done.set_exception(MessageTooLargeError("The message is too large for the topic."))
        else:
            self.sent.append((topic, key, value))
            self.headers.append(dict(headers or {}))
            done.set_result(None)
        return done

    def events(self) -> list[ResultEvent]:
        """Return the clients' events, read as the gateway reads them."""
        return [decode(ResultEvent, value) for topic, _, value in self.sent if topic != CANCEL]

    def requests(self) -> list[JobEvent]:
        """Return the cancellation requests."""
        return [decode(JobEvent, value) for topic, _, value in self.sent if topic == CANCEL]

    def close(self, timeout: float = 3.0) -> None:
        """There is nothing to close."""


class Provider(provider.Provider, InMemoryAccount):
    """A provider with one account, which has the results and views that the test sets."""

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
        known = self.views[job_id]
        if isinstance(known, Exception):
            raise known
        return known

    def look_since(self, created_after: datetime, newest_first: bool = True) -> dict[str, JobView]:
        return {known.job_id: known for known in self.views.values() if isinstance(known, JobView)}

    def tagged(self, *tags: str) -> list[JobView]:
        return [self.look(job_id) for job_id in self.tags.get(tags[0], [])]

    def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)

    def tag(self, job_id: str, tags: Sequence[str]) -> None:
        self.tagged_anew.append((job_id, list(tags)))
        for name, known in self.tags.items():
            if job_id in known and name not in tags:
                known.remove(job_id)

    def backends(self, fresh: float = 0.0) -> list[BackendInfo]:
        return []


class Documents(config_docs.Documents):
    """Knows one function, or fails with `error`."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def find(self, function: str) -> ConfigDocument:
        if self.error is not None:
            raise self.error
        if function != "smile_super_position":
            raise NotFoundError(f"There is no function {function!r}.")
        return ConfigDocument.model_validate(raw_document())


class Invoke(client.FunctionInvoker):
    """Answers every invocation with `reply`, or raises it."""

    def __init__(self, reply: dict[str, Any] | Exception) -> None:
        self.reply = reply
        self.bodies: list[dict[str, Any]] = []

    def __call__(self, document: ConfigDocument, body: dict[str, Any], timeout: float) -> dict[str, Any]:
        self.bodies.append(body)
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


def view(
    status: Status = "DONE",
    job_id: str = "d1abc",
    program_id: str = "sampler",
    reason: str | None = None,
    finished: datetime | None = datetime(2026, 5, 1, 12, 5, tzinfo=UTC),
    queue_position: int | None = None,
) -> JobView:
    return JobView(
        job_id=job_id,
        backend="aer_simulator",
        status=status,
        program_id=program_id,
        reason=reason,
        created=None,
        running=None,
        finished=finished,
        queue_position=queue_position,
    )


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

    def headers(self) -> list[tuple[str, bytes]] | None:
        return None

    def timestamp(self) -> tuple[int, int]:
        return (0, 0) if self._stamp is None else (1, int(self._stamp * 1000))


class Consumer:
    """Returns the messages that the test adds, and records commits and pauses.

    Args:
        on_commit: called at the next poll with the outcome of a commit.
    """

    def __init__(self, on_commit: Callable[[None, list[TopicPartition]], None] = lambda *_: None) -> None:
        self._on_commit = on_commit
        self._acknowledged: deque[list[TopicPartition]] = deque()
        self.messages: deque[Message] = deque()
        #: The number of polls so far.
        self.polls = 0
        self.committed: dict[str, int] = {}
        self.paused: list[str] = []

    def poll(self, timeout: float) -> Message | None:
        self.polls += 1
        while self._acknowledged:
            self._on_commit(None, self._acknowledged.popleft())
        return self.messages.popleft() if self.messages else None

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> None:
        self.committed |= {at.topic: at.offset for at in offsets}
        self._acknowledged.append(offsets)

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        """There is nothing to do: the test adds the messages."""

    def pause(self, partitions: list[TopicPartition]) -> None:
        self.paused += [at.topic for at in partitions]

    def resume(self, partitions: list[TopicPartition]) -> None:
        self.paused = [topic for topic in self.paused if topic not in {at.topic for at in partitions}]

    def close(self) -> None:
        """There is nothing to close."""


def consumers_of(job_consumer: JobConsumer) -> tuple[Consumer, Consumer]:
    """The two consumers of a JobConsumer that was made with `group_consumer` below."""
    return job_consumer._urgent._consumer, job_consumer._waiting._consumer


class JoiningConsumer(Consumer):
    """A consumer whose partitions are assigned at the first poll."""

    def __init__(
        self,
        topics: Iterable[str],
        assign: Callable[[Consumer, list[TopicPartition]], None],
        on_commit: Callable[[None, list[TopicPartition]], None],
    ) -> None:
        super().__init__(on_commit)
        self._topics, self._assign = list(topics), assign

    def poll(self, timeout: float) -> Message | None:
        topics, self._topics = self._topics, []
        if topics:
            self._assign(self, [TopicPartition(topic, 0) for topic in topics])
        return super().poll(timeout)


def group_consumer(
    settings: KafkaSettings, group: str, topics: Iterable[str], patient: bool, **callbacks: Any
) -> Consumer:
    """Replace `core.kafka.consumers.group_consumer`."""
    return JoiningConsumer(topics, callbacks["on_assign"], callbacks["on_commit"])
