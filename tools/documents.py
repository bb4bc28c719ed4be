"""`python -m tools.documents`: write the generated files that describe the algorithms.

These are the config documents, manifest.yaml and the page's list of common inputs. The repository has them so
that the local stack, the deployment and the page can read them without Qiskit; tests keep them up to date.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

from actions.framework.algorithm import Algorithm
from tools import common_inputs, manifest

ACTIONS = Path(__file__).resolve().parents[1] / "actions"


def algorithms() -> dict[str, type[Algorithm[Any]]]:
    """Every algorithm in `actions/`, by its name."""
    found = {}
    for path in sorted(ACTIONS.glob("*/algorithm.py")):
        if path.parent.name == "framework":
            continue
        module = importlib.import_module(f"actions.{path.parent.name}.algorithm")
        for value in vars(module).values():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and issubclass(value, Algorithm):
                found[value.name] = value
    return found


def text(algorithm: type[Algorithm[Any]]) -> str:
    """The document as it stands in the repository."""
    return json.dumps(algorithm().document(), indent=2) + "\n"


def write(root: Path) -> list[Path]:
    """Write them all below the repository's `root`; return where."""
    found = algorithms()
    files = {root / "actions" / name / "document.json": text(algorithm) for name, algorithm in found.items()}
    files[root / "manifest.yaml"] = manifest.text(found.values())
    files[root / common_inputs.PATH] = common_inputs.text()
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return list(files)


if __name__ == "__main__":
    for written in write(ACTIONS.parent):
        print(written.relative_to(ACTIONS.parent))
