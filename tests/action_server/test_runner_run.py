"""/run: results, failures, the context of the activation, and the frame of the log."""

from __future__ import annotations

import pytest

from testkit.action_server import SENTINEL, ActionServer


def test_run_before_init_is_refused(server: ActionServer) -> None:
    status, body = server.run()
    assert (status, "init" in body["error"]) == (403, True)


def test_a_result_with_an_error_key_is_still_a_result(server: ActionServer) -> None:
    server.init("def main(p):\n    return {'error': {'code': 'bad_input'}}\n")
    assert server.run() == (200, {"error": {"code": "bad_input"}})


@pytest.mark.parametrize(
    "expression",
    [
        "None",
        "3",
        "'text'",
        "[1]",
        "{'x': float('nan')}",
        "{'x': float('inf')}",
        "{'x': object()}",
        "{'x': '\\ud800'}",
    ],
)
def test_what_is_not_a_json_object_is_502(server: ActionServer, expression: str) -> None:
    server.init(f"def main(p):\n    return {expression}\n")
    status, body = server.run()
    assert status == 502
    assert list(body) == ["error"]
    assert server.stderr().splitlines()[-1] == SENTINEL


@pytest.mark.parametrize(
    "statement", ["raise ValueError('s3cret')", "import sys; sys.exit('s3cret')", "main(p)"]
)
def test_an_exception_is_reported_briefly_and_logged_in_full(server: ActionServer, statement: str) -> None:
    server.init(f"def main(p):\n    {statement}\n")
    status, body = server.run()
    assert status == 502
    assert "s3cret" not in body["error"]
    assert "Traceback" not in body["error"]
    log = server.stderr()
    assert "Traceback (most recent call last)" in log
    assert statement.split(";")[0] in log  # the line of code itself
    # The server still works.
    assert server.run()[0] == 502


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
    [b"", b"nonsense", b'"text"', b'{"value": []}', b'{"value": {"x": NaN}}', b'{"value": {}, "a=b": "c"}'],
)
def test_a_malformed_request_is_400(server: ActionServer, body: bytes) -> None:
    server.init("def main(p):\n    return p\n")
    assert server.post("/run", body)[0] == 400
    assert server.run({"a": 1}) == (200, {"a": 1})
