"""The blocks of code that the documents print, each with the tests that run it or the reason why none does.

A test takes a block from here, so that what it runs is what is printed.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

from testkit.stack import ROOT

#: The address that the documents print; tests replace it by that of their own gateway.
ADDRESS = "http://127.0.0.1:8080"

#: The documents that are about programs. Every Markdown file with a block has to be in `RUN` or `NOT_RUN`.
README, CLIENT, MCP = "README.md", "docs/client.md", "docs/mcp.md"
WEBSOCKET, SIMULATOR = "docs/websocket.md", "docs/simulator.md"

#: The file of tests that runs each block: by document, and the block's beginning, or the heading of its
#: section, or "" for all other blocks of the document.
RUN: dict[tuple[str, str], str] = {
    (README, "from qwhisk_client"): "tests/end_to_end/test_readme.py",
    (README, "qwhisk run"): "tests/end_to_end/test_readme.py",
    (README, 'const api = "http'): "tests/end_to_end/test_readme.py",
    (README, "import java.net"): "tests/end_to_end/test_readme.py",
    (README, "TOKEN="): "tests/end_to_end/test_readme.py",
    (README, "## Add an algorithm"): "tests/actions/test_scaffold.py",
    (CLIENT, "pip install"): "tests/end_to_end/test_readme.py",
    (CLIENT, "from qwhisk_client"): "tests/end_to_end/test_readme.py",
    (CLIENT, "qwhisk run"): "tests/end_to_end/test_readme.py",
    (CLIENT, "python3 -m venv"): "tests/clients/test_recipes.py",
    (CLIENT, "from httpx import Timeout"): "tests/clients/test_recipes.py",
    (CLIENT, "npm init"): "tests/clients/test_recipes.py",
    (CLIENT, "import createClient"): "tests/clients/test_recipes.py",
    (CLIENT, "npx tsc"): "tests/clients/test_recipes.py",
    (CLIENT, "mvn -q dependency:copy"): "tests/clients/test_recipes.py",
    (CLIENT, "import java.math"): "tests/clients/test_recipes.py",
    (CLIENT, "cd client && mvn"): "tests/clients/test_recipes.py",
    (CLIENT, "$ qwhisk login"): "tests/client/test_device.py",
    (CLIENT, "import qwhisk_client\n\nsign_in"): "tests/client/test_device.py",
    ("clients/python/README.md", "from qwhisk_client"): "tests/end_to_end/test_readme.py",
    (MCP, '{"mcpServers": {"qwhisk": {"type": "http", "url": "http://'): "tests/end_to_end/test_mcp.py",
    (MCP, '{"mcpServers": {"qwhisk": {"type": "http", "url": "https://'): "tests/gateway/test_mcp.py",
    (MCP, "import asyncio"): "tests/end_to_end/test_mcp.py",
    (WEBSOCKET, '{"id": 7'): "tests/end_to_end/test_documents.py",
    (WEBSOCKET, "new WebSocket"): "tests/end_to_end/test_documents.py",
    (WEBSOCKET, '{"specversion"'): "tests/end_to_end/test_documents.py",
    (SIMULATOR, "export IAM_URL"): "tests/end_to_end/test_own_programs.py",
    (SIMULATOR, "from qiskit import"): "tests/end_to_end/test_own_programs.py",
    ("docs/algorithms.md", "## A hybrid algorithm"): "tests/actions/test_scaffold.py",
    ("docs/deploy.md", "TOKEN="): "tests/end_to_end/test_direct_call.py",
}

_OUTPUT = "an output or a picture, no program"
_DATA = "an example of a document, no program"
_DEPLOYED = "needs an account, a registry or a cluster"

#: Why no test takes a block.
NOT_RUN: dict[tuple[str, str], str] = {
    (README, "make demo"): "two steps of .ci/run",
    (README, "browser / curl"): _OUTPUT,
    (SIMULATOR, "## Speed"): _OUTPUT,
    ("actions/runtime/README.md", "docker build"): "actions/images.sh runs them, for `make test-images`",
    ("simulator/README.md", '{"seed": 1'): _DATA,
    ("web/README.md", "npm ci"): "web/build.sh runs them for `make check` and `make test-page`",
    (
        "docs/algorithms.md",
        "curl -s -u",
    ): "shows a failure; OpenWhisk's API has tests of its own",
    ("docs/architecture.md", ""): _OUTPUT,
    ("docs/deploy.md", ""): _DEPLOYED,
    ("docs/functions.md", ""): "tests/test_functions_reference.py runs the functions with these inputs",
    ("docs/data.md", "## Permissions"): _DATA,
    ("docs/data.md", "## Audit"): _DATA,
    ("docs/openwhisk-api.md", "wsk property set"): "needs OpenWhisk's command line, which no registry has",
    (
        "docs/operations.md",
        "make doctor",
    ): "needs a cluster; the tool has tests of its own",
    (
        "docs/operations.md",
        "export KAFKA_BOOTSTRAP",
    ): "needs dead letters; the tool has tests of its own",
}


@dataclass(frozen=True)
class Block:
    """A block of code.

    Args:
        document: its file.
        heading: the heading of its section, of the second level.
        language: what the document names, or "".
        text: the code, without the indentation of a list.
    """

    document: str
    heading: str
    language: str
    text: str

    @property
    def keys(self) -> list[tuple[str, str]]:
        """The keys of the tables that name this block: by its text, else its section, else its document."""
        keys = [key for key in (*RUN, *NOT_RUN) if key[0] == self.document]
        by_text = [key for key in keys if key[1].strip("# ") and self.text.startswith(key[1])]
        by_section = [key for key in keys if key[1] == self.heading]
        return by_text or by_section or [key for key in keys if key[1] == ""]


def blocks(document: str) -> list[Block]:
    """Return all blocks of a document, in their order."""
    found = []
    # The text before the first heading has none.
    for section in re.split(r"^(?=## )", (ROOT / document).read_text(), flags=re.M):
        heading = section.partition("\n")[0] if section.startswith("## ") else ""
        for _, language, text in re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", section, re.M | re.S):
            found.append(Block(document, heading, language, textwrap.dedent(text)))
    return found


def printed(document: str, start: str) -> str:
    """Return the only block of a key of `RUN`, for a test to run it."""
    [text] = printed_in(document, start)
    return text


def printed_in(document: str, start: str) -> list[str]:
    """Return the blocks of a key of `RUN`, for a test to run them."""
    key = (document, start)
    if key not in RUN:
        raise KeyError(f"add {key} to RUN in tests/printed.py")
    return [block.text for block in blocks(document) if key in block.keys]


def at(gateway: str, text: str) -> str:
    """Return a printed program with the address of a test's gateway, which it has to contain."""
    assert ADDRESS in text
    return text.replace(ADDRESS, gateway)
