"""A function that is invoked with OpenWhisk's key, without the gateway, as docs/deploy.md describes."""

from __future__ import annotations

import json
import os
import subprocess

from testkit.processes import part_environment
from testkit.programs import path_of
from testkit.stack import GIVEN_WHISK, Stack
from tests.printed import at, printed


def test_the_example_of_the_documentation(stack: Stack) -> None:
    path_of("curl", "curl")
    script = at(stack.gateway, printed("docs/deploy.md", "TOKEN="))
    gateway = part_environment(stack, "gateway")
    apihost = GIVEN_WHISK or f"http://127.0.0.1:{stack.env['OPENWHISK_PORT']}"
    env = {"WHISK_APIHOST": apihost, "WHISK_AUTH": gateway["WHISK_AUTH"]}
    done = subprocess.run(
        ["bash", "-euc", script], env={**os.environ, **env}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    decoder, rest = json.JSONDecoder(), done.stdout.strip()
    reply, end = decoder.raw_decode(rest)
    event, _ = decoder.raw_decode(rest[end:].lstrip())
    assert reply["process_job_id"] == event["process_job_id"]
    assert event["status"] == "DONE"
    assert [entry["text"] for entry in event["answer"]["emoticons"]] == [":)", ":("]
