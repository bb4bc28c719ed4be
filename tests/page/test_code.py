""" "Call it from code": the programs that a form prints really run, and give the answer of what is typed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, expect

from testkit.programs import path_of
from testkit.stack import Stack
from tests.clients.conftest import SHORT_LIVED
from tests.page.test_algorithms import typed
from tests.page.test_forms import SCHEMA
from tests.page.visit import SOON, Guest, Visit, deployed

#: Seconds that a program may take; Java compiles its file first.
TIMEOUT = 120
#: The command for each language's program, the name of its file, and Debian's package with the command.
COMMANDS = {
    "curl": ("sh", "call.sh", "dash"),
    "python": (sys.executable, "call.py", "python3"),
    "javascript": ("node", "call.mjs", "nodejs"),
    "java": ("java", "Call.java", "default-jdk-headless"),
}
SIZES = {"phone": (390, 844), "tablet": (768, 1024), "desktop": (1440, 900)}

_PROGRAM = (
    'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nbit[2] c;\n  x q[1]; // it\'s "1"\nc = measure q;\n'
)
#: Functions and what is typed into their forms. With a seed, the same input has the same answer.
CASES: list[tuple[str, dict[str, Any]]] = [
    ("smile_super_position", {"emoticon_1": "'\"`$(id", "emoticon_2": "\\n</#!%", "shots": 77, "seed": 5}),
    ("run_openqasm", {"program": _PROGRAM, "shots": 33, "seed": 6}),
    ("quantum_kernel", {"vectors": [[0.25, 1.5], [-0.5, 3], [2, 0]], "shots": 99, "seed": 7}),
]


def open_code(guest: Guest) -> None:
    """Unfold the programs."""
    guest.page.get_by_text("Call it from code").click()
    expect(guest.page.get_by_test_id("code-program")).not_to_be_empty()


def programs(guest: Guest) -> dict[str, str]:
    """Return the program of each language, as its button copies it."""
    guest.context.grant_permissions(["clipboard-read", "clipboard-write"])
    found = {}
    for language in COMMANDS:
        guest.page.get_by_test_id(f"code-{language}").click()
        guest.page.get_by_test_id("copy-code").click()
        expect(guest.page.get_by_test_id("copy-code")).to_have_text("Copied", timeout=SOON)
        found[language] = guest.page.evaluate("navigator.clipboard.readText()")
        assert found[language] == guest.page.get_by_test_id("code-program").text_content()
    return found


def interpreter(language: str) -> str:
    """Return the path of a language's command."""
    command, _, package = COMMANDS[language]
    return path_of(command, package)


def run(language: str, text: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a program as it is printed."""
    name = COMMANDS[language][1]
    (folder / name).write_text(text, encoding="utf-8")
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder), "LC_ALL": "C.UTF-8"} | more
    options = SHORT_LIVED if language == "java" else []
    return subprocess.run(
        [interpreter(language), *options, name],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )


@pytest.fixture(scope="module")
def printed(browser: Browser, stack: Stack) -> Iterator[list[dict[str, str]]]:
    """The programs of each case, from one visit."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(SOON)
    visit = Visit(context, stack)
    found: list[dict[str, str]] = []
    for function, values in CASES:
        fields = {name: typed(value) for name, value in values.items()}
        visit.go(f"#/run/{function}?{urlencode(fields)}")
        expect(visit.field("shots")).to_have_value(fields["shots"])
        if not found:
            open_code(visit)
        found.append(programs(visit))
    yield found
    context.close()
    assert visit.said == []


@pytest.mark.timeout(len(CASES) * TIMEOUT + 120)
@pytest.mark.parametrize("language", COMMANDS)
def test_each_program_gives_the_answer_of_what_is_typed(
    printed: list[dict[str, str]], stack: Stack, language: str, tmp_path: Path
) -> None:
    interpreter(language)
    for (function, values), found in zip(CASES, printed, strict=True):
        ended = run(language, found[language], tmp_path)
        assert (ended.returncode, ended.stderr) == (0, ""), function
        event = stack.client().submit(60, function, **values).json()
        assert ended.stdout == event["answer"]["summary"] + "\n"
        if function == "smile_super_position":
            assert values["emoticon_1"] in ended.stdout
            assert values["emoticon_2"] in ended.stdout
            assert "77" in ended.stdout


def test_the_programs_follow_the_form(visit: Visit) -> None:
    program, note = visit.page.get_by_test_id("code-program"), visit.page.get_by_test_id("code-note")
    visit.go("#/run/grover")
    open_code(visit)
    visit.page.get_by_test_id("code-python").click()
    visit.field("shots").fill("321")
    expect(program).to_contain_text('"shots": 321,')
    visit.field("shots").fill("0")
    expect(note).to_contain_text("Please look at: Shots.")
    expect(program).to_be_hidden()
    visit.field("shots").fill("123")
    expect(program).to_contain_text('"shots": 123,')
    visit.field("backend_type-noisy_simulator").check()
    expect(program).to_contain_text('"backend_type": "noisy_simulator"')
    # Another function, in the language that was chosen; back, with what was typed.
    visit.go("#/run/bell_state")
    expect(program).to_contain_text('"/functions/bell_state/jobs"')
    expect(program).to_contain_text("import json")
    visit.go("#/run/grover")
    expect(program).to_contain_text('"shots": 123,')
    visit.page.get_by_test_id("example").first.click()
    expect(program).not_to_contain_text('"shots": 123,')
    visit.field("shots").fill("11")
    with visit.page.expect_request("**/functions/grover/jobs") as request:
        visit.run()
    sent = request.value.post_data_json
    visit.page.get_by_test_id("code-javascript").click()
    text = program.text_content() or ""
    literal = text.split("const input = ")[1].split(";\n\nasync")[0]
    assert visit.page.evaluate(f"({literal})") == sent, "the program sends what Run sends"
    visit.ends()


def test_the_tabs_work_with_the_keyboard_and_have_names(visit: Visit) -> None:
    page = visit.page
    visit.go("#/run/bell_state")
    page.get_by_text("Call it from code").focus()
    page.keyboard.press("Enter")
    tab = page.get_by_role("tablist", name="Languages").get_by_role("tab")
    expect(tab).to_have_text(["curl", "Python", "JavaScript", "Java"])
    page.keyboard.press("Tab")
    expect(tab.nth(0)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(tab.nth(1)).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Python")).to_contain_text("import json")
    page.keyboard.press("End")
    expect(page.get_by_role("tab", selected=True)).to_have_text("Java")
    expect(page.get_by_role("tabpanel", name="Java", exact=True)).to_contain_text("public class Call")
    page.keyboard.press("ArrowRight")
    expect(tab.nth(0)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_test_id("copy-code")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("group", name="Program")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_programs_look_right_at_every_width(
    browser: Browser, stack: Stack, tmp_path: Path, scheme: Any
) -> None:
    kept = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    kept.mkdir(parents=True, exist_ok=True)
    context = browser.new_context(color_scheme=scheme, reduced_motion="reduce")
    context.set_default_timeout(SOON)
    try:
        with deployed(stack, "everything", functionInputSchema=SCHEMA):
            visit = Visit(context, stack, "#/run/everything")
            open_code(visit)
            for size, (width, height) in SIZES.items():
                visit.page.set_viewport_size({"width": width, "height": height})
                for language in COMMANDS:
                    visit.page.get_by_test_id(f"code-{language}").click()
                    visit.fits()
                    visit.page.get_by_test_id("code").screenshot(
                        path=kept / f"code-{language}-{size}-{scheme}.png"
                    )
                assert visit.violations() == [], size
            assert visit.said == []
    finally:
        context.close()
