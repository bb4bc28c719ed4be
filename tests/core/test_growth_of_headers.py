"""The cost of headers, tokens and config documents grows in proportion to their size."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from core.config_docs.model import parse, resolve
from core.errors import QwhiskError
from core.kafka.topics import made_at
from core.origin import Allowed
from gateway.auth.tokens import Tokens
from gateway.idempotency import key_of
from gateway.webhooks.callback import callback
from testkit.growth import excess
from tests.core.samples import raw_document

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ALLOWED = Allowed(frozenset({"app.example.org"}), frozenset(), True, "HOSTS", "ORIGINS")
TOKENS = Tokens("s" * 32, 60)

#: Texts that make expressions backtrack, numbers with many digits, and what looks like the beginning of more.
TEXTS: dict[str, Callable[[int], str]] = {
    "blanks": lambda size: " " * size,
    "letters": lambda size: "a" * size + "!",
    "digits": lambda size: "9" * size,
    "a number": lambda size: "1." + "3" * size + "e9",
    "zeros": lambda size: "0" * size + "x",
    "dots": lambda size: "a." * (size // 2) + "-",
    "hyphens": lambda size: "a-" * (size // 2),
    "colons": lambda size: "[" + "f:" * (size // 2) + "]",
    "slashes": lambda size: "https://" + "/" * size,
    "parentheses": lambda size: "aPool(" * (size // 6),
    "addresses": lambda size: "https://x " * (size // 10),
    "topics": lambda size: "results." * (size // 8),
    "lost": lambda size: "lost." + "a" * size,
    "stray": lambda size: "stray." + "a:" * (size // 2),
    "token": lambda size: "eyJh." + "a" * size + ".b",
    "dates": lambda size: "Thu, 01 Jan " + "2" * size,
    "commas": lambda size: "," * size,
    "é": lambda size: "é" * size,
    "surrogates": lambda size: "\udcff" * size,
}

#: What reads them.
READERS: dict[str, Callable[[str], object]] = {
    "Host": lambda text: ALLOWED.refusal(text, None, None),
    "Origin": lambda text: ALLOWED.refusal("app.example.org", text, None),
    "Sec-Fetch-Site": lambda text: ALLOWED.refusal("app.example.org", None, text),
    "Authorization": TOKENS.read,
    "Idempotency-Key": key_of,
    "Callback-Url": lambda text: callback(text, "private"),
    "the name of a topic": made_at,
}


def quietly(work: Callable[[], object]) -> Callable[[], object]:
    """Return the work without the error that it is expected to raise."""

    def done() -> None:
        with suppress(QwhiskError):
            work()

    return done


@pytest.mark.parametrize("reader", READERS)
def test_the_cost_of_a_text_grows_in_proportion(reader: str) -> None:
    read = READERS[reader]
    wrong = {}
    for name, text in TEXTS.items():

        def make(size: int, text: Callable[[int], str] = text) -> Callable[[], object]:
            value = text(size)
            return quietly(lambda: read(value))

        if problem := excess(make, 30_000):
            wrong[name] = problem
    assert not wrong


#: Fields of a config document, by the size of their contents.
DOCUMENTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "id": lambda size: {"_id": "a" * size + "!"},
    "address": lambda size: {"functionBackendUrl": "http://" + "a." * size},
    "a bracket": lambda size: {"functionBackendUrl": "http://[" + ":" * size},
    "title": lambda size: {"functionTitle": "x" * size},
    "headers": lambda size: {"functionParams": {"headers": {f"h{n}": "x" for n in range(size // 10)}}},
    "one header": lambda size: {"functionParams": {"headers": {"h" * size: "x" * size}}},
    "a template": lambda size: {
        "functionParams": {"headers": {}, "body": ["incomingRequestBody"] * (size // 10)}
    },
    "a deep template": lambda size: {"functionParams": {"headers": {}, "body": nested(min(size, 900))}},
    "unknown": lambda size: {f"unknown{n}": n for n in range(size // 10)},
    "properties": lambda size: {
        "functionInputSchema": {"properties": {f"p{n}": {} for n in range(size // 10)}}
    },
    "required": lambda size: {"functionInputSchema": {"required": [f"p{n}" for n in range(size // 10)]}},
    "an enum": lambda size: {"functionInputSchema": {"enum": list(range(size // 10))}},
    "alternatives": lambda size: {
        "functionInputSchema": {"anyOf": [{"const": n} for n in range(size // 20)]}
    },
    "a pattern": lambda size: {"functionInputSchema": {"pattern": "(a|b)" * (size // 5)}},
    "groups": lambda size: {"functionInputSchema": {"pattern": "(" * size + ")" * size}},
    "repetitions": lambda size: {"functionInputSchema": {"pattern": "(a{9}){9}" * (size // 9)}},
    "a reference": lambda size: {"functionInputSchema": {"$ref": "#/" + "a/" * size}},
    "references": lambda size: {
        "functionInputSchema": {"$defs": {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(size // 40)}}
    },
    "a number": lambda size: {"functionInputSchema": {"maximum": float("9" * min(size, 300))}},
}


def nested(depth: int) -> list[Any]:
    """Return a list in a list, and so on."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_cost_of_a_config_document_grows_in_proportion(name: str) -> None:
    def make(size: int) -> Callable[[], object]:
        raw = raw_document(**DOCUMENTS[name](size))

        def read() -> None:
            resolve(parse(raw, "x"), {"shots": 1}, lambda credential: credential)

        return quietly(read)

    assert excess(make, 20_000) is None
