"""The models of the OpenAPI document: what the API's requests and responses contain."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from core.protocol import Instant, LargeResult, PublicBackend, PublicJob, Status


class NewSession(BaseModel):
    """A client and its token."""

    client_id: str
    token: str
    expires_at: Instant


class WebhookSecret(BaseModel):
    """The secret that signs this client's webhooks: `whsec_` and the key in base64."""

    secret: str


class Webhook(BaseModel):
    """The body that is sent to a job's callback address; `data` is the job."""

    type: Literal["job.done", "job.cancelled", "job.error"]
    timestamp: Instant
    data: PublicJob


class JobCloudEvent(BaseModel):
    """An event of a job as a CloudEvent 1.0 in structured mode; `data` is the job."""

    # Only the event of a job's end has the time.
    model_config = ConfigDict(json_schema_extra=lambda schema: schema["required"].remove("time"))

    specversion: Literal["1.0"]
    id: str
    source: str
    type: Literal[
        "qwhisk.job.pooled",
        "qwhisk.job.queued",
        "qwhisk.job.running",
        "qwhisk.job.done",
        "qwhisk.job.cancelled",
        "qwhisk.job.error",
    ]
    subject: str
    datacontenttype: Literal["application/json"]
    time: Instant
    data: PublicJob


class Function(BaseModel):
    """A function that can be invoked."""

    id: str
    title: str
    description: str
    category: str
    view: str
    input_schema: dict[str, Any]


class FunctionDetails(Function):
    """A function with the schema of its answer; empty if its answers have none."""

    output_schema: dict[str, Any]


class FunctionPage(BaseModel):
    """All functions."""

    functions: list[Function]


class BackendPage(BaseModel):
    """All backends, as a poller last saw them."""

    backends: list[PublicBackend]


class Cancelling(BaseModel):
    """A job whose cancellation was requested, with its status at that time."""

    process_job_id: str
    status: Status


class JobPage(BaseModel):
    """The jobs of a page, and the cursor of the next page; null on the last."""

    jobs: list[PublicJob]
    next: str | None


class Health(BaseModel):
    """Whether the gateway works."""

    status: str


class Finding(BaseModel):
    """What is wrong with one field."""

    field: str
    message: str


class OpenID(BaseModel):
    """How to sign in at the gateway's OpenID Connect provider, by the device flow (RFC 8628)."""

    issuer: str
    client_id: str
    audience: str


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[Finding] | None = None
    openid: OpenID | None = None


#: Every model of the document.
MODELS = (
    NewSession,
    WebhookSecret,
    Webhook,
    JobCloudEvent,
    FunctionPage,
    FunctionDetails,
    BackendPage,
    Cancelling,
    JobPage,
    PublicJob,
    LargeResult,
    Health,
    Problem,
)
