"""A class name means one thing: no two modules define a public class of the same name."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
#: The folders whose classes are listed. The algorithms' own classes, below `actions/<algorithm>`, are not.
FOLDERS = (
    "core",
    "actions/framework",
    "actions/runtime",
    "actions/toolkit",
    "gateway",
    "poller",
    "simulator",
    "local",
    "tools",
)
#: The modules whose classes must not have the name of any other class.
UNIQUE = ("actions/runtime/", "core/", "gateway/", "local/", "poller/delivery/", "simulator/")
#: Modules that are not checked.
EXCEPT = ("core/log.py",)


def classes(root: Path) -> dict[str, list[str]]:
    """The modules that define each public class, by the name of the class."""
    modules: dict[str, list[str]] = defaultdict(list)
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    modules[node.name].append(path.relative_to(root).as_posix())
    return modules


def shared(root: Path) -> dict[str, list[str]]:
    """The names that several modules define, of which at least one must have a unique name."""
    return {
        name: modules
        for name, modules in classes(root).items()
        if len(modules) > 1 and any(module.startswith(UNIQUE) and module not in EXCEPT for module in modules)
    }


def test_no_class_has_the_name_of_another() -> None:
    assert shared(REPOSITORY) == {}


def test_a_second_class_of_one_name_is_found(tmp_path: Path) -> None:
    for name in ("core/one.py", "gateway/inner/two.py", "simulator/three.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("class Job: ...\nclass _Job: ...\n")
    assert shared(tmp_path) == {"Job": ["core/one.py", "gateway/inner/two.py", "simulator/three.py"]}
