"""A function's parameters on the command line: every value can be typed, and mistakes are named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwhisk_client.cli.arguments import COMMANDS, make_parser, options_of
from qwhisk_client.cli.arguments import split as split_line
from qwhisk_client.cli.parameters import ParametersError, check_names, convert, split, values_of
from testkit.stack import ROOT

OPTIONS = {"--json": False, "--timeout": True}

names = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.tuples(names, texts, st.sampled_from(["--{}={}", "{}={}"]))))
def test_parameters_are_read_in_order_whatever_their_values_are(given: list[tuple[str, str, str]]) -> None:
    words = [form.format(name, text) for name, text, form in given]
    parameters = [(name, text) for name, text, _ in given]
    assert split(words, {}) == ([], parameters)
    assert split([*words, "--timeout", "5", "--json"], OPTIONS) == (["--timeout", "5", "--json"], parameters)
    assert split(["--timeout=5", "--", *words], OPTIONS) == (["--timeout=5"], parameters)


@given(st.lists(st.one_of(texts, st.sampled_from(["--", "--json", "--timeout", "-h", "a=b", "--a", "="]))))
def test_no_word_is_lost(words: list[str]) -> None:
    own, parameters = split(words, OPTIONS)
    assert all(name for name, _ in parameters)
    rest = [word for word in words if word != "--"]
    pieces = own + [piece for pair in parameters for piece in pair]
    # Each character of a word is in the command's own words or in a parameter.
    assert sum(len(word.replace("-", "").replace("=", "")) for word in rest) <= sum(
        len(piece.replace("-", "").replace("=", "")) for piece in pieces
    )


@pytest.mark.parametrize(
    ("words", "own", "parameters"),
    [
        (["--qubits", "4", "--marked", "3"], [], [("qubits", "4"), ("marked", "3")]),
        (["--theta", "-5", "phi=-1"], [], [("theta", "-5"), ("phi", "-1")]),
        (["--message", "a=b"], [], [("message", "a=b")]),
        (["--inverse"], [], [("inverse", "true")]),
        (["--inverse", "--qubits", "2"], [], [("inverse", "true"), ("qubits", "2")]),
        (["--json", "--timeout", "9", "x=1"], ["--json", "--timeout", "9"], [("x", "1")]),
        (["--timeout"], ["--timeout"], []),
        (["--", "--timeout", "9"], [], [("timeout", "9")]),
        (["extra", "-x"], ["extra", "-x"], []),
        (["emoticon_1=:-)", "emoticon_2=--"], [], [("emoticon_1", ":-)"), ("emoticon_2", "--")]),
    ],
)
def test_the_forms_of_parameters(words: list[str], own: list[str], parameters: list[tuple[str, str]]) -> None:
    assert split(words, OPTIONS) == (own, parameters)


@given(json_values)
def test_every_json_value_can_be_typed_where_anything_is_permitted(value: Any) -> None:
    assert convert(json.dumps(value), {}) == value


@given(texts)
def test_a_text_is_taken_as_it_is(text: str) -> None:
    assert convert(text, {"type": "string"}) == text


@given(st.lists(st.integers()), st.sampled_from(["json", "commas", "repeated"]))
def test_a_list_is_json_or_separated_by_commas_or_repeated(value: list[int], form: str) -> None:
    schema = {"properties": {"marked": {"type": "array", "items": {"type": "integer"}}}}
    if form == "repeated" and len(value) > 1:
        given = [("marked", str(item)) for item in value]
    else:
        given = [("marked", json.dumps(value) if form == "json" else ",".join(map(str, value)))]
    assert values_of(given, schema) == {"marked": value}


@given(texts, st.sampled_from(["integer", "number", "boolean", "null", "array", "object", "string"]))
def test_a_value_has_the_type_of_the_schema_or_is_refused(text: str, kind: str) -> None:
    types: dict[str, Any] = {
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "null": type(None),
        "array": list,
        "object": dict,
        "string": str,
    }
    try:
        value = convert(text, {"type": kind})
    except ValueError:
        refused = kind
    else:
        refused = ""
        assert isinstance(value, types[kind])
        assert kind == "boolean" or not isinstance(value, bool)
        json.dumps(value, allow_nan=False)
    # A text is always text.
    assert refused != "string"


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("4", {"type": "integer"}, 4),
        ("4.0", {"type": "integer"}, 4),
        ("null", {"anyOf": [{"type": "integer"}, {"type": "null"}]}, None),
        ("null", {"type": "string"}, "null"),
        ("011", {"anyOf": [{"type": "integer"}, {"type": "string"}]}, "011"),
        ("7", {"type": ["string", "integer"]}, 7),
        ('["011",3]', {"type": "array", "items": {}}, ["011", 3]),
        ("a,b", {"type": "array", "items": {"type": "string"}}, ["a", "b"]),
        ("5", {"type": "array", "items": {"type": "integer"}}, [5]),
        ("", {"type": "array"}, []),
        ('{"a": 1}', {"type": "object"}, {"a": 1}),
        ("hardware", {"type": "string", "enum": ["hardware", "simulator"]}, "hardware"),
    ],
)
def test_values(text: str, schema: dict[str, Any], value: Any) -> None:
    assert convert(text, schema) == value


@pytest.mark.parametrize(
    ("text", "schema", "message"),
    [
        ("x", {"type": "integer"}, "must be a whole number, not 'x'."),
        ("true", {"type": "integer"}, "must be a whole number, not 'true'."),
        ("1.5", {"type": "integer"}, "must be a whole number, not '1.5'."),
        ("NaN", {"type": "number"}, "must be a number, not 'NaN'."),
        ("1e999", {"type": "integer"}, "must be a whole number, not '1e999'."),
        ("1e999", {"type": "number"}, "must be a number, not '1e999'."),
        ("yes", {"type": "boolean"}, "must be true or false, not 'yes'."),
        ("x", {"anyOf": [{"type": "integer"}, {"type": "null"}]}, "must be a whole number or null, not 'x'."),
        ("gpu", {"enum": ["a", "b"], "type": "string"}, "must be one of a, b, not 'gpu'."),
        ("[" * 100_000, {"type": "object"}, "must be a JSON object, not "),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_expected(
    text: str, schema: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match="must be") as caught:
        convert(text, schema)
    assert str(caught.value).startswith(message)


def test_every_mistake_is_named_at_once() -> None:
    schema = json.loads((ROOT / "actions/grover/document.json").read_text())["functionInputSchema"]
    given = [("qubit", "4"), ("shots", "many"), ("backend-type", "simulator"), ("seed", "1"), ("seed", "2")]
    with pytest.raises(ParametersError) as caught:
        values_of(given, schema)
    messages = {error.field: error.message for error in caught.value.errors}
    assert set(messages) == {"qubit", "shots", "seed"}
    assert messages["qubit"].startswith("is not known. Did you mean qubits? Known: backend, ")
    assert messages["seed"] == "is given twice, and is not a list. Give it once."
    with pytest.raises(ParametersError) as caught:
        check_names({"qubits": 4, "mark": [3]}, schema)
    assert [error.field for error in caught.value.errors] == ["marked", "mark"]


DOCUMENTS = sorted(ROOT.glob("actions/*/document.json"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.parent.name)
def test_the_examples_of_every_function_can_be_typed(path: Any) -> None:
    schema = json.loads(path.read_text())["functionInputSchema"]
    fields = schema["properties"].items()
    typed = {name: (field.get("examples") or [field["default"]])[0] for name, field in fields}
    assert {"backend_type", "shots"} <= set(typed) or path.parent.name == "random_number"
    given = [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in typed.items()]
    assert values_of(given, schema) == typed


def test_only_the_command_run_has_parameters() -> None:
    assert split_line(["--url", "run", "jobs", "a=b"]) == (["--url", "run", "jobs", "a=b"], [])
    assert split_line(["--url", "x", "--json", "run", "grover", "--qubits", "4", "--json"]) == (
        ["--url", "x", "--json", "run", "grover", "--json"],
        [("qubits", "4")],
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_the_options_that_are_told_from_parameters_are_those_of_the_parser(command: str) -> None:
    takes_value = {"--timeout": "1", "--limit": "1"}
    places = {"run": "f", "result": "j", "cancel": "j", "erase": "j", "completion": "bash"}
    place = [places[command]] if command in places else []
    words: list[str] = []
    for name, takes in options_of(command).items():
        if name not in ("-h", "--help"):
            words += [name, takes_value.get(name, "x")] if takes else [name]
    assert make_parser().parse_args([command, *place, *words]).command == command
