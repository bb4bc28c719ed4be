"""A function's parameters on the command line: which words they are, and their values by its input schema.

Pure. What is checked here is what a person mistypes: names, types and choices. The gateway checks everything
before it runs the function.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qwhisk_client.errors import FieldError

#: What the types of JSON Schema are called in messages.
_WORDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list, such as [1,2] or 1,2",
    "object": "a JSON object",
    "string": "text",
    "null": "null",
}


class ParametersError(ValueError):
    """Parameters are wrong. `errors` names each and the correction."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(" ".join(f"{error.field}: {error.message}" for error in errors))
        self.errors = tuple(errors)


def split(words: Sequence[str], options: Mapping[str, bool]) -> tuple[list[str], list[tuple[str, str]]]:
    """Separate the command's own words from a function's parameters.

    A parameter is `--name value`, `--name=value`, `name=value`, or `--name` alone for true. After `--`, every
    word is a parameter, also one with the name of an option.

    Args:
        words: the words after the command's name.
        options: the command's own options, and whether each takes a value.

    Returns:
        The command's own words, and the names of the parameters with the text of their values, both in order.
    """
    own: list[str] = []
    parameters: list[tuple[str, str]] = []
    todo = list(reversed(words))
    only_parameters = False
    while todo:
        word = todo.pop()
        name, equals, text = word.partition("=")
        if word == "--" and not only_parameters:
            only_parameters = True
        elif not only_parameters and name in options:
            own.append(word)
            if options[name] and not equals and todo:
                own.append(todo.pop())
        elif word.startswith("--") and len(name) > 2:
            if not equals:
                text = todo.pop() if todo and not todo[-1].startswith("--") else "true"
            parameters.append((name[2:], text))
        elif equals and name and not word.startswith("-"):
            parameters.append((name, text))
        else:
            own.append(word)
    return own, parameters


def values_of(parameters: Iterable[tuple[str, str]], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input of a function.

    A parameter that is given several times is a list. `-` in a name may stand for `_`.

    Args:
        parameters: names, and texts of values.
        schema: the JSON Schema of the function's input.

    Raises:
        ParametersError: a name is not known, or a value has the wrong type.
    """
    properties: Mapping[str, Any] = schema.get("properties", {})
    texts: dict[str, list[str]] = {}
    errors: list[FieldError] = []
    for given, text in parameters:
        name = given if given in properties else given.replace("-", "_")
        if name in properties or schema.get("additionalProperties", True) is not False:
            texts.setdefault(name, []).append(text)
        else:
            errors.append(FieldError(given, _unknown(name, properties)))
    values: dict[str, Any] = {}
    for name, all_texts in texts.items():
        expected = properties.get(name, {})
        try:
            values[name] = _value(all_texts, expected)
        except ValueError as error:
            errors.append(FieldError(name, str(error)))
    if errors:
        raise ParametersError(errors)
    return values


def check_names(values: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Check that every required parameter is there and every other one is known.

    Raises:
        ParametersError: some are not.
    """
    properties: Mapping[str, Any] = schema.get("properties", {})
    errors = [
        FieldError(name, "is missing. Add it.") for name in schema.get("required", []) if name not in values
    ]
    if schema.get("additionalProperties", True) is False:
        errors += [FieldError(name, _unknown(name, properties)) for name in values if name not in properties]
    if errors:
        raise ParametersError(errors)


def _unknown(name: str, properties: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, properties, 1)
    suggestion = f"Did you mean {close[0]}? " if close else ""
    return f"is not known. {suggestion}Known: {', '.join(sorted(properties))}."


def _value(texts: Sequence[str], schema: Mapping[str, Any]) -> Any:
    if len(texts) == 1:
        return convert(texts[0], schema)
    for choice in _choices(schema):
        if choice.get("type") == "array":
            return [convert(text, choice.get("items", {})) for text in texts]
    raise ValueError("is given twice, and is not a list. Give it once.")


def convert(text: str, schema: Mapping[str, Any]) -> Any:
    """Return the value of a text that the schema's types permit: a string only if it is nothing else.

    Args:
        text: what was typed.
        schema: the JSON Schema of the value.

    Raises:
        ValueError: no type fits. The message says which would.
    """
    choices = _choices(schema)
    for choice in sorted(choices, key=lambda choice: choice.get("type") == "string"):
        try:
            value = _as_type(text, choice)
        except ValueError:
            continue
        allowed = choice.get("enum", schema.get("enum"))
        if isinstance(allowed, list) and value not in allowed:
            raise ValueError(f"must be one of {', '.join(str(item) for item in allowed)}, not {text!r}.")
        return value
    expected = " or ".join(_WORDS.get(str(choice.get("type")), "JSON") for choice in choices)
    raise ValueError(f"must be {expected}, not {text!r}.")


def _choices(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the schema of each permitted type. Without a type, anything is permitted."""
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if alternatives:
        return [choice for alternative in alternatives for choice in _choices(alternative)]
    types = schema.get("type")
    return [{**schema, "type": each} for each in types] if isinstance(types, list) else [schema]


def _as_type(text: str, schema: Mapping[str, Any]) -> Any:
    kind = schema.get("type")
    match kind:
        case "string":
            return text
        case "integer" | "number" | "boolean" | "null" | "object":
            value = _json(text)
            if not _fits(value, kind):
                raise ValueError
            return int(value) if kind == "integer" else value
        case "array":
            try:
                value = _json(text)
            except ValueError:
                return _list(text, schema)
            return value if isinstance(value, list) else _list(text, schema)
    try:
        return _json(text)
    except ValueError:
        return text


def _list(text: str, schema: Mapping[str, Any]) -> list[Any]:
    return (
        [convert(part.strip(), schema.get("items", {})) for part in text.split(",")] if text.strip() else []
    )


def _fits(value: Any, kind: str) -> bool:
    match kind:
        case "integer":
            return type(value) is int or (type(value) is float and value.is_integer())
        case "number":
            return type(value) in (int, float)
        case "boolean":
            return type(value) is bool
        case "null":
            return value is None
    return isinstance(value, dict)


def _json(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: it is not JSON, or is NaN or infinite.
    """
    try:
        return json.loads(text, parse_float=_finite, parse_constant=_reject)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is too large")
    return value


def _reject(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
