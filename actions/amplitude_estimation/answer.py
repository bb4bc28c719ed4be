"""The answer of amplitude estimation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from actions.framework.answer import ActionAnswer, Convergence, Ideal, Note, ShotCount, Summary, Unit

#: What the algorithm estimates: unlike a share of the shots, it is no percentage of anything.
Probability = Annotated[float, Unit("probability from 0 to 1")]


class AmplitudeAnswer(ActionAnswer):
    """The estimated probability with its interval, and what a classical estimate would reach."""

    summary: Summary = Field(
        examples=[
            "The probability is 0.2001, between 0.1986 and 0.2016 with 95 % confidence; the exact value is "
            "0.2000. A classical estimate with as many calls would have an error of 0.0041, this one has "
            "0.0015."
        ]
    )
    estimate: Probability = Field(
        title="Estimated probability",
        description="The estimated probability of the outcome.",
        examples=[0.2001],
    )
    lower: Probability = Field(
        title="95 % interval, lower end",
        description="Lower end of the 95 % confidence interval.",
        examples=[0.1986],
    )
    upper: Probability = Field(
        title="95 % interval, upper end",
        description="Upper end of the 95 % confidence interval.",
        examples=[0.2016],
    )
    exact: Probability = Field(
        title="Exact probability",
        description="The exact probability, which a classical program can compute here.",
        examples=[0.2],
    )
    error: Probability = Field(
        title="Uncertainty (95 %)",
        description="Half the width of the 95 % confidence interval.",
        examples=[0.0015],
    )
    classical_error: Probability = Field(
        title="Uncertainty of a classical estimate",
        description="The error of a Monte Carlo estimate with the same number of calls.",
        examples=[0.0041],
    )
    calls: Annotated[int, Unit("calls of the preparation")] = Field(
        title="Calls",
        description="How often the preparation of the outcome was called, in all shots together.",
        examples=[35840],
    )
    advantage: Annotated[float, Unit("factor")] = Field(
        title="Fewer calls than a classical estimate",
        description="The factor by which a Monte Carlo estimate would need more calls for the same error.",
        examples=[7.4],
    )
    decay: Annotated[float, Unit("per round")] = Field(
        title="Decay of the signal",
        description="Natural logarithm by which each round damps the amplified signal; 0 without noise.",
        examples=[0.0],
    )
    powers: list[Annotated[int, Unit("rounds")]] = Field(
        title="Rounds", description="Rounds of amplification of each circuit.", examples=[[0, 1, 2, 4, 8]]
    )
    hits: list[ShotCount] = Field(
        title="Hits",
        description="Shots of each circuit that gave the outcome.",
        examples=[[205, 986, 573, 751, 1024]],
    )
    shots: list[ShotCount] = Field(
        title="Shots", description="All shots of each circuit.", examples=[[1024, 1024, 1024, 1024, 1024]]
    )
    convergence: Convergence = Field(
        description="The estimate from the first circuit alone, from the first two, and so on.",
        examples=[[{"step": 0, "value": 0.2002}, {"step": 1, "value": 0.1997}]],
    )
    reference: Probability = Field(
        title="Reference",
        description="The exact probability, which the page draws with `convergence`.",
        examples=[0.2],
    )
    ideal: Ideal = Field(examples=[{"0": 0.8, "1": 0.2}])
    note: Note = Field(
        default=None,
        examples=[
            "Noise damped most of the amplified signal, so the deeper circuits add little. The fit takes "
            "that into account. Fewer rounds would give the same."
        ],
    )
