"""The operations of the functions in the OpenAPI document: one for each, with its own input and answer."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import unquote

import orjson

from core.config_docs.model import ConfigDocument
from core.input_schema.nodes import LISTS, MAPS, SINGLE
from core.protocol import API, PublicJob, ResultEvent

#: The path of the operation for any function.
ANY_FUNCTION = f"{API}/functions/{{function}}/jobs"
#: The most functions with an operation of their own, and the most bytes of their schemas. The others have the
#: operation for any function only.
MAX_FUNCTIONS, MAX_SCHEMA_BYTES = 500, 4_000_000
#: The most characters of the name of a component.
MAX_COMPONENT = 100

JsonSchema = dict[str, Any]

_ANY = {"type": "object"}


def add_functions(description: dict[str, Any], documents: Iterable[ConfigDocument]) -> None:
    """Add an operation for each function to an OpenAPI document, by the operation for any function.

    Args:
        description: the OpenAPI document; extended in place.
        documents: the config documents of the functions.
    """
    paths = description["paths"]
    any_function = paths[ANY_FUNCTION]["post"]
    components = Components(description["components"]["schemas"])
    tags = {tag["name"]: tag for tag in description["tags"]}
    for document in described(documents):
        category = document.function_category or "Other"
        tags.setdefault(category, {"name": category})
        paths[ANY_FUNCTION.replace("{function}", document.id)] = {
            "post": _operation(any_function, document, components, category)
        }
    description["tags"] = list(tags.values())


def _operation(
    any_function: dict[str, Any], document: ConfigDocument, components: Components, category: str
) -> dict[str, Any]:
    name = type_name(document.id)
    accepted = components.add(f"{name}Input", optional(document.function_input_schema or _ANY))
    body: dict[str, Any] = {"schema": accepted}
    if (value := example(document.function_input_schema)) is not None:
        body["examples"] = {"example": {"value": value}}
    responses = copy.deepcopy(any_function["responses"])
    # Its path has no id that could make it another path.
    del responses["405"]
    done = responses["200"]["content"]["application/json"]
    event = components.get(done["schema"])
    if document.function_output_schema:
        answer = components.add(f"{name}Answer", document.function_output_schema)
        event = event | {
            "description": f"A job of {document.id}.",
            "properties": event["properties"] | {"answer": {"anyOf": [answer, {"type": "null"}]}},
        }
        done["schema"] = components.add(f"{name}Job", event, moved=False)
        responses["202"]["content"]["application/json"]["schema"] = done["schema"]
        if (value := job_example(document)) is not None:
            done["examples"] = {"example": {"value": value}}
    return any_function | {
        "operationId": f"run_{document.id}",
        "tags": [category],
        "summary": document.function_title or document.id,
        "description": document.function_description,
        "parameters": [item for item in any_function["parameters"] if item["name"] != "function"],
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": responses,
    }


def described(documents: Iterable[ConfigDocument]) -> Iterator[ConfigDocument]:
    """Yield the documents that get an operation, in order: as many as the bounds allow."""
    size = 0
    for document in islice(documents, MAX_FUNCTIONS):
        size += len(orjson.dumps([document.function_input_schema, document.function_output_schema]))
        if size > MAX_SCHEMA_BYTES:
            return
        yield document


class Components:
    """The schemas of the document, by their names.

    Args:
        schemas: those that are not of functions; extended in place.
    """

    def __init__(self, schemas: dict[str, JsonSchema]) -> None:
        self._schemas = schemas
        #: The names without case, because generators name files by them.
        self._taken = {name.casefold() for name in schemas}
        #: The last number of each name that occurs several times.
        self._numbers: dict[str, int] = {}

    def get(self, reference: JsonSchema) -> JsonSchema:
        """Return the schema that a reference names."""
        return self._schemas[reference["$ref"].rpartition("/")[2]]

    def add(self, name: str, schema: JsonSchema, moved: bool = True) -> JsonSchema:
        """Add a schema with the definitions inside of it.

        Args:
            name: the name of the component; changed if it is taken.
            schema: the schema.
            moved: whether its references point inside of it; else they point to components.

        Returns:
            A reference to the component.
        """
        root = self._unused(name[:MAX_COMPONENT])
        # Generators name types by the title, which must be unique.
        self._schemas[root] = schema | {"title": root}
        if not moved:
            return _reference(root)
        definitions = schema.get("$defs")
        names = {inner: self._unused(_component(name, inner)) for inner in definitions or ()}
        outer = {key: value for key, value in schema.items() if key not in ("$defs", "$schema", "$id")}
        self._schemas[root] = _moved(outer, root, names) | {"title": root}
        for inner, component in names.items():
            inside = _moved(schema["$defs"][inner], root, names)
            self._schemas[component] = inside | {"title": component} if isinstance(inside, dict) else inside
        return _reference(root)

    def _unused(self, name: str) -> str:
        """Take the name, with a number if there is such a component, and return it."""
        candidate = name
        while candidate.casefold() in self._taken:
            self._numbers[name] = self._numbers.get(name, 1) + 1
            candidate = f"{name}_{self._numbers[name]}"
        self._taken.add(candidate.casefold())
        return candidate


def type_name(function: str) -> str:
    """Return a function's id as the beginning of a type's name, such as `BellState` of `bell_state`."""
    return "".join(word.capitalize() for word in function.split("_"))


def job_example(document: ConfigDocument) -> dict[str, Any] | None:
    """Return a job that is done, with the answer that its schema's examples make; None without them."""
    answer = example(document.function_output_schema)
    if answer is None:
        return None
    event = ResultEvent(
        job_id="d3v8q2c1f5s73e9k0ab0",
        backend="aer_simulator",
        backend_type="simulator",
        function=document.id,
        client_id="c-1",
        process_job_id="p-1",
        topic="results." + "a" * 24,
        submitted_at=datetime(2026, 1, 1, tzinfo=UTC),
        params=example(document.function_input_schema) or {},
        status="DONE",
        answer=answer,
        finished_at=datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC),
    )
    return PublicJob.of(event).model_dump(mode="json")


#: Larger whole numbers are not all floats.
_MAX_EXACT = 2.0**53


def _plain(value: Any) -> Any:
    """Return a JSON value with 1 for 1.0, as databases return it that do not distinguish the two."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    whole = isinstance(value, float) and value.is_integer() and abs(value) < _MAX_EXACT
    return int(value) if whole else value


def optional(schema: JsonSchema) -> JsonSchema:
    """Return an input schema with the defaults of its fields in their descriptions.

    Generators make a field with a default one that a caller must give.
    """
    fields = schema.get("properties")
    if not isinstance(fields, dict):
        return schema
    changed = {}
    for name, field in fields.items():
        if isinstance(field, dict) and "default" in field:
            default = field["default"]
            words = [str(field.get("description", ""))]
            words += [] if default is None else [f"Default: {orjson.dumps(_plain(default)).decode()}."]
            field = {key: value for key, value in field.items() if key != "default"}
            field |= {"description": " ".join(filter(None, words))}
        changed[name] = field
    return schema | {"properties": changed}


def example(schema: JsonSchema) -> JsonSchema | None:
    """Return the value that the examples of the required fields make; None if one of them has no example."""
    fields = schema.get("properties")
    required = schema.get("required", [])
    if not isinstance(fields, dict) or not isinstance(required, list):
        return None
    value = {}
    for name in required:
        field = fields.get(name)
        examples = field.get("examples") if isinstance(field, dict) else None
        if not isinstance(examples, list) or not examples:
            return None
        value[name] = examples[0]
    return value


def _component(name: str, inner: str) -> str:
    """Return a name for a definition inside a component."""
    plain = re.sub(r"[^A-Za-z0-9]", "_", inner[:MAX_COMPONENT])
    return f"{name}_{plain}"[:MAX_COMPONENT]


def _reference(component: str) -> JsonSchema:
    return {"$ref": f"#/components/schemas/{component}"}


def _moved(schema: Any, root: str, names: dict[str, str]) -> Any:
    """Return a copy of a schema whose references point to the components."""
    return with_references(schema, lambda reference: _target(reference, root, names))


def with_references(schema: Any, target: Callable[[str], str]) -> Any:
    """Return a copy of a schema with other references.

    Only keywords with schemas are followed, so that a value that looks like a reference stays.

    Args:
        schema: the schema.
        target: returns the new reference for one.
    """
    if not isinstance(schema, dict):
        return schema
    changed: JsonSchema = {}
    for keyword, value in schema.items():
        if keyword == "$ref":
            changed[keyword] = target(value)
        elif keyword in SINGLE:
            changed[keyword] = with_references(value, target)
        elif keyword in LISTS and isinstance(value, list):
            changed[keyword] = [with_references(item, target) for item in value]
        elif (keyword in MAPS or keyword == "$defs") and isinstance(value, dict):
            changed[keyword] = {name: with_references(item, target) for name, item in value.items()}
        else:
            changed[keyword] = copy.deepcopy(value)
    return changed


def _target(reference: str, root: str, names: dict[str, str]) -> str:
    path = unquote(reference).split("/")
    if path[:2] == ["#", "$defs"] and len(path) >= 3:
        inner = path[2].replace("~1", "/").replace("~0", "~")
        if inner in names:
            return "/".join(["#/components/schemas", names[inner], *path[3:]])
    return "/".join(["#/components/schemas", root, *path[1:]])
