"""How late results are at a thousand clients that listen, and what a client costs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from benchmarks.gateway.clients import SENT, Crowd
from benchmarks.table import milliseconds, table
from core.kafka.consumers import topic_reader
from core.settings import KafkaSettings
from testkit.percentile import percentile
from testkit.replicas import FREE, broker, replica, session_with_topic, topic_of

#: Aims: seconds from a result's publication to its client at p99; bytes for a client.
AIM_PUSH, AIM_MEMORY = 0.100, 60_000
#: Clients that listen, in one run and another.
LISTENERS = (100, 1_000)
BROKERS = {"local": "the local broker", "kafka": "Apache Kafka"}
#: Results published a second.
RATE = 100.0
#: Seconds that results may take to arrive.
PATIENCE = 20.0


def pushing(folder: Path, say: Callable[[str], None], seconds: float, listeners: int, kind: str) -> None:
    """Measure this many listening clients with a hundred results per second, to one client after the other.

    `kind` is the broker: `local`, or `kafka` for Apache Kafka.
    """
    documents, total = folder / "none", int(RATE * seconds)
    documents.mkdir()
    with broker(folder, kind) as found:
        # As each broker is set up: the local one waits for the whole fetch time, Kafka answers at once.
        kafka = found if kind == "local" else replace(found, fetch_wait_max_ms=500)
        with replica(folder, kafka, documents, "pushing", **FREE) as gateway:
            crowd = Crowd()
            try:
                with ThreadPoolExecutor(8) as pool:
                    tokens = list(pool.map(lambda _: session_with_topic(gateway, kafka), range(listeners)))
                time.sleep(2)
                before = gateway.memory()
                began = time.perf_counter()
                crowd.join(gateway.port, tokens)
                joined = time.perf_counter() - began
                crowd.listen(2)
                idle = gateway.memory()
                processor, began = gateway.processor(), time.perf_counter()
                topics = [topic_of(token) for token in tokens]
                with published(kafka, topics, seconds, folder):
                    crowd.listen(seconds + PATIENCE, total)
                processor = (gateway.processor() - processor) / (time.perf_counter() - began)
                after = gateway.memory()
            finally:
                crowd.close()
        alone = consumed(kafka, topics, seconds, folder)
    rows = [
        [
            name,
            f"{len(found)} of {total}",
            milliseconds(percentile(found, 0.5)),
            milliseconds(percentile(found, 0.99)),
        ]
        for name, found in (
            ("a bare consumer, no clients", alone),
            ("the gateway, to WebSockets", crowd.latencies),
        )
    ]
    title = f"{listeners} clients listen, {RATE:.0f} results a second, {BROKERS[kind]}"
    say(table(title, ["from publication", "came", "p50", "p99"], rows))
    say(f"aim: {milliseconds(AIM_PUSH)} at p99; all were connected after {joined:.1f} s")
    say(
        f"the gateway's memory for each client: {(idle - before) / listeners / 1000:.1f} kB idle, "
        f"{(after - before) / listeners / 1000:.1f} kB with its events (aim: {AIM_MEMORY / 1000:.0f} kB); "
        f"its processor in the same time: {processor:.0%} of a core\n"
    )


@contextmanager
def published(kafka: KafkaSettings, topics: list[str], seconds: float, folder: Path) -> Iterator[None]:
    """Publish results while the context is entered."""
    file = folder / "topics"
    file.write_text("\n".join(topics))
    command = [sys.executable, "-m", "benchmarks.gateway.publisher", kafka.bootstrap_servers]
    with (folder / "publisher.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, str(RATE), str(seconds), str(file)], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def consumed(kafka: KafkaSettings, topics: list[str], seconds: float, folder: Path) -> list[float]:
    """Measure a consumer alone: what the broker and its client library cost."""
    consumer = topic_reader(kafka)
    latencies: list[float] = []
    began, total = time.time(), int(RATE * seconds)
    try:
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING) for topic in topics])
        with published(kafka, topics, seconds, folder):
            end = time.monotonic() + seconds + PATIENCE
            while len(latencies) < total and time.monotonic() < end:
                message = consumer.poll(0.1)
                sent = message and not message.error() and SENT.search(message.value() or b"")
                # The topics also contain the results of the run before.
                if sent and float(sent[1]) > began:
                    latencies.append(time.time() - float(sent[1]))
    finally:
        consumer.close()
    return latencies
