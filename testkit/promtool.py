"""Prometheus' own tool, promtool, on metrics that a part has served."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from testkit.programs import path_of

ROOT = Path(__file__).resolve().parents[1]
RULES = ROOT / "deploy" / "prometheus" / "rules.yaml"
DASHBOARDS = ROOT / "deploy" / "grafana"

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)$")
#: A metric with labels in an expression, and one of these.
_SELECTOR, _MATCHER = re.compile(r"(\w+)\{([^}]*)\}"), re.compile(r'(\w+)=~?"([^"]*)"')
#: An alert: an expression, and its limit.
_ALERT = re.compile(r"(.*) (<|>) ([0-9.]+)", re.DOTALL)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run promtool."""
    program = path_of("promtool", "prometheus")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120)


def alerts() -> list[dict[str, Any]]:
    """Return the alerts of the rules."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def measured(alert: dict[str, Any]) -> str:
    """Return what an alert compares with its limit."""
    match = _ALERT.fullmatch(alert["expr"])
    assert match is not None, alert
    return match[1]


def dashboard_expressions() -> list[str]:
    """Return the expressions of all dashboards."""
    return [
        target["expr"]
        for path in sorted(DASHBOARDS.glob("*.json"))
        for panel in json.loads(path.read_text())["panels"]
        for target in panel["targets"]
    ]


def unanswered(expressions: Sequence[str], series: Iterable[str], folder: Path) -> list[str]:
    """Evaluate expressions on series that stay as they are, and return those without an answer.

    Args:
        expressions: what is evaluated.
        series: names with labels.
        folder: where files for promtool may be.
    """
    tests = {
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": each, "values": "1+1x90"} for each in series],
                "promql_expr_test": [
                    # An answer, whatever its value, is counted; nothing has no count.
                    {
                        "expr": f"count({expression}) > bool 0",
                        "eval_time": "80m",
                        "exp_samples": [{"labels": "{}", "value": 1}],
                    }
                    for expression in expressions
                ],
            }
        ],
    }
    path = folder / "expressions.yaml"
    path.write_text(yaml.safe_dump(tests, width=100_000))
    done = run("test", "rules", str(path))
    if done.returncode == 0:
        return []
    output = done.stdout + done.stderr
    missing = [each for each in expressions if json.dumps(f"count({each}) > bool 0") in output]
    return missing or [output]


def samples(text: str, **labels: str) -> list[str]:
    """Return the series of metrics in the text format, with further labels as a scrape adds them."""
    added = ",".join(f'{name}="{value}"' for name, value in labels.items())
    found = []
    for line in text.splitlines():
        if (match := _SAMPLE.match(line)) is not None:
            inner = (match[2] or "{}")[1:-1]
            found.append(f"{match[1]}{{{','.join(filter(None, [inner, added]))}}}")
    return found


def with_values(series: Sequence[str], expressions: Sequence[str]) -> list[str]:
    """Add series with the values of labels that expressions name, where there is one with such labels.

    A counter has a series for a reason or a code only after it has occurred.

    Args:
        series: names with labels.
        expressions: what is evaluated.
    """
    found = dict.fromkeys(series)
    for name, matchers in (match for each in expressions for match in _SELECTOR.findall(each)):
        for label, values in _MATCHER.findall(matchers):
            if label == "job":
                continue
            for value in values.replace("5..", "500").split("|"):
                for each in series:
                    if each.startswith(f"{name}{{"):
                        found[re.sub(rf'(?<=[{{,]){label}="[^"]*"', f'{label}="{value}"', each)] = None
    return list(found)
