"""The AsyncAPI document: the WebSocket of events, and the topics of Kafka with their messages."""

from __future__ import annotations

from functools import cache
from typing import Any, get_args

import orjson
from flask import Flask, Response
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from core.kafka.dead_letters import LETTER, OUTCOME, REASON, REPLAYED, SOURCES, TOPIC, LetterOutcome
from core.kafka.topics import (
    BACKENDS,
    CANCEL,
    DEAD,
    JOBS,
    POOL,
    POOLS,
    SESSIONS,
    WAITS,
    WEBHOOK_WAITS,
    WEBHOOKS,
)
from core.protocol import (
    API,
    SUBPROTOCOL,
    BackendList,
    JobEvent,
    PoolRecord,
    PoolSubmission,
    PublicJob,
    ResultEvent,
    cloud_events,
)
from gateway.edge.connection import PING, SILENT
from gateway.inbox.erasures import ErasureNotice
from gateway.inbox.session_notices import SessionNotice
from gateway.links import public_path
from gateway.openapi_models import JobCloudEvent

VERSION = "1"


class EventFrame(BaseModel):
    """An event: a job as it stands, and the event's id, from which `after` resumes."""

    id: int
    event: PublicJob


#: The topic of a client's events.
CLIENT = "results.{client}"

_MODELS = (
    EventFrame,
    JobCloudEvent,
    JobEvent,
    ResultEvent,
    ErasureNotice,
    BackendList,
    SessionNotice,
    PoolSubmission,
    PoolRecord,
)
#: The messages of topics that are CloudEvents in binary mode, with the types that each may have.
_BINARY = {
    "JobEvent": (cloud_events.SUBMITTED, cloud_events.CANCELLATION, cloud_events.ERASURE),
    "ResultEvent": get_args(JobCloudEvent.model_fields["type"].annotation),
    "BackendList": (cloud_events.BACKENDS,),
}
#: The topics with the messages that they carry, and the parts that send and receive these.
_TOPICS: dict[str, tuple[str, str, str, str]] = {
    JOBS: ("JobEvent", "A submitted job", "actions", "pollers"),
    **dict.fromkeys(WAITS.values(), ("JobEvent", "A job that waits for its next look", "pollers", "pollers")),
    CANCEL: ("JobEvent", "A job to cancel, or whose data to erase", "gateways", "pollers"),
    POOL: ("PoolSubmission", "The circuits of a job that is pooled", "actions", "pollers"),
    POOLS: ("PoolRecord", "What became of a pooled provider job", "pollers", "pollers"),
    WEBHOOKS: ("ResultEvent", "A final event with a callback address", "pollers", "gateways"),
    **dict.fromkeys(
        WEBHOOK_WAITS.values(),
        ("ResultEvent", "A webhook that waits for its next attempt", "gateways", "gateways"),
    ),
    BACKENDS: ("BackendList", "The backends of all accounts", "pollers", "gateways"),
    SESSIONS: ("SessionNotice", "What gateways tell each other about sessions", "gateways", "gateways"),
    DEAD: ("Unreadable", "A message that no poller could read", "pollers", "operators"),
    CLIENT: ("ResultEvent", "The events of one client's jobs", "pollers", "gateways"),
}
#: What gateways send to a client's topic, too.
_OF_GATEWAYS = ("ErasureNotice", "SessionRenewal")
#: What operators send with `tools.dead_letters`, by topic.
_OF_OPERATORS = dict.fromkeys(sorted(SOURCES), "ReplayedJobEvent") | {DEAD: "LetterRecord"}


@cache
def document() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document."""
    _, definitions = models_json_schema(
        [(model, "serialization") for model in _MODELS], ref_template="#/components/schemas/{model}"
    )
    channels: dict[str, Any] = {"events": _events()}
    operations: dict[str, Any] = {
        "gateways.send.events": {
            "action": "send",
            "channel": {"$ref": "#/channels/events"},
            "summary": "Push the client's events",
        }
    }
    for topic, (message, summary, sender, receiver) in _TOPICS.items():
        name = topic.replace("{", "").replace("}", "")
        others = _OF_GATEWAYS if topic == CLIENT else filter(None, [_OF_OPERATORS.get(topic)])
        channels[name] = _topic(topic, (message, *others), summary)
        for part, action in ((sender, "send"), (receiver, "receive")):
            operations[f"{part}.{action}.{name}"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{name}"},
                "summary": summary,
            }
    client = CLIENT.replace("{", "").replace("}", "")
    sent = [{"$ref": f"#/channels/{client}/messages/{name}"} for name in ("ResultEvent", *_OF_GATEWAYS)]
    operations[f"gateways.send.{client}"] = {
        "action": "send",
        "channel": {"$ref": f"#/channels/{client}"},
        "summary": "A job's first event, the erasure of a job's data, and the renewal of the session",
        "messages": sent,
    }
    for topic, message in _OF_OPERATORS.items():
        operations[f"operators.send.{topic}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{topic}"},
            "summary": "A dead letter that is replayed, or what became of one",
            "messages": [{"$ref": f"#/channels/{topic}/messages/{message}"}],
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "qwhisk events",
            "version": VERSION,
            "description": "The WebSocket, which clients use, and the topics between the parts of qwhisk.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "gateway": _server("ws", "The gateway; wss behind a proxy with TLS"),
            "kafka": _server("kafka", "The brokers, which only the parts of qwhisk can reach"),
        },
        "channels": channels,
        "operations": operations,
        "components": {"schemas": _as_draft_07(definitions["$defs"]), "messages": _messages()},
    }


def _as_draft_07(schema: Any) -> Any:
    """Return a schema of pydantic in draft 07 of JSON Schema, which AsyncAPI's schemas extend.

    Its readers ignore `prefixItems`, and whatever is beside a `$ref`.
    """
    if isinstance(schema, list):
        return [_as_draft_07(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    older = {name: _as_draft_07(part) for name, part in schema.items()}
    if isinstance(older.get("prefixItems"), list):
        older["items"] = older.pop("prefixItems")
    if isinstance(older.get("$ref"), str) and len(older) > 1:
        older["allOf"] = [{"$ref": older.pop("$ref")}]
    return older


def _server(protocol: str, description: str) -> dict[str, Any]:
    return {
        "host": "{host}",
        "protocol": protocol,
        "description": description,
        "variables": {"host": {"description": "Host and port"}},
    }


def _events() -> dict[str, Any]:
    names = ("EventFrame", "JobCloudEvent")
    return {
        "address": f"{API}/events",
        "servers": [{"$ref": "#/servers/gateway"}],
        "description": "After the handshake, only the gateway sends messages: the events since `after`, then "
        f"each new one. It pings every {PING:g} s, and closes a connection that is silent for {SILENT:g} s. "
        "A client that "
        f"offers the subprotocol `{SUBPROTOCOL}` gets CloudEvents.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "ws": {
                "method": "GET",
                "query": {
                    "type": "object",
                    "required": ["token"],
                    "properties": {
                        "token": {"type": "string", "description": "The session's token."},
                        "after": {"type": "integer", "description": "The id of the last event received."},
                    },
                },
            }
        },
    }


def _topic(topic: str, messages: tuple[str, ...], summary: str) -> dict[str, Any]:
    channel: dict[str, Any] = {
        "address": topic,
        "servers": [{"$ref": "#/servers/kafka"}],
        "description": summary,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
    }
    if "{client}" in topic:
        channel["parameters"] = {"client": {"description": "Random, and as secret as the client's token."}}
    return channel


def _messages() -> dict[str, Any]:
    messages: dict[str, Any] = {
        model.__name__: {
            "name": model.__name__,
            "contentType": "application/json",
            "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
        }
        for model in _MODELS
    }
    messages["JobCloudEvent"]["contentType"] = "application/cloudevents+json"
    for name, types in _BINARY.items():
        messages[name]["headers"] = _headers(types, name != "BackendList")
    messages["SessionRenewal"] = {
        "name": "SessionRenewal",
        "contentType": "application/json",
        "description": "Its key is `session`. It only keeps the topic.",
        "payload": {"type": "object", "maxProperties": 0},
    }
    messages["Unreadable"] = {
        "name": "Unreadable",
        "contentType": "application/octet-stream",
        "headers": _object({REASON: {"type": "string"}, TOPIC: {"type": "string"}}, [REASON, TOPIC]),
        # It may be anything, and may be cut.
        "payload": {},
    }
    number = {"type": "string", "pattern": "^[0-9]+$"}
    outcomes = {"enum": list(get_args(LetterOutcome))}
    messages["LetterRecord"] = {
        "name": "LetterRecord",
        "contentType": "application/octet-stream",
        "description": "What became of the message at the offset `letter`. It is empty.",
        "headers": _object({LETTER: number, OUTCOME: outcomes}, [LETTER, OUTCOME]),
        "payload": {},
    }
    messages["ReplayedJobEvent"] = messages["JobEvent"] | {
        "name": "ReplayedJobEvent",
        "description": "A JobEvent that was a dead letter. It does not have the headers of a CloudEvent.",
        "headers": _object({REPLAYED: number}, [REPLAYED]),
    }
    return messages


def _headers(types: tuple[str, ...], has_subject: bool) -> dict[str, Any]:
    """Return the schema of the headers of a CloudEvent in binary mode."""
    text = {"type": "string"}
    properties: dict[str, Any] = {
        "ce_specversion": {"const": "1.0"},
        "ce_id": text | {"minLength": 1},
        "ce_source": text | {"format": "uri-reference"},
        "ce_type": {"enum": list(types)},
        "content-type": {"const": "application/json"},
    }
    required = list(properties)
    if has_subject:
        properties |= {"ce_subject": text, "ce_time": text | {"format": "date-time"}}
        required.append("ce_subject")
    return _object(properties, required)


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


def register(app: Flask) -> None:
    """Serve the document at `/asyncapi.json`, with the prefix of the request before the WebSocket's path.

    Args:
        app: the application.
    """

    @app.get("/asyncapi.json")
    def asyncapi() -> Response:
        described, prefix = document(), public_path("")
        if prefix:
            gateway = described["servers"]["gateway"] | {"pathname": prefix}
            described = described | {"servers": described["servers"] | {"gateway": gateway}}
        return Response(orjson.dumps(described), mimetype="application/json")
