"""The inputs that all algorithms share, the gateway's envelope, and the validation of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from core.errors import InputError
from core.protocol import BackendType

Model = TypeVar("Model", bound=BaseModel)

#: Maximum shots of one job; IBM's devices accept 100,000.
MAX_SHOTS = 100_000
#: Of a simulator's random numbers; NumPy, Aer and JSON's numbers all hold it.
MAX_SEED = 2**31 - 1

#: Up to here every integer is a different float.
_EXACT = 2**53


@dataclass(frozen=True)
class SimulatorOption:
    """Marks a field, in its `Annotated`, as an option of the simulators; with hardware it is rejected.

    Args:
        name: the option's name for the simulators, such as `seed_simulator`.
    """

    name: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_after_validator_function(self._check, handler(source))

    @staticmethod
    def _check(value: Any, info: ValidationInfo) -> Any:
        if value is not None and info.data.get("backend_type") == "hardware":
            raise ValueError("takes effect on simulators only. Leave it out, or choose another backend_type")
        return value


class ActionInput(BaseModel):
    """Base of every algorithm's input; subclasses add the algorithm's own fields.

    A field that is declared here is common to all algorithms: the page lists it last and leaves it out of a
    job's summary, and no transpiled circuit depends on it.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _integers(cls, values: Any) -> Any:
        return with_integers(values)

    backend_type: BackendType = Field(
        default="simulator",
        title="Backend type",
        description="A noiseless simulator, a simulator with a real device's noise, or hardware: a quantum "
        "processor, or on your own machine a simulated device.",
    )
    backend: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        pattern=r"^[a-z0-9_]+$",
        title="Backend",
        description="Name of a backend. Without one, the least busy backend with enough qubits is used.",
    )
    shots: int = Field(
        default=1024,
        ge=1,
        le=MAX_SHOTS,
        title="Shots",
        description="How many times the circuit is run and measured.",
    )
    seed: Annotated[Annotated[int, Field(ge=0, le=MAX_SEED)] | None, SimulatorOption("seed_simulator")] = (
        Field(
            default=None,
            title="Seed",
            description="Makes a simulator repeat itself: the same circuit with the same seed gives the same "
            "counts. Quantum hardware has no seed.",
        )
    )

    pooling: bool = Field(
        default=True,
        title="Share a provider job",
        description="Whether the circuits may run in one provider job with those of other clients, where the "
        "service does that: they wait less, and no client sees another's circuits or results.",
    )

    def simulator_options(self) -> dict[str, Any]:
        """The options for the simulators that are given, by the simulators' names."""
        fields = type(self).model_fields.items()
        marked = [
            (name, mark.name)
            for name, field in fields
            for mark in field.metadata
            if isinstance(mark, SimulatorOption)
        ]
        return {option: value for name, option in marked if (value := getattr(self, name)) is not None}


#: Names of the fields that every algorithm takes, in their order.
COMMON_INPUTS = tuple(ActionInput.model_fields)


def with_integers(value: Any) -> Any:
    """Return the JSON value with its whole numbers as integers.

    In JSON Schema 1024.0 and 1e3 are integers, and JavaScript writes some integers in this way. Beyond 2^53 a
    float does not have a definite integer, and stays as it is.
    """
    if isinstance(value, float):
        return int(value) if abs(value) <= _EXACT and value.is_integer() else value
    if isinstance(value, list):
        return [with_integers(each) for each in value]
    if isinstance(value, dict):
        return {name: with_integers(each) for name, each in value.items()}
    return value


def validated(model: type[Model], values: dict[str, Any]) -> Model:
    """Validate input.

    Args:
        model: the model to validate against.
        values: the input.

    Raises:
        InputError: names every wrong field and how to correct it.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        fields = findings(error)
        raise InputError(
            " ".join(f"{item['field']}: {item['message']}" for item in fields), errors=fields
        ) from None


def findings(error: ValidationError) -> list[dict[str, str]]:
    """Return a `{"field", "message"}` for each of pydantic's errors; at most ten."""
    return [
        {
            "field": ".".join(str(part) for part in item["loc"])[:100] or "input",
            "message": item["msg"].removeprefix("Value error, ").rstrip(".") + ".",
        }
        for item in error.errors(include_url=False, include_input=False)[:10]
    ]
