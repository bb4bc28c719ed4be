"""If a gateway requires a sign-in, its page asks for it, and does not keep the key."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from testkit.replicas import FREE, Replica, broker, documents, replica
from tests.page.test_code import open_code, programs, run
from tests.page.visit import SOON, Guest

KEY = "an-api-key-of-the-tests"


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """A gateway that gives a session to the holder of a key."""
    folder = tmp_path_factory.mktemp("signed")
    path = folder / "documents"
    document = {"_id": "smile", "functionTitle": "Smile", "functionBackendUrl": "http://127.0.0.1:9/"}
    keys = {"GATEWAY_API_KEYS": f"ada:{hashlib.sha256(KEY.encode()).hexdigest()}"}
    with (
        broker(folder) as kafka,
        documents(path, document) as settings,
        replica(folder, kafka, path, **FREE, **keys, **settings) as gateway,
    ):
        yield gateway


@pytest.fixture
def visitor(browser: Browser, signed: Replica) -> Iterator[Guest]:
    """A user who has not signed in; the console must still stay quiet."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(SOON)
    guest = Guest(context, signed.url)
    yield guest
    context.close()
    assert guest.said == []


def test_a_user_who_signs_in_gets_the_page_and_stays_signed_in(visitor: Guest) -> None:
    page = visitor.page
    form = page.get_by_test_id("sign-in-form")
    expect(form).to_be_visible()
    expect(page.get_by_label("API key, or your provider's token")).to_be_focused()
    expect(page).to_have_title(re.compile("^Sign in"))
    assert visitor.violations() == []
    visitor.connection("signed-out")
    inset = page.evaluate(
        """() => {
          const style = it => getComputedStyle(document.querySelector(it));
          return ["#credential", "[data-testid=sign-in-form]"].map(it => parseFloat(style(it).paddingLeft));
        }"""
    )
    assert min(inset) >= 12, "text touches the edge of the panel or of the input"

    page.get_by_test_id("credential").fill("a wrong one")
    page.get_by_test_id("sign-in").click()
    expect(page.get_by_test_id("sign-in-error")).to_contain_text("without spaces")
    page.get_by_test_id("credential").fill("wrong")
    page.get_by_test_id("credential").press("Enter")
    expect(page.get_by_test_id("sign-in-error")).to_contain_text("not known")
    assert visitor.violations() == []

    page.get_by_test_id("credential").fill(KEY)
    page.get_by_test_id("credential").press("Enter")
    expect(form).not_to_be_visible()
    expect(page.get_by_text("Smile", exact=True).first).to_be_visible()
    kept = page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    assert "token" in kept
    assert KEY not in kept

    again = visitor.open()
    expect(again.get_by_text("Smile", exact=True).first).to_be_visible()
    expect(again.get_by_test_id("sign-in-form")).not_to_be_visible()


def test_an_address_is_kept_through_the_sign_in(visitor: Guest) -> None:
    visitor.go("#/devices")
    visitor.page.get_by_test_id("credential").fill(KEY)
    visitor.page.get_by_test_id("sign-in").click()
    expect(visitor.page.get_by_role("heading", name="Devices")).to_be_visible()


def test_who_signs_out_leaves_nothing_behind(visitor: Guest) -> None:
    page = visitor.page
    expect(page.get_by_test_id("sign-out")).to_be_hidden()
    page.get_by_test_id("credential").fill(KEY)
    page.get_by_test_id("sign-in").click()
    visitor.connection("live")
    page.reload()
    # The browser's console has a message if a connection is closed while it is being established.
    visitor.connection("live")
    page.get_by_test_id("sign-out").click()
    expect(page.get_by_test_id("sign-in-form")).to_be_visible()
    assert "token" not in page.evaluate("JSON.stringify({...localStorage})")


def test_signing_out_signs_out_the_other_tabs(visitor: Guest) -> None:
    first = visitor.page
    first.get_by_test_id("credential").fill(KEY)
    first.get_by_test_id("sign-in").click()
    visitor.connection("live")
    second = visitor.open()
    visitor.connection("live")
    first.reload()
    expect(first.get_by_test_id("connection")).to_have_attribute("data-state", "live", timeout=SOON)
    first.get_by_test_id("sign-out").click()
    expect(second.get_by_test_id("sign-in-form")).to_be_visible()
    assert "token" not in second.evaluate("JSON.stringify({...localStorage})")


def test_programs_take_the_key_from_the_environment(visitor: Guest, tmp_path: Path) -> None:
    visitor.go("#/run/smile")
    visitor.page.get_by_test_id("credential").fill(KEY)
    visitor.page.get_by_test_id("sign-in").click()
    open_code(visitor)
    expect(visitor.page.get_by_test_id("code-note")).to_contain_text("environment variable QWHISK_API_KEY")
    found = programs(visitor)
    for program in found.values():
        assert "QWHISK_API_KEY" in program
        assert KEY not in program
        assert visitor.session["token"] not in program
    for language in ("curl", "python"):
        refused = run(language, found[language], tmp_path, QWHISK_API_KEY="wrong")
        assert refused.returncode != 0
        assert '"status":401' in refused.stderr
        # The function's address leads nowhere: the session is created, and the job is not.
        accepted = run(language, found[language], tmp_path, QWHISK_API_KEY=KEY)
        assert accepted.returncode != 0
        assert '"status":50' in accepted.stderr
