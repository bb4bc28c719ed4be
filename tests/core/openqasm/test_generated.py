"""Random programs in OpenQASM 3 become circuits that do what the language says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.openqasm.errors import ProgramError
from core.openqasm.lowering import lower
from tests.core.openqasm.generated import program
from tests.core.openqasm.test_lowering import exact, expected


@settings(deadline=None)
@given(st.integers(0, 10**9))
def test_a_random_program_has_the_distribution_that_the_language_gives_it(seed: int) -> None:
    text = program(seed)
    try:
        lowered = lower(text)
    except ProgramError as error:
        pytest.fail(f"{error.message} at {error.line}:{error.column}\n{text}")
    for found, wanted in zip(exact(lowered), expected(text), strict=True):
        if found is not None:
            assert found == pytest.approx(wanted, abs=1e-6), text
