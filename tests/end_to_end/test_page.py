"""The page, in the system's Chromium."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.stack import ROOT, Stack

#: No sandbox: tests may run as root in a container. The rest keeps Chromium from calling home.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """A page opened by one person, and what its console said."""

    def __init__(self, context: BrowserContext, stack: Stack) -> None:
        self.page: Page = context.new_page()
        self.said: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))
        self.page.goto(stack.gateway + "/")

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.said.append(message.text)

    def fill(self, first: str, second: str) -> None:
        self.page.get_by_test_id("field-emoticon_1").fill(first)
        self.page.get_by_test_id("field-emoticon_2").fill(second)

    def run(self) -> None:
        self.page.get_by_test_id("run").click()


@pytest.fixture
def visit(browser: Browser, stack: Stack) -> Iterator[Visit]:
    context = browser.new_context()
    context.set_default_timeout(20_000)
    yield Visit(context, stack)
    context.close()


def test_type_two_emoticons_press_the_button_see_the_histogram_reload(visit: Visit, stack: Stack) -> None:
    page = visit.page
    visit.fill(":-)", ";-)")
    visit.run()
    expect(page.get_by_test_id("notification").first).to_contain_text("submitted")
    result = page.get_by_test_id("result")
    expect(result).to_have_attribute("data-status", "DONE", timeout=20_000)
    histogram = page.get_by_test_id("histogram")
    expect(histogram).to_be_visible()
    expect(histogram).to_contain_text(":-)")
    expect(histogram).to_contain_text(";-)")
    probabilities = [
        float(page.get_by_test_id(f"emoticon-{number}").first.get_attribute("data-probability") or "nan")
        for number in (1, 2)
    ]
    assert sum(probabilities) == pytest.approx(1)
    assert 0.4 < probabilities[0] < 0.6
    before = histogram.inner_text()
    page.reload()
    expect(page.get_by_test_id("histogram")).to_be_visible()
    assert page.get_by_test_id("histogram").inner_text() == before
    assert visit.said == []
    assert visit.hosts == {stack.gateway.removeprefix("http://")}, "no request to any other host"


def test_wrong_input_is_said_beside_the_field(visit: Visit) -> None:
    visit.fill(":)", "x")
    visit.run()
    expect(visit.page.get_by_test_id("error-emoticon_2")).to_contain_text("equally long")
    expect(visit.page.locator("[data-testid^=job-]")).to_have_count(0)
    visit.fill("", ":)")
    visit.run()
    expect(visit.page.get_by_test_id("error-emoticon_1")).not_to_be_empty()


def test_hardware_job_is_seen_waiting_and_done(visit: Visit) -> None:
    page = visit.page
    visit.fill(":)", ":(")
    page.get_by_test_id("field-backend_type-hardware").check(force=True)
    visit.run()
    job = page.locator("[data-testid^=job-]").first
    expect(job).to_have_attribute("data-status", "QUEUED")
    expect(job).to_have_attribute("data-status", "DONE", timeout=60_000)
    expect(page.get_by_test_id("histogram")).to_be_visible()
    expect(page.get_by_test_id("metadata")).to_contain_text("fake_fez")
    assert visit.said == []


def test_two_people_see_only_their_own_jobs(browser: Browser, stack: Stack) -> None:
    contexts = [browser.new_context(), browser.new_context()]
    try:
        visits = [Visit(context, stack) for context in contexts]
        for visit, first in zip(visits, ("aa", "bb"), strict=True):
            visit.fill(first, "zz")
            visit.run()
        for visit, first in zip(visits, ("aa", "bb"), strict=True):
            expect(visit.page.get_by_test_id("histogram")).to_contain_text(first)
            expect(visit.page.locator("[data-testid^=job-]")).to_have_count(1)
    finally:
        for context in contexts:
            context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "width", "height"), [("phone", 390, 844), ("desktop", 1280, 900)])
def test_page_fits_its_screen(
    browser: Browser, stack: Stack, tmp_path: Path, scheme: str, name: str, width: int, height: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    try:
        visit = Visit(context, stack)
        visit.fill("WWWWWWWW", "MMMMMMMM")
        visit.run()
        expect(visit.page.get_by_test_id("histogram")).to_be_visible(timeout=20_000)
        for reading in visit.page.locator(".reading").all():
            assert reading.evaluate("it => it.scrollWidth <= it.clientWidth"), "a reading is cut off"
        wide = visit.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, "the page must not scroll sideways"
        # Where a person wants to look at them: SCREENSHOTS=folder make test
        folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
        visit.page.screenshot(path=folder / f"{name}-{scheme}.png", full_page=True)
        assert visit.said == []
    finally:
        context.close()


def test_page_was_built() -> None:
    assert (ROOT / "web" / "dist" / "index.html").is_file(), (
        "`make page` builds it; `make test` does so first"
    )
