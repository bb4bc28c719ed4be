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
from testkit.stack import Client, Stack

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

schema = schemathesis.openapi.from_dict(document())

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
    assert served == document()
    assert "/api/v1/functions/{function}/jobs" in served["paths"]
