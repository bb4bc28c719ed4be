"""`python -m tests.chaos.member KIND BOOTSTRAP PARTITIONS [PROTOCOL]`: a member; KIND: jobs, webhooks."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping

from core.kafka.publisher import Publisher
from core.settings import KafkaSettings
from gateway.webhooks import Webhooks
from gateway.webhooks.sender import Outcome, WebhookSender
from poller import job_consumer
from poller.job_consumer import JobConsumer
from testkit.replicas import SECRET

#: The pollers' wait topics, the real ones, with delays that a test can wait for.
SHORT = dict(zip(job_consumer._DELAYS, (1.0, 2.0, 3.0, 4.0), strict=True))


#: Seconds after which the group continues without a member that does not answer.
SESSION = 6.0


def settings(bootstrap: str, partitions: int, protocol: str = "classic") -> KafkaSettings:
    """The settings of all members of a test."""
    return KafkaSettings(
        bootstrap,
        fetch_wait_max_ms=10,
        session_timeout_ms=int(SESSION * 1000),
        group_protocol=protocol,
        partitions=partitions,
    )


def notify(job: str) -> None:
    """Write the event and the time in one piece, because several threads write."""
    os.write(1, f"{job} {time.time():.3f}\n".encode())


def take(kafka: KafkaSettings, stop: threading.Event) -> None:
    """Writes what a JobConsumer consumes to standard output, and finishes it."""
    publisher = Publisher(kafka)
    taking = JobConsumer(kafka, publisher, lambda step: step(), lambda _: None)
    while not stop.is_set():
        taking.regulate(full=False)
        for taken in taking.poll(0.05):
            notify(taken.event.process_job_id)
            taking.finish(taken.partition, taken.offset)
        taking.commit()
    taking.close()
    publisher.close()


class Telling(WebhookSender):
    """Writes what it delivers to standard output."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes, source: str = "") -> Outcome:
        outcome = super().post(url, headers, body, source)
        if outcome.delivered:
            notify(headers["webhook-id"].removeprefix("msg_"))
        return outcome


def deliver(kafka: KafkaSettings, stop: threading.Event) -> None:
    """Write what webhooks deliver to standard output."""
    publisher = Publisher(kafka)
    webhooks = Webhooks(kafka, publisher, Telling("private"), SECRET)
    stop.wait()
    webhooks.close()
    publisher.close()


#: The code that a member of each kind runs.
KINDS = {"jobs": take, "webhooks": deliver}


def _until_input_ends(stop: threading.Event) -> None:
    sys.stdin.read()
    stop.set()


if __name__ == "__main__":
    job_consumer._DELAYS.update(SHORT)
    end = threading.Event()
    threading.Thread(target=_until_input_ends, args=(end,), daemon=True).start()
    KINDS[sys.argv[1]](settings(sys.argv[2], int(sys.argv[3]), *sys.argv[4:]), end)
