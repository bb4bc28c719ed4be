"""The Python client at a gateway and a broker; the function and the poller are this test."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from core.kafka.publisher import Publisher
from core.protocol import encode
from qwhisk_client import (
    APIConnectionError,
    AsyncClient,
    AuthenticationError,
    Client,
    Event,
    InvalidRequestError,
    JobCancelledError,
    JobFailedError,
    JobNotEndedError,
    NotFoundError,
    WaitTimeoutError,
)
from qwhisk_client.cli.exits import Exit
from qwhisk_client.cli.main import main
from testkit.replicas import FREE, Replica, broker, documents, replica
from testkit.serving import served
from testkit.stack import ROOT, wait_for
from tests.client.proxy import Proxy
from tests.core.samples import result_event

SCHEMA = {
    "type": "object",
    "properties": {"qubits": {"type": "integer", "maximum": 8}, "marked": {"type": "array"}},
    "required": ["qubits"],
    "additionalProperties": False,
}
COUNTS = {"counts": {"meas": {"00": 60, "11": 40}}, "shots": 100}


class Function(ThreadingHTTPServer):
    """The function `search`: it submits nothing, and keeps what it was called with."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.calls: dict[str, dict[str, Any]] = {}
        self.count = 0


class _Handler(BaseHTTPRequestHandler):
    server: Function

    def do_POST(self) -> None:
        params = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.count += 1
        self.server.calls[params["process_job_id"]] = params
        names = ("process_job_id", "client_id")
        reply = {name: params[name] for name in names} | {
            "job_id": "d1",
            "backend": "fake_fez",
            "backend_type": "hardware",
            "function": "search",
        }
        body = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


class World:
    """A gateway behind a proxy, its function, and what the poller does."""

    def __init__(self, function: Function, publisher: Publisher, start: Any, ends: ExitStack) -> None:
        self.function = function
        self._publisher = publisher
        self._start = start
        self._ends = ends
        self.gateway: Replica = ends.enter_context(start("one"))
        self.proxy = ends.enter_context(Proxy(self.gateway.port))

    def publish(self, job_id: str, status: str, **changes: Any) -> None:
        """Publish an event of a job, as a poller does."""
        params = self.function.calls[job_id]
        fields = {name: params[name] for name in ("process_job_id", "client_id", "topic")}
        event = result_event(status=status, function="search", params={}, **fields, **changes)
        self._publisher.publish(params["topic"], job_id, encode(event))

    def finish(self, job_id: str) -> None:
        """Publish a job's result."""
        self.publish(job_id, "DONE", answer={"summary": "found <3>"}, result=COUNTS)

    def replace_gateway(self, name: str) -> None:
        """Kill the gateway, and start another behind the same address."""
        os.kill(self.gateway.pid, signal.SIGKILL)
        self.gateway = self._ends.enter_context(self._start(name))
        self.proxy.target = self.gateway.port


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("client")
    path = folder / "documents"
    with ExitStack() as ends:
        function = ends.enter_context(served(Function()))
        document = {
            "_id": "search",
            "functionBackendUrl": f"http://127.0.0.1:{function.server_address[1]}/",
            "functionInputSchema": SCHEMA,
        }
        settings = FREE | ends.enter_context(documents(path, document))
        kafka = ends.enter_context(broker(folder))
        publisher = Publisher(kafka)
        ends.callback(publisher.close)
        yield World(function, publisher, lambda name: replica(folder, kafka, path, name, **settings), ends)


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with Client(world.proxy.url) as client:
        yield client


def test_a_job_is_submitted_and_its_result_awaited(world: World, client: Client) -> None:
    job = client.submit("search", {"marked": [3]}, qubits=4)
    assert (job.status, job.function, job.done) == ("QUEUED", "search", False)
    params = world.function.calls[job.id]
    assert (params["qubits"], params["marked"]) == (4, [3])
    with pytest.raises(WaitTimeoutError, match=f"The job {job.id} has not ended after 0.2 s"):
        job.result(timeout=0.2)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(job.result, 120)
        world.finish(job.id)
        result = waiting.result(120)
    assert (result.summary, result.counts) == ("found <3>", COUNTS["counts"])
    assert "found &lt;3&gt;" in job._repr_html_()
    assert "60 (60.0%)" in result._repr_html_()
    assert [listed.id for listed in client.jobs()] == [job.id]
    assert client.job(job.id).done


def test_events_are_pushed_and_resumed_after_lost_connections(world: World, client: Client) -> None:
    job = client.submit("search", qubits=4)
    seen: list[Event] = []
    stream = job.events(timeout=120)
    for step in range(1, 4):
        seen.append(next(stream))
        assert wait_for(world.proxy.cut) >= 1
        # Published while there is no connection.
        world.publish(job.id, "RUNNING", progress={"step": step, "of": 5, "value": -step})
    seen.append(next(stream))
    world.finish(job.id)
    seen += stream
    assert [event.status for event in seen] == ["QUEUED", *["RUNNING"] * 3, "DONE"]
    assert [event.progress.step for event in seen if event.progress] == [1, 2, 3]
    ids = [event.id or 0 for event in seen]
    assert ids == sorted(set(ids))
    assert [event.id for event in job.events(timeout=60, after=ids[-2])] == ids[-1:]


def test_waits_and_events_go_on_at_another_gateway(world: World, client: Client) -> None:
    job = client.submit("search", qubits=4)
    events: list[Event] = []
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(job.result, 150)
        watching = pool.submit(lambda: events.extend(client.job(job.id).events(timeout=150)))
        # A plain call in flight would be repeated only for a while; after the first event there is none.
        wait_for(lambda: events, 60)
        world.replace_gateway("two")
        world.finish(job.id)
        assert waiting.result(150).summary == "found <3>"
        watching.result(150)
    assert events[-1].status == "DONE"
    assert len({event.id for event in events}) == len(events)
    assert client.submit("search", qubits=2).id != job.id


def test_a_lost_answer_does_not_double_the_job(world: World, client: Client) -> None:
    client.open_session()
    before, connections = world.function.count, world.proxy.accepted
    world.proxy.swallow_answers(2)
    job = client.submit("search", qubits=4)
    assert world.proxy.accepted >= connections + 2
    assert world.function.count == before + 1
    assert [listed.id for listed in client.jobs()] == [job.id]
    assert (
        client.submit("search", qubits=4, idempotency_key="k").id
        == client.submit("search", qubits=4, idempotency_key="k").id
    )
    with pytest.raises(InvalidRequestError, match="was used for another"):
        client.submit("search", qubits=5, idempotency_key="k")


def test_the_data_of_a_job_is_erased_once_it_has_ended(world: World, client: Client) -> None:
    job, other = (client.submit("search", qubits=4, idempotency_key=key) for key in ("mine", "other"))
    with pytest.raises(JobNotEndedError, match="Cancel it"):
        job.erase()
    world.finish(job.id)
    held = job.result(timeout=60)
    world.proxy.swallow_answers(1)  # the request is repeated, and the second one succeeds too
    job.erase()
    job.erase()
    with pytest.raises(NotFoundError):
        job.refresh()
    with pytest.raises(NotFoundError):
        job.result(timeout=60)
    assert held.counts == COUNTS["counts"]
    assert [listed.id for listed in client.jobs()] == [other.id]
    with pytest.raises(InvalidRequestError, match="erased"):
        client.submit("search", qubits=4, idempotency_key="mine")
    with pytest.raises(NotFoundError):
        client.erase("nosuchjob")


def test_a_job_that_ends_without_a_result_says_why(world: World, client: Client) -> None:
    job = client.submit("search", qubits=4)
    job.cancel()
    world.publish(job.id, "CANCELLED")
    with pytest.raises(JobCancelledError, match=job.id):
        job.result(timeout=60)
    job = client.submit("search", qubits=4)
    world.publish(job.id, "ERROR", error={"code": "warm", "message": "It is warm.", "details": {"k": 4}})
    with pytest.raises(JobFailedError, match=r"It is warm\.") as caught:
        job.result(timeout=60)
    assert (caught.value.code, caught.value.details, job.status) == ("warm", {"k": 4}, "ERROR")


def test_errors_name_field_and_correction(world: World, client: Client) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        client.run("search", qubits=99)
    assert [(error.field, error.message) for error in caught.value.errors] == [
        ("qubits", "must be at most 8.")
    ]
    with pytest.raises(NotFoundError, match="no function 'find'"):
        client.run("find")
    with pytest.raises(NotFoundError, match="no such job"):
        client.job("nosuchjob")
    with Client(world.proxy.url, session="not.a.token") as other, pytest.raises(AuthenticationError):
        other.functions()
    with Proxy(1) as nobody, Client(nobody.url, max_retries=1) as lost:
        with pytest.raises(APIConnectionError, match="No response from http://127"):
            lost.run("search", qubits=1)
        assert nobody.accepted == 2


def test_threads_share_one_session(world: World) -> None:
    barrier = threading.Barrier(6)

    def submit(client: Client) -> str:
        barrier.wait(60)
        return client.submit("search", qubits=1).id

    with Client(world.proxy.url) as client, ThreadPoolExecutor(6) as pool:
        ids = set(pool.map(submit, [client] * 6))
        assert {job.id for job in client.jobs()} == ids
        assert len(ids) == 6
        assert len(list(client.jobs(limit=2))) == 2


def test_the_client_for_asyncio_does_the_same(world: World) -> None:
    async def use() -> None:
        async with AsyncClient(world.proxy.url) as client:
            await client.open_session()
            world.proxy.swallow_answers(1)
            job = await client.submit("search", qubits=4)
            assert [listed.id async for listed in client.jobs()] == [job.id]
            seen: list[Event] = []
            async for event in job.events(timeout=120):
                seen.append(event)
                if len(seen) < 3:
                    assert await asyncio.to_thread(wait_for, world.proxy.cut) >= 1
                    world.publish(job.id, "RUNNING", progress={"step": len(seen), "of": 5})
                elif len(seen) == 3:
                    world.finish(job.id)
            assert [event.status for event in seen] == ["QUEUED", "RUNNING", "RUNNING", "DONE"]
            async for event in client.events(timeout=60):
                assert event.id == seen[0].id
                break
            assert await client.open_session() == client.session
            assert (await (await client.job(job.id)).refresh()).done
            assert (await job.result(timeout=60)).counts == COUNTS["counts"]
            assert [function.id for function in await client.functions()] == ["search"]
            assert (await client.function("search")).input_schema == SCHEMA
            assert await client.backends() == []
            queued = await client.submit("search", qubits=4)
            with pytest.raises(WaitTimeoutError):
                await queued.result(timeout=0.2)
            with pytest.raises(WaitTimeoutError):
                [event async for event in queued.events(timeout=0.2)]
            with pytest.raises(JobNotEndedError, match="has not ended"):
                await queued.erase()
            await queued.cancel()
            world.publish(queued.id, "CANCELLED")
            with pytest.raises(JobCancelledError):
                await queued.result(timeout=60)
            assert (await client.job(queued.id)).done
            await queued.erase()
            await client.erase(queued.id)
            with pytest.raises(NotFoundError):
                await client.job(queued.id)
            with pytest.raises(InvalidRequestError, match="qubits"):
                await client.run("search", qubits=99)

    asyncio.run(use())


def test_the_command_is_a_process(world: World, tmp_path: Path) -> None:
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "clients/python/src"),
        "QWHISK_URL": world.proxy.url,
        "QWHISK_CONFIG": str(tmp_path / "config"),
    }

    def qwhisk(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "qwhisk_client", *words]
        return subprocess.run(line, env=env, input=given, capture_output=True, text=True, timeout=120)

    submitted = qwhisk("run", "search", "--qubits", "4", "marked=1,2", "--detach")
    assert (submitted.returncode, submitted.stderr) == (0, "")
    job = submitted.stdout.strip()
    assert world.function.calls[job]["marked"] == [1, 2]
    for command in ("result", "watch"):
        late = qwhisk(command, job, "--timeout", "0.2")
        assert late.returncode == Exit.TIMEOUT
        assert f"qwhisk result {job}" in late.stderr
    world.finish(job)
    done = qwhisk("result", job)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "found <3>")
    assert json.loads(qwhisk("result", job, "--json").stdout)["process_job_id"] == job
    events = [json.loads(line)["event"] for line in qwhisk("watch", job, "--json").stdout.splitlines()]
    assert [event["status"] for event in events] == ["QUEUED", "DONE"]
    assert [line["process_job_id"] for line in json.loads(qwhisk("jobs", "--json").stdout)] == [job]
    other = qwhisk("run", "search", "--input", "-", "--detach", given='{"qubits": 2}').stdout.strip()
    assert "cancellation" in qwhisk("cancel", other).stdout
    world.publish(other, "CANCELLED")
    assert qwhisk("result", other).returncode == Exit.CANCELLED
    erased = qwhisk("erase", other)
    assert (erased.returncode, erased.stdout) == (0, f"Erased the data of {other}.\n")
    assert json.loads(qwhisk("erase", other, "--json").stdout) == {"process_job_id": other, "erased": True}
    assert qwhisk("result", other).returncode == Exit.NOT_FOUND
    assert [line["process_job_id"] for line in json.loads(qwhisk("jobs", "--json").stdout)] == [job]
    refused = qwhisk("run", "search", "qubits=99")
    assert (refused.returncode, refused.stdout) == (Exit.USAGE, "")
    assert refused.stderr == "qwhisk: qubits: must be at most 8.\n"
    assert (tmp_path / "config" / "credentials.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["run", "search", "--qubit", "4"], Exit.USAGE, "Did you mean qubits?"),
        (["run", "search", "--qubits", "four"], Exit.USAGE, "qubits: must be a whole number, not 'four'."),
        (["run", "search"], Exit.USAGE, "qubits: is missing."),
        (["run", "search", "--input", "/nowhere"], Exit.USAGE, "--input: /nowhere cannot be read"),
        (["run", "find"], Exit.NOT_FOUND, "no function 'find'"),
        (["watch", "nosuchjob"], Exit.NOT_FOUND, "no such job"),
        (["result", "nosuchjob"], Exit.NOT_FOUND, "no such job"),
        (["cancel", "nosuchjob"], Exit.NOT_FOUND, "no such job"),
        (["erase", "nosuchjob"], Exit.NOT_FOUND, "no such job"),
        (["functions", "--url", "gopher://x"], Exit.USAGE, "is not the address of a gateway"),
        (["functions", "--url", "http://x:abc"], Exit.USAGE, "is not the address of a gateway"),
        (
            ["run", "search", "qubits=99", "--json"],
            Exit.USAGE,
            '"errors": [{"field": "qubits", "message": "must be at most 8."}]}, "exit_code": 2}',
        ),
    ],
)
def test_errors_of_the_command_have_exit_codes_and_say_what_to_do(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    words: list[str],
    code: Exit,
    said: str,
) -> None:
    monkeypatch.setenv("QWHISK_URL", world.proxy.url)
    monkeypatch.setenv("QWHISK_CONFIG", str(tmp_path))
    assert main(words) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err


def test_completion_asks_the_gateway(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("QWHISK_URL", world.proxy.url)
    monkeypatch.setenv("QWHISK_CONFIG", str(tmp_path))
    for words, found in (
        (["run", "se"], "search\n"),
        (["run", "search", "--mar"], "--marked\n"),
        (["result", ""], ""),
    ):
        assert main(["complete", "--", *words]) == Exit.OK
        assert capsys.readouterr().out == found
    assert main(["run", "search", "qubits=1", "--detach"]) == Exit.OK
    job = capsys.readouterr().out
    assert main(["complete", "--", "result", ""]) == Exit.OK
    assert capsys.readouterr().out == job
    monkeypatch.setenv("QWHISK_URL", "http://127.0.0.1:1")
    assert main(["complete", "--", "run", ""]) == Exit.UNAVAILABLE
    assert capsys.readouterr() == ("", "")


class Terminal(io.StringIO):
    """Standard error on a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_no_progress_of_a_job_that_is_done(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("QWHISK_URL", world.proxy.url)
    monkeypatch.setenv("QWHISK_CONFIG", str(tmp_path))
    assert main(["run", "search", "qubits=1", "--detach"]) == Exit.OK
    job = capsys.readouterr().out.strip()
    world.finish(job)
    assert main(["result", job]) == Exit.OK
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main(["result", job]) == Exit.OK
    assert capsys.readouterr().out.startswith("found <3>")
    # All events of the session would be read to draw it.
    assert terminal.getvalue() == ""
