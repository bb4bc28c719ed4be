"""Which functions and backend types each tenant may use.

The rules name tenants by their API keys, by their subjects at the OpenID Connect provider, or by claims of
its tokens. A session carries keyed digests of these (its marks), so that changed rules apply to sessions that
were opened before. Of the claims, a session has the marks of those that the rules named when it was opened.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.errors import QwhiskError
from core.protocol import BackendType, Identifier, explain
from core.settings.kinds import InvalidValueError
from gateway.auth.sign_in import Identity
from gateway.auth.tokens import ClientSession

#: The most bytes of the document, the most rules, and the most names of a list.
MAX_DOCUMENT, MAX_RULES, MAX_NAMES = 1_000_000, 1_000, 1_000
#: The most claims whose marks a session carries.
MAX_MARKS = 16
#: The most functions that an error names.
MAX_LISTED = 50

ALL = "all"
#: The kinds of an identity.
KINDS: tuple[str, ...] = ("key", "oidc")
BACKEND_TYPES: tuple[BackendType, ...] = get_args(BackendType)


class ForbiddenError(QwhiskError):
    """The tenant may not do this."""

    code = "not_permitted"


class Grant(BaseModel):
    """What may be used: each of the functions on each of the backend types."""

    model_config = ConfigDict(extra="forbid", strict=True)

    functions: Literal["all"] | list[Identifier] = Field(default="all", max_length=MAX_NAMES)
    backend_types: Literal["all"] | list[BackendType] = Field(default="all", max_length=len(BACKEND_TYPES))

    def has_function(self, function: str) -> bool:
        """Return whether a function may be used on any backend type."""
        return bool(self.backend_types) and (self.functions == ALL or function in self.functions)

    def types(self) -> Sequence[BackendType]:
        """Return the backend types that may be used."""
        return BACKEND_TYPES if isinstance(self.backend_types, str) else self.backend_types


class TenantRule(Grant):
    """What some tenants may use."""

    api_keys: list[str] = Field(default_factory=list, max_length=MAX_NAMES)
    subjects: list[str] = Field(default_factory=list, max_length=MAX_NAMES)
    claims: dict[str, list[str]] = Field(default_factory=dict, max_length=MAX_NAMES)

    @model_validator(mode="after")
    def _names_somebody(self) -> TenantRule:
        if not (self.api_keys or self.subjects or any(self.claims.values())):
            raise ValueError("names nobody: give api_keys, subjects or claims")
        return self


class PermissionDocument(BaseModel):
    """The rules, and what tenants that no rule names may use."""

    model_config = ConfigDict(extra="forbid", strict=True)

    rules: list[TenantRule] = Field(default_factory=list, max_length=MAX_RULES)
    others: Grant


def document_of(text: str) -> PermissionDocument:
    """Return the document of the setting: the JSON itself, or the file that it names.

    Raises:
        InvalidValueError: there is no such file, or it is no such document.
    """
    data = text.encode("utf-8", "surrogateescape")
    if not text.startswith("{"):
        try:
            with Path(text).open("rb") as file:
                data = file.read(MAX_DOCUMENT + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "the name is not valid"
            raise InvalidValueError(f"It cannot be read: {reason}.") from None
    if len(data) > MAX_DOCUMENT:
        raise InvalidValueError(f"It has over {MAX_DOCUMENT} bytes.")
    try:
        document = PermissionDocument.model_validate_json(data)
    except ValidationError as error:
        raise InvalidValueError(f"{explain(error)}.") from None
    try:
        json.loads(data, object_pairs_hook=_without_duplicates)
    except ValueError as error:
        raise InvalidValueError(f"{error}.") from None
    return document


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object. Of two fields with the same name, one would be ignored: rules might be missing."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        name = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"The field {name[:100]!r} is there twice in the same object")
    return fields


#: Without the setting: everything is permitted.
UNLIMITED = PermissionDocument(others=Grant())


class Permissions:
    """Decides what each session may use.

    Args:
        document: the rules.
        secret: the gateway's secret, for the marks.
        previous: the secret before it, whose marks count too; empty for none.
    """

    def __init__(self, document: PermissionDocument, secret: str, previous: str = "") -> None:
        self._secret = secret.encode()
        self._previous = Permissions(document, previous) if previous else None
        self._others: list[Grant] = [document.others]
        #: The grants of each mark.
        self._grants: dict[str, list[Grant]] = {}
        #: The values that rules name, by their claim.
        self._claims: dict[str, set[str]] = {}
        #: What each mark is of.
        self._marked: dict[str, tuple[str, ...]] = {}
        for rule in document.rules:
            named = [("key", name) for name in rule.api_keys] + [("oidc", name) for name in rule.subjects]
            for claim, values in rule.claims.items():
                self._claims.setdefault(claim, set()).update(values)
            claims = [("claim", claim, value) for claim, values in rule.claims.items() for value in values]
            for parts in [*named, *claims]:
                mark = self._mark(*parts)
                self._marked[mark] = parts
                self._grants.setdefault(mark, []).append(rule)
        if self._previous is not None:
            for mark, grants in self._previous._grants.items():
                self._grants.setdefault(mark, []).extend(grants)

    def marks(self, identity: Identity) -> tuple[str, ...]:
        """Return the marks of a new session: of who signed in, and of the claims that rules name."""
        marks = [self._mark(identity.kind, identity.name)]
        for claim, named in self._claims.items():
            held = named.intersection(_texts(identity.claims.get(claim)))
            marks += [self._mark("claim", claim, value) for value in sorted(held)]
        return tuple(marks[: MAX_MARKS + 1])

    def renewed_marks(self, session: ClientSession) -> tuple[str, ...]:
        """Return the marks of a session that is renewed. Those of the previous secret are replaced.

        Otherwise no rule would match them once the previous secret is removed, and the tenant would count as
        one that no rule names.

        Args:
            session: the session. A mark whose tenant no rule names and whose name the session does not have
                completely cannot be replaced.
        """
        if self._previous is None:
            return session.marks
        known = dict(self._previous._marked)
        for kind in KINDS:
            known[self._previous._mark(kind, session.tenant)] = (kind, session.tenant)
        return tuple(self._mark(*known[mark]) if mark in known else mark for mark in session.marks)

    def _mark(self, *parts: str) -> str:
        text = "\0".join(("mark", *parts)).encode("utf-8", "surrogatepass")
        return base64.urlsafe_b64encode(hmac.digest(self._secret, text, hashlib.sha256)[:12]).decode()

    def may_list(self, session: ClientSession, function: str) -> bool:
        """Return whether a function is listed for a session."""
        return any(grant.has_function(function) for grant in self._of(session))

    def require_function(self, session: ClientSession, function: str, known: Iterable[str]) -> None:
        """Check that a session may use a function.

        Args:
            session: the session.
            function: the function's id.
            known: the ids of all functions, for the error.

        Raises:
            ForbiddenError: it may not.
        """
        if self.may_list(session, function):
            return
        permitted = [name for name in sorted(known) if self.may_list(session, name)]
        words = ", ".join(permitted[:MAX_LISTED]) + (", ..." if len(permitted) > MAX_LISTED else "")
        raise ForbiddenError(f"You may not use the function {function}. You may use: {words or 'none'}.")

    def require_backend_type(
        self, session: ClientSession, function: str, backend_type: BackendType | None
    ) -> None:
        """Check that a session may use a backend type for a function that it may use.

        Args:
            session: the session.
            function: the function's id.
            backend_type: the type; None if the input and its schema do not say it.

        Raises:
            ForbiddenError: it may not.
        """
        grants = [grant for grant in self._of(session) if grant.has_function(function)]
        permitted = [each for each in BACKEND_TYPES if any(each in grant.types() for grant in grants)]
        if backend_type in permitted or (backend_type is None and len(permitted) == len(BACKEND_TYPES)):
            return
        what = f"{backend_type} backends" if backend_type else "backends that are not known in advance"
        raise ForbiddenError(
            f"You may not use {what} with the function {function}. "
            f"You may use the backend types: {', '.join(permitted) or 'none'}.",
            field="backend_type",
        )

    def _of(self, session: ClientSession) -> Sequence[Grant]:
        grants = [grant for mark in session.marks for grant in self._grants.get(mark, ())]
        return grants or self._others


def requested_type(schema: Mapping[str, Any], value: Mapping[str, Any]) -> BackendType | None:
    """Return the backend type of an input that its schema has accepted; None if neither says it.

    A backend that the input names must be of that type (`core/provider/choice.py`).
    """
    field = schema.get("properties", {}).get("backend_type")
    if not isinstance(field, Mapping):
        return None  # the function does not have this input, whatever the caller sends
    asked = value.get("backend_type", field.get("default"))
    return next((each for each in BACKEND_TYPES if each == asked), None)


def _texts(value: Any) -> list[str]:
    """Return the texts of a claim: itself, or those in it."""
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
