"""`python -m local`: the whole stack on this machine, until Ctrl-C."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from core.errors import QwhiskError
from core.local_folder import SIMULATOR_KEY
from core.settings import Source, command_line
from local import demo
from local.deployment import load_documents, write_documents
from local.environments import documents_environment
from local.part import say
from local.settings import DEMO, ONCE, TABLE, LocalSettings
from local.simulator import account_lines
from local.stack import deploy_manifest, parts
from local.supervisor import Supervisor

EXIT_FAILED = 1


def main() -> int:
    """Run the stack and return the exit code."""
    source = command_line.parse(TABLE, sys.argv[1:], os.environ, dict)
    stop = threading.Event()

    def ask_to_stop(*_: Any) -> None:
        stop.set()

    signal.signal(signal.SIGINT, ask_to_stop)
    signal.signal(signal.SIGTERM, ask_to_stop)
    supervisor = Supervisor(_say, stop)
    try:
        return _run(supervisor, source)
    except QwhiskError as error:
        if stop.is_set():
            return 0
        say(f"qwhisk: {error.message}", sys.stderr)
        return EXIT_FAILED
    finally:
        supervisor.end()


def _run(supervisor: Supervisor, source: Source) -> int:
    began = time.monotonic()
    settings = LocalSettings.from_env(source)
    settings.check_ports()
    settings.clear()
    if settings.couchdb:
        load_documents(documents_environment(settings))
    else:
        write_documents(settings.documents, settings.url("openwhisk"))
    _say("qwhisk on this machine:")
    if settings.whisk:
        _say(f"  {'openwhisk':<10} {settings.whisk}, {len(deploy_manifest(settings))} actions deployed")
    broker, *others, gateway = parts(settings)
    # The parts in between start at the same time, since most of their time goes into imports. The gateway
    # starts last: poller and gateway both create the shared topics, and the local broker fails if two clients
    # create the same topic at the same time.
    for group in ([broker], others, [gateway]):
        supervisor.start(group)
        for part in group:
            supervisor.wait(part)
    _say(f"  ready after {time.monotonic() - began:.1f} s; logs in {settings.folder / 'logs'}")
    once = ONCE.read(source)
    if once or DEMO.read(source):
        event = demo.run(settings.url("gateway"))
        for line in demo.lines(event):
            _say(line)
        if once:
            return 0 if demo.is_right(event) else EXIT_FAILED
    if settings.key_file:
        _say(
            f"\n  For OpenWhisk's command-line tool: {wsk_line(settings.url('openwhisk'), settings.key_file)}"
        )
    for line in account_lines(settings.url("simulator"), SIMULATOR_KEY.path(settings.folder)):
        _say(f"  {line}")
    _say(f"\n  Open {settings.url('gateway')}/ in a browser. Ctrl-C ends everything.")
    supervisor.watch()
    _say("ending")
    return 0


def wsk_line(apihost: str, key: Path) -> str:
    """Return a shell line that configures `wsk`. It has no key, since a log may keep this output."""
    return f'wsk property set --apihost {apihost} --auth "$(cat {shlex.quote(str(key.resolve()))})"'


def _say(line: str) -> None:
    say(line, sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
