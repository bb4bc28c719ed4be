"""What clients rely on when networks fail and tokens expire, over HTTP on a running stack."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from testkit.stack import Client, Stack

SMILE = {"emoticon_1": ":)", "emoticon_2": ":("}


def submit(client: Client, key: str, wait: int = 0, **changes: Any) -> requests.Response:
    return client.http.post(
        f"{client.stack.api}/functions/smile_super_position/jobs",
        params={"wait": wait} if wait else {},
        json=SMILE | changes,
        headers={"Idempotency-Key": key},
        timeout=90,
    )


def test_the_same_key_gives_the_same_job(client: Client) -> None:
    first = submit(client, "one")
    again = submit(client, "one")
    assert (first.status_code, again.status_code) == (202, 202)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    fields = ("provider_jobs", "process_job_id", "backend", "function")
    assert [again.json()[name] for name in fields] == [first.json()[name] for name in fields]
    result = submit(client, "one", wait=60)
    assert (result.status_code, result.json()["status"]) == (200, "DONE")
    assert len(client.get("/jobs").json()["jobs"]) == 1
    assert submit(client, "another").json()["process_job_id"] != first.json()["process_job_id"]


def test_a_key_is_not_valid_for_other_input_or_another_client(stack: Stack, client: Client) -> None:
    first = submit(client, "shared")
    other = submit(client, "shared", shots=5)
    assert (other.status_code, other.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    theirs = submit(stack.client(), "shared")
    assert theirs.status_code == 202
    assert theirs.json()["process_job_id"] != first.json()["process_job_id"]


def test_simultaneous_requests_create_one_job(client: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: submit(client, "moment"), range(8)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.json()["process_job_id"] for answer in answers if answer.status_code == 202}) == 1
    assert len(client.get("/jobs").json()["jobs"]) == 1


def test_a_session_is_renewed_with_all_its_jobs(stack: Stack, client: Client) -> None:
    job = client.smile()["process_job_id"]
    answer = client.http.post(f"{stack.api}/sessions", timeout=20)
    assert answer.status_code == 200
    assert answer.json()["client_id"] == client.id
    client.http.headers["Authorization"] = f"Bearer {answer.json()['token']}"
    assert client.get(f"/jobs/{job}").json()["status"] == "DONE"
    forged = requests.post(f"{stack.api}/sessions", headers={"Authorization": "Bearer x.y.z"}, timeout=20)
    assert forged.status_code == 401


def test_the_metrics_are_available_to_prometheus(stack: Stack, client: Client) -> None:
    client.smile()
    answer = requests.get(f"{stack.gateway}/metrics", timeout=20)
    assert answer.headers["Content-Type"].startswith("text/plain")
    lines = answer.text.splitlines()
    posts = [line for line in lines if 'route="/api/v1/functions/<function>/jobs"' in line and "POST" in line]
    assert posts
    assert "qwhisk_gateway_functions" in answer.text
    assert 'qwhisk_gateway_jobs_total{function="smile_super_position"}' in answer.text
    assert client.token not in answer.text
    assert client.id not in answer.text


def test_no_other_origin_may_call_unless_it_is_configured(stack: Stack) -> None:
    answer = requests.options(
        f"{stack.api}/functions", headers={"Origin": "https://elsewhere.example"}, timeout=20
    )
    assert not [name for name in answer.headers if name.startswith("Access-Control")]


def test_an_endlessly_nested_body_is_refused(client: Client) -> None:
    nested: Any = 1
    for _ in range(200):
        nested = [nested]
    answer = client.submit(emoticon_1=nested)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body")
