"""What every algorithm takes besides its own parameters, and the words for what is wrong with it."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.errors import InputError
from core.protocol import BackendType

Model = TypeVar("Model", bound=BaseModel)

#: Shots of one job; IBM's devices take 100,000 at most.
MAX_SHOTS = 100_000

#: Up to here each integer has a float of its own.
_EXACT = 2**53


class ActionInput(BaseModel):
    """Base of every algorithm's input; subclasses add the algorithm's own fields."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _integers(cls, values: Any) -> Any:
        return with_integers(values)

    backend_type: BackendType = Field(
        default="simulator",
        title="Backend type",
        description="A noiseless simulator, a simulator with a real device's noise, or quantum hardware.",
    )
    backend: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        pattern=r"^[a-z0-9_]+$",
        title="Backend",
        description="A backend's name; left out, the least busy fitting one is chosen.",
    )
    shots: int = Field(
        default=1024,
        ge=1,
        le=MAX_SHOTS,
        title="Shots",
        description="How often the circuit is run and measured.",
    )


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
    """The input as `model`, or an InputError that names every field at fault and what it should be."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        fields = findings(error)
        raise InputError(
            " ".join(f"{item['field']}: {item['message']}" for item in fields), errors=fields
        ) from None


def findings(error: ValidationError) -> list[dict[str, str]]:
    """One `{"field", "message"}` for each thing that pydantic found; at most ten."""
    return [
        {
            "field": ".".join(str(part) for part in item["loc"])[:100] or "input",
            "message": item["msg"].removeprefix("Value error, ").rstrip(".") + ".",
        }
        for item in error.errors(include_url=False, include_input=False)[:10]
    ]
