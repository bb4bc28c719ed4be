"""What is wrong with the description of an algorithm's answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from actions.framework.answer import ActionAnswer, AnswerPart, output_schema
from actions.framework.presentation import VIEWS


def answer_errors(model: Any, view: str) -> Iterator[str]:
    """What is wrong with an answer's model.

    Args:
        model: the algorithm's attribute `output`.
        view: the view that draws the answer.

    Yields:
        The name of the field, what is wrong, and the fix.
    """
    if not (isinstance(model, type) and issubclass(model, ActionAnswer)):
        yield "output: is missing. Name the model of the answer, a subclass of ActionAnswer."
        return
    if "summary" not in model.model_fields:
        yield "answer: has no field 'summary'. Add `summary: Summary`."
    for needed in VIEWS.get(view, ()):
        if needed not in model.model_fields or not model.model_fields[needed].is_required():
            yield f"answer: has no required field {needed!r}, which the view {view!r} draws."
    for part in [model, *parts(model)]:
        for name, field in part.model_fields.items():
            place = f"answer field {name!r}" if part is model else f"field {name!r} of {part.__name__}"
            yield from (f"{place}: {fault}" for fault in _field_errors(field))
            if part is not model and not field.is_required():
                yield f"{place}: has a default. An object inside an answer has all of its fields."
    schema = output_schema(model)
    for name, properties in [("answer", schema), *schema.get("$defs", {}).items()]:
        for field_name, inside in properties.get("properties", {}).items():
            if _without_unit(inside):
                yield f"{name} field {field_name!r}: has a number without a unit. Annotate it with Unit."


def parts(model: type[AnswerPart]) -> list[type[AnswerPart]]:
    """The models of the objects inside an answer, each once, in the order of their fields."""
    known: dict[type[AnswerPart], None] = {}
    waiting = [model]
    while waiting:
        for field in waiting.pop(0).model_fields.values():
            for inner in _models(field.annotation):
                if inner not in known:
                    known[inner] = None
                    waiting.append(inner)
    return list(known)


def _models(annotation: Any) -> Iterator[type[AnswerPart]]:
    if isinstance(annotation, type) and issubclass(annotation, AnswerPart):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _field_errors(field: FieldInfo) -> Iterator[str]:
    for attribute in ("title", "description"):
        if not getattr(field, attribute):
            yield f"has no {attribute}. The API's description shows it."
    if not field.examples:
        yield "has no examples. The API's description shows the first."
    values: TypeAdapter[Any] = TypeAdapter(field.annotation or Any)
    for example in field.examples or []:
        try:
            values.validate_json(json.dumps(example), strict=True)
        except ValidationError:
            yield f"has the example {str(example)[:80]!r}, which is of another type."


def _without_unit(schema: Any) -> bool:
    """Whether a number in the schema has no unit."""
    if isinstance(schema, list):
        return any(map(_without_unit, schema))
    if not isinstance(schema, dict):
        return False
    if schema.get("type") in ("integer", "number") and "x-unit" not in schema:
        return True
    inner = (value for name, value in schema.items() if name not in ("examples", "default", "enum", "const"))
    return any(map(_without_unit, inner))
