"""`python -m tools.scaffold NAME [KIND]` (`make new-action NAME=... KIND=...`): the files of a new algorithm.

The files are typed and lint-clean. Their test fails, and says what is missing, until it is written.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
import sys
from pathlib import Path
from string import Template

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = Path(__file__).with_name("template")

#: The templates: an algorithm of one circuit, or one that searches for parameters with many jobs.
KINDS = ("circuit", "hybrid")

#: Maximum characters of an algorithm's name, and of its class, which has no underscores. With these, the
#: longest line of the templates has 110 characters.
MAX_NAME, MAX_CLASS = 28, 23

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

_PLACES = {
    "__init__.py": "actions/{name}/__init__.py",
    "algorithm.py": "actions/{name}/algorithm.py",
    "answer.py": "actions/{name}/answer.py",
    "circuit.py": "actions/{name}/circuit.py",
    "test.py": "tests/actions/test_{name}.py",
    "case.py": "tests/actions/cases/{name}.py",
}


def files(name: str, kind: str = "circuit") -> dict[str, str]:
    """The new algorithm's files.

    Args:
        name: the algorithm's name, such as `coin_toss`.
        kind: one of `KINDS`.

    Returns:
        The text of each file by its path from the repository's root.

    Raises:
        ValueError: the name or the kind is not allowed.
    """
    if kind not in KINDS:
        raise ValueError(f"KIND is {kind[:MAX_NAME]!r}. Choose one of: {', '.join(KINDS)}.")
    templates = {
        template: (TEMPLATES / kind / f"{template}.txt").read_text(encoding="utf-8") for template in _PLACES
    }
    _check(name, templates)
    words = {"name": name, "class_name": class_name(name), "title": name.replace("_", " ").capitalize()}
    return {
        _PLACES[template].format(name=name): Template(text).substitute(words)
        for template, text in templates.items()
    }


def scaffold(name: str, root: Path, kind: str = "circuit") -> list[str]:
    """Write the new algorithm's files; existing files are not changed.

    Args:
        name: the algorithm's name, such as `coin_toss`.
        root: the repository's root.
        kind: one of `KINDS`.

    Returns:
        The paths of the files from the root.

    Raises:
        ValueError: the name or the kind is not allowed, or the name is taken.
    """
    texts = files(name, kind)
    for place in (f"actions/{name}", *texts):
        if (root / place).exists():
            raise ValueError(f"{place} exists already. Choose another name.")
    for folder in sorted((root / "actions").glob("*/algorithm.py")):
        if class_name(folder.parent.name) == class_name(name):
            raise ValueError(
                f"{name!r} and {folder.parent.name!r} would both have a class {class_name(name)}. Choose "
                "another name."
            )
    for place, text in texts.items():
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(texts)


def _check(name: str, templates: dict[str, str]) -> None:
    if not name:
        raise ValueError("An algorithm needs a name: make new-action NAME=coin_toss")
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME or len(class_name(name)) > MAX_CLASS:
        raise ValueError(
            f"{name[: 2 * MAX_NAME]!r} cannot be the name of an algorithm. Use up to {MAX_CLASS} lower-case "
            f"letters and digits, with a letter first and single underscores between them, {MAX_NAME} "
            "characters in total, such as coin_toss."
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise ValueError(f"{name!r} is a word of Python. Choose another name.")
    used = {word for text in templates.values() for word in _names(text)} | set(dir(builtins))
    for needed in (class_name(name), f"{class_name(name)}Input", f"{class_name(name)}Answer"):
        if needed in used:
            raise ValueError(
                f"{name!r} would need a class {needed}, and the algorithm's files use another class of "
                "that name. Choose another name."
            )


def _names(template: str) -> set[str]:
    """The names that a template's imports bring into the file."""
    tree = ast.parse(Template(template).substitute(name="x", class_name="X", title="X"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return {alias.asname or alias.name for node in imports for alias in node.names}


def class_name(name: str) -> str:
    """Return the name of an algorithm's class."""
    return "".join(word.capitalize() for word in name.split("_"))


def main(arguments: list[str]) -> int:
    """Write the files of a new algorithm and print what comes next.

    Args:
        arguments: the name, and the kind unless it is `circuit`.

    Returns:
        The exit code.
    """
    name, kind = [*arguments, "", ""][:2]
    try:
        written = scaffold(name, ROOT, kind or KINDS[0])
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(written))
    print(f"Write what they ask for, until this passes: make test TESTS=tests/actions/test_{name}.py")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
