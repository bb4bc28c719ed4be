"""Forms generated from a schema: every kind of control, the value it sends, its errors, its link."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from testkit.stack import Stack, wait_for
from tests.page.visit import SOON, Visit, deployed

_EDGE = {
    "type": "array",
    "prefixItems": [
        {"type": "integer", "minimum": 0},
        {"type": "integer", "minimum": 0},
        {"type": "number", "exclusiveMinimum": 0},
    ],
}
_TERM = {
    "type": "array",
    "prefixItems": [{"type": "string", "pattern": "^[IXYZ]+$"}, {"type": "number"}],
}
_PROGRAM = "OPENQASM 3.0;\nqubit[2] q;\nh q[0];\ncx q[0], q[1];\n"


def _property(title: str, **values: Any) -> dict[str, Any]:
    return {"title": title, "description": f"What {title.lower()} means."} | values


SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["word", "size", "edges", "terms", "program", "matrix"],
    "$defs": {"Mood": {"enum": ["calm", "glad", "wild", "grim", "odd"], "type": "string"}},
    "properties": {
        "word": _property("Word", type="string", minLength=2, maxLength=8, examples=["abc"]),
        "size": _property("Size", type="integer", minimum=2, maximum=10, examples=[4]),
        "angle": _property("Angle", type="number", exclusiveMinimum=0, default=0.5),
        "mood": _property("Mood", **{"$ref": "#/$defs/Mood", "default": "glad"}),
        "way": _property("Way", enum=["up", "down"], type="string", default="up"),
        "deep": _property("Deep", type="boolean", default=False),
        "seed": _property("Seed", anyOf=[{"type": "integer", "minimum": 0}, {"type": "null"}], default=None),
        "angles": _property(
            "Angles", type="array", items={"type": "number", "maximum": 3}, default=[0.1, 0.2]
        ),
        "marked": _property(
            "Marked",
            type="array",
            items={"type": "string", "pattern": "^[01]+$"},
            minItems=1,
            default=["101"],
        ),
        "edges": _property("Edges", type="array", items=_EDGE, examples=[[[0, 1, 1.0], [1, 2, 2.0]]])
        | {"x-control": "graph"},
        "terms": _property("Terms", type="array", items=_TERM, examples=[[["ZZ", -1.0]]])
        | {"x-control": "terms"},
        "matrix": _property(
            "Matrix",
            type="array",
            items={"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 4},
            minItems=1,
            maxItems=4,
            examples=[[[1, 0], [0, 1]]],
        )
        | {"x-control": "matrix"},
        "program": _property("Program", type="string", examples=[_PROGRAM]) | {"x-control": "openqasm"},
        "options": _property("Options", type="object"),
    },
}

_FIRST = {
    "word": "abc",
    "size": 4,
    "angle": 0.5,
    "mood": "glad",
    "way": "up",
    "deep": False,
    "angles": [0.1, 0.2],
    "marked": ["101"],
    "edges": [[0, 1, 1], [1, 2, 2]],
    "terms": [["ZZ", -1]],
    "matrix": [[1, 0], [0, 1]],
    "program": _PROGRAM,
}


@pytest.fixture(scope="module")
def everything(stack: Stack) -> Iterator[None]:
    """The function, known to the gateway."""
    with deployed(stack, "everything", functionInputSchema=SCHEMA):
        client = stack.client()
        wait_for(
            lambda: any(
                function["id"] == "everything" for function in client.get("/functions").json()["functions"]
            )
        )
        yield


@pytest.fixture
def form(everything: None, visit: Visit) -> Visit:
    """Visit its page."""
    visit.go("#/run/everything")
    expect(visit.field("word")).to_be_visible()
    return visit


def _sent(visit: Visit) -> dict[str, Any]:
    """Return what the form submits. The smile's own action rejects it, which is shown and is no failure."""
    with visit.page.expect_request("**/functions/everything/jobs") as request:
        visit.run()
    sent: dict[str, Any] = json.loads(request.value.post_data or "")
    expect(visit.page.get_by_test_id("form-errors")).to_be_visible()
    return sent


def test_the_form_is_ready_to_run_at_first(form: Visit) -> None:
    assert _sent(form) == _FIRST


def test_every_control_sends_its_value(form: Visit) -> None:
    page = form.page
    form.field("word").fill("hello")
    form.field("size").fill("7")
    form.field("angle").fill("0.25")
    form.field("mood").select_option("odd")
    form.field("way-down").check()
    form.field("deep").check()
    form.field("seed").fill("42")
    form.field("angles").fill("1, 2.5 -3")
    form.field("marked").fill("00, 11")
    page.get_by_test_id("add-edges").click()
    page.get_by_label("edge 3, from").fill("2")
    page.get_by_label("edge 3, to").fill("0")
    page.get_by_label("Remove edge 1").click()
    page.get_by_test_id("add-terms").click()
    page.get_by_label("term 2, pauli string").fill("XI")
    page.get_by_test_id("matrix-columns").fill("3")
    page.get_by_test_id("matrix-columns").blur()
    page.get_by_label("Row 2, column 3").fill("-0.5")
    form.field("program").fill("qubit q;\nx q;")
    form.field("options").fill('{"a": 1}')
    expected = {
        "word": "hello",
        "size": 7,
        "angle": 0.25,
        "mood": "odd",
        "way": "down",
        "deep": True,
        "seed": 42,
        "angles": [1, 2.5, -3],
        "marked": ["00", "11"],
        "edges": [[1, 2, 2], [2, 0, 1]],
        "terms": [["ZZ", -1], ["XI", 1]],
        "matrix": [[1, 0, 0], [0, 1, -0.5]],
        "program": "qubit q;\nx q;",
        "options": {"a": 1},
    }
    assert _sent(form) == expected
    # The address has all values: a reload, or the link in another browser, gives the same form.
    expect(page).to_have_url(re.compile("options="))
    page.reload()
    expect(form.field("word")).to_have_value("hello")
    assert _sent(form) == expected


def test_the_copied_link_restores_the_form(form: Visit) -> None:
    form.context.grant_permissions(["clipboard-read", "clipboard-write"])
    form.field("word").fill("shared")
    form.page.get_by_test_id("copy-link").click()
    link = form.page.evaluate("navigator.clipboard.readText()")
    other = form.open(link.split("/", 3)[3])
    expect(other.get_by_test_id("field-word")).to_have_value("shared")
    expect(other.get_by_test_id("field-size")).to_have_value("4")


@pytest.mark.parametrize(
    ("name", "typed", "words"),
    [
        ("word", "a", "at least 2 characters"),
        ("size", "11", "The most is 10"),
        ("size", "", "Fill in"),
        ("angle", "0", "more than 0"),
        ("seed", "-1", "The least is 0"),
        ("angles", "1, x", "Entry 2: Write a number"),
        ("marked", "012", "Use only the digits 0 and 1"),
        ("program", "", "Fill in"),
        ("options", "{", "not valid JSON"),
    ],
)
def test_an_error_is_shown_next_to_its_field(form: Visit, name: str, typed: str, words: str) -> None:
    form.field(name).fill(typed)
    form.field(name).blur()
    error = form.page.get_by_test_id(f"error-{name}")
    expect(error).to_contain_text(words)
    form.run()
    expect(form.page.get_by_test_id("form-errors")).to_contain_text("Not submitted")
    expect(form.field(name)).to_be_focused()


def test_a_wrong_cell_is_named(form: Visit) -> None:
    page = form.page
    page.get_by_label("edge 2, weight").fill("0")
    page.get_by_label("edge 2, weight").blur()
    expect(page.get_by_test_id("error-edges")).to_contain_text("Edge 2, weight: It must be more than 0")
    page.get_by_label("term 1, pauli string").fill("Q")
    page.get_by_label("term 1, pauli string").blur()
    expect(page.get_by_test_id("error-terms")).to_contain_text("Use only the letters I, X, Y and Z")
    page.get_by_label("Row 1, column 2").fill("x")
    page.get_by_label("Row 1, column 2").blur()
    expect(page.get_by_test_id("error-matrix")).to_contain_text("Row 1, column 2: Write a number")
    page.get_by_label("Row 1, column 2").fill("3")
    expect(page.get_by_test_id("error-matrix")).to_be_hidden()


def test_a_table_is_pasted_into_a_matrix(form: Visit) -> None:
    form.context.grant_permissions(["clipboard-read", "clipboard-write"])
    form.page.evaluate("navigator.clipboard.writeText('1\\t2\\t3\\n4\\t5\\t6\\n')")
    form.page.get_by_label("Row 1, column 1").focus()
    form.page.keyboard.press("Control+v")
    assert _sent(form)["matrix"] == [[1, 2, 3], [4, 5, 6]]


def test_graph_and_circuit_are_drawn_during_typing(form: Visit) -> None:
    graph = form.field("edges").locator(".graph__node")
    expect(graph).to_have_count(3)
    form.page.get_by_label("edge 2, to").fill("4")
    expect(graph).to_have_count(5)
    circuit = form.page.get_by_test_id("circuit")
    expect(circuit.locator(".circuit__wire-name")).to_have_count(2)
    form.field("program").fill("qubit[3] q;\nh q")
    expect(form.page.get_by_test_id("no-circuit")).to_contain_text("semicolon")
    form.field("program").fill("qubit[3] q;\nh q;")
    expect(circuit.locator(".circuit__wire-name")).to_have_count(3)


def test_a_changed_schema_keeps_what_was_typed(form: Visit) -> None:
    form.own_clock()
    form.field("word").fill("kept")
    changed = json.loads(json.dumps(SCHEMA))
    changed["properties"]["extra"] = _property("Extra", type="integer", default=3)
    with deployed(form.stack, "everything", functionInputSchema=changed):
        form.look_again()
        expect(form.field("extra")).to_have_value("3", timeout=SOON)
        expect(form.field("word")).to_have_value("kept")
