"""A small OpenID Connect provider over HTTP, with its own keys."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from testkit.serving import served

AUDIENCE = "qwhisk-tests"


class Provider:
    """Signs tokens, and publishes its public keys."""

    def __init__(self, url: str) -> None:
        self.url = url
        #: Paths that were requested.
        self.asked: list[str] = []
        self.document: dict[str, Any] = {"issuer": url, "jwks_uri": f"{url}/keys"}
        self._private: dict[str, Any] = {}
        self._public: list[dict[str, Any]] = []
        self.add("first")

    def add(self, kid: str, elliptic: bool = False, **more: str) -> None:
        """Add a key, with the members of `more`."""
        public: dict[str, Any]
        if elliptic:
            self._private[kid] = ec.generate_private_key(ec.SECP256R1())
            public = ECAlgorithm.to_jwk(self._private[kid].public_key(), as_dict=True)
        else:
            self._private[kid] = rsa.generate_private_key(65_537, 2_048)
            public = RSAAlgorithm.to_jwk(self._private[kid].public_key(), as_dict=True)
        self._public.append(public | {"kid": kid, "use": "sig"} | more)

    def omit_key_ids(self) -> None:
        """Publish the keys without `kid`, as providers with a single key may (RFC 7517, section 4.5)."""
        for key in self._public:
            key.pop("kid", None)

    def rotate(self) -> None:
        """Replace all keys by one."""
        self._private.clear()
        self._public.clear()
        self.add("first")

    def token(
        self,
        kid: str = "first",
        algorithm: str = "RS256",
        key: Any = None,
        with_id: bool = True,
        **changes: Any,
    ) -> str:
        """Return a token that is valid unless `changes` make it invalid; None removes a claim."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": "alice", "iat": now, "exp": now + 300} | changes
        claims = {name: value for name, value in claims.items() if value is not None}
        headers = {"kid": kid} if with_id else None
        return jwt.encode(claims, key or self._private[kid], algorithm, headers=headers)

    def answer(self, path: str) -> dict[str, Any] | None:
        """Return the document at a path."""
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            return self.document
        return {"keys": self._public} if path == "/keys" else None


@contextmanager
def provider() -> Iterator[Provider]:
    """Start a provider."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            document = made.answer(self.path)
            self.send_response(200 if document else 404)
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

        def log_message(self, *_: Any) -> None:
            """Do not log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Provider(f"http://127.0.0.1:{server.server_address[1]}")
    with served(server):
        yield made
