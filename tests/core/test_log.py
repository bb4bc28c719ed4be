"""Logs: one bounded JSON object per line, with the caller's fields."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core import log
from core.log import MAX_MESSAGE, JsonFormatter
from core.tracing import record_with, span


def line(
    message: str, *args: Any, extra: dict[str, Any] | None = None, exc_info: Any = None
) -> dict[str, Any]:
    """Return one record, formatted and read back."""
    record = logging.getLogger("a.part").makeRecord(
        "a.part", logging.WARNING, __file__, 1, message, args, exc_info, extra=extra
    )
    text = JsonFormatter("gateway").format(record)
    assert "\n" not in text
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def test_a_record_is_one_object_with_the_added_fields() -> None:
    entry = line("job %s of %d", "x", 3, extra={"process_job_id": "p-1", "count": 2})
    logged_at = datetime.fromisoformat(entry.pop("time"))
    assert logged_at.utcoffset() == timedelta(0)
    assert abs((datetime.now(UTC) - logged_at).total_seconds()) < 60
    assert entry == {
        "level": "warning",
        "part": "gateway",
        "service": "gateway",
        "logger": "a.part",
        "message": "job x of 3",
        "process_job_id": "p-1",
        "count": 2,
    }


def test_values_that_json_does_not_have_become_text() -> None:
    assert line(
        "x",
        extra={
            "where": {
                1,
            },
            "error": ValueError("no"),
        },
    ) | {"time": ""} == {
        "time": "",
        "level": "warning",
        "part": "gateway",
        "service": "gateway",
        "logger": "a.part",
        "message": "x",
        "where": "{1}",
        "error": "no",
    }


@pytest.mark.parametrize("text", ["a\nb", 'quote " and \\', "\x00\x1b[31m", "\ud800", "é€"])
def test_no_input_breaks_the_line(text: str) -> None:
    assert line("%s", text)["message"] == text


@pytest.mark.parametrize("control", ["\x9b31m", "\x85", "\u2028", "\u202e", "\u061c", "\n\x1b[2J"])
def test_no_terminal_and_no_reader_of_lines_interprets_a_text(control: str) -> None:
    record = logging.makeLogRecord({"msg": f"é{control}", "who": control, "name": control})
    text = JsonFormatter("gateway").format(record)
    assert text.isprintable()
    assert len(text.splitlines()) == 1
    assert json.loads(text)["who"] == control


@pytest.mark.parametrize("value", ["x" * 1_000_000, ["x" * 1_000] * 1_000, {"x": "y" * 1_000_000}, 10**4_000])
def test_every_field_is_bounded(value: Any) -> None:
    assert len(json.dumps(line("x", extra={"who": value}))) < 2 * MAX_MESSAGE


def test_no_number_loses_the_line() -> None:
    assert line("x", extra={"count": 10**30})["count"] == 10**30


def test_a_message_is_bounded() -> None:
    assert line("%s", "x" * 1_000_000)["message"] == "x" * MAX_MESSAGE


def test_a_traceback_is_included_for_our_own_bugs_and_bounded() -> None:
    def deep(left: int) -> None:
        if left:
            deep(left - 1)
        raise ValueError("y" * 20_000)

    try:
        deep(3)
    except ValueError as error:
        entry = line("failed", exc_info=(type(error), error, error.__traceback__))
    assert entry["traceback"].endswith("yyy")
    assert len(entry["traceback"]) == 4 * MAX_MESSAGE
    assert "traceback" not in line("not failed")


def test_the_root_logger_writes_json_to_stderr(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("logThreads", "logProcesses", "logMultiprocessing", "logAsyncioTasks", "_srcfile"):
        if hasattr(logging, name):
            monkeypatch.setattr(logging, name, getattr(logging, name))
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    chatty = {name: logging.getLogger(name).level for name in ("qiskit", "qiskit_ibm_runtime", "urllib3")}
    try:
        # pytest's own handlers are closed by basicConfig(force=True), so they are put aside.
        root.handlers = []
        log.configure("poller", "WARNING")
        logging.getLogger("poller.worker").warning("here", extra={"n": 1})
        logging.getLogger("poller.worker").info("not here")
        logging.getLogger("qiskit_ibm_runtime").warning("nor this")
    finally:
        root.handlers = before
        root.setLevel(level)
        for name, old in chatty.items():
            logging.getLogger(name).setLevel(old)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [json.loads(text)["message"] for text in captured.err.splitlines()] == ["here"]
    assert json.loads(captured.err)["service"] == "poller"


def test_a_line_has_the_digest_of_a_client_and_not_its_id() -> None:
    entry = line("x", extra={"client_id": "client-1"})
    assert "client-1" not in json.dumps(entry)
    assert len(entry["client"]) == 16
    assert entry["client"] == line("x", extra={"client_id": "client-1"})["client"]


def test_a_line_has_the_trace_that_is_under_way() -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    record_with(lambda _: None)
    try:
        with span("work", parent=f"00-{trace}-00f067aa0ba902b7-01"):
            assert line("x")["trace"] == trace
    finally:
        record_with(None)
    assert "trace" not in line("x")
