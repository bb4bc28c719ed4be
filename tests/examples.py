"""The examples that property tests try: the same in every run of the test command, random ones in a trial."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

#: The profile of the test command.
NAME = "fixed"
#: Examples of each property in the test command, and in a trial.
FIXED, TRIAL = 60, 600

# Busy machines: no deadline for one example, and none for making the examples.
_ANY_MACHINE = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(NAME, _ANY_MACHINE, max_examples=FIXED, derandomize=True, database=None)
settings.register_profile("trial", _ANY_MACHINE, max_examples=TRIAL, derandomize=False)


def examples(count: int) -> settings:
    """Settings for a property with costly examples: `count` of them in the test command, more in a trial."""
    return settings(max_examples=max(1, count * settings().max_examples // FIXED))
