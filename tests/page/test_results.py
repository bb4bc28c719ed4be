"""What a result says of itself, how the history keeps it, and what is shown when there is none."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from testkit.faults import paused
from testkit.stack import wait_for
from tests.page.samples import SAMPLES
from tests.page.visit import QUEUED, SOON, Visit, deployed

#: Jobs in a long history.
LONG = 1_000


def _samples(count: int) -> list[dict[str, Any]]:
    """As many finished jobs, the newest first, that differ in input and shots."""
    return [
        SAMPLES["default"]
        | {
            "process_job_id": f"old-{number}",
            "params": {"qubits": number % 20, "shots": 100 + number},
            "status": "ERROR" if number % 10 == 0 else "DONE",
        }
        for number in range(count)
    ]


def test_a_link_to_a_job_that_is_not_here_shows_no_other(visit: Visit) -> None:
    visit.smile(":)", ":(")
    visit.ends()
    visit.go("#/jobs/unknown-job")
    missing = visit.page.get_by_test_id("missing-job")
    expect(missing).to_contain_text("This job is not here", timeout=SOON)
    expect(missing).to_contain_text("unknown-job")
    expect(visit.page.get_by_test_id("histogram")).to_have_count(0)
    assert visit.violations() == []
    missing.get_by_text("Show your own jobs").click()
    visit.ends()


def test_a_link_to_a_job_that_the_service_has_shows_it(visit: Visit) -> None:
    visit.smile(":)", ":(")
    visit.ends()
    visit.go("#/jobs")
    job_id = visit.jobs().first.get_attribute("data-testid")
    assert job_id is not None
    job_id = job_id.removeprefix("job-")
    visit.page.get_by_test_id(f"remove-{job_id}").click()
    expect(visit.jobs()).to_have_count(0)
    visit.go(f"#/jobs/{job_id}")
    visit.ends()
    expect(visit.page.get_by_test_id("histogram")).to_be_visible()


def test_the_data_of_a_job_is_erased_after_a_question(visit: Visit) -> None:
    visit.smile(":)", ":(")
    visit.ends()
    visit.go("#/jobs")
    job_id = (visit.jobs().first.get_attribute("data-testid") or "").removeprefix("job-")
    button, dialog = visit.page.get_by_test_id(f"erase-{job_id}"), visit.page.get_by_test_id("confirm")
    button.click()
    expect(dialog).to_contain_text("cannot be undone")
    expect(visit.page.get_by_test_id("confirm-no")).to_be_focused()
    assert visit.violations() == []
    visit.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(visit.jobs()).to_have_count(1)
    button.click()
    visit.page.get_by_test_id("confirm-no").click()
    expect(dialog).to_have_count(0)
    button.click()
    visit.page.get_by_test_id("confirm-yes").click()
    expect(visit.jobs()).to_have_count(0)
    expect(visit.page.get_by_test_id("notification")).to_contain_text("was erased")
    assert visit.violations() == []
    assert job_id not in visit.page.evaluate("localStorage['qwhisk.jobs.v1']")
    # Neither another start of the page nor its address brings it back.
    visit.page.reload()
    visit.go(f"#/jobs/{job_id}")
    expect(visit.page.get_by_test_id("missing-job")).to_contain_text("This job is not here", timeout=SOON)
    expect(visit.jobs()).to_have_count(0)


def test_the_job_is_called_by_the_id_of_its_address(visit: Visit) -> None:
    visit.go("#/run/qaoa_maxcut")
    visit.run()
    visit.ends(timeout=QUEUED)
    [job] = visit.kept()
    metadata = visit.page.get_by_test_id("metadata")
    expect(metadata).to_contain_text(f"Job{job['process_job_id']}")
    providers = visit.page.get_by_test_id("provider-jobs")
    providers.locator("summary").click()
    assert len(job["provider_jobs"]) > 1
    for step, provider_id in job["provider_jobs"].items():
        expect(providers).to_contain_text(f"Step {int(step) + 1}{provider_id}")
    visit.go(f"#/jobs/{job['process_job_id']}")
    visit.ends()


def test_a_hybrid_jobs_run_is_estimated_and_not_its_step(visit: Visit) -> None:
    with paused(visit.stack):
        visit.go("#/run/qaoa_maxcut?backend_type=hardware")
        visit.run()
        visit.ends("QUEUED")
        expect(visit.page.get_by_test_id("where")).to_contain_text(
            re.compile(r"step 1 of at most \d+.*the whole run is expected to end within"), timeout=SOON
        )
        visit.page.locator("[data-testid^=cancel-]").click()
    visit.ends("CANCELLED", timeout=QUEUED)


def test_while_a_run_is_submitted_the_result_is_called_the_earlier_one(visit: Visit) -> None:
    visit.smile(":)", ":(")
    visit.ends()
    held: list[Route] = []
    visit.page.route("**/functions/*/jobs", lambda route: held.append(route))
    with visit.page.expect_request("**/functions/*/jobs"):
        visit.run()
    submitting = visit.page.get_by_test_id("submitting")
    expect(submitting).to_contain_text("Your new run is being submitted. Below is your earlier run of")
    expect(visit.page.get_by_test_id("whose")).to_contain_text("emoticon 1 :)")
    wait_for(lambda: held)
    held[0].continue_()
    expect(submitting).to_be_hidden()
    visit.ends()


@pytest.mark.parametrize(
    "elsewhere", ["#/", "#/devices", "#/run/grover", "#/run/smile_super_position", "#/jobs"]
)
def test_a_submission_that_ends_after_the_user_has_left_changes_no_address(
    visit: Visit, elsewhere: str
) -> None:
    held: list[Route] = []
    visit.page.route("**/functions/*/jobs", lambda route: held.append(route))
    with paused(visit.stack):
        with visit.page.expect_request("**/functions/*/jobs"):
            visit.smile(":)", ":(", "hardware")
        wait_for(lambda: held)
        visit.go("#/help")
        visit.go(elsewhere)
        held[0].continue_()
        wait_for(lambda: any(job["params"] for job in visit.kept()))
        assert visit.page.evaluate("location.hash") == elsewhere
    if "smile" not in elsewhere and elsewhere != "#/jobs":
        # The result is not in sight, so a notification shows that there is one.
        expect(visit.page.get_by_test_id("notification")).to_contain_text(
            "Smile superposition: done", timeout=QUEUED
        )


def test_notifications_leave_the_result_free(visit: Visit) -> None:
    with paused(visit.stack):
        visit.smile("ab", "cd", "hardware")
        visit.ends("QUEUED")
        visit.smile(":)", ":(")
        visit.ends()
    toast = visit.page.get_by_test_id("notification")
    expect(toast).to_be_visible(timeout=QUEUED)
    covering = toast.bounding_box()
    result = visit.page.get_by_test_id("result").bounding_box()
    assert covering is not None
    assert result is not None
    assert covering["x"] + covering["width"] <= result["x"], "a notification lies over the result"


def test_a_reload_during_the_submission_keeps_the_picture(visit: Visit) -> None:
    page = visit.page
    with paused(visit.stack):
        page.route("**/functions/*/jobs", lambda route: (route.fetch(), route.abort()))
        visit.smile(":)", ":(", "hardware")
        expect(visit.jobs()).to_have_count(1, timeout=SOON)
        page.unroute_all(behavior="ignoreErrors")
        page.reload()
    visit.ends(timeout=QUEUED)
    expect(page.get_by_test_id("circuit").locator(".circuit__wire-name")).to_have_count(16)
    visit.said.clear()


def test_a_history_of_a_thousand_jobs(visit: Visit) -> None:
    page = visit.page
    visit.connection("live")
    visit.put(_samples(LONG))
    page.reload()
    visit.go("#/jobs")
    expect(page.get_by_test_id("jobs-count")).to_contain_text("1,000 jobs, the newest 50 are shown")
    expect(visit.jobs()).to_have_count(50)
    page.get_by_test_id("jobs-more").click()
    expect(visit.jobs()).to_have_count(100)
    page.get_by_test_id("jobs-status").select_option("failed")
    expect(page.get_by_test_id("jobs-count")).to_contain_text("100 of 1,000 jobs match")
    page.get_by_test_id("jobs-search").fill("old-990")
    expect(visit.jobs()).to_have_count(1)
    expect(visit.jobs().first).to_contain_text("1,090 shots")
    visit.jobs().first.locator(".job__open").click()
    page.get_by_test_id("job-name").fill("my best run")
    page.get_by_test_id("job-name").press("Tab")
    expect(visit.jobs().first).to_contain_text("my best run")
    page.reload()
    page.get_by_test_id("jobs-search").fill("best run")
    expect(visit.jobs()).to_have_count(1)
    kept = visit.kept()
    assert len(kept) == LONG


def test_an_unknown_page_says_so(visit: Visit) -> None:
    visit.go("#/nowhere")
    expect(visit.page.get_by_test_id("not-found")).to_contain_text("There is no such page")
    assert visit.violations() == []
    visit.page.get_by_text("Show all functions").click()
    expect(visit.page.get_by_test_id("function-smile_super_position")).to_be_visible()


@pytest.mark.parametrize(
    ("function", "choice", "shown", "hidden"),
    [
        (
            "quantum_fourier_transform",
            "state-basis",
            ["qubits", "value"],
            ["period", "offset", "amplitudes", "imaginary_parts"],
        ),
        ("amplitude_estimation", "problem-marked", ["qubits", "marked"], ["probability"]),
        ("deutsch_jozsa", "kind-truth_table", ["truth_table"], ["mask", "input_bits"]),
        ("bb84", "eavesdropper", ["qubits"], ["shots"]),
    ],
)
def test_fields_that_do_not_apply_are_not_shown(
    visit: Visit, function: str, choice: str, shown: list[str], hidden: list[str]
) -> None:
    visit.go(f"#/run/{function}")
    visit.field(choice).check()
    for name in shown:
        expect(visit.field(name).last).to_be_visible()
    for name in hidden:
        expect(visit.field(name)).to_be_hidden()


def test_what_is_hidden_is_not_sent(visit: Visit) -> None:
    visit.go("#/run/deutsch_jozsa")
    visit.field("mask").fill("11")
    visit.field("kind-constant_1").check()
    visit.run()
    visit.ends()
    [job] = visit.kept()
    assert "mask" not in job["params"]
    assert job["params"]["input_bits"] == 3


@pytest.mark.parametrize("width", [1440, 768, 390])
def test_coefficients_are_seen_in_full(visit: Visit, width: int) -> None:
    visit.page.set_viewport_size({"width": width, "height": 900})
    visit.go("#/run/vqe")
    cells = visit.page.get_by_test_id("field-terms").locator("input")
    expect(cells.first).to_be_visible()
    for cell in cells.all():
        assert cell.evaluate("it => it.scrollWidth <= it.clientWidth"), cell.input_value()


#: A number with more digits than any uncertainty here leaves, and names as the service writes them.
_RAW = re.compile(r"\d\.\d{7,}|phi_plus(?!\))|(?<!\w)[\[{]\s*-?\d|`")


def test_no_raw_number_or_name_is_shown(visit: Visit) -> None:
    for function in (
        "bell_state",
        "quantum_kernel",
        "phase_estimation",
        "teleportation",
        "amplitude_estimation",
    ):
        visit.go(f"#/run/{function}?backend_type=noisy_simulator")
        visit.run()
        visit.ends(timeout=QUEUED)
        for region in (visit.page.get_by_test_id("result"), visit.page.locator(".workbench__form")):
            found = _RAW.search(region.inner_text())
            assert found is None, (function, found)


@pytest.mark.parametrize(
    ("function", "row"),
    [
        ("bb84", r"Alice and Bob have the same key\s*(Yes|No)"),
        ("phase_estimation", r"Difference from the exact phase\s*\u2212?0?\.\d+ ± 0\.\d+ turns"),
        ("vqe", r"Exact energy\s*\u22121\.857"),
        ("amplitude_estimation", r"Calls\s*35,840 calls of the preparation"),
        ("shor", r"Success by chance alone\s*\d+(\.\d)? %"),
    ],
)
def test_an_answers_fields_have_the_titles_and_units_of_the_output_schema(
    visit: Visit, function: str, row: str
) -> None:
    function_schema = visit.stack.client().get(f"/functions/{function}").json()["output_schema"]
    titles = {field["title"] for field in function_schema["properties"].values()}
    visit.go(f"#/run/{function}?backend_type=noisy_simulator")
    visit.run()
    visit.ends(timeout=QUEUED)
    answer = visit.page.get_by_test_id("answer")
    expect(answer).to_contain_text(re.compile(row), timeout=SOON)
    shown = answer.locator("> dl > dt").all_inner_texts()
    assert shown
    assert set(shown) <= titles
    assert visit.violations() == []


def test_a_new_functions_titles_need_no_code_and_are_known_offline(visit: Visit) -> None:
    share = {"type": "number", "x-unit": "share from 0 to 1", "title": "Neither <b>face</b>"}
    schema = {"type": "object", "properties": {"others_probability": share}}
    with deployed(visit.stack, "new_answer", functionOutputSchema=schema, functionView="default"):
        visit.go("#/run/new_answer")
        visit.field("emoticon_1").fill(":)")
        visit.field("emoticon_2").fill(":(")
        visit.run()
        visit.ends()
        answer = visit.page.get_by_test_id("answer")
        expect(answer).to_contain_text(re.compile(r"Neither <b>face</b>\s*0 %"), timeout=SOON)
    visit.page.route("**/api/v1/functions/new_answer", lambda route: route.abort())
    visit.page.reload()
    visit.go("#/jobs")
    expect(answer).to_contain_text(re.compile(r"Neither <b>face</b>\s*0 %"), timeout=SOON)
    visit.said.clear()


def test_pictures_of_particular_answers(visit: Visit) -> None:
    for function, picture in {
        "teleportation": "bloch",
        "quantum_fourier_transform": "spectrum",
        "amplitude_estimation": "likelihood",
        "grover": "amplification",
        "bb84": "key-stages",
    }.items():
        visit.go(f"#/run/{function}")
        visit.run()
        visit.ends(timeout=QUEUED)
        expect(visit.page.get_by_test_id(picture)).to_be_visible()
        explanation = visit.page.get_by_test_id("explanation")
        explanation.locator("summary").click()
        expect(explanation.locator("p").first).to_be_visible()
        assert visit.violations() == [], function


def test_an_example_fills_the_form_and_runs(visit: Visit) -> None:
    visit.go("#/run/qaoa_maxcut")
    visit.page.get_by_test_id("example").filter(has_text="8 servers").click()
    expect(visit.page.get_by_test_id("field-edges").locator("tbody tr")).to_have_count(11)
    expect(visit.page.get_by_test_id("run")).to_be_focused()
    expect(visit.page.get_by_test_id("purpose")).to_contain_text("a classical program")


def test_every_function_has_a_guide(visit: Visit) -> None:
    for one in visit.stack.client().get("/functions").json()["functions"]:
        visit.go(f"#/run/{one['id']}")
        expect(visit.page.locator("h1")).to_have_text(one["title"])
        expect(visit.page.get_by_test_id("purpose")).to_be_visible()
        for example in visit.page.get_by_test_id("example").all():
            example.click()
            # The address follows the form, and restores it.
            expect(visit.page.get_by_test_id("form-errors")).to_be_hidden()


def test_a_picture_can_be_saved(visit: Visit) -> None:
    visit.go("#/run/teleportation")
    visit.run()
    visit.ends()
    for ending, begin in {"svg": b"<svg ", "png": b"\x89PNG"}.items():
        with visit.page.expect_download() as download:
            visit.page.get_by_test_id(f"save-{ending}").first.click()
        assert download.value.suggested_filename.endswith(f".{ending}")
        content = download.value.path().read_bytes()
        assert content.startswith(begin)
        assert len(content) > 1_000


def test_the_theme_can_be_chosen_and_is_remembered(visit: Visit) -> None:
    page = visit.page
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.get_by_test_id("theme").select_option("dark")
    assert page.evaluate(background) != light
    page.reload()
    expect(page.get_by_test_id("theme")).to_have_value("dark")
    assert page.evaluate(background) != light
    assert visit.violations() == []
    page.get_by_test_id("go-help").click()
    expect(page.get_by_test_id("help")).to_contain_text("0.930 ± 0.008")


def test_the_page_starts_without_a_network_and_shows_the_history(visit: Visit) -> None:
    page = visit.page
    visit.smile(":)", ":(")
    visit.ends()
    page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    visit.offline(True)
    page.goto(f"{visit.stack.gateway}/#/jobs")
    page.reload()
    visit.connection("offline")
    visit.ends()
    expect(page.get_by_test_id("histogram")).to_be_visible()
    visit.go("#/")
    expect(page.get_by_test_id("catalogue")).to_contain_text("You are offline")
    visit.offline(False)
    expect(page.get_by_test_id("function-smile_super_position")).to_be_visible(timeout=SOON)


def test_the_page_can_be_installed(visit: Visit) -> None:
    manifest = visit.page.request.get(f"{visit.stack.gateway}/manifest.json").json()
    assert manifest["start_url"] == "./"
    for icon in manifest["icons"]:
        assert visit.page.request.get(f"{visit.stack.gateway}/{icon['src']}").ok
