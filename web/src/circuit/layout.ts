/** The positions of a circuit's operations in its picture. Pure. */
import { SYMMETRIC, SYMMETRIC_CONTROLLED } from "./gates";
import type { Circuit, Operation } from "./program";

export interface Placed {
  operation: Operation;
  column: number;
  /** The topmost and the lowest wire it touches. */
  top: number;
  bottom: number;
  label: string;
  /** Parameters or a measurement's bit, in a second line. */
  small: string;
  /** A gate that is dots on a line: the label beside the line; null for other gates. */
  beside: string | null;
  /** True if some of its qubits are below the wires that are shown. */
  continues: boolean;
}

export interface Layout {
  placed: Placed[];
  /** Width of each column in pixels. */
  widths: number[];
  wires: string[];
  /** What did not fit in. */
  leftOut: number;
}

/** More than this is no picture any more. */
export const MAX_COLUMNS = 200;
export const MAX_SHOWN_WIRES = 64;

/** Pixels: a column at least, one letter of a label, of a small label, and the room around them. */
const COLUMN = 44;
const LETTER = 8.5;
const SMALL = 6.2;
const ROOM = 18;
/** Pixels: a qubit's number in a box of several qubits, and the widest column. */
const NUMBER = 10;
const WIDEST = 200;

export function layout(circuit: Circuit): Layout {
  const wires = circuit.wires.slice(0, MAX_SHOWN_WIRES);
  const filled = wires.map(() => 0);
  const placed: Placed[] = [];
  let leftOut = 0;
  for (const operation of circuit.operations) {
    const legs = [...operation.controls.map(({ wire }) => wire), ...operation.targets];
    const touched = legs.filter((wire) => wire < wires.length);
    if (touched.length === 0) {
      leftOut += 1;
      continue;
    }
    const top = Math.min(...touched);
    const continues = touched.length < legs.length;
    const bottom = continues ? wires.length - 1 : Math.max(...touched);
    // Lines run down through all wires between, so those must be free too.
    const column = Math.max(...filled.slice(top, bottom + 1));
    if (column >= MAX_COLUMNS) {
      leftOut += 1;
      continue;
    }
    filled.fill(column + 1, top, bottom + 1);
    const [label, small] = [labelOf(operation), smallOf(operation)];
    placed.push({ operation, column, top, bottom, label, small, beside: besideOf(operation, small), continues });
  }
  const widths: number[] = Array.from({ length: Math.max(0, ...filled) }, () => 0);
  for (const { column, label, small, operation, beside } of placed) {
    const numbers = operation.kind === "gate" && operation.targets.length > 1 ? 2 * NUMBER : 0;
    const inside = Math.max(COLUMN, label.length * LETTER + ROOM, small.length * SMALL + ROOM) + numbers;
    // The label stands at the right of the line, which is in the middle.
    const wanted = beside === null ? inside : Math.max(COLUMN, 2 * (beside.length * SMALL + 10));
    widths[column] = Math.max(widths[column]!, operation.kind === "barrier" ? 16 : Math.min(wanted, WIDEST));
  }
  return { placed, widths, wires, leftOut };
}

const LABELS: Record<string, string> = {
  id: "I",
  sdg: "S†",
  tdg: "T†",
  sx: "√X",
  sxdg: "√X†",
  u1: "P",
  reset: "|0⟩",
  iswap: "iSWAP",
  ecr: "ECR",
  rxx: "RXX",
  ryy: "RYY",
  rzz: "RZZ",
  rzx: "RZX",
  rx: "RX",
  ry: "RY",
  rz: "RZ",
  cal: "cal",
};

function labelOf({ kind, name }: Operation): string {
  if (kind === "measure" || kind === "barrier") return "";
  const label = LABELS[name] ?? (name.length <= 2 ? name.toUpperCase() : name.replace(/_\d{6,}$/, ""));
  return label.length > 14 ? `${label.slice(0, 13)}…` : label;
}

/** The label beside a gate of dots; null if it is no such gate. */
function besideOf({ kind, name, controls }: Operation, small: string): string | null {
  const table = controls.length > 0 && Object.hasOwn(SYMMETRIC_CONTROLLED, name) ? SYMMETRIC_CONTROLLED : SYMMETRIC;
  const label = kind === "gate" && Object.hasOwn(table, name) ? table[name]! : null;
  return label === null ? null : [label, small].filter(Boolean).join(" ");
}

/** Wires next to each other, as runs: `[0, 1, 3]` is `[[0, 1], [3]]`. */
export function runs(wires: number[]): number[][] {
  const all: number[][] = [];
  for (const wire of [...wires].sort((a, b) => a - b)) {
    const last = all.at(-1);
    if (last?.at(-1) === wire - 1) last.push(wire);
    else all.push([wire]);
  }
  return all;
}

function smallOf({ kind, params, bit, condition }: Operation): string {
  const own = kind === "measure" ? bit : params.map(parameter).join(", ");
  const text = [own, condition ? `if ${condition}` : ""].filter(Boolean).join(" ");
  return text.length > 22 ? `${text.slice(0, 21)}…` : text;
}

/** An angle as a person writes it: few digits, and π where it is one. */
export function parameter(text: string): string {
  // Qiskit writes the parameter θ[0] as _θ_0_.
  const shown = text
    .replace(/_([\p{L}]+)_(\d+)_/gu, "$1$2")
    .replace(/\bpi\b/g, "π")
    .replace(/\s*\*\s*π/g, "π")
    .replace(/\s+/g, "");
  const value = Number(shown);
  if (shown === "" || !Number.isFinite(value))
    return shown.replace(/\d+\.\d{3,}(e[-+]?\d+)?/gi, (digits) => String(Number(Number(digits).toPrecision(3))));
  const parts = value / Math.PI;
  for (const below of [1, 2, 3, 4, 6, 8, 16, 32]) {
    const above = Math.round(parts * below);
    if (above !== 0 && Math.abs(parts - above / below) < 1e-6 && Math.abs(above) <= 32) {
      const sign = above < 0 ? "-" : "";
      return `${sign}${Math.abs(above) === 1 ? "" : Math.abs(above)}π${below === 1 ? "" : `/${below}`}`;
    }
  }
  return String(Number(value.toPrecision(3)));
}
