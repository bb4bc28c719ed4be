"""Rejected requests count towards the limits, and the gateway answers others in the meantime."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from testkit.adversarial import bodies, published
from testkit.replicas import FREE, Replica, broker, documents, replica, session

#: A client's requests for jobs, and an address's sessions and rejected requests, per minute.
JOBS, SESSIONS = 8, 25
#: Seconds for one answer; not a bound, but the end of a test whose gateway is silent.
PATIENCE = 120


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Replica, Replica]]:
    """One gateway without limits, and one with small ones that trusts a proxy's addresses."""
    folder = tmp_path_factory.mktemp("refused")
    path = folder / "documents"
    raw = [document.model_dump(by_alias=True) for document in published().values()]
    with ExitStack() as ends:
        settings = ends.enter_context(documents(path, *raw))
        kafka = ends.enter_context(broker(folder))
        few = {"GATEWAY_JOBS_PER_MINUTE": str(JOBS), "GATEWAY_SESSIONS_PER_MINUTE": str(SESSIONS)}
        yield (
            ends.enter_context(replica(folder, kafka, path, "free", **FREE, **settings)),
            ends.enter_context(
                replica(folder, kafka, path, "strict", **few, GATEWAY_PROXIES="1", **settings)
            ),
        )


def ask(
    gateway: Replica, address: str, method: str, path: str, token: str | None = None, **more: Any
) -> requests.Response:
    headers = {"X-Forwarded-For": address} | ({"Authorization": f"Bearer {token}"} if token else {})
    return requests.request(method, f"{gateway.url}/api/v1{path}", headers=headers, timeout=PATIENCE, **more)


def opened(gateway: Replica, address: str) -> str:
    answer = ask(gateway, address, "POST", "/sessions")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


JOB = "/functions/deutsch_jozsa/jobs"
#: Each rejected request for a job, and its error.
REFUSED: dict[str, tuple[str, dict[str, Any], int]] = {
    "wrong input": (JOB, {"json": {"kind": "balanced", "mask": "x"}}, 422),
    "no JSON": (JOB, {"data": b"{"}, 400),
    "too many values": (JOB, {"json": {"a": [0] * 20_000}}, 422),
    "an unknown function": ("/functions/nothing/jobs", {"json": {}}, 404),
    "a wrong wait": (JOB + "?wait=soon", {"json": {}}, 422),
    "too large": (JOB, {"data": b" " * 1_500_000}, 413),
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(REFUSED)))
def test_refused_requests_count_in_the_clients_limit(
    gateways: tuple[Replica, Replica], number: int, name: str
) -> None:
    strict, address = gateways[1], f"10.0.0.{number}"
    path, request, status = REFUSED[name]
    token, other = opened(strict, address), opened(strict, address)
    answers = [ask(strict, address, "POST", path, token, **request) for _ in range(JOBS + 5)]
    # On a slow machine some of it has been refilled in the meantime.
    assert [answer.status_code for answer in answers[:JOBS]] == [status] * JOBS
    assert {answer.status_code for answer in answers[JOBS:]} <= {status, 429}
    [detail] = {answer.json()["detail"].partition(".")[0] for answer in answers if answer.status_code == 429}
    assert detail == f"Over {JOBS} jobs a minute"
    # Its own results can still be read, and another client at that address is not affected.
    assert ask(strict, address, "GET", "/jobs", token).status_code == 200
    assert ask(strict, address, "POST", path, other, **request).status_code == status


def test_refused_requests_count_in_the_limit_of_the_address(gateways: tuple[Replica, Replica]) -> None:
    strict = gateways[1]
    wrong = [ask(strict, "10.0.1.1", "GET", "/jobs", "wrong") for _ in range(SESSIONS + 10)]
    assert [answer.status_code for answer in wrong[:SESSIONS]] == [401] * SESSIONS
    assert 429 in {answer.status_code for answer in wrong}
    assert int(next(a for a in wrong if a.status_code == 429).headers["Retry-After"]) >= 1
    # Rejected bodies count there too: they use up the sessions.
    tokens = [opened(strict, "10.0.1.2") for _ in range(4)]
    for token in tokens:
        for _ in range(JOBS - 1):
            ask(strict, "10.0.1.2", "POST", JOB, token, data=b"{")
    stopped = [ask(strict, "10.0.1.2", "POST", "/sessions").status_code for _ in range(10)]
    assert 429 in stopped
    # A client with a valid token is limited only by its own limit; other addresses are not limited.
    assert ask(strict, "10.0.1.2", "GET", "/jobs", tokens[0]).status_code == 200
    assert opened(strict, "10.0.1.3")


def test_a_gateway_that_refuses_large_bodies_answers_others(gateways: tuple[Replica, Replica]) -> None:
    free = gateways[0]
    token = session(free)
    hostile = [(JOB, json.dumps({"kind": "balanced", "mask": "1" * 50_000 + "x"}).encode())]
    names = ("matches", "different objects", "names", "lists of lists", "unknown names")
    for function in ("deutsch_jozsa", "grover", "quantum_kernel"):
        for name, bait in bodies(published()[function]):
            if name.partition(": ")[2].startswith(names) or name in names:
                hostile.append((f"/functions/{function}/jobs", bait(150_000)))
    assert len(hostile) > 50

    def refused(request: tuple[str, bytes]) -> int:
        return ask(free, "10.0.2.1", "POST", request[0], token, data=request[1]).status_code

    with ThreadPoolExecutor(4) as pool:
        answers, healthy = [], 0
        for request in hostile:
            answers.append(pool.submit(refused, request))
            healthy += requests.get(f"{free.url}/healthz", timeout=PATIENCE).status_code == 200
    assert {answer.result() for answer in answers} == {422}
    assert healthy == len(hostile)
    assert "WORKER TIMEOUT" not in free.log.read_text()


def test_a_stranger_at_its_address_does_not_prevent_a_clients_renewal(
    gateways: tuple[Replica, Replica],
) -> None:
    strict, address = gateways[1], "10.0.3.1"
    token = opened(strict, address)
    for _ in range(SESSIONS + 5):
        ask(strict, address, "GET", "/jobs", "wrong")
    assert 429 in {ask(strict, address, "POST", "/sessions").status_code for _ in range(5)}
    # Its own limit still applies.
    renewed = [ask(strict, address, "POST", "/sessions", token).status_code for _ in range(SESSIONS + 10)]
    assert renewed[:SESSIONS] == [200] * SESSIONS
    assert 429 in renewed


@pytest.mark.parametrize("form", ["2001:db8:0:{n}::{k}", "[2001:db8:1:{n}::{k}]:4{k}", "10.9.{n}.1:4{k}"])
def test_a_caller_with_many_addresses_or_ports_has_one_limit(
    gateways: tuple[Replica, Replica], form: str
) -> None:
    strict = gateways[1]
    statuses = [
        ask(strict, form.format(n=1, k=number), "GET", "/jobs", "wrong").status_code
        for number in range(SESSIONS + 10)
    ]
    assert statuses[:SESSIONS] == [401] * SESSIONS
    assert 429 in statuses
    assert ask(strict, form.format(n=2, k=1), "GET", "/jobs", "wrong").status_code == 401
