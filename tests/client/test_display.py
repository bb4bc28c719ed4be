"""What a notebook shows: everything is escaped, and the histogram is right."""

from __future__ import annotations

import io
import json
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwhisk_client import Event, Result
from qwhisk_client.cli.output import printable, state_of, write_json
from qwhisk_client.display import MAX_BARS, histogram
from qwhisk_client.models import JobView

SVG = "{http://www.w3.org/2000/svg}"
#: The elements that may be shown.
ELEMENTS = {"div", "p", "strong", "code", "svg", "title", "text", "rect"}

texts = st.text(max_size=40) | st.sampled_from(
    ["<script>alert(1)</script>", '"><img src=x onerror=y>', "&amp;"]
)


class Elements(HTMLParser):
    """Collects the elements and the text of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def event(**changes: Any) -> Event:
    raw = {"process_job_id": "j1", "function": "grover", "status": "DONE", "backend": "aer_simulator"}
    return Event.of(raw | changes)


@given(texts, texts, texts, st.dictionaries(texts, st.integers(0, 10**6), max_size=20))
def test_nothing_of_the_gateway_becomes_markup(
    summary: str, backend: str, message: str, counts: dict[str, int]
) -> None:
    shown = event(
        function=summary,
        backend=backend,
        answer={"summary": summary},
        error={"code": "x", "message": message},
        result={"counts": {backend: counts}},
        progress={"step": 1, "of": 2},
    )
    found = Elements(shown._repr_html_())
    assert found.elements <= ELEMENTS
    assert not [name for name in found.attributes if name.startswith("on")]


def test_a_job_and_its_result_show_summary_and_counts() -> None:
    done = event(answer={"summary": "3 < 4"}, result={"counts": {"meas": {"00": 3, "11": 1}}})
    for shown in (JobView(done), Result(done), done):
        html = shown._repr_html_()
        assert "3 &lt; 4" in html
        assert "3 (75.0%)" in html
        assert "<svg" in html
    waiting = event(status="QUEUED", queue_position=7)
    assert "Position in the queue: 7" in JobView(waiting)._repr_html_()


def test_a_pooled_job_says_that_it_shares_a_provider_job_and_is_not_in_the_queue() -> None:
    pooled = event(status="POOLED", queue_position=7, provider_jobs=[])
    assert (pooled.pooled, pooled.final, pooled.provider_jobs) == (True, False, ())
    assert state_of(pooled) == (
        "POOLED  waiting for a provider job that it shares with others  7 before it  on aer_simulator"
    )
    html = JobView(pooled)._repr_html_()
    assert "Waiting for a provider job that it shares with others" in html
    assert "Jobs that came before it: 7" in html
    assert "Position in the queue" not in html
    queued = event(status="QUEUED", queue_position=7)
    assert not queued.pooled
    assert state_of(queued) == "QUEUED  7 before it  on aer_simulator"


@given(st.dictionaries(st.from_regex(r"[01]{1,40}", fullmatch=True), st.integers(1, 10**6), min_size=1))
def test_the_histogram_has_the_most_frequent_outcomes_and_all_shots(counts: dict[str, int]) -> None:
    svg = ElementTree.fromstring(histogram(counts, "meas"))
    widths = [float(bar.attrib["width"]) for bar in svg.iter(f"{SVG}rect")]
    labels = [text.text or "" for text in svg.iter(f"{SVG}text")]
    numbers = [int(label.split(" ")[0]) for label in labels[1::2]]
    assert sum(numbers) == sum(counts.values())
    assert numbers[:MAX_BARS] == sorted(counts.values(), reverse=True)[:MAX_BARS]
    assert len(widths) == min(len(counts), MAX_BARS + 1)
    assert max(widths) == max(zip(numbers, widths, strict=True))[1] == 320


@pytest.mark.parametrize("counts", [{}, {"0": 0}])
def test_no_shots_give_no_histogram(counts: dict[str, int]) -> None:
    assert histogram(counts, "meas") == ""


@given(texts, texts)
def test_a_terminal_gets_no_control_characters(summary: str, backend: str) -> None:
    line = state_of(event(answer={"summary": f"\x1b]0;x\x07{summary}"}, backend=backend))
    assert line.isprintable()
    assert printable("a\x1b[2Jb\nc") == "a\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}c"


@given(texts)
def test_json_has_every_character_in_any_encoding(text: str) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="latin-1", errors="replace")
    write_json({"text": text, "state": "\N{GREEK SMALL LETTER PSI}\N{ATOM SYMBOL}"}, stream)
    assert json.loads(raw.getvalue()) == {"text": text, "state": "\N{GREEK SMALL LETTER PSI}\N{ATOM SYMBOL}"}
