/** Draws a circuit from its OpenQASM as SVG, with classes and attributes only, so that no inline style is needed. */
import { h, s } from "../shared/dom";
import { count } from "../shared/format";
import { layout, type Layout, type Placed } from "./layout";
import { parseQasm } from "./parser";
import { QasmError, type Circuit } from "./program";

/** Pixels between two wires, of a gate's height, above the first wire, and of one letter of a wire's name. */
const WIRE = 44;
const GATE = 30;
const TOP = 26;
const LETTER = 7.5;

/** The circuit of a program, or why it cannot be drawn. */
export function circuitPicture(openqasm3: string): HTMLElement {
  let circuit: Circuit;
  try {
    circuit = parseQasm(openqasm3);
  } catch (error) {
    if (!(error instanceof QasmError)) throw error;
    return h("p", { class: "circuit__none", "data-testid": "no-circuit" }, `No picture: ${error.message}`);
  }
  const laid = layout(circuit);
  const gates = circuit.operations.filter(({ kind }) => kind !== "barrier").length;
  const qubits = `${count(circuit.wires.length)} ${circuit.wires.length === 1 ? "qubit" : "qubits"}`;
  const said = `Circuit of ${qubits} and ${count(gates)} operations`;
  const hidden = [
    laid.leftOut > 0 ? `${count(laid.leftOut)} more operations` : "",
    circuit.wires.length > laid.wires.length ? `${count(circuit.wires.length - laid.wires.length)} more qubits` : "",
  ].filter(Boolean);
  return h(
    "div",
    { class: "circuit", "data-testid": "circuit" },
    h("div", { class: "circuit__scroll", tabindex: 0, role: "group", "aria-label": said }, draw(laid, said)),
    hidden.length > 0 ? h("p", { class: "circuit__none" }, `Not shown: ${hidden.join(", ")}.`) : null,
  );
}

function draw({ placed, widths, wires }: Layout, said: string): SVGElement {
  const left = Math.max(...wires.map((name) => name.length)) * LETTER + 20;
  const starts: number[] = [];
  let right = left + 8;
  for (const width of widths) {
    starts.push(right);
    right += width;
  }
  const width = right + 12;
  const height = TOP + wires.length * WIRE;
  const y = (wire: number): number => TOP + wire * WIRE;
  const lines = wires.flatMap((name, wire) => [
    s("text", { class: "circuit__wire-name", x: left - 8, y: y(wire) + 4, "text-anchor": "end" }, name),
    s("line", { class: "circuit__wire", x1: left, x2: width, y1: y(wire), y2: y(wire) }),
  ]);
  const marks = placed.map((one) =>
    mark(one, starts[one.column]! + widths[one.column]! / 2, widths[one.column]! - 8, y),
  );
  return s(
    "svg",
    { class: "circuit__picture", role: "img", "aria-label": said, width, height, viewBox: `0 0 ${width} ${height}` },
    ...lines,
    ...marks,
  );
}

type Y = (wire: number) => number;

function mark(one: Placed, x: number, width: number, y: Y): SVGElement {
  const { operation, top, bottom, label, small } = one;
  const { kind, name, controls, targets } = operation;
  const children: SVGElement[] = [
    s(
      "title",
      {},
      [
        name,
        operation.params.join(", "),
        operation.bit && `→ ${operation.bit}`,
        operation.condition && `if ${operation.condition}`,
      ]
        .filter(Boolean)
        .join(" "),
    ),
  ];
  if (kind === "barrier")
    return s("g", { class: "circuit__barrier" }, s("line", { x1: x, x2: x, y1: y(top) - 18, y2: y(bottom) + 18 }));
  // A controlled Z does the same to each of its qubits, so all of them are dots.
  const phase = name === "z" && controls.length > 0;
  const dots = phase ? [...controls, ...targets.map((wire) => ({ wire, on: true }))] : controls;
  if (bottom > top) children.push(s("line", { class: "circuit__link", x1: x, x2: x, y1: y(top), y2: y(bottom) }));
  for (const { wire, on } of dots)
    children.push(s("circle", { class: `circuit__dot${on ? "" : " circuit__dot--off"}`, cx: x, cy: y(wire), r: 5 }));
  if (name === "x" && controls.length > 0) children.push(...targets.map((wire) => plus(x, y(wire))));
  else if (name === "swap") children.push(...targets.map((wire) => cross(x, y(wire))));
  else if (kind === "measure") children.push(meter(x, y(targets[0]!), small));
  else if (targets.length > 0 && !phase) children.push(...box(x, width, y, targets, label, small));
  return s("g", { class: `circuit__gate circuit__gate--${kind}` }, ...children);
}

function box(x: number, width: number, y: Y, targets: number[], label: string, small: string): SVGElement[] {
  const first = Math.min(...targets);
  const last = Math.max(...targets);
  const top = y(first) - GATE / 2;
  const height = y(last) - y(first) + GATE;
  const middle = (y(first) + y(last)) / 2;
  const half = Math.max(32, width) / 2;
  return [
    s("rect", { class: "circuit__box", x: x - half, y: top, width: 2 * half, height, rx: 2 }),
    s("text", { class: "circuit__label", x, y: small ? middle - 1 : middle + 5, "text-anchor": "middle" }, label),
    ...(small ? [s("text", { class: "circuit__small", x, y: middle + 11, "text-anchor": "middle" }, small)] : []),
  ];
}

const plus = (x: number, y: number): SVGElement =>
  s(
    "g",
    {},
    s("circle", { class: "circuit__plus", cx: x, cy: y, r: 11 }),
    s("path", { class: "circuit__sign", d: `M${x - 11} ${y}h22M${x} ${y - 11}v22` }),
  );

const cross = (x: number, y: number): SVGElement =>
  s("path", { class: "circuit__link", d: `M${x - 7} ${y - 7}l14 14M${x - 7} ${y + 7}l14 -14` });

const meter = (x: number, y: number, bit: string): SVGElement =>
  s(
    "g",
    {},
    s("rect", { class: "circuit__box", x: x - 16, y: y - GATE / 2, width: 32, height: GATE, rx: 2 }),
    s("path", { class: "circuit__meter", d: `M${x - 10} ${y + 7}a10 10 0 0 1 20 0M${x} ${y + 7}l7 -13` }),
    bit
      ? s(
          "text",
          { class: "circuit__small circuit__small--bit", x, y: y + GATE / 2 + 10, "text-anchor": "middle" },
          bit,
        )
      : "",
  );
