"""`python -m tools.doctor`: run all checks, print a line for each, and what to do if it failed.

Every check uses the part's own credentials. If `KAFKA_BOOTSTRAP_SERVERS` is set, as in the container of a
part (`kubectl exec`, `docker exec`), those are the environment's. Else the stack of `make up` on this machine
is checked. Nothing is changed, but for one small object in the store of large results.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import sys
from collections.abc import Sequence
from functools import partial

from core.errors import QwhiskError
from core.settings import Setting, Source
from core.settings.kafka import BOOTSTRAP_SERVERS
from core.settings.ports import GATEWAY_PORT, POLLER_PORT
from tools.doctor.check import Check, run_all
from tools.doctor.checks import checks
from tools.doctor.job import FUNCTION, JOB_TIMEOUT, Gateway, alive, submit

EXIT_FAILED = 1
#: Seconds for all checks together.
TIMEOUT = 40.0
#: The API key or token for a gateway with sign-in.
API_KEY = "QWHISK_API_KEY"

PARTS = ("gateway", "poller")


def environments(env: Source, wanted: Sequence[str]) -> dict[str, Source]:
    """Return the environment of each part that is installed here.

    Args:
        env: this process's environment.
        wanted: the parts.

    Raises:
        QwhiskError: the settings of the local stack are wrong.
    """
    parts = [part for part in wanted if importlib.util.find_spec(part) is not None]
    # The image of a part has no local stack. There the check of Kafka says that the variable is missing.
    if BOOTSTRAP_SERVERS.is_set(env) or importlib.util.find_spec("local") is None:
        return dict.fromkeys(parts, env)
    from local.environments import environment
    from local.settings import LocalSettings

    settings = LocalSettings.from_env(env)
    return {part: environment(settings, part) for part in parts}


def main(arguments: Sequence[str], env: Source) -> int:
    """Run all checks, print their lines, and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        given = environments(env, options.part or PARTS)
    except QwhiskError as error:
        print(error.message, file=sys.stderr)
        return EXIT_FAILED
    if not given:
        print(f"This environment has no {' or '.join(options.part or PARTS)} to check.", file=sys.stderr)
        return EXIT_FAILED
    here = {"gateway": GATEWAY_PORT, "poller": POLLER_PORT}
    local = {part: _address(port, given.get(part, env)) for part, port in here.items()}
    gateway = Gateway(options.gateway or local["gateway"], env.get(API_KEY, ""))
    made = [check for part, variables in given.items() for check in checks(part, variables)]
    # With a gateway elsewhere, the pollers are there too.
    poller = options.poller or ("" if options.gateway else local["poller"])
    if "poller" in given and poller:
        fix = "Start it, and read its log; or give its address with --poller."
        made.append(Check("poller", "answers", fix, partial(alive, poller)))
    answers = Check("gateway", "answers", "Start it, or give its address with --gateway.", gateway.ready)
    if "gateway" in given or options.submit:
        made.append(answers)
    show = partial(print, flush=True)
    run_all(made, TIMEOUT, show)
    if options.submit and not answers.failed:
        job = Check(
            "gateway",
            "a job",
            "Look for the job in the logs of gateway and poller, and for its activation in OpenWhisk.",
            lambda: submit(gateway, options.backend_type, given.get("poller")),
        )
        run_all([job], JOB_TIMEOUT + TIMEOUT, show)
        made.append(job)
    failed = sum(check.failed for check in made)
    print(f"{failed} of {len(made)} checks failed" if failed else f"all {len(made)} checks passed")
    return EXIT_FAILED if failed else 0


def _address(row: Setting[int], env: Source) -> str:
    return f"http://127.0.0.1:{row.text(env) or row.default}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.doctor",
        description="Checks what gateway and poller depend on, with the variables that they have: Kafka, "
        "config documents, OpenWhisk, the store of large results, quantum accounts. If "
        f"{BOOTSTRAP_SERVERS.name} is not set, it checks the stack of `make up` on this machine.",
    )
    parser.add_argument(
        "--part", action="append", choices=PARTS, help="check only this part; may be repeated"
    )
    parser.add_argument("--gateway", default="", metavar="URL", help="address of the gateway")
    parser.add_argument(
        "--poller",
        default="",
        metavar="URL",
        help="address of a poller, to check whether it works (default: one on this machine, unless --gateway "
        "is given)",
    )
    parser.add_argument(
        "--submit",
        action="store_true",
        help=f"run {FUNCTION} with one shot, and show its cost; {API_KEY} has the key for the sign-in",
    )
    parser.add_argument(
        "--backend-type",
        default="simulator",
        choices=("simulator", "noisy_simulator", "hardware"),
        help="where that job runs (default: simulator)",
    )
    return parser


if __name__ == "__main__":
    # The lines say what the log would.
    logging.disable(logging.CRITICAL)
    code = main(sys.argv[1:], os.environ)
    sys.stdout.flush()
    # Python would wait for the threads of libraries.
    os._exit(code)
