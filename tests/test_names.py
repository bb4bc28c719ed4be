"""A type's name means one thing: no two modules define a public class or alias of the same name."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
#: The folders that are checked. The algorithms' classes, below `actions/<algorithm>`, are not.
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


def type_names(module: ast.Module) -> Iterator[str]:
    """The public classes of a module, and its aliases of types, but not its type variables."""
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef):
            yield node.name
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(target := node.targets[0], ast.Name):
            variable = isinstance(node.value, ast.Call)
            if target.id[0].isupper() and not target.id.isupper() and not variable:
                yield target.id


def shared(root: Path) -> dict[str, list[str]]:
    """The public names of types that several modules define, with these modules."""
    modules: dict[str, set[str]] = defaultdict(set)
    for folder in FOLDERS:
        for path in (root / folder).rglob("*.py"):
            for name in type_names(ast.parse(path.read_text(encoding="utf-8"))):
                if not name.startswith("_"):
                    modules[name].add(path.relative_to(root).as_posix())
    return {name: sorted(defining) for name, defining in modules.items() if len(defining) > 1}


def test_no_type_has_the_name_of_another() -> None:
    assert shared(REPOSITORY) == {}


def test_a_second_type_of_one_name_is_found(tmp_path: Path) -> None:
    common = "class Job: ...\nclass _Job: ...\nT = TypeVar('T')\nLIMIT = 1\n"
    for name, text in {
        "core/one.py": common,
        "gateway/inner/two.py": common + "Status = Literal['A']\n",
        "poller/scheduling/three.py": "Job = tuple[str, int]\n",
        "simulator/four.py": "class Status: ...\n",
        "actions/grover/algorithm.py": "class Job: ...\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert shared(tmp_path) == {
        "Job": ["core/one.py", "gateway/inner/two.py", "poller/scheduling/three.py"],
        "Status": ["gateway/inner/two.py", "simulator/four.py"],
    }
