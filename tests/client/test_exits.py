"""The exit codes of the command, and what it says about errors."""

from __future__ import annotations

import re

import pytest

from qwhisk_client import (
    APIConnectionError,
    APIError,
    AuthenticationError,
    Event,
    FieldError,
    FunctionError,
    InvalidRequestError,
    JobCancelledError,
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
from qwhisk_client.cli.exits import Exit, document_of, exit_of, words_of
from qwhisk_client.cli.parameters import ParametersError
from qwhisk_client.cli.store import StoreError
from testkit.stack import ROOT

FAILED = Event.of(
    {"process_job_id": "j", "status": "ERROR", "error": {"code": "warm", "message": "It is warm."}}
)
CANCELLED = Event.of({"process_job_id": "j", "status": "CANCELLED"})

ERRORS: list[tuple[Exception, Exit]] = [
    (JobFailedError(FAILED), Exit.FAILED),
    (FunctionError(502, "failed", "action_failed"), Exit.FAILED),
    (ServiceUnavailableError(502, "a proxy's"), Exit.UNAVAILABLE),
    (ParametersError([FieldError("x", "is missing.")]), Exit.USAGE),
    (InvalidRequestError(422, "x"), Exit.USAGE),
    (ValueError("x"), Exit.USAGE),
    (AuthenticationError(401, "x"), Exit.SIGN_IN),
    (SignInError("x"), Exit.SIGN_IN),
    (StoreError("x"), Exit.SIGN_IN),
    (PermissionDeniedError(403, "x"), Exit.SIGN_IN),
    (JobNotEndedError(409, "x"), Exit.USAGE),
    (NotFoundError(404, "x"), Exit.NOT_FOUND),
    (APIConnectionError("x"), Exit.UNAVAILABLE),
    (RateLimitError(429, "x"), Exit.UNAVAILABLE),
    (APIError(418, "x"), Exit.UNAVAILABLE),
    (UnexpectedResponseError("x"), Exit.UNAVAILABLE),
    (WaitTimeoutError("j", 5), Exit.TIMEOUT),
    (JobCancelledError(CANCELLED), Exit.CANCELLED),
]


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda value: type(value).__name__)
def test_each_error_has_an_exit_code_and_says_something(error: Exception, code: Exit) -> None:
    assert exit_of(error) is code
    assert all(words_of(error))
    document = document_of(error)
    assert document["exit_code"] == code
    assert document["error"]["code"]
    assert document["error"]["message"] == str(error)


def test_every_error_of_the_package_is_in_the_table() -> None:
    def below(kind: type[Exception]) -> set[type[Exception]]:
        return {kind}.union(*map(below, kind.__subclasses__()))

    tried = {type(error) for error, _ in ERRORS}
    assert {kind.__name__ for kind in below(QwhiskError) - tried} <= {
        "QwhiskError",
        "JobError",
        "ConflictError",
    }


def test_errors_say_what_to_do_next() -> None:
    assert words_of(AuthenticationError(401, "No.")) == ["No.", "Sign in with `qwhisk login`."]
    assert words_of(WaitTimeoutError("j", 5))[1] == "Wait for it again with `qwhisk result j`."
    two = InvalidRequestError(422, "x", "c", (FieldError("a", "is missing."), FieldError("b", "is wrong.")))
    assert words_of(two) == ["a: is missing.", "b: is wrong."]


def test_the_exit_codes_are_documented() -> None:
    text = (ROOT / "docs/client.md").read_text()
    assert re.findall(r"^\| (\d+) \|", text, re.M) == [str(int(code)) for code in Exit]
