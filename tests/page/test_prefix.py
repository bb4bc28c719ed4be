"""The whole page below a path prefix, in a browser, with a reverse proxy in front of the gateway."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, expect

from testkit.replicas import Replica, beside
from testkit.reverse_proxy import ReverseProxy
from testkit.stack import Stack
from tests.page.test_code import open_code
from tests.page.visit import SOON, Guest

PREFIX = "/quantum/qwhisk"
KEY = "an-api-key-of-the-tests"


@dataclass
class Host:
    """A host that serves a gateway below a prefix, and a user of its page."""

    proxy: ReverseProxy
    guest: Guest


@pytest.fixture(scope="module")
def gateway(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """A gateway of the stack that trusts a proxy and requires a sign-in."""
    settings = {
        "GATEWAY_PROXIES": "1",
        "GATEWAY_API_KEYS": f"ada:{hashlib.sha256(KEY.encode()).hexdigest()}",
    }
    with beside(stack, tmp_path_factory.mktemp("proxied"), **settings) as gateway:
        yield gateway


@pytest.fixture
def host(browser: Browser, gateway: Replica) -> Iterator[Host]:
    """A user who has signed in. The console stays quiet, and nothing outside of the prefix is requested."""
    with ExitStack() as ends:
        proxy = ends.enter_context(ReverseProxy(gateway.port, PREFIX))
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(SOON)
        guest = Guest(context, proxy.url)
        guest.page.get_by_test_id("credential").fill(KEY)
        guest.page.get_by_test_id("sign-in").click()
        guest.connection("live")
        yield Host(proxy, guest)
        context.close()
        assert guest.said == [], "the browser's console must stay quiet"
        assert guest.hosts == {proxy.host}, "no request to any other host"
        assert proxy.outside == [], "no request outside of the prefix"


def test_a_function_is_run_and_the_user_signs_out_below_the_prefix(host: Host) -> None:
    guest, page = host.guest, host.guest.page
    guest.smile(":)", ":(")
    guest.ends()
    expect(page.get_by_test_id("histogram")).to_contain_text(":)")
    assert page.url.startswith(f"{host.proxy.url}/#/run/smile_super_position")
    open_code(guest)
    expect(page.get_by_test_id("code-program")).to_contain_text(f"{host.proxy.url}/api/v1")
    page.reload()
    guest.connection("live")
    expect(page.get_by_test_id("histogram")).to_be_visible()
    kept = page.evaluate("Object.keys(localStorage)")
    assert kept
    assert all(key.endswith(f":{PREFIX}/") for key in kept), "another gateway of this host has its own"
    for address in page.evaluate("[...document.querySelectorAll('a[href]')].map(link => link.href)"):
        assert address.startswith((f"{host.proxy.url}/#", "https://")), address
    page.get_by_test_id("sign-out").click()
    expect(page.get_by_test_id("sign-in-form")).to_be_visible()
    assert page.url.startswith(f"{host.proxy.url}/")


def test_the_page_is_installed_and_starts_without_a_network_below_the_prefix(host: Host) -> None:
    guest, page = host.guest, host.guest.page
    assert page.evaluate("navigator.serviceWorker.ready.then(it => it.scope)") == f"{host.proxy.url}/"
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    assert page.evaluate("caches.keys()") == [f"qwhisk-page-v1:{PREFIX}/"]
    address = page.evaluate("document.querySelector('link[rel=manifest]').href")
    manifest = json.loads(page.evaluate("address => fetch(address).then(it => it.text())", address))
    resolved = "([path, base]) => new URL(path, base).href"
    for name in ("start_url", "scope"):
        assert page.evaluate(resolved, [manifest[name], address]) == f"{host.proxy.url}/"
    guest.offline(True)
    page.reload()
    guest.connection("offline")
    expect(page.get_by_test_id("catalogue")).to_contain_text("You are offline")
    guest.offline(False)
    expect(page.get_by_test_id("function-smile_super_position")).to_be_visible()


def test_the_api_page_shows_and_calls_the_api_below_the_prefix(host: Host) -> None:
    page = host.guest.page
    page.goto(f"{host.proxy.url}/docs")
    operation = page.locator("#operations-Gateway-get_health")
    operation.locator(".opblock-summary-control").click(timeout=SOON)
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table tbody .response-col_status").first
    expect(answer).to_contain_text("200", timeout=SOON)
    expect(operation.locator(".request-url")).to_contain_text(f"{PREFIX}/healthz", timeout=SOON)
