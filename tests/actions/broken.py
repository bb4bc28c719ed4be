"""An algorithm that keeps the contract, and others that each break it in one way."""

from __future__ import annotations

import itertools
import math
import os
import secrets
from typing import Any, ClassVar

import numpy as np
from pydantic import ConfigDict, Field
from qiskit import QuantumCircuit

from actions.framework.algorithm import Algorithm, CircuitAlgorithm
from actions.framework.answer import ActionAnswer, Number, Share, Summary
from actions.framework.input import ActionInput
from actions.framework.job import Job, Pub, Step
from core.protocol import Progress


class CoinsInput(ActionInput):
    """The number of coins, and the inscription on them."""

    coins: int = Field(ge=1, le=4, title="Coins", description="How many are tossed.", examples=[2])
    sides: list[str] = Field(
        default=["heads", "tails"],
        min_length=2,
        max_length=2,
        title="Sides",
        description="What a 0 and a 1 are called.",
    )


class CoinsAnswer(ActionAnswer):
    """The share of the coins that showed the second side."""

    summary: Summary = Field(examples=["49% of the coins showed tails."])
    share: Share = Field(title="Share", description="Share of all coins.", examples=[0.49])


class RoundsAnswer(ActionAnswer):
    """The outcomes of the last round."""

    summary: Summary = Field(examples=["16 outcomes were seen in the last round."])


def toss(coins: int) -> QuantumCircuit:
    """Coins that are each 0 or 1."""
    circuit = QuantumCircuit(coins)
    circuit.h(range(coins))
    circuit.measure_all()
    return circuit


class Coins(CircuitAlgorithm[CoinsInput]):
    """Tosses coins, and keeps the contract."""

    name = "coins"
    title = "Coins"
    description = "Tosses coins."
    use_case = "Decisions."
    classical_alternative = "A coin."
    input = CoinsInput
    output: ClassVar[type[ActionAnswer] | None] = CoinsAnswer

    def build(self, params: CoinsInput) -> QuantumCircuit:
        return toss(params.coins)

    def answer(self, params: CoinsInput, step: Step) -> CoinsAnswer:
        counts = step.counts()
        ones = sum(outcome.count("1") * count for outcome, count in counts.items())
        share = ones / (params.coins * sum(counts.values()))
        return CoinsAnswer(summary=f"{share:.0%} of the coins showed {params.sides[1]}.", share=share)


class Rounds(Algorithm[CoinsInput]):
    """Tosses one coin more in each of three rounds, and keeps the contract."""

    name = "rounds"
    title = "Rounds"
    description = "Tosses coins, more of them in every round."
    use_case = "Long decisions."
    classical_alternative = "Several coins."
    input = CoinsInput
    output = RoundsAnswer
    rounds = 3
    max_jobs = 3

    def start(self, params: CoinsInput) -> Job:
        return self.round(params, 0)

    def proceed(self, params: CoinsInput, step: Step) -> Job | RoundsAnswer:
        seen = step.counts()
        if step.number + 1 < self.rounds:
            return self.round(params, step.number + 1)
        return RoundsAnswer(summary=f"{len(seen)} outcomes were seen in the last round.")

    def round(self, params: CoinsInput, number: int) -> Job:
        """The job of one round."""
        progress = Progress(step=number, of=self.rounds)
        return Job([Pub(toss(params.coins + number))], progress=progress, key=number)


# --- input ------------------------------------------------------------------------------------------


class FillsIn(Coins):
    """Reads a missing field as 1."""

    def main(self, params: dict[str, Any]) -> dict[str, Any]:
        return super().main({"coins": 1} | params)


class LaxInput(CoinsInput):
    """Accepts text that looks like a number."""

    model_config = ConfigDict(extra="forbid", strict=False)


class TakesText(Coins):
    input = LaxInput


class NoFloats(Coins):
    """Accepts integers only in their usual notation."""

    def main(self, params: dict[str, Any]) -> dict[str, Any]:
        if isinstance(params.get("coins"), float):
            return {
                "error": {"code": "invalid_input", "message": "coins: must be an integer.", "details": {}}
            }
        return super().main(params)


class BoundlessInput(CoinsInput):
    """The bound is only in the schema."""

    coins: int = Field(
        ge=1, title="Coins", description="How many.", examples=[2], json_schema_extra={"maximum": 4}
    )


class IgnoresItsBounds(Coins):
    input = BoundlessInput


class LooseListInput(CoinsInput):
    """The items of the list have a bound only in the schema."""

    sides: list[str] = Field(
        default=["heads", "tails"],
        title="Sides",
        description="Names.",
        json_schema_extra={"maxItems": 2},
    )


class IgnoresItsListsBounds(Coins):
    input = LooseListInput


class OpenInput(CoinsInput):
    """Accepts unknown fields and ignores them."""

    model_config = ConfigDict(extra="ignore", strict=True)


class TakesAnything(Coins):
    input = OpenInput


class FailsAtTheMost(Coins):
    def build(self, params: CoinsInput) -> QuantumCircuit:
        return toss([0, 1, 2, 3][params.coins])


class WritesInItsInput(Coins):
    def main(self, params: dict[str, Any]) -> dict[str, Any]:
        if isinstance(params.get("sides"), list):
            params["sides"].append("edge")
            params = params | {"sides": params["sides"][:2]}
        return super().main(params)


# --- output -----------------------------------------------------------------------------------------


class _Answers(Coins):
    """Returns the right answer with something added."""

    more: dict[Any, Any] = {}

    def main(self, params: dict[str, Any]) -> dict[str, Any]:
        output = super().main(params)
        return {"answer": output["answer"] | self.more} if "answer" in output else output


class AnswersATuple(_Answers):
    more = {"sides": ("heads", "tails")}


class AnswersAnArray(_Answers):
    more = {"share": np.float32(0.5)}


class AnswersNumberedKeys(_Answers):
    more = {"by_coin": {0: 0.5}}


class AnswersNotANumber(_Answers):
    more = {"by_coin": [0.5, {"x": math.nan}]}


class AnswersInfinity(_Answers):
    more = {"share": math.inf}


class AnswersTooMuch(_Answers):
    more = {"all": ["heads"] * 150_000}


class AnswersWithoutSummary(_Answers):
    more = {"summary": ""}


class AnswersWithACode(_Answers):
    more = {"summary": "share=0.5"}


class AnswersMoreThanAllThereIs(_Answers):
    more = {"ideal": {"00": 0.7, "11": 0.7}}


class AnswersMoreThanItsSchema(_Answers):
    more = {"tails": 3}


class AnswersOtherwiseThanItsSchema(_Answers):
    more = {"share": "half"}


class AnswersAnotherModel(Coins):
    output = RoundsAnswer


class ForgetsItsView(Coins):
    view = "matrix"


class HasAViewOfItsOwn(Coins):
    view = "coins"


class AnswersErrorsInWords(Coins):
    def main(self, params: dict[str, Any]) -> dict[str, Any]:
        output = super().main(params)
        return {"error": output["error"]["message"]} if "error" in output else output


class RaisesErrors(Coins):
    def main(self, params: dict[str, Any]) -> dict[str, Any]:
        output = super().main(params)
        assert "error" not in output, "an exception to the caller"
        return output


class TellsItsSettings(Coins):
    def main(self, params: dict[str, Any]) -> dict[str, Any]:
        return super().main(params) | {
            "debug": {key: value for key, value in params.items() if key.isupper()}
        }


class LogsItsSettings(Coins):
    def main(self, params: dict[str, Any]) -> dict[str, Any]:
        print("called with", params)
        return super().main(params)


# --- steps ------------------------------------------------------------------------------------------


class NeverEnds(Rounds):
    """Requests the same round again and again."""

    def proceed(self, params: CoinsInput, step: Step) -> Job | RoundsAnswer:
        return self.round(params, 0)


class TellsNoProgress(Rounds):
    def round(self, params: CoinsInput, number: int) -> Job:
        return Job([Pub(toss(params.coins + number))], key=number)


class StartsAnyhow(Coins):
    """Its circuits are random, and transpiled ones would be mixed up."""

    def build(self, params: CoinsInput) -> QuantumCircuit:
        circuit = toss(params.coins)
        circuit.rx(1 + secrets.randbelow(10**9), 0)
        return circuit


class StartsAnyhowUnderOneKey(Coins):
    """Has random circuits, but gives all of them one key."""

    def start(self, params: CoinsInput) -> Job:
        angle = 1 + secrets.randbelow(10**9)
        circuit = toss(params.coins)
        circuit.rx(angle, 0)
        return Job([Pub(circuit)], state={"angle": angle})


class CountingAnswer(CoinsAnswer):
    """An answer with the number of calls."""

    asked: Number = Field(title="Asked", description="Number of calls.", examples=[1])


class AnswersAnyhow(Coins):
    """Counts its calls."""

    output = CountingAnswer
    asked = itertools.count()

    def answer(self, params: CoinsInput, step: Step) -> CountingAnswer:
        return CountingAnswer(**super().answer(params, step).as_dict(), asked=next(self.asked))


class ProceedsAnyhow(Rounds):
    def round(self, params: CoinsInput, number: int) -> Job:
        state = {"seed": os.urandom(8).hex()}
        progress = Progress(step=number, of=self.rounds)
        return Job([Pub(toss(params.coins + number))], state=state, progress=progress, key=number)


class MixesUpItsCircuits(Rounds):
    """Gives the circuits of all rounds one key."""

    def round(self, params: CoinsInput, number: int) -> Job:
        return Job([Pub(toss(params.coins + number))], progress=Progress(step=number, of=self.rounds))


class WantsAllOutcomes(Coins):
    """Assumes that every likely outcome was seen."""

    def answer(self, params: CoinsInput, step: Step) -> CoinsAnswer:
        assert step.counts()[("01" * params.coins)[: params.coins]] > 0
        return super().answer(params, step)


#: The check that each of them breaks, and its message.
BROKEN: list[tuple[type[Algorithm[Any]], str, str]] = [
    (NoFloats, "integers_may_be_written_as_floats", "must be an integer"),
    (FillsIn, "missing_field_is_named", "without coins: it was submitted"),
    (TakesText, "wrong_type_is_refused", "another type: it was submitted"),
    (IgnoresItsBounds, "out_of_range_is_refused", "above the maximum: it was submitted"),
    (IgnoresItsListsBounds, "out_of_range_is_refused", "sides too many: it was submitted"),
    (TakesAnything, "extra_field_is_refused", "additional fields"),
    (FailsAtTheMost, "allowed_input_never_breaks_it", "coins at its most: .*internal_error"),
    (WritesInItsInput, "input_is_left_as_it_came", "main changed its input"),
    (AnswersATuple, "output_survives_json", "differs after a round trip"),
    (AnswersAnArray, "output_survives_json", "not JSON: .*float32"),
    (AnswersNumberedKeys, "output_survives_json", "differs after a round trip"),
    (AnswersNotANumber, "numbers_are_finite", "a number is not finite"),
    (AnswersInfinity, "numbers_are_finite", "a number is not finite"),
    (AnswersTooMuch, "output_is_under_1_mb", "bytes"),
    (AnswersWithoutSummary, "answer_has_a_summary", "a summary of 0 characters"),
    (AnswersWithACode, "answer_has_a_summary", "a summary of 9|not a sentence"),
    (AnswersMoreThanAllThereIs, "answer_fits_its_view", "ideal does not add up"),
    (AnswersMoreThanItsSchema, "answer_is_what_its_schema_says", "'tails' was unexpected"),
    (AnswersOtherwiseThanItsSchema, "answer_is_what_its_schema_says", "'half' is not of type 'number'"),
    (AnswersAnotherModel, "it_comes_to_an_answer", "not an answer"),
    (ForgetsItsView, "answer_fits_its_view", "needs answer.matrix"),
    (HasAViewOfItsOwn, "answer_fits_its_view", "no view 'coins'"),
    (AnswersErrorsInWords, "error_has_its_shape", "an error that is a str"),
    (RaisesErrors, "error_has_its_shape", "an exception to the caller"),
    (TellsItsSettings, "no_secret_gets_out", "a secret was disclosed"),
    (LogsItsSettings, "no_secret_gets_out", "a secret was disclosed"),
    (NeverEnds, "it_comes_to_an_answer", "at most 3 jobs"),
    (TellsNoProgress, "it_comes_to_an_answer", "has no progress"),
    (StartsAnyhow, "start_says_the_same_twice", "different circuits"),
    (StartsAnyhowUnderOneKey, "start_says_the_same_twice", "different circuits"),
    (AnswersAnyhow, "proceed_says_the_same_twice", "a different answer"),
    (ProceedsAnyhow, "proceed_says_the_same_twice", "a different job"),
    (MixesUpItsCircuits, "proceed_says_the_same_twice", "different circuits"),
    (WantsAllOutcomes, "useless_results_are_answered", "internal_error"),
]
