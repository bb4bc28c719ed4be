"""The files, modules, make targets and parameters that documents, comments and docstrings name exist."""

from __future__ import annotations

import ast
import fnmatch
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit.stack import ROOT

#: Folders that a build or a run creates: they may be absent.
_BUILT = {"node_modules", "dist", "__pycache__"}
#: Files that exist only in an example.
_EXAMPLES = ("coin_toss", "spin_row", "mine.yaml", "typed.py", "typed.ts")

_FOLDERS = sorted(path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("."))
_PYTHON_FOLDERS = [name for name in _FOLDERS if any((ROOT / name).glob("*.py"))]


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in _BUILT:
            continue
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)


_PATHS = {
    path.relative_to(ROOT).as_posix()
    for path in (
        *(found for name in _FOLDERS for found in _walk(ROOT / name)),
        *ROOT.glob("*"),
        *ROOT.glob(".ci/*"),
    )
}
_FOLDER_PATHS = {f"{path}/" for path in _PATHS if (ROOT / path).is_dir()}
_NAMES = {path.rpartition("/")[2] for path in _PATHS}
_SOURCES = sorted(path for path in _PATHS if path.endswith(".py"))
_MARKDOWN = sorted(path for path in _PATHS if path.endswith(".md") and path != "CHANGELOG.md")
#: Documents that people read from beginning to end.
_TEXTS = _MARKDOWN + sorted(
    path
    for path in _PATHS
    if path.endswith((".sh", "/Dockerfile"))
    or path in ("Makefile", ".ci/run")
    or fnmatch.fnmatch(path, "deploy/*.yaml")
)

_PATH = re.compile(rf"(?<![\w/.:@-])(?:{'|'.join(_FOLDERS)})/[\w./*-]*[\w*/]")
_FILE = re.compile(r"(?<![\w/.*<>$-])[\w-]+\.(?:py|ts|scss|md|toml|svg)\b(?![\w(.])")
_MODULE = re.compile(rf"-m\s+((?:{'|'.join(_PYTHON_FOLDERS)})(?:\.\w+)*)")


def _prose(source: str) -> str:
    """Return the comments and triple-quoted strings of a Python file."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return "\n".join(
        token.string
        for token in tokens
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and token.string.endswith('"""'))
    )


def _text(path: str) -> str:
    text = (ROOT / path).read_text()
    return _prose(text) if path.endswith(".py") else text


def _exists(name: str, where: str) -> bool:
    """Return whether a path exists, from the root or from the document that names it."""
    folder = where.rpartition("/")[0]
    if "*" in name:
        return bool(fnmatch.filter(_PATHS, name))
    return (
        name.rstrip("/") in _PATHS
        or (ROOT / folder / name).exists()
        or not _BUILT.isdisjoint(name.split("/"))
    )


def wrong_names(text: str, where: str) -> list[str]:
    """Return the files and modules that `text`, from the file `where`, names and that do not exist."""
    paths = [name for name in _PATH.findall(text) if not _exists(name, where)]
    files = [name for name in _FILE.findall(text) if name not in _NAMES]
    modules = [
        name
        for name in _MODULE.findall(text)
        if not {f"{name.replace('.', '/')}.py", f"{name.replace('.', '/')}/__main__.py"} & _PATHS
    ]
    return [name for name in paths + files + modules if not any(example in name for example in _EXAMPLES)]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("`core/errors.py`, `poller/` and `tests/actions/test_*.py`; see worker.py", []),
        ("`core/nothing.py`", ["core/nothing.py"]),
        ("`actions/nothing/`", ["actions/nothing/"]),
        ("`poller/nothing_*.py`", ["poller/nothing_*.py"]),
        ("(`nothing.py`)", ["nothing.py"]),
        ("`python -m local.openwhisk --help` and `python -m poller`", []),
        ("`python -m local.nothing` and `python -m core`", ["local.nothing", "core"]),
        ("https://example.com/core/nothing.py", []),
    ],
)
def test_a_wrong_name_is_found(text: str, wrong: list[str]) -> None:
    assert wrong_names(text, "README.md") == wrong


@pytest.mark.parametrize("path", _TEXTS)
def test_every_file_and_module_that_a_document_names_exists(path: str) -> None:
    assert wrong_names(_text(path), path) == []


def test_every_file_and_module_that_a_comment_or_docstring_names_exists() -> None:
    this = Path(__file__).relative_to(ROOT).as_posix()
    wrong = {path: wrong_names(_text(path), path) for path in _SOURCES if path != this}
    assert {path: names for path, names in wrong.items() if names} == {}


@pytest.mark.parametrize("path", _MARKDOWN)
def test_every_link_to_a_file_has_a_target(path: str) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", _text(path))
    assert [link for link in links if not (ROOT / path).parent.joinpath(link).exists()] == []


@pytest.mark.parametrize("path", ["README.md", "docs/deploy.md"])
def test_a_job_is_submitted_with_a_key(path: str) -> None:
    """Otherwise a client that gets no answer has a job that it does not know of."""
    submissions = re.findall(r"^curl [^\n]*?-d [^\n]*/jobs\b.*$", _text(path), re.M)
    assert submissions
    assert [line for line in submissions if "Idempotency-Key: " not in line] == []


@pytest.mark.parametrize("path", _TEXTS)
def test_every_make_target_that_a_document_names_exists(path: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", _text("Makefile"), re.M))
    named = re.findall(r"(?:`|^)(?:[A-Z_]+=\S+ )*make ([a-z][a-z-]+)", _text(path), re.M)
    assert set(named) - targets == set()


def wrong_arguments(source: str) -> list[str]:
    """Return the names in `Args:` sections that are not parameters of what they describe."""
    wrong = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        section = re.search(r"^Args:\n((?:(?: {4}.*)?\n?)+)", ast.get_docstring(node) or "", re.M)
        taken = _parameters(node)
        if section and taken:
            lines = re.findall(r"^ {4}(\S[^:\n]*):", section[1], re.M)
            names = [name.strip(" *`") for line in lines for name in line.split(",")]
            wrong += [f"{node.name}: {name}" for name in names if name not in taken]
    return wrong


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> set[str]:
    """Return the parameters of a function; of a class, those of `__init__` or its fields."""
    if isinstance(node, ast.ClassDef):
        inits = [item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"]
        fields = [item.target for item in node.body if isinstance(item, ast.AnnAssign)]
        return (
            _parameters(inits[0]) if inits else {field.id for field in fields if isinstance(field, ast.Name)}
        )
    taken = node.args
    rest = [extra for extra in (taken.vararg, taken.kwarg) if extra is not None]
    return {argument.arg for argument in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs, *rest)}


def test_a_wrong_argument_is_found() -> None:
    described = '"""Say.\n\n    Args:\n        %s: how often,\n            and why: so.\n    """'
    for name, wrong in [("times", []), ("often", ["say: often"]), ("times, often", ["say: often"])]:
        assert wrong_arguments(f"def say(times: int) -> None:\n    {described % name}\n") == wrong
    in_class = f"class Say:\n    {described % 'often'}\n    def __init__(self, times: int) -> None: ...\n"
    assert wrong_arguments(in_class) == ["Say: often"]


def test_every_argument_that_a_docstring_describes_is_a_parameter() -> None:
    sources = {path: (ROOT / path).read_text() for path in _SOURCES}
    found = {path: wrong_arguments(source) for path, source in sources.items() if "Args:" in source}
    assert {path: names for path, names in found.items() if names} == {}


def misplaced_files(text: str) -> list[str]:
    """The files and folders in the rows of a table of folders that are not in the folder of their row."""
    wrong = []
    for row in re.findall(r"^\| (`[\w/<>]+/`[^|]*)\|(.*)\|$", text, re.M):
        folders = [name for name in re.findall(r"`([\w/]+/)`", row[0]) if name in _FOLDER_PATHS]
        for name in re.findall(r"`(\w+\.py|\w+/)`", row[1]):
            if folders and not any(f"{folder}{name}".rstrip("/") in _PATHS for folder in folders):
                wrong.append(f"{folders[0]}{name}")
    return wrong


def test_a_misplaced_file_is_found() -> None:
    rows = "| `core/kafka/` | `publisher.py`, `worker.py` |\n| `gateway/` | `auth/` tokens, `scheduling/` |\n"
    assert misplaced_files(rows) == ["core/kafka/worker.py", "gateway/scheduling/"]


def test_the_files_in_the_table_of_folders_are_in_their_folders() -> None:
    text = _text("docs/architecture.md")
    assert len(re.findall(r"^\| `\w+/", text, re.M)) > 10
    assert misplaced_files(text) == []
