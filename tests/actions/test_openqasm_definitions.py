"""What the body of a gate may name from outside, in OpenQASM 2."""

from __future__ import annotations

import re

import pytest

from actions.run_openqasm.circuit import program
from core.errors import InputError

OUTSIDE = (
    'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[3]; creg c[3]; qreg r[1];\n'
    "gate other a { x a; } opaque dark a;\n"
)
STATEMENTS = """x q[0];
x q;
x r;
x c;
x $0;
x a[0];
cx a,q;
other q[0];
other missing;
barrier q;
barrier q[0];
barrier c;
measure a -> c[0];
measure q -> c;
reset a;
reset q[0];
if(c==1) x a;
rx(c) a;
rx(q) a;
rx(missing) a;
rx(a) a;
qreg s[1];
creg s[1];
gate inner b { x b; }
opaque inner b;
include "qelib1.inc";
OPENQASM 2.0;
g a;
later a;
end;""".splitlines()


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("gate", ["gate g a { BODY }", "gate g(t) a { rx(t) a; BODY } g(1) q[2];"])
def test_a_gate_uses_nothing_from_outside(statement: str, gate: str) -> None:
    with pytest.raises(InputError) as caught:
        program(OUTSIDE + gate.replace("BODY", statement) + " gate later a { x a; } x q[0];")
    place = re.match(r"program: line 5, column (\d+): ", caught.value.message)
    assert place, caught.value.message
    start = gate.index("BODY") + 1
    assert start <= int(place[1]) <= start + len(statement), caught.value.message
