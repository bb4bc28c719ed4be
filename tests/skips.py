"""What was skipped, reported once at the end of a run, with the command that runs it."""

from __future__ import annotations

from collections import Counter

import pytest

#: The start of the reason of a skipped test that needs a container engine.
CONTAINERS = "no container engine"


def say(reporter: pytest.TerminalReporter) -> None:
    """Return one line for all tests that need containers, and one for each other reason."""
    reasons: Counter[str] = Counter()
    for report in reporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = reason.removeprefix("Skipped: ")
        reasons[CONTAINERS if reason.startswith(CONTAINERS) else reason] += 1
    for reason, count in sorted(reasons.items()):
        tests = "1 test" if count == 1 else f"{count} tests"
        if reason == CONTAINERS:
            reporter.write_line(f"skipped {tests} of actions as containers: `make test-containers` runs them")
        else:
            reporter.write_line(f"skipped {tests}: {reason}")
