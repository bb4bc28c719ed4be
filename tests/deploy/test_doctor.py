"""The checks of `make doctor`, with services that run here and without: what fails, in time, with the fix."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from core.errors import StreamError
from core.kafka.admin import Topics
from core.kafka.topics import shared
from testkit.openwhisk import KEY, OpenWhisk
from testkit.replicas import broker, process
from testkit.serving import served
from testkit.stack import free_ports, wait_for
from tests.core.samples import raw_document
from tools.doctor import __main__ as doctor
from tools.doctor.check import Check, CheckError, run_all
from tools.doctor.job import Gateway, alive

FIX = "What to do."


def lines(*checks: Check, timeout: float = 30.0) -> list[str]:
    """Run checks and return the lines of their output."""
    shown: list[str] = []
    run_all(checks, timeout, shown.append)
    return [line for text in shown for line in text.splitlines()]


@contextmanager
def answering(status: int, content: bytes) -> Iterator[int]:
    """Answer each request so. Gives the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    with served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield server.server_port


def test_a_check_that_does_not_end_fails_in_time() -> None:
    blocked = threading.Event()
    try:
        made = [Check("poller", "Kafka", FIX, lambda: str(blocked.wait(600))) for _ in range(3)]
        printed = lines(*made, timeout=0.1)
    finally:
        blocked.set()
    assert [line.split()[0] for line in printed] == ["FAIL", "->"] * 3
    assert printed[0].endswith("no answer in time")
    assert printed[1].strip() == f"-> {FIX}"
    assert lines(Check("poller", "settings", FIX, lambda: "complete")) == [
        "ok    poller   settings       complete"
    ]


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (CheckError("the key is rejected"), "the key is rejected"),
        (StreamError("Kafka is away"), "Kafka is away"),
        (ValueError("s3cret"), "ValueError"),
        (CheckError("x" * 5_000), "x" * 300),
        (CheckError("two\nlines\x1b[2J of a function"), "two lines [2J of a function"),
    ],
)
def test_an_error_is_shown_without_a_secret(error: Exception, shown: str) -> None:
    def run() -> str:
        raise error

    failed, fix = lines(Check("gateway", "OpenWhisk", FIX, run))
    assert failed.split(maxsplit=3) == ["FAIL", "gateway", "OpenWhisk", shown]
    assert fix.strip() == f"-> {FIX}"


def test_nothing_there_is_a_line_for_each_and_no_secret(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    env = {
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "CLOUDANT_URL": "http://127.0.0.1:1",
        "CLOUDANT_USERNAME": "u",
        "CLOUDANT_PASSWORD": "s3cret-password",
        "RESULTS_FOLDER": str(tmp_path / "file" / "results"),
        "SIMULATOR_URL": "http://user:s3cret-url@127.0.0.1:1",
        "SIMULATOR_API_KEY": "s3cret-key",
        "GATEWAY_SECRET": "s3cret-" + "x" * 30,
        "WHISK_AUTH": "s3cret-user:s3cret-password",
    }
    (tmp_path / "file").touch()
    assert doctor.main(["--gateway", "http://user:s3cret-url@127.0.0.1:1", "--submit"], env) == 1
    out, err = capfd.readouterr()
    assert "s3cret" not in out + err
    failed = {tuple(line.split()[1:3]) for line in out.splitlines() if line.startswith("FAIL")}
    parts = [
        (part, what)
        for part in ("gateway", "poller")
        for what in ("Kafka", "documents", "OpenWhisk", "result")
    ]
    assert failed == {*parts, ("poller", "simulators"), ("gateway", "answers")}
    assert out.count("-> ") == len(failed)
    assert "127.0.0.1:1: Connection refused" in out
    for part, what in [
        ("gateway", "documents"),
        ("poller", "documents"),
        ("poller", "simulators"),
        ("gateway", "answers"),
    ]:
        assert re.search(rf"^FAIL +{part} +{what} +http://127\.0\.0\.1:1 cannot be reached \(", out, re.M)
    assert out.count("not checked: the config documents") == 2
    assert out.splitlines()[-1] == "10 of 13 checks failed"


def test_the_gateway_is_that_of_the_address() -> None:
    with pytest.raises(CheckError, match=r"^http://127\.0\.0\.1:1 cannot be reached"):
        Gateway("http://127.0.0.1:1/", "").ready()


@pytest.mark.parametrize("content", [b"<html>502</html>", b"[]", b"\xff"])
def test_another_server_than_a_gateway_is_named(content: bytes) -> None:
    with answering(502, content) as port:
        url = f"http://127.0.0.1:{port}"
        with pytest.raises(CheckError, match=f"^{url} answers 502 without a JSON object$"):
            Gateway(url, "").run("simulator")


def test_a_poller_that_does_not_work_is_named() -> None:
    with answering(503, b"") as port, pytest.raises(CheckError, match=f":{port} answers 503$"):
        alive(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("wrong", [["--part", "simulator"], ["--backend-type", "x"], ["x"]])
def test_a_wrong_option_is_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        doctor.main(wrong, {})
    assert caught.value.code == 2


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a poller whose services all run here: broker, OpenWhisk, simulator, folder."""
    folder = tmp_path_factory.mktemp("doctor")
    with ExitStack() as ends:
        kafka = ends.enter_context(broker(folder))
        whisk = OpenWhisk(folder)
        ends.callback(whisk.close)
        whisk.action("noop", "def main(args):\n    return {}")
        [port] = free_ports(1)
        key = {"SIMULATOR_API_KEY": "the-key", "SIMULATOR_PORT": str(port)}
        own = {"SIMULATOR_DATABASE": ":memory:", "SIMULATOR_COSTS": ":memory:"}
        url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "simulator"]
        ends.enter_context(process(command, key | own, folder / "simulator.log", f"{url}/healthz"))
        (folder / "documents").mkdir()
        address = f"{whisk.url}/namespaces/_/actions/noop?blocking=true"
        document = raw_document(_id="noop", functionBackendUrl=address)
        document["functionParams"]["headers"]["Authorization"] = "BasicAuth"
        (folder / "documents" / "noop.json").write_text(json.dumps(document))
        wait_for(Topics(kafka).reachable, 60)
        Topics(kafka).ensure(shared(1))
        yield {
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "CONFIG_FOLDER": str(folder / "documents"),
            "WHISK_AUTH": KEY,
            "SIMULATOR_URL": url,
            "SIMULATOR_API_KEY": "the-key",
            "RESULTS_FOLDER": str(folder / "results"),
            "POLLER_PORT": str(ends.enter_context(answering(200, b""))),
        }


def test_a_poller_whose_services_run_passes(
    healthy: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor.main(["--part", "poller"], healthy) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()[:-1]] == ["ok"] * 8
    for what in (
        "Kafka +\\d+ topics",
        "documents +1 functions",
        "OpenWhisk +1 actions at http://127.0.0.1:\\d+",
    ):
        assert re.search(f"^ok +poller +{what}$", out, re.M), out
    assert re.search(r"^ok +poller +result store +stored an object and read it$", out, re.M)
    assert re.search(r"^ok +poller +simulators +\d+ backends at http://127.0.0.1:\d+$", out, re.M)


@pytest.mark.parametrize(
    ("wrong", "what", "said"),
    [
        ({"WHISK_AUTH": "s3cret:s3cret"}, "OpenWhisk", "rejects the key (401)"),
        ({"WHISK_AUTH": ""}, "OpenWhisk", "WHISK_AUTH is not set"),
        ({"SIMULATOR_API_KEY": "s3cret"}, "simulators", "rejects the API key (400)"),
        ({"POLLER_WORKERS": "many"}, "settings", "POLLER_WORKERS must be"),
    ],
)
def test_what_is_wrong_is_named_alone(
    healthy: dict[str, str], wrong: dict[str, str], what: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor.main(["--part", "poller"], healthy | wrong) == 1
    out = capsys.readouterr().out
    (failed,) = [line for line in out.splitlines() if line.startswith("FAIL")]
    assert failed.split()[2] == what
    assert said in failed
    assert "s3cret" not in out
    assert out.splitlines()[-1] == "1 of 8 checks failed"


def test_documents_and_actions_that_are_missing_are_named(
    healthy: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    doctor.main(["--part", "poller"], healthy | {"CONFIG_FOLDER": str(tmp_path)})
    assert "there are no config documents" in capsys.readouterr().out
    text = (Path(healthy["CONFIG_FOLDER"]) / "noop.json").read_text()
    (tmp_path / "other.json").write_text(
        text.replace("actions/noop", "actions/other").replace('"noop"', '"other"')
    )
    doctor.main(["--part", "poller"], healthy | {"CONFIG_FOLDER": str(tmp_path)})
    assert "not deployed: other" in capsys.readouterr().out
    (tmp_path / "other.json").write_text("{}")
    doctor.main(["--part", "poller"], healthy | {"CONFIG_FOLDER": str(tmp_path)})
    assert re.search(r"^FAIL +poller +documents +0 functions; .*other", capsys.readouterr().out, re.M)
