"""The audit and the permissions over MCP are those over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from core.kafka.publisher import Publisher
from core.protocol import encode
from gateway.mcp.schemas import CANCEL_TOOL, WAIT_TOOL
from testkit.replicas import topic_of
from testkit.stack import wait_for
from tests.core.samples import result_event
from tests.gateway.test_audit import KEYS, PATIENCE, World, audited
from tests.gateway.test_mcp import answered, call, failed, message, opened, send, text_of, token_of

#: What the lines of the same action have in common, whichever way it was requested.
COMMON = ("action", "outcome", "status", "code", "tenant", "function", "address", "logger")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with audited(tmp_path_factory.mktemp("audit_mcp")) as started:
        yield started


@dataclass
class McpTenant:
    """A tenant's MCP session."""

    world: World
    credential: str
    session: str

    @classmethod
    def signed_in(cls, world: World, credential: str) -> McpTenant:
        session = opened(world.gateway, Authorization=f"Bearer {credential}")
        return cls(world, credential, session)

    def send(self, body: dict[str, Any]) -> Any:
        return send(self.world.gateway, body, self.session, Authorization=f"Bearer {self.credential}")

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        return answered(self.send(call(tool, arguments)))

    def listed(self) -> list[str]:
        return [tool["name"] for tool in answered(self.send(message("tools/list")))["tools"]]


def common(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: line.get(name) for name in COMMON} for line in lines]


def ended(world: World, token: str, job: str) -> None:
    """Publish the end of a job, for which a call waits."""
    publisher, topic = Publisher(world.kafka), topic_of(token)
    try:
        publisher.publish(topic, job, encode(result_event(status="DONE", process_job_id=job, topic=topic)))
    finally:
        publisher.close()


def test_a_limited_tenant_gets_the_same_refusals_and_lines(world: World) -> None:
    http, mcp = world.client(KEYS["ci"]), McpTenant.signed_in(world, KEYS["ci"])
    assert [name for name in mcp.listed() if "-" not in name] == http.listed() == ["bell", "liar"]
    attempts: list[tuple[str, dict[str, Any]]] = [
        ("shor", {"backend_type": "simulator"}),
        ("bell", {"backend_type": "hardware"}),
        ("bell", {}),
        ("liar", {"backend_type": "simulator"}),
        ("bell", {"backend_type": "else"}),
        ("unknown", {}),
    ]
    before = len(world.lines())
    refused = [http.submit(function, **value) for function, value in attempts]
    over_http = world.lines()[before:]
    results = [mcp.call(function, **value) for function, value in attempts]
    over_mcp = world.lines()[before + len(attempts) :]
    assert [answer.status_code for answer in refused] == [403, 403, 403, 403, 422, 404]
    for answer, result in zip(refused, results, strict=True):
        assert result["isError"] is True
        assert text_of(result).startswith(answer.json()["detail"].partition(":")[0])
    assert common(over_mcp) == common(over_http)
    assert [line["code"] for line in over_mcp[:4]] == ["not_permitted"] * 4
    assert http("GET", "/jobs").json()["jobs"] == []


def test_a_submission_and_its_cancellations_have_the_same_lines(world: World) -> None:
    before = len(world.lines())
    http = world.client(KEYS["lab"])
    job = http.submit("bell", backend_type="simulator").headers["Location"].rpartition("/")[2]
    assert http("DELETE", f"/jobs/{job}").status_code == 202
    assert http("DELETE", "/jobs/nosuchjob").status_code == 404
    over_http = world.lines()[before:]

    before = len(world.lines())
    mcp = McpTenant.signed_in(world, KEYS["lab"])
    calling = call("bell", {"backend_type": "simulator"})
    # The call waits for its job, which the second connection cancels.
    with ThreadPoolExecutor(1) as workers:
        answer = workers.submit(mcp.send, calling)
        wait_for(lambda: len(world.lines()) == before + 2, PATIENCE)
        made = world.lines()[-1]["process_job_id"]
        cancelled = mcp.call(CANCEL_TOOL, process_job_id=made)
        assert "was requested" in text_of(cancelled)
        ended(world, token_of(mcp.session), made)
        answered(answer.result(PATIENCE))
    assert mcp.call(CANCEL_TOOL, process_job_id="nosuchjob")["isError"] is True
    over_mcp = world.lines()[before:]
    assert common(over_mcp) == common(over_http)
    assert [line["action"] for line in over_mcp] == ["sign_in", "submission", "cancellation", "cancellation"]
    assert [line.get("process_job_id") for line in over_mcp] == [None, made, made, "nosuchjob"]
    assert len({line["client"] for line in over_mcp}) == 1
    secrets = (KEYS["lab"], token_of(mcp.session), mcp.session, topic_of(token_of(mcp.session)))
    text = world.audit.read_text() + world.gateway.log.read_text()
    assert [secret for secret in secrets if secret in text] == []


def test_a_call_that_its_client_cancels_has_the_line_of_a_cancellation(world: World) -> None:
    mcp = McpTenant.signed_in(world, KEYS["lab"])
    before = len(world.lines())
    calling = call("bell", {"backend_type": "simulator"})
    with ThreadPoolExecutor(1) as workers:
        answer = workers.submit(mcp.send, calling)
        wait_for(lambda: len(world.lines()) == before + 1, PATIENCE)
        notice = {
            "jsonrpc": "2.0",
            "method": "notifications/cancelled",
            "params": {"requestId": calling["id"]},
        }
        assert mcp.send(notice).status_code == 202
        wait_for(lambda: len(world.lines()) == before + 2, PATIENCE)
        submission, cancellation = world.lines()[before:]
        ended(world, token_of(mcp.session), submission["process_job_id"])
        answered(answer.result(PATIENCE))
    shown = (cancellation["action"], cancellation["outcome"], cancellation["status"], cancellation["tenant"])
    assert shown == ("cancellation", "accepted", 202, "lab")
    assert cancellation["process_job_id"] == submission["process_job_id"]


def test_a_sign_in_and_a_refused_one_have_the_same_lines(world: World) -> None:
    user = world.issuer.token(sub="erin")
    credentials = [user, KEYS["ci"], "not a key", world.issuer.token(sub="mallory", aud="another")]
    before = len(world.lines())
    statuses = [world.sign_in(credential).status_code for credential in credentials]
    over_http = world.lines()[before:]
    initialize = message("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}})
    initialize["params"]["clientInfo"] = {"name": "test", "version": "1"}
    for credential, status in zip(credentials, statuses, strict=True):
        answer = send(world.gateway, initialize, Authorization=f"Bearer {credential}")
        assert answer.status_code == (200 if status == 201 else status)
    assert common(world.lines()[before + len(credentials) :]) == common(over_http)
    assert [line.get("tenant") for line in over_http] == ["erin", "ci", None, None]


def test_calls_in_a_session_that_is_not_the_callers_have_lines(world: World) -> None:
    owner, other = (McpTenant.signed_in(world, KEYS[name]) for name in ("lab", "ci"))
    stolen = McpTenant(world, other.credential, owner.session)
    forged = McpTenant(world, other.credential, "forged~" + "a" * 16)
    notice = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
    before = len(world.lines())
    for tenant, status in ((stolen, 401), (forged, 404)):
        failed(tenant.send(call("bell", {"backend_type": "simulator"})), status)
        failed(tenant.send(call(CANCEL_TOOL, {"process_job_id": "some\njob"})), status)
        failed(tenant.send(notice), status)
        # These are neither of the actions that the audit records.
        failed(tenant.send(call(WAIT_TOOL, {"process_job_id": "some"})), status)
        failed(tenant.send(message("tools/list")), status)
    failed(owner.send(call("bell", id=1) | {"params": {"name": "bell", "arguments": [1]}}), 422)
    lines = world.lines()[before:]
    named = ("action", "status", "code", "tenant", "function", "process_job_id")
    assert [tuple(line.get(name) for name in named) for line in lines] == [
        ("submission", 401, "unauthorized", None, "bell", None),
        ("cancellation", 401, "unauthorized", None, None, "some\\x0ajob"),
        ("cancellation", 401, "unauthorized", None, None, None),
        ("submission", 404, "not_found", None, "bell", None),
        ("cancellation", 404, "not_found", None, None, "some\\x0ajob"),
        ("cancellation", 404, "not_found", None, None, None),
        ("submission", 422, "invalid_input", "lab", "bell", None),
    ]
    assert {line["outcome"] for line in lines} == {"refused"}
    assert owner.session not in world.audit.read_text()
