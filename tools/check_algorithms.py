"""`python -m tools.check_algorithms` (part of `make check`): is every algorithm completely described?

Each fault is printed in one line with the file, what is wrong, and the fix.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from actions.framework.algorithm import Algorithm
from actions.framework.presentation import CATEGORIES, VIEWS
from core.config_docs.model import MAX_JOBS
from tools.check_answers import answer_errors
from tools.scaffold import class_name

ROOT = Path(__file__).resolve().parents[1]

#: The texts of an algorithm, and where they are shown.
_TEXTS = {
    "title": "The page",
    "description": "The page",
    "use_case": "docs/functions.md",
    "classical_alternative": "docs/functions.md",
}

#: What the templates of `make new-action` leave to be written.
_UNWRITTEN = re.compile(r"to be written|raise NotImplementedError", re.IGNORECASE)


def names(root: Path = ROOT) -> list[str]:
    """The algorithms' folders in `actions/`."""
    folders = sorted(path.parent.name for path in (root / "actions").glob("*/algorithm.py"))
    return [name for name in folders if name != "framework"]


def faults(folder: str, root: Path = ROOT) -> list[str]:
    """What is wrong with the algorithm's description.

    Args:
        folder: the algorithm's folder in `actions/`.
        root: the repository's root, for the files; the modules are those that Python imports.

    Returns:
        A line for each fault.
    """
    lines = [*_missing_files(folder, root), *unwritten(folder, root)]
    package = importlib.import_module(f"actions.{folder}")
    algorithm = getattr(importlib.import_module(f"actions.{folder}.algorithm"), "algorithm", None)
    place = f"actions/{folder}/algorithm.py"
    if not isinstance(algorithm, Algorithm):
        return [*lines, f"{place}: has no algorithm. End it with `algorithm = {class_name(folder)}()`."]
    lines += [f"{place}: {fault}" for fault in description_errors(folder, type(algorithm))]
    if getattr(getattr(package, "main", None), "__self__", None) is not algorithm:
        lines.append(f"actions/{folder}/__init__.py: `main` is another's. Write `main = algorithm.main`.")
    return lines


def description_errors(folder: str, algorithm: type[Algorithm[Any]]) -> Iterator[str]:
    """What is wrong with the attributes and the input model of an algorithm.

    Args:
        folder: the algorithm's folder, whose name it must have.
        algorithm: its class.

    Yields:
        The name of the attribute, what is wrong, and the fix.
    """
    name = getattr(algorithm, "name", None)
    if name != folder:
        yield f"name: is {name!r} and the folder is {folder!r}. Make them the same."
    for attribute, reader in _TEXTS.items():
        if not str(getattr(algorithm, attribute, "")).strip():
            yield f"{attribute}: is missing. {reader} shows it."
    if algorithm.category not in CATEGORIES:
        yield f"category: {algorithm.category!r} does not exist. Choose one of: {', '.join(CATEGORIES)}."
    if algorithm.view not in VIEWS:
        yield f"view: {algorithm.view!r} does not exist. Choose one of: {', '.join(VIEWS)}."
    if type(algorithm.max_jobs) is not int or not 1 <= algorithm.max_jobs <= MAX_JOBS:
        yield f"max_jobs: is {algorithm.max_jobs!r}. Make it a whole number from 1 to {MAX_JOBS}."
    yield from answer_errors(algorithm.output, algorithm.view)
    if not hasattr(algorithm, "input"):
        yield "input: is missing. Name the input model."
        return
    schema = algorithm.input.model_json_schema()
    fields: dict[str, Any] = algorithm.input.model_fields
    for field, model in fields.items():
        # The schema has a title made of the name where none was given; the model's field has not.
        for attribute in ("title", "description"):
            if not getattr(model, attribute):
                yield f"input field {field!r}: has no {attribute}. The page's form shows it."
        if field in schema.get("required", []) and not model.examples:
            yield f"input field {field!r}: has no examples. The form and the tests start with the first."


def _missing_files(folder: str, root: Path) -> Iterator[str]:
    for place in (f"tests/actions/cases/{folder}.py", f"actions/{folder}/__init__.py"):
        if not (root / place).is_file():
            yield f"{place}: does not exist. `make new-action` makes it; see the others."


def unwritten(folder: str, root: Path) -> Iterator[str]:
    """The lines of the algorithm's files that `make new-action` left to be written.

    Args:
        folder: the algorithm's folder.
        root: the repository's root.

    Yields:
        The file and number of each line, and its text.
    """
    paths = [*sorted((root / "actions" / folder).rglob("*.py"))]
    paths += [root / f"tests/actions/test_{folder}.py", root / f"tests/actions/cases/{folder}.py"]
    for path in paths:
        if not path.is_file():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if _UNWRITTEN.search(line):
                yield f"{path.relative_to(root)}:{number}: is still to be written: {line.strip()[:80]}"


def main() -> int:
    """Print the faults of all algorithms; the exit code is 1 if there are any."""
    lines = [line for name in names() for line in faults(name)]
    print("\n".join(lines), file=sys.stderr, end="\n" if lines else "")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
