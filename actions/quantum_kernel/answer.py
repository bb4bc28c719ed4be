"""The answer of the quantum kernel."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from actions.framework.answer import ActionAnswer, Ideal, Note, Summary, Unit

Overlap = Annotated[float, Unit("overlap; 1 for equal states, 0 for orthogonal ones")]
Matrix = list[list[Overlap]]

_EXAMPLE = [[1.0, 0.93], [0.93, 1.0]]


class KernelAnswer(ActionAnswer):
    """The overlaps of all pairs of vectors."""

    summary: Summary = Field(
        examples=[
            "Of 3 vectors, 1 and 2 are the most similar, with an overlap of 0.930. The largest difference "
            "from the exact kernel is 0.012."
        ]
    )
    matrix: Matrix = Field(
        title="Kernel matrix",
        description="The overlap of each pair of vectors, in the order of the vectors; for a support vector "
        "machine.",
        examples=[_EXAMPLE],
    )
    labels: list[str] = Field(
        title="Labels",
        description="A name for each row and column, which the page shows.",
        examples=[["vector 1", "vector 2"]],
    )
    exact_matrix: Matrix = Field(
        title="Exact matrix", description="The kernel matrix without noise.", examples=[_EXAMPLE]
    )
    largest_difference: Overlap = Field(
        title="Largest difference from the exact kernel",
        description="The largest difference between `matrix` and `exact_matrix`.",
        examples=[0.012],
    )
    expected_error: Overlap = Field(
        title="Expected statistical error",
        description="The largest standard error that the number of shots causes without noise.",
        examples=[0.015],
    )
    alignment: Annotated[float, Unit("alignment; 1 for proportional matrices")] = Field(
        title="Alignment with the exact kernel",
        description="How far `matrix` and `exact_matrix` agree.",
        examples=[0.999],
    )
    smallest_eigenvalue: Annotated[float, Unit("overlap")] = Field(
        title="Smallest eigenvalue", description="The smallest eigenvalue of `matrix`.", examples=[0.07]
    )
    positive_semidefinite: bool = Field(
        title="Usable as a kernel (no negative eigenvalue)",
        description="Whether `matrix` has no negative eigenvalue, as a support vector machine needs.",
        examples=[True],
    )
    ideal: Ideal = Field(
        description="The probabilities of the outcomes for the first two vectors without noise, by "
        "bitstring. That of zeros only is their overlap.",
        examples=[{"00": 0.93, "01": 0.05, "10": 0.02}],
    )
    measured_matrix: Matrix | None = Field(
        default=None,
        title="Measured matrix",
        description="The overlaps before noise was removed from them. Only present on noisy backends.",
        examples=[_EXAMPLE],
    )
    nearest_kernel: Matrix | None = Field(
        default=None,
        title="Nearest kernel",
        description="The nearest positive semidefinite matrix. Only present if `matrix` is not one.",
        examples=[_EXAMPLE],
    )
    note: Note = Field(
        default=None,
        examples=[
            "Chance and noise made the smallest eigenvalue -0.012: not quite a kernel. nearest_kernel is "
            "one. More shots help."
        ],
    )
