"""The keys in the local stack's folder: OpenWhisk's and the simulator's."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import SettingsError
from core.local_folder import OPENWHISK_KEY, SIMULATOR_KEY, KeyFile, make_private
from local.__main__ import wsk_line
from local.environments import environment
from local.openwhisk.settings import parse
from local.settings import LocalSettings
from testkit.stack import ROOT

#: OpenWhisk's form of a key, and the simulator's.
FORMS = {
    OPENWHISK_KEY: r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}:[A-Za-z0-9]{64}",
    SIMULATOR_KEY: r"[A-Za-z0-9_-]{43}",
}


@pytest.fixture(params=FORMS, ids=lambda file: file.service)
def file(request: pytest.FixtureRequest) -> KeyFile:
    """The file of each service."""
    found: KeyFile = request.param
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A private folder for a key, as a run creates it."""
    made = tmp_path / "stack"
    make_private(made)
    return made


def test_it_is_created_once_and_is_for_its_user_only(folder: Path, file: KeyFile) -> None:
    made = file.key(folder)
    assert re.fullmatch(FORMS[file], made)
    assert file.key(folder) == made
    assert stat.S_IMODE(file.path(folder).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == [file.name]


def test_each_machine_has_a_different_one(tmp_path: Path, file: KeyFile) -> None:
    made = set()
    for number in range(20):
        folder = tmp_path / str(number)
        make_private(folder)
        made.add(file.key(folder))
    assert len(made) == 20


def test_the_umask_makes_no_difference(tmp_path: Path, file: KeyFile) -> None:
    before = os.umask(0)
    try:
        make_private(tmp_path / "stack")
        file.key(tmp_path / "stack")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "stack").stat().st_mode) == 0o700
    assert stat.S_IMODE(file.path(tmp_path / "stack").stat().st_mode) == 0o600


def test_processes_that_create_it_at_once_get_the_same(folder: Path, file: KeyFile) -> None:
    constant = "OPENWHISK_KEY" if file is OPENWHISK_KEY else "SIMULATOR_KEY"
    script = (
        f"import sys; from pathlib import Path; from core.local_folder import {constant}; "
        "print('ready', flush=True); "
        f"sys.stdin.readline(); print({constant}.key(Path(sys.argv[1])))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    keys = {process.communicate(timeout=30)[0].strip() for process in processes}
    assert keys == {file.key(folder)}
    assert [path.name for path in folder.iterdir()] == [file.name]


def test_a_process_that_loses_the_race_uses_the_others_key(
    folder: Path, file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process creates the file between the check for it and its creation."""
    made = file.key(folder)
    monkeypatch.setattr("os.path.lexists", lambda _: False)
    assert file.key(folder) == made
    assert [path.name for path in folder.iterdir()] == [file.name]


def _write(text: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        path.write_text(text)
        path.chmod(0o600)

    return write


def _link(path: Path) -> None:
    path.with_name("elsewhere").write_text("a:b")
    path.symlink_to(path.with_name("elsewhere"))


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (_write(""), "damaged"),
    "half": (_write("23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123"), "damaged"),
    "more": (_write("x" * 1000), "damaged"),
    "two": (_write(f"{'0' * 8}-0000-0000-0000-{'0' * 12}:{'a' * 64}\n\n"), "damaged"),
    "folder": (lambda path: path.mkdir(), "not a file"),
    "pipe": (lambda path: os.mkfifo(path, 0o600), "not a file"),
    "link": (_link, "LOCAL_FOLDER"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_an_invalid_key_is_reported_and_not_changed(folder: Path, file: KeyFile, wrong: str) -> None:
    make, message = WRONG[wrong]
    make(file.path(folder))
    with pytest.raises(SettingsError, match=message) as caught:
        file.key(folder)
    assert str(file.path(folder)) in str(caught.value)
    assert os.path.lexists(file.path(folder))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o666, 0o660])
def test_a_key_that_others_may_read_is_not_used(folder: Path, file: KeyFile, mode: int) -> None:
    secret = file.key(folder)
    file.path(folder).chmod(mode)
    with pytest.raises(SettingsError, match="may read") as caught:
        file.key(folder)
    assert "chmod 600" in str(caught.value)
    assert secret not in str(caught.value)


def test_a_folder_that_everyone_may_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    with pytest.raises(SettingsError, match="chmod 700"):
        LocalSettings.from_env({"LOCAL_FOLDER": str(tmp_path / "open")})


@pytest.mark.parametrize("mode", [0o750, 0o770, 0o710, 0o720, 0o740, 0o707, 0o701])
def test_a_folder_that_any_other_user_may_enter_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(mode)
    with pytest.raises(SettingsError, match="chmod 700"):
        make_private(tmp_path / "open")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
@pytest.mark.parametrize("kind", ["folder", "link"])
def test_a_folder_or_a_link_of_another_user_is_refused(tmp_path: Path, kind: str) -> None:
    """They could put other config documents in it, or let it point to another place."""
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    make_private(tmp_path / "link")
    os.chown(tmp_path / ("link" if kind == "link" else "real"), 12345, 12345, follow_symlinks=False)
    for path in (tmp_path / "link", *([tmp_path / "real"] if kind == "folder" else [])):
        with pytest.raises(SettingsError, match="another user"):
            make_private(path)


def test_permissions_of_an_earlier_versions_default_folder_are_restricted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.local_folder.ROOT", tmp_path)
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local").chmod(0o755)
    make_private(tmp_path / ".local")
    assert stat.S_IMODE((tmp_path / ".local").stat().st_mode) == 0o700


def test_the_stack_and_a_separate_server_have_the_same(folder: Path) -> None:
    env = {"LOCAL_FOLDER": str(folder)}
    settings = LocalSettings.from_env(env)
    assert environment(settings, "gateway")["WHISK_AUTH"] == OPENWHISK_KEY.key(folder) == parse([], env).auth
    assert settings.key_file == OPENWHISK_KEY.path(folder)
    assert OPENWHISK_KEY.key(folder) not in repr(settings)
    assert OPENWHISK_KEY.key(folder) not in repr(parse([], env))


def test_a_key_that_is_set_replaces_it(folder: Path) -> None:
    settings = LocalSettings.from_env({"LOCAL_FOLDER": str(folder), "LOCAL_WHISK_AUTH": "a:b"})
    assert (settings.whisk_auth, settings.key_file) == ("a:b", None)
    assert not OPENWHISK_KEY.path(folder).exists()
    with pytest.raises(SettingsError, match="LOCAL_WHISK_AUTH"):
        LocalSettings.from_env({"LOCAL_FOLDER": str(folder), "LOCAL_WHISK_AUTH": "ab"})


def test_a_server_with_a_wrong_option_creates_none(folder: Path) -> None:
    with pytest.raises(SystemExit):
        parse(["--hosts", "http://x"], {"LOCAL_FOLDER": str(folder)})
    assert not OPENWHISK_KEY.path(folder).exists()


def test_a_damaged_one_is_reported_by_the_programs(folder: Path) -> None:
    _write("broken")(OPENWHISK_KEY.path(folder))
    for module in ("local", "local.openwhisk"):
        ended = subprocess.run(
            [sys.executable, "-m", module],
            cwd=ROOT,
            env={**os.environ, "LOCAL_FOLDER": str(folder), "WHISK_AUTH": ""},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ended.returncode in (1, 2)
        assert "damaged" in ended.stderr
        assert "Traceback" not in ended.stderr


def test_the_line_for_wsk_is_for_a_shell_and_does_not_contain_the_key(tmp_path: Path) -> None:
    folder = tmp_path / "a folder's"
    make_private(folder)
    made = OPENWHISK_KEY.key(folder)
    line = wsk_line("http://127.0.0.1:3233", OPENWHISK_KEY.path(folder))
    assert made not in line
    shown = subprocess.run(
        ["bash", "-euc", f"wsk() {{ printf '%s\\n' \"$@\"; }}; {line}"],
        capture_output=True,
        text=True,
        check=True,
    )
    words = ["property", "set", "--apihost", "http://127.0.0.1:3233", "--auth", made]
    assert shown.stdout.splitlines() == words
