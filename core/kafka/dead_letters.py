"""Reads the messages that no poller could read (`jobs.dead`), replays them and discards them.

What became of a letter is recorded in the topic itself, by a message that names the letter's offset. A replay
and its record are one transaction, so that a letter is replayed at most once.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from core.errors import EventError, NotFoundError, StreamError
from core.kafka.client import client_config, redact_topics
from core.kafka.consumers import topic_reader
from core.kafka.messages import Message, offset_of, timestamp_of
from core.kafka.topics import CANCEL, DEAD, JOBS, WAITS, partition
from core.settings import KafkaSettings

#: Headers of a letter: why it could not be read, and the topic that it was in.
REASON, TOPIC = "reason", "topic"
#: Headers of a record: the letter's offset, and what became of the letter.
LETTER, OUTCOME = "letter", "outcome"
#: Header of a replayed message: the letter's offset.
REPLAYED = "dead-letter"
#: The topics that letters come from.
SOURCES = frozenset({JOBS, CANCEL, *WAITS.values()})
#: Letters that are kept while the topic is read, of those that wait and of the others.
MAX_LETTERS = 10_000
#: Characters of a letter's reason.
MAX_REASON = 500
#: Seconds to read the whole topic, and for each step of a transaction.
READ_TIMEOUT, TRANSACTION_TIMEOUT = 120.0, 30.0
#: Seconds for any other call.
CALL_TIMEOUT = 15.0
#: Only one process at a time may replay: a newer one with this name ends the transactions of an older one.
TRANSACTIONS = "qwhisk.dead-letters"

LetterOutcome = Literal["replayed", "dropped"]
#: What became of letters, and when, by their offsets.
Records = dict[int, tuple[LetterOutcome, float | None]]


@dataclass(frozen=True)
class DeadLetter:
    """A message that no poller could read."""

    offset: int
    #: When it came here, in seconds since 1970; None if unknown.
    published: float | None
    #: The topic that it was in; "" if it does not say.
    topic: str
    key: bytes
    value: bytes
    #: Bytes of its value.
    size: int
    reason: str
    #: None: it waits for an operator.
    outcome: LetterOutcome | None = None
    #: When the outcome was recorded, in seconds since 1970.
    settled: float | None = None

    @property
    def replayable(self) -> bool:
        """Whether it names the topic that it was in."""
        return self.topic in SOURCES


class DeadLetters:
    """The topic of the dead letters. Not thread-safe.

    Args:
        settings: how to reach the broker.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._consumer = topic_reader(settings, reports_end=True)

    def read(self, named: Collection[int] = ()) -> list[DeadLetter]:
        """Return letters without their values, oldest first: those that are named, and of all others the
        newest that wait and the newest that do not, up to `MAX_LETTERS` of each.

        Args:
            named: offsets of letters that are returned however old they are.

        Raises:
            StreamError: the broker did not answer in time.
        """
        # First: a letter's record is far behind it, and says whether the letter waits.
        records = self._records()
        chosen: dict[int, DeadLetter] = {}
        waiting: OrderedDict[int, DeadLetter] = OrderedDict()
        settled: OrderedDict[int, DeadLetter] = OrderedDict()
        for message, headers in self._messages():
            if LETTER in headers:
                continue
            letter = _with_outcome(replace(_letter(message, headers), value=b""), records)
            if letter.offset in named:
                chosen[letter.offset] = letter
                continue
            others = settled if letter.outcome else waiting
            others[letter.offset] = letter
            if len(others) > MAX_LETTERS:
                others.popitem(last=False)
        return sorted((chosen | waiting | settled).values(), key=lambda letter: letter.offset)

    def with_outcome(self, letter: DeadLetter) -> DeadLetter:
        """Return a letter with what became of it, for which the topic is read once.

        Raises:
            StreamError: the broker did not answer in time.
        """
        return _with_outcome(letter, self._records())

    def _records(self) -> Records:
        """Return what became of each letter. A letter has one entry: its first record counts."""
        records: Records = {}
        for message, headers in self._messages():
            number = headers.get(LETTER, b"").decode(errors="replace")
            outcome = headers.get(OUTCOME, b"").decode(errors="replace")
            # A record of a later letter, or of none, does not count.
            known = number.isdecimal() and len(number) < 20 and int(number) < offset_of(message)
            if known and outcome in get_args(LetterOutcome):
                records.setdefault(int(number), (cast(LetterOutcome, outcome), timestamp_of(message)))
        return records

    def _messages(self) -> Iterator[tuple[Message, dict[str, bytes]]]:
        """Yield all messages with their headers."""
        self._assign(self._offsets().start)
        while (message := self._next()) is not None:
            yield message, _headers(message)

    def get(self, offset: int) -> DeadLetter:
        """Return one letter with its value; `with_outcome` looks up what became of it.

        Raises:
            NotFoundError: there is no letter with this offset.
            StreamError: the broker did not answer in time.
        """
        message = None
        if offset in self._offsets():
            self._assign(offset)
            message = self._next()
        if message is None or offset_of(message) != offset or LETTER in _headers(message):
            raise NotFoundError(f"There is no dead letter {offset}.")
        return _letter(message, _headers(message))

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()

    def _offsets(self) -> range:
        try:
            low, high = self._consumer.get_watermark_offsets(TopicPartition(DEAD, 0), timeout=CALL_TIMEOUT)
        except KafkaException as error:
            raise StreamError(f"Kafka: {redact_topics(error)}") from None
        return range(int(low), int(high))

    def _assign(self, offset: int) -> None:
        self._deadline = time.monotonic() + READ_TIMEOUT
        self._consumer.assign([TopicPartition(DEAD, 0, offset)])

    def _next(self) -> Message | None:
        """Return the next message; None at the end of the topic."""
        while time.monotonic() < self._deadline:
            message: Message | None = self._consumer.poll(0.5)
            if message is None:
                continue
            error = cast(KafkaError | None, message.error())
            if error is None:
                return message
            if error.code() == KafkaError._PARTITION_EOF:
                return None
            if not error.retriable():
                raise StreamError(f"Kafka: {redact_topics(error)}")
        raise StreamError(f"Kafka did not deliver all dead letters within {READ_TIMEOUT:.0f} s.")


class DeadLetterWriter:
    """Replays and drops letters. A new writer, in any process, takes over from all older ones.

    Args:
        settings: how to reach the broker.

    Raises:
        StreamError: the broker did not answer in time, or permits no transactions.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._producer = Producer(client_config(settings) | {"transactional.id": TRANSACTIONS})
        try:
            # Ends the transaction of an older writer. Letters that are read from now on show its outcome.
            self._producer.init_transactions(TRANSACTION_TIMEOUT)
        except KafkaException as error:
            raise StreamError(f"Kafka began no transactions: {redact_topics(error)}") from None

    def replay(self, letter: DeadLetter) -> None:
        """Publish a letter to the topic that it was in, and record that.

        Args:
            letter: the letter, with its value.

        Raises:
            EventError: the letter does not name a topic of jobs.
            StreamError: the broker rejected it, or did not acknowledge it in time: read the letters again.
        """
        if not letter.replayable:
            raise EventError(f"Letter {letter.offset} does not name the topic of jobs that it was in.")
        self._settle(letter, "replayed")

    def drop(self, letter: DeadLetter) -> None:
        """Record that a letter needs no attention. It stays in the topic as long as any message.

        Raises:
            StreamError: as for `replay`.
        """
        self._settle(letter, "dropped")

    def _settle(self, letter: DeadLetter, outcome: LetterOutcome) -> None:
        number = str(letter.offset).encode()
        try:
            self._producer.begin_transaction()
            if outcome == "replayed":
                self._produce(letter.topic, letter.key, letter.value, {REPLAYED: number})
            self._produce(DEAD, letter.key, b"", {LETTER: number, OUTCOME: outcome.encode()})
            self._producer.commit_transaction(TRANSACTION_TIMEOUT)
        except (KafkaException, BufferError) as error:
            # The next writer aborts what remains.
            with suppress(KafkaException):
                self._producer.abort_transaction(TRANSACTION_TIMEOUT)
            raise StreamError(
                f"Kafka did not accept letter {letter.offset}: {redact_topics(error)}"
            ) from None

    def _produce(self, topic: str, key: bytes, value: bytes, headers: dict[str, str | bytes | None]) -> None:
        self._producer.produce(topic, value, key, partition(topic), headers=headers)


def _headers(message: Message) -> dict[str, bytes]:
    return {name: value or b"" for name, value in message.headers() or []}


def _with_outcome(letter: DeadLetter, records: Records) -> DeadLetter:
    outcome, settled = records.get(letter.offset, (None, None))
    return replace(letter, outcome=outcome, settled=settled)


def _letter(message: Message, headers: Mapping[str, bytes]) -> DeadLetter:
    value = message.value() or b""
    return DeadLetter(
        offset=offset_of(message),
        published=timestamp_of(message),
        topic=headers.get(TOPIC, b"").decode(errors="replace"),
        key=message.key() or b"",
        value=value,
        size=len(value),
        reason=redact_topics(headers.get(REASON, b"").decode(errors="replace"))[:MAX_REASON],
    )
