"""Trace contexts of callers that may be hostile, spans, and the spans in an action's reply."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import tracing
from core.errors import InputError
from core.protocol import JobEvent, ResultEvent, binary_headers, decode, encode, read_trace
from core.tracing import Span
from core.tracing.reply import MAX_AGE, SPANS, record_reply, with_spans
from core.tracing.spans import MAX_SPANS

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADER = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def recorded() -> Iterator[list[Span]]:
    """The spans that this process records."""
    spans: list[Span] = []
    tracing.record_with(spans.append)
    yield spans
    tracing.record_with(None)


def job() -> JobEvent:
    return JobEvent(
        job_id="job",
        backend="fake_fez",
        backend_type="simulator",
        function="smile",
        client_id="client",
        process_job_id="run",
        topic="results.AAAAAAAAAAAAAAAAAAAAAA",
        submitted_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_a_valid_header_is_read_and_written_the_same() -> None:
    context = tracing.parse(HEADER)
    assert context is not None
    assert context.header == HEADER
    assert context.child().trace_id == TRACE
    assert context.child().span_id != context.span_id


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        HEADER.upper(),
        HEADER + "\n",
        HEADER + "-more",
        HEADER.replace("00-", "ff-", 1),
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"01-{TRACE}-00f067aa0ba902b7-01-" + "x" * 300,
        HEADER.encode("utf-16"),
        "\u0660" * 55,
    ],
)
def test_a_malformed_header_is_ignored(header: Any) -> None:
    assert tracing.parse(header) is None


def test_a_later_version_may_have_more_fields() -> None:
    context = tracing.parse(f"01-{TRACE}-00f067aa0ba902b7-03-more")
    assert context is not None
    assert context.header == HEADER


@given(st.one_of(st.text(max_size=300), st.binary(max_size=300)))
def test_no_header_is_an_error(header: str | bytes) -> None:
    context = tracing.parse(header)
    assert context is None or tracing.parse(context.header) == context


def test_nothing_is_recorded_or_sent_while_traces_are_off() -> None:
    assert tracing.begin(HEADER, "request", {}) is None
    with tracing.span("work", parent=HEADER) as span:
        assert span is None
        assert tracing.traceparent() is None
    event = job()
    assert "traceparent" not in binary_headers(event, encode(event))


def test_the_parts_do_not_import_opentelemetry_unless_a_collector_is_set() -> None:
    program = (
        "import sys, os; from core.tracing import export; import actions.framework.algorithm, gateway.app,"
        " poller.worker; export.configure('poller', {});"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout == "[]\n", done.stderr


def test_a_span_has_the_code_of_its_error_and_not_the_message(recorded: list[Span]) -> None:
    with pytest.raises(InputError), tracing.span("work", parent=HEADER):
        raise InputError("secret")
    [span] = recorded
    assert (span.error, span.parent_id, span.context.trace_id) == ("invalid_input", "00f067aa0ba902b7", TRACE)


def test_spans_below_one_another_are_a_tree(recorded: list[Span]) -> None:
    with tracing.span("outer", parent=HEADER), tracing.span("inner", parent=f"00-{'1' * 32}-{'2' * 16}-01"):
        pass
    inner, outer = recorded
    assert inner.parent_id == outer.context.span_id
    assert inner.context.trace_id == TRACE


def test_a_trace_that_is_not_recorded_goes_no_further(recorded: list[Span]) -> None:
    span = tracing.begin(HEADER[:-1] + "0", "request", {})
    assert span is not None
    with tracing.attached(span), tracing.span("work"):
        assert tracing.traceparent(HEADER) is None
    span.end()
    assert recorded == []


@pytest.mark.parametrize(("ratio", "sampled"), [(0.0, False), (1.0, True)])
def test_the_ratio_decides_for_new_traces(ratio: float, sampled: bool) -> None:
    tracing.record_with(lambda _: None, ratio)
    try:
        span = tracing.begin(None, "request", {})
    finally:
        tracing.record_with(None)
    assert span is not None
    assert span.context.sampled is sampled


def test_an_events_trace_is_in_its_header_and_not_in_its_message(recorded: list[Span]) -> None:
    event = job()
    event.traceparent = HEADER
    data = encode(event)
    assert TRACE.encode() not in data
    headers = list(binary_headers(event, data).items())
    read = decode(JobEvent, data)
    read_trace(read, headers)
    assert read.traceparent == HEADER
    result = ResultEvent.of(read, "DONE").without_large_fields().model_copy(update={"step": 1})
    assert (result.traceparent, result.job_event().traceparent) == (HEADER, HEADER)


def test_a_hostile_message_header_is_no_trace() -> None:
    event = job()
    read_trace(event, [("traceparent", b"\xff" * 900_000), ("traceparent", None)])
    assert event.traceparent is None


def test_an_activations_spans_travel_in_its_reply(recorded: list[Span]) -> None:
    with tracing.span("invoke", parent=HEADER):
        header = tracing.traceparent()
        with tracing.activation(header, "run") as spans, tracing.span("transpile"):
            pass
        reply = with_spans({"answer": {}}, spans)
        assert recorded == []
        record_reply(reply)
    assert reply == {"answer": {}}
    transpile, run, invoke = recorded
    assert transpile.parent_id == run.context.span_id
    assert run.parent_id == invoke.context.span_id
    assert (run.service, invoke.service) == ("action", "")


def test_an_activation_has_at_most_so_many_spans_and_its_own_is_one_of_them() -> None:
    with tracing.activation(HEADER, "run") as spans:
        for _ in range(2 * MAX_SPANS):
            with tracing.span("work"):
                pass
    assert len(spans) == MAX_SPANS
    assert spans[-1].name == "run"


@pytest.mark.parametrize("header", [None, 7, {}, "x", HEADER[:-1] + "0"])
def test_an_activation_without_a_recorded_trace_replies_without_spans(header: Any) -> None:
    with tracing.activation(header, "run") as spans, tracing.span("work"):
        pass
    assert with_spans({"answer": {}}, spans) == {"answer": {}}


SPAN = {"name": "run", "kind": "server", "id": "1" * 16, "parent": "2" * 16, "started": 1, "ended": 2}


@pytest.mark.parametrize(
    "spans",
    [
        "x",
        [SPAN] * (MAX_SPANS + 1),
        [SPAN | {"id": "x"}],
        [SPAN | {"ended": 2**63}],
        [SPAN | {"name": "x" * 10_000}],
        [SPAN | {"attributes": {"x": {}}}],
        [SPAN | {"attributes": {str(number): 1 for number in range(100)}}],
        [SPAN | {"kind": "other"}],
    ],
)
def test_spans_of_a_faulty_function_are_ignored(recorded: list[Span], spans: Any) -> None:
    reply = {"answer": {}, SPANS: spans}
    with tracing.span("invoke", parent=HEADER):
        record_reply(reply)
    assert [span.name for span in recorded] == ["invoke"]
    assert SPANS not in reply


def test_spans_of_a_function_that_lies_stay_below_its_invocation(recorded: list[Span]) -> None:
    now = time.time_ns()
    lies = [
        SPAN | {"id": "1" * 16, "parent": "2" * 16},
        SPAN | {"id": "2" * 16, "parent": "1" * 16},
        SPAN | {"id": "3" * 16, "parent": "3" * 16},
        SPAN | {"id": "4" * 16, "parent": "f" * 16},
        SPAN | {"id": "5" * 16, "parent": "4" * 16, "started": 2**63 - 1, "ended": 2**63 - 1},
        SPAN | {"id": "6" * 16, "trace": "a" * 32, "attributes": {"qwhisk.process_job_id": "x", "n": 1}},
    ]
    with tracing.span("invoke", parent=HEADER):
        record_reply({SPANS: lies})
    *spans, invoke = recorded
    assert len(spans) == len(lies)
    # Each of them leads to no other place.
    assert {span.parent_id for span in spans} == {invoke.context.span_id}
    assert {span.context.trace_id for span in spans} == {TRACE}
    assert spans[-1].attributes == {"n": 1}
    for span in spans:
        assert abs(span.started - now) <= 2 * MAX_AGE
        assert abs(span.ended - now) <= 2 * MAX_AGE


@pytest.mark.parametrize("ids", [["1" * 16, "1" * 16], ["0" * 16], ["invoke"]])
def test_spans_with_the_id_of_another_are_ignored(recorded: list[Span], ids: list[str]) -> None:
    with tracing.span("invoke", parent=HEADER) as invoke:
        assert invoke is not None
        own = invoke.context.span_id
        record_reply({SPANS: [SPAN | {"id": own if each == "invoke" else each} for each in ids]})
    assert [span.name for span in recorded] == ["invoke"]


def test_a_reply_keeps_what_it_calls_spans_if_its_call_was_not_traced() -> None:
    reply = {SPANS: [SPAN]}
    record_reply(reply)
    assert reply == {SPANS: [SPAN]}
