"""A program end to end: a bit is teleported, with feed-forward, in OpenQASM 3."""

from __future__ import annotations

from typing import Any

PROGRAM = """OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
bit[2] sent;
bit received;
x q[0];               // the message
h q[1];
cx q[1], q[2];
cx q[0], q[1];
h q[0];
sent[0] = measure q[0];
sent[1] = measure q[1];
if (sent[1]) { x q[2]; }
if (sent[0]) { z q[2]; }
received = measure q[2];
"""
VALUES: dict[str, Any] = {"program": PROGRAM}


def check(answer: dict[str, Any], noisy: bool) -> None:
    sent, received = answer["registers"]
    assert (sent["name"], sent["bits"], received["name"], received["bits"]) == ("sent", 2, "received", 1)
    assert answer["shots"] == 1024
    assert not answer["measured_all"]
    top = received["outcomes"][0]
    if noisy:
        assert (top["bitstring"] == "1" and top["probability"] > 0.7) or answer["note"]
        return
    assert (top["bitstring"], top["count"]) == ("1", 1024)
    # Each of the four is expected 256 times, with a standard deviation of 14.
    assert sum(outcome["count"] for outcome in sent["outcomes"]) == 1024
    assert all(abs(outcome["count"] - 256) < 100 for outcome in sent["outcomes"])
