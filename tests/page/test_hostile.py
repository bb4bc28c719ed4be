"""A hostile page in the developer's browser cannot do anything to the running stack.

The page is served from another port, and under another host name that leads to this machine. Each attack is
tried with the key that the stack uses, as if the attacker knew it.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page

from testkit.processes import action_pids, part_environment
from testkit.sockets import listening_at
from testkit.stack import Stack, descendants
from tests.page.attacker import PAGE, Attacker, listening
from tests.page.conftest import ARGUMENTS

#: OpenWhisk standalone's key, as Apache publishes it.
GUEST_KEY = (
    "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"
)
#: A name of the attacker that resolves to this machine.
EVIL = "evil.example"
#: Like browsers that do not ask the user before a page connects to this machine.
PERMISSIVE = ["--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"]
#: Milliseconds for a page's requests.
PATIENCE = 10_000

TRY = """async ([url, options]) => {
    try {
        const answer = await fetch(url, options)
        return answer.type === 'opaque' ? 'opaque' : answer.status
    } catch (error) { return 'failed' }
}"""

POST_FORM = """([url, name, value]) => {
    const form = document.createElement('form')
    form.method = 'POST'
    form.action = url
    form.enctype = 'text/plain'
    const field = document.createElement('input')
    field.name = name
    field.value = value
    form.append(field)
    document.body.append(form)
    form.submit()
}"""

CLICK = """url => {
    const link = document.createElement('a')
    link.href = url
    document.body.append(link)
    link.click()
}"""


@dataclass
class Scene:
    """The stack, the attacker, a browser, and an action as bait."""

    stack: Stack
    attacker: Attacker
    browser: BrowserContext
    key: str
    bait: str

    @property
    def openwhisk(self) -> str:
        return f"http://127.0.0.1:{self.stack.env['OPENWHISK_PORT']}"

    def port(self, part: str) -> str:
        """Return the port of a part of the stack."""
        return self.stack.env[f"{part.upper()}_PORT"]

    def whisk(self, method: str, path: str, body: Any = None) -> requests.Response:
        """Send a request of the developer to OpenWhisk."""
        user, _, password = self.key.partition(":")
        url = f"{self.openwhisk}/api/v1/namespaces/_{path}"
        return requests.request(method, url, json=body, auth=(user, password), timeout=30)

    def invoked(self) -> list[str]:
        """Return the activations of the bait."""
        records = self.whisk("GET", "/activations?limit=200").json()
        return [record["activationId"] for record in records if record["name"].startswith(self.bait)]

    def payload(self) -> dict[str, str]:
        """Return a job whose action is to hand the API key to the attacker."""
        return {
            "emoticon_1": ":)",
            "emoticon_2": ":(",
            "client_id": "a",
            "process_job_id": secrets.token_hex(8),
            "topic": "results." + "a" * 24,
            "SIMULATOR_URL": self.attacker.url,
        }

    def elsewhere(self) -> Page:
        """Open a page of the attacker's own origin."""
        page = self.browser.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(f"{self.attacker.url}{PAGE}")
        return page

    def rebound(self, part: str) -> Page:
        """Open a page under the attacker's name, whose address is now that of a part of the stack."""
        page = self.browser.new_page()
        page.set_default_timeout(PATIENCE)
        url = f"http://{EVIL}:{self.port(part)}{PAGE}"
        # It was loaded from the attacker's address, before the name was pointed here.
        page.route(url, lambda route: route.fulfill(content_type="text/html", body="<body></body>"))
        page.goto(url)
        return page

    def unharmed(self) -> None:
        """Check that nothing was invoked, and that the attacker learned nothing."""
        assert (self.invoked(), self.attacker.heard) == ([], [])


@pytest.fixture(scope="module")
def lured(browser: Browser, chromium: str) -> Iterator[Browser]:
    """A browser for which the attacker's name resolves to this machine."""
    rules = f"--host-resolver-rules=MAP {EVIL} 127.0.0.1"
    lured_browser = browser.browser_type.launch(
        executable_path=chromium, args=[*ARGUMENTS, rules, *PERMISSIVE]
    )
    yield lured_browser
    lured_browser.close()


@pytest.fixture
def scene(stack: Stack, lured: Browser) -> Iterator[Scene]:
    """A separate visit, so that keys in the browser are kept for one test only."""
    context = lured.new_context()
    with listening() as attacker:
        key = part_environment(stack, "gateway")["WHISK_AUTH"]
        opened = Scene(stack, attacker, context, key, f"bait-{secrets.token_hex(4)}")
        shipped = opened.whisk("GET", "/actions/quantum/smile_super_position").json()
        body = {name: shipped[name] for name in ("exec", "annotations", "limits")}
        assert opened.whisk("PUT", f"/actions/quantum/{opened.bait}", body).status_code == 200
        exported = {
            "exec": {"kind": "python:default", "code": "def main(p):\n    return {'body': 'done'}\n"},
            "annotations": [{"key": "web-export", "value": True}],
        }
        assert opened.whisk("PUT", f"/actions/{opened.bait}-web", exported).status_code == 200
        yield opened
        context.close()
        opened.whisk("DELETE", f"/actions/quantum/{opened.bait}")
        opened.whisk("DELETE", f"/actions/{opened.bait}-web")


def basic(key: str) -> str:
    """Return the Authorization header of a key."""
    return "Basic " + base64.b64encode(key.encode()).decode()


def test_a_rebound_name_does_not_reach_openwhisk(scene: Scene) -> None:
    page = scene.rebound("openwhisk")
    for key in (GUEST_KEY, scene.key):
        headers = {"Authorization": basic(key)}
        listed = page.evaluate(TRY, ["/api/v1/namespaces/_/actions", {"headers": headers}])
        path = f"/api/v1/namespaces/_/actions/quantum/{scene.bait}?blocking=true"
        options = {"method": "POST", "headers": headers, "body": json.dumps(scene.payload())}
        assert (listed, page.evaluate(TRY, [path, options])) == (421, 421)
    scene.unharmed()


def test_a_link_with_a_key_and_a_form_do_not_invoke_an_action(scene: Scene) -> None:
    page = scene.elsewhere()
    for key in (GUEST_KEY, scene.key):
        with_key = f"http://{key}@127.0.0.1:{scene.port('openwhisk')}/api/v1/namespaces"
        with page.expect_navigation():
            page.evaluate(CLICK, with_key)
        page.goto(f"{scene.attacker.url}{PAGE}")
        # Of the form a=b, but still JSON.
        text = json.dumps(scene.payload() | {"x": "="})
        name, _, value = text.partition("=")
        url = f"{scene.openwhisk}/api/v1/namespaces/_/actions/quantum/{scene.bait}?blocking=true"
        with page.expect_navigation():
            page.evaluate(POST_FORM, [url, name, value])
        page.goto(f"{scene.attacker.url}{PAGE}")
    scene.unharmed()


def test_a_fetch_does_not_invoke_an_action(scene: Scene) -> None:
    page = scene.elsewhere()
    with_key = f"http://{scene.key}@127.0.0.1:{scene.port('openwhisk')}/api/v1/namespaces"
    with page.expect_navigation():
        page.evaluate(CLICK, with_key)
    page.goto(f"{scene.attacker.url}{PAGE}")
    url = f"{scene.openwhisk}/api/v1/namespaces/_/actions/quantum/{scene.bait}"
    body = json.dumps(scene.payload())
    # The page cannot read the answer, but the request is sent.
    options = {"method": "POST", "body": body, "mode": "no-cors", "credentials": "include"}
    assert page.evaluate(TRY, [url, options]) == "opaque"
    readable = {"method": "POST", "body": body, "headers": {"Authorization": basic(scene.key)}}
    assert page.evaluate(TRY, [url, readable]) == "failed"
    scene.unharmed()


def test_a_web_action_rejects_pages_of_other_origins(scene: Scene) -> None:
    page = scene.elsewhere()
    path = f"/api/v1/web/guest/default/{scene.bait}-web"
    url = scene.openwhisk + path
    assert requests.get(url, timeout=30).text == "done"
    mine = scene.invoked()
    rebound = scene.rebound("openwhisk")
    for method in ("GET", "POST"):
        assert rebound.evaluate(TRY, [path, {"method": method}]) == 421
        assert page.evaluate(TRY, [url, {"method": method, "mode": "no-cors"}]) == "opaque"
        assert page.evaluate(TRY, [url, {"method": method}]) == "failed"
    with page.expect_navigation():
        page.evaluate(CLICK, url)
    assert scene.invoked() == mine
    assert scene.attacker.heard == []


def test_an_actions_process_rejects_a_pages_request(scene: Scene) -> None:
    scene.stack.client().smile()
    ports = listened(action_pids(scene.stack))
    assert ports
    page = scene.elsewhere()
    for port in ports:
        options = {"method": "POST", "mode": "no-cors", "body": json.dumps({"value": scene.payload()})}
        assert page.evaluate(TRY, [f"http://127.0.0.1:{port}/run", options]) == "opaque"
    assert scene.attacker.heard == []


@pytest.mark.parametrize(
    ("part", "path", "method"),
    [
        ("gateway", "/api/v1/sessions", "POST"),
        ("gateway", "/metrics", "GET"),
        ("gateway", "/", "GET"),
        ("poller", "/metrics", "GET"),
        ("simulator", "/healthz", "GET"),
        ("simulator", "/identity/token", "POST"),
        ("openwhisk", "/", "GET"),
    ],
)
def test_a_rebound_name_reaches_no_other_part(scene: Scene, part: str, path: str, method: str) -> None:
    assert scene.rebound(part).evaluate(TRY, [path, {"method": method}]) == 421


def test_a_page_of_another_origin_opens_no_session(scene: Scene) -> None:
    def sessions() -> list[str]:
        lines = requests.get(f"{scene.stack.gateway}/metrics", timeout=20).text.splitlines()
        return [line for line in lines if 'route="/api/v1/sessions"' in line and 'status="201"' in line]

    page, before = scene.elsewhere(), sessions()
    url = f"{scene.stack.api}/sessions"
    assert page.evaluate(TRY, [url, {"method": "POST", "mode": "no-cors"}]) == "opaque"
    with page.expect_navigation():
        page.evaluate(POST_FORM, [url, "a", "b"])
    assert sessions() == before


def test_the_page_may_still_be_linked_to(scene: Scene) -> None:
    page = scene.elsewhere()
    with page.expect_navigation():
        page.evaluate(CLICK, f"{scene.stack.gateway}/")
    page.get_by_role("heading").first.wait_for()
    assert page.url.startswith(scene.stack.gateway)


def test_the_broker_accepts_nothing_from_a_page(scene: Scene) -> None:
    page = scene.elsewhere()
    url = f"http://127.0.0.1:{scene.port('broker')}/"
    page.evaluate(
        """url => { const away = AbortSignal.timeout(2000)
            return fetch(url, {method: 'POST', mode: 'no-cors', body: 'x'.repeat(100000), signal: away})
                .catch(() => null) }""",
        url,
    )
    scene.stack.client().smile()


def test_nothing_listens_beyond_this_machine(stack: Stack) -> None:
    stack.client().smile()
    addresses = {address for address, _ in listening_at(descendants(stack.process.pid))}
    assert addresses
    assert all(address.startswith("127.") or address == "::1" for address in addresses), addresses


def listened(pids: list[int]) -> list[int]:
    """Return the TCP ports that these processes listen on."""
    return sorted(port for _, port in listening_at(pids))
