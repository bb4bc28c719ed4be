"""A user's path: choose, fill in, run, see the result, come back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from testkit.faults import paused
from testkit.stack import ROOT, Stack, wait_for
from tests.page.visit import QUEUED, SOON, Visit, deployed


def test_page_was_built() -> None:
    assert (ROOT / "web" / "dist" / "index.html").is_file(), "`make page` builds it"


def test_choose_type_run_see_the_histogram_reload(visit: Visit) -> None:
    page = visit.page
    page.get_by_test_id("search").fill("smile")
    page.get_by_test_id("function-smile_super_position").click()
    visit.field("emoticon_1").fill(":-)")
    visit.field("emoticon_2").fill(";-)")
    visit.run()
    expect(page.get_by_test_id("announcer")).to_contain_text("Smile superposition")
    visit.ends()
    histogram = page.get_by_test_id("histogram")
    expect(histogram).to_contain_text(":-)")
    expect(histogram).to_contain_text(";-)")
    shares = [
        float(page.get_by_test_id(f"emoticon-{n}").get_attribute("data-probability") or "") for n in (1, 2)
    ]
    assert sum(shares) == pytest.approx(1)
    assert 0.4 < shares[0] < 0.6
    expect(page.get_by_test_id("timeline")).to_contain_text("Delivered here")
    before = histogram.inner_text()
    page.reload()
    expect(histogram).to_be_visible()
    assert histogram.inner_text() == before
    expect(visit.field("emoticon_1")).to_have_value(":-)")


def test_every_function_runs_with_the_initial_form(visit: Visit) -> None:
    client = visit.stack.client()
    functions = client.get("/functions").json()["functions"]
    assert len({function["view"] for function in functions}) >= 2
    for function in functions:
        visit.go(f"#/run/{function['id']}")
        expect(visit.page.locator("h1")).to_have_text(function["title"])
        visit.run()
        visit.ends(timeout=QUEUED)
        expect(visit.page.get_by_test_id("ending")).to_have_count(0)
        if function["view"] != "emoticons":
            expect(visit.page.get_by_test_id("summary")).not_to_be_empty()
        if function["view"] in ("matrix", "convergence", "graph"):
            expect(visit.page.get_by_test_id(function["view"]).first).to_be_visible()
        assert visit.said == [], function["id"]
        visit.fits()
        assert visit.violations() == [], function["id"]


def test_wrong_input_is_shown_next_to_its_field(visit: Visit) -> None:
    visit.smile("", ":)")
    expect(visit.page.get_by_test_id("error-emoticon_1")).to_contain_text("Fill in")
    expect(visit.field("emoticon_1")).to_be_focused()
    expect(visit.field("emoticon_1")).to_have_attribute("aria-invalid", "true")
    # An error that only the function detects comes from it, and is shown in the same place.
    visit.smile(":)", "x")
    expect(visit.page.get_by_test_id("error-emoticon_2")).to_contain_text("the same length")
    expect(visit.page.get_by_test_id("form-errors")).to_contain_text("Second emoticon")
    expect(visit.jobs()).to_have_count(0)


def test_hardware_job_is_seen_waiting_and_done(visit: Visit) -> None:
    with paused(visit.stack):
        # The second has one before it, however short the device's queue is now.
        for _ in range(2):
            visit.smile(":)", ":(", "hardware")
            visit.ends("QUEUED")
        expect(visit.page.get_by_test_id("where")).to_contain_text(
            re.compile(
                r"fake_fez \(simulated device\), (next in the queue|1 job ahead|about \d+ jobs ahead)"
            ),
            timeout=SOON,
        )
        bar = visit.page.get_by_test_id("progress")
        expect(bar).to_have_attribute("max", re.compile(r"^[1-9]"), timeout=SOON)
        expect(visit.page.get_by_test_id("active")).to_have_text("2")
    visit.ends(timeout=QUEUED)
    expect(visit.page.get_by_test_id("active")).to_be_hidden()
    expect(visit.page.get_by_test_id("metadata")).to_contain_text("fake_fez")
    expect(visit.page.get_by_test_id("metadata")).to_contain_text("Simulated device")
    expect(visit.page.get_by_test_id("timeline")).to_contain_text("Result ready")


def test_a_hybrid_jobs_value_is_plotted_as_it_arrives(visit: Visit) -> None:
    page = visit.page
    visit.go("#/run/qaoa_maxcut")
    visit.run()
    expect(page.get_by_test_id("progress")).to_have_attribute(
        "aria-label", re.compile(r"\d+ of at most \d+ steps done")
    )
    expect(page.get_by_test_id("waiting").get_by_test_id("convergence")).to_be_visible()
    visit.ends(timeout=QUEUED)
    expect(page.get_by_test_id("graph")).to_contain_text("Side 1")
    expect(page.get_by_test_id("convergence")).to_have_attribute("data-points", re.compile(r"^([2-9]|\d\d)$"))
    [job] = visit.kept()
    steps = [point["step"] for point in job["history"]]
    assert steps
    assert steps == sorted(set(steps))


def test_several_jobs_one_cancelled_one_repeated(visit: Visit) -> None:
    page = visit.page
    with paused(visit.stack):
        visit.smile("aa", "bb", "hardware")
        visit.ends("QUEUED")
        page.locator("[data-testid^=cancel-]").click()
        visit.smile("cc", "dd")
        expect(visit.jobs()).to_have_count(2)
        visit.ends()
        expect(page.locator("[data-testid=jobs] > [data-status=CANCELLED]")).to_have_count(1, timeout=SOON)
    page.get_by_test_id("again").click()
    expect(visit.jobs()).to_have_count(3)
    visit.ends()
    expect(page.get_by_test_id("histogram")).to_contain_text("cc")
    page.locator("[data-testid=jobs] > [data-status=CANCELLED] .job__open").click()
    visit.ends("CANCELLED")
    page.get_by_test_id("edit").click()
    expect(visit.field("emoticon_1")).to_have_value("aa")
    visit.go("#/jobs")
    page.get_by_test_id("clear").click()
    expect(visit.jobs()).to_have_count(0)
    assert visit.kept() == []


def test_a_job_that_ends_in_another_tab_is_shown(visit: Visit) -> None:
    with paused(visit.stack):
        visit.smile(":)", ":(", "hardware")
        visit.ends("QUEUED")
        visit.go("#/")
    toast = visit.page.get_by_test_id("notification")
    expect(toast).to_contain_text("Smile superposition: done", timeout=QUEUED)
    toast.get_by_text("Show the result").click()
    expect(visit.page.get_by_test_id("histogram")).to_be_visible()


def test_two_users_see_only_their_own_jobs(browser: Browser, stack: Stack) -> None:
    contexts = [browser.new_context(), browser.new_context()]
    try:
        visits = [Visit(context, stack) for context in contexts]
        for visit, first in zip(visits, ("aa", "bb"), strict=True):
            visit.smile(first, "zz")
        for visit, first in zip(visits, ("aa", "bb"), strict=True):
            expect(visit.page.get_by_test_id("histogram")).to_contain_text(first)
            visit.go("#/jobs")
            expect(visit.jobs()).to_have_count(1)
            assert visit.said == []
    finally:
        for context in contexts:
            context.close()


def test_a_function_added_while_the_page_is_open(visit: Visit) -> None:
    visit.own_clock()
    expect(visit.page.get_by_test_id("function-smile_super_position")).to_be_visible()
    with deployed(visit.stack, "grin", functionCategory="Brand new", functionDescription="Grins."):
        card = visit.page.get_by_test_id("function-grin")
        expect(card).to_have_count(0)
        visit.look_again()
        expect(card).to_be_visible(timeout=SOON)
        visit.page.get_by_role("button", name="Brand new").click()
        expect(visit.page.get_by_test_id("catalogue").get_by_role("link")).to_have_count(1)
        card.click()
        visit.field("emoticon_1").fill("<>")
        visit.field("emoticon_2").fill("><")
        visit.run()
        visit.ends()
        expect(visit.page.get_by_test_id("histogram")).to_contain_text("<>")
    # Removed again: the page says so, and the result stays.
    client = visit.stack.client()
    wait_for(lambda: "grin" not in client.get("/functions").text)
    visit.look_again()
    expect(visit.page.get_by_test_id("missing")).to_contain_text("not deployed", timeout=SOON)
    expect(visit.page.get_by_test_id("histogram")).to_be_visible()


def test_reload_in_mid_job(visit: Visit) -> None:
    with paused(visit.stack):
        visit.smile(":)", ":(", "hardware")
        visit.ends("QUEUED")
        visit.page.reload()
        visit.ends("QUEUED")
    visit.ends(timeout=QUEUED)
    expect(visit.page.get_by_test_id("histogram")).to_be_visible()


def test_a_result_that_arrived_while_the_page_was_closed(visit: Visit) -> None:
    with paused(visit.stack):
        visit.smile(":)", ":(", "hardware")
        visit.ends("QUEUED")
        token = visit.session["token"]
        visit.page.close()
    client = visit.stack.client()
    client.http.headers["Authorization"] = f"Bearer {token}"

    def done() -> bool:
        [job] = client.get("/jobs").json()["jobs"]
        return bool(job["status"] == "DONE")

    wait_for(done, QUEUED / 1000)
    visit.open("#/run/smile_super_position")
    visit.ends()
    expect(visit.page.get_by_test_id("histogram")).to_be_visible()


def test_offline_and_back(visit: Visit) -> None:
    with paused(visit.stack):
        visit.smile(":)", ":(", "hardware")
        visit.ends("QUEUED")
        visit.offline(True)
        visit.connection("offline")
        visit.run()
        expect(visit.page.get_by_test_id("form-errors")).to_contain_text("You are offline")
    visit.offline(False)
    visit.connection("live")
    visit.ends(timeout=QUEUED)
    visit.run()
    visit.ends()
    expect(visit.jobs()).to_have_count(2)


def test_results_can_be_exported(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    visit.smile(":)", ":(")
    visit.ends()
    saved: dict[str, str] = {}
    for button in ("export-json", "export-csv"):
        with page.expect_download() as download:
            page.get_by_test_id(button).click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        saved[button] = path.read_bytes().decode()
    [job] = json.loads(saved["export-json"])["jobs"]
    assert job["answer"]["emoticons"][0]["text"] == ":)"
    counts = [line.split(",") for line in saved["export-csv"].splitlines()[1:]]
    assert sum(int(line[3]) for line in counts) == 1024
    visit.go("#/jobs")
    with page.expect_download() as download:
        page.get_by_test_id("export-all-csv").click()
    assert download.value.suggested_filename == "qwhisk-jobs.csv"


def test_the_circuit_is_drawn_and_its_program_copied(visit: Visit) -> None:
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.smile(":)", ":(")
    visit.ends()
    circuit = visit.page.get_by_test_id("circuit")
    expect(circuit.locator(".circuit__wire-name")).to_have_count(16)
    expect(circuit.locator(".circuit__gate--measure")).to_have_count(16)
    visit.page.get_by_text("OpenQASM 3", exact=True).click()
    visit.page.get_by_test_id("copy-openqasm").click()
    expect(visit.page.get_by_test_id("copy-openqasm")).to_have_text("Copied")
    assert visit.page.evaluate("navigator.clipboard.readText()").startswith("OPENQASM 3")


def test_devices_and_their_queues(visit: Visit) -> None:
    visit.page.get_by_test_id("go-devices").click()
    row = visit.page.get_by_test_id("device-fake_fez")
    expect(row).to_contain_text("156")
    expect(row).to_contain_text("Operational")
    visit.go("#/run/smile_super_position")
    visit.field("backend_type-hardware").check()
    expect(visit.field("backend")).to_contain_text("fake_fez · simulated device · 156 qubits")
    expect(visit.page.get_by_text("A simulated device, 156 qubits")).to_be_visible(timeout=SOON)


def test_the_keyboard_is_enough(visit: Visit) -> None:
    page, press = visit.page, visit.page.keyboard.press
    expect(page.get_by_test_id("function-smile_super_position")).to_be_visible()
    press("/")
    expect(page.get_by_test_id("search")).to_be_focused()
    page.keyboard.type("smile")
    press("Enter")
    expect(page.locator("h1")).to_have_text("Smile superposition")
    for _ in range(4):
        press("Tab")
        if page.evaluate("document.activeElement.id") == "field-emoticon_1":
            break
    expect(visit.field("emoticon_1")).to_be_focused()
    press("Control+a")
    page.keyboard.type("8)")
    press("Tab")
    press("Tab")
    press("ArrowRight")
    expect(visit.field("backend_type-noisy_simulator")).to_be_checked()
    press("ArrowLeft")
    for _ in range(5):
        press("Tab")
    assert page.evaluate("document.activeElement.dataset.testid") == "run"
    press("Enter")
    visit.ends()
    expect(page.get_by_test_id("histogram")).to_contain_text("8)")
