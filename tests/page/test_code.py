""" "Call it from code": the programs that a form prints really run, and give the answer of what is typed."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, expect

from testkit.programs import path_of
from testkit.stack import Stack, wait_for
from tests.clients.conftest import SHORT_LIVED
from tests.end_to_end.test_algorithms import case
from tests.page.test_algorithms import ALGORITHMS, ALL_DONE, typed
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
        shown = guest.page.get_by_test_id("code-program").text_content() or ""
        # The button may still say it of the language before.
        wait_for(lambda shown=shown: _copied(guest) == shown, 30)  # type: ignore[misc]
        found[language] = shown
    return found


def _copied(guest: Guest) -> str:
    text: str = guest.page.evaluate("navigator.clipboard.readText()")
    return text


def interpreter(language: str) -> str:
    """Return the path of a language's command."""
    command, _, package = COMMANDS[language]
    return path_of(command, package)


def run(
    language: str, text: str, folder: Path, timeout: float = TIMEOUT, **more: str
) -> subprocess.CompletedProcess[str]:
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
        timeout=timeout,
    )


@pytest.fixture(scope="module")
def printed(browser: Browser, stack: Stack) -> list[dict[str, str]]:
    """The programs of each case, from one visit."""
    return visited(browser, stack, CASES)


@pytest.fixture(scope="module")
def printed_for_all(browser: Browser, stack: Stack) -> dict[str, dict[str, str]]:
    """The programs of every function, with the values of its case of the other tests."""
    found = visited(browser, stack, [(name, every_value(name)) for name in ALGORITHMS])
    return dict(zip(ALGORITHMS, found, strict=True))


def every_value(name: str) -> dict[str, Any]:
    """Return what is typed into a function's form."""
    values: dict[str, Any] = case(name).VALUES
    return values | {"seed": 7}


def visited(
    browser: Browser, stack: Stack, forms: Sequence[tuple[str, dict[str, Any]]]
) -> list[dict[str, str]]:
    """Return the programs of each form with its values."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(SOON)
    try:
        visit = Visit(context, stack)
        found: list[dict[str, str]] = []
        for function, values in forms:
            fields = {name: typed(value) for name, value in values.items()}
            visit.go(f"#/run/{function}?{urlencode(fields)}")
            expect(visit.field("seed")).to_have_value(fields["seed"])
            if not found:
                open_code(visit)
            expect(visit.page.get_by_test_id("code-program")).to_contain_text(function)
            found.append(programs(visit))
        assert visit.said == []
    finally:
        context.close()
    return found


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


@pytest.mark.timeout(ALL_DONE + 300)
def test_the_curl_program_of_every_function_gives_an_answer(
    printed_for_all: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    path_of("jq", "jq")

    def call(name: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / name).mkdir()
        return run("curl", printed_for_all[name]["curl"], tmp_path / name, timeout=ALL_DONE)

    # A few at a time: the stack is small.
    with ThreadPoolExecutor(4) as pool:
        for name, ended in zip(printed_for_all, pool.map(call, printed_for_all), strict=True):
            assert (ended.returncode, ended.stderr) == (0, ""), name
            assert len(ended.stdout.strip()) > 10, name


def test_the_python_program_of_every_function_compiles_with_what_is_typed(
    printed_for_all: dict[str, dict[str, str]],
) -> None:
    for name, languages in printed_for_all.items():
        module = ast.parse(languages["python"], f"{name}.py")
        compile(module, f"{name}.py", "exec")
        [given] = [
            ast.literal_eval(node.value)
            for node in module.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "INPUT"
        ]
        assert every_value(name).items() <= given.items(), name


@pytest.mark.timeout(300)
def test_the_javascript_program_of_every_function_compiles(
    printed_for_all: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    node = interpreter("javascript")
    for name, languages in printed_for_all.items():
        path = tmp_path / f"{name}.mjs"
        path.write_text(languages["javascript"], encoding="utf-8")
        ended = subprocess.run([node, "--check", str(path)], capture_output=True, text=True, timeout=TIMEOUT)
        assert (ended.returncode, ended.stderr) == (0, ""), name


@pytest.mark.timeout(300)
def test_the_java_program_of_every_function_compiles(
    printed_for_all: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    java = path_of("java", "default-jdk-headless")
    path_of("javac", "default-jdk-headless")
    for name, languages in printed_for_all.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "Call.java").write_text(languages["java"], encoding="utf-8")
    compiler = Path(__file__).with_name("CompileEach.java")
    folders = [str(tmp_path / name) for name in printed_for_all]
    ended = subprocess.run(
        [java, *SHORT_LIVED, str(compiler), *folders], capture_output=True, text=True, timeout=2 * TIMEOUT
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert all((Path(folder) / "Call.class").exists() for folder in folders)


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


def test_each_copy_is_said_for_as_long_as_the_first(visit: Visit) -> None:
    page, copy = visit.page, visit.page.get_by_test_id("copy-code")
    visit.go("#/run/bell_state")
    visit.own_clock()
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_code(visit)
    page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
    copy.click()
    expect(copy).to_have_text("Copied")
    page.clock.run_for(1500)
    page.evaluate("navigator.clipboard.writeText('something else')")
    copy.click()
    wait_for(lambda: _copied(visit) != "something else", 30)
    page.clock.run_for(1000)
    expect(copy).to_have_text("Copied")
    page.clock.run_for(1000)
    expect(copy).to_have_text("Copy")


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
