"""`python -m tools.documents`: write the generated files that describe the algorithms.

These are the config documents, manifest.yaml and the page's list of common inputs. The repository has them so
that the local stack, the deployment and the page can read them without Qiskit; tests keep them up to date.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from actions.framework.algorithm import Algorithm
from tools import check_algorithms, common_inputs, manifest

ACTIONS = Path(__file__).resolve().parents[1] / "actions"


def algorithms() -> dict[str, type[Algorithm[Any]]]:
    """Return the class of every algorithm in `actions/`, by the name of its folder."""
    return {
        name: type(importlib.import_module(f"actions.{name}.algorithm").algorithm)
        for name in check_algorithms.names()
    }


def text(algorithm: type[Algorithm[Any]]) -> str:
    """Return the algorithm's config document as the repository has it."""
    return json.dumps(algorithm().document(), indent=2) + "\n"


def write(root: Path) -> list[Path]:
    """Write all generated files.

    Args:
        root: the repository's root.

    Returns:
        The paths of the files.
    """
    known = algorithms()
    files = {root / "actions" / name / "document.json": text(algorithm) for name, algorithm in known.items()}
    files[root / "manifest.yaml"] = manifest.text(known.values())
    files[root / common_inputs.PATH] = common_inputs.text()
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return list(files)


def main() -> int:
    """Write the files, unless the description of an algorithm is incomplete; return the exit code."""
    if check_algorithms.main():
        return 1
    for path in write(ACTIONS.parent):
        print(path.relative_to(ACTIONS.parent))
    return 0


if __name__ == "__main__":
    sys.exit(main())
