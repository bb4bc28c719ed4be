"""Hypothesis on machines that are busy with other things: no deadline for one example."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unit", deadline=None, max_examples=60)
settings.load_profile("unit")
