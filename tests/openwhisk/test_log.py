"""The server's log has the form that all services share."""

from __future__ import annotations

import json
from pathlib import Path

from testkit.openwhisk import OpenWhisk


def test_each_line_is_a_json_object_of_the_common_form(tmp_path: Path) -> None:
    server = OpenWhisk(tmp_path)
    try:
        server.action("echo", "def main(params):\n    return params\n")
        assert server.ask("POST", "/actions/echo?blocking=true", {"n": 1}).status_code == 200
    finally:
        server.close()
    entries = [json.loads(line) for line in server.log().splitlines()]
    assert any(entry["message"].startswith("process ") for entry in entries)
    for entry in entries:
        assert {"time", "level", "service", "logger", "message"} <= set(entry)
        assert entry["service"] == "openwhisk"


def test_a_higher_level_leaves_lines_out(tmp_path: Path) -> None:
    server = OpenWhisk(tmp_path, LOG_LEVEL="warning")
    try:
        server.action("echo", "def main(params):\n    return params\n")
        assert server.ask("POST", "/actions/echo?blocking=true", {"n": 1}).status_code == 200
    finally:
        server.close()
    assert server.log() == ""


def test_the_traceback_of_a_failed_action_is_logged_with_the_activation(tmp_path: Path) -> None:
    server = OpenWhisk(tmp_path)
    try:
        server.action("broken", "def main(params):\n    return {'share': 1 / params['n']}\n")
        answer = server.ask("POST", "/actions/broken?blocking=true", {"n": 0})
        assert answer.status_code == 502
        activation = answer.headers["X-OpenWhisk-Activation-Id"]
    finally:
        server.close()
    [entry] = [entry for line in server.log().splitlines() if "printed" in (entry := json.loads(line))]
    assert activation in entry["message"]
    assert "ZeroDivisionError: division by zero" in entry["printed"]
