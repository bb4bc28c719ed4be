"""/run: results, failures, the context of the activation, and the frame of the log."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from testkit.action_server import ROOT, SENTINEL, ActionServer
from tests.action_server.conftest import Start


def test_run_before_init_is_refused(server: ActionServer) -> None:
    assert server.run() == (500, {"error": "no action defined yet"})


def test_a_result_with_an_error_key_is_still_a_result(server: ActionServer) -> None:
    server.init("def main(p):\n    return {'error': {'code': 'bad_input'}}\n")
    assert server.run() == (200, {"error": {"code": "bad_input"}})


@pytest.mark.parametrize(
    "expression",
    [
        "None",
        "3",
        "'text'",
        "{'x': float('nan')}",
        "{'x': float('inf')}",
        "{'x': object()}",
        "{'x': '\\ud800'}",
    ],
)
def test_what_is_not_a_json_object_or_list_is_502(server: ActionServer, expression: str) -> None:
    server.init(f"def main(p):\n    return {expression}\n")
    status, body = server.run()
    assert status == 502
    assert list(body) == ["error"]
    assert server.stderr().splitlines()[-1] == SENTINEL


def test_lists_are_parameters_and_results(server: ActionServer) -> None:
    server.init("def main(p):\n    return p[::-1]\n")
    assert server.run([1, {"a": 2}]) == (200, [{"a": 2}, 1])


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("raise ValueError('why')", "why"),
        ("raise ValueError", ""),
        ("p['absent']", "'absent'"),
        ("raise ValueError('\\ud800')", "?"),
        ("main(p)", "maximum recursion depth exceeded"),
        (
            "raise type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})",
            "The action raised Odd, which has no message.",
        ),
    ],
)
def test_what_an_action_raises_is_its_error_and_logged_in_full(
    server: ActionServer, statement: str, error: str
) -> None:
    server.init(f"def main(p):\n    {statement}\n")
    for _ in range(2):
        status, body = server.run()
        assert status == 200
        assert list(body) == ["error"]
        assert body["error"].startswith(error)
        assert bool(body["error"]) == bool(error)
    log = server.stderr()
    assert log.count("Traceback (most recent call last)") >= 2
    assert statement in log  # the line of code itself
    assert log.splitlines()[-1] == SENTINEL


def test_an_exit_is_400(server: ActionServer) -> None:
    server.init("import sys\ndef main(p):\n    sys.exit('s3cret')\n")
    assert server.run() == (400, {"error": "command exited"})
    assert "s3cret" in server.stderr()
    assert server.stderr().splitlines()[-1] == SENTINEL


def test_what_an_images_algorithm_raises_is_only_logged(start: Start, tmp_path: Path) -> None:
    """Its main catches all errors; if it does not, callers see no more than the type."""
    package = tmp_path / "more" / "faulty"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("def main(p):\n    raise ValueError('s3cret')\n")
    # A second folder of the package `actions`, which only this process has.
    (tmp_path / "sitecustomize.py").write_text(
        f"import actions\nactions.__path__.append({str(package.parent)!r})\n"
    )
    server = start(QWHISK_ACTION="faulty", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert server.init() == (200, {"ok": True})
    message = "The action raised ValueError. Its log has the traceback."
    assert server.run() == (200, {"error": message})
    assert "s3cret" in server.stderr()


def test_the_context_is_in_the_environment_of_its_activation_only(server: ActionServer) -> None:
    server.init(
        "import os\ndef main(p):\n    return {k: v for k, v in os.environ.items() if k.startswith('__OW_')}\n"
    )
    context = {
        "namespace": "guest",
        "action_name": "/guest/quantum/test",
        "api_key": "key",
        "api_host": "http://127.0.0.1:1",
        "activation_id": "a" * 32,
        "transaction_id": "t",
        "deadline": 1700000000000,
    }
    status, seen = server.run({}, **context)
    assert status == 200
    assert seen == {f"__OW_{name.upper()}": str(value) for name, value in context.items()}
    status, seen = server.run({}, activation_id="b" * 32)
    assert seen == {"__OW_ACTIVATION_ID": "b" * 32}


def test_sentinels_end_every_activation_on_both_streams(server: ActionServer) -> None:
    server.init(
        "import os, sys\n"
        "def main(p):\n"
        "    print('out', p['n'])\n"
        "    sys.stderr.write('no newline')\n"
        "    return {}\n"
    )
    assert server.stdout() == ""  # none after a successful /init: no activation has ended
    for n in (1, 2):
        assert server.run({"n": n})[0] == 200
    assert server.stdout() == f"out 1\n{SENTINEL}\nout 2\n{SENTINEL}\n"
    assert server.stderr() == f"no newline\n{SENTINEL}\n" * 2


def test_an_action_that_replaces_and_closes_streams_is_still_framed(server: ActionServer) -> None:
    server.init(
        "import io, sys\ndef main(p):\n    sys.stdout = io.StringIO()\n    print('lost')\n"
        "    sys.stderr.close()\n    return {}\n"
    )
    assert server.run()[0] == 200
    assert server.run()[0] == 200
    assert server.stdout() == f"{SENTINEL}\n" * 2
    assert server.stderr() == f"{SENTINEL}\n" * 2


def test_main_runs_on_the_main_thread(server: ActionServer) -> None:
    server.init(
        "import threading\ndef main(p):\n"
        "    return {'main': threading.current_thread() is threading.main_thread()}\n"
    )
    assert server.run() == (200, {"main": True})


def test_parameters_and_results_of_a_megabyte_pass(server: ActionServer) -> None:
    server.init("def main(p):\n    return p\n")
    value = {"text": "x" * (1024 * 1024 - 12)}
    assert server.run(value) == (200, value)


@pytest.mark.parametrize(
    "body",
    [b"", b"nonsense", b'"text"', b'{"value": 1}', b'{"value": {"x": NaN}}', b'{"value": {}, "a=b": "c"}'],
)
def test_a_malformed_request_is_400(server: ActionServer, body: bytes) -> None:
    server.init("def main(p):\n    return p\n")
    assert server.post("/run", body)[0] == 400
    assert server.run({"a": 1}) == (200, {"a": 1})
