"""Tokens: issue, check, expiry."""

from __future__ import annotations

from simulator.iam import LIFETIME, Iam


def test_tokens_expire_and_cannot_be_forged() -> None:
    iam = Iam("key")
    assert iam.accepts("key")
    assert not iam.accepts("kex")
    assert not iam.accepts("")
    token = iam.issue()["access_token"]
    assert iam.verify(token)
    assert iam.verify(token)
    assert not iam.verify(token + "x")
    assert not Iam("key").verify(token)
    assert not iam.verify(iam.issue(now=1_000_000 - LIFETIME)["access_token"])
