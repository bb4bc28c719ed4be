"""The tools' schemas, and what a tool's result has: JSON only, without the package `mcp`."""

from __future__ import annotations

import json
from typing import Any, get_args

from core.config_docs.model import ConfigDocument
from core.protocol import FINAL, JOB_ID, BackendType, Status
from gateway.function_operations import JsonSchema, with_references

#: The addresses of resources.
BACKENDS, JOBS = "qwhisk://backends", "qwhisk://jobs"
#: Our own tools. A function's id has no hyphen, so their names differ from those of all functions.
WAIT_TOOL, CANCEL_TOOL = "wait-for-job", "cancel-job"
#: Seconds that one call of a tool waits. Many clients give up after 60 s.
MAX_WAIT = 50.0
#: The most bytes of what a message carries. Clients of the official package accept 1 MiB as one event.
MAX_MESSAGE = 1_000_000
#: The most bytes of a structured result. Larger ones are resources.
MAX_STRUCTURED = 100_000

_JOB_ID = {
    "type": "string",
    "pattern": f"^{JOB_ID}$",
    "description": "The job's id, as the call of a function returned it.",
}
_NOT_IN_PARTS = ("$defs", "$schema", "$id", "$anchor")


def job_uri(process_job_id: str) -> str:
    """Return the address of a job's resource."""
    return f"{JOBS}/{process_job_id}"


def input_schema(document: ConfigDocument) -> JsonSchema:
    """Return the schema of a function's input, which clients require to be an object."""
    return {"type": "object", **document.function_input_schema}


def output_schema(answer: JsonSchema) -> JsonSchema:
    """Return the schema of a tool's structured result.

    Args:
        answer: the schema of the function's answer; empty if it has none.
    """
    schema: JsonSchema = {
        "type": "object",
        "properties": {
            "process_job_id": _JOB_ID,
            "status": {
                "type": "string",
                "enum": list(get_args(Status)),
                "description": f"The job continues unless this is {', '.join(sorted(FINAL))}.",
            },
            "backend": {"type": "string", "description": "Where the job runs."},
            "backend_type": {"type": "string", "enum": list(get_args(BackendType))},
            "resource": {
                "type": "string",
                "description": "The resource with everything about the job, such as the counts.",
            },
            "answer": {"type": "object", "description": "What the result means, when the job is DONE."},
            "result": {"type": "object", "description": "The result of a job whose function has no answers."},
        },
        "required": ["process_job_id", "status", "backend", "backend_type", "resource"],
    }
    if answer:
        kept = {name: part for name, part in answer.items() if name not in _NOT_IN_PARTS}
        schema["properties"]["answer"] = with_references(kept, _inside)
        if "$defs" in answer:
            schema["$defs"] = {name: with_references(part, _inside) for name, part in answer["$defs"].items()}
    return schema


def _inside(reference: str) -> str:
    """Return a reference of an answer's schema where the answer is part of a result."""
    definition = reference.startswith("#/$defs/")
    return reference if definition else "#/properties/answer" + reference.removeprefix("#")


def wait_input() -> JsonSchema:
    """Return the schema of the input of the tool that waits for a job."""
    seconds = {
        "type": "number",
        "minimum": 0,
        "maximum": MAX_WAIT,
        "default": MAX_WAIT,
        "description": "The longest wait in seconds.",
    }
    return _object({"process_job_id": _JOB_ID, "seconds": seconds})


def cancel_input() -> JsonSchema:
    """Return the schema of the input of the tool that cancels a job."""
    return _object({"process_job_id": _JOB_ID})


def json_of(value: dict[str, Any]) -> str:
    """Return the JSON of a result. Its integers may have more than 64 bits."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _object(properties: JsonSchema) -> JsonSchema:
    return {
        "type": "object",
        "properties": properties,
        "required": ["process_job_id"],
        "additionalProperties": False,
    }


def structured(event: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return a tool's structured result, and in words what it lacks; empty if it lacks nothing.

    Args:
        event: the job's newest event as the HTTP API shows it.
    """
    uri = job_uri(event["process_job_id"])
    shown = {name: event[name] for name in ("process_job_id", "status", "backend", "backend_type")}
    shown["resource"] = uri
    outcome = {}
    if event.get("answer") is not None:
        outcome = {"answer": event["answer"]}
    elif event.get("result") is not None:
        outcome = {"result": event["result"]}
    if (size := len(json_of(outcome).encode())) > MAX_STRUCTURED:
        return shown, f"The answer has {size} bytes, too many for a tool. Read the resource {uri}."
    if not outcome and event["status"] == "DONE" and event.get("result_url"):
        return shown, f"The result is too large for a tool. Read the resource {uri}/result."
    return shown | outcome, ""
