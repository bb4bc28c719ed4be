"""`python -m local`: the whole stack on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from local import demo
from local.deployment import load_documents, write_documents
from local.errors import LocalError
from local.settings import LocalSettings
from local.stack import deployed, parts
from local.supervisor import Supervisor

EXIT_FAILED = 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local",
        description="Run broker, OpenWhisk API, simulator, poller and gateway on this machine.",
        epilog="Ports: GATEWAY_PORT 8080, POLLER_PORT 8081, SIMULATOR_PORT 8090, OPENWHISK_PORT 3233, "
        "BROKER_PORT 9092. Config documents: LOCAL_COUCHDB_URL, or CONFIG_FOLDER, else .local/config. "
        "LOCAL_WHISK_APIHOST and LOCAL_WHISK_AUTH: an OpenWhisk that runs the actions instead of one of this "
        "stack's own; LOCAL_WHISK_AUTH alone: the key of the stack's own, instead of the one in "
        ".local/whisk.key; LOCAL_ADDRESS: the address at which its actions find broker and simulator "
        "(127.0.0.1).",
    )
    parser.add_argument("--demo", action="store_true", help="run the demo job once everything is up")
    parser.add_argument(
        "--once", action="store_true", help="end after the demo job; status 0 if it was right"
    )
    return parser.parse_args()


def main() -> int:
    """Run the stack; gives the exit code."""
    options = _options()
    stop = threading.Event()

    def ask_to_stop(*_: Any) -> None:
        stop.set()

    signal.signal(signal.SIGINT, ask_to_stop)
    signal.signal(signal.SIGTERM, ask_to_stop)
    supervisor = Supervisor(_say, stop)
    try:
        return _run(supervisor, options)
    except LocalError as error:
        if stop.is_set():
            return 0
        print(f"qwhisk: {error}", file=sys.stderr, flush=True)
        return EXIT_FAILED
    finally:
        supervisor.end()


def _run(supervisor: Supervisor, options: argparse.Namespace) -> int:
    began = time.monotonic()
    settings = LocalSettings.from_env(os.environ)
    settings.check_ports()
    settings.clear()
    if settings.couchdb:
        load_documents(settings.part_env())
    else:
        write_documents(settings.documents, settings.url("openwhisk"))
    _say("qwhisk on this machine:")
    if settings.whisk:
        _say(f"  {'openwhisk':<10} {settings.whisk}, {len(deployed(settings))} actions deployed")
    broker, *others, gateway = parts(settings)
    # Those between are started one after the other without waiting: their imports are most of the time. The
    # gateway comes last: poller and gateway both make the shared topics, and the local broker is not made for
    # two that make the same one at once.
    for group in ([broker], others, [gateway]):
        supervisor.start(group)
        for part in group:
            supervisor.wait(part)
    _say(f"  ready after {time.monotonic() - began:.1f} s; logs in {settings.folder / 'logs'}")
    if options.demo or options.once:
        event = demo.run(settings.url("gateway"))
        for line in demo.lines(event):
            _say(line)
        if options.once:
            return 0 if demo.is_right(event) else EXIT_FAILED
    if settings.own_key_file:
        _say(f"\n  For OpenWhisk's own tool: {wsk_line(settings.url('openwhisk'), settings.own_key_file)}")
    _say(f"\n  Open {settings.url('gateway')}/ in a browser. Ctrl-C ends everything.")
    supervisor.watch()
    _say("ending")
    return 0


def wsk_line(apihost: str, key: Path) -> str:
    """What to copy into a shell for `wsk`. The key itself is not shown: this output may be kept in a log."""
    return f'wsk property set --apihost {apihost} --auth "$(cat {shlex.quote(str(key.resolve()))})"'


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
