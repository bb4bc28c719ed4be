"""Replicas of which one is killed, 200 clients, 2,000 jobs: each client gets its own, completely and once."""

from __future__ import annotations

import json
import os
import random
import secrets
import selectors
import signal
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from core.kafka.publisher import Publisher
from core.kafka.topics import new_results_topic
from core.protocol import FINAL, encode
from core.settings import KafkaSettings
from testkit.replicas import (
    FREE,
    SECRET,
    Replica,
    broker,
    documents,
    replica,
    session,
    session_with_topic,
    topic_of,
)
from testkit.stack import descendants
from testkit.websocket import WebSocket, handshake
from tests.core.samples import result_event

CLIENTS, JOBS = 200, 2_000
#: Seconds in which everything must arrive, on a machine that is busy with others.
PATIENCE = 200.0
#: Events that may wait for their acknowledgement.
UNACKNOWLEDGED = 100
#: Clients that move to another replica at a time.
MOVING = 16
#: Events after which a client moves to another replica.
MOVES = (3, 15)
#: The local broker needs time for every topic of a fetch, and here three replicas fetch two hundred each.
SETTINGS = FREE | {"KAFKA_FETCH_WAIT_MAX_MS": "50"}


@dataclass
class World:
    """Two replicas on one broker, and a function that starts another."""

    kafka: KafkaSettings
    replicas: list[Replica]
    start: Callable[[str], AbstractContextManager[Replica]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("replicas")
    path = folder / "documents"
    document = {"_id": "smile", "functionBackendUrl": "http://127.0.0.1:9/never-called"}
    with ExitStack() as ends:
        settings = SETTINGS | ends.enter_context(documents(path, document))
        kafka = ends.enter_context(broker(folder))

        def start(name: str) -> AbstractContextManager[Replica]:
            return replica(folder, kafka, path, name, **settings)

        yield World(kafka, [ends.enter_context(start(name)) for name in ("one", "other")], start)


@pytest.fixture
def publisher(world: World) -> Iterator[Publisher]:
    made = Publisher(world.kafka)
    yield made
    made.close()


def history(chance: random.Random) -> list[str]:
    """Return one job's events as they may arrive: with gaps, the end twice, and events after the end."""
    steps = ["QUEUED"] + ["RUNNING"] * chance.randrange(3) + [chance.choice(["DONE", "DONE", "ERROR"])]
    if chance.random() < 0.3:
        steps.append(chance.choice(sorted(FINAL)))
    if chance.random() < 0.2:
        steps.append(chance.choice(["QUEUED", "RUNNING"]))
    return steps


@dataclass
class Wanderer:
    """A client that listens, leaves after some events, and resumes at another replica after the last one."""

    token: str
    chance: random.Random
    jobs: list[str] = field(default_factory=list)
    frames: list[dict[str, Any]] = field(default_factory=list)
    connections: int = 0
    left: int = 0
    #: Final events that have arrived.
    ended: int = 0
    #: Replicas that did not answer, and connections that the replica ended.
    refused: int = 0
    lost: int = 0
    socket: WebSocket | None = None

    @property
    def topic(self) -> str:
        return topic_of(self.token)

    def connect(self, replicas: list[Replica]) -> WebSocket:
        """Connect to another replica than before, or to the next if that one is dead."""
        self.close()
        last = self.frames[-1]["id"] if self.frames else None
        self.left = self.chance.randint(*MOVES)
        for _ in replicas:
            self.connections += 1
            port = replicas[(self.connections + hash(self.token)) % len(replicas)].port
            try:
                self.socket = WebSocket(port, self.token, last)
            except PermissionError as error:
                if str(error):
                    raise  # an answer, and not the silence of a replica that died in between
                self.refused += 1
            except ConnectionError:
                self.refused += 1
            else:
                return self.socket
        raise AssertionError("no replica takes it")

    def take(self) -> bool:
        """Keep events; return whether it is time to move. Other data in the socket is lost with it."""
        assert self.socket is not None
        try:
            texts = self.socket.texts()
        except ConnectionError:
            self.lost += 1
            return True
        for text in texts:
            self.frames.append(json.loads(text))
            self.ended += self.frames[-1]["event"]["status"] in FINAL
            self.left -= 1
            if self.left <= 0:
                return True
        return False

    def close(self) -> None:
        """Close the connection."""
        if self.socket is not None:
            self.socket.close()

    def finals(self) -> list[str]:
        return [f["event"]["process_job_id"] for f in self.frames if f["event"]["status"] in FINAL]


def publish(publisher: Publisher, wanderers: list[Wanderer], chance: random.Random) -> int:
    """Publish all jobs' events, those of different jobs mixed; return how many."""
    todo = [(wanderer, job, history(chance)) for wanderer in wanderers for job in wanderer.jobs]
    sent: list[Future[None]] = []
    while todo:
        place = chance.randrange(len(todo))
        wanderer, job, steps = todo[place]
        event = result_event(
            status=steps.pop(0), process_job_id=job, client_id=wanderer.token[-12:], topic=wanderer.topic
        )
        sent.append(publisher.send(wanderer.topic, job, encode(event)))
        if not steps:
            todo[place] = todo[-1]
            todo.pop()
        if len(sent) > UNACKNOWLEDGED:
            # No faster than the broker, which also has to answer the replicas' fetches.
            sent[-UNACKNOWLEDGED].result(30)
    for future in sent:
        future.result(30)
    return len(sent)


def kill(replica: Replica) -> None:
    """Kill all its processes."""
    for pid in (replica.pid, *descendants(replica.pid)):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.timeout(PATIENCE + 120)
def test_each_client_gets_its_own_once_though_one_of_three_replicas_is_killed(
    world: World, publisher: Publisher
) -> None:
    chance = random.Random(6)
    with ThreadPoolExecutor(8) as pool:
        tokens = list(
            pool.map(lambda index: session_with_topic(world.replicas[index % 2], world.kafka), range(CLIENTS))
        )
    wanderers = [Wanderer(token, random.Random(index)) for index, token in enumerate(tokens)]
    for number in range(JOBS):
        wanderers[number % CLIENTS].jobs.append(secrets.token_urlsafe(12))
    selector = selectors.DefaultSelector()
    # A replica that has not had a client before reads its topic first: clients move concurrently.
    moving: dict[Future[WebSocket], Wanderer] = {}
    with ThreadPoolExecutor(1) as pool, ThreadPoolExecutor(MOVING) as movers, ExitStack() as ends:

        def move(wanderer: Wanderer) -> None:
            moving[movers.submit(wanderer.connect, replicas)] = wanderer

        def arrive(patience: float) -> None:
            for done in wait(moving, patience, FIRST_COMPLETED).done:
                selector.register(done.result().sock, selectors.EVENT_READ, moving.pop(done))

        victim = ends.enter_context(world.start("victim"))
        replicas = [*world.replicas, victim]
        for wanderer in wanderers:
            ends.callback(wanderer.close)
        for wanderer in wanderers:
            move(wanderer)
        while moving:
            arrive(PATIENCE)
        publishing = pool.submit(publish, publisher, wanderers, chance)
        waiting = set(range(CLIENTS))
        killed = False
        end = time.monotonic() + PATIENCE
        while waiting and time.monotonic() < end:
            for key, _ in selector.select(0.02 if moving else 1):
                if key.data.take():
                    selector.unregister(key.fileobj)
                    move(key.data)
            arrive(0)
            if not killed and sum(wanderer.ended for wanderer in wanderers) > JOBS / 4:
                kill(victim)
                killed = True
            waiting = {i for i in waiting if wanderers[i].ended < len(wanderers[i].jobs)}
        assert publishing.result(60) > 2 * JOBS
        while moving:
            arrive(PATIENCE)
        # Time for events that should not arrive.
        settle = time.monotonic() + 1
        while (left := settle - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                key.data.take()
        selector.close()
    for wanderer in wanderers:
        assert sorted(wanderer.finals()) == sorted(wanderer.jobs), "each of its jobs ended once, and no other"
        assert {f["event"]["client_id"] for f in wanderer.frames} == {wanderer.token[-12:]}
        assert {f["event"]["process_job_id"] for f in wanderer.frames} == set(wanderer.jobs)
        ids = [frame["id"] for frame in wanderer.frames]
        assert ids == sorted(set(ids)), "out of order, or twice"
    assert sum(wanderer.connections for wanderer in wanderers) > 2 * CLIENTS
    assert killed
    assert sum(wanderer.lost for wanderer in wanderers) > 0, "no client was connected to the killed replica"
    assert sum(wanderer.refused for wanderer in wanderers) > 0, "no client tried the killed replica"


def wrong_tokens(good: str) -> dict[str, tuple[str, str]]:
    """Return what may be tried instead of a valid token, and its name in the metrics."""
    claims = jwt.decode(good, SECRET, ["HS256"])
    # Older than the broker's data.
    other = new_results_topic(time.time() - 86_400)
    header, _, signature = good.split(".")
    guessed = jwt.encode(claims | {"topic": other}, "another-secret-of-32-characters-and-more")
    return {
        "garbage": ("x.y.z", "forged"),
        "long": ("x" * 3000, "forged"),
        "another secret": (jwt.encode(claims, "another-secret-of-32-characters-and-more"), "forged"),
        "no signature": (jwt.encode(claims, "", "none"), "forged"),
        "cut": (good[:-5], "forged"),
        "another client's signature": (f"{header}.{guessed.split('.')[1]}.{signature}", "forged"),
        "a guessed topic": (guessed, "forged"),
        "a topic that is not": (jwt.encode(claims | {"topic": other}, SECRET), "gone"),
        "expired": (jwt.encode(claims | {"exp": int(time.time()) - 1}, SECRET), "expired"),
    }


def test_wrong_tokens_are_refused_counted_and_get_no_information(world: World) -> None:
    first, other = world.replicas
    good = session(first)
    before = {reason: other.counted(_refused(reason)) for reason in ("missing", "forged", "expired", "gone")}
    texts = set()
    expected = dict.fromkeys(before, 0)
    for token, reason in wrong_tokens(good).values():
        answer = requests.get(
            f"{other.url}/api/v1/jobs", headers={"Authorization": f"Bearer {token}"}, timeout=60
        )
        assert answer.status_code == 401
        with pytest.raises(PermissionError) as refused:
            WebSocket(other.port, token)
        assert str(refused.value).startswith("HTTP/1.1 401")
        expected[reason] += 2
        if reason != "gone":
            texts.add(answer.text)
        for secret in (SECRET, good, topic_of(good), "Traceback"):
            assert secret not in answer.text + str(refused.value)
    assert requests.get(f"{other.url}/api/v1/jobs", timeout=20).text in texts
    expected["missing"] += 1
    assert len(texts) == 1, "the answers differ"
    for reason, count in expected.items():
        assert other.counted(_refused(reason)) - before[reason] == count, reason


def _refused(reason: str) -> str:
    return f'qwhisk_gateway_refused_total{{reason="{reason}"}}'


def test_another_clients_job_and_topic_are_indistinguishable_from_missing_ones(
    world: World, publisher: Publisher
) -> None:
    first, other = world.replicas
    mine, theirs = session(first), session_with_topic(first, world.kafka)
    topic = topic_of(theirs)
    job = secrets.token_urlsafe(12)
    publisher.publish(topic, job, encode(result_event(status="DONE", process_job_id=job, topic=topic)))
    headers = {"Authorization": f"Bearer {theirs}"}
    assert requests.get(f"{other.url}/api/v1/jobs/{job}", headers=headers, timeout=60).status_code == 200
    foreign = {"Authorization": f"Bearer {mine}"}
    routes = {404: '{method="GET",route="/api/v1/jobs/<process_job_id>",status="404"}'}
    routes[422] = '{method="POST",route="/api/v1/functions/<function>/jobs",status="422"}'
    before = {
        status: other.counted(f"qwhisk_gateway_requests_total{route}") for status, route in routes.items()
    }
    spent: dict[str, list[float]] = {job: [], secrets.token_urlsafe(12): []}
    answers = set()
    requests.get(f"{other.url}/api/v1/jobs", headers=foreign, timeout=60)
    for _ in range(7):
        for name, times in spent.items():
            began = time.perf_counter()
            answer = requests.get(f"{other.url}/api/v1/jobs/{name}", headers=foreign, timeout=60)
            times.append(time.perf_counter() - began)
            assert answer.status_code == 404
            answers.add(answer.text)
    assert len(answers) == 1
    foreign_time, missing_time = (statistics.median(times) for times in spent.values())
    # Both wait equally long for a job that may be on its way: half a second.
    assert abs(foreign_time - missing_time) < 0.15
    # A caller cannot name a topic at all.
    tried = requests.post(
        f"{other.url}/api/v1/functions/smile/jobs", json={"topic": topic}, headers=foreign, timeout=60
    )
    assert tried.status_code == 422
    assert "reserved" in tried.json()["detail"]
    counted = {
        status: other.counted(f"qwhisk_gateway_requests_total{route}") for status, route in routes.items()
    }
    assert {status: counted[status] - before[status] for status in routes} == {404: 14, 422: 1}


def test_200_malformed_frames_and_tokens_do_no_harm(world: World, publisher: Publisher) -> None:
    gateway = world.replicas[0]
    chance = random.Random(7)
    good = session_with_topic(gateway, world.kafka)
    for number in range(100):
        size = chance.choice([0, 1, 20, 200, 1500])
        token = bytes(chance.choice(b"abc.%-_=&;/\\\"'{}\x7f\x80\xff\xc3") for _ in range(size))
        with socket.create_connection(("127.0.0.1", gateway.port), 20) as sock:
            head, _, rest = handshake(gateway.port, "token=TOKEN").partition(b"TOKEN")
            sock.sendall(head + token + rest)
            answer = sock.recv(65_536)
            assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 401")), (number, token, answer[:200])
    for number in range(100):
        listener = WebSocket(gateway.port, good)
        size = chance.choice([1, 2, 6, 14, 200, 5_000, 70_000])
        listener.sock.settimeout(20)
        data = chance.randbytes(size)
        if number % 3 == 0:
            # A frame that announces more than it sends, masked and not.
            data = chance.choice([b"\x81\xff", b"\x82\x7f", b"\xf1\xfe"]) + b"\xff" * 8 + data
        with suppress(ConnectionResetError, BrokenPipeError):
            listener.sock.sendall(data)
        listener.close()
    listener = WebSocket(gateway.port, good)
    topic = topic_of(good)
    publisher.publish(topic, "j", encode(result_event(status="DONE", process_job_id="j", topic=topic)))
    listener.sock.settimeout(20)
    texts: list[bytes] = []
    while not texts:
        texts = listener.texts()
    listener.close()
    assert json.loads(texts[0])["event"]["process_job_id"] == "j"
    os.kill(gateway.pid, 0)
    assert requests.get(f"{gateway.url}/healthz", timeout=20).status_code == 200
    assert (
        gateway.counted('qwhisk_gateway_requests_total{method="GET",route="/api/v1/events",status="500"}')
        == 0
    )
    for survivor in world.replicas:
        log = Path(survivor.log).read_text()
        assert "Traceback" not in log
        assert good not in log
        assert topic not in log
