"""Which jobs are pooled: one provider job then carries the circuits of several clients."""

from __future__ import annotations

from core.settings.kinds import Kind
from core.settings.setting import Setting

#: The types of backends, as in `core.protocol.BackendType`, which this package does not import.
_TYPES = ("hardware", "simulator", "noisy_simulator")


def _types(text: str) -> frozenset[str]:
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    if not names <= frozenset(_TYPES):
        raise ValueError
    return names


POOL_BACKEND_TYPES = Setting(
    "POOL_BACKEND_TYPES",
    Kind(f"some of {', '.join(_TYPES)}, separated by commas", _types),
    frozenset[str](),
    "backend types for which one provider job carries the circuits of several clients, separated by commas",
    default_text="none: each job is submitted alone",
)
