"""The config document: one record per function, which describes how to call it (Grossi et al., section 4.2).

Pure: it turns a document and an incoming request into an HTTP request.
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

from core.config_docs.bounds import MAX_DOCUMENT_BYTES, too_large
from core.errors import DocumentError
from core.extent import Extent, ExtentError
from core.input_schema import InputSchema, SchemaError, check_schema
from core.protocol import explain

BODY = "incomingRequestBody"
#: Placeholders for credentials. A function of the caller resolves each of them.
CREDENTIALS = ("IAMBearerToken", "BasicAuth")

#: The bounds of a document.
_EXTENT = Extent(depth=64, values=20_000, name=1_000, text=64 * 1024)

#: A regular expression of the ids of functions, without anchors.
FUNCTION_ID = "[a-z][a-z0-9_]{0,63}"

HeaderName = Annotated[str, Field(max_length=128, pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
HeaderValue = Annotated[str, Field(max_length=4_000, pattern=r"^[\t -~]*$")]

#: Returns the value of an Authorization header for the name of a credential.
Credentials = Callable[[str], str]


#: How often the caller's body may occur in the request: each copy is another megabyte.
MAX_BODIES = 4


#: The most jobs that one run of any function may have.
MAX_JOBS = 10_000
#: The most jobs of one run of a function whose document does not state a number.
UNDECLARED_JOBS = 100


class FunctionParams(BaseModel):
    """What is sent to the function."""

    body: Any = BODY
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict, max_length=50)

    @field_validator("body")
    @classmethod
    def _few(cls, value: Any) -> Any:
        if _bodies(value) > MAX_BODIES:
            raise ValueError(f"contains {BODY} more than {MAX_BODIES} times. Send it once")
        return value


class ConfigDocument(BaseModel):
    """One function. The first four fields are the paper's; the others are for the page and the gateway.

    Fields that this version does not know are ignored, so that a newer document still works. An older
    document has no output schema, nor has that of a function whose answers have none.
    """

    model_config = ConfigDict(populate_by_name=True, extra="ignore")

    id: str = Field(alias="_id", pattern=f"^{FUNCTION_ID}$")
    function_http_method: Literal["POST", "PUT"] = Field(alias="functionHttpMethod", default="POST")
    function_backend_url: str = Field(alias="functionBackendUrl", max_length=2_000)
    function_params: FunctionParams = Field(alias="functionParams", default_factory=FunctionParams)

    function_title: str = Field(alias="functionTitle", default="", max_length=200)
    function_description: str = Field(alias="functionDescription", default="", max_length=4_000)
    function_input_schema: dict[str, Any] = Field(alias="functionInputSchema", default_factory=dict)
    function_output_schema: dict[str, Any] = Field(alias="functionOutputSchema", default_factory=dict)
    function_category: str = Field(alias="functionCategory", default="", max_length=64)
    function_view: str = Field(alias="functionView", default="default", max_length=64)
    #: The most jobs of one run. The poller ends a run that submits more.
    function_max_jobs: int = Field(
        alias="functionMaxJobs", default=UNDECLARED_JOBS, ge=1, le=MAX_JOBS, strict=True
    )

    @field_validator("function_backend_url")
    @classmethod
    def _http(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http(s) URL")
        return value

    #: None if the function accepts anything.
    _input: InputSchema | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _compile(self) -> Self:
        if self.function_input_schema:
            try:
                self._input = InputSchema(self.function_input_schema)
            except SchemaError as error:
                raise ValueError(f"the function {self.id} has a broken input schema: {error}") from None
        try:
            check_schema(self.function_output_schema)
        except SchemaError as error:
            raise ValueError(f"the function {self.id} has a broken output schema: {error}") from None
        return self

    @property
    def input(self) -> InputSchema | None:
        """Validates the function's input; None if the function accepts anything."""
        return self._input


@dataclass(frozen=True)
class FunctionCall:
    """An HTTP request that is ready to be sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Any


def parse(raw: Mapping[str, Any], where: str) -> ConfigDocument:
    """Return the validated document.

    Args:
        raw: parsed JSON.
        where: the document's name, for the error message.

    Raises:
        DocumentError: the document is too large or a field is invalid. The message names both.
    """
    try:
        _EXTENT.check(raw)
        size = len(orjson.dumps(raw))
    except ExtentError as error:
        raise DocumentError(f"Config document {where} {error}", document=where) from None
    except orjson.JSONEncodeError as error:
        # An integer beyond 64 bits, or half of a surrogate pair.
        raise DocumentError(f"Config document {where}: {error}", document=where) from None
    if size > MAX_DOCUMENT_BYTES:
        raise too_large(where)
    try:
        return ConfigDocument.model_validate(dict(raw))
    except ValidationError as error:
        raise DocumentError(f"Config document {where}: {explain(error)}", document=where) from None


def resolve(document: ConfigDocument, incoming: Any, credentials: Credentials) -> FunctionCall:
    """Fill in the document's placeholders for one request.

    Args:
        document: the function's document.
        incoming: the JSON-native body of the caller's request.
        credentials: returns the Authorization header for a name of `CREDENTIALS`.

    Raises:
        DocumentError: a credential is not configured.
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
    """Return how often the placeholder of the caller's body occurs in a template."""
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
