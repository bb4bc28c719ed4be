"""Each client receives its own events and no others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

import pytest
import requests

from testkit.listener import Listener
from testkit.stack import Client, Stack, wait_for


def has_finals(listener: Listener, count: int) -> bool:
    """Return whether this many final events have arrived."""
    return len(listener.finals()) >= count


def test_two_clients_at_once_see_only_their_own(stack: Stack) -> None:
    clients = [stack.client(), stack.client()]
    with closing(Listener(clients[0])) as first, closing(Listener(clients[1])) as second:
        listeners = [first, second]
        with ThreadPoolExecutor(4) as pool:
            jobs = [(index, pool.submit(clients[index].smile, shots=64 + index)) for index in [0, 1] * 10]
            ids: list[set[str]] = [set(), set()]
            for index, job in jobs:
                event = job.result(120)
                assert event["client_id"] == clients[index].id
                ids[index].add(event["process_job_id"])
        for index, listener in enumerate(listeners):
            wait_for(partial(has_finals, listener, 10))
            assert set(listener.finals()) == ids[index]
            assert len(listener.finals()) == 10, "each exactly once"
            assert {event["client_id"] for event in listener.events()} == {clients[index].id}
            assert {event["params"]["shots"] for event in listener.events()} == {64 + index}
            listed = {job["process_job_id"] for job in clients[index].get("/jobs").json()["jobs"]}
            assert listed == ids[index]


def test_another_clients_job_is_not_found(stack: Stack) -> None:
    mine, other = stack.client(), stack.client()
    job = mine.smile()["process_job_id"]
    unknown = other.get("/jobs/does-not-exist")
    for answer in (other.get(f"/jobs/{job}"), other.http.delete(f"{stack.api}/jobs/{job}", timeout=20)):
        assert answer.status_code == 404
        assert answer.json() == unknown.json(), "the answer must not disclose whether it exists"
    assert mine.get(f"/jobs/{job}").json()["status"] == "DONE"


def test_websocket_resumes_without_loss_or_repetition(client: Client) -> None:
    with closing(Listener(client)) as listener:
        first = client.smile()["process_job_id"]
        wait_for(lambda: first in listener.finals())
        last = listener.frames[-1]["id"]
    missed = [client.smile()["process_job_id"] for _ in range(3)]
    with closing(Listener(client, after=last)) as listener:
        wait_for(partial(has_finals, listener, 3))
        assert listener.finals() == missed
        assert all(frame["id"] > last for frame in listener.frames)
    with closing(Listener(client)) as listener:
        wait_for(partial(has_finals, listener, 4))
        assert listener.finals() == [first, *missed]


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "x" * 3000])
def test_websocket_with_a_wrong_token_is_refused(stack: Stack, token: str) -> None:
    handshake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
    }
    answer = requests.get(f"{stack.api}/events", params={"token": token}, headers=handshake, timeout=20)
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthorized"


def test_messages_of_a_websocket_client_are_ignored(client: Client) -> None:
    with closing(Listener(client)) as listener:
        for nonsense in ("{}", "x" * 1000, b"\x00\xff"):
            listener.socket.send(nonsense)
        job = client.smile()["process_job_id"]
        wait_for(lambda: job in listener.finals())
    with closing(Listener(client)) as listener:
        listener.socket.send("x" * 100_000)  # over the limit: this connection may end, but not the gateway
    assert requests.get(f"{client.stack.gateway}/healthz", timeout=20).status_code == 200
