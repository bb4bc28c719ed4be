/**
 * Reads as much of an OpenQASM 3 (or 2) program as a picture of its circuit needs: registers, gates with their
 * modifiers, measurements, resets, barriers, conditions. Pure. What cannot be drawn as a gate, such as a loop, becomes
 * one box over the qubits that it touches.
 */
import { STANDARD, bare, controlCount, exported, inverted } from "./gates";
import { QasmError, type Circuit, type Operation } from "./program";
import { split, statements } from "./syntax";

/** Bounds of what is read (qubits, operations, nested blocks). */
export const MAX_WIRES = 512;
const MAX_OPERATIONS = 20_000;
const DEEPEST = 16;

/** What does not show in a picture. */
const SILENT = new RegExp(
  "^(OPENQASM|include|input|output|const|let|int|uint|float|angle|bool|complex|duration|stretch|array|" +
    "defcalgrammar|pragma|#|extern|return|end|gphase|@)\\b",
);

export function parseQasm(text: string): Circuit {
  const bare = text.replace(/\/\*[\s\S]*?\*\//g, " ").replace(/\/\/.*$/gm, "");
  const own = new Set(
    [...bare.matchAll(/\b(?:gate|opaque)\s+([A-Za-z_]\w*)/g)]
      .map(([, name]) => name!)
      .filter((name) => STANDARD.has(name)),
  );
  const reader = new Reader(own);
  reader.read(bare, "", 0);
  if (reader.circuit.wires.length === 0) throw new QasmError("The program declares no qubits.");
  return reader.circuit;
}

interface Register {
  first: number;
  size: number;
}

class Reader {
  readonly circuit: Circuit = { wires: [], operations: [] };
  /** The names of the standard gates that the program defines itself. */
  readonly #own: ReadonlySet<string>;
  #qubits = new Map<string, Register>();
  #bits = new Map<string, number>();

  constructor(own: ReadonlySet<string>) {
    this.#own = own;
  }

  read(text: string, condition: string, depth: number): void {
    if (depth > DEEPEST) throw new QasmError("The program is nested too deeply to be drawn.");
    for (const statement of statements(text)) this.#statement(statement, condition, depth);
  }

  #statement(statement: string, condition: string, depth: number): void {
    if (
      statement === "" ||
      SILENT.test(statement) ||
      /^(gate|opaque|def|defcal|cal)\b/.test(statement) ||
      this.#declaration(statement)
    )
      return;
    const block = /^(if|else|for|while|switch|box)\b\s*([\s\S]*?)\s*\{([\s\S]*)\}$/.exec(statement);
    if (block) return this.#block(block[1]!, block[2]!, block[3]!, condition, depth);
    const single = /^if\s*\(([^)]*)\)\s*([^{]+)$/.exec(statement);
    if (single) return this.#statement(single[2]!, both(condition, single[1]!.trim()), depth);
    if (!this.#act(statement, condition) && !/^[A-Za-z_]\w*(\[.*?\])?\s*[-+*/&|^]?=/.test(statement))
      throw new QasmError(`This part cannot be drawn: ${statement.slice(0, 60)}`);
  }

  #declaration(statement: string): boolean {
    const match =
      /^(qubit|bit)\s*(?:\[\s*(\d+)\s*\])?\s+([A-Za-z_]\w*)\s*(?:=[\s\S]*)?$/.exec(statement) ??
      reordered(/^(qreg|creg)\s+([A-Za-z_]\w*)\s*(?:\[\s*(\d+)\s*\])?$/.exec(statement));
    if (!match) return false;
    const [, kind, size, name] = match;
    if (kind === "bit" || kind === "creg") {
      this.#bits.set(name!, size === undefined ? 0 : Number(size));
      // `bit c = measure q[0];` declares and measures.
      return !/=\s*measure\b/.test(statement) || this.#act(statement.replace(/^bit\s*(\[.*?\])?\s+/, ""), "");
    }
    const count = size === undefined ? 1 : Number(size);
    if (this.circuit.wires.length + count > MAX_WIRES)
      throw new QasmError(`A circuit of more than ${MAX_WIRES} qubits is not drawn.`);
    this.#qubits.set(name!, { first: this.circuit.wires.length, size: size === undefined ? 0 : count });
    for (let index = 0; index < count; index += 1)
      this.circuit.wires.push(size === undefined ? name! : `${name}[${index}]`);
    return true;
  }

  #block(kind: string, head: string, body: string, condition: string, depth: number): void {
    if (kind === "if" || kind === "else" || kind === "box") {
      const own = head.replace(/^\(/, "").replace(/\)$/, "").trim();
      return this.read(body, both(condition, kind === "else" ? "else" : own), depth + 1);
    }
    // A loop or a switch: one box over what it touches.
    const touched = [...body.matchAll(/[A-Za-z_]\w*|\$\d+/g)].flatMap(([name]) => this.#everyWire(name));
    this.#add({
      kind: "block",
      name: kind,
      params: [],
      controls: [],
      targets: [...new Set(touched)],
      bit: "",
      condition,
    });
  }

  #everyWire(name: string): number[] {
    const register = this.#qubits.get(name);
    return register ? Array.from({ length: Math.max(1, register.size) }, (_, at) => register.first + at) : [];
  }

  #act(statement: string, condition: string): boolean {
    const measured = /^(?:([A-Za-z_]\w*(?:\[[^\]]*\])?)\s*=\s*)?measure\s+([^-]+?)(?:\s*->\s*(.+))?$/.exec(statement);
    if (measured) {
      const wires = this.#operand(measured[2]!);
      const into = measured[1] ?? measured[3]?.trim() ?? "";
      const whole = this.#bits.has(into) && (this.#bits.get(into)! > 0 || wires.length > 1);
      wires.forEach((wire, at) =>
        this.#add({
          kind: "measure",
          name: "measure",
          params: [],
          controls: [],
          targets: [wire],
          bit: whole ? `${into}[${at}]` : into,
          condition,
        }),
      );
      return true;
    }
    const special = /^(reset|barrier|delay\s*\[[^\]]*\])(?!\w)\s*([\s\S]*)$/.exec(statement);
    if (special) {
      const [, name, operands] = special;
      const wires =
        operands!.trim() === ""
          ? this.circuit.wires.map((_, at) => at)
          : split(operands!).flatMap((one) => this.#operand(one));
      if (name === "reset")
        for (const wire of wires)
          this.#add({ kind: "reset", name, params: [], controls: [], targets: [wire], bit: "", condition });
      if (name === "barrier")
        this.#add({ kind: "barrier", name, params: [], controls: [], targets: wires, bit: "", condition: "" });
      return true;
    }
    return this.#gate(statement, condition);
  }

  #gate(statement: string, condition: string): boolean {
    const parts = statement.split("@");
    const called =
      /^\s*([A-Za-z_]\w*)\s*(?:\(([\s\S]*)\))?\s+([\s\S]+)$/.exec(parts.pop()!) ??
      /^\s*([A-Za-z_]\w*)\s*(?:\(([\s\S]*)\))\s*([\s\S]+)$/.exec(statement);
    if (!called || called[3]!.includes("=")) return false;
    const defined = this.#own.has(called[1]!);
    const { name: plain, state } = defined
      ? { name: `own_${called[1]!.toLowerCase()}`, state: null }
      : exported(called[1]!.toLowerCase());
    let name = plain;
    const params = called[2] === undefined ? [] : split(called[2]);
    const on: boolean[] = [];
    for (const modifier of parts.map((part) => part.trim())) {
      const [, kind = "", argument] = /^(\w+)\s*(?:\(([\s\S]*)\))?$/.exec(modifier) ?? [];
      if (kind === "ctrl" || kind === "negctrl")
        for (let count = Number(argument ?? 1); count > 0 && count <= MAX_WIRES; count -= 1) on.push(kind === "ctrl");
      else if (kind === "inv") name = defined ? `${name}†` : inverted(name);
      else if (kind === "pow") name = `${name}^${argument ?? ""}`;
      else return false;
    }
    const operands = split(called[3]!).map((one) => this.#operand(one));
    const own = defined ? 0 : controlCount(name, operands.length - on.length);
    for (let at = 0; at < own; at += 1) on.push(state === null || ((state >> BigInt(at)) & 1n) === 1n);
    // A gate on whole registers acts on their qubits one after the other.
    const times = Math.max(1, ...operands.map((wires) => wires.length));
    for (let at = 0; at < times; at += 1) {
      const wires = operands.flatMap((all) => all[all.length === 1 ? 0 : at] ?? []);
      if (wires.length < operands.length) return false;
      this.#add({
        kind: "gate",
        name: own > 0 ? bare(name) : name,
        params,
        controls: on.slice(0, wires.length).map((one, index) => ({ wire: wires[index]!, on: one })),
        targets: wires.slice(on.length),
        bit: "",
        condition,
      });
    }
    return true;
  }

  /** The wires that an operand names. */
  #operand(text: string): number[] {
    const operand = text.trim();
    if (/^\$\d+$/.test(operand)) return [this.#physical(operand)];
    const [, name = "", index] = /^([A-Za-z_]\w*)\s*(?:\[([\s\S]*)\])?$/.exec(operand) ?? [];
    const register = this.#qubits.get(name);
    if (!register) throw new QasmError(`Not a qubit: ${operand.slice(0, 40)}`);
    const all = this.#everyWire(name);
    if (index === undefined) return all;
    const range = /^\s*(-?\d+)\s*:\s*(?:(-?\d+)\s*:\s*)?(-?\d+)\s*$/.exec(index);
    const numbers = range
      ? span(Number(range[1]), Number(range[3]), Number(range[2] ?? 1))
      : index
          .replace(/[{}]/g, "")
          .split(",")
          .map((one) => (/^\s*-?\d+\s*$/.test(one) ? Number(one) : Number.NaN));
    return numbers.map((at) => {
      const wire = all[at < 0 ? all.length + at : at];
      if (wire === undefined) throw new QasmError(`Not a qubit: ${operand.slice(0, 40)}`);
      return wire;
    });
  }

  #physical(name: string): number {
    const at = this.circuit.wires.indexOf(name);
    if (at >= 0) return at;
    if (this.circuit.wires.length >= MAX_WIRES)
      throw new QasmError(`A circuit of more than ${MAX_WIRES} qubits is not drawn.`);
    return this.circuit.wires.push(name) - 1;
  }

  #add(operation: Operation): void {
    if (operation.targets.length + operation.controls.length === 0) return;
    if (this.circuit.operations.length >= MAX_OPERATIONS)
      throw new QasmError(`A circuit of more than ${MAX_OPERATIONS} operations is not drawn.`);
    this.circuit.operations.push(operation);
  }
}

const both = (outer: string, inner: string): string => [outer, inner].filter(Boolean).join(" and ");

const reordered = (match: RegExpExecArray | null): (string | undefined)[] | null =>
  match && [match[0], match[1], match[3] ?? "1", match[2]];

function span(first: number, last: number, step: number): number[] {
  const numbers: number[] = [];
  for (let at = first; step > 0 ? at <= last : at >= last; at += step) {
    if (step === 0 || numbers.length > MAX_WIRES) break;
    numbers.push(at);
  }
  return numbers;
}
