"""A config document that is added, changed or removed changes the gateway's API without a restart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import requests

from gateway.function_operations import ANY_FUNCTION
from testkit.replicas import FREE, Replica, broker, replica, session
from testkit.waiting import until
from tests.gateway.test_openapi import of

#: Seconds for the gateway to see a change; not a bound, but the end of a test in which it never does.
PATIENCE = 120


def write(folder: Path, name: str, **fields: Any) -> None:
    """Write a config document, as an operator's tool does: under another name first."""
    document = {"_id": name, "functionBackendUrl": "http://127.0.0.1:9/none"} | fields
    made = folder / f"{name}.tmp"
    made.write_text(json.dumps(document))
    made.rename(folder / f"{name}.json")


def served(gateway: Replica) -> dict[str, Any]:
    answer = requests.get(f"{gateway.url}/openapi.json", timeout=PATIENCE)
    assert answer.status_code == 200
    described: dict[str, Any] = answer.json()
    return described


def functions(described: dict[str, Any]) -> set[str]:
    """Return the functions that have an operation of their own."""
    names = {path.removeprefix("/api/v1/functions/").removesuffix("/jobs") for path in described["paths"]}
    return {name for name in names if name.isidentifier()}


def test_operations_follow_the_config_documents(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    schema = {"type": "object", "properties": {"text": {"type": "string"}}}
    write(folder, "bell", functionTitle="First", functionInputSchema=schema)
    with broker(tmp_path) as kafka, replica(tmp_path, kafka, folder, **FREE) as gateway:
        headers = {"Authorization": f"Bearer {session(gateway)}"}

        def submitted(function: str, **value: Any) -> int:
            url = gateway.url + ANY_FUNCTION.replace("{function}", function)
            return requests.post(url, json=value, headers=headers, timeout=PATIENCE).status_code

        assert functions(served(gateway)) == {"bell"}
        assert of("bell", served(gateway))["summary"] == "First"

        write(folder, "other", functionTitle="Added")
        until(lambda: functions(served(gateway)) == {"bell", "other"}, PATIENCE)
        assert of("other", served(gateway))["operationId"] == "run_other"
        assert submitted("other") == 502

        changed = {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]}
        output = {"type": "object", "properties": {"summary": {"type": "string"}}}
        write(
            folder, "bell", functionTitle="Second", functionInputSchema=changed, functionOutputSchema=output
        )
        until(lambda: of("bell", served(gateway))["summary"] == "Second", PATIENCE)
        components = served(gateway)["components"]["schemas"]
        assert components["BellInput"]["properties"].keys() == {"number"}
        assert components["BellAnswer"]["properties"].keys() == {"summary"}
        assert (submitted("bell"), submitted("bell", number=1)) == (422, 502)

        (folder / "other.json").unlink()
        until(lambda: functions(served(gateway)) == {"bell"}, PATIENCE)
        assert submitted("other") == 404
        # One that cannot be read has no operation, and the others stay.
        (folder / "bad.json").write_text("{")
        write(folder, "last", functionTitle="Last")
        until(lambda: functions(served(gateway)) == {"bell", "last"}, PATIENCE)
