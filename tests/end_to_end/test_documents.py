"""The program and the messages in docs/websocket.md are those of the running stack."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from testkit.stack import Stack
from testkit.websocket import WebSocket
from tests.end_to_end.test_readme import node
from tests.printed import printed

#: What stands for more in a printed message.
MORE = "…"


def check(shown: Any, real: Any) -> None:
    """Check that a message has what is printed: the same names, with values of the same kinds."""
    if isinstance(shown, dict):
        assert shown.keys() - {MORE} <= real.keys()
        assert MORE in shown or shown.keys() == real.keys() - {"time"}
        for name in shown.keys() - {MORE}:
            check(shown[name], real[name])
    else:
        assert type(shown) is type(real)


def test_a_message_of_the_websocket_is_as_printed(stack: Stack) -> None:
    client = stack.client()
    assert client.submit(60, "grover", qubits=3, marked=[5]).json()["status"] == "DONE"
    socket = WebSocket(int(stack.env["GATEWAY_PORT"]), client.token)
    try:
        texts: list[bytes] = []
        while not texts:
            texts += socket.texts()
    finally:
        socket.sock.close()
    shown = json.loads(printed("docs/websocket.md", '{"id": 7'))
    check(shown, json.loads(texts[0]))
    assert shown["event"].keys() == {"process_job_id", "function", "status", MORE}


def test_the_printed_program_gets_the_printed_cloud_event(stack: Stack, tmp_path: Path) -> None:
    client = stack.client()
    assert client.submit(60, "grover", qubits=3, marked=[5]).json()["status"] == "DONE"
    line = printed("docs/websocket.md", "new WebSocket")
    program = tmp_path / "events.mjs"
    program.write_text(
        f"const address = {json.dumps(client.events_url)};\n"
        f"const socket = {line}"
        "socket.onmessage = ({ data }) => { console.log(socket.protocol, data); socket.close(); };\n"
    )
    done = subprocess.run([*node(), str(program)], capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    protocol, _, message = done.stdout.splitlines()[0].partition(" ")
    assert protocol == "cloudevents.json"
    shown, real = json.loads(printed("docs/websocket.md", '{"specversion"')), json.loads(message)
    check(shown, real)
    assert shown["type"].startswith("qwhisk.job.")
    assert real["type"] == f"qwhisk.job.{real['data']['status'].lower()}"
    assert real["source"].startswith(shown["source"].removesuffix(MORE))
