"""What survives the server, and the rate limits per minute."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.openwhisk.activations import Activation, Activations, ActivationStatus, Response
from local.openwhisk.errors import TooFast
from local.openwhisk.rates import Rate
from local.openwhisk.rotating_log import RotatingLog
from testkit.openwhisk import ROOT, OpenWhisk
from tests.openwhisk.conftest import Start

ECHO = "def main(params):\n    print('said')\n    return {'got': params}\n"


def documents(whisk: OpenWhisk) -> dict[str, object]:
    """Return all entities."""
    paths = ("packages/p", "packages/b", "actions/p/a", "actions/s", "triggers/t", "rules/r")
    return {path: whisk.ask("GET", f"/{path}").json() for path in paths}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_everything_is_available_after_a_restart(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    state = str(tmp_path / "state")
    first = start("--state", state)
    first.ask("PUT", "/packages/p", {"parameters": [{"key": "a", "value": [1, None, "ä"]}]})
    first.ask("PUT", "/packages/b", {"binding": {"namespace": "_", "name": "p"}})
    first.action("p/a", ECHO, limits={"timeout": 7000}, annotations=[{"key": "note", "value": {"x": 1}}])
    first.action("gone", ECHO)
    sequence = {"kind": "sequence", "components": ["/_/p/a"]}
    first.ask("PUT", "/actions/s", {"exec": sequence})
    first.ask("PUT", "/triggers/t", {"parameters": [{"key": "b", "value": 2}]})
    first.ask("PUT", "/rules/r", {"trigger": "/_/t", "action": "/_/p/a"})
    first.ask("POST", "/rules/r", {"status": "inactive"})
    assert first.ask("DELETE", "/actions/gone").status_code == 200
    record = first.activation(first.invoke("b/a", {"c": 3}).json()["activationId"])
    before = documents(first)
    first.stop(number)

    second = start("--state", state)
    assert documents(second) == before
    assert second.ask("GET", "/actions/gone").status_code == 404
    assert second.ask("GET", f"/activations/{record['activationId']}").json() == record
    assert second.invoke("b/a", {"c": 3}).json()["response"] == record["response"]
    second.ask("POST", "/rules/r", {"status": "active"})
    fired = second.activation(second.ask("POST", "/triggers/t", {}).json()["activationId"])
    assert json.loads(fired["logs"][0])["success"]
    # A new process for new code: the revisions continue.
    second.action("p/a", "def main(p):\n    return {'new': True}\n")
    assert second.invoke("p/a", query="blocking=true&result=true").json() == {"new": True}
    assert "not read" not in second.log()


def test_a_damaged_file_affects_only_its_entity(start: Start, tmp_path: Path) -> None:
    state = tmp_path / "state"
    first = start("--state", str(state))
    first.action("one", ECHO)
    first.action("two", ECHO)
    first.stop()
    damaged = next(path for path in (state / "entities").glob("*.json") if '"one"' in path.read_text())
    damaged.write_text(damaged.read_text()[:50])
    with (state / "activations" / "newer.jsonl").open("ab") as file:
        file.write(b'{"no": "record"}\n{"cut off')
    second = start("--state", str(state))
    assert [item["name"] for item in second.ask("GET", "/actions").json()] == ["two"]
    assert "is not read" in second.log()
    # The truncated line must not be joined with the next.
    record = second.activation(second.invoke("two").json()["activationId"])
    second.stop()
    third = start("--state", str(state))
    assert third.ask("GET", f"/activations/{record['activationId']}").json() == record


def test_a_folder_that_cannot_be_created_is_reported_in_one_line(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    command = [
        sys.executable,
        "-m",
        "local.openwhisk",
        "--port",
        "0",
        "--state",
        str(tmp_path / "file" / "x"),
    ]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert "--state" in ended.stderr


def test_the_rotating_log_is_bounded(tmp_path: Path) -> None:
    rotating_log = RotatingLog(tmp_path, 1000)
    for number in range(1000):
        rotating_log.append(b"%04d" % number)
    rotating_log.close()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2100
    again = RotatingLog(tmp_path, 1000)
    lines = list(again.lines())
    again.close()
    assert lines[-1] == b"0999\n"
    assert lines == [b"%04d\n" % number for number in range(1000 - len(lines), 1000)]


def test_kept_activations_are_bounded_too(tmp_path: Path) -> None:
    def record(number: int) -> Activation:
        return Activation(
            id=f"{number:032}", namespace="n", name="a", path="n/a", version="0.0.1", kind="python:default",
            start=number, end=number + 1, response=Response(ActivationStatus.SUCCESS, b'{"a":"\xc3\xa4"}'),
        )  # fmt: skip

    records = Activations(5, 1_000_000, tmp_path)
    for number in range(20):
        records.add(record(number))
    records.close()
    again = Activations(5, 1_000_000, tmp_path)
    assert again.list(name=None, since=None, upto=None, skip=0, limit=99) == [
        record(number) for number in range(19, 14, -1)
    ]
    again.close()


def test_the_requests_of_a_minute_are_limited(start: Start) -> None:
    whisk = start("--invocations-per-minute", "2", "--fires-per-minute", "1")
    whisk.action("echo", ECHO)
    whisk.ask("PUT", "/triggers/t", {})
    whisk.ask("PUT", "/rules/r", {"trigger": "/_/t", "action": "/_/echo"})
    # A new minute may begin between requests, at most once: then there are as many again.
    statuses = [whisk.invoke("echo").status_code for _ in range(6)]
    assert statuses.count(429) >= 2
    refused = whisk.invoke("echo")
    assert refused.status_code in (200, 429)
    fires = [whisk.ask("POST", "/triggers/t", {}) for _ in range(4)]
    limited = [answer for answer in fires if answer.status_code == 429]
    assert len(limited) >= 2
    assert (
        limited[0].json()["error"].startswith("Too many requests in the last minute (count: 2, allowed: 1)")
    )
    limits = whisk.ask("GET", "/limits").json()
    assert (limits["invocationsPerMinute"], limits["firesPerMinute"]) == (2, 1)


def test_refused_requests_count_too(start: Start) -> None:
    """On a stock server also those that are refused for another reason."""
    whisk = start("--invocations-per-minute", "4", "--max-processes", "1")
    while time.time() % 60 > 50:
        time.sleep(1)  # so that no new minute begins in between
    whisk.action("echo", ECHO)
    assert whisk.invoke("absent").status_code == 404
    assert whisk.ask("POST", "/actions/echo", data="[").status_code == 400
    assert whisk.invoke("echo").status_code == 200
    whisk.ask("PUT", "/triggers/t", {})
    whisk.ask("PUT", "/rules/r", {"trigger": "/_/t", "action": "/_/echo"})
    fired = [whisk.ask("POST", "/triggers/t", {}).json()["activationId"] for _ in range(2)]
    entries = [json.loads(whisk.activation(item)["logs"][0]) for item in fired]
    assert [entry["success"] for entry in entries] == [True, False]
    assert entries[1]["error"] == "Too many requests in the last minute (count: 5, allowed: 4)."
    refused = [whisk.invoke("echo") for _ in range(2)]
    assert [answer.status_code for answer in refused] == [429, 429]
    assert refused[1].json()["error"] == "Too many requests in the last minute (count: 7, allowed: 4)."


def test_no_more_invocations_run_at_a_time_than_are_allowed(start: Start, tmp_path: Path) -> None:
    whisk = start("--concurrent-invocations", "2")
    gate = tmp_path / "open"
    code = (
        "import pathlib, time\ndef main(p):\n"
        "    while not pathlib.Path(p['gate']).exists():\n        time.sleep(0.01)\n    return {}\n"
    )
    whisk.action("gate", code)
    answers = [whisk.invoke("gate", {"gate": str(gate)}, "") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    message = "Too many concurrent requests in flight (count: 3, allowed: 2)."
    assert answers[2].json()["error"] == message
    assert whisk.ask("GET", "/limits").json()["concurrentInvocations"] == 2
    gate.touch()
    for answer in answers[:2]:
        whisk.activation(answer.json()["activationId"])
    assert whisk.invoke("gate", {"gate": str(gate)}).status_code == 200


def test_a_new_minute_starts_a_new_count() -> None:
    now = 120.0
    rate = Rate(2, lambda: now)
    rate.count()
    rate.count()
    with pytest.raises(TooFast, match=r"count: 3, allowed: 2"):
        rate.count()
    now = 180.0
    rate.count()
