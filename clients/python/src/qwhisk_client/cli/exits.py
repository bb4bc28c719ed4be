"""The exit codes of the command, and what it says about an error."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from qwhisk_client.cli.parameters import ParametersError
from qwhisk_client.cli.store import StoreError
from qwhisk_client.errors import (
    APIError,
    AuthenticationError,
    InvalidRequestError,
    JobCancelledError,
    JobFailedError,
    JobNotEndedError,
    NotFoundError,
    PermissionDeniedError,
    QwhiskError,
    SignInError,
    WaitTimeoutError,
)


class Exit(IntEnum):
    """The exit codes; docs/client.md lists them."""

    OK = 0
    #: The job, or the function, failed.
    FAILED = 1
    #: The command line or the input is wrong.
    USAGE = 2
    #: A sign-in is needed, the credentials cannot be used, or they do not permit it.
    SIGN_IN = 3
    #: There is no such function or job.
    NOT_FOUND = 4
    #: The gateway cannot be reached, or cannot serve the request now.
    UNAVAILABLE = 5
    #: The timeout has expired; the job continues.
    TIMEOUT = 6
    #: The job was cancelled.
    CANCELLED = 7
    #: Ctrl-C; the job continues.
    INTERRUPTED = 130
    #: The program that reads the output has ended.
    BROKEN_PIPE = 141


#: The first class that an error is of.
_CODES: tuple[tuple[type[Exception], Exit], ...] = (
    (ParametersError, Exit.USAGE),
    (InvalidRequestError, Exit.USAGE),
    (JobNotEndedError, Exit.USAGE),
    (AuthenticationError, Exit.SIGN_IN),
    (PermissionDeniedError, Exit.SIGN_IN),
    (SignInError, Exit.SIGN_IN),
    (StoreError, Exit.SIGN_IN),
    (NotFoundError, Exit.NOT_FOUND),
    (JobCancelledError, Exit.CANCELLED),
    (JobFailedError, Exit.FAILED),
    (WaitTimeoutError, Exit.TIMEOUT),
    (QwhiskError, Exit.UNAVAILABLE),
)


def exit_of(error: Exception) -> Exit:
    """Return the exit code of an error."""
    if isinstance(error, APIError) and error.status in (502, 504) and error.code:
        return Exit.FAILED  # the function's own failure
    return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.USAGE)


def document_of(error: Exception) -> dict[str, Any]:
    """Return an error as JSON."""
    errors = getattr(error, "errors", ())
    return {
        "error": {
            "code": getattr(error, "code", "") or type(error).__name__,
            "message": str(error),
            "errors": [{"field": item.field, "message": item.message} for item in errors],
        },
        "exit_code": int(exit_of(error)),
    }


def words_of(error: Exception) -> list[str]:
    """Return the lines that a person reads about an error: one for each field, if it is about fields."""
    errors = getattr(error, "errors", ())
    lines = [f"{item.field}: {item.message}" for item in errors] or [str(error)]
    if isinstance(error, AuthenticationError | SignInError):
        lines.append(
            "Unset QWHISK_KEY, or run `qwhisk logout`."
            if getattr(error, "code", "") == "no_sign_in"
            else "Sign in with `qwhisk login`."
        )
    if isinstance(error, WaitTimeoutError) and error.process_job_id:
        lines.append(f"Wait for it again with `qwhisk result {error.process_job_id}`.")
    return lines
