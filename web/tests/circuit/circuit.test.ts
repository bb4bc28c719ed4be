import { describe, expect, test } from "vitest";
import { layout, MAX_COLUMNS, parameter } from "../../src/circuit/layout";
import { parseQasm } from "../../src/circuit/parser";
import { QasmError } from "../../src/circuit/program";

const HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nbit[3] c;\nqubit[3] q;\n';
const operations = (body: string, head = HEAD) => parseQasm(head + body).operations;
const brief = (body: string, head = HEAD) =>
  operations(body, head).map(({ kind, name, controls, targets }) => [
    kind,
    name,
    controls.map(({ wire }) => wire),
    targets,
  ]);

describe("reading OpenQASM", () => {
  test("registers become wires, of both versions of the language", () => {
    expect(parseQasm(HEAD).wires).toEqual(["q[0]", "q[1]", "q[2]"]);
    expect(parseQasm("OPENQASM 2.0; qreg a[2]; qreg b[1]; creg c[2]; h a[1];").wires).toEqual(["a[0]", "a[1]", "b[0]"]);
    expect(parseQasm("qubit one; x one;").wires).toEqual(["one"]);
    expect(parseQasm("x $3; cx $3, $5;").wires).toEqual(["$3", "$5"]);
  });

  test.each([
    ["h q[0];", [["gate", "h", [], [0]]]],
    ["cx q[0], q[2];", [["gate", "x", [0], [2]]]],
    ["ccx q[0], q[1], q[2];", [["gate", "x", [0, 1], [2]]]],
    ["cswap q[0], q[1], q[2];", [["gate", "swap", [0], [1, 2]]]],
    ["rzz(0.5) q[0], q[1];", [["gate", "rzz", [], [0, 1]]]],
    ["mcx q[0], q[1], q[2];", [["gate", "x", [0, 1], [2]]]],
    ["ctrl(2) @ z q[0], q[1], q[2];", [["gate", "z", [0, 1], [2]]]],
    ["inv @ s q[0];", [["gate", "sdg", [], [0]]]],
    [
      "h q;",
      [
        ["gate", "h", [], [0]],
        ["gate", "h", [], [1]],
        ["gate", "h", [], [2]],
      ],
    ],
    [
      "x q[{0, 2}];",
      [
        ["gate", "x", [], [0]],
        ["gate", "x", [], [2]],
      ],
    ],
    [
      "x q[1:2];",
      [
        ["gate", "x", [], [1]],
        ["gate", "x", [], [2]],
      ],
    ],
    ["reset q[1];", [["reset", "reset", [], [1]]]],
    ["barrier q[0], q[2];", [["barrier", "barrier", [], [0, 2]]]],
    ["barrier;", [["barrier", "barrier", [], [0, 1, 2]]]],
    ["gate mine(a) x, y { rz(a) x; cx x, y; }\nmine(1) q[0], q[1];", [["gate", "mine", [], [0, 1]]]],
    [
      "gate cx a, b { x a; }\ncx q[0], q[1]; ctrl @ cx q[2], q[0], q[1];",
      [
        ["gate", "own_cx", [], [0, 1]],
        ["gate", "own_cx", [2], [0, 1]],
      ],
    ],
    ["gate s a { x a; }\ninv @ s q[0];", [["gate", "own_s†", [], [0]]]],
    ["gate ccz a, b, c { ctrl(2) @ z a, b, c; }\nccz q[0], q[1], q[2];", [["gate", "z", [0, 1], [2]]]],
    ["for uint i in [0:2] { h q[i]; }", [["block", "for", [], [0, 1, 2]]]],
    ["// h q[0];\n/* x q[1]; */ y q[2];", [["gate", "y", [], [2]]]],
    ["gphase(pi); int n = 3; n = 4; delay[100ns] q[0];", []],
  ])("%s", (body, expected) => expect(brief(body)).toEqual(expected));

  test("measurements say where their bits go", () => {
    const bits = (body: string, head = HEAD) => operations(body, head).map(({ bit, targets }) => [targets[0], bit]);
    expect(bits("c[1] = measure q[0];")).toEqual([[0, "c[1]"]]);
    expect(bits("c = measure q;")).toEqual([
      [0, "c[0]"],
      [1, "c[1]"],
      [2, "c[2]"],
    ]);
    expect(bits("measure q[1] -> c[0];", "qreg q[2]; creg c[1];")).toEqual([[1, "c[0]"]]);
    expect(bits("bit m = measure q[2];")).toEqual([[2, "m"]]);
  });

  test("conditions go with what they decide", () => {
    expect(
      operations("if (c[0] == 1) { x q[0]; if (c[1]) { z q[0]; } } else { y q[1]; }").map(({ name, condition }) => [
        name,
        condition,
      ]),
    ).toEqual([
      ["x", "c[0] == 1"],
      ["z", "c[0] == 1 and c[1]"],
      ["y", "else"],
    ]);
    expect(operations("if(c==1) x q[0];")[0]).toMatchObject({ name: "x", condition: "c==1" });
  });

  test("a control may act on 0", () =>
    expect(operations("negctrl @ x q[0], q[1];")[0]!.controls).toEqual([{ wire: 0, on: false }]));

  test.each([
    ["h q[0]", "semicolon or bracket"],
    ["if (c[0]) { x q[0];", "semicolon or bracket"],
    ["h q[7];", "Not a qubit: q[7]"],
    ["h r;", "Not a qubit: r"],
    ["!!!;", "cannot be drawn"],
  ])("%s is said to be wrong, not thrown at the page", (body, words) => {
    expect(() => operations(body)).toThrow(QasmError);
    expect(() => operations(body)).toThrow(words);
  });

  test("a text without qubits, or with too many, is no picture", () => {
    expect(() => parseQasm("")).toThrow("no qubits");
    expect(() => parseQasm("qubit[100000] q;")).toThrow("more than 512");
  });
});

describe("layout", () => {
  test("gates on free wires share a column; what crosses a wire waits for it", () => {
    const { placed } = layout(parseQasm(`${HEAD}h q[0]; h q[1]; cx q[0], q[2]; x q[1];`));
    expect(placed.map(({ column, top, bottom }) => [column, top, bottom])).toEqual([
      [0, 0, 0],
      [0, 1, 1],
      [1, 0, 2],
      [2, 1, 1],
    ]);
  });

  test("what is too long is counted, not drawn", () => {
    const { leftOut, widths } = layout(parseQasm(`${HEAD}${"h q[0];".repeat(MAX_COLUMNS + 7)}`));
    expect([leftOut, widths.length]).toEqual([7, MAX_COLUMNS]);
  });

  test.each([
    ["pi/2", "π/2"],
    ["0.7853981633974483", "π/4"],
    ["-3.141592653589793", "-π"],
    ["2.356194490192345", "3π/4"],
    ["1.234567", "1.23"],
    ["0", "0"],
    ["theta", "theta"],
    ["_θ_0_", "θ0"],
    ["2*_β_12_", "2*β12"],
    ["_theta_3_", "theta3"],
    ["2*pi/3", "2π/3"],
  ])("%s is written as %s", (text, written) => expect(parameter(text)).toBe(written));
});
