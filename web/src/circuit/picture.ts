/** Draws a circuit from its OpenQASM as SVG, with classes and attributes only, so that no inline style is needed. */
import { h, s } from "../shared/dom";
import { count } from "../shared/format";
import { layout, runs, type Layout, type Placed } from "./layout";
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
    scroller(laid, said),
    h(
      "p",
      { class: "circuit__none", "data-testid": "as-written" },
      `As written: ${qubits}, ${count(gates)} operations.`,
    ),
    hidden.length > 0 ? h("p", { class: "circuit__none" }, `Not shown: ${hidden.join(", ")}.`) : null,
  );
}

/** The picture, with a line that says so if it is wider than the page. The wires' names stay where they are. */
function scroller(laid: Layout, said: string): HTMLElement {
  const picture = draw(laid, said);
  const names = picture.querySelector(".circuit__names")!;
  const place = h("div", { class: "circuit__scroll", tabindex: 0, role: "group", "aria-label": said }, picture);
  const hint = h(
    "p",
    { class: "circuit__hint", "data-testid": "circuit-scrolls", hidden: true },
    "The circuit is larger than this frame. Scroll to see the rest.",
  );
  place.addEventListener("scroll", () => names.setAttribute("transform", `translate(${place.scrollLeft} 0)`));
  new ResizeObserver(
    () => (hint.hidden = place.scrollWidth <= place.clientWidth && place.scrollHeight <= place.clientHeight),
  ).observe(place);
  return h("div", {}, hint, place);
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
  const lines = wires.map((_, wire) =>
    s("line", { class: "circuit__wire", x1: left, x2: width, y1: y(wire), y2: y(wire) }),
  );
  const names = wires.map((name, wire) =>
    s(
      "text",
      { class: "circuit__wire-name", x: left - 8, y: y(wire) + 4, "text-anchor": "end" },
      name.replace(/^_/, ""),
    ),
  );
  const marks = placed.map((one) =>
    mark(one, starts[one.column]! + widths[one.column]! / 2, widths[one.column]! - 8, y, wires.length),
  );
  return s(
    "svg",
    { class: "circuit__picture", role: "img", "aria-label": said, width, height, viewBox: `0 0 ${width} ${height}` },
    ...lines,
    ...marks,
    s("g", { class: "circuit__names" }, s("rect", { class: "circuit__margin", width: left - 2, height }), ...names),
  );
}

type Y = (wire: number) => number;

function mark(one: Placed, x: number, width: number, y: Y, wires: number): SVGElement {
  const { operation, top, bottom, label, small, beside, continues } = one;
  const { kind, name } = operation;
  const controls = operation.controls.filter(({ wire }) => wire < wires);
  const targets = operation.targets.filter((wire) => wire < wires);
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
    return s(
      "g",
      { class: "circuit__barrier" },
      ...runs(targets).map((run) => s("line", { x1: x, x2: x, y1: y(run[0]!) - 18, y2: y(run.at(-1)!) + 18 })),
    );
  const dots = beside === null ? controls : [...controls, ...targets.map((wire) => ({ wire, on: true }))];
  const end = continues ? y(bottom) + WIRE : y(bottom);
  if (end > y(top)) children.push(s("line", { class: "circuit__link", x1: x, x2: x, y1: y(top), y2: end }));
  for (const { wire, on } of dots)
    children.push(s("circle", { class: `circuit__dot${on ? "" : " circuit__dot--off"}`, cx: x, cy: y(wire), r: 5 }));
  if (beside) children.push(s("text", { class: "circuit__small", x: x + 7, y: y(top) + WIRE / 2 + 4 }, beside));
  else if (name === "x" && operation.controls.length > 0) children.push(...targets.map((wire) => plus(x, y(wire))));
  else if (name === "swap") children.push(...targets.map((wire) => cross(x, y(wire))));
  else if (kind === "measure") children.push(meter(x, y(targets[0]!), small));
  else if (beside === null)
    // One box for each run of neighbouring wires, so that no box lies over a wire that is not the gate's.
    for (const run of runs(targets)) children.push(...box(x, width, y, run, label, small));
  if (beside === null && kind === "gate" && operation.targets.length > 1 && name !== "swap")
    operation.targets.forEach((wire, at) => {
      if (wire < wires) children.push(leg(x - Math.max(32, width) / 2 + 4, y(wire) + 4, at));
    });
  return s("g", { class: `circuit__gate circuit__gate--${kind}` }, ...children);
}

/** The place of a wire among the gate's qubits. */
const leg = (x: number, y: number, at: number): SVGElement =>
  s("text", { class: "circuit__small circuit__leg", x, y }, at);

function box(x: number, width: number, y: Y, run: number[], label: string, small: string): SVGElement[] {
  const top = y(run[0]!) - GATE / 2;
  const height = y(run.at(-1)!) - y(run[0]!) + GATE;
  const middle = top + height / 2;
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
