"""A page opened by one user, and the messages of its console."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, expect

from testkit.stack import ROOT, Client, Stack, wait_for

#: Milliseconds in which a simulator's result is available, and a device's.
SOON, QUEUED = 30_000, 90_000

#: Milliseconds after which the page requests the functions and devices again.
LOAD_EVERY = 15_000

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"


class Guest:
    """One user's page of a gateway. Errors and warnings of the console are kept in `said`."""

    def __init__(self, context: BrowserContext, gateway: str, at: str = "#/") -> None:
        self._gateway = gateway
        self.context = context
        self.said: list[str] = []
        self.hosts: set[str] = set()
        self.page = self.open(at)

    def open(self, at: str = "#/") -> Page:
        """Open another page of the same user."""
        page = self.context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))
        page.goto(f"{self._gateway}/{at}")
        self.page = page
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.said.append(f"{message.text} ({message.location.get('url')})")

    def go(self, at: str) -> None:
        """Follow an address within the page."""
        self.page.evaluate("at => { location.hash = at }", at)

    def own_clock(self) -> None:
        """Load the page again, with a clock that `look_again` can advance."""
        self.page.clock.install()
        self.page.reload()

    def look_again(self) -> None:
        """Advance the page's clock to its next request for functions and devices; call `own_clock` first."""
        self.page.clock.fast_forward(LOAD_EVERY)

    def field(self, name: str) -> Locator:
        """Return the control of an input field."""
        return self.page.get_by_test_id(f"field-{name}")

    def smile(self, first: str, second: str, backend_type: str = "simulator") -> None:
        """Run a smile from its form."""
        self.go("#/run/smile_super_position")
        self.field("emoticon_1").fill(first)
        self.field("emoticon_2").fill(second)
        self.field(f"backend_type-{backend_type}").check()
        self.run()

    def run(self) -> None:
        """Press the button."""
        self.page.get_by_test_id("run").click()

    def jobs(self) -> Locator:
        """Return the rows of the list of jobs."""
        return self.page.locator("[data-testid=jobs] > li")

    def ends(self, status: str = "DONE", timeout: int = SOON) -> None:
        """Wait until the displayed job has ended with this status."""
        expect(self.page.get_by_test_id("result")).to_have_attribute("data-status", status, timeout=timeout)

    def offline(self, offline: bool) -> None:
        """Disconnect or reconnect the network; not during a request, which the console would report."""
        self.page.wait_for_load_state("networkidle")
        self.context.set_offline(offline)

    def connection(self, state: str) -> None:
        """Wait until the page shows this state of the connection."""
        expect(self.page.get_by_test_id("connection")).to_have_attribute("data-state", state, timeout=SOON)

    @property
    def session(self) -> dict[str, str]:
        """Return the page's session, as its browser stores it."""
        kept: dict[str, str] = json.loads(self.page.evaluate("localStorage['qwhisk.session.v1']"))
        return kept

    def kept(self) -> list[dict[str, Any]]:
        """Return the browser's record of jobs."""
        jobs: list[dict[str, Any]] = json.loads(
            self.page.evaluate("localStorage['qwhisk.jobs.v1'] ?? '{\"jobs\": []}'")
        )["jobs"]
        return jobs

    def put(self, jobs: list[dict[str, Any]]) -> None:
        """Write the browser's record of jobs, as an earlier visit would have left it."""
        client = self.session["client_id"]
        record = {"v": 1, "client_id": client, "last_id": None, "jobs": jobs}
        record["jobs"] = [job | {"client_id": client} for job in jobs]
        self.page.evaluate("it => { localStorage['qwhisk.jobs.v1'] = JSON.stringify(it) }", record)

    def violations(self) -> list[str]:
        """Return the findings of axe-core, with all its rules, once no transition is in progress."""
        # In the middle of one, a control's text has the new colour and its background still the old one.
        findings: list[str] = self.page.evaluate(
            AXE.read_text()
            + """;Promise.allSettled(document.getAnimations()
                    .filter(({playState, effect}) =>
                        playState === "running" && effect.getComputedTiming().endTime !== Infinity)
                    .map(it => it.finished))
                .then(() => axe.run(document, {resultTypes: ["violations"]}))
                .then(({violations}) => violations.flatMap(({id, nodes}) =>
                    nodes.map(({target, failureSummary}) => `${id} ${target} ${failureSummary}`)))"""
        )
        return findings

    def fits(self) -> None:
        """Check that the page does not scroll sideways."""
        wide, room = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= room, f"{wide} pixels on a screen of {room}"


class Visit(Guest):
    """Open one user's page of a stack."""

    def __init__(self, context: BrowserContext, stack: Stack, at: str = "#/") -> None:
        self.stack = stack
        super().__init__(context, stack.gateway, at)


@contextmanager
def deployed(stack: Stack, name: str, **changes: Any) -> Iterator[None]:
    """Add a function made from the smile's config document; restore everything at the end."""
    smile, before = stack.document("smile_super_position"), stack.document(name)
    assert smile is not None
    document = smile | {"_id": name, "functionTitle": name.title()} | changes
    stack.put_document(document)
    try:
        # A database reports it a moment later.
        client = stack.client()
        wait_for(lambda: _shown(client, document))
        yield
    finally:
        if before is None:
            stack.remove_document(name)
        else:
            stack.put_document(before)


def _shown(client: Client, document: dict[str, Any]) -> bool:
    """Return whether the gateway shows this document and no older one."""
    shown = {
        "id": document["_id"],
        "title": document["functionTitle"],
        "category": document["functionCategory"],
        "description": document["functionDescription"],
        "input_schema": document["functionInputSchema"],
    }
    return any(shown.items() <= listed.items() for listed in client.get("/functions").json()["functions"])
