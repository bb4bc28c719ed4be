"""The cost of a text that is too long, in an action called directly, grows in proportion to the text."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from actions.deutsch_jozsa.algorithm import DeutschJozsaInput
from actions.framework.input import validated
from core.errors import InputError
from testkit.growth import excess


@pytest.mark.parametrize("field", ["mask", "truth_table", "backend", "unknown"])
@pytest.mark.parametrize("end", ["x", "\n", "é"])
def test_the_cost_of_a_text_that_almost_matches_grows_in_proportion(field: str, end: str) -> None:
    def make(size: int) -> Callable[[], object]:
        values = {"kind": "balanced", field: "1" * size + end}

        def refused() -> None:
            with pytest.raises(InputError, match=field):
                validated(DeutschJozsaInput, values)

        return refused

    assert excess(make, 400_000) is None
