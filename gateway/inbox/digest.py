"""A digest of a job's input, by which a repeated request is recognised. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Any

#: Integers from here on may have been floats on their way through other parts.
_EXACT = 2**53


def digest_of(params: dict[str, Any]) -> bytes:
    """Return the digest of an input. Equal inputs have equal digests; 1 equals 1.0, but not true."""
    text = json.dumps(_canonical(params), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()[:16]


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _canonical(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_canonical(each) for each in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _EXACT:
        return f"{value:e}" if abs(value) >= 10**300 else float(value)
    return value
