"""`python -m tools.scaffold NAME` (`make new-action NAME=...`): the files of a new algorithm.

They are typed and lint-clean, and their test fails, saying what is to be written, until it is.
"""

from __future__ import annotations

import keyword
import re
import sys
from pathlib import Path
from string import Template

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = Path(__file__).with_name("template")

#: Of an algorithm's name; the lines of its files stay short enough with it.
MAX_NAME = 30

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

#: Classes that an algorithm's files import: one of its own must not hide them.
_IMPORTED = {"Any", "Field", "QuantumCircuit", "CircuitAlgorithm", "ActionInput", "Step"}


def files(name: str) -> dict[str, str]:
    """The new algorithm's files, by their paths from the repository's root.

    Raises:
        ValueError: the name cannot be an algorithm's.
    """
    _check(name)
    words = {"name": name, "class_name": _class(name), "title": name.replace("_", " ").capitalize()}
    places = {
        "__init__.py": f"actions/{name}/__init__.py",
        "algorithm.py": f"actions/{name}/algorithm.py",
        "circuit.py": f"actions/{name}/circuit.py",
        "test.py": f"tests/actions/test_{name}.py",
        "case.py": f"tests/actions/cases/{name}.py",
    }
    return {
        place: Template((TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")).substitute(words)
        for template, place in places.items()
    }


def scaffold(name: str, root: Path) -> list[str]:
    """Write the new algorithm's files below `root`; nothing that exists is touched.

    Raises:
        ValueError: the name cannot be an algorithm's, or is taken.
    """
    found = files(name)
    for place in (f"actions/{name}", *found):
        if (root / place).exists():
            raise ValueError(f"{place} is there already. Choose another name.")
    for place, text in found.items():
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(found)


def _check(name: str) -> None:
    if not name:
        raise ValueError("An algorithm needs a name: make new-action NAME=coin_toss")
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise ValueError(
            f"{name!r} is no name for an algorithm. Take up to {MAX_NAME} lower-case letters, digits and "
            "single underscores between them, a letter first, such as coin_toss."
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or _class(name) in _IMPORTED:
        raise ValueError(f"{name!r} means something else in Python code. Choose another name.")


def _class(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def main() -> int:
    """Write the files of the algorithm that the command line names, and say what comes next."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        written = scaffold(name, ROOT)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(written))
    print(f"Write what they ask for, until this passes: make test TESTS=tests/actions/test_{name}.py")
    return 0


if __name__ == "__main__":
    sys.exit(main())
