"""Publishes results at a steady rate: `... publisher BOOTSTRAP RATE SECONDS FILE_OF_TOPICS`.

It is a separate process, so that it does not use the time of the clients that listen.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Mapping
from concurrent.futures import wait
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.kafka.publisher import Publisher
from core.protocol import JobResult, ResultEvent, Status, encode
from core.settings import KafkaSettings

#: Seconds between the first events and the results.
SETTLE = 3.0
#: First events sent at once: each is a new topic to the producer.
TOGETHER = 50


def first(topic: str, number: int) -> bytes:
    """Return the first event of a client's log. The producer learns the topic with it."""
    return encode(event(topic, f"first-{number}", "QUEUED", {}))


def result(topic: str, number: int) -> bytes:
    """Return a final event, as large as that of the emoticons, with the time at which it was sent."""
    final = event(topic, f"bench-{number}", "DONE", {"sent": time.time()})
    final.result = JobResult(counts={"meas": {f"{i:016b}": 512 for i in range(8)}}, shots=1024)
    final.answer = {"summary": ":) was seen 512 times, :( 512 times.", "shots": 1024}
    return encode(final)


def event(topic: str, name: str, status: Status, params: Mapping[str, Any]) -> ResultEvent:
    """Return an event of a client's log."""
    return ResultEvent(
        job_id=name,
        backend="aer_simulator",
        backend_type="simulator",
        function="noop",
        client_id="bench",
        process_job_id=name,
        topic=topic,
        submitted_at=datetime.now(UTC),
        params=dict(params),
        status=status,
    )


def main() -> None:
    """Publish one result after the other, to one topic after the other."""
    bootstrap, rate, seconds, topics = sys.argv[1:]
    publisher = Publisher(KafkaSettings(bootstrap))
    names = Path(topics).read_text().split()
    for start in range(0, len(names), TOGETHER):
        some = enumerate(names[start : start + TOGETHER], start)
        wait([publisher.send(topic, "first", first(topic, number)) for number, topic in some], 60)
    time.sleep(SETTLE)
    each = itertools.cycle(names)
    began, interval = time.perf_counter(), 1 / float(rate)
    for number in range(int(float(rate) * float(seconds))):
        due = began + number * interval
        time.sleep(max(0.0, due - time.perf_counter()))
        topic = next(each)
        publisher.send(topic, f"bench-{number}", result(topic, number))
    publisher.close(20)


if __name__ == "__main__":
    main()
