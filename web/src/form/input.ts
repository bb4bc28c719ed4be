/** What was typed into a field, as the value the function takes, or why it cannot be. Pure. */
import { itemSchema } from "./resolution";
import type { Field, FieldKind } from "./schema";
import { violation, type Violation } from "./validation";

export type Parsed = { ok: true; value: unknown; absent: boolean } | { ok: false; message: string };

export function parse(field: Field, typed: string): Parsed {
  if (typed === "" || (isTable(field.kind) && typed === "[]")) {
    // A required text without a lower bound may be empty; all else that is required may not.
    if (!field.required) return { ok: true, value: null, absent: true };
    if (field.kind !== "text" || (field.schema.minLength ?? 0) > 0)
      return { ok: false, message: "Fill in this field." };
  }
  const read = toValue(field, typed);
  if (!read.ok) return read;
  const found = violation(read.value, field.schema, field.root);
  return found ? { ok: false, message: said(field.kind, found) } : read;
}

const isTable = (kind: FieldKind): boolean => kind === "matrix" || kind === "graph" || kind === "terms";

function toValue(field: Field, typed: string): Parsed {
  switch (field.kind) {
    case "choice": {
      const choice = field.choices.find(({ value }) => String(value) === typed);
      return choice ? got(choice.value) : { ok: false, message: "Choose one of the options." };
    }
    case "boolean":
      return got(typed === "true");
    case "integer":
    case "number":
      return got(toNumber(typed) ?? Number.NaN);
    case "list":
      return got(toList(field, typed));
    case "text":
    case "openqasm":
      return got(typed);
    default:
      return fromJson(field, typed);
  }
}

const got = (value: unknown): Parsed => ({ ok: true, value, absent: false });

export function toNumber(typed: string): number | null {
  const value = typed.trim() === "" ? Number.NaN : Number(typed);
  return Number.isFinite(value) ? value : null;
}

/** Numbers where numbers are wanted; what is no number stays as it is typed, for the check to name its place. */
function toList(field: Field, typed: string): unknown[] {
  if (typed.trim().startsWith("[")) {
    try {
      const list: unknown = JSON.parse(typed);
      if (Array.isArray(list)) return list;
    } catch {
      // Not JSON after all.
    }
  }
  const { type, anyOf } = itemSchema(field.schema, 0, field.root);
  const numeric = type === "number" || type === "integer";
  if (anyOf)
    return typed
      .split(/[,\n]/)
      .map((part) => part.trim())
      .filter(Boolean)
      .map(numberOrText);
  return typed
    .split(numeric ? /[\s,;]+/ : /[,\n]/)
    .map((part) => part.trim())
    .filter(Boolean)
    .map((part) => (numeric ? (toNumber(part) ?? part) : part));
}

/** `5` is a number; `"101"`, `011` and `abc` are texts. */
function numberOrText(part: string): number | string {
  const quoted = /^"(.*)"$/.exec(part);
  if (quoted) return quoted[1]!;
  const value = toNumber(part);
  return value !== null && String(value) === part ? value : part;
}

function fromJson(field: Field, typed: string): Parsed {
  try {
    return got(JSON.parse(typed));
  } catch {
    // A text that needs no quotation marks where a text is one of the possibilities.
    const text = field.schema.anyOf?.some(({ type }) => type === "string") ?? false;
    return text && !/^\s*["[{]/.test(typed) ? got(typed) : { ok: false, message: "This is not valid JSON." };
  }
}

/** The column of a table that a path leads to; empty if it leads to the row. */
function column(names: string[], at: string | number | undefined): string {
  return typeof at === "number" ? `, ${names[at] ?? at + 1}` : "";
}

/** The message, and where in the field it belongs. */
function said(kind: FieldKind, { path, message }: Violation): string {
  const [first, second] = path;
  if (typeof first !== "number") return path.length > 0 ? `${path.join(".")}: ${message}` : message;
  const at = first + 1;
  switch (kind) {
    case "matrix":
      return `Row ${at}${typeof second === "number" ? `, column ${second + 1}` : ""}: ${message}`;
    case "graph":
      return `Edge ${at}${column(["from", "to", "weight"], second)}: ${message}`;
    case "terms":
      return `Term ${at}${column(["Pauli string", "coefficient"], second)}: ${message}`;
    default:
      return `Entry ${path.map((part) => (typeof part === "number" ? part + 1 : part)).join(", ")}: ${message}`;
  }
}
