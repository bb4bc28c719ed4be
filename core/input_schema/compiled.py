"""A function's input schema, compiled to check values."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationErrorKind

from core.extent import Extent, ExtentError
from core.input_schema import guarded
from core.input_schema.effort import bound
from core.input_schema.nodes import MAX_DEPTH, Node, SchemaError, nodes
from core.input_schema.work import SIZES, TooMuchWorkError, ValueLimits

#: The most checks for one explanation: each value counts as often as the schema can check it.
MAX_WORK = 1_000_000
#: The most bytes of one compiled regular expression, and of the cache for matching it.
_REGEX = RegexOptions(size_limit=SIZES[-1], dfa_size_limit=1024 * 1024)


@dataclass(frozen=True)
class Mismatch:
    """One mismatch between a value and the schema.

    Attributes:
        path: the names and indexes that lead to the invalid value.
        keyword: the keyword that it does not satisfy.
        limit: that keyword's value in the schema.
        schema: the schema that contains the keyword.
        value: the invalid value.
        message: the validator's message, without the value.
        names: the names that are missing or unknown.
        inner: for `anyOf` and `oneOf`, the mismatches of each alternative.
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
        SchemaError: the schema is invalid, or the work that it requires is unbounded.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        self._nodes = nodes(schema)
        values = MAX_WORK // bound(self._nodes)
        self._explanation_limits = Extent(depth=MAX_DEPTH, values=values, name=sys.maxsize, text=sys.maxsize)
        try:
            jsonschema_rs.meta.validate(_without_dialect(schema))
            self._value_limits = ValueLimits.of(self._nodes, _sizes(self._nodes))
            self._deciding = _compile(guarded.deciding(self._nodes))
            self._explaining = _compile(guarded.explaining(self._nodes))
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            if isinstance(error, SchemaError):
                raise
            raise SchemaError(f"{getattr(error, 'message', error)!s:.200}") from None

    def accepts(self, value: Any) -> bool:
        """Return whether the value satisfies the schema.

        Raises:
            TooMuchWorkError: the value is too large for the checks of this schema.
        """
        self._value_limits.check(value)
        return self._deciding.is_valid(value)

    def mismatches(self, value: Any) -> list[Mismatch]:
        """Return the mismatches of a value.

        The list is empty if there are none, if the value is an entry of a list or object of more than
        `MAX_EXPLAINED`, or if the explanation would exceed `MAX_WORK`: the validator copies a value for each
        of its mismatches.
        """
        try:
            self._explanation_limits.check(value)
            self._value_limits.check(value)
        except (ExtentError, TooMuchWorkError):
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


def check_schema(schema: dict[str, Any]) -> None:
    """Check a schema that no value is checked against, such as that of a function's output.

    Raises:
        SchemaError: it is invalid, too large, or refers to something outside of it.
    """
    nodes(schema)
    try:
        jsonschema_rs.meta.validate(_without_dialect(schema))
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise SchemaError(f"{getattr(error, 'message', error)!s:.200}") from None


def _compile(schema: dict[str, Any], options: RegexOptions = _REGEX) -> jsonschema_rs.Validator:
    # Offline: references point inside the schema, and nothing is fetched. In messages the mask replaces the
    # value, which can be large.
    return Draft202012Validator(
        schema, pattern_options=options, validate_formats=False, offline=True, mask="the value"
    )


def _without_dialect(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name not in ("$schema", "$id")}


def _sizes(schema_nodes: list[Node]) -> dict[str, int]:
    """Return for each regular expression the smallest of `SIZES` with which it can be compiled."""
    sizes: dict[str, int] = {}
    for node in schema_nodes:
        for pattern in node.patterns():
            if pattern not in sizes:
                sizes[pattern] = _size_of(pattern, node.where)
    return sizes


def _size_of(pattern: str, where: str) -> int:
    for size in SIZES:
        try:
            _compile({"pattern": pattern}, RegexOptions(size_limit=size))
        except ValueError:
            continue
        return size
    raise SchemaError(
        f"{where[:200]} has the regular expression {pattern[:200]!r}, which is wrong, "
        "too large, or needs look-around or a backreference. Use one that takes linear time."
    )


def _at(value: Any, path: list[str | int]) -> Any:
    for part in path:
        value = value[part]
    return value
