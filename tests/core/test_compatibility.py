"""The code of earlier commits and this code read each other's messages: parts are updated separately."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.core.wire_traffic import golden

REPOSITORY = Path(__file__).resolve().parents[2]
#: The last commit before `core.protocol`, the last commit before the working tree, and the one before that: a
#: clean tree, as in CI, is the last commit itself.
COMMITS = ("49dd58ceaad4b5201a6d1304949aa8b972c1f706", "HEAD~1", "HEAD")

#: Fields of events that the earliest of them does not know.
NEW_FIELDS = ("circuit", "previous_jobs")

#: Reads messages with the code in its working directory and writes what it has read.
READER = """
import importlib, json, sys
sys.path.insert(0, ".")
def first(name, *modules):
    for module in modules:
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    raise ImportError(name)
def get(name, *others):
    return first(name, "core.protocol", "core.events", *others)
encode, decode = get("encode"), get("decode")
job, result = get("JobEvent"), get("ResultEvent")
backends, large = get("BackendList"), get("LargeResult")
envelope = get("Envelope", "actions.framework.input")
following = get("NextJob", "poller.delivery.step_reply")
parse = get("parse_step_reply", "poller.delivery.step_reply")
interpret = first("interpret", "core.openwhisk.answers")
def error(reply):
    try:
        return interpret("f", 502, reply)
    except Exception as failure:
        return failure.as_dict()
def read(kind, value):
    if kind == "backends":
        return encode(decode(backends, value.encode())).decode()
    if kind == "job":
        return encode(decode(job, value.encode())).decode()
    if kind == "result":
        return encode(decode(result, value.encode())).decode()
    if kind == "large":
        return large.model_validate_json(value).model_dump_json()
    value = json.loads(value)
    if kind == "envelope":
        return json.dumps(envelope.model_validate(value).model_dump())
    if kind == "step":
        return encode(result.model_validate_json(json.dumps(value["step"]))).decode()
    if kind == "error":
        return json.dumps(error(value))
    step = decode(job, json.dumps(value["of"]).encode())
    reply = parse(value["reply"], step)
    return reply.model_dump_json(exclude={"circuit"}) if isinstance(reply, following) else json.dumps(reply)
print(json.dumps([read(kind, value) for kind, value in json.load(sys.stdin)]))
"""


def messages() -> list[tuple[str, str]]:
    """The golden messages, each with its kind."""
    encoded: list[tuple[str, str]] = []
    envelope = {"client_id", "process_job_id", "topic", "again", "callback_url"}
    for line in (line for part in golden().values() for line in part):
        head, _, rest = line.replace("<now>", "2026-05-01T12:00:01").partition(" ")
        value = rest.partition(" ")[2]
        if head in ("jobs", "jobs.cancel") or head.startswith("jobs.wait"):
            encoded.append(("job", value))
        elif head == "webhooks" or head.startswith("results."):
            encoded.append(("result", value))
        elif head == "backends":
            encoded.append(("backends", value))
        elif head.startswith("results/"):
            encoded.append(("large", rest))
        elif head == "invocation":
            params = json.loads(rest)
            kind = "step" if "step" in params else "envelope"
            only = {name: params[name] for name in envelope & set(params)}
            encoded.append((kind, rest if kind == "step" else json.dumps(only)))
        elif head == "reply":
            reply = json.loads(rest)
            before = golden_job() | {"step": reply.get("step", 1) - 1 if reply.get("step") else 0}
            kind = "error" if "error" in reply else "reply"
            encoded.append((kind, rest if kind == "error" else json.dumps({"of": before, "reply": reply})))
    return encoded


def golden_job() -> dict[str, Any]:
    """A JobEvent of the golden record."""
    line = next(line for line in golden()["action"] if line.startswith("jobs "))
    event: dict[str, Any] = json.loads(line.replace("<now>", "2026-05-01T12:00:01").split(" ", 2)[2])
    return event


def as_written_before(text: str) -> str:
    """Return a message without the fields that only newer actions add, and their pollers and gateways know.

    Gateways are updated first, then pollers, then actions, so no older part gets these fields.
    """
    value = json.loads(text)
    for part in (value, *(inner for inner in value.values() if isinstance(inner, dict))):
        for name in NEW_FIELDS:
            part.pop(name, None)
    return json.dumps(value)


def read(folder: Path, sent: list[tuple[str, str]]) -> list[str]:
    """Return what the code in a folder reads of these messages, encoded again by the same code."""
    done = subprocess.run(
        [sys.executable, "-c", READER],
        input=json.dumps(sent),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    answer: list[str] = json.loads(done.stdout)
    return answer


@pytest.fixture
def before(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder with the code of a commit."""
    archive = subprocess.run(
        ["git", "archive", request.param, "core", "actions/framework", "actions/__init__.py", "poller"],
        cwd=REPOSITORY,
        capture_output=True,
        check=False,
    )
    if archive.returncode != 0:
        pytest.skip("the git history is not there: a full clone runs the tests of compatibility")
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
        files.extractall(tmp_path, filter="data")
    return tmp_path


@pytest.mark.parametrize("before", COMMITS, indirect=True)
def test_the_code_before_and_this_code_read_each_others_messages(before: Path) -> None:
    sent = messages()
    kinds = {"job", "result", "backends", "large", "envelope", "step", "reply", "error"}
    assert {kind for kind, _ in sent} == kinds
    models = [path.read_text(encoding="utf-8") for path in (before / "core").rglob("events.py")]
    if not any("previous_jobs" in text for text in models):
        sent = [(kind, as_written_before(value)) for kind, value in sent]
    # The golden record is what both versions write (test_wire). Each must read it, and in the same way.
    old, new = read(before, sent), read(REPOSITORY, sent)
    assert old == new
    # A message that one version has read and written again is the same to the other.
    for reader, written in ((before, new), (REPOSITORY, old)):
        events = [
            (kind, text)
            for (kind, _), text in zip(sent, written, strict=True)
            if kind in ("job", "result", "backends", "large")
        ]
        assert read(reader, events) == [text for _, text in events]
