/** From a function's input schema to the fields of its form, and from what was typed to its input. Pure. */
import type { JsonSchema } from "./types";

export type FieldKind = "text" | "integer" | "number" | "boolean" | "choice" | "json";

export interface Choice {
  value: unknown;
  label: string;
}

export interface Field {
  name: string;
  kind: FieldKind;
  label: string;
  description: string;
  required: boolean;
  nullable: boolean;
  /** What the form starts with, as it would be typed. */
  initial: string;
  example: string;
  choices: Choice[];
  minLength: number | null;
  maxLength: number | null;
  pattern: string | null;
  minimum: number | null;
  maximum: number | null;
  exclusiveMinimum: number | null;
  exclusiveMaximum: number | null;
  multipleOf: number | null;
}

export type Parsed = { ok: true; value: unknown; absent: boolean } | { ok: false; message: string };

/** Carried through the action untouched; the gateway fills them in, not a person. */
const CARRIED = new Set(["client_id", "process_job_id", "topic", "step"]);

/** What every function takes: it comes after what is the function's own. */
const COMMON = new Set(["backend_type", "backend", "shots"]);

export function schemaToFields(schema: JsonSchema): Field[] {
  const root = resolve(schema, schema).schema;
  const required = new Set(root.required ?? []);
  return Object.entries(root.properties ?? {})
    .filter(([name]) => !CARRIED.has(name))
    .map(([name, property]) => ({ name, ...resolve(property, schema) }))
    .filter(({ schema: property }) => !property.readOnly)
    .map(({ name, schema: property, nullable }) => toField(name, property, nullable, required.has(name)))
    .sort((a, b) => Number(COMMON.has(a.name)) - Number(COMMON.has(b.name)));
}

/** Follows $ref, merges allOf, and takes `null` out of anyOf, oneOf and type. */
function resolve(schema: JsonSchema, root: JsonSchema, depth = 0): { schema: JsonSchema; nullable: boolean } {
  if (depth > 16) return { schema, nullable: false };
  const { $ref, allOf, anyOf, oneOf, ...own } = schema;
  let merged: JsonSchema = own;
  let nullable = false;

  const parts = [...($ref ? [lookup($ref, root)] : []), ...(allOf ?? [])];
  for (const part of parts) {
    const resolved = resolve(part, root, depth + 1);
    merged = { ...resolved.schema, ...merged };
    nullable ||= resolved.nullable;
  }

  const variants = anyOf ?? oneOf;
  if (variants) {
    const others = variants.filter((variant) => variant.type !== "null" && variant.const !== null);
    nullable ||= others.length < variants.length;
    if (others.length === 1) {
      const resolved = resolve(others[0]!, root, depth + 1);
      merged = { ...resolved.schema, ...merged };
      nullable ||= resolved.nullable;
    } else if (others.every((variant) => variant.const !== undefined)) {
      merged = { ...merged, oneOf: others };
    }
  }
  if (Array.isArray(merged.type)) {
    nullable ||= merged.type.includes("null");
    const types = merged.type.filter((type) => type !== "null");
    const { type: _type, ...rest } = merged;
    merged = types.length === 1 ? { ...rest, type: types[0]! } : rest;
  }
  return { schema: merged, nullable };
}

function lookup(ref: string, root: JsonSchema): JsonSchema {
  let at: unknown = root;
  for (const part of ref.replace(/^#\/?/, "").split("/").filter(Boolean)) {
    at = (at as Record<string, unknown> | undefined)?.[part.replace(/~1/g, "/").replace(/~0/g, "~")];
  }
  return (at as JsonSchema | undefined) ?? {};
}

function toField(name: string, schema: JsonSchema, nullable: boolean, required: boolean): Field {
  const choices = toChoices(schema, nullable);
  const kind = toKind(schema, choices);
  const example = schema.examples?.find((value) => value !== null && value !== undefined);
  // Something required and without a default starts with its first example, so that Run works at once.
  const initial = schema.default ?? (required ? (example ?? (kind === "choice" ? choices[0]?.value : undefined)) : undefined);
  return {
    name,
    kind,
    label: schema.title ?? humanize(name),
    description: schema.description ?? "",
    required,
    nullable,
    initial: show(initial, kind),
    example: show(example, kind),
    choices,
    minLength: schema.minLength ?? null,
    maxLength: schema.maxLength ?? null,
    pattern: schema.pattern ?? null,
    minimum: schema.minimum ?? null,
    maximum: schema.maximum ?? null,
    exclusiveMinimum: schema.exclusiveMinimum ?? null,
    exclusiveMaximum: schema.exclusiveMaximum ?? null,
    multipleOf: schema.multipleOf ?? null,
  };
}

function toChoices(schema: JsonSchema, nullable: boolean): Choice[] {
  if (schema.oneOf) return schema.oneOf.map((option) => ({ value: option.const, label: option.title ?? humanize(String(option.const)) }));
  const values = schema.enum ?? (schema.const === undefined ? [] : [schema.const]);
  return values.filter((value) => !(nullable && value === null)).map((value) => ({ value, label: humanize(String(value)) }));
}

function toKind(schema: JsonSchema, choices: Choice[]): FieldKind {
  if (choices.length > 0) return "choice";
  switch (schema.type) {
    case "string":
      return "text";
    case "integer":
    case "number":
    case "boolean":
      return schema.type;
    default:
      return "json";
  }
}

/** `backend_type` → "Backend type". */
export function humanize(name: string): string {
  const words = name.replace(/[_-]+/g, " ").trim();
  return /^[a-z]/.test(words) ? words[0]!.toUpperCase() + words.slice(1) : words;
}

/** A value as it would be typed into the field. */
export function show(value: unknown, kind: FieldKind): string {
  if (value === undefined || value === null) return "";
  return kind === "json" || typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** What a person may type, in a few words; empty if there is nothing to say. */
export function constraint(field: Field): string {
  const { minLength, maxLength, minimum, maximum } = field;
  if (field.kind === "text" && maxLength !== null) {
    return (minLength ?? 0) > 0 ? (minLength === maxLength ? `${maxLength} characters` : `${minLength} to ${maxLength} characters`) : `At most ${maxLength} characters`;
  }
  if (field.kind === "integer" || field.kind === "number") {
    if (minimum !== null && maximum !== null) return `${number(minimum)} to ${number(maximum)}`;
    if (minimum !== null) return `${number(minimum)} or more`;
    if (maximum !== null) return `${number(maximum)} or less`;
  }
  return field.kind === "json" ? "Written as JSON" : "";
}

const number = (value: number): string => value.toLocaleString("en");

/** What was typed, as the value the function takes, or why it cannot be. */
export function parse(field: Field, typed: string): Parsed {
  if (typed === "") {
    // A required text without a lower bound may be empty; all else that is required may not.
    if (!field.required) return { ok: true, value: null, absent: true };
    return field.kind === "text" && field.minLength === null ? check(field, typed) : { ok: false, message: "Fill in this field." };
  }
  switch (field.kind) {
    case "choice": {
      const choice = field.choices.find(({ value }) => String(value) === typed);
      return choice ? { ok: true, value: choice.value, absent: false } : { ok: false, message: "Choose one of the options." };
    }
    case "boolean":
      return { ok: true, value: typed === "true", absent: false };
    case "integer":
    case "number":
      return checkNumber(field, typed);
    case "json":
      try {
        return { ok: true, value: JSON.parse(typed), absent: false };
      } catch {
        return { ok: false, message: "This is not valid JSON." };
      }
    default:
      return check(field, typed);
  }
}

function check(field: Field, text: string): Parsed {
  const length = [...text].length;
  if (field.minLength !== null && length < field.minLength) return { ok: false, message: `Use at least ${field.minLength} characters.` };
  if (field.maxLength !== null && length > field.maxLength) return { ok: false, message: `Use at most ${field.maxLength} characters; there are ${length}.` };
  if (field.pattern !== null && !matches(field.pattern, text)) return { ok: false, message: patternMessage(field) };
  return { ok: true, value: text, absent: false };
}

/** The pattern of printable ASCII is told in words; any other is shown. */
function patternMessage(field: Field): string {
  if (/^\^\[( -~|\\x20-\\x7[eE])\][+*]\$$/.test(field.pattern!)) return "Use only letters, digits and signs of a plain keyboard (printable ASCII).";
  return `This does not have the expected form${field.example ? `, for example ${field.example}` : ` (${field.pattern})`}.`;
}

function matches(pattern: string, text: string): boolean {
  try {
    return new RegExp(pattern, "u").test(text);
  } catch {
    return true; // Not a pattern this browser knows: the gateway decides.
  }
}

function checkNumber(field: Field, typed: string): Parsed {
  const value = Number(typed);
  if (!Number.isFinite(value)) return { ok: false, message: "Write a number." };
  if (field.kind === "integer" && !Number.isInteger(value)) return { ok: false, message: "Write a whole number." };
  if (field.minimum !== null && value < field.minimum) return { ok: false, message: `The least is ${number(field.minimum)}.` };
  if (field.maximum !== null && value > field.maximum) return { ok: false, message: `The most is ${number(field.maximum)}.` };
  if (field.exclusiveMinimum !== null && value <= field.exclusiveMinimum) return { ok: false, message: `It must be more than ${number(field.exclusiveMinimum)}.` };
  if (field.exclusiveMaximum !== null && value >= field.exclusiveMaximum) return { ok: false, message: `It must be less than ${number(field.exclusiveMaximum)}.` };
  if (field.multipleOf !== null && Math.abs(value / field.multipleOf - Math.round(value / field.multipleOf)) > 1e-9) return { ok: false, message: `It must be a multiple of ${field.multipleOf}.` };
  return { ok: true, value, absent: false };
}
