"""The API page: the gateway's own document in Swagger UI, under the page's policy, loaded by itself only."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.page.visit import SOON, Visit

#: Collects what the policy has blocked.
_WATCH = """
    window.blocked = [];
    document.addEventListener("securitypolicyviolation", event =>
        window.blocked.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""


def test_the_api_page_shows_and_calls_every_operation_under_the_strict_policy(visit: Visit) -> None:
    page = visit.page
    page.add_init_script(_WATCH)
    answer = page.goto(f"{visit.stack.gateway}/docs")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert policy == page.request.get(visit.stack.gateway).headers["content-security-policy"]
    operations = page.locator(".opblock")
    expect(operations.first).to_be_visible(timeout=SOON)
    document: dict[str, Any] = page.request.get(f"{visit.stack.gateway}/openapi.json").json()
    expect(operations).to_have_count(sum(len(item) for item in document["paths"].values()), timeout=SOON)
    # A call from the page, as a person makes it.
    operation = page.locator("#operations-Gateway-create_session")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table tbody .response-col_status").first).to_contain_text(
        "201", timeout=SOON
    )
    grover = page.locator("#operations-Oracles-run_grover")
    grover.locator(".opblock-summary-control").click()
    expect(grover.locator(".opblock-body")).to_contain_text("marked", timeout=SOON)
    assert page.evaluate("window.blocked") == []


def test_the_page_itself_loads_nothing_of_the_api_page(visit: Visit) -> None:
    loaded: list[str] = []
    visit.page.on("request", lambda request: loaded.append(request.url))
    visit.page.reload()
    expect(visit.page.get_by_test_id("function-smile_super_position")).to_be_visible(timeout=SOON)
    assert any("/assets/index-" in url for url in loaded)
    assert not [url for url in loaded if "/docs" in url or "swagger" in url]


def test_the_api_page_fits_a_narrow_screen_and_has_the_users_colours(visit: Visit) -> None:
    page = visit.page
    page.set_viewport_size({"width": 390, "height": 900})
    page.emulate_media(color_scheme="dark")
    page.goto(f"{visit.stack.gateway}/docs")
    grover = page.locator("#operations-Oracles-run_grover")
    grover.locator(".opblock-summary-control").click(timeout=SOON)
    expect(grover.get_by_role("button", name="Try it out")).to_be_visible(timeout=SOON)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator("main").count() == 1
    background = "getComputedStyle(document.querySelector('.swagger-ui')).backgroundColor"
    assert page.evaluate(background) == "rgb(28, 32, 34)"
    # What was chosen on the page comes before the system's.
    page.evaluate("localStorage.setItem('qwhisk.theme.v1', 'light')")
    # Without the operation in the address: Swagger UI warns of its own form of it.
    page.goto(f"{visit.stack.gateway}/docs")
    expect(page.locator(".opblock").first).to_be_visible(timeout=SOON)
    assert page.evaluate("document.documentElement.className") == ""
