"""How answers put numbers."""

from __future__ import annotations


def percent(part: float) -> str:
    """`97 %`; with more digits where a rounded figure would claim all or nothing."""
    if part in (0, 1):
        return f"{100 * part:.0f} %"
    for digits in range(4):
        text = f"{100 * part:.{digits}f}"
        if 0 < float(text) < 100:
            break
    return f"{text} %"


def times(count: int, noun: str) -> str:
    """`1 shot`, `2 shots`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
