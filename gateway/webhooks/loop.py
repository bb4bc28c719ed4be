"""Takes final events that have an address and delivers them: at least once, shared among the replicas."""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from prometheus_client import Counter as Metric

from core.errors import EventError, StreamError
from core.kafka.client import redact_topics
from core.kafka.delayed_consumer import DelayedConsumer
from core.kafka.errors import KafkaException
from core.kafka.messages import Message, offset_of, partition_of
from core.kafka.offsets import Partition
from core.kafka.publisher import Publisher
from core.kafka.topics import WEBHOOK_WAITS, WEBHOOKS
from core.settings import KafkaSettings
from gateway.webhooks.delivery import LONGEST, Wait, WebhookDelivery, due, parse_delivery
from gateway.webhooks.sender import Outcome, WebhookSender
from gateway.webhooks.signature import secret_of

log = logging.getLogger(__name__)

#: The consumer group of all replicas.
GROUP = "webhooks"
#: Deliveries under way in one process, and of one client among them: a receiver that hangs holds up its own.
MAX_IN_FLIGHT, MAX_IN_FLIGHT_OF_CLIENT = 32, 8
#: Seconds that one poll waits, and between commits.
PATIENCE, COMMIT_INTERVAL = 0.2, 1.0
#: Seconds after which a message that Kafka did not take is offered again.
OFFERED_AGAIN = 1.0


class Webhooks:
    """One thread that takes messages, others that deliver them.

    A message's offset is committed when it was delivered, given up, or put on a topic to wait: after a crash
    another replica, or the next process, delivers it, perhaps once more, under the same `webhook-id`.

    Args:
        kafka: how to reach the broker.
        publisher: puts on the wait topics what is tried again.
        sender: makes the attempts.
        secret: the gateway's secret, from which each client's is derived.
    """

    def __init__(
        self, kafka: KafkaSettings, publisher: Publisher, sender: WebhookSender, secret: str
    ) -> None:
        self._publisher = publisher
        self._sender = sender
        self._secret = secret
        self.outcomes = Metric(
            "qwhisk_gateway_webhooks",
            "Attempts to deliver a final event: delivered, failed (tried again), given_up, unreadable",
            ["outcome"],
            registry=None,
        )
        self._done: queue.SimpleQueue[tuple[Partition, int]] = queue.SimpleQueue()
        #: Messages that the consumer gave and no worker has yet; only the thread uses it.
        self._taken: deque[Message] = deque()
        self._of_client: Counter[str] = Counter()
        #: Messages that the workers have, those of partitions lost meanwhile included.
        self._begun = 0
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
            # A tenth of a second more does not matter here; a broker that is asked seldom has less to do.
            patient=True,
            revoking=lambda: self._settle(0),
        )
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """Deliveries under way."""
        return self._of_client.total()

    def alive(self) -> bool:
        """True while messages are taken."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Stop; what is under way is not waited for, and is delivered again by another."""
        self._stop.set()
        self._thread.join(3)
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
                log.exception("webhooks were not looked at")
                self._stop.wait(0.5)
        with suppress(KafkaException):
            self._settle(0)
            self._consumer.close()

    def _step(self) -> None:
        self._settle(0)
        if self._room() <= 0:
            self._settle(PATIENCE)
        # Paused only if it stays full: each pause makes librdkafka drop what it has fetched ahead.
        room = self._room()
        self._consumer.regulate(full=room <= 0)
        self._taken += self._consumer.poll(PATIENCE if room > 0 and not self._taken else 0.0, room)
        while self._taken:
            # One that no worker could be given stays at the head: dropped, it would never be delivered.
            self._take(self._taken[0], time.time())
            self._taken.popleft()
        self._consumer.commit()

    def _room(self) -> int:
        """How many messages may be taken."""
        with self._lock:
            return MAX_IN_FLIGHT - self._begun - len(self._taken)

    def _settle(self, patience: float) -> None:
        """Note what is done with; waits so many seconds for the first."""
        try:
            self._consumer.finish(*self._done.get(timeout=patience or None, block=patience > 0))
            while True:
                self._consumer.finish(*self._done.get_nowait())
        except queue.Empty:
            return

    def _take(self, message: Message, now: float) -> None:
        partition, offset = partition_of(message), offset_of(message)
        try:
            found = parse_delivery(message.value(), message.headers(), now)
        except EventError as error:
            log.error("a webhook cannot be delivered: %s", error.message)
            self.outcomes.labels("unreadable").inc()
            self._done.put((partition, offset))
            return
        with self._lock:
            self._begun += 1
            busy = self._of_client[found.event.client_id] >= MAX_IN_FLIGHT_OF_CLIENT
            if not busy:
                self._of_client[found.event.client_id] += 1
        step = self._later if busy else self._deliver
        try:
            self._workers.submit(self._work, step, found, partition, offset)
        except RuntimeError:  # no thread can be started now
            self._ended(found, counted=not busy)
            raise

    # --- the workers --------------------------------------------------------------------------------

    def _work(
        self,
        step: Callable[[WebhookDelivery], bool],
        found: WebhookDelivery,
        partition: Partition,
        offset: int,
    ) -> None:
        done = False
        try:
            done = self._stepped(step, found)
        finally:
            self._ended(found, counted=step == self._deliver)
        if done:
            self._done.put((partition, offset))

    def _stepped(self, step: Callable[[WebhookDelivery], bool], found: WebhookDelivery) -> bool:
        """What the step gives; after a mistake of ours the message waits for its next attempt."""
        try:
            return step(found)
        except Exception:
            log.exception("a webhook was not handled")
        # Left unfinished it would hold up its partition's commits, and come again only after a restart.
        wait = found.again(time.time(), random.random())
        return True if wait is None else self._put(found, wait)

    def _ended(self, found: WebhookDelivery, counted: bool) -> None:
        """A worker has it no more; `counted` where it was one of its client's under way."""
        with self._lock:
            self._begun -= 1
            if counted:
                self._of_client[found.event.client_id] -= 1
                if not self._of_client[found.event.client_id]:
                    del self._of_client[found.event.client_id]

    def _deliver(self, found: WebhookDelivery) -> bool:
        """Make an attempt; False if the gateway ended before what follows from it was certain."""
        outcome = self._attempt(found)
        wait = None
        if not outcome.delivered and not outcome.last:
            wait = found.again(time.time(), random.random(), outcome.retry_after)
        if outcome.delivered:
            self._note(found, "delivered", outcome.reason)
        elif wait is None:
            self._note(found, "given_up", outcome.reason)
        else:
            self._note(found, "failed", outcome.reason)
            return self._put(found, wait)
        return True

    def _attempt(self, found: WebhookDelivery) -> Outcome:
        body = found.body
        secret = secret_of(self._secret, found.event.client_id)
        try:
            return self._sender.post(
                str(found.event.callback_url), found.headers(secret, body, time.time()), body
            )
        except Exception as error:
            if self._stop.is_set():
                return Outcome(False, "stopped")
            log.exception("an attempt to deliver a webhook failed")
            return Outcome(False, f"a mistake of the gateway's own ({type(error).__name__})")

    def _later(self, found: WebhookDelivery) -> bool:
        """Others of the same client are under way; too many of them."""
        wait = found.busy(time.time(), random.random())
        if wait is None:
            self._note(found, "given_up", "too many of this client's were to be delivered")
            return True
        return self._put(found, wait)

    def _put(self, found: WebhookDelivery, wait: Wait) -> bool:
        """Put it on its topic, however long the broker takes; False if that did not happen before the end."""
        while not self._stop.is_set():
            try:
                self._publisher.publish(wait.topic, found.event.process_job_id, found.data, wait.headers)
                return True
            except StreamError as error:
                log.warning("a webhook cannot wait yet: %s", error.message)
                self._stop.wait(OFFERED_AGAIN)
        return False

    def _note(self, found: WebhookDelivery, outcome: str, reason: str) -> None:
        self.outcomes.labels(outcome).inc()
        log.log(
            logging.WARNING if outcome == "given_up" else logging.INFO,
            "webhook %s",
            outcome.replace("_", " "),
            extra={
                "process_job_id": found.event.process_job_id,
                "client_id": found.event.client_id,
                "host": found.host,
                "attempt": found.attempt + 1,
                "reason": reason,
            },
        )
