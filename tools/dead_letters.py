"""`python -m tools.dead_letters list|show|replay|drop`: the messages that no poller could read (`jobs.dead`).

Nothing that it prints is secret: neither a client's topic, nor what a caller or an algorithm put into an
event.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime

from core.errors import EventError, QwhiskError, SettingsError
from core.kafka.admin import Topics
from core.kafka.client import redact_topics, require_broker
from core.kafka.dead_letters import MAX_LETTERS, DeadLetter, DeadLetters, DeadLetterWriter
from core.kafka.topics import DEAD
from core.protocol import JobEvent, decode
from core.settings import KafkaSettings, Source

EXIT_FAILED, EXIT_SETTINGS = 1, 2
#: Seconds to find the broker.
CONNECT_TIMEOUT = 15.0
#: Letters that `list` prints by default.
LISTED = 50
#: Characters of a key, of a value of a field, and of a reason in the list. The rest is cut.
SHOWN, LISTED_REASON = 128, 160
#: Fields of an event that are shown; the others may be secret, or are the caller's.
SHOWN_FIELDS = frozenset(JobEvent.model_fields) - {"topic", "params", "state", "callback_url"}
#: Fields of a letter that are listed.
MAX_FIELDS = 50


def main(arguments: Sequence[str], env: Source) -> int:
    """Run one command and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        settings = KafkaSettings.from_env(env)
    except SettingsError as error:
        print(error.message, file=sys.stderr)
        return EXIT_SETTINGS
    try:
        require_broker(settings)
        if not Topics(settings).exists(DEAD, CONNECT_TIMEOUT):
            print(f"There is no topic {DEAD} yet: a poller creates it when it starts.")
            return 0
        if options.command == "list":
            return _list(settings, options.all, options.limit)
        if options.command == "show":
            return _show(settings, options.letter)
        return _settle(settings, options.command, options.letters, options.yes)
    except QwhiskError as error:
        print(error.message, file=sys.stderr)
        return EXIT_FAILED


def _list(settings: KafkaSettings, everything: bool, limit: int) -> int:
    with closing(DeadLetters(settings)) as reader:
        letters = reader.read()
    chosen = [letter for letter in letters if everything or letter.outcome is None]
    for letter in chosen[-limit:]:
        print(_line(letter))
    waiting = sum(letter.outcome is None for letter in letters)
    settled = len(letters) - waiting
    shown = f"{_count(waiting)} waiting, {_count(settled)} replayed or dropped"
    print(f"{shown}{_more(len(chosen) - limit)}")
    return 0


def _count(letters: int) -> str:
    return f"{letters}{' or more' if letters >= MAX_LETTERS else ''}"


def _more(count: int) -> str:
    return f"; {count} older ones are not shown, see --limit" if count > 0 else ""


def _show(settings: KafkaSettings, number: int) -> int:
    with closing(DeadLetters(settings)) as reader:
        letter = reader.with_outcome(reader.get(number))
    facts = {
        "letter": str(letter.offset),
        "since": _time(letter.published),
        "state": _state(letter),
        "topic": _plain(letter.topic),
        "key": _plain(letter.key.decode(errors="replace")),
        "bytes": str(letter.size),
        "reason": _plain(letter.reason, 2 * SHOWN),
        "replay": _obstacle(letter) or "possible",
    }
    for name, text in facts.items():
        print(f"{name:8}{text}")
    for line in _content(letter.value):
        print(f"  {line}")
    return 0


def _settle(settings: KafkaSettings, command: str, wanted: list[str], confirmed: bool) -> int:
    """Replay or drop letters. Without a confirmation, print what would be done."""
    # Before the letters are read: from now on no other process settles one.
    writer = DeadLetterWriter(settings) if confirmed else None
    failed = False
    with closing(DeadLetters(settings)) as reader:
        named = [int(number) for number in wanted if number != "all"]
        letters = {letter.offset: letter for letter in reader.read(frozenset(named))}
        numbers = _numbers(wanted, letters.values())
        for number in numbers:
            known = letters.get(number)
            if known is not None and known.outcome is not None:
                print(f"{number}: {_state(known)}; nothing to do")
                continue
            letter = reader.get(number)
            obstacle = _obstacle(letter) if command == "replay" else ""
            if obstacle:
                failed = True
                print(f"{number}: not replayed: {obstacle}", file=sys.stderr)
                continue
            if writer is not None:
                act: Callable[[DeadLetter], None] = writer.replay if command == "replay" else writer.drop
                act(letter)
            print(f"{number}: {_deed(command, letter.topic, confirmed)}")
    if "all" in wanted and len(numbers) >= MAX_LETTERS:
        print("There may be older ones: repeat the command.")
    if not confirmed:
        print("Nothing was changed. Add --yes to do it.")
    return EXIT_FAILED if failed else 0


def _deed(command: str, topic: str, confirmed: bool) -> str:
    done, what = ("" if confirmed else "would be "), "replayed" if command == "replay" else "dropped"
    return f"{done}{what}{' to ' + _plain(topic) if command == 'replay' else ''}"


def _numbers(wanted: list[str], letters: Iterable[DeadLetter]) -> list[int]:
    """Return the letters to settle, each once."""
    if "all" in wanted:
        return [letter.offset for letter in letters if letter.outcome is None]
    return list(dict.fromkeys(int(number) for number in wanted))


def _obstacle(letter: DeadLetter) -> str:
    """Return why a letter cannot be replayed; empty if it can be."""
    try:
        decode(JobEvent, letter.value)
    except EventError as error:
        return f"this version cannot read it either: {_plain(error.message, 2 * SHOWN)}"
    return "" if letter.replayable else "it does not name the topic of jobs that it was in"


def _line(letter: DeadLetter) -> str:
    """Return a letter's line in the list."""
    key = _plain(letter.key.decode(errors="replace"), 40)
    place = f"{letter.offset:>7}  {_time(letter.published)}  {_plain(letter.topic, 20):<14}  {key:<24}"
    return f"{place}  {letter.size:>7} B  {_state(letter)}  {_plain(letter.reason, LISTED_REASON)}"


def _state(letter: DeadLetter) -> str:
    return f"{letter.outcome} {_time(letter.settled)}" if letter.outcome else "waiting"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "at an unknown time"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _plain(text: str, size: int = SHOWN) -> str:
    """Return a text for a terminal: without control characters, topics of clients, and what is too long."""
    shown = redact_topics(text)
    cut = shown if len(shown) <= size else shown[:size] + "..."
    return "".join(letter if letter.isprintable() else "?" for letter in cut) or "-"


def _content(value: bytes) -> list[str]:
    """Return a line for each field of a letter's content, without what may be secret."""
    try:
        content = json.loads(value)
    except (ValueError, RecursionError):
        return [f"not JSON: {len(value)} bytes"]
    if not isinstance(content, dict):
        return [f"JSON, but no object: {type(content).__name__}"]
    lines = [f"{_plain(name)}: {_field(name, item)}" for name, item in list(content.items())[:MAX_FIELDS]]
    return lines + ([f"and {len(content) - MAX_FIELDS} more fields"] if len(content) > MAX_FIELDS else [])


def _field(name: str, item: object) -> str:
    if name in SHOWN_FIELDS and (item is None or isinstance(item, str | bool | int | float)):
        return _plain(str(item))
    try:
        size = f"{len(json.dumps(item))} characters"
    except RecursionError:  # the parser permits a few more levels
        size = "deeply nested"
    return f"({type(item).__name__}, {size}; not shown)"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.dead_letters",
        description=f"The messages that no poller could read, in the topic {DEAD}. The broker is that of the "
        "variables KAFKA_*, as for a poller. A letter's number is its offset.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    shown = commands.add_parser("list", help="list the letters that wait, oldest first")
    shown.add_argument("--all", action="store_true", help="those that were replayed or dropped as well")
    shown.add_argument(
        "--limit", type=_limit, default=LISTED, metavar="N", help=f"the newest N (default: {LISTED})"
    )
    one = commands.add_parser("show", help="show one letter, without what may be secret")
    one.add_argument("letter", type=_number, metavar="NUMBER")
    for name, text in (
        ("replay", "publish letters to the topic that they were in; each only once"),
        ("drop", "mark letters as done without replaying them"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("letters", type=_number_or_all, nargs="+", metavar="NUMBER|all")
        command.add_argument(
            "--yes", action="store_true", help="do it; without, it only says what it would do"
        )
    return parser


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise argparse.ArgumentTypeError(f"{text[:SHOWN]!r} is not the number of a letter")
    return int(text)


def _number_or_all(text: str) -> str:
    return text if text == "all" else str(_number(text))


def _limit(text: str) -> int:
    number = _number(text)
    if not 1 <= number <= MAX_LETTERS:
        raise argparse.ArgumentTypeError(f"must be from 1 to {MAX_LETTERS}")
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
