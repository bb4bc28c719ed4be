"""Client of qwhisk: quantum algorithms as serverless functions.

from qwhisk_client import Client

with Client("http://127.0.0.1:8080") as client:
    print(client.run("grover", qubits=4, marked=[3]).summary)
"""

from __future__ import annotations

from qwhisk_client.aio import AsyncClient, AsyncJob
from qwhisk_client.client import Client, Job
from qwhisk_client.device import DeviceCode, DeviceSignIn, Tokens
from qwhisk_client.errors import (
    APIConnectionError,
    APIError,
    AuthenticationError,
    ConflictError,
    FieldError,
    FunctionError,
    InvalidRequestError,
    JobCancelledError,
    JobError,
    JobFailedError,
    JobNotEndedError,
    NotFoundError,
    PermissionDeniedError,
    QwhiskError,
    RateLimitError,
    ServiceUnavailableError,
    SignInError,
    UnexpectedResponseError,
    WaitTimeoutError,
)
from qwhisk_client.models import Backend, Event, Function, JobFailure, Progress, Result, Session

__version__ = "0.1.0"

__all__ = [
    "APIConnectionError",
    "APIError",
    "AsyncClient",
    "AsyncJob",
    "AuthenticationError",
    "Backend",
    "Client",
    "ConflictError",
    "DeviceCode",
    "DeviceSignIn",
    "Event",
    "FieldError",
    "Function",
    "FunctionError",
    "InvalidRequestError",
    "Job",
    "JobCancelledError",
    "JobError",
    "JobFailedError",
    "JobFailure",
    "JobNotEndedError",
    "NotFoundError",
    "PermissionDeniedError",
    "Progress",
    "QwhiskError",
    "RateLimitError",
    "Result",
    "ServiceUnavailableError",
    "Session",
    "SignInError",
    "Tokens",
    "UnexpectedResponseError",
    "WaitTimeoutError",
]
