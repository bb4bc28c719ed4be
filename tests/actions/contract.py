"""The contract of every algorithm: functions that take one, and raise AssertionError if it is broken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actions.framework.algorithm import Algorithm
from tests.actions.contract_input import (
    allowed_input_never_breaks_it,
    extra_field_is_refused,
    input_is_left_as_it_came,
    integers_may_be_written_as_floats,
    missing_field_is_named,
    out_of_range_is_refused,
    wrong_type_is_refused,
)
from tests.actions.contract_output import (
    answer_fits_its_view,
    answer_has_a_summary,
    answer_is_what_its_schema_says,
    error_has_its_shape,
    no_secret_gets_out,
    numbers_are_finite,
    output_is_under_1_mb,
    output_survives_json,
)
from tests.actions.contract_steps import (
    it_comes_to_an_answer,
    proceed_says_the_same_twice,
    start_says_the_same_twice,
    useless_results_are_answered,
)

Check = Callable[[Algorithm[Any]], None]

#: All checks by their names.
CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        missing_field_is_named,
        wrong_type_is_refused,
        out_of_range_is_refused,
        extra_field_is_refused,
        allowed_input_never_breaks_it,
        input_is_left_as_it_came,
        integers_may_be_written_as_floats,
        output_survives_json,
        numbers_are_finite,
        output_is_under_1_mb,
        answer_has_a_summary,
        answer_is_what_its_schema_says,
        answer_fits_its_view,
        error_has_its_shape,
        no_secret_gets_out,
        it_comes_to_an_answer,
        start_says_the_same_twice,
        proceed_says_the_same_twice,
        useless_results_are_answered,
    )
}
