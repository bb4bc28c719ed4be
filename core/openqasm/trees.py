"""Builds the syntax trees of statements that differ in names and numbers alone."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from openqasm3 import ast

from core.openqasm.tokens import Token

#: What the name of a block's placeholder in a shape begins with; the block's number follows.
BLOCK = "__block"

Blocks = Sequence[list[ast.Statement]]
#: Builds a part of a tree from a statement's tokens, the places of its tokens, and its blocks.
Builder = Callable[[Sequence[Token], "_Spans", Blocks], Any]

#: A name that tells the place of its token. Words of the language such as `sizeof` are kept as they are.
_PLACED = re.compile(r"[n$](\d+)")
_FIELDS: dict[type, tuple[str, ...]] = {}


class _Spans(dict[int, ast.Span]):
    """The places of a statement's tokens, each made once.

    Args:
        tokens: the tokens.
    """

    def __init__(self, tokens: Sequence[Token]) -> None:
        super().__init__()
        self._tokens = tokens

    def __missing__(self, place: int) -> ast.Span:
        _, _, line, column = self._tokens[place]
        span = self[place] = ast.Span(line, column - 1, line, column - 1)
        return span


def build(builder: Builder, tokens: Sequence[Token], blocks: Blocks) -> list[ast.Statement]:
    """Return the trees of a statement.

    Args:
        builder: of its shape.
        tokens: its tokens.
        blocks: the statements of its blocks.
    """
    statements: list[ast.Statement] = builder(tokens, _Spans(tokens), blocks)
    return statements


def builder_of(tree: Any, tokens: Sequence[Token], places: Mapping[int, int]) -> Builder:
    """Return what builds the trees of statements of one shape.

    Args:
        tree: the tree of the shape, or a part of it. Identifiers have the places of their tokens as names.
        tokens: the tokens of one of the statements.
        places: the places of the tokens, by their columns in the shape.
    """
    if isinstance(tree, list | tuple):
        return _of_list(tree, tokens, places)
    if not isinstance(tree, ast.QASMNode):
        return lambda *_: tree
    place = places.get(tree.span.start_column) if tree.span is not None else None
    kind: type[Any] = type(tree)
    if isinstance(tree, ast.Identifier) and (source := _PLACED.fullmatch(tree.name)):
        return _leaf(kind, "name", str, int(source[1]), place)
    if isinstance(tree, ast.IntegerLiteral | ast.FloatLiteral):
        assert place is not None
        # The place of a number in brackets is that of the brackets.
        while tokens[place].text in ("(", "["):
            place += 1
        # A number in another base is kept as it is in the shape.
        if tokens[place].kind == "number":
            read = _integer if isinstance(tree, ast.IntegerLiteral) else _real
            return _leaf(kind, "value", read, place, place)
    return _of_node(tree, tokens, places, place)


def _integer(text: str) -> int:
    return int(text.replace("_", ""))


def _real(text: str) -> float:
    return float(text.replace("_", ""))


def _leaf(kind: type[Any], name: str, read: Callable[[str], Any], source: int, place: int | None) -> Builder:
    """Return what builds a node whose only field is read from the token `source`."""
    new = object.__new__

    def built(tokens: Sequence[Token], spans: _Spans, _: Blocks) -> Any:
        node = new(kind)
        node.__dict__.update(
            {name: read(tokens[source].text), "span": None if place is None else spans[place]}
        )
        return node

    return built


def _of_list(tree: Sequence[Any], tokens: Sequence[Token], places: Mapping[int, int]) -> Builder:
    if len(tree) == 1 and type(tree[0]) is ast.QuantumGate and tree[0].name.name.startswith(BLOCK):
        number = int(tree[0].name.name[len(BLOCK) :])
        return lambda _, __, blocks: blocks[number]
    builders = [builder_of(part, tokens, places) for part in tree]
    if isinstance(tree, tuple):
        return lambda *given: tuple([builder(*given) for builder in builders])
    return lambda *given: [builder(*given) for builder in builders]


def _of_node(
    tree: ast.QASMNode, tokens: Sequence[Token], places: Mapping[int, int], place: int | None
) -> Builder:
    kind = type(tree)
    if kind not in _FIELDS:
        omitted = ("span", "annotations")
        _FIELDS[kind] = tuple(field.name for field in dataclasses.fields(tree) if field.name not in omitted)
    fixed: dict[str, Any] = {"span": None}
    parts: list[tuple[str, Builder]] = []
    for name in _FIELDS[kind]:
        value = getattr(tree, name)
        if isinstance(value, list | tuple | ast.QASMNode):
            parts.append((name, builder_of(value, tokens, places)))
        else:
            fixed[name] = value
    is_statement = isinstance(tree, ast.Statement)
    new = object.__new__

    def built(tokens: Sequence[Token], spans: _Spans, blocks: Blocks) -> Any:
        node = new(kind)
        values = node.__dict__
        values.update(fixed)
        for name, builder in parts:
            values[name] = builder(tokens, spans, blocks)
        if is_statement:
            values["annotations"] = []
        if place is not None:
            values["span"] = spans[place]
        return node

    return built
