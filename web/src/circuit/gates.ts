/** The gates that OpenQASM's standard files and Qiskit know by name. Pure. */

/** How many of a gate's first operands control it. */
const CONTROLS = new Map(
  [
    "",
    "cx cnot cy cz ch cs csdg csx cp cphase cu1 cu3 cu crx cry crz cswap",
    "ccx ccz toffoli rccx",
    "c3x c4x c3sx rcccx",
  ].flatMap((names, count) => names.split(" ").map((name) => [name, count] as const)),
);

export const controlsOf = (name: string): number => CONTROLS.get(name) ?? 0;

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
    rccx: "x",
    rcccx: "x",
  };
  return known[name] ?? name.replace(/^(mc|c\d|cc|c)(?=.)/, "");
}
