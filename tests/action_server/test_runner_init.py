"""/init: the algorithm baked in, code as source, code as a zip, and everything that is neither."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from testkit.action_server import SENTINEL, ActionServer, zipped
from tests.action_server.conftest import Start

ECHO = "def main(params):\n    return params\n"


def test_source_is_initialised_and_runs(server: ActionServer) -> None:
    assert server.init(ECHO) == (200, {"ok": True})
    assert server.run({"a": [1, "ü", None, {"b": 2.5}]}) == (200, {"a": [1, "ü", None, {"b": 2.5}]})


def test_main_names_the_function(server: ActionServer) -> None:
    assert server.init("def other(params):\n    return {'who': 'other'}\n", main="other")[0] == 200
    assert server.run() == (200, {"who": "other"})


def test_a_zip_runs_and_its_modules_and_files_are_found(server: ActionServer) -> None:
    code = zipped(
        __main__="import neighbour\nTEXT = open('neighbour.py').read()\n"
        "def main(p):\n    return {'n': neighbour.N, 'open': TEXT}",
        neighbour="N = 7\n",
    )
    assert server.init(code, binary=True) == (200, {"ok": True})
    assert server.run() == (200, {"n": 7, "open": "N = 7\n"})


def test_a_second_init_is_refused_and_changes_nothing(server: ActionServer) -> None:
    server.init(ECHO)
    message = "Cannot initialize the action more than once."
    assert server.init("def main(p):\n    return {'second': True}\n") == (403, {"error": message})
    assert server.run({"a": 1}) == (200, {"a": 1})
    assert message in server.stderr()


def test_env_is_set_when_the_code_is_imported(server: ActionServer) -> None:
    code = (
        "import os\nSEEN = os.environ['COLOUR'], os.environ['N']\ndef main(p):\n    return {'seen': SEEN}\n"
    )
    assert server.init(code, env={"COLOUR": "blue", "N": 3})[0] == 200
    assert server.run() == (200, {"seen": ["blue", "3"]})


def test_classes_of_given_code_can_be_dataclasses(server: ActionServer) -> None:
    code = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Point:\n    x: int\ndef main(p):\n    return vars(Point(1))\n"
    )
    assert server.init(code)[0] == 200
    assert server.run() == (200, {"x": 1})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"code": "x = 1\n"}, "no function 'main'"),
        ({"code": "main = 3\n"}, "no function 'main'"),
        ({"code": ECHO, "main": "absent"}, "no function 'absent'"),
        ({"code": "def main(:\n"}, "SyntaxError"),
        ({"code": "raise RuntimeError('s3cret')\n"}, "RuntimeError"),
        ({"code": "import sys\nsys.exit(3)\n"}, "SystemExit"),
        ({"code": "no base64!", "binary": True}, "not base64"),
        ({"code": base64.b64encode(b"no zip").decode(), "binary": True}, "not a zip"),
        ({"code": zipped(other="x = 1"), "binary": True}, "no __main__.py"),
        (
            {"code": zipped(**{"__main__": ECHO, "virtualenv/bin/python": ""}), "binary": True},
            "Invalid virtualenv. Zip file does not include 'activate_this.py'.",
        ),
        (
            {
                "code": zipped(**{"__main__": ECHO, "virtualenv/bin/activate_this": "1 / 0"}),
                "binary": True,
            },
            "ZeroDivisionError",
        ),
    ],
)
def test_bad_code_is_502_and_the_log_says_why(
    server: ActionServer, value: dict[str, Any], message: str
) -> None:
    status, body = server.init(**value)
    assert status == 502
    assert message in body["error"]
    assert "s3cret" not in body["error"]
    *reason, last = server.stderr().splitlines()
    assert last == SENTINEL
    assert message in "\n".join(reason)
    assert server.stdout() == f"{SENTINEL}\n"
    assert server.run() == (500, {"error": "no action defined yet"})


def test_without_code_and_algorithm_init_is_403(server: ActionServer) -> None:
    assert server.init("") == (403, {"error": "Missing main/no code to execute."})
    # It does not count, as in OpenWhisk.
    assert server.init(ECHO)[0] == 200


@pytest.mark.parametrize("scripts", ["bin", "Scripts"])
def test_the_packages_of_a_zips_virtualenv_are_found(server: ActionServer, scripts: str) -> None:
    """As virtualenv writes it, the script adds the environment's packages to the path."""
    activate = (
        "import os, site\n"
        "base = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))\n"
        "os.environ['VIRTUAL_ENV'] = base\n"
        "site.addsitedir(os.path.join(base, 'lib', 'site-packages'))\n"
    )
    code = zipped(
        **{
            "__main__": "import os, packaged\ndef main(p):\n    return {'n': packaged.N}\n",
            f"virtualenv/{scripts}/activate_this": activate,
            "virtualenv/lib/site-packages/packaged": "N = 7\n",
        }
    )
    assert server.init(code, binary=True) == (200, {"ok": True})
    assert server.run() == (200, {"n": 7})


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"value": 1}', b'{"value": {"code": 1}}', b'{"value": {"env": 1}}']
)
def test_a_malformed_request_is_400_and_does_not_count(server: ActionServer, body: bytes) -> None:
    assert server.post("/init", body)[0] == 400
    assert server.init(ECHO)[0] == 200


def test_an_algorithm_that_does_not_exist_is_reported_by_init(start: Start) -> None:
    server = start(QWHISK_ACTION="no_such_algorithm")
    status, body = server.init()
    assert (status, "ModuleNotFoundError" in body["error"]) == (502, True)
    assert "no_such_algorithm" in server.stderr()


def test_a_name_that_is_no_module_name_is_not_imported(start: Start) -> None:
    status, body = start(QWHISK_ACTION="../evil").init()
    assert (status, "QWHISK_ACTION" in body["error"]) == (502, True)


def test_the_baked_in_algorithm_needs_no_code(start: Start) -> None:
    server = start(QWHISK_ACTION="smile_super_position")
    assert server.init() == (200, {"ok": True})
    # Wrong input is answered by the algorithm itself, with its own message and without a traceback.
    status, body = server.run({"backend_type": "no such thing"})
    assert status == 200
    assert set(body["error"]) == {"code", "message", "details"}
    assert "Traceback" not in json.dumps(body)
