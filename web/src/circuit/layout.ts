/** The positions of a circuit's operations in its picture. Pure. */
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

export function layout(circuit: Circuit): Layout {
  const wires = circuit.wires.slice(0, MAX_SHOWN_WIRES);
  const filled = wires.map(() => 0);
  const placed: Placed[] = [];
  let leftOut = 0;
  for (const operation of circuit.operations) {
    const touched = [...operation.controls.map(({ wire }) => wire), ...operation.targets].filter(
      (wire) => wire < wires.length,
    );
    if (touched.length === 0) {
      leftOut += 1;
      continue;
    }
    const top = Math.min(...touched);
    const bottom = Math.max(...touched);
    // Lines run down through all wires between, so those must be free too.
    const column = Math.max(...filled.slice(top, bottom + 1));
    if (column >= MAX_COLUMNS) {
      leftOut += 1;
      continue;
    }
    filled.fill(column + 1, top, bottom + 1);
    placed.push({ operation, column, top, bottom, label: labelOf(operation), small: smallOf(operation) });
  }
  const widths: number[] = Array.from({ length: Math.max(0, ...filled) }, () => 0);
  for (const { column, label, small, operation } of placed) {
    const wanted =
      operation.kind === "barrier" ? 16 : Math.max(COLUMN, label.length * LETTER + ROOM, small.length * SMALL + ROOM);
    widths[column] = Math.max(widths[column]!, Math.min(wanted, 160));
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
