"""The config document: one record per function, which says how to call it (Grossi et al., section 4.2).

Pure: a document and an incoming request go in, a ready HTTP request comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import orjson
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from core.config_docs.bounds import MAX_DOCUMENT_BYTES
from core.errors import DocumentError
from core.extent import Extent, ExtentError
from core.input_schema import InputSchema, SchemaError
from core.protocol import explain

BODY = "incomingRequestBody"
#: Placeholders that stand for a credential; each is resolved by a function that the caller supplies.
CREDENTIALS = ("IAMBearerToken", "BasicAuth")

#: What a document may hold.
_EXTENT = Extent(depth=64, values=20_000, name=1_000, text=64 * 1024)

HeaderName = Annotated[str, Field(max_length=128, pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
HeaderValue = Annotated[str, Field(max_length=4_000, pattern=r"^[\t -~]*$")]

#: Resolves the name of a credential to the value of an Authorization header.
Credentials = Callable[[str], str]


#: Times that the caller's body may stand in what is sent: each is another megabyte.
MAX_BODIES = 4


class FunctionParams(BaseModel):
    """What is sent to the function."""

    body: Any = BODY
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict, max_length=50)

    @field_validator("body")
    @classmethod
    def _few(cls, value: Any) -> Any:
        if _bodies(value) > MAX_BODIES:
            raise ValueError(f"holds {BODY} more than {MAX_BODIES} times. Send it once")
        return value


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

    #: None where the function takes anything.
    _input: InputSchema | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _compile(self) -> Self:
        if self.function_input_schema:
            try:
                self._input = InputSchema(self.function_input_schema)
            except SchemaError as error:
                raise ValueError(f"the function {self.id} has a broken input schema: {error}") from None
        return self

    @property
    def input(self) -> InputSchema | None:
        """What checks the function's input; None where it takes anything."""
        return self._input


@dataclass(frozen=True)
class FunctionCall:
    """An HTTP request ready to be sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Any


def parse(raw: Mapping[str, Any], where: str) -> ConfigDocument:
    """The validated document.

    Args:
        raw: parsed JSON.
        where: the document's name, for the message.

    Raises:
        DocumentError: it is too large, or a field is wrong; the message names the document and the field.
    """
    try:
        _EXTENT.check(raw)
        size = len(orjson.dumps(raw))
    except ExtentError as error:
        raise DocumentError(f"Config document {where} {error}", document=where) from None
    except orjson.JSONEncodeError as error:
        # A whole number beyond 64 bits, or half of a surrogate pair.
        raise DocumentError(f"Config document {where}: {error}", document=where) from None
    if size > MAX_DOCUMENT_BYTES:
        raise DocumentError(
            f"Config document {where} has over {MAX_DOCUMENT_BYTES} bytes. Make it smaller.", document=where
        )
    try:
        return ConfigDocument.model_validate(dict(raw))
    except ValidationError as error:
        raise DocumentError(f"Config document {where}: {explain(error)}", document=where) from None


def resolve(document: ConfigDocument, incoming: Any, credentials: Credentials) -> FunctionCall:
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
    return FunctionCall(
        method=document.function_http_method,
        url=document.function_backend_url,
        headers=headers,
        body=_fill(document.function_params.body, incoming),
    )


def _bodies(template: Any) -> int:
    """How often the placeholder of the caller's body stands in a template."""
    if isinstance(template, dict):
        return sum(map(_bodies, template.values()))
    if isinstance(template, list):
        return sum(map(_bodies, template))
    return int(template == BODY)


def _fill(template: Any, incoming: Any) -> Any:
    if template == BODY:
        return incoming
    if isinstance(template, dict):
        return {key: _fill(value, incoming) for key, value in template.items()}
    if isinstance(template, list):
        return [_fill(value, incoming) for value in template]
    return template
