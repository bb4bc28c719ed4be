"""A function's input schema, ready to check values."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationErrorKind

from core.extent import Extent, ExtentError
from core.input_schema import guarded
from core.input_schema.effort import bound
from core.input_schema.nodes import MAX_DEPTH, Node, SchemaError, nodes

#: Checks of values, each once for every time that the schema can check it, for one explanation.
MAX_WORK = 1_000_000
#: Bytes of one compiled regular expression, and of what matching it may keep.
_REGEX = RegexOptions(size_limit=256 * 1024, dfa_size_limit=1024 * 1024)


@dataclass(frozen=True)
class Mismatch:
    """One thing that is wrong with a value.

    Attributes:
        path: the names and indexes that lead to the value at fault.
        keyword: the keyword that it does not satisfy.
        limit: that keyword's value in the schema.
        schema: the schema that the keyword stands in.
        value: the value at fault.
        message: the validator's words; they do not quote the value.
        names: the names that are missing or unknown.
        inner: for `anyOf` and `oneOf`, what is wrong with each alternative.
    """

    path: tuple[str | int, ...]
    keyword: str
    limit: Any
    schema: dict[str, Any]
    value: Any
    message: str
    names: list[str]
    inner: list[Mismatch]


class InputSchema:
    """Checks values against a schema of JSON Schema 2020-12, with regular expressions in linear time.

    Values are parsed JSON, at most `MAX_DEPTH` deep.

    Args:
        schema: parsed JSON.

    Raises:
        SchemaError: the schema is broken, or its work cannot be bounded.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        self._nodes = nodes(schema)
        values = MAX_WORK // bound(self._nodes)
        self._explained = Extent(depth=MAX_DEPTH, values=values, name=sys.maxsize, text=sys.maxsize)
        try:
            jsonschema_rs.meta.validate(_without_dialect(schema))
            for node in self._nodes:
                _check_patterns(node)
            self._deciding = _compiled(guarded.deciding(self._nodes))
            self._explaining = _compiled(guarded.explaining(self._nodes))
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            if isinstance(error, SchemaError):
                raise
            raise SchemaError(f"{getattr(error, 'message', error)!s:.200}") from None

    def accepts(self, value: Any) -> bool:
        """True if the value satisfies the schema."""
        return self._deciding.is_valid(value)

    def mismatches(self, value: Any) -> list[Mismatch]:
        """What is wrong with a value.

        Empty if nothing is, if it is an entry of a list or object of more than `MAX_EXPLAINED`, or if to
        explain it would take more than `MAX_WORK`: the validator copies a value for each of its mismatches.
        """
        try:
            self._explained.check(value)
        except ExtentError:
            return []
        return [self._mismatch(error, value) for error in self._explaining.iter_errors(value)]

    def _mismatch(self, error: jsonschema_rs.ValidationError, value: Any) -> Mismatch:
        node = self._nodes[guarded.number_of(error.schema_path)]
        kind = error.kind
        names: list[str] = []
        inner: list[Mismatch] = []
        match kind:
            case ValidationErrorKind.Required():
                names = [kind.property]
            case ValidationErrorKind.AdditionalProperties():
                names = kind.unexpected
            case ValidationErrorKind.AnyOf() | ValidationErrorKind.OneOfNotValid():
                inner = [self._mismatch(item, value) for branch in kind.context for item in branch]
        return Mismatch(
            path=tuple(error.instance_path),
            keyword=kind.name,
            limit=node.get(kind.name),
            schema=node.schema if isinstance(node.schema, dict) else {},
            value=_at(value, error.instance_path),
            message=error.message,
            names=names,
            inner=inner,
        )


def _compiled(schema: dict[str, Any]) -> jsonschema_rs.Validator:
    # Offline: what a schema refers to is in the schema, and is never fetched. The mask stands in messages for
    # the value, which can be large.
    return Draft202012Validator(
        schema, pattern_options=_REGEX, validate_formats=False, offline=True, mask="the value"
    )


def _without_dialect(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name not in ("$schema", "$id")}


def _check_patterns(node: Node) -> None:
    for pattern in _patterns(node):
        try:
            _compiled({"pattern": pattern})
        except ValueError:
            raise SchemaError(
                f"{node.where[:200]} has the regular expression {pattern[:200]!r}, which is wrong, "
                "too large, or needs look-around or a backreference. Use one that takes linear time."
            ) from None


def _patterns(node: Node) -> Iterator[str]:
    if node.get("pattern") is not None:
        yield node.get("pattern")
    yield from node.get("patternProperties") or ()


def _at(value: Any, path: list[str | int]) -> Any:
    for part in path:
        value = value[part]
    return value
