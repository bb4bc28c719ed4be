"""Consumes final events with a callback address and delivers each at least once."""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from prometheus_client import Counter as Metric

from core.client_sources import source_of
from core.errors import EventError, MessageTooLargeError, StreamError
from core.kafka.client import redact_topics
from core.kafka.delayed_consumer import DelayedConsumer
from core.kafka.errors import KafkaException
from core.kafka.messages import Message, offset_of, partition_of
from core.kafka.offsets import Partition
from core.kafka.publisher import Publisher
from core.kafka.topics import WEBHOOK_WAITS, WEBHOOKS
from core.protocol import ResultEvent, binary_headers
from core.settings import KafkaSettings
from core.tracing import TRACEPARENT, span, trace_id, traceparent
from gateway.limits import Concurrency
from gateway.webhooks.delivery import LONGEST, Wait, WebhookDelivery, due, parse_delivery
from gateway.webhooks.sender import Outcome, WebhookSender
from gateway.webhooks.signature import secret_of

log = logging.getLogger(__name__)

#: The consumer group of all replicas.
GROUP = "webhooks"
#: The most deliveries in progress in one process.
MAX_IN_FLIGHT = 32
#: The most of one client among them, and of all clients of one source, since sessions are free. So receivers
#: that do not answer delay only deliveries of the same source. The sender limits those to one address.
MAX_IN_FLIGHT_OF_CLIENT, MAX_IN_FLIGHT_OF_SOURCE = 8, 12
#: Seconds that one poll waits, and seconds between commits.
POLL_TIMEOUT, COMMIT_INTERVAL = 0.2, 0.2
#: Seconds that deliveries in progress are awaited before their partitions are given up to another member, and
#: when the process ends. Another member repeats those that take longer. Meanwhile this member starts none.
GRACE, STOP_GRACE = 3.0, 1.0
#: Seconds between attempts to publish to a wait topic.
REPUBLISH_INTERVAL = 1.0


class Webhooks:
    """A thread that consumes messages, and worker threads that deliver them.

    A message's offset is committed when the event is delivered, when there is no further attempt, or when the
    event is published to a wait topic. Before a partition is given up, its deliveries in progress are awaited
    for a while. After a crash another replica or the next process delivers it, perhaps twice, under the same
    `webhook-id`.

    Args:
        kafka: how to reach the broker.
        publisher: publishes to the wait topics.
        sender: makes the attempts.
        secret: the gateway's secret, from which each client's secret is derived.
        previous: another such secret, with which webhooks are signed as well; empty for none.
        is_erased: returns whether the data of an event's job was erased, or raises a StreamError.
        prefix: the prefix of the links in events.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        publisher: Publisher,
        sender: WebhookSender,
        secret: str,
        previous: str = "",
        is_erased: Callable[[ResultEvent], bool] = lambda _: False,
        prefix: str = "",
    ) -> None:
        self._is_erased = is_erased
        self._session = kafka.session_timeout_ms / 1000
        self._publisher = publisher
        self._sender = sender
        self._secrets = [secret, previous] if previous else [secret]
        self._prefix = prefix
        self.outcomes = Metric(
            "qwhisk_gateway_webhooks",
            "Final events with an address: delivered, failed (tried again), given_up, erased, unreadable",
            ["outcome"],
            registry=None,
        )
        self._done: queue.SimpleQueue[tuple[Partition, int]] = queue.SimpleQueue()
        #: Messages that were consumed and are not yet with a worker. Only the loop's thread uses it.
        self._consumed: deque[Message] = deque()
        self._clients = Concurrency(MAX_IN_FLIGHT_OF_CLIENT)
        self._sources = Concurrency(MAX_IN_FLIGHT_OF_SOURCE)
        self._delivering = 0
        #: The number of messages with the workers by partition, including those of revoked partitions.
        self._in_progress: Counter[Partition] = Counter()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._workers = ThreadPoolExecutor(MAX_IN_FLIGHT, thread_name_prefix="webhook")
        self._consumer = DelayedConsumer(
            kafka,
            GROUP,
            [WEBHOOKS, *WEBHOOK_WAITS.values()],
            commit_interval=COMMIT_INTERVAL,
            delays=LONGEST,
            due_in=lambda message: due(message.headers()) - time.time(),
            # A tenth of a second more does not matter here, and fewer polls are less work for the broker.
            patient=True,
            revoking=self._await_deliveries,
            lost=self._discard,
        )
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """Return the number of deliveries in progress."""
        return self._delivering

    def alive(self) -> bool:
        """Return whether messages are being consumed."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Begin to stop: start no delivery, and leave the group."""
        self._stop.set()

    def close(self) -> None:
        """Stop. Deliveries in progress are awaited for a while; another process repeats the others."""
        self.stop()
        # To leave the group takes up to a session, and the broker may take as long to answer.
        self._thread.join(STOP_GRACE + 2 * self._session)
        self._workers.shutdown(wait=False, cancel_futures=True)
        self._sender.close()

    # --- the thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._step()
            except KafkaException as error:
                log.error("Kafka: %s", redact_topics(error))
                self._stop.wait(0.5)
            except Exception:
                log.exception("the loop of the webhooks failed")
                self._stop.wait(0.5)
        try:
            self._await(set(self._in_progress), STOP_GRACE)
            self._consumer.close()
        except KafkaException as error:
            log.error("Kafka: %s", redact_topics(error))

    def _await_deliveries(self, partitions: set[Partition]) -> None:
        """Wait for the deliveries in progress of partitions that another member is to get."""
        # When the process ends, they have been awaited before.
        self._await(partitions, 0.0 if self._stop.is_set() else GRACE)

    def _await(self, partitions: set[Partition], seconds: float) -> None:
        end = time.monotonic() + seconds
        while self._busy(partitions) and time.monotonic() < end:
            self._settle(POLL_TIMEOUT)
            self._consumer.commit()
        self._settle(0)

    def _busy(self, partitions: set[Partition]) -> bool:
        """Return whether workers have messages of these partitions."""
        with self._lock:
            return any(self._in_progress[partition] for partition in partitions)

    def _discard(self, partition: Partition) -> None:
        """Discard what was consumed of a partition that belongs to another member now."""
        self._consumed = deque(message for message in self._consumed if partition_of(message) != partition)

    def _step(self) -> None:
        self._settle(0)
        if self._room() <= 0:
            self._settle(POLL_TIMEOUT)
        # Paused only if it stays full: each pause makes librdkafka discard what it has prefetched.
        room = self._room()
        self._consumer.regulate(full=room <= 0)
        # A revocation during the poll replaces what was consumed before.
        consumed = self._consumer.poll(POLL_TIMEOUT if room > 0 and not self._consumed else 0.0, room)
        self._consumed += consumed
        while self._consumed:
            # A message stays at the head until a worker has it. Otherwise it would never be delivered.
            self._start(self._consumed[0], time.time())
            self._consumed.popleft()
        self._consumer.commit()

    def _room(self) -> int:
        """Return how many messages may be consumed."""
        with self._lock:
            return MAX_IN_FLIGHT - self._in_progress.total() - len(self._consumed)

    def _settle(self, timeout: float) -> None:
        """Record finished messages, waiting up to `timeout` seconds for the first."""
        try:
            self._consumer.finish(*self._done.get(timeout=timeout or None, block=timeout > 0))
            while True:
                self._consumer.finish(*self._done.get_nowait())
        except queue.Empty:
            return

    def _start(self, message: Message, now: float) -> None:
        partition, offset = partition_of(message), offset_of(message)
        try:
            delivery = parse_delivery(message.value(), message.headers(), now, self._prefix)
        except EventError as error:
            log.error("a webhook cannot be delivered: %s", error.message)
            self.outcomes.labels("unreadable").inc()
            self._done.put((partition, offset))
            return
        busy = not self._claim(delivery)
        with self._lock:
            self._in_progress[partition] += 1
            self._delivering += not busy
        step = self._postpone if busy else self._deliver
        try:
            self._workers.submit(self._work, step, delivery, partition, offset)
        except RuntimeError:  # no thread can be started now
            self._ended(delivery, partition, counted=not busy)
            raise

    # --- the workers --------------------------------------------------------------------------------

    def _work(
        self,
        step: Callable[[WebhookDelivery], bool],
        delivery: WebhookDelivery,
        partition: Partition,
        offset: int,
    ) -> None:
        try:
            if self._run_step(step, delivery):
                # First: a message that no worker has is finished, or is to be repeated.
                self._done.put((partition, offset))
        finally:
            self._ended(delivery, partition, counted=step == self._deliver)

    def _run_step(self, step: Callable[[WebhookDelivery], bool], delivery: WebhookDelivery) -> bool:
        """Run a step. After an unexpected error the message waits for its next attempt."""
        try:
            return step(delivery)
        except Exception:
            log.exception("a webhook was not handled")
        # An unfinished message would delay its partition's commits and be delivered again only after a
        # restart.
        wait = delivery.schedule_retry(time.time(), random.random())
        return True if wait is None else self._put(delivery, wait)

    def _ended(self, delivery: WebhookDelivery, partition: Partition, counted: bool) -> None:
        """Record that a worker has finished; `counted` if the delivery has a share."""
        client = delivery.event.client_id
        if counted:
            self._clients.release(client)
            self._sources.release(source_of(client))
        with self._lock:
            self._in_progress[partition] -= 1
            self._delivering -= counted

    def _claim(self, delivery: WebhookDelivery) -> bool:
        """Return whether the delivery's client and its source have a share left, and use it."""
        client = delivery.event.client_id
        if not self._clients.acquire(client):
            return False
        if self._sources.acquire(source_of(client)):
            return True
        self._clients.release(client)
        return False

    def _deliver(self, delivery: WebhookDelivery) -> bool:
        """Make an attempt. Return False if the gateway stopped before its consequence was certain."""
        try:
            if delivery.waited(time.time()) and self._is_erased(delivery.event):
                self._note(delivery, "erased", "the client erased the job's data")
                return True
        except StreamError:
            return self._postpone(delivery)
        # Not the receiver's address: it is the client's.
        with span("send webhook", "client", delivery.event.traceparent) as sending:
            outcome = self._attempt(delivery)
            if sending is not None:
                sending.set("qwhisk.attempt", delivery.attempt + 1)
                sending.set("qwhisk.delivered", outcome.delivered)
        if outcome.postponed:
            return self._postpone(delivery)
        wait = None
        if not outcome.delivered and not outcome.last:
            wait = delivery.schedule_retry(time.time(), random.random(), outcome.retry_after)
        if outcome.delivered:
            self._note(delivery, "delivered", outcome.reason)
        elif wait is None:
            self._note(delivery, "given_up", outcome.reason)
        else:
            self._note(delivery, "failed", outcome.reason)
            return self._put(delivery, wait)
        return True

    def _attempt(self, delivery: WebhookDelivery) -> Outcome:
        body = delivery.body
        secrets = [secret_of(secret, delivery.event.client_id) for secret in self._secrets]
        header = traceparent()
        trace = {} if header is None else {TRACEPARENT: header}
        try:
            return self._sender.post(
                str(delivery.event.callback_url),
                delivery.headers(secrets, body, time.time()) | trace,
                body,
                source_of(delivery.event.client_id),
            )
        except Exception as error:
            if self._stop.is_set():
                return Outcome(False, "stopped")
            log.exception("an attempt to deliver a webhook failed")
            return Outcome(False, f"an error of the gateway ({type(error).__name__})")

    def _postpone(self, delivery: WebhookDelivery) -> bool:
        """Let the delivery wait: too many of its client, its source or its receiver are in progress."""
        wait = delivery.postpone(time.time(), random.random())
        if wait is None:
            self._note(delivery, "given_up", "too many deliveries of this client, its source or its receiver")
            return True
        return self._put(delivery, wait)

    def _put(self, delivery: WebhookDelivery, wait: Wait) -> bool:
        """Publish to a wait topic, however long that takes. Return False if the gateway stopped before."""
        headers = binary_headers(delivery.event, delivery.data) | dict(wait.headers)
        while True:
            try:
                self._publisher.publish(wait.topic, delivery.event.process_job_id, delivery.data, headers)
                return True
            except MessageTooLargeError as error:
                # The wait topic accepts smaller messages than the topic that the webhook came from.
                self._note(delivery, "given_up", error.message)
                return True
            except StreamError as error:
                log.warning("a webhook could not be published to its wait topic: %s", error.message)
                if self._stop.wait(REPUBLISH_INTERVAL):
                    return False

    def _note(self, delivery: WebhookDelivery, outcome: str, reason: str) -> None:
        self.outcomes.labels(outcome).inc()
        log.log(
            logging.WARNING if outcome == "given_up" else logging.INFO,
            "webhook %s",
            outcome.replace("_", " "),
            extra={
                "process_job_id": delivery.event.process_job_id,
                "client_id": delivery.event.client_id,
                "host": delivery.host,
                "attempt": delivery.attempt + 1,
                "reason": reason,
                "trace": trace_id(delivery.event.traceparent),
            },
        )
