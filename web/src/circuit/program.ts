/** What a picture needs of an OpenQASM program: its wires and operations. */

export type OperationKind = "gate" | "measure" | "reset" | "barrier" | "block";

export interface Operation {
  kind: OperationKind;
  /** The gate's name, in lower case. */
  name: string;
  params: string[];
  controls: Control[];
  targets: number[];
  /** Where a measurement's bit goes, such as `c[0]`. */
  bit: string;
  /** The condition under which it happens; empty if it always does. */
  condition: string;
}

export interface Control {
  wire: number;
  /** False for a control that acts when the qubit is 0. */
  on: boolean;
}

export interface Circuit {
  wires: string[];
  operations: Operation[];
}

export class QasmError extends Error {}
