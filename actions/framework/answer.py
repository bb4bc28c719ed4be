"""The answers of algorithms: models, from which the functions' output schemas are generated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


@dataclass(frozen=True)
class Unit:
    """The unit of a number, in its `Annotated`; the schema has it as `x-unit`.

    Args:
        name: the unit in words, such as `shots` or `radians`.
    """

    name: str

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(core_schema) | {"x-unit": self.name}


#: A share or a probability.
Share = Annotated[float, Unit("share from 0 to 1")]
#: A measure of agreement between two states or distributions.
Fidelity = Annotated[float, Unit("fidelity from 0 to 1")]
ShotCount = Annotated[int, Unit("shots")]
BitCount = Annotated[int, Unit("bits")]
QubitCount = Annotated[int, Unit("qubits")]
Queries = Annotated[int, Unit("queries")]
AverageQueries = Annotated[float, Unit("queries on average")]
#: The number of an element, an outcome or a step; it has no dimension.
Number = Annotated[int, Unit("number")]

#: The field `summary`, which every answer has.
Summary = Annotated[
    str, Field(title="Summary", description="The answer in a sentence or two of plain words.")
]
#: The field `note`, of which the default is None.
Note = Annotated[
    str | None,
    Field(
        title="Note",
        description="Why the answer is unreliable and what helps. Only present if there is a reason.",
    ),
]
#: The field `ideal`: the page draws it next to the measured counts.
Ideal = Annotated[
    dict[str, Share],
    Field(
        title="Ideal distribution",
        description="The probabilities of the outcomes without noise, by bitstring: at most 64, the most "
        "likely first. The last character of a bitstring is bit 0.",
    ),
]


def _open(schema: dict[str, Any]) -> None:
    """Let the schema permit fields that a later version adds; a client must ignore what it does not know."""
    schema.pop("additionalProperties", None)


class AnswerPart(BaseModel):
    """Base of the objects inside an answer. All their fields are required."""

    # In a field of any type, infinity and NaN stay what they are, so that the check of the answer finds them.
    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        ser_json_inf_nan="constants",
        json_schema_extra=_open,
    )


class ActionAnswer(AnswerPart):
    """Base of every algorithm's answer; a subclass has `summary` and the algorithm's own fields.

    A field with the default None is left out of the answer if it is None. A required field can be null.
    """

    def as_dict(self) -> dict[str, Any]:
        """Return the answer as JSON values, in the order of the model's fields."""
        fields = type(self).model_fields
        return {
            name: value
            for name, value in self.model_dump(mode="json").items()
            if value is not None or fields[name].is_required()
        }


class ConvergencePoint(AnswerPart):
    """The value after one step of a search."""

    step: Number = Field(title="Step", description="The number of the step, from 0.", examples=[0])
    value: Annotated[float, Unit("unit of the field `reference`")] = Field(
        title="Value", description="The value that this step reached.", examples=[0.1836]
    )


#: The field `convergence`, which the page draws with `reference`.
Convergence = Annotated[
    list[ConvergencePoint],
    Field(title="Convergence", description="The value that each step reached, in order."),
]


def output_schema(model: type[ActionAnswer]) -> dict[str, Any]:
    """Return the JSON Schema of an answer, as clients receive it.

    Args:
        model: the answer's model.
    """
    schema = model.model_json_schema()
    for name, field in model.model_fields.items():
        if not field.is_required():
            _without_null(schema["properties"][name])
    return schema


def _without_null(field: dict[str, Any]) -> None:
    """Describe an optional field: it is left out instead of null."""
    field.pop("default", None)
    kinds = [kind for kind in field.pop("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) == 1:
        field.update(kinds[0])
    elif kinds:
        field["anyOf"] = kinds
