"""Which functions and backend types a tenant may use."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.errors import SettingsError
from core.protocol import BackendType
from gateway.auth.sign_in import Identity
from gateway.auth.tokens import ClientSession, Tokens
from gateway.permissions import (
    MAX_MARKS,
    UNLIMITED,
    ForbiddenError,
    Permissions,
    document_of,
    requested_type,
)
from gateway.settings import GatewaySettings
from testkit.replicas import SECRET
from tests.core.samples import TOPIC
from tests.gateway.test_settings import ENV

KNOWN = ["bell", "grover", "shor"]
RULES: dict[str, Any] = {
    "rules": [
        {"api_keys": ["ci"], "functions": ["bell", "grover"], "backend_types": ["simulator"]},
        {"subjects": ["alice"], "functions": ["shor"]},
        {"claims": {"groups": ["students", "guests"]}, "functions": ["bell"], "backend_types": ["simulator"]},
        {"claims": {"role": ["admin"]}},
    ],
    "others": {"functions": [], "backend_types": []},
}


def permissions(document: dict[str, Any] = RULES) -> Permissions:
    return Permissions(document_of(json.dumps(document)), SECRET)


def session(identity: Identity | None, rules: Permissions | None = None) -> ClientSession:
    marks = (rules or permissions()).marks(identity) if identity else ()
    return ClientSession("client-1", TOPIC, datetime.now(UTC), marks=marks)


def may(
    rules: Permissions, client: ClientSession, function: str, backend_type: BackendType | None = "simulator"
) -> bool:
    try:
        rules.require_function(client, function, KNOWN)
        rules.require_backend_type(client, function, backend_type)
    except ForbiddenError:
        return False
    return True


@pytest.mark.parametrize(
    ("identity", "listed", "types_of_bell"),
    [
        (Identity("key", "ci"), ["bell", "grover"], ["simulator"]),
        (Identity("oidc", "ci"), [], []),
        (Identity("oidc", "alice"), ["shor"], []),
        (Identity("key", "alice"), [], []),
        (Identity("oidc", "alice", {"groups": ["x", "students"]}), ["bell", "shor"], ["simulator"]),
        (Identity("oidc", "bob", {"groups": "guests"}), ["bell"], ["simulator"]),
        (Identity("oidc", "bob", {"groups": ["admin"], "role": ["students"]}), [], []),
        (Identity("oidc", "bob", {"groups": {"students": 1}, "role": None}), [], []),
        (Identity("oidc", "root", {"role": "admin"}), KNOWN, ["hardware", "simulator", "noisy_simulator"]),
        (None, [], []),
    ],
)
def test_rules_of_a_tenant_are_joined(
    identity: Identity | None, listed: list[str], types_of_bell: list[str]
) -> None:
    rules = permissions()
    client = session(identity)
    assert [name for name in KNOWN if rules.may_list(client, name)] == listed
    every: tuple[BackendType, ...] = ("hardware", "simulator", "noisy_simulator")
    assert [each for each in every if may(rules, client, "bell", each)] == types_of_bell


def test_without_rules_everything_is_permitted() -> None:
    rules = Permissions(UNLIMITED, SECRET)
    assert all(may(rules, session(None), name, "hardware") for name in KNOWN)
    assert may(rules, session(None), "bell", None)


def test_an_error_says_what_is_permitted() -> None:
    rules, client = permissions(), session(Identity("key", "ci"))
    with pytest.raises(ForbiddenError, match=r"function shor. You may use: bell, grover.$"):
        rules.require_function(client, "shor", KNOWN)
    with pytest.raises(ForbiddenError, match=r"You may use the backend types: simulator.$"):
        rules.require_backend_type(client, "bell", "hardware")
    with pytest.raises(ForbiddenError, match="not known in advance"):
        rules.require_backend_type(client, "bell", None)
    with pytest.raises(ForbiddenError, match=r"You may use: none.$"):
        rules.require_function(session(None), "shor", KNOWN)


def test_changed_rules_apply_to_sessions_that_are_open() -> None:
    client = session(Identity("key", "ci"))
    changed = permissions(RULES | {"rules": [{"api_keys": ["ci"], "functions": ["shor"]}]})
    assert [name for name in KNOWN if changed.may_list(client, name)] == ["shor"]


def test_a_token_carries_the_marks_and_stays_short() -> None:
    tokens = Tokens(SECRET, 3_600)
    values = [f"{number:03d}" + "v" * 300 for number in range(100)]
    rules = permissions(RULES | {"rules": [{"claims": {"groups": values}}]})
    for name in ("a\n" * 100, "é" * 200, '"' * 200, "\udc80" * 200):
        marks = rules.marks(Identity("oidc", name, {"groups": values}))
        assert len(marks) == MAX_MARKS + 1
        made, token = tokens.new("s" * 12, name, marks)
        for each in (tokens.read(token), tokens.read(tokens.renew(tokens.read(token))[1])):
            assert (each.marks, each.tenant) == (marks, made.tenant)
        assert made.tenant.isprintable()
        assert made.tenant.isascii()


def test_marks_cannot_be_computed_without_the_secret() -> None:
    identity = Identity("key", "ci")
    others = Permissions(document_of(json.dumps(RULES)), "another secret of the tests, as long as it is")
    assert set(permissions().marks(identity)).isdisjoint(others.marks(identity))


OLD, NEW = "the-old-secret-" + "o" * 30, "the-new-secret-" + "n" * 30


@pytest.mark.parametrize(
    ("identity", "listed"),
    [
        (Identity("key", "ci"), ["bell", "grover"]),
        (Identity("oidc", "alice", {"groups": ["students"]}), ["bell", "shor"]),
        (Identity("oidc", "bob", {"groups": ["students"]}), ["bell"]),
        (Identity("oidc", "ünïcode"), []),
        (Identity("oidc", "nobody"), []),
    ],
)
def test_a_session_keeps_its_rules_when_the_secret_has_changed(identity: Identity, listed: list[str]) -> None:
    document = document_of(json.dumps(RULES))
    before, change, after = (
        Permissions(document, OLD),
        Permissions(document, NEW, OLD),
        Permissions(document, NEW),
    )
    made, token = Tokens(OLD, 60).new("s" * 12, identity.name, before.marks(identity))
    tokens = Tokens(NEW, 60, previous=OLD)
    renewed, _ = tokens.renew(tokens.read(token), change.renewed_marks(tokens.read(token)))
    for rules, client in ((before, made), (change, made), (change, renewed), (after, renewed)):
        assert [name for name in KNOWN if rules.may_list(client, name)] == listed
    if identity.name.isascii():
        assert renewed.marks == after.marks(identity), "also for rules that name the tenant later"
    # A further renewal changes nothing.
    assert change.renewed_marks(renewed) == after.renewed_marks(renewed) == renewed.marks


def test_a_restricted_tenant_gets_no_more_when_the_secret_has_changed() -> None:
    """Whom no rule names may use everything here, so that lost marks would permit everything."""
    document = document_of(json.dumps({"rules": [{"api_keys": ["ci"], "functions": ["bell"]}], "others": {}}))
    client = session(Identity("key", "ci"), Permissions(document, OLD))
    marks = Permissions(document, NEW, OLD).renewed_marks(client)
    renewed = ClientSession("client-1", TOPIC, datetime.now(UTC), marks=marks)
    assert not may(Permissions(document, NEW), renewed, "shor")
    assert may(Permissions(document, NEW), renewed, "bell")


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ({"enum": ["simulator"], "default": "simulator"}, {}, "simulator"),
        ({"default": "simulator"}, {"backend_type": "hardware"}, "hardware"),
        ({}, {}, None),
        ({"default": "simulator"}, {"backend_type": ["simulator"]}, None),
        ({"default": "simulator"}, {"backend_type": "else"}, None),
        (None, {"backend_type": "simulator"}, None),
    ],
)
def test_the_backend_type_of_an_input(
    field: dict[str, Any] | None, value: dict[str, Any], expected: str | None
) -> None:
    schema = {"properties": {} if field is None else {"backend_type": field}}
    assert requested_type(schema, value) == expected


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{", "JSON"),
        ("[]", "cannot be read"),
        ('{"rules": []}', "others: Field required"),
        ('{"others": {"functions": ["x y"]}}', "others.functions"),
        ('{"others": {"backend_types": ["quantum"]}}', "others.backend_types"),
        ('{"others": {}, "rules": [{"functions": ["bell"]}]}', "names nobody"),
        ('{"others": {}, "rules": [{"api_keys": [], "claims": {"a": []}}]}', "names nobody"),
        ('{"others": {}, "rules": [{"api_keys": ["a"], "function": ["bell"]}]}', "rules.0.function"),
        ('{"others": {}, "rules": [{"api_keys": "a"}]}', "rules.0.api_keys"),
        ('{"others": {}, "others": {"functions": []}}', "'others' is there twice"),
        ('{"others": {}, "rules": [], "rules": [{"api_keys": ["a"]}]}', "'rules' is there twice"),
        ('{"others": {}, "rules": [{"api_keys": ["a"], "claims": {"g": ["x"], "g": []}}]}', "'g' is there"),
        ('{"others": ' + "1" * 5_000 + ', "others": {}}', "out of range"),
        ('{"others": ' + "[" * 100_000 + "]" * 100_000 + "}", "recursion limit"),
        ('{"others": {"functions": "All"}}', "others.functions"),
        ('{"others": {"functions": ["\\ud800"]}}', "JSON"),
        ("/nowhere/permissions.json", "No such file"),
        (json.dumps({"others": {}, "rules": [{"api_keys": ["a"]}] * 1_001}), "at most 1000"),
    ],
)
def test_wrong_rules_are_explained_at_the_start(document: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        GatewaySettings.from_env(ENV | {"GATEWAY_PERMISSIONS": document})
    assert caught.value.details == {"variable": "GATEWAY_PERMISSIONS"}
    assert words in caught.value.message, caught.value.message


def test_rules_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "permissions.json"
    path.write_text(json.dumps(RULES))
    read = GatewaySettings.from_env(ENV | {"GATEWAY_PERMISSIONS": str(path)}).permissions
    assert read == document_of(json.dumps(RULES))
    path.write_bytes(b" " * 1_000_001)
    with pytest.raises(SettingsError, match="over 1000000 bytes"):
        GatewaySettings.from_env(ENV | {"GATEWAY_PERMISSIONS": str(path)})
