"""The appearance of the page: on a phone and a desktop, light and dark, without findings of axe-core.

`SCREENSHOTS=folder make test TESTS=tests/page` keeps the screenshots for a review.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, CDPSession, expect

from testkit.stack import Stack
from tests.page.samples import SAMPLES
from tests.page.test_forms import SCHEMA
from tests.page.visit import AXE, SOON, Visit, deployed

SIZES = {"phone": (390, 844), "desktop": (1280, 900)}
#: Compressed bytes that a first load may cost.
MOST = 200_000

#: The buttons that have none of Carbon's styles, as those of a kind that it does not have.
_UNSTYLED = """[...document.querySelectorAll("cds-button")]
    .filter(({shadowRoot}) => !/cds--btn--(primary|secondary|tertiary|ghost|danger)/
        .test(shadowRoot.querySelector(".cds--btn").className))
    .map(({textContent}) => textContent)"""


@pytest.fixture(params=[("phone", "dark"), ("desktop", "light")], ids="-".join)
def looker(request: pytest.FixtureRequest, browser: Browser, stack: Stack) -> Iterator[Visit]:
    """A visit in which every view is seen in both themes and in both sizes."""
    assert AXE.is_file(), "npm ci in web/ installs axe-core; `make page` does so"
    size, scheme = request.param
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    context.set_default_timeout(SOON)
    visit = Visit(context, stack)
    visit.connection("live")
    yield visit
    context.close()
    assert visit.said == []


def _look(visit: Visit, name: str, folder: Path) -> None:
    """Take a screenshot; check, with everything unfolded, the width and the findings of axe-core."""
    width = visit.page.viewport_size or {"width": 0}
    kind = next(key for key, size in SIZES.items() if size[0] == width["width"])
    kept = Path(os.environ.get("SCREENSHOTS") or folder)
    kept.mkdir(parents=True, exist_ok=True)
    visit.page.screenshot(path=kept / f"{name}-{kind}.png", full_page=True)
    visit.page.evaluate("document.querySelectorAll('details').forEach(it => { it.open = true })")
    visit.fits()
    assert visit.page.evaluate(_UNSTYLED) == [], name
    assert visit.violations() == [], name


def test_every_page(looker: Visit, tmp_path: Path) -> None:
    expect(looker.page.get_by_test_id("function-smile_super_position")).to_be_visible()
    _look(looker, "functions", tmp_path)
    looker.go("#/devices")
    expect(looker.page.get_by_test_id("device-fake_fez")).to_be_visible()
    _look(looker, "devices", tmp_path)
    looker.go("#/jobs")
    _look(looker, "no-jobs", tmp_path)
    looker.go("#/run/nothing")
    expect(looker.page.get_by_test_id("missing")).to_contain_text("not deployed")
    _look(looker, "missing", tmp_path)


def test_every_way_of_showing_a_job(looker: Visit, tmp_path: Path) -> None:
    now = datetime.now(UTC).isoformat()
    awaited = {"submitted_at": now, "running_at": None}
    looker.put([job | (awaited if job["finished_at"] is None else {}) for job in SAMPLES.values()])
    looker.page.reload()
    # Pending jobs first: the gateway does not know them, so the page will give them up.
    for name, job in sorted(SAMPLES.items(), key=lambda item: item[1]["finished_at"] is not None):
        looker.go(f"#/jobs/{job['process_job_id']}")
        expect(looker.page.get_by_test_id("result")).to_have_attribute("data-status", job["status"])
        _look(looker, name, tmp_path)


def test_a_form_with_every_control_and_its_errors(looker: Visit, tmp_path: Path) -> None:
    with deployed(looker.stack, "everything", functionInputSchema=SCHEMA):
        looker.page.reload()
        expect(looker.page.get_by_test_id("function-everything")).to_be_visible(timeout=SOON)
        looker.go("#/run/everything")
        expect(looker.page.get_by_test_id("circuit")).to_be_visible()
        _look(looker, "form", tmp_path)
        for name in ("word", "size", "program"):
            looker.field(name).fill("")
        looker.page.get_by_label("Remove term 1").click()
        looker.run()
        expect(looker.page.get_by_test_id("form-errors")).to_be_visible()
        _look(looker, "form-errors", tmp_path)


def test_emoticons_of_wide_letters_are_not_truncated(looker: Visit) -> None:
    looker.smile("WWWWWWWW", "MMMMMMMM")
    looker.ends()
    for reading in looker.page.locator(".reading").all():
        assert reading.evaluate("it => it.scrollWidth <= it.clientWidth"), "a reading is truncated"
    looker.fits()


def test_first_load_is_small_and_its_policy_strict(browser: Browser, stack: Stack) -> None:
    context = browser.new_context()
    try:
        page = context.new_page()
        network: CDPSession = context.new_cdp_session(page)
        network.send("Network.enable")
        sizes: list[float] = []
        network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        answer = page.goto(stack.gateway + "/")
        expect(page.get_by_test_id("function-smile_super_position")).to_be_visible(timeout=SOON)
        assert answer is not None
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'self'" in policy
        assert len(sizes) >= 5, "page, script, styles and answers of the gateway"
        assert sum(sizes) < MOST, f"{sum(sizes) / 1000:.0f} kB"
        print(f"first load: {sum(sizes) / 1000:.1f} kB in {len(sizes)} answers")
    finally:
        context.close()
