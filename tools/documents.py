"""`python -m tools.documents`: write every algorithm's config document, and the OpenWhisk manifest.

Both are made of the algorithms' attributes and input models, and kept in the repository, so that the local
stack and the deployment can read them without importing Qiskit; tests hold them against the algorithms.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

from actions.framework.algorithm import Algorithm
from tools import manifest

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
    for path, content in files.items():
        path.write_text(content, encoding="utf-8")
    return list(files)


if __name__ == "__main__":
    for written in write(ACTIONS.parent):
        print(written.relative_to(ACTIONS.parent))
