"""Every field of every answer is of the public model, and nothing in them is secret or internal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import jwt
import pytest
import requests
from jsonschema import Draft202012Validator

from testkit.large_job import submit_large
from testkit.listener import Listener
from testkit.processes import part_environment
from testkit.receiver import receiver
from testkit.schemas import closed
from testkit.stack import Client, Stack, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads a part's environment in /proc")

#: A search of a few steps: a job of several provider jobs.
LOOP: dict[str, Any] = {"terms": [["ZZ", -1.0], ["XI", -0.5]], "layers": 1, "max_steps": 3, "shots": 200}
API = "/api/v1"
#: Names of fields that no answer has at any depth, except inside of an input, an answer or a schema.
INTERNAL = {"topic", "state", "attempt", "looked_at", "callback_url", "previous_jobs", "v"}


class Answers:
    """The answers of a gateway, each validated as it arrives.

    Args:
        stack: the stack.
    """

    def __init__(self, stack: Stack) -> None:
        self.document = closed(requests.get(f"{stack.gateway}/openapi.json", timeout=20).json())
        #: The operations whose answers were seen, each with the status.
        self.seen: set[tuple[str, str, int]] = set()
        self.texts: list[str] = []

    def schema(self, method: str, path: str, status: int) -> dict[str, Any]:
        response = self.document["paths"][path][method]["responses"][str(status)]
        [content] = response["content"].values()
        schema: dict[str, Any] = content["schema"]
        return schema

    def check(self, schema: dict[str, Any], value: Any) -> None:
        self.texts.append(json.dumps(value))
        Draft202012Validator(schema | {"components": self.document["components"]}).validate(value)
        for name in names(value):
            assert name not in INTERNAL, value

    def of(self, response: requests.Response, path: str, status: int) -> Any:
        """Check a response, and return its body."""
        assert response.status_code == status, response.text
        method = str(response.request.method).lower()
        self.seen.add((method, path, status))
        value = response.json()
        self.check(self.schema(method, path, status), value)
        return value

    def job(self, value: dict[str, Any]) -> None:
        self.check({"$ref": "#/components/schemas/PublicJob"}, value)
        jobs = value["provider_jobs"]
        assert [each["step"] for each in jobs] == list(range(value["step"] + 1))
        assert len({each["job_id"] for each in jobs}) == len(jobs)


def names(value: Any) -> Iterator[str]:
    """Yield the names of all fields, except those that a caller or a function has chosen."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield name
            if name not in ("params", "answer", "input_schema", "output_schema", "metadata", "counts"):
                yield from names(part)
    elif isinstance(value, list):
        for part in value:
            yield from names(part)


@pytest.fixture(scope="module")
def answers(stack: Stack) -> Answers:
    return Answers(stack)


@pytest.mark.timeout(300)
def test_every_answer_shows_the_public_form_alone(stack: Stack, answers: Answers) -> None:
    client = stack.client()
    secrets = [jwt.decode(client.token, options={"verify_signature": False})["topic"]]
    submit, job = f"{API}/functions/{{function}}/jobs", f"{API}/jobs/{{process_job_id}}"
    run = f"{API}/functions/vqe/jobs"
    with receiver(lambda *_: 204) as hooks, closing(Listener(client)) as listener:
        callback = f"http://127.0.0.1:{hooks.port}/hook?key=a-callback-secret"
        secrets += [callback, "a-callback-secret"]
        headers = {"Callback-Url": callback, "Idempotency-Key": "once"}
        url = f"{stack.api}/functions/vqe/jobs"
        accepted = answers.of(client.http.post(url, json=LOOP, headers=headers, timeout=60), run, 202)
        answers.job(accepted)
        name = accepted["process_job_id"]
        repeated = answers.of(client.http.post(url, json=LOOP, headers=headers, timeout=60), run, 202)
        answers.job(repeated)
        assert repeated["process_job_id"] == name
        final = answers.of(client.get(f"/jobs/{name}", wait=60), job, 200)
        answers.job(final)
        assert final["status"] == "DONE", final
        assert len(final["provider_jobs"]) == final["step"] + 1 > 2
        # The circuit is in the result as in the 202, with its depth before and after transpilation.
        for circuit in (accepted["circuit"], final["circuit"]):
            assert circuit["openqasm3"].startswith("OPENQASM 3.0;")
            assert 0 < circuit["depth"] < circuit["size"]
            assert circuit["transpiled_depth"] > 0 < circuit["transpiled_size"]
        assert accepted["circuit"]["qubits"] == final["circuit"]["qubits"] == 2
        # Each frame of the WebSocket, and the webhook.
        wait_for(lambda: name in listener.finals(), 60)
        assert len(listener.frames) > 3
        for frame in listener.frames:
            assert frame.keys() == {"id", "event"}
            answers.job(frame["event"])
        assert listener.events()[-1] == final
        [delivery] = wait_for(lambda: hooks.of(name), 60)
        body = json.loads(delivery.body)
        answers.check({"$ref": "#/components/schemas/Webhook"}, body)
        assert body["data"] == final
    page = answers.of(client.get("/jobs"), f"{API}/jobs", 200)
    assert page["jobs"] == [final]
    done = client.submit(60, "bell_state")
    assert answers.of(done, f"{API}/functions/bell_state/jobs", 200)["answer"]["summary"]
    cancelled = client.http.delete(f"{stack.api}/jobs/{name}", timeout=60)
    assert answers.of(cancelled, job, 202) == {"process_job_id": name, "status": "DONE"}
    answers.of(client.get("/functions"), f"{API}/functions", 200)
    answers.of(client.get("/functions/grover"), f"{API}/functions/{{function}}", 200)
    wait_for(lambda: client.get("/backends").json()["backends"], 60)
    assert answers.of(client.get("/backends"), f"{API}/backends", 200)["backends"]
    answers.of(client.get("/webhooks/secret"), f"{API}/webhooks/secret", 200)
    answers.of(client.http.post(f"{stack.api}/sessions", timeout=60), f"{API}/sessions", 200)
    answers.of(requests.post(f"{stack.api}/sessions", timeout=60), f"{API}/sessions", 201)
    for probe in ("/healthz", "/readyz"):
        answers.of(requests.get(stack.gateway + probe, timeout=60), probe, 200)
    answers.of(client.submit(0, "vqe", layers="many"), run, 422)
    answers.of(client.submit(0, "none"), submit, 404)
    answers.of(requests.get(f"{stack.api}/jobs", timeout=60), f"{API}/jobs", 401)
    text = "\n".join(answers.texts)
    for secret in secrets:
        assert secret not in text
    described = {
        (method, path)
        for path, item in answers.document["paths"].items()
        for method in item
        if "/functions/" not in path or "{function}" in path
    }
    # Not seen here: the large result, which is seen below, and the WebSocket, whose frames were seen.
    unseen = described - {(method, path) for method, path, _ in answers.seen}
    assert unseen == {("get", f"{API}/events"), ("get", f"{job}/result")}


@pytest.mark.timeout(300)
def test_a_large_result_has_the_public_form(stack: Stack, answers: Answers) -> None:
    client: Client = stack.client()
    name = submit_large(part_environment(stack, "poller"), client, 1, 50_000)
    wait_for(lambda: client.get(f"/jobs/{name}").ok, 90)
    answers.job(client.get(f"/jobs/{name}", wait=60).json())
    answers.of(client.get(f"/jobs/{name}/result"), f"{API}/jobs/{{process_job_id}}/result", 200)


def test_a_job_of_many_bytes_is_accepted_with_its_whole_body(stack: Stack, answers: Answers) -> None:
    client = stack.client()
    program = "OPENQASM 3.0;\nqubit q;\nbit c;\nc = measure q;\n" + "// more words\n" * 7_000
    response = client.submit(0, "run_openqasm", program=program)
    accepted = answers.of(response, f"{API}/functions/run_openqasm/jobs", 202)
    assert accepted["params"]["program"] == program
    assert response.headers["Location"] == f"{API}/jobs/{accepted['process_job_id']}"
