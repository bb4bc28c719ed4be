"""Dead letters on a real broker: listed without secrets, replayed once, dropped."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

import core.kafka.dead_letters
from core.kafka.admin import Topics
from core.kafka.consumers import consumer_config
from core.kafka.dead_letters import TRANSACTIONS
from core.kafka.publisher import Publisher
from core.kafka.topics import DEAD, JOBS, shared
from core.settings import KafkaSettings
from poller.job_consumer import JobConsumer
from testkit.stack import ROOT, wait_for
from tests.core.samples import TOPIC, wire
from tools import dead_letters

#: Seconds in which a broker must answer, on a busy machine.
PATIENCE = 60.0
NEWER = wire(v=2, process_job_id="process-7")
CALLBACK = "https://app.example.org/hook?key=s3cret"


@pytest.fixture(scope="module")
def kafka(kafka: KafkaSettings) -> KafkaSettings:
    """Return the module's own broker, with the shared topics."""
    wait_for(Topics(kafka).reachable, PATIENCE)
    Topics(kafka).ensure(shared(1))
    return kafka


@pytest.fixture
def publisher(kafka: KafkaSettings) -> Iterator[Publisher]:
    made = Publisher(kafka)
    yield made
    made.close()


@pytest.fixture
def letters(publisher: Publisher, kafka: KafkaSettings) -> Callable[..., int]:
    """Publishes a dead letter and returns its number."""

    def put(value: bytes, key: str = "process-1", **headers: bytes) -> int:
        given = {"reason": b"v: Input should be 1", "topic": JOBS.encode()} | headers
        publisher.publish(DEAD, key, value, given)
        return end(kafka, DEAD) - 1

    return put


def reader(kafka: KafkaSettings) -> Consumer:
    return Consumer(consumer_config(kafka) | {"group.id": "unused", "enable.partition.eof": True})


def end(kafka: KafkaSettings, topic: str) -> int:
    """Return the offset behind the last message of a topic."""
    consumer = reader(kafka)

    def offset() -> tuple[int] | None:
        # A topic that was created a moment ago has no leader yet.
        with suppress(KafkaException):
            return (int(consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=PATIENCE)[1]),)
        return None

    try:
        return (wait_for(offset, PATIENCE) or (0,))[0]
    finally:
        consumer.close()


def published(kafka: KafkaSettings, start: int) -> list[tuple[bytes | None, bytes | None]]:
    """Return key and value of each message of `jobs` from an offset on, as a poller reads them."""
    consumer, deadline = reader(kafka), time.monotonic() + PATIENCE
    found: list[tuple[bytes | None, bytes | None]] = []
    try:
        consumer.assign([TopicPartition(JOBS, 0, start)])
        while time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is None:
                continue
            if message.error():
                return found
            found.append((message.key(), message.value()))
        raise AssertionError("the topic did not end")
    finally:
        consumer.close()


def replayed(kafka: KafkaSettings, start: int, count: int) -> list[tuple[bytes | None, bytes | None]]:
    """As `published`, once there are `count` messages: a commit is acknowledged before readers see it."""
    wait_for(lambda: len(published(kafka, start)) >= count, PATIENCE)
    return published(kafka, start)


def run(kafka: KafkaSettings, *arguments: str) -> int:
    return dead_letters.main(arguments, {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers})


def lines(out: str, number: int | str) -> list[str]:
    """Return the lines of a list about one letter."""
    return [line for line in out.splitlines() if line.startswith(f"{number:>7}  ")]


def test_a_letter_is_replayed_once(
    kafka: KafkaSettings, letters: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    event, start = wire(process_job_id="process-1"), end(kafka, JOBS)
    number = str(letters(event))
    assert run(kafka, "replay", number) == 0
    assert f"{number}: would be replayed to jobs" in capsys.readouterr().out
    assert published(kafka, start) == []
    for said in ("replayed to jobs", "replayed 20"):
        assert run(kafka, "replay", number, number, "--yes") == 0
        assert f"{number}: {said}" in capsys.readouterr().out
        assert replayed(kafka, start, 1) == [(b"process-1", event)]
    run(kafka, "drop", number, "--yes")
    run(kafka, "list", "--all")
    (line,) = lines(capsys.readouterr().out, number)
    assert " replayed 20" in line, "a letter that was replayed is not dropped afterwards"
    run(kafka, "list")
    assert lines(capsys.readouterr().out, number) == []


def test_what_no_poller_would_read_stays(
    kafka: KafkaSettings, letters: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    start = end(kafka, JOBS)
    newer, foreign = letters(NEWER), letters(wire(), topic=b"results." + b"a" * 24)
    lost = end(kafka, DEAD)
    assert run(kafka, "replay", str(newer), str(foreign), "--yes") == 1
    error = capsys.readouterr().err
    assert f"{newer}: not replayed: this version cannot read it either: Not a JobEvent: v:" in error
    assert f"{foreign}: not replayed: it does not name the topic" in error
    assert run(kafka, "show", str(lost + 1_000)) == run(kafka, "replay", str(lost), "--yes") == 1
    assert capsys.readouterr().err.count("There is no dead letter") == 2
    assert published(kafka, start) == []
    assert run(kafka, "drop", str(newer), str(foreign), "--yes") == 0
    assert capsys.readouterr().out == f"{newer}: dropped\n{foreign}: dropped\n"
    run(kafka, "list")
    assert "Input should be 1" not in capsys.readouterr().out
    assert published(kafka, start) == []


def test_all_that_can_be_replayed_is(
    kafka: KafkaSettings, letters: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    run(kafka, "drop", "all", "--yes")
    start = end(kafka, JOBS)
    numbers = [letters(wire(process_job_id=f"p{index}"), f"p{index}") for index in range(3)]
    newer = letters(NEWER)
    assert run(kafka, "replay", "all", "--yes") == 1
    assert [key for key, _ in replayed(kafka, start, 3)] == [b"p0", b"p1", b"p2"]
    run(kafka, "list")
    out = capsys.readouterr().out
    assert len(lines(out, newer)) == 1
    assert not [number for number in numbers if lines(out, number)]


def test_a_letter_is_replayed_once_however_many_came_later(
    kafka: KafkaSettings,
    letters: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(core.kafka.dead_letters, "MAX_LETTERS", 3)
    monkeypatch.setattr(dead_letters, "MAX_LETTERS", 3)
    run(kafka, "drop", "all", "--yes")
    run(kafka, "drop", "all", "--yes")
    start = end(kafka, JOBS)
    numbers = [letters(wire(process_job_id=f"p{index}"), f"p{index}") for index in range(5)]
    for said in ("replayed to jobs", "replayed 20"):
        assert run(kafka, "replay", str(numbers[0]), "--yes") == 0
        assert f"{numbers[0]}: {said}" in capsys.readouterr().out
    run(kafka, "show", str(numbers[0]))
    assert re.search(r"^state +replayed 20", capsys.readouterr().out, re.M)
    run(kafka, "list")
    assert "3 or more waiting" in capsys.readouterr().out
    # The newest first; repeated, the command reaches all others.
    for _ in range(3):
        assert run(kafka, "replay", "all", "--yes") == 0
    assert "There may be older ones" in capsys.readouterr().out
    keys = sorted(key or b"" for key, _ in replayed(kafka, start, 5))
    assert keys == [b"p0", b"p1", b"p2", b"p3", b"p4"]


def test_nothing_secret_or_endless_is_printed(
    kafka: KafkaSettings, letters: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    secret = {"params": {"token": "s3cret-input"}, "state": {"x": "s3cret-state"}, "callback_url": CALLBACK}
    content = json.loads(wire(v=2)) | secret | {"another": "s3cret-field"}
    hostile = {f"\x1b[2J{index}": "s3cret" for index in range(500)}
    values = [json.dumps(content).encode(), json.dumps(hostile).encode(), b"\xff s3cret", b"[" * 100_000, b""]
    numbers = [
        letters(value, "\x1b]0;" + "k" * 900, reason=f"{TOPIC} \n\x1b[31m".encode() + b"r" * 3_000)
        for value in values
    ]
    run(kafka, "list", "--all", "--limit", "10000")
    listed = capsys.readouterr().out
    assert len(listed.splitlines()) <= 1 + end(kafka, DEAD)
    for number in numbers:
        assert run(kafka, "show", str(number)) == 0
        shown = capsys.readouterr().out
        assert len(shown.splitlines()) < 80
        listed += shown
    assert "s3cret" not in listed
    assert TOPIC not in listed
    assert "results.(a client's)" in listed
    assert not [letter for letter in listed if not letter.isprintable() and letter != "\n"]
    assert max(map(len, listed.splitlines())) < 500
    assert "  job_id: d1abc" in listed
    run(kafka, "list", "--limit", "1")
    assert "older ones are not shown" in capsys.readouterr().out


def test_a_nested_letter_is_shown_whatever_its_depth() -> None:
    # The parser may accept a few levels more than the encoder that measures a field.
    for depth in range(1, sys.getrecursionlimit()):
        assert len(dead_letters._content(b'{"x":' + b"[" * depth + b"]" * depth + b"}")) == 1


def test_a_letter_of_a_poller_is_listed_with_its_reason(
    kafka: KafkaSettings, publisher: Publisher, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[Callable[[], None]] = []
    start = end(kafka, DEAD)
    publisher.publish(JOBS, "process-7", NEWER)
    consumer = JobConsumer(kafka, publisher, calls.append, lambda _: None)
    try:

        def arrived() -> bool:
            consumer.poll(0.2)
            while calls:
                calls.pop()()
            return end(kafka, DEAD) > start

        wait_for(arrived, PATIENCE)
        consumer.commit()
    finally:
        consumer.close()
    run(kafka, "list")
    (line,) = lines(capsys.readouterr().out, start)
    assert "  jobs  " in line
    assert "process-7" in line
    assert "waiting  Not a JobEvent: v: Input should be 1" in line


def test_a_wrong_setting_or_command_is_named() -> None:
    command = [sys.executable, "-m", "tools.dead_letters", "list"]
    env = {"PATH": "/usr/bin", "KAFKA_BOOTSTRAP_SERVERS": ""}
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "KAFKA_BOOTSTRAP_SERVERS is not set" in ended.stderr
    for server, reason in (("127.0.0.1:1", "Connection refused"), ("[::1]:x", "ValueError")):
        env["KAFKA_BOOTSTRAP_SERVERS"] = server
        ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr == f"No broker of KAFKA_BOOTSTRAP_SERVERS can be reached: {server}: {reason}.\n"
    for wrong in (["replay"], ["replay", "x"], ["show", "-1"], ["list", "--limit", "0"], []):
        with pytest.raises(SystemExit) as caught:
            dead_letters.main(wrong, {})
        assert caught.value.code == 2


@pytest.mark.kafka
@pytest.mark.parametrize("kafka", ["kafka"], indirect=True)
def test_a_replay_that_was_cut_off_is_not_seen_and_can_be_repeated(
    kafka: KafkaSettings, letters: Callable[..., int]
) -> None:
    event, start = wire(process_job_id="cut"), end(kafka, JOBS)
    number = str(letters(event, "cut"))
    cut_off = Producer(kafka.client() | {"transactional.id": TRANSACTIONS})
    cut_off.init_transactions(PATIENCE)
    cut_off.begin_transaction()
    cut_off.produce(JOBS, event, b"cut", 0)
    assert cut_off.flush(PATIENCE) == 0
    # The record is missing: the process ends here.
    assert run(kafka, "replay", number, "--yes") == 0
    assert replayed(kafka, start, 1) == [(b"cut", event)]


@pytest.mark.kafka
@pytest.mark.parametrize("kafka", ["kafka"], indirect=True)
def test_operators_who_replay_at_the_same_time_replay_once(
    kafka: KafkaSettings, letters: Callable[..., int]
) -> None:
    start = end(kafka, JOBS)
    numbers = [str(letters(wire(process_job_id=f"p{index}"), f"p{index}")) for index in range(5)]
    command = [sys.executable, "-m", "tools.dead_letters", "replay", *numbers, "--yes"]
    env = {"PATH": "/usr/bin", "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers}
    running = [
        subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(4)
    ]
    for process in running:
        assert process.wait(2 * PATIENCE) in (0, 1)
    assert run(kafka, "replay", *numbers, "--yes") == 0
    assert sorted(key or b"" for key, _ in replayed(kafka, start, 5)) == [b"p0", b"p1", b"p2", b"p3", b"p4"]
