"""Bodies designed to be as expensive as possible, for every field of a function's input schema."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.config_docs.model import ConfigDocument, parse

ACTIONS = Path(__file__).resolve().parents[1] / "actions"

#: A bait as JSON text of about this many bytes.
Bait = Callable[[int], bytes]


@lru_cache
def published() -> dict[str, ConfigDocument]:
    """Return the config document of every function, by its id."""
    paths = sorted(ACTIONS.glob("*/document.json"))
    raw = [json.loads(path.read_text()) for path in paths]
    for document in raw:
        document["functionBackendUrl"] = "http://127.0.0.1:9/never-called"
    return {document["_id"]: parse(document, document["_id"]) for document in raw}


def patterns(schema: Any) -> set[str]:
    """Return every regular expression in a schema."""
    if isinstance(schema, list):
        return {pattern for item in schema for pattern in patterns(item)}
    if not isinstance(schema, dict):
        return set()
    found = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
    return found | {pattern for item in schema.values() for pattern in patterns(item)}


def alphabet(pattern: str) -> str:
    """Return a character of which a text can consist that the pattern matches."""
    for letter in map(chr, range(33, 127)):
        if any(re.search(pattern, letter * length) for length in (1, 2, 4)):
            return letter
    return "1"


def repeated(item: str, size: int) -> bytes:
    """A list of equal items."""
    count = max(1, size // (len(item) + 1))
    return ("[" + ",".join([item] * count) + "]").encode()


def numbered(template: str, size: int) -> bytes:
    """A list of items that differ by a number."""
    count = max(1, size // (len(template) + 7))
    return (
        "[" + ",".join(template % number for number in range(1_000_000, 1_000_000 + count)) + "]"
    ).encode()


def keyed(size: int, prefix: str = "", value: str = "1") -> bytes:
    """An object with many names."""
    count = max(1, size // (len(prefix) + len(value) + 12))
    names = (f'"{prefix}{number}":{value}' for number in range(1_000_000, 1_000_000 + count))
    return ("{" + ",".join(names) + "}").encode()


def nested(size: int, opening: str, closing: str, leaf: str = "1") -> bytes:
    """As deep as is permitted, the rest of the size in the innermost value."""
    deep = 60
    inner = max(1, (size - deep * (len(opening) + len(closing))) // (len(leaf) + 1))
    return (opening * deep + "[" + ",".join([leaf] * inner) + "]" + closing * deep).encode()


#: For any field.
BAITS: dict[str, Bait] = {
    "long text": lambda size: json.dumps("a" * size).encode(),
    "escapes": lambda size: b'"' + rb"\"" * (size // 2) + b'"',
    "backslashes": lambda size: b'"' + rb"\\" * (size // 2) + b'"',
    "text of commas": lambda size: json.dumps("[{," * (size // 3)).encode(),
    "wide characters": lambda size: json.dumps("é☺" * (size // 6), ensure_ascii=False).encode(),
    "digits": lambda size: b"9" * size,
    "decimals": lambda size: b"0." + b"1" * size,
    "exponent": lambda size: b"1e" + b"9" * size,
    "numbers hard to read": lambda size: repeated("2.2250738585072011e-308", size),
    "largest numbers": lambda size: repeated("1.7976931348623157e308", size),
    "numbers": lambda size: repeated("0", size),
    "booleans": lambda size: repeated("true", size),
    "texts": lambda size: repeated('"x"', size),
    "lists": lambda size: repeated("[]", size),
    "lists of lists": lambda size: repeated("[[0,0],[0,0]]", size),
    "objects": lambda size: repeated('{"a":0}', size),
    "different numbers": lambda size: numbered("%d", size),
    "different texts": lambda size: numbered('"%d"', size),
    "different objects": lambda size: numbered('{"x":%d}', size),
    "objects that differ late": lambda size: numbered('{"x":[0,0,0,0,0,0,0,0,%d]}', size),
    "long texts that differ late": lambda size: numbered('"' + "a" * 200 + '%d"', size),
    "pairs": lambda size: numbered("[0,%d]", size),
    "triples": lambda size: numbered("[0,1,%d]", size),
    "names": lambda size: keyed(size),
    "long names": lambda size: keyed(size, "n" * 900),
    "deep objects": lambda size: nested(size, '{"a":', "}"),
    "deep lists": lambda size: nested(size, "[", "]"),
    "deep lists of objects": lambda size: nested(size, '[{"a":', "}]", "{}"),
    "unclosed": lambda size: b"[" * size,
    "half deep": lambda size: repeated("[" * 500 + "]" * 500, size),
    "same names": lambda size: ("{" + ",".join(['"a":1'] * (size // 6)) + "}").encode(),
}


def baits(schema: Any) -> Iterator[tuple[str, Bait]]:
    """Return all baits for a field of this schema, including those for its own patterns and examples."""
    yield from BAITS.items()
    for pattern in sorted(patterns(schema)):
        letter = alphabet(pattern)
        for name, end in (("wrong", "~x"), ("line end", "\n"), ("wide", "é")):
            yield (
                f"matches {pattern} until it ends {name}",
                lambda size, letter=letter, end=end: json.dumps(letter * size + end).encode(),  # type: ignore[misc]
            )
        yield (
            f"list of what fails {pattern}",
            lambda size, letter=letter: repeated(json.dumps(letter * 300 + "~"), size),  # type: ignore[misc]
        )
    examples = schema.get("examples") if isinstance(schema, dict) else None
    for example in examples or ():
        if isinstance(example, list) and example:
            item = json.dumps(example[0], separators=(",", ":"))
            yield f"many of {item}", lambda size, item=item: repeated(item, size)  # type: ignore[misc]


def bodies(document: ConfigDocument) -> Iterator[tuple[str, Bait]]:
    """Return every bait in every field of a function, and those for the whole body."""
    properties = document.function_input_schema.get("properties", {})
    for field, schema in properties.items():
        for name, bait in baits(schema):
            yield f"{field}: {name}", _with(document, field, bait)
    yield from whole()


def _with(document: ConfigDocument, field: str, bait: Bait) -> Bait:
    """The bait in one field; the function's other fields are right."""
    others = {
        name: schema["examples"][0] if schema.get("examples") else schema.get("default")
        for name, schema in document.function_input_schema["properties"].items()
        if name != field and (schema.get("examples") or schema.get("default") is not None)
    }
    start = json.dumps(others)[:-1] + (", " if others else "") + json.dumps(field) + ": "
    return lambda size: start.encode() + bait(size) + b"}"


def whole() -> Iterator[tuple[str, Bait]]:
    """Baits for the body itself, for any function."""
    yield "unknown names", lambda size: keyed(size)
    yield "unknown names with long beginnings", lambda size: keyed(size, "n" * 900)
    yield "unknown names with objects", lambda size: keyed(size, value='{"a":[]}')
    yield "one long name", lambda size: b'{"' + b"n" * size + b'":1}'
    yield "the same name", lambda size: ("{" + ",".join(['"shots":1'] * (size // 10)) + "}").encode()
    yield "spaces", lambda size: b"{" + b" " * size + b"}"
    yield "not closed", lambda size: b'{"a":' * (size // 5)
    yield "a list", lambda size: repeated("0", size)
    yield "no JSON", lambda size: b"x" * size
    yield "no UTF-8", lambda size: b'{"a":"' + b"\xff" * size + b'"}'
    yield "marks", lambda size: b'"' * size
    yield "backslashes alone", lambda size: b"\\" * size
