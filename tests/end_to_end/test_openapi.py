"""The API against its own OpenAPI document, with valid and invalid requests generated from it."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.openapi import document
from testkit.adversarial import published
from testkit.stack import Client, Stack

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

#: Functions whose operations are tried; each request of those submits a job.
TRIED = ("bernstein_vazirani", "grover")

DOCUMENT = document({name: published()[name] for name in TRIED})
for item in DOCUMENT["paths"].values():
    for operation in item.values():
        # With it, every status would be a documented one.
        del operation["responses"]["default"]
schema = schemathesis.openapi.from_dict(DOCUMENT)

#: Requests made for each operation.
EXAMPLES = 25


@pytest.fixture(scope="module")
def token(stack: Stack) -> str:
    return Client(stack).token


@schema.parametrize()
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
def test_every_answer_is_documented(case: Any, stack: Stack, token: str) -> None:
    query = case.query or {}
    if case.path == "/api/v1/events":
        case.query = {"token": token} | query
    elif isinstance(query.get("wait"), int | float):
        # The answer is tested, not the wait.
        query["wait"] = min(query["wait"], 0.1)
    if "Callback-Url" in (case.headers or {}) and str(case.headers["Callback-Url"]).startswith("https:"):
        # A random id might belong to another job.
        case.headers["Callback-Url"] = "https://receiver.invalid/"
    if "function" in (case.path_parameters or {}) and len(str(case.body)) % 2:
        case.path_parameters["function"] = "grover"
    headers = {"Authorization": f"Bearer {token}"}
    case.call_and_validate(base_url=stack.gateway, headers=headers, checks=CHECKS, timeout=60)


def test_the_document_is_served_and_lists_every_address(stack: Stack) -> None:
    served = requests.get(f"{stack.gateway}/openapi.json", timeout=20).json()
    assert served == document(published())
    assert "/api/v1/functions/vqe/jobs" in served["paths"]
    assert "/api/v1/functions/{function}/jobs" in served["paths"]


def test_a_function_has_the_schemas_of_its_input_and_answer(stack: Stack, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    response = requests.get(f"{stack.api}/functions/grover", headers=headers, timeout=20)
    assert response.status_code == 200
    function = response.json()
    assert function["input_schema"] == published()["grover"].function_input_schema
    assert function["output_schema"] == published()["grover"].function_output_schema
    assert function["output_schema"]["properties"]["found"]["title"] == "Found"
    listed = requests.get(f"{stack.api}/functions", headers=headers, timeout=20).json()["functions"]
    [same] = [item for item in listed if item["id"] == "grover"]
    assert function == same | {"output_schema": function["output_schema"]}
    assert requests.get(f"{stack.api}/functions/grover", timeout=20).status_code == 401
    unknown = requests.get(f"{stack.api}/functions/none", headers=headers, timeout=20)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
