"""The erasure of a job's data, by the whole system: gateway, poller, simulator and store."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from testkit.faults import paused
from testkit.large_job import submit_large
from testkit.processes import part_environment
from testkit.provider_jobs import provider_jobs
from testkit.stack import Client, Stack, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads a part's environment in /proc")

PATIENCE = 120


def at_provider(stack: Stack, process_job_id: str) -> list[str]:
    """Return the simulator's jobs of a run."""
    env = part_environment(stack, "poller")
    jobs = provider_jobs(env["SIMULATOR_URL"], env["SIMULATOR_API_KEY"])
    return [job["id"] for job in jobs if f"qwhisk-{process_job_id}" in job.get("tags", [])]


def erase(client: Client, process_job_id: str) -> int:
    url = f"{client.stack.api}/jobs/{process_job_id}/data"
    return int(client.http.delete(url, timeout=60).status_code)


def run(client: Client, function: str, **value: Any) -> str:
    """Run a function to its end, and return its job."""
    url = f"{client.stack.api}/functions/{function}/jobs"
    job = str(client.http.post(url, json=value, timeout=90).json()["process_job_id"])
    wait_for(lambda: client.get(f"/jobs/{job}", wait=30).json()["status"] == "DONE", PATIENCE)
    return job


@pytest.mark.parametrize(
    ("function", "value"),
    [
        ("smile_super_position", {"emoticon_1": ":)", "emoticon_2": ":("}),
        ("qaoa_maxcut", {"edges": [[0, 1, 1], [1, 2, 1], [0, 2, 1]], "layers": 1}),
    ],
)
def test_an_erased_job_is_gone_here_and_at_the_provider(
    stack: Stack, client: Client, function: str, value: dict[str, Any]
) -> None:
    job, kept = run(client, function, **value), run(client, "bell_state")
    jobs = at_provider(stack, job)
    assert len(jobs) > 1 if function == "qaoa_maxcut" else len(jobs) == 1
    assert erase(stack.client(), job) == 404
    assert erase(client, job) == 204
    assert client.get(f"/jobs/{job}").status_code == 404
    assert [each["process_job_id"] for each in client.get("/jobs").json()["jobs"]] == [kept]
    wait_for(lambda: at_provider(stack, job) == [], PATIENCE)
    assert len(at_provider(stack, kept)) == 1
    assert erase(client, job) == 204
    assert client.get(f"/jobs/{kept}").json()["status"] == "DONE"


def test_a_job_that_has_not_ended_is_not_erased(stack: Stack, client: Client) -> None:
    with paused(stack):
        url = f"{stack.api}/functions/bell_state/jobs"
        submitted = client.http.post(url, json={"backend_type": "hardware"}, timeout=90).json()
        job = submitted["process_job_id"]
        assert erase(client, job) == 409
        assert at_provider(stack, job)
        client.http.delete(f"{stack.api}/jobs/{job}", timeout=60)
        wait_for(lambda: client.get(f"/jobs/{job}").json()["status"] == "CANCELLED", PATIENCE)
        assert erase(client, job) == 204
        wait_for(lambda: at_provider(stack, job) == [], PATIENCE)


def test_a_large_result_is_erased(stack: Stack) -> None:
    client = stack.client()
    job = submit_large(part_environment(stack, "poller"), client, 1, 50_000)
    wait_for(lambda: client.get(f"/jobs/{job}").ok, PATIENCE)
    assert client.get(f"/jobs/{job}", wait=60).json()["status"] == "DONE"
    [stored] = (stack.folder / "large").rglob(f"{job}.json")
    assert client.get(f"/jobs/{job}/result").status_code == 200
    assert erase(client, job) == 204
    assert not stored.exists()
    assert client.get(f"/jobs/{job}/result").status_code == 404
