"""A client's receiver gets its result, on the whole stack, although the gateway is killed in between."""

from __future__ import annotations

import os
import signal
import sys

import pytest
import requests

from testkit.processes import module_pid
from testkit.receiver import Delivery, receiver
from testkit.stack import Client, Stack, alive, descendants, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")


@pytest.fixture
def private_stack(stack: Stack) -> Stack:
    """The stack of these files, which may be harmed and may call receivers on this machine."""
    return stack


def submit(client: Client, url: str, key: str = "") -> requests.Response:
    return client.http.post(
        f"{client.stack.api}/functions/smile_super_position/jobs",
        json={"emoticon_1": ":)", "emoticon_2": ":("},
        headers={"Callback-Url": url} | ({"Idempotency-Key": key} if key else {}),
        timeout=60,
    )


def kill(pid: int) -> None:
    """Kill a process and all its descendants."""
    below = [pid, *descendants(pid)]
    for killed in below:
        os.kill(killed, signal.SIGKILL)
    wait_for(lambda: not any(alive(killed) for killed in below))


def test_a_receiver_that_fails_first_is_called_although_the_gateway_was_killed(private_stack: Stack) -> None:
    client = private_stack.client()
    secret = client.get("/webhooks/secret").json()["secret"]
    killed = False

    def answer(delivery: Delivery, _: list[Delivery]) -> int | None:
        """Before the kill one gets a 503 and the other no answer at all; then both are accepted."""
        if killed:
            return 204
        return 503 if delivery.path.startswith("/failing") else None

    with receiver(answer) as hooks:
        jobs = {}
        for path in ("failing", "hanging"):
            submitted = submit(client, f"http://127.0.0.1:{hooks.port}/{path}?key=a-secret")
            assert submitted.status_code == 202, submitted.text
            jobs[path] = submitted.json()["process_job_id"]
        for job in jobs.values():
            wait_for(lambda job=job: hooks.of(job), 60)  # type: ignore[misc]
        kill(module_pid(private_stack, "gateway"))
        killed = True
        before = {path: len(hooks.of(job)) for path, job in jobs.items()}
        for path, job in jobs.items():
            wait_for(lambda path=path, job=job: len(hooks.of(job)) > before[path], 90)  # type: ignore[misc]
        wait_for(lambda: "webhook delivered" in private_stack.logs(), 20)
        for path, job in jobs.items():
            deliveries = hooks.of(job)
            final = client.get(f"/jobs/{job}", wait=30).json()
            for delivery in deliveries:
                assert delivery.path == f"/{path}?key=a-secret"
                assert delivery.signed_with(secret)
                assert delivery.body == deliveries[0].body
                assert {name: final[name] for name in delivery.event} == delivery.event
                assert delivery.event["answer"]["summary"]
        assert {delivery.id for delivery in hooks.deliveries} == {f"msg_{job}" for job in jobs.values()}
    logs = private_stack.logs()
    assert "a-secret" not in logs
    assert secret not in logs


def test_cancelled_and_hybrid_jobs_and_jobs_of_another_client(private_stack: Stack) -> None:
    first, second = private_stack.client(), private_stack.client()
    with receiver(lambda *_: 200) as hooks:
        url = f"http://127.0.0.1:{hooks.port}/"
        loop = first.http.post(
            f"{private_stack.api}/functions/qaoa_maxcut/jobs",
            json={"edges": [[0, 1, 1], [1, 2, 1]], "shots": 200},
            headers={"Callback-Url": url},
            timeout=60,
        )
        assert loop.status_code == 202, loop.text
        queued = second.http.post(
            f"{private_stack.api}/functions/bell_state/jobs",
            json={"backend_type": "hardware"},
            headers={"Callback-Url": url},
            timeout=60,
        ).json()["process_job_id"]
        second.http.delete(f"{private_stack.api}/jobs/{queued}", timeout=60)
        silent = second.smile()["process_job_id"]
        hybrid = loop.json()["process_job_id"]
        wait_for(lambda: hooks.of(hybrid) and hooks.of(queued), 120)
        [delivery] = hooks.of(hybrid)
        assert (delivery.event["status"], delivery.event["client_id"]) == ("DONE", first.id)
        assert delivery.event["step"] > 0, "the address was lost between the steps"
        # At least once: a receiver that gets it again, as after a reassignment, recognises it by its id.
        delivery, *more = hooks.of(queued)
        assert delivery.event["status"] in ("CANCELLED", "DONE")
        assert all(other.event["status"] == delivery.event["status"] for other in more)
        assert delivery.signed_with(second.get("/webhooks/secret").json()["secret"])
        assert not delivery.signed_with(first.get("/webhooks/secret").json()["secret"])
        assert hooks.of(silent) == []


def test_an_address_belongs_to_its_idempotency_key(private_stack: Stack) -> None:
    client = private_stack.client()
    with receiver(lambda *_: 200) as hooks:
        url = f"http://127.0.0.1:{hooks.port}/"
        job = submit(client, url, "key").json()["process_job_id"]
        wait_for(lambda: hooks.of(job), 60)
        assert submit(client, url, "key").json()["process_job_id"] == job
        other = submit(client, url + "other", "key")
        assert (other.status_code, other.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
        assert len(hooks.of(job)) == 1


def test_link_local_addresses_are_refused(private_stack: Stack) -> None:
    client = private_stack.client()
    answer = submit(client, "http://169.254.169.254/latest/meta-data")
    assert answer.status_code == 422
    assert client.get("/jobs").json()["jobs"] == []


def test_metrics_count_deliveries(private_stack: Stack) -> None:
    client = private_stack.client()
    with receiver(lambda *_: 200) as hooks:
        job = submit(client, f"http://127.0.0.1:{hooks.port}/").json()["process_job_id"]
        wait_for(lambda: hooks.of(job), 60)
        wait_for(lambda: counted(private_stack, "delivered") >= 1, 20)
    assert counted(private_stack, "given_up") == 0


def counted(stack: Stack, outcome: str) -> float:
    name = f'qwhisk_gateway_webhooks_total{{outcome="{outcome}"}}'
    lines = requests.get(f"{stack.gateway}/metrics", timeout=20).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))
