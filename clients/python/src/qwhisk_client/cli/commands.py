"""What each command does: it gets the parsed arguments, prints, and returns its exit code."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from qwhisk_client.cli import completion, output, parameters
from qwhisk_client.cli.access import connect, store
from qwhisk_client.cli.exits import Exit
from qwhisk_client.cli.store import Credentials, OpenID
from qwhisk_client.client import Client, Job
from qwhisk_client.device import DeviceSignIn
from qwhisk_client.errors import AuthenticationError, FieldError, JobError
from qwhisk_client.protocol import require_success

#: The most bytes of an input, as the gateway permits, and of a key.
MAX_INPUT, MAX_KEY = 1_000_000, 8_000


def _functions(arguments: argparse.Namespace) -> Exit:
    with connect(arguments.url) as client:
        if arguments.id:
            function = client.function(arguments.id)
            output.write_json(function.raw) if arguments.json else output.write_function(function)
            return Exit.OK
        functions = client.functions()
    if arguments.json:
        output.write_json([function.raw for function in functions])
    else:
        output.write_table(
            ("FUNCTION", "TITLE", "CATEGORY"), ((f.id, f.title, f.category) for f in functions)
        )
    return Exit.OK


def _backends(arguments: argparse.Namespace) -> Exit:
    with connect(arguments.url) as client:
        backends = client.backends()
    if arguments.json:
        output.write_json([backend.raw for backend in backends])
    else:
        rows = (
            (b.name, output.kind_of(b), b.qubits, "yes" if b.operational else "no", b.queue_length)
            for b in backends
        )
        output.write_table(("BACKEND", "TYPE", "QUBITS", "OPERATIONAL", "QUEUE"), rows)
    return Exit.OK


def _run_function(arguments: argparse.Namespace) -> Exit:
    values = _input(arguments.input)
    with connect(arguments.url) as client:
        schema = client.function(arguments.id).input_schema
        values |= parameters.values_of(arguments.parameters, schema)
        parameters.check_names(values, schema)
        job = client.submit(arguments.id, values, idempotency_key=arguments.idempotency_key)
        if arguments.detach:
            _say(arguments, job.id, job.event.raw)
            return Exit.OK
        return _wait(arguments, job)


def _input(path: str | None) -> dict[str, Any]:
    """Return the JSON object of a file, or of standard input.

    Raises:
        ParametersError: there is none.
    """
    if path is None:
        return {}
    try:
        if path == "-":
            data = sys.stdin.buffer.read(MAX_INPUT + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(MAX_INPUT + 1)
    except OSError as error:
        _refuse("--input", f"{path} cannot be read: {error.strerror}.")
    if len(data) > MAX_INPUT:
        _refuse("--input", "has more than 1 MB, which the gateway refuses.")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        _refuse("--input", f"is not JSON: {error}.")
    if not isinstance(value, dict):
        _refuse("--input", 'must be a JSON object, such as {"qubits": 4}.')
    return value


def _refuse(field: str, message: str) -> NoReturn:
    raise parameters.ParametersError([FieldError(field, message)])


def _wait(arguments: argparse.Namespace, job: Job) -> Exit:
    """Show the progress of a job until it ends, and print its result."""
    try:
        if sys.stderr.isatty() and not job.done:
            with output.ProgressBar(sys.stderr) as bar:
                for event in job.events(timeout=arguments.timeout):
                    bar.update(event)
        else:
            job.result(arguments.timeout)
    except JobError:
        pass  # raised below, after its event is printed
    except KeyboardInterrupt:
        print(f"\nqwhisk: The job continues. See `qwhisk result {job.id}`.", file=sys.stderr)
        raise
    if arguments.json:
        output.write_json(job.event.raw)
    require_success(job.event)
    if not arguments.json:
        output.write_result(job.event)
    return Exit.OK


def _jobs(arguments: argparse.Namespace) -> Exit:
    with connect(arguments.url) as client:
        jobs = list(client.jobs(arguments.limit))
    if arguments.json:
        output.write_json([job.event.raw for job in jobs])
    else:
        rows = ((job.id, job.function, job.status, job.event.backend, job.event.summary) for job in jobs)
        output.write_table(("JOB", "FUNCTION", "STATUS", "BACKEND", "SUMMARY"), rows)
    return Exit.OK


def _result(arguments: argparse.Namespace) -> Exit:
    with connect(arguments.url) as client:
        return _wait(arguments, client.job(arguments.id))


def _cancel(arguments: argparse.Namespace) -> Exit:
    with connect(arguments.url) as client:
        job = client.job(arguments.id)
        job.cancel()
    words = f"The job {job.id} has already ended." if job.done else f"Requested the cancellation of {job.id}."
    _say(arguments, words, job.event.raw)
    return Exit.OK


def _erase(arguments: argparse.Namespace) -> Exit:
    with connect(arguments.url) as client:
        client.erase(arguments.id)
    _say(arguments, f"Erased the data of {arguments.id}.", {"process_job_id": arguments.id, "erased": True})
    return Exit.OK


def _watch(arguments: argparse.Namespace) -> Exit:
    with connect(arguments.url) as client:
        # An unknown job is an error at once, and not at the end of the wait.
        source = client.job(arguments.id) if arguments.id else client
        for event in source.events(timeout=arguments.timeout):
            if arguments.json:
                output.write_json({"id": event.id, "event": event.raw})
            else:
                print(f"{output.printable(event.process_job_id)}  {output.state_of(event)}", flush=True)
    if isinstance(source, Job):
        require_success(source.event)
    return Exit.OK


def _completion(arguments: argparse.Namespace) -> Exit:
    sys.stdout.write(completion.SCRIPTS[arguments.shell])
    return Exit.OK


def _say(arguments: argparse.Namespace, words: str, document: Mapping[str, Any]) -> None:
    output.write_json(document) if arguments.json else print(output.printable(words))


def _login(arguments: argparse.Namespace) -> Exit:
    openid = None
    if arguments.key_stdin:
        key = sys.stdin.read(MAX_KEY).strip()
    elif not (key := os.environ.get("QWHISK_KEY", "").strip()):
        openid = _openid(arguments)
        if openid is None:
            key = getpass.getpass("Key: ").strip()
        else:
            sign_in = DeviceSignIn(openid.issuer, openid.client_id, openid.audience)
            tokens = sign_in.run(lambda code: output.show_code(code, arguments.url, sign_in.issuer))
            key, openid = tokens.key, replace(openid, refresh_token=tokens.refresh_token)
    if not key:
        raise ValueError("The key is empty. Type it, or give it with --key-stdin.")
    with Client(arguments.url, key=key) as client:
        session = client.open_session()
    credentials = store()
    with credentials.locked():
        credentials.put(arguments.url, Credentials(key, session, openid))
    _say(arguments, f"Signed in at {arguments.url}.", {"client_id": session.client_id})
    return Exit.OK


def _openid(arguments: argparse.Namespace) -> OpenID | None:
    """Return the provider to sign in at: that of the options, or the gateway's; None if it has none.

    Raises:
        ValueError: the gateway requires no sign-in, or only one of the two options is given.
    """
    if arguments.issuer or arguments.client_id:
        if not (arguments.issuer and arguments.client_id):
            raise ValueError("Give --issuer and --client-id together, or neither.")
        return OpenID(arguments.issuer, arguments.client_id, arguments.audience)
    try:
        with Client(arguments.url) as client:
            client.open_session()
    except AuthenticationError as error:
        known = error.openid
        if not known.get("issuer") or not known.get("client_id"):
            return None
        return OpenID(known["issuer"], known["client_id"], known.get("audience"))
    raise ValueError(f"{arguments.url} requires no sign-in.")


def _logout(arguments: argparse.Namespace) -> Exit:
    credentials = store()
    with credentials.locked():
        credentials.put(arguments.url, Credentials())
    _say(arguments, f"Signed out of {arguments.url}.", {})
    return Exit.OK


#: What carries out each command.
HANDLERS: dict[str, Callable[[argparse.Namespace], Exit]] = {
    "functions": _functions,
    "run": _run_function,
    "jobs": _jobs,
    "result": _result,
    "cancel": _cancel,
    "erase": _erase,
    "backends": _backends,
    "watch": _watch,
    "login": _login,
    "logout": _logout,
    "completion": _completion,
}
