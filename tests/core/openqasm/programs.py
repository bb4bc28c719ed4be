"""Programs in OpenQASM 3 that use what the language has, and do something on each branch."""

HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'
Q3 = HEAD + "qubit[3] q;\nbit[3] c;\n"

#: By what they show.
PROGRAMS: dict[str, str] = {
    "bit-equals-one": Q3 + "h q[0]; c[0] = measure q[0]; if (c[0] == 1) { x q[1]; } c[1] = measure q[1];",
    "not": Q3 + "h q[0]; c[0] = measure q[0]; if (!c[0]) { x q[1]; } c[1] = measure q[1];",
    "tilde": Q3 + "h q[0]; c[0] = measure q[0]; if (~c[0]) { x q[1]; } c[1] = measure q[1];",
    "and": Q3 + "h q; c = measure q; if (c[0] && !c[1]) x q[2]; c[2] = measure q[2];",
    "or": Q3 + "h q; c = measure q; if (c[0] || c[1]) x q[2]; c[2] = measure q[2];",
    "xor": Q3 + "h q; c = measure q; bit d; if (c[0] ^ c[1]) { x q[2]; } d = measure q[2];",
    "register-compared": Q3 + "h q; c = measure q; bit d; qubit r; if (c >= 5) x r; d = measure r;",
    "register-less": Q3 + "h q; c = measure q; bit d; qubit r; if (c < 3) x r; d = measure r;",
    "register-bits": Q3 + 'h q; c = measure q; bit d; qubit r; if (c == "011") x r; d = measure r;',
    "register-unequal": Q3 + "h q; c = measure q; bit d; qubit r; if (c != 6) x r; d = measure r;",
    "part-of-a-register": Q3 + "h q; c = measure q; bit d; qubit r; if (c[1:2] == 2) x r; d = measure r;",
    "bitwise": Q3 + "h q; c = measure q; bit d; qubit r; if ((c & 5) == 4) x r; d = measure r;",
    "shift": Q3 + "h q; c = measure q; bit d; qubit r; if ((c >> 1) == 2) x r; d = measure r;",
    "else-if": Q3 + "h q[0]; h q[1]; c = measure q; if (c == 0) { x q[2]; } else if (c == 1) { } "
    "else if (c == 2) { x q[2]; x q[0]; } else { x q[0]; } c = measure q;",
    "loop-variable-as-index": Q3 + "for uint i in [0:2] { x q[i]; if (i == 1) h q[i]; } c = measure q;",
    "loop-variable-in-angle": Q3 + "for int i in [1:3] { rx(i * pi / 7) q[i - 1]; } c = measure q;",
    "loop-without-type": Q3 + "for int _ in [0:4] { x q[0]; } c = measure q;",
    "range-with-step": Q3 + "for int i in [2:-2:0] { x q[i]; } c = measure q;",
    "set": Q3 + "for int i in {0, 2} { x q[i]; } c = measure q;",
    "floats-in-a-loop": Q3 + "for float f in {0.5, 0.25} { rx(f * pi) q[0]; } c = measure q;",
    "loop-over-bits": Q3
    + "h q[0]; c = measure q; int n = 0; for bit b in c { if (b) x q[2]; } c[1] = measure q[2];",
    "while-of-numbers": Q3 + "int i = 0; while (i < 3) { x q[i]; i += 2; } c = measure q;",
    "switch": Q3 + "h q[0]; h q[1]; c = measure q; switch (c) { case 0 { x q[2]; } case 1, 2 { x q[0]; } "
    "default { x q[1]; } } c = measure q;",
    "switch-without-default": Q3 + "h q[0]; c = measure q; switch (c) { case 1 { x q[2]; } } c = measure q;",
    "switch-of-a-number": Q3
    + "int n = 2; switch (n) { case 1 { x q[0]; } case 2 { x q[1]; } } c = measure q;",
    "constants": Q3 + "const int n = 2; const float t = pi / 2 ** n; rx(t) q[n]; rx(t) q[0]; c = measure q;",
    "numbers": Q3 + "int[8] a = 7; uint[4] b = 3; a = a * b - 20; b += 14; rx(a * pi / 3) q[0]; "
    "if (b == 1) x q[1]; c = measure q;",
    "numbers-in-other-bases": Q3
    + "rx(1) q[0x2]; int n = 2 + 0b11; rx(n * 0x1) q[1]; for int i in [0x0:0o2] { rx(3 * i) q[i]; } "
    "if (n == 0x5) ry((2)) q[((0))]; ctrl(0x1) @ rx(2) q[0], q[1]; c = measure q;",
    "division": Q3 + "int a = 7; int b = a / 2; if (b == 3) x q[0]; a = -7; b = a / 2; if (b == -3) x q[1]; "
    "b = a % 3; if (b == -1) x q[2]; c = measure q;",
    "overflow": Q3 + "int[4] a = 7; a += 1; if (a == -8) x q[0]; uint[4] b = 0; b -= 1; if (b == 15) x q[1]; "
    "c = measure q;",
    "power-of-numbers": Q3
    + "const int n = 2 ** 3 ** 1; if (n == 8) x q[0]; rx(pi * 2.0 ** -1) q[1]; c = measure q;",
    "bool": Q3
    + "bool b = true; bool d = b && false; if (b) x q[0]; if (d) x q[1]; if (!d) x q[2]; c = measure q;",
    "bits-with-a-value": Q3 + 'bit[3] d = "011"; if (d[0]) x q[0]; if (d == 3) x q[1]; c = measure q;',
    "bits-assigned": Q3 + "h q[0]; c[0] = measure q[0]; bit[2] d; d[1] = c[0]; d[0] = !c[0]; c = measure q;",
    "bits-rotated-in-place": Q3 + "h q; c = measure q; c = c << 1; c[0] = c[2];",
    "bits-inverted": Q3 + 'h q; c = measure q; c = ~c; bit[3] d = c ^ "101";',
    "swap-of-bits": Q3 + "h q; c = measure q; bit d = c[0]; c[0] = c[1]; c[1] = d;",
    "subroutine": Q3
    + "def flip(qubit r, int n) { for int i in [1:n] { x r; } } flip(q[0], 3); flip(q[1], 2); "
    "c = measure q;",
    "subroutine-of-a-register": Q3
    + "def all(qubit[2] r, angle t) { rx(t) r; } all(q[1:2], pi / 3); c = measure q;",
    "subroutine-that-measures": Q3 + "def m(qubit r) -> bit { h r; bit b; b = measure r; return b; } "
    "c[0] = m(q[0]); if (m(q[1])) x q[2]; c[2] = measure q[2];",
    "subroutine-measured-return": Q3 + "def m(qubit r) -> bit { return measure r; } h q[0]; c[0] = m(q[0]);",
    "subroutine-of-numbers": Q3 + "def f(int a, int b) -> int { return a * b; } rx(f(2, 3) * pi / 9) q[0]; "
    "c = measure q;",
    "subroutine-early-return": Q3
    + "def m(qubit r, qubit s) -> bit { bit b; b = measure r; if (b) { return true; } "
    "x s; return false; } h q[0]; c[0] = m(q[0], q[1]); c[1] = measure q[1];",
    "subroutine-twice": Q3 + "def m(qubit r) -> bit { h r; return measure r; } c[0] = m(q[0]); "
    "if (m(q[0]) ^ m(q[1])) x q[2]; c[2] = measure q[2];",
    "recursion": Q3
    + "def f(int n) -> int { if (n < 2) { return 1; } return n * f(n - 1); } rx(f(3) * pi / 7) q[0]; "
    "c = measure q;",
    "alias": Q3
    + "let a = q[1:2]; x a[0]; let b = q[0:0] ++ a; h b[2]; let d = q[{2, 0}]; x d[1]; c = measure q;",
    "alias-of-bits": Q3
    + "let a = c[1:2]; h q[0]; a[0] = measure q[0]; if (a == 1) x q[2]; c[2] = measure q[2];",
    "end": Q3 + "x q[0]; c = measure q; end; x q[1]; c = measure q;",
    "end-in-a-branch": Q3 + "h q[0]; c[0] = measure q[0]; if (c[0]) { end; } x q[1]; c[1] = measure q[1];",
    "break": Q3 + "for int i in [0:2] { h q[i]; c[i] = measure q[i]; if (c[i]) break; }",
    "continue": Q3 + "for int i in [0:2] { h q[0]; c[i] = measure q[0]; if (c[i]) continue; x q[2]; } "
    "bit d; d = measure q[2];",
    "break-in-a-while": Q3
    + "int i = 0; while (i < 3) { h q[i]; c[i] = measure q[i]; if (c[i]) { break; } i += 1; }".replace(
        "q[i]", "q[0]"
    ).replace("c[i]", "c[0]"),
    "call-in-a-while": Q3
    + "def m(qubit r) -> bit { x r; return measure r; } while (m(q[0])) { x q[1]; } c = measure q;",
    "call-in-a-while-that-is-left": Q3
    + "def m(qubit r) -> bit { x r; return measure r; } h q[1]; c[1] = measure q[1]; "
    "while (!m(q[0]) || c[1]) { x q[2]; if (c[1]) break; } c = measure q;",
    "call-of-numbers-in-a-while": Q3
    + "def less(int n) -> bool { return n < 2; } int n = 0; h q[0]; c[0] = measure q[0]; "
    "while (less(n)) { x q[1]; n += 1; if (c[0]) break; x q[2]; } c = measure q;",
    "nested-loops": Q3 + "for int i in [0:1] { for int j in [0:1] { h q[i]; c[i] = measure q[i]; "
    "if (c[i]) { break; } x q[2]; } } bit d; d = measure q[2];",
    "statements-after-a-branch-that-leaves": Q3 + "for int i in [0:1] { h q[0]; c[0] = measure q[0]; "
    "if (c[0]) { x q[1]; break; } else { x q[2]; } x q[1]; } bit[2] d = measure q[1:2];",
    "counter": Q3
    + "uint[2] n = 0; for int i in [0:2] { h q[i]; c[i] = measure q[i]; if (c[i]) { n += 1; } } "
    "qubit r; bit d; if (n == 2) x r; d = measure r;",
    "sum": Q3 + "h q; c = measure q; int[4] n = 0; for int i in [0:2] { n = n + c[i]; } n = n - 2; "
    "qubit r; bit d; if (n < 0) x r; d = measure r;",
    "product": Q3
    + "h q; c = measure q; uint[6] n = uint[6](c) * 3; qubit r; bit d; if (n > 10) x r; d = measure r;",
    "popcount": Q3 + "h q; c = measure q; qubit r; bit d; if (popcount(c) == 2) x r; d = measure r;",
    "bool-of-a-measurement": Q3 + "h q[0]; c = measure q; bool b = false; if (c[0]) b = true; if (b) x q[1]; "
    "c[1] = measure q[1];",
    "number-changed-on-both-sides": Q3
    + "h q[0]; c = measure q; int[4] n = 3; if (c[0]) { n = 1; } else { n += 4; } "
    "if (n == 7) x q[1]; c[1] = measure q[1];",
    "assigned-after-its-test": Q3 + "h q[0]; c[0] = measure q[0]; bit d = c[0]; c[0] = 0; if (d) x q[1]; "
    "c[1] = measure q[1];",
    "assigned-after-its-measurement": Q3 + "h q[0]; c[0] = measure q[0]; c[0] = 1; c[1] = measure q[0];",
    "gphase": Q3 + "h q[0]; ctrl @ gphase(pi / 2) q[0]; h q[0]; gphase(1); c = measure q;",
    "gphase-in-a-gate": Q3
    + "gate g a { gphase(pi / 3); x a; } h q[0]; ctrl @ g q[0], q[1]; h q[0]; c = measure q;",
    "negative-control": Q3
    + "h q[0]; negctrl @ x q[0], q[1]; ctrl @ negctrl @ x q[0], q[1], q[2]; c = measure q;",
    "controls-in-their-order": Q3 + "qubit r; bit d; x q[0]; negctrl @ ctrl(2) @ x r, q[0], q[1], q[2]; "
    "ctrl @ negctrl @ ctrl @ x q[0], q[1], q[2], r; x q[2]; ctrl @ negctrl @ ctrl @ x q[0], q[1], q[2], r; "
    "c = measure q; d = measure r;",
    "inverse": Q3 + "rx(1) q[0]; inv @ rx(0.3) q[0]; gate g(t) a, b { rx(t) a; cx a, b; } g(0.4) q[0], q[1]; "
    "inv @ g(0.2) q[0], q[1]; c = measure q;",
    "power": Q3 + "pow(0.5) @ x q[0]; pow(3) @ t q[0]; pow(-2) @ s q[0]; pow(0.5) @ x q[0]; "
    "h q[1]; pow(1.5) @ cz q[0], q[1]; h q[1]; c = measure q;",
    "power-of-a-wide-gate": Q3 + "qubit r; gate g a, b, d, e { cx a, b; rx(0.4) d; cx d, e; h a; } "
    "pow(3) @ g q[0], q[1], q[2], r; pow(-1) @ g q[2], q[1], q[0], r; c = measure q;",
    "power-of-a-large-angle": Q3 + "h q; pow(0.5) @ p(3 * pi) q[0]; pow(0.5) @ rx(3 * pi) q[1]; "
    "ctrl @ pow(-1.5) @ rz(-7) q[2], q[0]; h q[0]; h q[2]; c = measure q;",
    "inverse-of-a-controlled-gate": Q3 + "h q; inv @ ctrl @ cu(1, 2, 0.3, 0.7) q[0], q[1], q[2]; "
    "inv @ negctrl @ crz(1) q[1], q[2], q[0]; h q; c = measure q;",
    "modifiers-of-own-gates": Q3 + "gate g(t) a { rx(t) a; rz(t / 2) a; } h q[0]; "
    "ctrl @ inv @ pow(2) @ g(0.4) q[0], q[1]; negctrl @ g(1) q[1], q[2]; c = measure q;",
    "box-and-delay": Q3
    + "box { x q[0]; delay[100ns] q[0]; } duration d = 2 * 10us; delay[d] q[1]; c = measure q;",
    "broadcast": Q3 + "qubit[3] r; h q; cx q, r; x r[0]; cx r[0], q; c = measure r;",
    "gates-with-own-loops": Q3
    + "gate g(t) a { for int i in [1:3] { rx(t * i) a; } } g(0.3) q[0]; c = measure q;",
    "register-called-like-a-gate": HEAD + "qubit[2] x; bit[2] h; x x[0]; h x[1]; h = measure x;",
    "variable-called-like-a-function": Q3 + "float sin = 0.5; rx(sin(sin) * pi) q[0]; c = measure q;",
    "parameter-that-shadows-pi": Q3 + "gate g(pi) tau { rx(pi) tau; } g(1.1) q[0]; c = measure q;",
    "shadowing-in-blocks": Q3
    + "int n = 1; if (true) { int n = 2; x q[n]; } x q[n]; for int n in {0} { x q[n]; } "
    "x q[n]; c = measure q;",
    "nested-definitions": Q3 + "gate a(t) q { rx(t) q; } gate b(t, u) q, r { a(u) q; a(t) r; cx q, r; } "
    "gate d q, r { b(1, 2) r, q; inv @ b(0.5, 0.2) q, r; } d q[2], q[0]; c = measure q;",
    "reset": Q3 + "h q[0]; cx q[0], q[1]; reset q[0]; c = measure q;",
    "measured-twice": Q3 + "h q[0]; c[0] = measure q[0]; c[1] = measure q[0]; h q[0]; c[2] = measure q[0];",
    "old-style": HEAD
    + "qreg q[2]; creg c[2]; h q[0]; measure q[0] -> c[0]; if (c == 1) x q[1]; measure q -> c;",
    "negative-index": Q3 + "x q[-1]; h q[-3]; c[-2] = measure q[-1]; c[0] = measure q[0];",
    "casts": Q3 + "int n = int[8](3.7); x q[n - 3]; if (bool(n)) x q[1]; float f = float(n) / 2; rx(f) q[2]; "
    "c = measure q;",
}
