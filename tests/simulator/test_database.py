"""Jobs survive any end of the service."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sqlite3
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest
from qiskit import QuantumCircuit

from simulator.database import Database
from simulator.errors import DatabaseError
from simulator.job_store import JobStore
from simulator.jobs import SimulatorJob
from simulator.settings import database_path

from .bodies import executor_request, sampler_request
from .circuits import dense, ghz
from .conftest import Api, Running
from .test_main import run_main

FINAL = ("Completed", "Failed", "Cancelled")
#: A device that serves only our jobs, quickly.
QUICK_DEVICE = (
    *("--queue-arrivals", "0", "--queue-initial", "0", "--queue-service-seconds", "0.04"),
    *("--queue-speed-up", "2"),
)


def start(file: Path, api_key: str, *arguments: str) -> Running:
    return Running("--database", str(file), "--workers", "2", *QUICK_DEVICE, *arguments, api_key=api_key)


def all_jobs(api: Api) -> dict[str, dict[str, Any]]:
    jobs: dict[str, dict[str, Any]] = {}
    while True:
        page = api("GET", "/jobs", params={"limit": 200, "offset": len(jobs)}).json()
        jobs |= {job["id"]: job for job in page["jobs"]}
        if len(jobs) >= page["count"]:
            return jobs


def wait_until_final(api: Api, seconds: float) -> dict[str, dict[str, Any]]:
    end = time.monotonic() + seconds
    while True:
        jobs = all_jobs(api)
        if all(job["status"] in FINAL for job in jobs.values()):
            return jobs
        assert time.monotonic() < end, [job["status"] for job in jobs.values()]
        time.sleep(0.1)


def device_request() -> dict[str, Any]:
    circuit = QuantumCircuit(2, 2)
    circuit.sx([0, 1])
    circuit.measure([0, 1], [0, 1])
    return sampler_request(circuit) | {"backend": "fake_fez"}


def test_kill_9_with_200_jobs_queued_and_running(tmp_path: Path) -> None:
    """Every job ends, and a result that was seen does not change."""
    api_key = secrets.token_hex(8)
    running = start(tmp_path / "jobs.db", api_key)
    try:
        api = Api(running)
        small = orjson.dumps(sampler_request(ghz(2)))
        large = orjson.dumps(executor_request(dense(16)))
        bodies = [large] * 15 + [orjson.dumps(device_request())] * 145 + [small] * 40
        seen: dict[str, bytes] = {}

        def submit(body: bytes) -> str:
            return str(api("POST", "/jobs", data=body).json()["id"])

        with ThreadPoolExecutor(4) as threads:
            accepted = list(threads.map(submit, bodies))
        before = all_jobs(api)
        # Those submitted last have all others before them. Some may start before they are cancelled.
        queued = (job_id for job_id in reversed(accepted) if before[job_id]["status"] == "Queued")
        cancelled = next(item for item in queued if api("POST", f"/jobs/{item}/cancel").status_code == 204)
        for job_id, job in before.items():
            if job["status"] == "Completed":
                seen[job_id] = api("GET", f"/jobs/{job_id}/results").content
        states = [job["status"] for job in all_jobs(api).values()]
        assert "Running" in states
        assert states.count("Queued") > 10
        assert len(seen) > 30
    finally:
        running.process.send_signal(signal.SIGKILL)
        running.process.wait(5)
        running.stop()
        api.session.close()

    again = start(tmp_path / "jobs.db", api_key)
    try:
        assert again.ready["resumed"] > 10
        # The earlier token is still valid: clients need not notice.
        api.url = again.url
        after = wait_until_final(api, 60)
        assert set(after) == set(accepted)
        assert after[cancelled]["status"] == "Cancelled"
        assert [job["status"] for job in after.values()].count("Completed") == 199
        for job_id, result in seen.items():
            assert api("GET", f"/jobs/{job_id}/results").content == result
        first = {job_id: api("GET", f"/jobs/{job_id}/results").content for job_id in after}
        api.session.close()
    finally:
        assert again.stop() == 0

    third = start(tmp_path / "jobs.db", api_key)
    try:
        assert third.ready["resumed"] == 0
        api = Api(third)
        for job_id, result in first.items():
            assert api("GET", f"/jobs/{job_id}/results").content == result
        assert api("GET", f"/jobs/{accepted[0]}").json()["params"]["schema_version"] == "v2.0"
        api.session.close()
    finally:
        third.stop()


def test_a_repeated_job_gives_the_same_result(tmp_path: Path) -> None:
    """Even a result that was computed, but not published yet, is not replaced by another."""
    file, api_key = tmp_path / "jobs.db", secrets.token_hex(8)
    running = start(file, api_key)
    api = Api(running)
    job_id = api("POST", "/jobs", json=sampler_request(ghz(5))).json()["id"]
    assert api("GET", f"/jobs/{job_id}").json()["status"] == "Completed"
    first = api("GET", f"/jobs/{job_id}/results").json()["__value__"]["pub_results"]
    api.session.close()
    running.stop()
    # As if it had been killed just before that.
    with sqlite3.connect(file) as connection:
        (fields,) = connection.execute("SELECT fields FROM jobs").fetchone()
        changed = orjson.dumps(orjson.loads(fields) | {"status": "Running", "result_size": 0})
        connection.execute("UPDATE jobs SET final = 0, fields = ?", (changed,))
        connection.execute("DELETE FROM results")
    connection.close()
    again = start(file, api_key)
    api = Api(again)
    assert wait_until_final(api, 10)[job_id]["status"] == "Completed"
    # Only the times of execution differ.
    assert api("GET", f"/jobs/{job_id}/results").json()["__value__"]["pub_results"] == first
    api.session.close()
    again.stop()


def test_an_orderly_end_keeps_what_is_not_finished(tmp_path: Path) -> None:
    file, api_key = tmp_path / "jobs.db", secrets.token_hex(8)
    running = start(file, api_key, "--faults", '{"devices": {"fake_fez": "paused"}}')
    api = Api(running)
    session = api("POST", "/sessions", json={"backend": "fake_fez", "mode": "batch"}).json()["id"]
    request = device_request() | {"session_id": session, "tags": ["kept"]}
    job_id = api("POST", "/jobs", json=request).json()["id"]
    slow = api("POST", "/jobs", json=executor_request(dense(24))).json()["id"]
    assert api("PATCH", f"/sessions/{session}", json={"accepting_jobs": False}).status_code == 204
    api.session.close()
    assert running.stop() == 0
    again = start(file, api_key)
    api = Api(again)
    assert again.ready["resumed"] == 2
    api("POST", f"/jobs/{slow}/cancel")
    job = wait_until_final(api, 10)[job_id]
    assert (job["status"], job["tags"], job["session_id"]) == ("Completed", ["kept"], session)
    assert api("GET", f"/sessions/{session}").json()["state"] == "closed"
    assert api("GET", "/instances/usage").json()["usage_consumed_seconds"] > 0
    api.session.close()
    again.stop()


async def stored(store: JobStore, size: int) -> SimulatorJob:
    job = SimulatorJob("sampler", "aer_simulator", secrets.token_bytes(size), time.time(), [])
    store.add(job)
    job.result = secrets.token_bytes(size)
    job.decide("Completed", time.time())
    await store.save(job)
    job.reveal()
    store.mark_finished(job)
    return job


async def _fill(file: Path) -> None:
    database = Database(file)
    store = JobStore(max_finished=50, max_bytes=10**9, database=database, memory_bytes=100_000)
    jobs = [await stored(store, 10_000) for _ in range(400)]
    kept = [job for job in jobs if store.get(job.job_id) is not None]
    assert kept == jobs[-50:]
    # Results that left the memory are read from the disk.
    assert kept[0].body is None
    assert kept[0].result is None
    assert len(store.body(kept[0])) == 10_000
    assert len(store.result(kept[0]) or b"") == 10_000
    await database.wait_for_checkpoint()
    database.close()


def test_the_file_is_bounded(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "jobs.db"
    asyncio.run(_fill(file))
    # 400 jobs of 20 kB have passed through; 50 are kept.
    assert sum(path.stat().st_size for path in file.parent.iterdir()) < 3_000_000
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_one_service_per_file(tmp_path: Path) -> None:
    database = Database(tmp_path / "jobs.db")
    with pytest.raises(DatabaseError, match="is used by another service"):
        Database(tmp_path / "jobs.db")
    done = run_main("--port", "0", "--database", str(tmp_path / "jobs.db"), SIMULATOR_API_KEY="x")
    assert done.returncode == 1
    assert "is used by another service" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    database.close()


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database" * 100)
    with pytest.raises(DatabaseError, match="cannot be used"):
        Database(tmp_path / "text")
    with sqlite3.connect(tmp_path / "later") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(DatabaseError, match="layout 99"):
        Database(tmp_path / "later")
    with pytest.raises(DatabaseError, match="cannot make"):
        Database(Path(os.devnull) / "jobs.db")


def test_the_default_path_of_the_file() -> None:
    environment = {"XDG_STATE_HOME": "/var/state"}
    assert database_path(None, 8090, environment) == Path("/var/state/qwhisk/simulator-8090.db")
    assert database_path(None, 0, environment) is None
    assert database_path(":memory:", 8090, environment) is None
    assert database_path("/data/jobs.db", 0, environment) == Path("/data/jobs.db")


async def _fail(file: Path) -> None:
    database = Database(file)
    store = JobStore(10, 10**6, database)
    database._connection.execute("PRAGMA query_only = 1")
    job = SimulatorJob("sampler", "aer_simulator", b"{}", 0.0, [])
    store.add(job)
    with pytest.raises(DatabaseError, match="cannot be written"):
        await store.save(job)
    database._connection.execute("PRAGMA query_only = 0")
    await store.ensure_saved(job)
    assert [fields["job_id"] for fields, _ in database.jobs()] == [job.job_id]
    database.close()


def test_a_failed_write_is_reported_and_can_be_repeated(tmp_path: Path) -> None:
    asyncio.run(_fail(tmp_path / "jobs.db"))
