"""`python -m actions.base.documents`: write every algorithm's config document from its input model.

They are kept in the repository, so that the local stack and the deployment can read them without importing
Qiskit; a test holds them against the models.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

from actions.base.algorithm import Algorithm

ACTIONS = Path(__file__).resolve().parents[1]


def algorithms() -> dict[str, type[Algorithm[Any]]]:
    """Every algorithm in `actions/`, by its name."""
    found = {}
    for path in sorted(ACTIONS.glob("*/algorithm.py")):
        if path.parent.name == "base":
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


def main() -> None:
    """Write them all."""
    for name, algorithm in algorithms().items():
        path = ACTIONS / name / "document.json"
        path.write_text(text(algorithm), encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
