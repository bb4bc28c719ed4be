"""The OpenAPI document: an operation for each function of the live config documents, and its cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from core.config_docs import Documents
from core.config_docs.model import ConfigDocument, parse
from gateway import function_operations, openapi
from gateway.function_operations import ANY_FUNCTION, optional, type_name
from gateway.openapi import ServedDocument, document
from testkit.adversarial import published
from tests.core.samples import raw_document

DOCUMENT = document(published())
METHODS = ("get", "post", "delete")


def operations(description: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every operation by its path and method."""
    paths = description["paths"].items()
    return {f"{method} {path}": item[method] for path, item in paths for method in METHODS if method in item}


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (item for name, item in value.items() if name == "$ref" and isinstance(item, str))
        value = list(value.values())
    for item in value if isinstance(value, list) else []:
        yield from references(item)


def resolve(description: dict[str, Any], reference: str) -> Any:
    value: Any = description
    for part in reference.removeprefix("#/").split("/"):
        value = value[part.replace("~1", "/").replace("~0", "~")]
    return value


def of(function: str, description: dict[str, Any] = DOCUMENT) -> dict[str, Any]:
    operation: dict[str, Any] = description["paths"][ANY_FUNCTION.replace("{function}", function)]["post"]
    return operation


def check(schema: dict[str, Any], value: Any, description: dict[str, Any] = DOCUMENT) -> None:
    Draft202012Validator(schema | {"components": description["components"]}).validate(value)


def own(**changes: Any) -> dict[str, ConfigDocument]:
    return {"own": parse(raw_document(_id="own", **changes), "own")}


@pytest.mark.parametrize("function", published())
def test_each_function_has_an_operation_with_its_own_schemas(function: str) -> None:
    config, operation = published()[function], of(function)
    assert operation["operationId"] == f"run_{function}"
    assert operation["summary"] == config.function_title
    assert operation["tags"] == [config.function_category]
    assert [item["name"] for item in operation["parameters"]] == [
        "wait",
        "Idempotency-Key",
        "Callback-Url",
        "Callback-Format",
    ]
    general = DOCUMENT["paths"][ANY_FUNCTION]["post"]
    assert operation["responses"].keys() == general["responses"].keys() - {"405"}
    accepted = resolve(DOCUMENT, operation["requestBody"]["content"]["application/json"]["schema"]["$ref"])
    assert accepted["properties"].keys() == config.function_input_schema["properties"].keys()
    assert accepted.get("required", []) == config.function_input_schema.get("required", [])
    if config.function_output_schema:
        event = resolve(
            DOCUMENT, operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        )
        answer = resolve(DOCUMENT, event["properties"]["answer"]["anyOf"][0]["$ref"])
        assert answer["title"] == f"{type_name(function)}Answer"
        assert answer["properties"].keys() == config.function_output_schema["properties"].keys()
        assert answer["properties"]["summary"]["type"] == "string"


@pytest.mark.parametrize("function", published())
def test_the_examples_satisfy_the_schemas(function: str) -> None:
    operation = of(function)
    body = operation["requestBody"]["content"]["application/json"]
    check(body["schema"], body["examples"]["example"]["value"])
    if published()[function].function_output_schema:
        done = operation["responses"]["200"]["content"]["application/json"]
        check(done["schema"], done["examples"]["example"]["value"])


def test_operations_have_unique_ids_and_known_tags() -> None:
    every = operations(DOCUMENT)
    ids = [operation["operationId"] for operation in every.values()]
    assert len(set(ids)) == len(ids)
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    assert len(tags) == len(DOCUMENT["tags"])
    assert {tag for operation in every.values() for tag in operation["tags"]} == tags


def test_every_operation_and_callback_says_whether_it_needs_a_token() -> None:
    described = list(operations(DOCUMENT).values())
    for operation in operations(DOCUMENT).values():
        for callback in operation.get("callbacks", {}).values():
            described += [each for item in callback.values() for each in item.values()]
    assert len(described) > len(operations(DOCUMENT))
    assert [each["summary"] for each in described if "security" not in each] == []


def test_all_references_and_titles_are_of_components() -> None:
    for reference in references(DOCUMENT):
        assert reference.startswith(("#/components/schemas/", "#/components/responses/"))
        resolve(DOCUMENT, reference)
    for name, schema in DOCUMENT["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert schema["title"] == name
        assert "$defs" not in schema


def test_a_default_is_in_the_description_so_that_generated_clients_may_omit_the_field() -> None:
    shots = DOCUMENT["components"]["schemas"]["GroverInput"]["properties"]["shots"]
    assert "default" not in shots
    assert shots["description"].endswith("Default: 1024.")


@pytest.mark.parametrize(
    ("default", "words"),
    [
        (0.0, "0"),
        (0, "0"),
        (0.5, "0.5"),
        ([1.0, {"x": 2.0}], '[1,{"x":2}]'),
        (True, "true"),
        (1e300, "1e+300"),
    ],
)
def test_a_default_is_described_alike_whatever_database_its_document_was_in(default: Any, words: str) -> None:
    described = optional({"properties": {"x": {"default": default}}})["properties"]["x"]["description"]
    assert described == f"Default: {words}."


def test_a_function_without_an_answers_schema_has_the_general_event() -> None:
    description = document(own())
    done = of("own", description)["responses"]["200"]["content"]["application/json"]
    assert done["schema"] == {"$ref": "#/components/schemas/PublicJob"}


def test_strange_schemas_become_components_whose_references_resolve() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "properties": {
            "tree": {"$ref": "#"},
            "first": {"$ref": "#/$defs/a~1b"},
            "spaced": {"$ref": "#/$defs/x%20y"},
            "inside": {"$ref": "#/$defs/a~1b/properties/deep"},
            "same": {"$ref": "#/properties/first"},
            "$ref": {"const": {"$ref": "#/$defs/none"}},
        },
        "examples": [{"$ref": "#/$defs/none"}],
        "$defs": {"a/b": {"properties": {"deep": {"type": "integer"}}}, "x y": {"$ref": "#/$defs/a~1b"}},
    }
    description = document(own(functionInputSchema=schema, functionOutputSchema=schema))
    body = of("own", description)["requestBody"]["content"]["application/json"]["schema"]
    own_schema = resolve(description, body["$ref"])
    # A value that looks like a reference stays.
    assert own_schema["properties"]["$ref"] == {"const": {"$ref": "#/$defs/none"}}
    assert own_schema["examples"] == [{"$ref": "#/$defs/none"}]
    for name in ("tree", "first", "spaced", "inside", "same"):
        resolve(description, own_schema["properties"][name]["$ref"])
    check(body, {"tree": {"first": {"deep": 1}}, "inside": 2}, description)
    mistakes: list[Any] = [{"tree": {"first": {"deep": "x"}}}, {"inside": "x"}, {"spaced": {"deep": []}}]
    for wrong in mistakes:
        assert not Draft202012Validator(body | {"components": description["components"]}).is_valid(wrong)


def test_names_that_would_be_the_same_are_kept_apart() -> None:
    names = ("bb_84", "bb84", "result_event", "own")
    documents = {
        name: parse(raw_document(_id=name, functionInputSchema={"type": "object"}), name) for name in names
    }
    description = document(documents)
    bodies = {
        of(name, description)["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        for name in names
    }
    assert len(bodies) == len(names)
    folded = [name.casefold() for name in description["components"]["schemas"]]
    assert len(set(folded)) == len(folded)


def test_a_category_of_the_gateways_own_name_is_not_a_second_tag() -> None:
    description = document(own(functionCategory="Gateway"))
    assert [tag["name"] for tag in description["tags"]] == ["Gateway"]
    assert of("own", description)["tags"] == ["Gateway"]


def test_many_definitions_of_one_name_are_numbered_in_linear_time() -> None:
    def work(count: int) -> int:
        names = [f"{'x' * 120}{number}" for number in range(count)]
        schema: dict[str, Any] = {"$defs": {name: {} for name in names}}
        taken = Taken()
        components = function_operations.Components({})
        components._taken = taken
        components.add("Own", schema)
        assert len(components._schemas) == count + 1
        return taken.asked

    assert work(800) < 3 * work(400)


class Taken(set[str]):
    """A set that counts how often it is asked."""

    asked = 0

    def __contains__(self, name: object) -> bool:
        self.asked += 1
        return super().__contains__(name)


def test_the_functions_are_bounded_by_number_and_size(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = raw_document(functionInputSchema={"description": "x" * 60_000})
    documents = {f"f{number}": parse(raw | {"_id": f"f{number}"}, "x") for number in range(10)}
    every = [path for path in document(documents)["paths"] if "/functions/f" in path]
    assert len(every) == 10
    monkeypatch.setattr(function_operations, "MAX_SCHEMA_BYTES", 200_000)
    assert len([path for path in document(documents)["paths"] if "/functions/f" in path]) == 3
    monkeypatch.setattr(function_operations, "MAX_FUNCTIONS", 2)
    description = document(documents)
    assert len([path for path in description["paths"] if "/functions/f" in path]) == 2
    assert ANY_FUNCTION in description["paths"]


class Source:
    """A source of documents that the test changes."""

    def __init__(self) -> None:
        self.raw: dict[str, Any] = {"own": raw_document(_id="own", functionTitle="First")}

    def read(self) -> dict[str, Any]:
        return {name: json.loads(json.dumps(raw)) for name, raw in self.raw.items()}

    def wait(self, timeout: float) -> None:
        """Everything may have changed."""


def test_the_document_is_built_once_for_each_revision_of_the_documents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built: list[int] = []

    def counting(functions: Any) -> dict[str, Any]:
        built.append(len(functions))
        return document(functions)

    monkeypatch.setattr(openapi, "document", counting)
    source, served = Source(), ServedDocument()
    documents = Documents(source)
    first = served.json(documents.all())
    documents.refresh()
    assert served.json(documents.all()) == first
    assert built == [1]
    source.raw["own"]["functionTitle"] = "Second"
    documents.refresh()
    assert of("own", json.loads(served.json(documents.all())))["summary"] == "Second"
    source.raw["other"] = raw_document(_id="other")
    documents.refresh()
    assert of("other", json.loads(served.json(documents.all())))["operationId"] == "run_other"
    del source.raw["own"]
    documents.refresh()
    assert "run_own" not in served.json(documents.all()).decode()
    source.raw["other"] = raw_document(_id="Not allowed")
    documents.refresh()
    assert "run_other" not in served.json(documents.all()).decode()
    assert built == [1, 1, 2, 1, 0]
