"""The README's commands work as they are printed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from testkit.stack import ROOT, Stack


def test_curl_is_enough(stack: Stack) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl on PATH: install it to try the README's lines")
    text = (ROOT / "README.md").read_text()
    [lines] = re.findall(r"```sh\n(TOKEN=.*?)```", text, re.S)
    assert lines.count("curl ") == 3
    script = lines.replace("http://127.0.0.1:8080", stack.gateway)
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    decoder, results, rest = json.JSONDecoder(), [], done.stdout.strip()
    while rest:
        value, end = decoder.raw_decode(rest)
        results.append(value)
        rest = rest[end:].lstrip()
    event, listed = results
    assert event["status"] == "DONE"
    assert [entry["text"] for entry in event["answer"]["emoticons"]] == [":)", ":("]
    assert [job["process_job_id"] for job in listed["jobs"]] == [event["process_job_id"]]
