"""The table of supported operations in the docs is what the contract's tests have observed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.openwhisk.contract.api import IN_PART, OPERATIONS, Api, operations

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "openwhisk-api.md"

#: The operations of OpenWhisk's JavaScript client. tests/clients/openwhisk.test.mjs calls each.
CLIENT = {
    "actions": "list get invoke create update delete",
    "activations": "list get logs result",
    "feeds": "get create update delete",
    "namespaces": "list get",
    "packages": "list get create update delete",
    "rules": "list get create update delete enable disable",
    "triggers": "list get invoke create update delete",
    "routes": "list get create delete",
}


def client_rows() -> str:
    """Return the rows of the table of the JavaScript client."""
    rows = []
    for resource, verbs in CLIENT.items():
        for verb in verbs.split():
            here = "no: 501, there is no API gateway" if resource == "routes" else "yes"
            rows.append(f"| `ow.{resource}.{verb}` | {here} |")
    for resource in ("packages", "rules"):
        rows.append(f"| `ow.{resource}.invoke` | not an operation: the client itself refuses it |")
    return "\n".join(rows)


HEAD = f"""# The local OpenWhisk's REST API

The operations in OpenWhisk's description of its API, and how the tests in `tests/openwhisk/contract` found
them. The same tests run with actions as processes, with actions as containers, and against any OpenWhisk
(`WHISK_APIHOST`, `WHISK_AUTH`). "Supported" means that the answers were as described and every test passed.
Those tests generate this page: `UPDATE_DOCS=1 make test TESTS=tests/openwhisk/contract`.

## The key

The server's key is random. It is made once and kept in `.local/whisk.key` (`LOCAL_FOLDER`), which only its
user can read. `make up` prints the line that gives it to `wsk`:

```sh
wsk property set --apihost http://127.0.0.1:3233 --auth "$(cat .local/whisk.key)"
```

`WHISK_APIHOST=http://127.0.0.1:3233 make deploy` reads the key from that file. To set another key, use
`LOCAL_WHISK_AUTH` for the stack, and `WHISK_AUTH` or `--auth` for `python -m local.openwhisk`. The default
key of the namespace `guest` in OpenWhisk standalone is published. It works only if you set it.

## Intended differences

Every web page that is open in a browser on the same machine can send requests to this server. So, unlike
OpenWhisk:

- The `Host` header must be `localhost`, a loopback address, or a name in `OPENWHISK_HOSTS`; otherwise the
  answer is 421. If the server listens on an address other than loopback, IP addresses are permitted too.
- Requests of pages get 403, based on their `Origin` or `Sec-Fetch-Site`, unless the origin is in
  `OPENWHISK_ORIGINS`. For web actions the setting is `OPENWHISK_WEB_ORIGINS`: `*` permits the pages of any
  origin, as OpenWhisk does. A link from another page to a web action gets 403 too; a typed address does not.
- A 401 has no `WWW-Authenticate: Basic`. With that header, a browser keeps a key that was in a link, and
  sends it with the requests of every page. OpenWhisk's clients send the key without that header.
- A parameter that is bound to an action annotated `final` cannot be set through a sequence or a composition
  either. For the first action of a sequence the request gets 400, and for a later one the sequence fails. A
  conductor gets the error instead of the action's result.
- The headers that the action of a rule gets (`__ow_headers`) are without `Authorization` and `Cookie`.
- An action's process is ended after a result that is too large.
- A web action cannot respond with a status below 200. The headers of its result that say where the response
  ends, such as `Content-Length`, are not sent.
- In `__ow_headers`, bytes that are not UTF-8 are replaced by U+FFFD.

## Limits

- Limits of an action are those of a stock server: 300 s, 512 MB and one activation at a time in a container.
  Settings (`OPENWHISK_MAX_ACTION_*`) permit more. Rate limits are higher than a stock server's 60 a minute.
- A request may cause 7,601 activations, in compositions that run sequences of compositions.
- Each line of a log counts 75 bytes towards the limit besides its text, about as on OpenWhisk.
- Bodies that are nested more than about 240 levels deep are refused, and an error value of an action that is
  nested as deeply is replaced by a text. A body must be complete after 120 s; otherwise the answer is 408.
- `python:3`, which a stock server does not have, is accepted beside `python:default`. All Python kinds run
  the Python that runs the server.
- The API gateway (`wsk api`) is not available: the answer is 501. Use the addresses of web actions.

## The JavaScript client

Every operation of OpenWhisk's npm package `openwhisk`, as it is published, is called in `tests/clients`. That
test also checks that this list is complete.

| operation | here |
|---|---|
{client_rows()}

## Operations

{OPERATIONS["source"]}

| operation | what it does | supported | statuses seen |
|---|---|---|---|
"""


def table(api: Api) -> str:
    """Return the page."""
    rows = []
    for operation in operations():
        seen = api.seen.get(operation, set())
        good = sorted(status for status in seen if status < 300)
        # The description has no statuses for web actions: the action decides them.
        supported = bool(good) and (not operation.statuses or set(good) <= set(operation.statuses))
        what = operation.summary or f"Reach a web action with {operation.method}"
        rows.append(
            f"| `{operation.method} {operation.path}` | {what} | {'yes' if supported else '**no**'} "
            f"| {', '.join(map(str, sorted(seen)))} |"
        )
    return HEAD + "\n".join(rows) + "\n"


def test_the_docs_match_what_the_tests_have_observed(request: pytest.FixtureRequest, api: Api) -> None:
    session = request.session
    ours = {item.path.name for item in session.items if item.path.parent == HERE}
    if ours != {path.name for path in HERE.glob("test_*.py")} or session.config.stash.get(IN_PART, False):
        pytest.skip("only a part of the contract's tests ran")
    if session.testsfailed:
        pytest.skip("a test failed: what was seen is not what is supported")
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(table(api), encoding="utf-8")
    if not os.environ.get("WHISK_APIHOST"):
        assert PAGE.read_text(encoding="utf-8") == table(api), "UPDATE_DOCS=1 writes it again"
    assert "**no**" not in table(api)
