"""What can be set about the service: from the command line, or from the environment."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import SettingsError
from core.origin import Allowed

HOSTS, ORIGINS = "SIMULATOR_HOSTS", "SIMULATOR_ORIGINS"


@dataclass(frozen=True)
class Limits:
    """Bounds of one job. What exceeds them is refused, or stopped, with the bound in the message."""

    #: Shots of one circuit execution.
    max_shots: int = 100_000
    #: Circuit executions (PUBs times their parameter sets) of one job.
    max_executions: int = 10_000
    #: Qubits that a state vector may have; Clifford circuits may have more.
    max_qubits: int = 27
    #: Seconds of computing one job may take before its worker is stopped.
    max_seconds: float = 60.0
    #: Memory the simulation of one job may take, in MB.
    max_memory_mb: int = 4096
    #: Bytes of a request, and of a circuit once decompressed.
    max_body_bytes: int = 32 * 1024 * 1024
    #: Seconds that a noisy simulation may take with the full noise model; above that it is approximated.
    full_noise_seconds: float = 1.0


@dataclass(frozen=True)
class QueueSettings:
    """How busy the devices are with other people's jobs."""

    #: Jobs of other people per second that would arrive at an empty queue. Arrivals are put off by a long
    #: queue, as people are: at length n the rate is this divided by n + 1. The length then settles around
    #: arrival rate times service time.
    arrivals_per_second: float = 5.0
    #: Mean seconds that another person's job takes.
    service_seconds: float = 1.0
    #: Jobs waiting when the service starts; None draws it from where the length settles.
    initial_length: int | None = None
    #: Seed of the arrivals and service times.
    seed: int | None = None
    #: Seconds of device time per second of real time.
    speed_up: float = 1.0


@dataclass(frozen=True)
class Settings:
    """All settings of the service."""

    api_key: str | None = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 8090
    #: Which names the service answers to; web pages have nothing to ask here.
    allowed: Allowed = field(default_factory=lambda: Allowed.read({}, "127.0.0.1", HOSTS, ORIGINS))
    devices: tuple[str, ...] = ("fake_fez",)
    workers: int = 2
    #: Threads Aer may use for a large job while there is no other.
    large_threads: int = 2
    #: Seconds a first look at a running simulator job is held open so that it finds the result.
    hold_seconds: float = 0.25
    #: Jobs that may wait for a worker before further ones get 429.
    max_waiting: int = 5_000
    #: Finished jobs kept, and the bytes that they may occupy.
    keep_jobs: int = 10_000
    keep_bytes: int = 512 * 1024 * 1024
    #: File that keeps jobs; None keeps them in memory only.
    database: Path | None = None
    #: Jobs that one user may submit per minute; 0 for any number.
    rate_limit: int = 0
    #: What goes wrong on purpose, as `faults.read` reads it.
    faults: dict[str, Any] = field(default_factory=dict)
    #: Whether faults can be changed while the service runs.
    admin: bool = False
    limits: Limits = Limits()
    queue: QueueSettings = QueueSettings()


def _devices(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if not name.startswith("fake_") or not name.isidentifier():
            raise argparse.ArgumentTypeError(f"{name!r} is not a fake_provider device name such as fake_fez")
    if len(set(names)) != len(names):
        raise argparse.ArgumentTypeError("a device is named twice")
    return names


def _named(kind: Callable[[str], object], variable: str) -> Callable[[str], object]:
    """The same, with errors that name the variable, which may be where the value is from."""

    def read(text: str) -> object:
        try:
            return kind(text)
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentTypeError(f"[{variable}] {error}") from error
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"[{variable}] {text!r} is not a number") from error

    return read


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def _not_negative(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not zero or a positive number")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def _count_or_zero(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return value


def _flag(text: str) -> bool:
    if text.lower() not in ("0", "1", "false", "true"):
        raise argparse.ArgumentTypeError(f"{text} is neither 1 nor 0")
    return text.lower() in ("1", "true")


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is not a JSON object")
    return value


def database_path(text: str | None, port: int, environ: Mapping[str, str]) -> Path | None:
    """Return the file that keeps jobs; None for none.

    By default each port has its own, so that services do not meet. A service on any free port would not be
    found again by its clients, hence keeps nothing unless told where.
    """
    if text == ":memory:" or (text is None and port == 0):
        return None
    if text is not None:
        return Path(text).expanduser().absolute()
    state = Path(environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser())
    return state / "qwhisk" / f"simulator-{port}.db"


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port (0 to 65535; 0 takes any free one)")
    return value


def parse(argv: Sequence[str], environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Args:
        argv: Command-line arguments, without the program's name.
        environ: Environment variables; a command-line argument wins over its variable.

    Returns:
        The settings.

    Raises:
        SystemExit: If an argument is wrong (status 2) or help was asked for (status 0).
    """
    cores = os.cpu_count() or 1
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="A service that speaks IBM Quantum's REST API, backed by Qiskit Aer: simulators, and "
        "devices with queues. Every setting can also be given as the environment variable shown.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )

    def option(flag: str, variable: str, kind: Callable[[str], object], default: object, text: str) -> None:
        # A string default goes through `type` too, so a bad variable is refused like a bad argument.
        parser.add_argument(
            flag,
            type=_named(kind, variable),
            default=environ.get(variable) or default,
            help=f"{text} [{variable}]",
        )

    limits, queue = Limits(), QueueSettings()
    option("--host", "SIMULATOR_HOST", str, "127.0.0.1", "address to listen on")
    option("--port", "SIMULATOR_PORT", _port, 8090, "port to listen on; 0 takes any free one")
    option(
        "--hosts",
        "SIMULATOR_HOSTS",
        str,
        "",
        "names beside localhost by which the service may be called, separated by commas; *: any; by default "
        "any where it listens on an address that is not a loopback one",
    )
    option(
        "--origins",
        "SIMULATOR_ORIGINS",
        str,
        "",
        "origins whose web pages may call the service, separated by commas; none by default",
    )
    option(
        "--devices",
        "SIMULATOR_DEVICES",
        _devices,
        ("fake_fez",),
        "devices, comma-separated names of fake_provider",
    )
    option(
        "--workers",
        "SIMULATOR_WORKERS",
        _count,
        cores + 1,
        "worker processes; all but one may run large jobs",
    )
    option(
        "--large-threads", "SIMULATOR_LARGE_THREADS", _count, cores, "threads for a large job that is alone"
    )
    option(
        "--hold-seconds",
        "SIMULATOR_HOLD_SECONDS",
        _not_negative,
        0.25,
        "how long a look at a young simulator job is held so that it finds the result; 0 answers at once",
    )
    option("--max-waiting", "SIMULATOR_MAX_WAITING", _count, 5_000, "jobs that may wait for a worker")
    option("--keep-jobs", "SIMULATOR_KEEP_JOBS", _count, 10_000, "finished jobs that are kept")
    option(
        "--keep-bytes", "SIMULATOR_KEEP_BYTES", _count, 512 * 1024 * 1024, "bytes that kept jobs may occupy"
    )
    option(
        "--database",
        "SIMULATOR_DATABASE",
        str,
        None,
        "SQLite file that keeps jobs, results and sessions across restarts; :memory: for none; by default "
        "~/.local/state/qwhisk/simulator-PORT.db, with --port 0 none",
    )
    option(
        "--rate-limit",
        "SIMULATOR_RATE_LIMIT",
        _count_or_zero,
        0,
        "jobs that one user may submit per minute, further ones get 429; 0 for any number",
    )
    option(
        "--faults",
        "SIMULATOR_FAULTS",
        _object,
        "{}",
        "what goes wrong on purpose, for tests: a JSON object, see the README",
    )
    option(
        "--admin",
        "SIMULATOR_ADMIN",
        _flag,
        "0",
        "1 lets clients on this machine read and change the faults at /admin/faults",
    )
    option("--max-shots", "SIMULATOR_MAX_SHOTS", _count, limits.max_shots, "shots per circuit execution")
    option(
        "--max-executions",
        "SIMULATOR_MAX_EXECUTIONS",
        _count,
        limits.max_executions,
        "circuit executions per job",
    )
    option(
        "--max-qubits",
        "SIMULATOR_MAX_QUBITS",
        _count,
        limits.max_qubits,
        "active qubits of a non-Clifford circuit",
    )
    option("--max-seconds", "SIMULATOR_MAX_SECONDS", _positive, limits.max_seconds, "computing time per job")
    option(
        "--max-memory-mb", "SIMULATOR_MAX_MEMORY_MB", _count, limits.max_memory_mb, "memory per simulation"
    )
    option("--max-body-bytes", "SIMULATOR_MAX_BODY_BYTES", _count, limits.max_body_bytes, "size of a request")
    option(
        "--full-noise-seconds",
        "SIMULATOR_FULL_NOISE_SECONDS",
        _not_negative,
        limits.full_noise_seconds,
        "computing time up to which the full noise model is used instead of its Pauli-twirled approximation",
    )
    option(
        "--queue-arrivals",
        "SIMULATOR_QUEUE_ARRIVALS",
        _not_negative,
        queue.arrivals_per_second,
        "other people's jobs per second arriving at an empty device; fewer at a busy one",
    )
    option(
        "--queue-service-seconds",
        "SIMULATOR_QUEUE_SERVICE_SECONDS",
        _positive,
        queue.service_seconds,
        "mean duration of other people's jobs",
    )
    option(
        "--queue-initial",
        "SIMULATOR_QUEUE_INITIAL",
        _count_or_zero,
        None,
        "jobs in each device's queue at the start",
    )
    option("--queue-seed", "SIMULATOR_QUEUE_SEED", int, None, "seed of the other people's jobs")
    option(
        "--queue-speed-up",
        "SIMULATOR_QUEUE_SPEED_UP",
        _positive,
        queue.speed_up,
        "device seconds per real second",
    )
    parser.add_argument(
        "--insecure-any-key",
        action="store_true",
        help="accept any API key, when SIMULATOR_API_KEY is not set",
    )
    parser.epilog = (
        "The API key that clients must have comes only from the environment, SIMULATOR_API_KEY, since other "
        "users of the machine can read command lines. There is no default."
    )
    args = parser.parse_args(argv)
    api_key = environ.get("SIMULATOR_API_KEY") or None
    if api_key is None and not args.insecure_any_key:
        parser.error("set SIMULATOR_API_KEY to the API key that clients will use, or give --insecure-any-key")
    if api_key is not None and args.insecure_any_key:
        parser.error("--insecure-any-key contradicts SIMULATOR_API_KEY, which is set")
    try:
        allowed = Allowed.read({HOSTS: args.hosts, ORIGINS: args.origins}, args.host, HOSTS, ORIGINS)
    except SettingsError as error:
        parser.error(error.message)
    return Settings(
        api_key=api_key,
        host=args.host,
        allowed=allowed,
        port=args.port,
        devices=args.devices,
        workers=args.workers,
        large_threads=args.large_threads,
        hold_seconds=args.hold_seconds,
        max_waiting=args.max_waiting,
        keep_jobs=args.keep_jobs,
        keep_bytes=args.keep_bytes,
        database=database_path(args.database, args.port, environ),
        rate_limit=args.rate_limit,
        faults=args.faults,
        admin=args.admin,
        limits=Limits(
            max_shots=args.max_shots,
            max_executions=args.max_executions,
            max_qubits=args.max_qubits,
            max_seconds=args.max_seconds,
            max_memory_mb=args.max_memory_mb,
            max_body_bytes=args.max_body_bytes,
            full_noise_seconds=args.full_noise_seconds,
        ),
        queue=QueueSettings(
            arrivals_per_second=args.queue_arrivals,
            service_seconds=args.queue_service_seconds,
            initial_length=args.queue_initial,
            seed=args.queue_seed,
            speed_up=args.queue_speed_up,
        ),
    )
