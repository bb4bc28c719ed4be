"""A browser, and a user's visit whose console must stay quiet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from testkit.stack import Stack
from tests.page.visit import SOON, Visit

#: No sandbox: tests may run as root in a container. The rest keeps Chromium from contacting its vendor.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    """Only for this folder's tests: while it exists, an event loop runs, and other tests start their own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, stack: Stack) -> Iterator[Visit]:
    """A visit on a desktop. No test may leave an error or warning in the console, or contact another host."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(SOON)
    visit = Visit(context, stack)
    yield visit
    context.close()
    assert visit.said == [], "the browser's console must stay quiet"
    assert visit.hosts <= {stack.gateway.removeprefix("http://")}, "no request to any other host"
