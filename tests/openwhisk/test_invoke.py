"""Invocations: blocking and not, results and failures, limits, and the records they leave."""

from __future__ import annotations

import base64
import io
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from testkit.openwhisk import KEY, OpenWhisk
from tests.openwhisk.conftest import Start

ECHO = "def main(params):\n    return params\n"
GATE = (
    "import pathlib, time\n"
    "def main(p):\n"
    "    while not pathlib.Path(p['gate']).exists():\n"
    "        time.sleep(0.005)\n"
    "    return {'open': True}\n"
)


def notes(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record's annotations as a mapping."""
    return {item["key"]: item["value"] for item in record["annotations"]}


def test_a_blocking_invocation_answers_with_the_record(whisk: OpenWhisk, name: str) -> None:
    whisk.action(name, "def main(p):\n    print('hello')\n    return {'sum': p['a'] + p['b']}\n")
    before = int(time.time() * 1000)
    answer = whisk.invoke(name, {"a": 1, "b": 2})
    assert answer.status_code == 200
    record = answer.json()
    assert record["response"] == {
        "status": "success",
        "success": True,
        "size": len('{"sum":3}'),
        "result": {"sum": 3},
    }
    assert answer.headers["X-OpenWhisk-Activation-Id"] == record["activationId"]
    assert (record["namespace"], record["name"], record["version"]) == ("guest", name, "0.0.1")
    assert before <= record["start"] <= record["end"]
    assert record["duration"] == record["end"] - record["start"]
    assert notes(record)["path"] == f"guest/{name}"
    assert notes(record)["initTime"] >= 0
    assert record["logs"] == []
    kept = whisk.activation(record["activationId"])
    assert kept == record | {"logs": kept["logs"]}
    assert kept["logs"][0].endswith("stdout: hello")
    # The second finds the process warm.
    assert "initTime" not in notes(whisk.invoke(name, {"a": 1, "b": 2}).json())


def test_result_true_answers_with_the_result_alone(whisk: OpenWhisk, name: str) -> None:
    whisk.action(name, ECHO)
    value = {"text": "ψ ☺", "number": 1.5, "none": None, "list": [{"deep": []}]}
    assert whisk.invoke(name, value, "blocking=true&result=true").json() == value
    # A missing body means no parameters.
    assert whisk.ask("POST", f"/actions/{name}?blocking=true&result=true").json() == {}


def test_a_non_blocking_invocation_answers_at_once(whisk: OpenWhisk, name: str) -> None:
    whisk.action(name, ECHO)
    answer = whisk.invoke(name, {"a": 1}, "")
    assert answer.status_code == 202
    activation_id = answer.json()["activationId"]
    assert answer.headers["X-OpenWhisk-Activation-Id"] == activation_id
    record = whisk.activation(activation_id)
    assert record["response"]["result"] == {"a": 1}
    assert whisk.ask("GET", f"/activations/{activation_id}/result").json() == record["response"]
    assert whisk.ask("GET", f"/activations/{activation_id}/logs").json() == {"logs": []}


def test_a_blocking_invocation_that_takes_too_long_becomes_202(
    whisk: OpenWhisk, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    gate = tmp_path_factory.mktemp("gate") / "open"
    whisk.action(name, GATE)
    answer = whisk.invoke(name, {"gate": str(gate)}, "blocking=true&timeout=100")
    assert answer.status_code == 202
    activation_id = answer.json()["activationId"]
    # It has no record while it runs.
    assert whisk.ask("GET", f"/activations/{activation_id}").status_code == 404
    gate.touch()
    assert whisk.activation(activation_id)["response"]["result"] == {"open": True}


@pytest.mark.parametrize("timeout", ["0", "60001", "-1", "soon"])
def test_the_wait_is_bounded(whisk: OpenWhisk, name: str, timeout: str) -> None:
    whisk.action(name, ECHO)
    answer = whisk.invoke(name, {}, f"blocking=true&timeout={timeout}")
    assert (answer.status_code, "timeout" in answer.json()["error"].lower()) == (400, True)


def test_an_error_in_the_result_is_an_application_error(whisk: OpenWhisk, name: str) -> None:
    whisk.action(name, "def main(p):\n    return {'error': {'code': 'bad_input'}, 'beside': 1}\n")
    answer = whisk.invoke(name)
    assert answer.status_code == 502
    response = answer.json()["response"]
    assert (response["status"], response["success"]) == ("application error", False)
    assert response["result"] == {"error": {"code": "bad_input"}}
    assert whisk.invoke(name, query="blocking=true&result=true").json() == {"error": {"code": "bad_input"}}
    # The process is still usable.
    assert "initTime" not in notes(whisk.invoke(name).json())


@pytest.mark.parametrize(
    "code",
    [
        "def main(p):\n    raise SystemExit('s3cret')\n",
        "def main(p):\n    return 1\n",
        "def main(p):\n    return {'x': float('nan')}\n",
        "def main(:\n",
        "def other(p):\n    return p\n",
        "import os\ndef main(p):\n    os._exit(3)\n",
        "import os\nos._exit(3)\n",
    ],
)
def test_a_failure_is_a_developer_error(whisk: OpenWhisk, name: str, code: str) -> None:
    whisk.action(name, code)
    answer = whisk.invoke(name)
    assert answer.status_code == 502
    record = answer.json()
    assert record["response"]["status"] == "action developer error"
    assert "s3cret" not in str(record["response"])
    # As on OpenWhisk, the next invocation gets a new process.
    assert whisk.invoke(name).status_code == 502


def test_what_an_action_raises_is_in_its_log(whisk: OpenWhisk, name: str) -> None:
    whisk.action(name, "def main(p):\n    print('before')\n    raise ValueError('why')\n")
    logs = whisk.logged(name)
    assert any(line.endswith("stdout: before") for line in logs)
    assert any(line.endswith("stderr: ValueError: why") for line in logs)


def test_logs_belong_to_their_activation(whisk: OpenWhisk, name: str) -> None:
    whisk.action(
        name,
        "import sys\nprint('import')\ndef main(p):\n    print('out', p['n'])\n"
        "    sys.stderr.write(f'err {p[\"n\"]}')\n    return {}\n",
    )
    for n in (1, 2):
        logs = whisk.logged(name, {"n": n})
        assert len(logs[0].split(" ")[0]) == 30  # a timestamp with nanoseconds
        texts = sorted(line.split(" ", 1)[1] for line in logs)
        expected = [f"stderr: err {n}", f"stdout: out {n}"]
        assert texts == (sorted([*expected, "stdout: import"]) if n == 1 else expected)


@pytest.mark.parametrize(("length", "lines"), [(1000, 976), (0, 13_982)])
def test_logs_are_truncated_at_their_limit(whisk: OpenWhisk, name: str, length: int, lines: int) -> None:
    """Each line counts 75 bytes more than its text."""
    code = f"def main(p):\n    for _ in range(p['n']):\n        print('x' * {length})\n    return {{}}\n"
    whisk.action(name, code, limits={"logs": 1})
    logs = whisk.logged(name, {"n": 2 * lines})
    assert len(logs) == lines
    assert "truncated" in logs[-1]
    # The next activation starts a new log.
    assert len(whisk.logged(name, {"n": 1})) == 1


def test_an_action_over_its_time_limit_is_killed(whisk: OpenWhisk, name: str) -> None:
    whisk.action(
        name,
        "import time\ndef main(p):\n    print('begun')\n    time.sleep(p.get('seconds', 0))\n    return {}\n",
        # Enough for /init, which has the same limit, on a machine that is busy with others.
        limits={"timeout": 1500},
    )
    record = whisk.invoke(name, {"seconds": 60}).json()
    assert record["response"]["result"] == {
        "error": "The action exceeded its time limits of 1500 milliseconds."
    }
    assert notes(record)["timeout"] is True
    assert 1500 <= record["duration"] < 30_000
    assert whisk.activation(record["activationId"])["logs"][0].endswith("stdout: begun")
    assert whisk.invoke(name).status_code == 200


def test_an_import_over_the_time_limit_is_a_failed_initialisation(whisk: OpenWhisk, name: str) -> None:
    whisk.action(name, "import time\ntime.sleep(60)\ndef main(p):\n    return {}\n", limits={"timeout": 200})
    answer = whisk.invoke(name)
    assert answer.status_code == 502
    record = answer.json()
    assert record["response"]["result"] == {
        "error": "The action exceeded its time limits of 200 milliseconds during initialization."
    }
    assert notes(record)["timeout"] is True
    assert 200 <= notes(record)["initTime"] <= record["duration"]


def test_parameters_over_a_megabyte_are_413(whisk: OpenWhisk, name: str) -> None:
    whisk.action(name, ECHO)
    assert whisk.invoke(name, {"x": "y" * (1024 * 1024)}).status_code == 413
    chunks = (b" " * 65536 for _ in range(17))  # no Content-Length
    assert whisk.ask("POST", f"/actions/{name}", data=chunks).status_code == 413
    # Parameters that fit alone, but not together with those of the action, are rejected too.
    whisk.action(name, ECHO, parameters=[{"key": "bound", "value": "z" * (600 * 1024)}])
    answer = whisk.invoke(name, {"x": "y" * (600 * 1024)})
    assert (answer.status_code, "parameters" in answer.json()["error"]) == (413, True)


def test_a_result_over_a_megabyte_ends_the_container(whisk: OpenWhisk, name: str) -> None:
    whisk.action(name, "def main(p):\n    return {'x': 'y' * p['n']}\n")
    fits = {"n": 1024 * 1024 - len('{"x":""}')}
    assert whisk.invoke(name, fits).status_code == 200
    answer = whisk.invoke(name, {"n": fits["n"] + 1})
    assert answer.status_code == 502
    response = answer.json()["response"]
    assert response["status"] == "application error"
    assert response["result"]["error"] == (
        "The action produced a response that exceeded the allowed length: 1048577 > 1048576 bytes. "
        'The truncated response was: {"x":"' + "y" * (1024 * 1024 - len('{"x":""')) + '"'
    )
    assert "initTime" in notes(whisk.invoke(name, fits).json())


def test_the_context_reaches_the_action(whisk: OpenWhisk, name: str) -> None:
    code = (
        "import os\ndef main(p):\n    return {k: v for k, v in os.environ.items() if k.startswith('__OW_')}\n"
    )
    whisk.action(name, code)
    answer = whisk.ask("POST", f"/actions/{name}?blocking=true", {}, headers={"X-Request-ID": "request-7"})
    record = answer.json()
    seen = record["response"]["result"]
    assert seen["__OW_ACTIVATION_ID"] == record["activationId"]
    assert seen["__OW_ACTION_NAME"] == f"/guest/{name}"
    assert seen["__OW_NAMESPACE"] == "guest"
    assert seen["__OW_TRANSACTION_ID"] == "request-7"
    assert whisk.url.startswith(seen["__OW_API_HOST"])
    begun = record["start"] + notes(record)["initTime"]
    assert 0 < int(seen["__OW_DEADLINE"]) - begun <= 60_000
    assert "__OW_API_KEY" not in seen
    whisk.action(name, code, annotations=[{"key": "provide-api-key", "value": True}])
    assert whisk.invoke(name).json()["response"]["result"]["__OW_API_KEY"] == KEY


def test_a_zip_runs_and_is_recognised(whisk: OpenWhisk, name: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("__main__.py", "from helper import N\ndef main(p):\n    return {'n': N}\n")
        archive.writestr("helper.py", "N = 3\n")
    created = whisk.action(name, base64.b64encode(buffer.getvalue()).decode())
    assert created["exec"]["binary"] is True
    assert whisk.invoke(name, query="blocking=true&result=true").json() == {"n": 3}


def test_activations_are_listed_newest_first(whisk: OpenWhisk, name: str) -> None:
    whisk.ask("PUT", f"/packages/{name}", {})
    whisk.action(f"{name}/{name}", ECHO)
    ids: list[str] = []
    for n in range(4):
        record = whisk.invoke(f"{name}/{name}", {"n": n}).json()
        ids.insert(0, record["activationId"])
        while int(time.time() * 1000) <= record["start"]:
            pass  # so that no two begin in the same millisecond

    def listed(query: str) -> list[str]:
        answer = whisk.ask("GET", f"/activations?name={name}{query}")
        return [item["activationId"] for item in answer.json()]

    assert listed("") == ids
    assert listed("&limit=2") == ids[:2]
    assert listed("&limit=2&skip=1") == ids[1:3]
    start = whisk.activation(ids[1])["start"]
    assert listed(f"&since={start}") == ids[:2]
    assert listed(f"&upto={start}") == ids[1:]
    assert [i["activationId"] for i in whisk.ask("GET", f"/activations?name={name}/{name}").json()] == ids
    brief = whisk.ask("GET", f"/activations?name={name}&limit=1").json()[0]
    assert "response" not in brief
    full = whisk.ask("GET", f"/activations?name={name}&limit=1&docs=true").json()[0]
    assert full["response"]["result"] == {"n": 3}
    assert whisk.ask("GET", f"/activations?name={name}&count=true").json() == {"activations": 4}


def test_only_the_newest_activations_are_kept(start: Start) -> None:
    whisk = start("--activations", "3")
    whisk.action("echo", ECHO)
    ids = [whisk.invoke("echo").json()["activationId"] for _ in range(5)]
    statuses = [whisk.ask("GET", f"/activations/{item}").status_code for item in ids]
    assert statuses == [404, 404, 200, 200, 200]


def test_requests_beyond_a_full_queue_are_429(start: Start, tmp_path: Path) -> None:
    whisk = start("--max-processes", "1", "--max-waiting", "1")
    whisk.action("gate", GATE)
    gate = tmp_path / "open"
    begun = [whisk.invoke("gate", {"gate": str(gate)}, "") for _ in range(3)]
    assert [answer.status_code for answer in begun] == [202, 202, 429]
    assert "count: 3, allowed: 2" in begun[2].json()["error"]
    gate.touch()
    for answer in begun[:2]:
        assert whisk.activation(answer.json()["activationId"])["response"]["success"]
    assert whisk.invoke("gate", {"gate": str(gate)}).status_code == 200


def test_many_callers_at_once_are_all_answered(whisk: OpenWhisk, name: str) -> None:
    whisk.action(name, ECHO)
    with ThreadPoolExecutor(16) as callers:
        answers = list(
            callers.map(lambda n: whisk.invoke(name, {"n": n}, "blocking=true&result=true"), range(100))
        )
    assert [answer.json() for answer in answers] == [{"n": n} for n in range(100)]


@pytest.mark.parametrize("levels", [200, 300, 900, 1020, 100_000])
def test_a_result_that_is_nested_deeply_breaks_nothing(whisk: OpenWhisk, name: str, levels: int) -> None:
    """An action may return what this server could read, but not write again."""
    code = (
        "def deep():\n    value = 1\n"
        f"    for _ in range({levels}):\n        value = [value]\n    return value\n"
        "def main(p):\n    if 'choose' in p:\n        return {'action': deep()}\n"
        "    return {'body': deep(), 'params': {'a': deep()}}\n"
    )
    exported = [{"key": "web-export", "value": True}, {"key": "conductor", "value": True}]
    whisk.action(name, code, annotations=exported[:1])
    whisk.action(f"{name}-conductor", code, annotations=exported)
    bound = [{"key": "b", "value": 1}]
    whisk.action(f"{name}-bound", ECHO, parameters=bound)
    components = [f"/_/{name}", f"/_/{name}-bound"]
    whisk.ask("PUT", f"/actions/{name}-s", {"exec": {"kind": "sequence", "components": components}})
    for invoked in (name, f"{name}-conductor", f"{name}-s"):
        for body in ({}, {"choose": 1}):
            answer = whisk.invoke(invoked, body)
            assert answer.status_code in (200, 500, 502)
            assert whisk.activation(answer.json()["activationId"])["end"]
    for extension in (".json", ".text", ".http", ""):
        answer = whisk.session.get(f"{whisk.url}/web/guest/default/{name}{extension}", timeout=30)
        assert answer.status_code in (200, 400)
    assert "Traceback" not in whisk.own_log()
