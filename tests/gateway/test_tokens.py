"""Tokens: every token that is not ours and valid gets the same answer."""

from __future__ import annotations

import base64
import json
import re
import time
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.protocol import TOPIC_PATTERN
from gateway.auth.tokens import ClientSession, TokenError, Tokens

SECRET = "a-secret-of-sixty-characters-or-more-" + "4" * 30
TOKENS = Tokens(SECRET, 60)


def later(seconds: int = 60) -> int:
    return int(time.time()) + seconds


def signed(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm)


def claims(**changes: Any) -> dict[str, Any]:
    fields = {"sub": "client-1", "topic": "results." + "a" * 24, "exp": later()} | changes
    return {name: value for name, value in fields.items() if value is not None}


def part(value: Any) -> str:
    """Return one segment of a token."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_token_returns_its_session() -> None:
    before = int(time.time())
    session, token = TOKENS.new()
    assert TOKENS.read(token) == session
    assert before + 60 <= session.expires_at.timestamp() <= time.time() + 60
    assert session.expires_at.tzinfo is UTC
    # Another replica with the same secret reads it as well.
    assert Tokens(SECRET, 1).read(token) == session


def test_every_session_has_its_own_client_and_topic() -> None:

    made = [TOKENS.new()[0] for _ in range(50)]
    assert len({session.client_id for session in made}) == 50
    assert len({session.topic for session in made}) == 50
    for session in made:
        assert re.fullmatch(TOPIC_PATTERN, session.topic)
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,128}", session.client_id)


def test_a_well_formed_token_is_read() -> None:
    expires = later(5)
    assert TOKENS.read(signed(claims(exp=expires))) == ClientSession(
        "client-1", "results." + "a" * 24, datetime.fromtimestamp(expires, UTC)
    )


@pytest.mark.parametrize(
    "token",
    [
        None,
        "",
        " ",
        "x",
        "a.b.c",
        "é.é.é",
        signed(claims(), "another-secret-of-forty-characters-or-more"),
        signed(claims(), SECRET, "HS384"),
        jwt.encode(claims(), "", algorithm="none"),
        f"{part({'alg': 'none'})}.{part(claims())}.",
        f"{part({'alg': 'HS256'})}.{part(claims())}.",
        f"{part({'alg': ['HS256']})}.{part(claims())}.{part(b'x')}",
        f"{part({})}.{part(claims())}.{part(b'x')}",
        f"{part(b'[' * 1_400)}.{part(claims())}.{part(b'x')}",
        signed(claims(exp=later(-1))),
        signed(claims(exp=None)),
        signed(claims(sub=None)),
        signed(claims(topic=None)),
        signed(claims(nbf=later(50))),
        signed(claims(padding="x" * 2_000)),
        signed(claims()) + "x",
        signed(claims())[:-4],
        " " + signed(claims()),
    ],
)
def test_every_invalid_token_gets_the_same_error(token: str | None) -> None:
    with pytest.raises(TokenError) as caught:
        TOKENS.read(token)
    with pytest.raises(TokenError) as other:
        TOKENS.read(None)
    assert caught.value.as_dict() == other.value.as_dict()
    assert caught.value.code == "unauthorized"
    assert SECRET not in caught.value.message


def test_a_token_whose_claims_were_changed_is_refused() -> None:
    header, _, signature = signed(claims()).split(".")
    with pytest.raises(TokenError):
        TOKENS.read(f"{header}.{part(claims(topic='results.' + 'b' * 24))}.{signature}")


@given(st.text(max_size=300) | st.lists(st.text(max_size=40), min_size=3, max_size=3).map(".".join))
def test_no_text_raises_anything_else(token: str) -> None:
    with pytest.raises(TokenError):
        TOKENS.read(token)


@given(
    st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
)
def test_no_header_raises_anything_else(header: Any) -> None:
    with pytest.raises(TokenError):
        TOKENS.read(f"{part(header)}.{part(claims())}.{part(b'x' * 32)}")
