"""The addresses that processes listen on, read from /proc."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path


def listening_at(pids: Iterable[int]) -> set[tuple[str, int]]:
    """Return the addresses and ports that these processes listen on, from /proc."""
    inodes = set()
    for pid in pids:
        for path in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                target = str(path.readlink())
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    addresses = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] != "0A" or fields[9] not in inodes:
                continue
            raw, port = fields[1].split(":")
            words = [bytes.fromhex(raw[i : i + 8])[::-1] for i in range(0, len(raw), 8)]
            addresses.add((socket.inet_ntop(family, b"".join(words)), int(port, 16)))
    return addresses
