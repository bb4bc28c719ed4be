"""A change of the gateway's secret: no session ends, and no repeated request makes a job twice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from core.settings import KafkaSettings
from gateway.auth.tokens import TokenError, Tokens
from testkit.replicas import FREE, Replica, broker, documents, replica, session
from testkit.serving import served
from testkit.slow_action import SlowAction
from testkit.stack import wait_for
from tests.gateway.test_edge import GOOD, JOBS, PATIENCE

OLD, NEW = "the-old-secret-" + "o" * 30, "the-new-secret-" + "n" * 30


def test_a_token_of_the_previous_secret_is_read_and_renewed_with_the_new_one() -> None:
    session, token = Tokens(OLD, 60).new()
    with pytest.raises(TokenError) as refused:
        Tokens(NEW, 60).read(token)
    assert refused.value.reason == "forged"
    changed = Tokens(NEW, 60, previous=OLD)
    assert changed.read(token) == session
    assert changed.read(token).secret == OLD
    renewed, newer = changed.renew(changed.read(token))
    assert (renewed.client_id, renewed.topic) == (session.client_id, session.topic)
    # The previous secret is not needed any more.
    assert Tokens(NEW, 60).read(newer) == renewed
    assert OLD not in repr(changed.read(token))


def test_an_expired_token_of_the_previous_secret_has_expired() -> None:
    _, token = Tokens(OLD, -1).new()
    with pytest.raises(TokenError) as refused:
        Tokens(NEW, 60, previous=OLD).read(token)
    assert refused.value.reason == "expired"


@dataclass
class World:
    """Replicas that sign with the old and with the new secret, and the action that they invoke."""

    old: Replica
    new: Replica
    action: SlowAction


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("secrets")
    with ExitStack() as ends:
        action = ends.enter_context(served(SlowAction()))
        path = folder / "documents"
        settings = ends.enter_context(documents(path, {"_id": "noop", "functionBackendUrl": action.url}))
        kafka: KafkaSettings = ends.enter_context(broker(folder))

        def start(name: str, secret: str, previous: str) -> Replica:
            given = {"GATEWAY_SECRET": secret, "GATEWAY_PREVIOUS_SECRET": previous}
            return ends.enter_context(replica(folder, kafka, Path(path), name, **settings, **FREE, **given))

        yield World(start("old", OLD, NEW), start("new", NEW, OLD), action)


def submitted(gateway: Replica, token: str, key: str) -> str:
    """Submit a job with an idempotency key and return its path."""
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    answer = requests.post(f"{gateway.url}{JOBS}", data=GOOD, headers=headers, timeout=PATIENCE)
    assert answer.status_code == 202, answer.text
    return answer.headers["Location"]


def renewed(gateway: Replica, token: str) -> str:
    """Return a new token of the same session."""
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.post(f"{gateway.url}/api/v1/sessions", headers=headers, timeout=PATIENCE)
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["token"])


@pytest.mark.parametrize("first_is_old", [True, False])
def test_a_repeated_request_gives_the_same_job_at_every_replica(world: World, first_is_old: bool) -> None:
    first, other = (world.old, world.new) if first_is_old else (world.new, world.old)
    token, before = session(first), len(world.action.bodies)
    job = submitted(first, token, "key")
    assert submitted(other, token, "key") == job
    # And after the other secret has signed a new token.
    later = renewed(other, token)
    for gateway in (first, other):
        assert submitted(gateway, later, "key") == job
    assert len(world.action.bodies) == before + 1


def test_a_request_that_no_replica_has_finished_is_repeated_with_the_same_id(world: World) -> None:
    """The action then finds the job of the first attempt."""
    token = session(world.old)
    world.action.release.clear()
    before = len(world.action.bodies)
    with ThreadPoolExecutor(2) as pool:
        try:
            pool.submit(submitted, world.old, token, "lost")
            wait_for(lambda: len(world.action.bodies) == before + 1, PATIENCE)
            pool.submit(submitted, world.new, token, "lost")
            wait_for(lambda: len(world.action.bodies) == before + 2, PATIENCE)
        finally:
            world.action.release.set()
    bodies = world.action.bodies[before:]
    ids = [body.partition(b'"process_job_id":')[2].split(b'"')[1] for body in bodies]
    assert ids[0] == ids[1]
