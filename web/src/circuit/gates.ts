/** The gates that OpenQASM's standard files and Qiskit know by name. Pure. */

/** How many of a gate's first operands control it. */
const CONTROLS = new Map(
  [
    "",
    "cx cnot cy cz ch cs csdg csx cp cphase cu1 cu3 cu crx cry crz cswap",
    "ccx ccz toffoli",
    "c3x c3sqrtx c3sx",
    "c4x",
  ].flatMap((names, count) => names.split(" ").map((name) => [name, count] as const)),
);

/** Gates with any number of controls: all operands but the last. */
const MANY = new Set(["mcx", "mcp", "mcphase"]);

/** How many of the `operands` of a gate control it. */
export const controlCount = (name: string, operands: number): number =>
  MANY.has(name) ? Math.max(0, operands - 1) : (CONTROLS.get(name) ?? 0);

/**
 * A gate's name without what Qiskit's exporter appends: a number where a program has several gates of one name
 * (`mcx_140213`), and the state in which its controls act (`cx_o0`; bit 0 is the first control's).
 */
export function exported(name: string): { name: string; state: bigint | null } {
  const plain = name.replace(/_\d{6,}$/, "");
  const [, base, state] = /^(\w+?)_o(\d{1,80})$/.exec(plain) ?? [];
  if (base !== undefined && controlCount(base, 2) > 0) return { name: base, state: BigInt(state!) };
  return { name: controlCount(plain, 2) > 0 ? plain : name, state: null };
}

/** Gates that act alike on all their qubits: drawn as dots on a line, with a label beside it. */
export const SYMMETRIC: Record<string, string> = { rzz: "ZZ" };
/** The same for gates that do so where they have a control. */
export const SYMMETRIC_CONTROLLED: Record<string, string> = { z: "", p: "P", u1: "P", phase: "P" };

/**
 * Gates of the standard files. A program that defines one of these itself does not include the file, and its `cx` may
 * have no control; it is drawn as a box called `own_cx`. Others are defined by Qiskit where the files lack them.
 */
export const STANDARD = new Set(
  [
    "p x y z h s sdg t tdg sx rx ry rz id u1 u2 u3 phase",
    "cx cy cz cp crx cry crz ch swap ccx cswap cu CX cphase cu1 cu3",
  ].flatMap((names) => names.split(" ")),
);

export function inverted(name: string): string {
  return name.endsWith("dg")
    ? name.slice(0, -2)
    : name === "s" || name === "t"
      ? `${name}dg`
      : /^(x|y|z|h|swap|id|cx|cz|ccx)$/.test(name)
        ? name
        : `${name}†`;
}

/** What a controlled gate does to its target. */
export function bare(name: string): string {
  const known: Record<string, string> = {
    cnot: "x",
    toffoli: "x",
    cphase: "p",
    cu1: "p",
    cu3: "u",
    mcphase: "p",
    c3sqrtx: "sx",
  };
  return known[name] ?? name.replace(/^(mc|c\d|cc|c)(?=.)/, "");
}
