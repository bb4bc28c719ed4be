"""Errors as RFC 9457 problem documents: each with its status, none with a secret or a traceback."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask import Flask, abort

from core.errors import (
    ActionError,
    BackendNotFoundError,
    DocumentError,
    EventError,
    InputError,
    InvocationError,
    JobNotFoundError,
    NotFoundError,
    ProviderError,
    QwhiskError,
    SettingsError,
    StreamError,
    ThrottledError,
)
from gateway import problems
from gateway.auth.tokens import TokenError
from gateway.problems import BodyError, of, status_of


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (TokenError("x", "forged"), 401),
        (BodyError("x"), 400),
        (InputError("x"), 422),
        (NotFoundError("x"), 404),
        (JobNotFoundError("x"), 404),
        (BackendNotFoundError("x"), 404),
        (InvocationError("x"), 502),
        (InvocationError("x", status=504), 504),
        (InvocationError("x", status=429), 429),
        (ActionError("invalid_input", "x"), 422),
        (ActionError("backend_not_found", "x"), 422),
        (ActionError("provider_unavailable", "x"), 503),
        (ActionError("stream_error", "x"), 503),
        (ActionError("provider_error", "x"), 502),
        (ActionError("anything", "x"), 502),
        (StreamError("x"), 503),
        (DocumentError("x"), 502),
        (SettingsError("x"), 500),
        (EventError("x"), 500),
        (ProviderError("x"), 500),
        (QwhiskError("x"), 500),
    ],
)
def test_the_status_of_an_error(error: QwhiskError, status: int) -> None:
    assert status_of(error) == status
    with Flask("test").app_context():
        response = of(error)
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    document = response.get_json()
    assert document["status"] == status
    assert document["title"] not in ("", "Error")
    assert (document["type"], document["detail"], document["code"]) == ("about:blank", "x", error.code)
    assert ("WWW-Authenticate" in response.headers) is (status == 401)
    assert ("Retry-After" in response.headers) is (status in (429, 503))


@pytest.mark.parametrize(
    ("error", "errors"),
    [
        (InputError("m", field="shots"), [{"field": "shots", "message": "m"}]),
        (InputError("m", errors=[{"field": "a", "message": "b"}]), [{"field": "a", "message": "b"}]),
        (
            ActionError("invalid_input", "m", {"errors": [{"field": "a", "message": "b"}]}),
            [{"field": "a", "message": "b"}],
        ),
        (ActionError("x", "m", {"errors": "none", "field": 7, "status": 200, "title": "y"}), None),
        (InputError("m"), None),
    ],
)
def test_the_wrong_fields_are_listed(error: QwhiskError, errors: Any) -> None:
    document = of(error).get_json()
    assert document.get("errors") == errors
    assert document["status"] == status_of(error)


@pytest.fixture
def app() -> Flask:
    made = Flask("test", static_folder=None)
    made.config["MAX_CONTENT_LENGTH"] = 10
    problems.register(made)

    @made.post("/ours")
    def ours() -> str:
        raise InputError("shots: too many.", field="shots")

    @made.post("/bug")
    def bug() -> str:
        raise ValueError("s3cret")

    @made.post("/teapot")
    def teapot() -> str:
        abort(418)

    @made.post("/body")
    def whole() -> bytes:
        from flask import request

        return request.get_data()

    return made


@pytest.mark.parametrize(
    ("path", "status", "code", "words"),
    [
        ("/ours", 422, "invalid_input", "shots: too many."),
        ("/bug", 500, "internal_error", "See its log"),
        ("/absent", 404, "http_404", "nothing at this path"),
        ("/teapot", 418, "http_418", "teapot"),
    ],
)
def test_every_error_of_the_app_is_a_problem(
    app: Flask, caplog: pytest.LogCaptureFixture, path: str, status: int, code: str, words: str
) -> None:
    with caplog.at_level(logging.ERROR):
        response = app.test_client().post(path)
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    assert response.get_json()["code"] == code
    assert words in response.get_json()["detail"]
    assert b"s3cret" not in response.data
    assert b"Traceback" not in response.data
    # Only our own bugs are logged with their traceback.
    assert [record.exc_info is not None for record in caplog.records] == ([True] if path == "/bug" else [])


def test_a_client_may_request_the_status_in_the_body_only(app: Flask) -> None:
    http = app.test_client()
    response = http.post("/ours", headers={"Prefer": "wait=5, problem=in-body"})
    assert response.status_code == 200
    assert response.headers["Preference-Applied"] == "problem=in-body"
    assert response.mimetype == "application/problem+json"
    assert response.get_json()["status"] == 422
    # Other answers stay unchanged, and so does a problem for a client that prefers something else.
    assert "Preference-Applied" not in http.post("/body", headers={"Prefer": "problem=in-body"}).headers
    assert http.post("/ours", headers={"Prefer": "problem=other"}).status_code == 422


def test_the_wrong_method_and_a_body_too_large_are_problems(app: Flask) -> None:
    client = app.test_client()
    wrong = client.get("/body")
    assert (wrong.status_code, wrong.get_json()["code"]) == (405, "http_405")
    # RFC 9110, 15.5.6: it must be there.
    assert set(wrong.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}
    large = client.post("/body", data=b"x" * 11)
    assert (large.status_code, large.get_json()["code"]) == (413, "http_413")
    assert client.post("/body", data=b"x" * 10).data == b"x" * 10


@pytest.mark.parametrize(
    ("retry_after", "header"),
    [(90.4, "90"), (0.2, "1"), (10**400, "3600"), (None, "5"), ("7", "5"), (-1, "5"), (float("nan"), "5")],
)
def test_an_actions_503_has_the_time_after_which_to_try_again(
    app: Flask, retry_after: Any, header: str
) -> None:
    with app.test_request_context():
        response = of(ActionError("provider_unavailable", "Busy.", {"retry_after": retry_after}))
    assert response.headers["Retry-After"] == header


@pytest.mark.parametrize(("seconds", "header"), [(0.0, "1"), (0.2, "1"), (17.0, "17"), (17.1, "18")])
def test_a_caller_learns_when_openwhisk_accepts_invocations_again(seconds: float, header: str) -> None:
    with Flask("test").app_context():
        response = of(ThrottledError("Too many.", seconds))
    assert (response.status_code, response.headers["Retry-After"]) == (429, header)
