"""Takes pictures of every function's page with a result, at three widths, light and dark: `make screenshots`.

Each function is run once as its form begins. The pictures are for a person to look at.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from testkit.stack import running
from tests.page.conftest import ARGUMENTS

WIDTHS = {1440: 900, 768: 1024, 390: 844}
THEMES = ("light", "dark")
PAGES = {
    "functions": "#/",
    "jobs": "#/jobs",
    "devices": "#/devices",
    "help": "#/help",
    "nowhere": "#/nowhere",
}
#: Milliseconds in which a job is done; a noisy simulation of many steps takes longest.
DONE = 120_000


@contextmanager
def _gateway(url: str) -> Iterator[str]:
    """The address of a running gateway; without `url` that of a stack which is started for it."""
    if url:
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="qwhisk-") as folder, running(Path(folder)) as stack:
        yield stack.gateway


def _run_all(context: BrowserContext, url: str, functions: list[str], backend_type: str) -> None:
    page = context.new_page()
    for name in functions:
        page.goto(f"{url}/#/run/{name}?backend_type={backend_type}")
        page.reload()
        page.get_by_test_id("run").click()
        expect(page.get_by_test_id("result")).to_have_attribute("data-status", "DONE", timeout=DONE)
    page.close()


def _look(browser: Browser, url: str, state: str, names: dict[str, str], folder: Path, size: str) -> None:
    width, theme = size.split("-")
    context = browser.new_context(
        viewport={"width": int(width), "height": WIDTHS[int(width)]},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
        storage_state=state,
    )
    page = context.new_page()
    for name, address in names.items():
        page.goto(f"{url}/{address}")
        page.reload()
        expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
        page.screenshot(path=folder / f"{name}-{size}.png", full_page=True)
    context.close()


def main() -> None:
    """Take the pictures, and print the folder."""
    sizes = [f"{width}-{theme}" for width in WIDTHS for theme in THEMES]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="path of the browser")
    parser.add_argument("--url", default="", help="a running gateway; otherwise a stack is started")
    parser.add_argument("--folder", default="", help="folder of the pictures; otherwise a new temporary one")
    parser.add_argument("--state", default="", help="file that keeps the browser's jobs between two calls")
    parser.add_argument("--only", default="", help="functions, separated by commas")
    parser.add_argument("--sizes", default=",".join(sizes), help="such as 1440-light,390-dark")
    parser.add_argument("--backend-type", default="noisy_simulator")
    options = parser.parse_args()
    folder = Path(options.folder or tempfile.mkdtemp(prefix="qwhisk-screenshots-"))
    folder.mkdir(parents=True, exist_ok=True)
    state = Path(options.state or folder / "state.json")
    with _gateway(options.url) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=ARGUMENTS)
        context = browser.new_context(storage_state=str(state) if state.exists() else None)
        answer = context.request.post(f"{url}/api/v1/sessions").json()
        listed = context.request.get(
            f"{url}/api/v1/functions", headers={"Authorization": f"Bearer {answer['token']}"}
        ).json()["functions"]
        functions = [one["id"] for one in listed if not options.only or one["id"] in options.only.split(",")]
        if not state.exists():
            _run_all(context, url, functions, options.backend_type)
            context.storage_state(path=state)
        names = {name: f"#/run/{name}" for name in functions} | ({} if options.only else PAGES)
        for size in options.sizes.split(","):
            _look(browser, url, str(state), names, folder, size)
        browser.close()
    print(folder)


if __name__ == "__main__":
    main()
