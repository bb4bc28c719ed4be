"""A result over the broker's limit: by reference, only for its client, from a folder and a bucket."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from testkit import s3
from testkit.large_job import submit_large
from testkit.processes import part_environment
from testkit.stack import Client, Stack, running, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads a part's environment in /proc")


def submit(stack: Stack, client: Client, circuits: int, shots: int) -> str:
    """Submit a job whose result is too large for a message; return its id."""
    return submit_large(part_environment(stack, "poller"), client, circuits, shots)


def read_back(stack: Stack, owner: Client, other: Client, process_job_id: str) -> tuple[dict[str, Any], int]:
    """The result is read by its reference, and its bytes are right; no other client gets it."""
    # No gateway knows the job: the client learns of it with its first event from the poller.
    wait_for(lambda: owner.get(f"/jobs/{process_job_id}").ok, 90)
    final = owner.get(f"/jobs/{process_job_id}", wait=60).json()
    assert final["status"] == "DONE", final
    assert final["result"] is None
    assert final["result_url"] == f"/api/v1/jobs/{process_job_id}/result"
    response = owner.http.get(f"{stack.gateway}{final['result_url']}", timeout=60)
    assert response.status_code == 200, response.text[:500]
    refused = other.http.get(f"{stack.gateway}{final['result_url']}", timeout=30)
    assert refused.status_code == 404
    assert refused.json() == other.get("/jobs/nosuchjob/result").json(), (
        "the answer must not disclose whether it exists"
    )
    assert owner.get("/jobs/nosuchjob/result").status_code == 404
    return response.json()["result"], len(response.content)


def test_from_a_folder(stack: Stack) -> None:
    client, other = stack.client(), stack.client()
    result, size = read_back(stack, client, other, submit(stack, client, 1, 50_000))
    [register] = result["counts"].values()
    assert sum(register.values()) == 50_000
    assert size > 1_000_000


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3.s3() as url:
        yield url


@pytest.fixture(scope="module")
def clouded(tmp_path_factory: pytest.TempPathFactory, bucket: str) -> Iterator[Stack]:
    """A stack whose large results are in a bucket."""
    with running(tmp_path_factory.mktemp("clouded"), **s3.settings(bucket)) as stack:
        yield stack


def test_ten_megabytes_from_a_bucket(clouded: Stack, bucket: str) -> None:
    client, other = clouded.client(), clouded.client()
    job = submit(clouded, client, 4, 90_000)
    result, size = read_back(clouded, client, other, job)
    assert [sum(pub["counts"]["meas"].values()) for pub in result["pubs"]] == [90_000] * 4
    assert size > 10_000_000
    [key] = s3.keys(bucket)
    assert key.endswith(f"/{job}.json")
    assert not list((clouded.folder / "large").rglob("*.json")), "nothing may be stored outside the bucket"
    logs = clouded.logs()
    assert client.token not in logs
