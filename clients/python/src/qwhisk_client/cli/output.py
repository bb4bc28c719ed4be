"""What the command prints: tables and bars for people, JSON for programs. Progress goes to standard error."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from qwhisk_client.device import DeviceCode
from qwhisk_client.display import POOLED_WORDS
from qwhisk_client.models import Backend, Event, Function

#: The most outcomes that are shown, and the width of the longest bar.
_OUTCOMES, _BAR = 8, 30


def printable(value: object) -> str:
    """Return a value as text without control characters, which could change what a terminal shows."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(value))


def write_json(value: Any, stream: TextIO | None = None) -> None:
    """Print a value as one line of JSON, in ASCII: any encoding of the output has all of it."""
    print(json.dumps(value), file=stream or sys.stdout, flush=True)


def write_table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows in columns."""
    cells = [list(titles), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(titles))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def write_result(event: Event) -> None:
    """Print the outcome of a job that is done."""
    print(printable(event.summary or "The job is done."))
    for register, counts in event.counts.items():
        print(f"\ncounts of {printable(register)}")
        total = sum(counts.values()) or 1
        rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_OUTCOMES]
        width = max((len(name) for name, _ in rows), default=0)
        for name, count in rows:
            bar = bar_of(count / max(1, rows[0][1]), _BAR)
            print(f"  {printable(name).ljust(width)}  {bar}  {count} ({count / total:.1%})")
        if len(counts) > len(rows):
            print(f"  and {len(counts) - len(rows)} other outcomes")
    print(f"\njob {printable(event.process_job_id)} on {printable(event.backend)}")


def show_code(code: DeviceCode, url: str, issuer: str) -> None:
    """Say how to sign in, on standard error: standard output is for the outcome."""
    address = code.verification_uri_complete or code.verification_uri
    check = "check that it shows" if code.verification_uri_complete else "enter"
    lines = (
        f"To sign in for {url} at {issuer}, open",
        f"  {address}",
        f"and {check} the code",
        f"  {code.user_code}",
    )
    for line in lines:
        print(printable(line), file=sys.stderr, flush=True)


def kind_of(backend: Backend) -> str:
    """Return the type of a backend, and say that a device is simulated, as its name does."""
    simulated = backend.backend_type == "hardware" and backend.name.startswith("fake_")
    return "hardware (simulated)" if simulated else backend.backend_type


def write_function(function: Function) -> None:
    """Print a function with its parameters."""
    print(f"{printable(function.title)}\n{printable(function.description)}\n")
    schema = function.input_schema
    required = schema.get("required", [])
    properties: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
    rows = [
        (
            name,
            "required" if name in required else json.dumps(field.get("default"), ensure_ascii=False),
            field.get("description", field.get("title", "")),
        )
        for name, field in sorted(properties.items(), key=lambda item: item[0] not in required)
    ]
    write_table(("PARAMETER", "DEFAULT", "MEANING"), rows)


def state_of(event: Event) -> str:
    """Return how a job stands, in one line."""
    parts = [event.status]
    if event.progress is not None and event.progress.of > 0:
        progress = event.progress
        parts.append(f"{bar_of(progress.step / progress.of, 20)} step {progress.step} of {progress.of}")
        if progress.value is not None:
            parts.append(f"value {progress.value:.6g}")
    if event.pooled:
        parts.append(POOLED_WORDS)
    if event.queue_position is not None and not event.final:
        parts.append(f"{event.queue_position} before it")
    if event.backend:
        parts.append(f"on {event.backend}")
    if event.summary:
        parts.append(event.summary)
    if event.error is not None:
        parts.append(event.error.message)
    return printable("  ".join(parts))


def bar_of(share: float, width: int) -> str:
    """Return a bar of `width` characters, filled by a share from 0 to 1."""
    filled = round(min(1.0, max(0.0, share)) * width)
    return "█" * filled + "░" * (width - filled)


class ProgressBar:
    """One line on a terminal that shows how a job stands. Elsewhere nothing is written.

    Args:
        stream: where to write.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream if stream.isatty() else None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self._write("")

    def update(self, event: Event) -> None:
        """Show a job's newest event."""
        width = shutil.get_terminal_size().columns
        self._write(state_of(event)[: max(1, width - 1)])

    def _write(self, text: str) -> None:
        if self._stream is not None:
            # To the start of the line, and clear it (ECMA-48).
            self._stream.write(f"\r\x1b[K{text}")
            self._stream.flush()
