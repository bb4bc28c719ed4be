"""Publishes messages and waits for the broker's acknowledgement."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from core.errors import MessageTooLargeError, StreamError, TopicUnknownError
from core.kafka.client import client_config, redact_topics
from core.kafka.errors import TOO_LARGE, UNKNOWN_TOPIC
from core.kafka.topics import partition
from core.settings import KafkaSettings

#: Seconds after which an unacknowledged message counts as failed.
PUBLISH_TIMEOUT = 10.0
#: The most messages in one process that may be waiting for an acknowledgement.
MAX_UNACKNOWLEDGED = 10_000
#: The most bytes of several messages that are sent together. A broker that accepts batches of this size never
#: rejects a message because of the others in its batch.
MAX_BATCH_BYTES = 65_536


def _stream_error(topic: str, error: KafkaError) -> StreamError:
    """Return the error of a message that was not published."""
    kind: type[StreamError] = StreamError
    if error.code() in TOO_LARGE:
        kind = MessageTooLargeError
    elif error.code() in UNKNOWN_TOPIC:
        kind = TopicUnknownError
    # Only the first part of the name: a client's topic is secret.
    return kind(f"Kafka rejected the message for {topic.split('.')[0]}: {redact_topics(error)}")


class Publisher:
    """A producer whose `publish` returns when the broker has acknowledged the message.

    Thread-safe: a dedicated thread serves the acknowledgements.

    Args:
        settings: how to reach the broker.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._producer = Producer(
            client_config(settings)
            | {
                "acks": "all",
                "linger.ms": 0,
                "batch.size": MAX_BATCH_BYTES,
                "message.timeout.ms": int(PUBLISH_TIMEOUT * 1000),
                "queue.buffering.max.messages": MAX_UNACKNOWLEDGED,
                "socket.nagle.disable": True,
            }
        )
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="kafka-acknowledgements", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._closed.is_set():
            self._producer.poll(0.2)

    def send(
        self, topic: str, key: str, value: bytes, headers: Mapping[str, bytes] | None = None
    ) -> Future[None]:
        """Queue a message without waiting for its acknowledgement.

        Args:
            topic: where to publish it.
            key: decides the partition of a topic that several processes share.
            value: the message.
            headers: the message's headers.

        Returns:
            A future that completes with the broker's acknowledgement, or fails with the StreamError that
            `publish` raises.
        """
        done: Future[None] = Future()

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(_stream_error(topic, error))

        try:
            self._producer.produce(
                topic,
                value,
                key,
                partition(topic),
                on_delivery=delivered,
                headers=dict(headers) if headers else None,
            )
        except BufferError as error:
            done.set_exception(StreamError(f"Kafka cannot accept a message now: {error}"))
        except KafkaException as error:
            done.set_exception(_stream_error(topic, error.args[0]))
        return done

    def publish(self, topic: str, key: str, value: bytes, headers: Mapping[str, bytes] | None = None) -> None:
        """Publish a message and wait for its acknowledgement. The arguments are those of `send`.

        Raises:
            MessageTooLargeError: the message is larger than the topic allows.
            TopicUnknownError: the topic does not exist.
            StreamError: the broker rejected the message, or did not acknowledge it in time.
        """
        self.wait(self.send(topic, key, value, headers))

    @staticmethod
    def wait(sent: Future[None]) -> None:
        """Wait for the acknowledgement of a message.

        Args:
            sent: the future that `send` returned.

        Raises:
            StreamError: the broker rejected the message, or did not acknowledge it in time.
        """
        try:
            sent.result(PUBLISH_TIMEOUT + 1)
        except FutureTimeout:
            raise StreamError(f"Kafka did not acknowledge within {PUBLISH_TIMEOUT:.0f} s.") from None

    def close(self, timeout: float = 3.0) -> None:
        """Wait for outstanding acknowledgements and stop.

        Args:
            timeout: the most seconds to wait.
        """
        self._producer.flush(timeout)
        self._closed.set()
        self._thread.join(timeout)
