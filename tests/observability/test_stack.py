"""One stack with a collector: the trace of a job goes through all parts, to the push and the webhook."""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from testkit.collector import Collector, ExportedSpan, collector
from testkit.processes import module_pid, part_environment
from testkit.receiver import receiver
from testkit.stack import Client, Stack, alive, running, wait_for
from testkit.websocket import WebSocket

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")

#: Seconds until a loaded machine has finished a job and exported its spans.
PATIENCE = 120.0
SMILE = {"emoticon_1": ":)", "emoticon_2": ":("}
PROGRAM = 'OPENQASM 3.0; include "stdgates.inc"; qubit q; bit c; h q; c = measure q;'
#: A loop of a few jobs.
LOOP: dict[str, Any] = {"terms": [["ZZ", -1.0], ["XI", -1.0], ["IX", -1.0]], "layers": 1, "max_steps": 3}


@pytest.fixture(scope="module")
def traces() -> Iterator[Collector]:
    with collector() as started:
        yield started


@pytest.fixture(scope="module")
def stack(traces: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose parts export traces soon, and whose webhooks may call this machine."""
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": traces.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "GATEWAY_WEBHOOKS": "private",
        "SIMULATOR_QUEUE_SPEED_UP": "1",
    }
    with running(tmp_path_factory.mktemp("observed"), **settings) as started:
        yield started


def new_trace() -> str:
    return secrets.token_hex(16)


def submit(
    client: Client,
    trace: str,
    values: dict[str, Any],
    function: str = "smile_super_position",
    headers: dict[str, str] | None = None,
    wait: float = 0,
) -> requests.Response:
    """Submit a job as a caller whose own span is 00f067aa0ba902b7."""
    answer = client.http.post(
        f"{client.stack.api}/functions/{function}/jobs",
        params={"wait": wait} if wait else {},
        json=values,
        headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"} | (headers or {}),
        timeout=wait + 60,
    )
    assert answer.status_code in (200, 202), answer.text
    return answer


def complete(traces: Collector, trace: str, *names: str) -> list[ExportedSpan]:
    """Wait until a trace has spans of these names and each span's parent; return it."""

    def found() -> list[ExportedSpan] | None:
        spans = traces.trace(trace)
        known = {span.id for span in spans} | {"00f067aa0ba902b7"}
        has_names = set(names) <= {span.name for span in spans}
        return spans if has_names and all(span.parent in known for span in spans) else None

    try:
        spans = wait_for(found, PATIENCE)
    except Exception:
        pytest.fail(f"the trace is not complete:\n{drawn(traces.trace(trace))}")
    assert spans is not None
    return spans


def drawn(spans: list[ExportedSpan]) -> str:
    """Return the tree of a trace as text."""
    lines = []

    def draw(span: ExportedSpan, depth: int) -> None:
        lines.append(f"{'  ' * depth}{span.part}: {span.name} ({(span.ended - span.started) / 1e6:.1f} ms)")
        for child in spans:
            if child.parent == span.id:
                draw(child, depth + 1)

    known = {span.id for span in spans}
    for span in spans:
        if span.parent not in known:
            draw(span, 0)
    return "\n".join(lines)


def above(spans: list[ExportedSpan], name: str) -> list[str]:
    """Return the names from a span up to the first of its trace."""
    by_id = {span.id: span for span in spans}
    span: ExportedSpan | None = next(each for each in spans if each.name == name)
    names = []
    while span is not None:
        names.append(span.name)
        span = by_id.get(span.parent)
    return names


def test_the_trace_of_a_job_goes_from_its_request_to_the_push(stack: Stack, traces: Collector) -> None:
    client, trace = stack.client(), new_trace()
    listener = WebSocket(int(stack.env["GATEWAY_PORT"]), client.token)
    try:
        answer = submit(client, trace, SMILE, wait=60)
        spans = complete(traces, trace, "push event", "POST /api/v1/functions/<function>/jobs")
    finally:
        listener.close()
    print(drawn(spans))
    returned = answer.headers["traceparent"].split("-")
    root = next(span for span in spans if span.parent == "00f067aa0ba902b7")
    assert returned == ["00", trace, root.id, "01"]
    function = "smile_super_position"
    submission = [f"invoke {function}", "POST /api/v1/functions/<function>/jobs"]
    running_action = [f"run {function}", *submission]
    following = ["receive jobs", "publish jobs", *running_action]
    assert above(spans, "transpile") == ["transpile", *running_action]
    assert above(spans, "choose backend") == ["choose backend", *running_action]
    assert above(spans, "submit to provider") == ["submit to provider", *running_action]
    assert above(spans, "look at provider") == ["look at provider", *following]
    assert above(spans, "fetch result") == ["fetch result", "deliver", *following]
    assert above(spans, "push event") == ["push event", "publish results", "deliver", *following]
    # The function's second activation, for the answer.
    assert [span.parent for span in spans if span.name == f"run {function}"] == [
        span.id for span in spans if span.name == f"invoke {function}"
    ]
    assert {span.part for span in spans} == {"qwhisk-gateway", "qwhisk-action", "qwhisk-poller"}
    assert len(spans) >= 12
    assert all(span.started <= span.ended for span in spans)
    assert not any(span.failed for span in spans)


def test_a_loops_trace_has_all_its_steps_and_survives_a_restart_of_the_poller(
    stack: Stack, traces: Collector
) -> None:
    client, trace = stack.client(), new_trace()
    job = submit(client, trace, LOOP | {"max_steps": 8}, "vqe").json()["process_job_id"]

    def step() -> int:
        event = client.get(f"/jobs/{job}").json()
        assert event["status"] not in ("DONE", "ERROR", "CANCELLED"), f"it ended before the kill: {event}"
        return int((event.get("progress") or {}).get("step", 0))

    wait_for(lambda: step() >= 1, PATIENCE)
    killed = module_pid(stack, "poller")
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: not alive(killed), 30)
    final = wait_for(
        lambda: (event := client.get(f"/jobs/{job}").json())["status"] == "DONE" and event, PATIENCE
    )
    assert final
    jobs = len(final["provider_jobs"])
    # What the killed poller had not exported is lost; what the next one did is there.
    spans = wait_for(
        lambda: (
            (found := traces.trace(trace))
            and any(
                s.attributes.get("qwhisk.status") == "DONE" and s.name == "publish results" for s in found
            )
            and found
        ),
        PATIENCE,
    )
    assert spans
    steps = {span.attributes["qwhisk.step"] for span in spans if span.name == "publish jobs"}
    assert jobs - 1 in steps
    assert len(steps) >= jobs - 2
    received = {span.attributes["qwhisk.step"] for span in spans if span.name == "receive jobs"}
    assert jobs - 1 in received


def test_a_webhook_has_the_jobs_trace(stack: Stack, traces: Collector) -> None:
    client, trace = stack.client(), new_trace()
    with receiver(lambda *_: 204) as hooks:
        url = f"http://127.0.0.1:{hooks.port}/hook?key=a-secret-of-the-receiver"
        job = submit(client, trace, SMILE, headers={"Callback-Url": url}).json()["process_job_id"]
        [delivery] = wait_for(lambda: hooks.of(job), PATIENCE) or []
        spans = complete(traces, trace, "send webhook")
    sent = next(span for span in spans if span.name == "send webhook")
    assert delivery.headers["traceparent"] == f"00-{trace}-{sent.id}-01"
    assert above(spans, "send webhook")[:3] == ["send webhook", "publish results", "deliver"]
    assert sent.attributes["qwhisk.delivered"]


@pytest.mark.parametrize(
    "header",
    [
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e4736' OR 1=1",
        "0" * 8_000,
    ],
)
def test_a_malformed_traceparent_begins_a_new_trace(stack: Stack, header: str) -> None:
    client = stack.client()
    answer = client.http.get(
        f"{stack.api}/functions",
        headers={"traceparent": header, "tracestate": "a=" + "b" * 8_000},
        timeout=60,
    )
    assert answer.status_code == 200
    version, trace, span, _ = answer.headers["traceparent"].split("-")
    assert (version, len(trace), len(span)) == ("00", 32, 16)
    assert trace not in (header.split("-")[1:2] or [""])[0]
    assert "tracestate" not in answer.headers


def test_a_trace_that_its_caller_does_not_record_is_not_recorded(stack: Stack, traces: Collector) -> None:
    client, silent, loud = stack.client(), new_trace(), new_trace()
    answer = client.http.get(
        f"{stack.api}/functions", headers={"traceparent": f"00-{silent}-00f067aa0ba902b7-00"}, timeout=60
    )
    assert answer.headers["traceparent"].startswith(f"00-{silent}-")
    assert answer.headers["traceparent"].endswith("-00")
    client.http.get(
        f"{stack.api}/functions", headers={"traceparent": f"00-{loud}-00f067aa0ba902b7-01"}, timeout=60
    )
    # The later request's span is exported after an earlier one's.
    wait_for(lambda: traces.trace(loud), PATIENCE)
    assert not traces.trace(silent)


def test_nothing_secret_is_exported(stack: Stack, traces: Collector) -> None:
    client, trace = stack.client(), new_trace()
    listener = WebSocket(int(stack.env["GATEWAY_PORT"]), client.token)
    marker = f"an-emoticon-{secrets.token_hex(4)}"
    with receiver(lambda *_: 204) as hooks:
        url = f"http://127.0.0.1:{hooks.port}/hook?key=a-secret-of-the-receiver"
        answer = client.http.post(
            f"{stack.api}/functions/run_openqasm/jobs",
            json={"program": f"// {marker}\n{PROGRAM}"},
            headers={"Callback-Url": url, "traceparent": f"00-{trace}-00f067aa0ba902b7-01"},
            timeout=60,
        )
        assert answer.status_code == 202, answer.text
        complete(traces, trace, "send webhook", "push event")
    listener.close()
    exported = bytes(traces.received)
    env = part_environment(stack, "gateway")
    hidden = [marker, client.token, client.id, "a-secret-of-the-receiver", str(hooks.port), "results."]
    hidden += [env["GATEWAY_SECRET"], env["WHISK_AUTH"], "127.0.0.1", str(Path(stack.folder).name)]
    hidden += [part_environment(stack, "simulator")["SIMULATOR_API_KEY"]]
    assert len(exported) > 1_000
    assert [secret for secret in hidden if secret.encode() in exported] == []


def test_every_line_of_the_log_has_the_common_form_and_nothing_secret(stack: Stack) -> None:
    client = stack.client()
    hostile = "\n\x1b[31m\x9b\u2028{}" + "x" * 5_000
    client.http.post(f"{stack.api}/functions/{hostile[:100]}/jobs", json=SMILE, timeout=60)
    client.http.get(f"{stack.api}/functions", headers={"Authorization": "Bearer a-forged-token"}, timeout=60)
    job = submit(client, new_trace(), SMILE).json()["process_job_id"]
    wait_for(lambda: client.get(f"/jobs/{job}").json()["status"] == "DONE", PATIENCE)
    lines: dict[str, list[dict[str, Any]]] = {}
    for part in ("gateway", "poller", "simulator"):
        text = (stack.folder / "logs" / f"{part}.log").read_text()
        lines[part] = [json.loads(line) for line in text.splitlines()]
        env = part_environment(stack, part)
        secret = {name: env[name] for name in env if name.endswith(("_SECRET", "_KEY", "_AUTH", "_TOKEN"))}
        hidden = [*secret.values(), client.token, client.id, "a-forged-token", "results."]
        assert [each for each in hidden if each and each in text] == []
        assert all(character.isprintable() for line in text.splitlines() for character in line)
    for part, entries in lines.items():
        assert entries, part
        for entry in entries:
            assert {"time", "level", "part", "message"} <= entry.keys(), entry
            assert entry["part"] == part
    assert job in {entry.get("process_job_id") for entry in lines["gateway"]}
    assert job in {entry.get("process_job_id") for entry in lines["poller"]}
