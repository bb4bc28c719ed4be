"""How a job shows itself in a Jupyter notebook: its summary, and its counts as a histogram in SVG.

Everything that comes from the gateway is escaped: answers contain text that users have typed.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qwhisk_client.models import Event

#: The most bars; the other outcomes are counted together.
MAX_BARS = 16
#: The most characters of an outcome's label, and of a text.
MAX_LABEL, MAX_TEXT = 24, 2_000
#: What the status POOLED means.
POOLED_WORDS = "waiting for a provider job that it shares with others"

#: Sizes in pixels: a row, its bar, the labels on the left, the longest bar, and the numbers on the right.
_ROW, _BAR, _LABELS, _BARS, _NUMBERS = 22, 14, 190, 320, 110


def html(event: Event) -> str:
    """Return the HTML of a job's event."""
    parts = [f"<p><strong>{_text(event.function or 'job')}</strong> {_text(event.status)}"]
    parts.append(f" on {_text(event.backend)}" if event.backend else "")
    parts.append(f" <code>{_text(event.process_job_id)}</code></p>")
    if event.progress:
        parts.append(f"<p>Step {_text(event.progress.step)} of at most {_text(event.progress.of)}</p>")
    if event.pooled:
        parts.append(f"<p>{POOLED_WORDS[0].upper()}{POOLED_WORDS[1:]}</p>")
    if event.queue_position is not None and not event.final:
        where = "Jobs that came before it" if event.pooled else "Position in the queue"
        parts.append(f"<p>{where}: {_text(event.queue_position)}</p>")
    if event.summary:
        parts.append(f"<p>{_text(event.summary)}</p>")
    if event.error:
        parts.append(f"<p>{_text(event.error.message)}</p>")
    parts += [histogram(counts, register) for register, counts in event.counts.items()]
    return f"<div>{''.join(parts)}</div>"


def histogram(counts: dict[str, int], register: str) -> str:
    """Return an SVG with a bar for each of the most frequent outcomes.

    Args:
        counts: how often each outcome was measured.
        register: the name of the classical register.
    """
    total = sum(counts.values())
    if total <= 0:
        return ""
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rest = rows[MAX_BARS:]
    rows = rows[:MAX_BARS]
    if rest:
        rows.append((f"{len(rest)} others", sum(count for _, count in rest)))
    longest = max(count for _, count in rows)
    bars = "".join(
        _bar(place, name, count, count / longest, count / total) for place, (name, count) in enumerate(rows)
    )
    width, height = _LABELS + _BARS + _NUMBERS, len(rows) * _ROW
    title = f"Counts of register {register}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{_text(title)}"'
        f' viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' font-family="monospace" font-size="12" fill="currentColor">'
        f"<title>{_text(title)}</title>{bars}</svg>"
    )


def _bar(place: int, name: str, count: int, length: float, share: float) -> str:
    y, baseline = place * _ROW, place * _ROW + _BAR - 2
    label = name if len(name) <= MAX_LABEL else f"{name[: MAX_LABEL - 1]}…"
    width = max(1, round(length * _BARS))
    return (
        f'<text x="{_LABELS - 8}" y="{baseline}" text-anchor="end">{_text(label)}</text>'
        f'<rect x="{_LABELS}" y="{y}" width="{width}" height="{_BAR}" fill="#0f62fe"/>'
        f'<text x="{_LABELS + width + 6}" y="{baseline}">{count} ({share:.1%})</text>'
    )


def _text(value: object) -> str:
    return escape(str(value)[:MAX_TEXT])
