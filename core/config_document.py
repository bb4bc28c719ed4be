"""The config document: one record per function, which says how to call it (Grossi et al., section 4.2).

Pure: a document and an incoming request go in, a ready HTTP request comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from core.errors import DocumentError
from core.events import explain

BODY = "incomingRequestBody"
#: Placeholders that stand for a credential; each is resolved by a function that the caller supplies.
CREDENTIALS = ("IAMBearerToken", "BasicAuth")

#: Resolves the name of a credential to the value of an Authorization header.
Credentials = Callable[[str], str]


class FunctionParams(BaseModel):
    """What is sent to the function."""

    body: Any = BODY
    headers: dict[str, str] = Field(default_factory=dict)


class ConfigDocument(BaseModel):
    """One function. The first four fields are the paper's; the others are for the page and the gateway.

    Fields that this version does not know are kept out of the way, so that a newer document still works.
    """

    model_config = ConfigDict(populate_by_name=True, extra="ignore")

    id: str = Field(alias="_id", pattern=r"^[a-z][a-z0-9_]{0,63}$")
    function_http_method: Literal["POST", "PUT"] = Field(alias="functionHttpMethod", default="POST")
    function_backend_url: str = Field(alias="functionBackendUrl", max_length=2_000)
    function_params: FunctionParams = Field(alias="functionParams", default_factory=FunctionParams)

    function_title: str = Field(alias="functionTitle", default="", max_length=200)
    function_description: str = Field(alias="functionDescription", default="", max_length=4_000)
    function_input_schema: dict[str, Any] = Field(alias="functionInputSchema", default_factory=dict)
    function_category: str = Field(alias="functionCategory", default="", max_length=64)
    function_view: str = Field(alias="functionView", default="default", max_length=64)

    @field_validator("function_backend_url")
    @classmethod
    def _http(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http(s) URL")
        return value


@dataclass(frozen=True)
class Call:
    """An HTTP request ready to be sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Any


def parse(raw: Mapping[str, Any], where: str) -> ConfigDocument:
    """The validated document; DocumentError names `where` it came from and the field at fault."""
    try:
        return ConfigDocument.model_validate(dict(raw))
    except ValidationError as error:
        raise DocumentError(f"Config document {where}: {explain(error)}", document=where) from None


def resolve(document: ConfigDocument, incoming: Any, credentials: Credentials) -> Call:
    """Fill the document's placeholders for one request.

    Args:
        document: the function's document.
        incoming: the JSON-native body of the caller's request.
        credentials: gives the Authorization header's value for a name of `CREDENTIALS`.

    Raises:
        DocumentError: a credential is asked for that is not configured.
    """
    headers = {
        name: credentials(value) if value in CREDENTIALS else value
        for name, value in document.function_params.headers.items()
    }
    return Call(
        method=document.function_http_method,
        url=document.function_backend_url,
        headers=headers,
        body=_fill(document.function_params.body, incoming),
    )


def _fill(template: Any, incoming: Any) -> Any:
    if template == BODY:
        return incoming
    if isinstance(template, dict):
        return {key: _fill(value, incoming) for key, value in template.items()}
    if isinstance(template, list):
        return [_fill(value, incoming) for value in template]
    return template
