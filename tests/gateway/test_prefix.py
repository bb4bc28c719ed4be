"""A gateway that a reverse proxy serves below a path prefix: every link follows it; no client invents one."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import requests
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import TextResourceContents

from core.errors import SettingsError
from core.kafka.publisher import Publisher
from core.protocol import encode, result_path
from core.settings import KafkaSettings
from gateway.inbox.inbox import InboxEntry
from gateway.links import MAX_PREFIX, forwarded_prefix, mounted, parse_prefix, public_path, shown, unmounted
from gateway.settings import GatewaySettings
from testkit.listener import WebSocket
from testkit.replicas import FREE, Replica, broker, documents, replica, session, session_with_topic, topic_of
from testkit.reverse_proxy import ReverseProxy
from testkit.serving import served
from testkit.slow_action import SlowAction
from tests.core.samples import result_event
from tests.gateway.test_settings import ENV

PREFIX = "/quantum/qwhisk"
#: What is never a prefix: links below it could lead to another host or out of it, or break a header.
HOSTILE = [
    "//evil.example",
    "/a//evil.example",
    "/\\evil.example",
    "https://evil.example",
    "evil.example",
    "/..",
    "/a/../b",
    "/a/./b",
    "/a\r\nSet-Cookie: b=c",
    "/a\nb",
    "/a\0b",
    "/a b",
    "/a%2f..%2fb",
    "/a?b=c",
    "/a#b",
    "/a;b",
    '/a"><script>',
    "/é",
    "/" + "a" * 10_000,
    "/a" * 5_000,
]


@pytest.mark.parametrize("prefix", ["", "/", "/a", "/quantum/qwhisk", "/quantum/qwhisk/", "/v1.2/~me/..x"])
def test_a_path_of_plain_segments_is_a_prefix(prefix: str) -> None:
    assert parse_prefix(prefix) == prefix.rstrip("/")


@pytest.mark.parametrize("prefix", HOSTILE)
def test_nothing_else_is_one(prefix: str) -> None:
    with pytest.raises(ValueError, match="not a prefix"):
        parse_prefix(prefix)
    assert forwarded_prefix([prefix], 1) == ""
    with pytest.raises(SettingsError, match="GATEWAY_PREFIX must be a path such as /quantum/qwhisk"):
        GatewaySettings.from_env(ENV | {"GATEWAY_PREFIX": prefix})


@given(st.text(st.characters(codec="latin-1"), max_size=30))
def test_whatever_is_a_prefix_makes_links_of_the_same_host(prefix: str) -> None:
    found = forwarded_prefix([prefix], 1)
    assert found == "" or (found[0] == "/" and found[1] not in "/\\" and len(found) <= MAX_PREFIX)
    assert ".." not in found.split("/")
    assert not set(found) & set("\r\n\t \\%?#\"'<>")


def test_the_settings_prefix_is_none_of_the_gateways_own_paths() -> None:
    assert GatewaySettings.from_env(ENV).prefix == ""
    assert GatewaySettings.from_env(ENV | {"GATEWAY_PREFIX": "/q/"}).prefix == "/q"
    for own in ("/api", "/api/v1", "/api/x"):
        with pytest.raises(SettingsError, match="own paths begin with /api"):
            GatewaySettings.from_env(ENV | {"GATEWAY_PREFIX": own})
    assert GatewaySettings.from_env(ENV | {"GATEWAY_PREFIX": "/apis"}).prefix == "/apis"


def test_only_trusted_proxies_say_a_prefix() -> None:
    assert forwarded_prefix(["/forged"], 0) == ""
    # A proxy adds a header of its own, or a value to what the client has sent.
    assert forwarded_prefix(["/forged", "/a"], 1) == forwarded_prefix(["/forged, /a"], 1) == "/a"
    assert forwarded_prefix(["/outer", "/inner/"], 2) == "/outer/inner"
    assert forwarded_prefix(["/only-one"], 2) == "/only-one"
    assert forwarded_prefix(["//evil.example, /a"], 2) == ""
    assert forwarded_prefix([], 1) == forwarded_prefix([""], 1) == ""
    assert forwarded_prefix(["/" + "a" * 150, "/" + "b" * 150], 2) == ""


def test_a_path_may_have_the_settings_prefix_or_not() -> None:
    def at(path: str, prefix: str, *said: bytes) -> tuple[str, str, str]:
        headers = [(b"x-forwarded-prefix", value) for value in said]
        scope = mounted({"path": path, "headers": headers}, 1, prefix)
        return scope["root_path"], scope["path"], unmounted(scope)["path"]

    assert at("/q/healthz", "/q") == ("/q", "/healthz", "/q/healthz")
    assert at("/healthz", "/q") == ("/q", "/healthz", "/q/healthz")
    assert at("/q", "/q")[1] == ""
    assert at("/quiz", "/q")[1] == "/quiz"
    assert at("/q/x", "/q", b"/other") == ("/q", "/x", "/q/x")
    # The proxy that says a prefix has removed it: what follows may begin with the same segment.
    assert at("/api/v1/jobs", "", b"/api") == ("/api", "/api/v1/jobs", "/api/api/v1/jobs")
    assert at("/x", "") == ("", "/x", "/x")


def test_a_link_is_below_the_prefix_of_its_request() -> None:
    assert public_path("/api/v1/jobs") == "/api/v1/jobs"
    with Flask("test").test_request_context("/x", environ_overrides={"SCRIPT_NAME": "/q"}):
        assert public_path("/api/v1/jobs") == "/q/api/v1/jobs"


def test_only_the_gateways_own_link_of_an_event_changes() -> None:
    own = {
        "result_url": "/api/v1/jobs/x/result",
        "big": 2**70,
        "share": 0.1,
        "text": '"result_url":"/api/v1/',
    }
    for link, below in (
        (result_path("p"), f"{PREFIX}/api/v1/jobs/p/result"),
        ("https://elsewhere.example/x", "https://elsewhere.example/x"),
        (None, None),
    ):
        event = result_event(status="DONE", result_url=link, params=own)
        entry = InboxEntry(0, event, encode(event))
        after = json.loads(shown(entry, PREFIX))
        assert after.pop("result_url") == below
        before = json.loads(entry.json)
        del before["result_url"]
        assert after == before
        assert shown(entry, "") is entry.json


@dataclass
class World:
    kafka: KafkaSettings
    plain: Replica
    proxied: Replica
    configured: Replica


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("prefix")
    path = folder / "documents"
    with ExitStack() as ends:
        settings = FREE | ends.enter_context(
            documents(path, {"_id": "f", "functionBackendUrl": ends.enter_context(served(SlowAction())).url})
        )
        kafka = ends.enter_context(broker(folder))
        replicas = [
            ends.enter_context(replica(folder, kafka, path, name, **settings, **more))
            for name, more in (
                ("plain", {}),
                ("proxied", {"GATEWAY_PROXIES": "1"}),
                ("configured", {"GATEWAY_PREFIX": PREFIX, "GATEWAY_PROXIES": "1"}),
            )
        ]
        yield World(kafka, *replicas)


#: How a proxy may serve the gateway: it removes the prefix and says so, or the gateway's setting has it.
WAYS = ["says", "silent", "keeps"]


@pytest.fixture(params=WAYS)
def proxy(world: World, request: pytest.FixtureRequest) -> Iterator[ReverseProxy]:
    way = request.param
    port = (world.proxied if way == "says" else world.configured).port
    with ReverseProxy(port, PREFIX, strips=way != "keeps", says=way == "says") as proxy:
        yield proxy
        assert proxy.outside == [], "nothing was requested outside of the prefix"


def get(url: str, token: str = "", **headers: str) -> requests.Response:
    given = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.get(url, headers=given | headers, timeout=60, allow_redirects=False)


def test_everything_is_below_the_prefix(world: World, proxy: ReverseProxy) -> None:
    publisher, token = Publisher(world.kafka), session_with_topic(world.plain, world.kafka)
    event = result_event(
        topic=topic_of(token), process_job_id="p", status="DONE", result_url=result_path("p"), params={}
    )
    publisher.publish(event.topic, "p", encode(event))
    publisher.close()
    link = f"{PREFIX}{result_path('p')}"
    api = f"{proxy.url}/api/v1"

    assert requests.post(f"{api}/sessions", timeout=60).status_code == 201
    assert get(f"{api}/functions", token).json()["functions"][0]["id"] == "f"
    assert get(f"{api}/jobs/p?wait=60", token).json()["result_url"] == link
    assert get(f"{api}/jobs/p", token).json()["result_url"] == link
    assert [job["result_url"] for job in get(f"{api}/jobs", token).json()["jobs"]] == [link]
    cancelled = requests.delete(f"{api}/jobs/p", headers={"Authorization": f"Bearer {token}"}, timeout=60)
    assert (cancelled.status_code, cancelled.headers["Location"]) == (202, f"{PREFIX}/api/v1/jobs/p")
    # A browser and curl follow it from the address that they requested.
    assert get(requests.compat.urljoin(cancelled.url, cancelled.headers["Location"]), token).ok
    socket = WebSocket.connect(f"{api.replace('http', 'ws', 1)}/events?token={token}")
    assert json.loads(socket.receive(60))["event"]["result_url"] == link
    socket.close()
    refused = get(f"{api}/jobs")
    assert refused.status_code == 401
    assert f"POST {PREFIX}/api/v1/sessions" in refused.json()["detail"]

    description = get(f"{proxy.url}/openapi.json").json()
    assert [server["url"] for server in description["servers"]] == [PREFIX]
    assert description | {"servers": ()} == get(f"{world.plain.url}/openapi.json").json() | {"servers": ()}
    events = get(f"{proxy.url}/asyncapi.json").json()
    plain = get(f"{world.plain.url}/asyncapi.json").json()
    assert "pathname" not in plain["servers"]["gateway"]
    assert events["servers"]["gateway"] == plain["servers"]["gateway"] | {"pathname": PREFIX}
    assert events | {"servers": ()} == plain | {"servers": ()}
    for path in ("/healthz", "/readyz", "/metrics"):
        assert get(proxy.url + path).status_code == 200, path
    page = get(f"{proxy.url}/")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "//" not in page.text.replace("<!doctype", "").split("<body>")[0], "no address of another host"
    assert get(f"{proxy.url}/nothing").status_code == 404
    # A page of another origin is still foreign, and the proxy's own is not.
    assert get(f"{api}/functions", token, Origin="https://evil.example").status_code == 403
    assert get(f"{api}/functions", token, Origin=f"http://{proxy.host}").status_code == 200


def test_the_location_of_a_new_job_is_below_the_prefix(world: World, proxy: ReverseProxy) -> None:
    token, api = session(world.plain), f"{proxy.url}/api/v1"
    signed = {"Authorization": f"Bearer {token}", "Idempotency-Key": "once"}
    for replayed in (None, "true"):
        accepted = requests.post(f"{api}/functions/f/jobs", headers=signed, json={}, timeout=60)
        assert (accepted.status_code, accepted.headers.get("Idempotent-Replayed")) == (202, replayed)
        job = accepted.json()["process_job_id"]
        assert accepted.headers["Location"] == f"{PREFIX}/api/v1/jobs/{job}"
        assert get(requests.compat.urljoin(accepted.url, accepted.headers["Location"]), token).ok


def test_the_pages_load_their_files_below_the_prefix(world: World, proxy: ReverseProxy) -> None:
    for path in ("/", "/docs"):
        page = get(proxy.url + path)
        assert page.headers["Content-Type"].startswith("text/html"), path
        links = re.findall(r'(?:src|href)="([^"]*)"', page.text)
        assert any(".js" in link for link in links), path
        for link in links:
            # `ReverseProxy.outside` shows those that lead out of the prefix.
            assert get(requests.compat.urljoin(page.url, link)).status_code == 200, link


def test_an_mcp_client_works_below_the_prefix(world: World, proxy: ReverseProxy) -> None:
    publisher, token = Publisher(world.kafka), session_with_topic(world.plain, world.kafka)
    event = result_event(
        topic=topic_of(token), process_job_id="p", status="DONE", result_url=result_path("p"), params={}
    )
    publisher.publish(event.topic, "p", encode(event))
    publisher.close()

    async def trial() -> None:
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60) as http,
            Client(streamable_http_client(f"{proxy.url}/mcp", http_client=http)) as client,
        ):
            assert "f" in {tool.name for tool in (await client.list_tools()).tools}
            result = await client.call_tool("wait-for-job", {"process_job_id": "p"})
            assert result.structured_content["status"] == "DONE"
            [contents] = (await client.read_resource(result.structured_content["resource"])).contents
            assert isinstance(contents, TextResourceContents)
            assert json.loads(contents.text)["result_url"] == f"{PREFIX}{result_path('p')}"

    asyncio.run(trial())
    refused = requests.post(f"{proxy.url}/mcp?{'x' * 5_000}", timeout=60)
    assert (refused.status_code, refused.json()["jsonrpc"]) == (414, "2.0")


def test_the_prefix_without_a_slash_leads_to_the_page(world: World) -> None:
    with ReverseProxy(world.configured.port, PREFIX, strips=False) as proxy:
        answer = get(proxy.url)
        assert (answer.status_code, answer.headers["Location"]) == (308, f"{PREFIX}/")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert requests.get(proxy.url, timeout=60).headers["Content-Type"].startswith("text/html")


def servers(url: str, **headers: str) -> list[Any]:
    """Return where the OpenAPI document says that the gateway is."""
    answer = get(f"{url}/openapi.json", **headers)
    return [answer.status_code, *(server["url"] for server in answer.json()["servers"])]


def test_the_prefix_of_an_untrusted_client_is_ignored(world: World) -> None:
    assert servers(world.plain.url, **{"X-Forwarded-Prefix": "/forged"}) == [200, "/"]
    assert servers(world.configured.url, **{"X-Forwarded-Prefix": "/forged"}) == [200, PREFIX]
    with ReverseProxy(world.proxied.port, PREFIX) as proxy:
        assert servers(proxy.url, **{"X-Forwarded-Prefix": "/forged"}) == [200, PREFIX]
        assert servers(proxy.url, X_Forwarded_Prefix="/forged") == [200, PREFIX]


@pytest.mark.parametrize("prefix", [value for value in HOSTILE if not set(value) & set("\r\n\0é")])
def test_a_hostile_prefix_is_ignored(world: World, prefix: str) -> None:
    assert servers(world.proxied.url, **{"X-Forwarded-Prefix": prefix}) == [200, "/"]
    answer = get(f"{world.proxied.url}/api/v1/jobs", **{"X-Forwarded-Prefix": prefix})
    assert "POST /api/v1/sessions" in answer.json()["detail"]
