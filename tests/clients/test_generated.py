"""Clients that are generated from the OpenAPI document compile, submit a job, and read its answer."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from jsonschema import Draft7Validator

from testkit.stack import Stack
from tests.clients.conftest import HERE, SHORT_LIVED_JAVA, Java

PROGRAMS = HERE / "generated"
#: Seconds that a generator, a compiler or a program may take.
TIMEOUT = 170


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command, with the tools of this Python first on PATH."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, **SHORT_LIVED_JAVA, "PATH": path, "NO_PROXY": "127.0.0.1"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT
    )


def succeed(folder: Path, *command: str) -> str:
    """Return what a command that must succeed prints."""
    ended = run(folder, *command)
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    return ended.stdout


@pytest.fixture(scope="module")
def openapi(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of the document that the gateway serves."""
    path = tmp_path_factory.mktemp("openapi") / "openapi.json"
    path.write_text(requests.get(f"{stack.gateway}/openapi.json", timeout=20).text)
    return path


def check(printed: str) -> None:
    """Check what a program printed about the job of Grover's search for 5 among 8 elements."""
    result: dict[str, Any] = json.loads(printed)
    assert result["summary"].startswith("5 (101) was found in ")
    assert result["found"] == [5]
    assert sum(result["counts"]) == 1024
    assert (result["field"], result["title"]) == ("qubits", "Grover search")


@pytest.mark.timeout(600)
def test_the_client_of_openapi_python_client(stack: Stack, openapi: Path, tmp_path: Path) -> None:
    generator = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"]
    output = succeed(
        tmp_path, *generator, "--path", str(openapi), "--output-path", str(tmp_path / "qwhisk_generated")
    )
    assert "WARNING" not in output, output
    program = (PROGRAMS / "use.py.txt").read_text()
    (tmp_path / "use.py").write_text(program)
    (tmp_path / "wrong.py").write_text(
        program.replace("qubits=3", 'qubits="3"').replace("answer.summary", "answer.nonsense")
    )
    # The generator's own code is not checked, only what the programs do with it.
    (tmp_path / "mypy.ini").write_text("[mypy]\n[mypy-qwhisk_generated.*]\nignore_errors = True\n")
    compiler = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--config-file", "mypy.ini"]
    succeed(tmp_path, *compiler, "use.py")
    refused = run(tmp_path, *compiler, "wrong.py").stdout
    assert 'Argument "qubits" to "GroverInput" has incompatible type "str"' in refused
    assert '"GroverAnswer" has no attribute "nonsense"' in refused
    check(succeed(tmp_path, sys.executable, "use.py", stack.gateway))


@pytest.mark.timeout(600)
def test_the_types_of_openapi_typescript(node: str, stack: Stack, openapi: Path, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(HERE / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    tools = HERE / "node_modules"
    succeed(
        tmp_path, node, str(tools / "openapi-typescript/bin/cli.js"), str(openapi), "--output", "api.d.ts"
    )
    for name in ("use.ts", "process.d.ts", "tsconfig.json"):
        shutil.copy(PROGRAMS / name, tmp_path)
    program = (PROGRAMS / "use.ts").read_text()
    compiler = [node, str(tools / "typescript/bin/tsc")]
    succeed(tmp_path, *compiler)
    check(succeed(tmp_path, node, "built/use.js", stack.gateway))
    (tmp_path / "use.ts").write_text(
        program.replace("qubits: 3", 'qubits: "3"').replace("answer.summary", "answer.nonsense")
    )
    refused = run(tmp_path, *compiler, "--noEmit").stdout
    assert "Type 'string' is not assignable to type 'number'" in refused
    assert "Property 'nonsense' does not exist" in refused


@pytest.mark.timeout(900)
def test_the_java_client_of_openapi_generator(
    java: Java, stack: Stack, openapi: Path, tmp_path: Path
) -> None:
    generated, built = tmp_path / "generated", tmp_path / "built"
    command = ["java", "-jar", str(java.generator), "generate", "-g", "java", "--library", "native"]
    options = ["--additional-properties", "openApiNullable=false"]
    # The code that it generates for a value of either of two kinds of lists is not valid Java.
    options += ["--schema-mappings", "Values=Object"]
    succeed(tmp_path, *command, "-i", str(openapi), "-o", str(generated), *options)
    sources = [str(path) for path in (generated / "src/main/java").rglob("*.java")]
    succeed(tmp_path, "javac", "-nowarn", "-d", str(built), "-cp", java.classpath, *sources)
    classpath = os.pathsep.join([str(built), java.classpath])
    compiler = ["javac", "-d", str(tmp_path / "program"), "-cp", classpath]
    program = (PROGRAMS / "Use.java").read_text()
    succeed(tmp_path, *compiler, str(PROGRAMS / "Use.java"))
    wrong = tmp_path / "Use.java"
    wrong.write_text(program.replace("qubits(3)", 'qubits("3")').replace("getSummary", "getNonsense"))
    refused = run(tmp_path, *compiler, str(wrong)).stderr
    assert "String cannot be converted to Integer" in refused
    assert "symbol:   method getNonsense()" in refused
    classes = os.pathsep.join([str(tmp_path / "program"), classpath])
    check(succeed(tmp_path, "java", "-cp", classes, "Use", stack.gateway))


def test_the_asyncapi_document_is_valid_by_its_official_schema(node: str, stack: Stack) -> None:
    document = requests.get(f"{stack.gateway}/asyncapi.json", timeout=20).json()
    schema = json.loads((HERE / "node_modules/@asyncapi/specs/schemas/3.0.0.json").read_text())
    Draft7Validator(schema).validate(document)
    wrong = document | {"operations": {"x": {"action": "say"}}}
    assert list(Draft7Validator(schema).iter_errors(wrong)), "the check cannot fail"
