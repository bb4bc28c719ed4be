"""The Helm chart, rendered by Helm itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "qwhisk"
#: The value sets that are rendered, by their names.
SETS = {path.name.removesuffix("-values.yaml"): path for path in sorted((CHART / "ci").glob("*-values.yaml"))}
NAMESPACE = "quantum"
#: No cluster, and nothing of the user's.
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "KUBECONFIG": "/nonexistent"}


def helm() -> str | None:
    """Return Helm's command: that of `make helm`, or the machine's own; None if there is none."""
    built = ROOT / ".helm" / "helm"
    return str(built) if os.access(built, os.X_OK) else shutil.which("helm")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Helm, and return what it printed."""
    program = helm()
    assert program
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=170, env=ENVIRONMENT)


def template(values: Path, *more: str, release: str = "qwhisk") -> subprocess.CompletedProcess[str]:
    """Render the chart with a file of values and further arguments."""
    arguments = ("--namespace", NAMESPACE, "--kube-version", "1.37.0", "--values", str(values))
    return run("template", release, str(CHART), *arguments, *more)


@cache
def documents(name: str) -> list[dict[str, Any]]:
    """Return the rendered documents of a value set."""
    rendered = template(SETS[name])
    assert rendered.returncode == 0, rendered.stderr
    return [document for document in yaml.safe_load_all(rendered.stdout) if document]
