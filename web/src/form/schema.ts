/** From a function's input schema to the fields of its form. Pure; `input.ts` reads what is typed into them. */
import { itemSchema, resolve } from "./resolution";
import type { JsonSchema } from "../api/documents";
import { COMMON_INPUTS } from "../shared/common-inputs";
import { words } from "../shared/words";
import { number } from "./validation";

export type FieldKind =
  "text" | "integer" | "number" | "boolean" | "choice" | "list" | "matrix" | "graph" | "terms" | "openqasm" | "json";

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
  /** The field's own schema without indirections, and the whole one that it may refer to. */
  schema: JsonSchema;
  root: JsonSchema;
}

/** Carried through the action untouched; the gateway fills them in, not a person. */
const CARRIED = new Set(["client_id", "process_job_id", "topic", "step"]);

/** Kinds that a schema may ask for with `x-control`; their values are lists, except a program's text. */
const CONTROLS = new Set<string>(["graph", "matrix", "openqasm", "terms", "list"] satisfies FieldKind[]);

export function schemaToFields(schema: JsonSchema): Field[] {
  const root = resolve(schema, schema).schema;
  const required = new Set(root.required ?? []);
  return Object.entries(root.properties ?? {})
    .filter(([name]) => !CARRIED.has(name))
    .map(([name, property]) => ({ name, ...resolve(property, schema) }))
    .filter(({ schema: property }) => !property.readOnly)
    .map(({ name, schema: property, nullable }) => toField(name, property, nullable, required.has(name), schema))
    .sort((a, b) => place(a) - place(b));
}

/** What must be given comes first, what every function takes last. */
const place = ({ name, required }: Field): number => (COMMON_INPUTS.has(name) ? 2 : required ? 0 : 1);

function toField(name: string, schema: JsonSchema, nullable: boolean, required: boolean, root: JsonSchema): Field {
  const choices = toChoices(schema, nullable);
  const kind = toKind(schema, choices, root);
  const example = schema.examples?.find((value) => value !== null && value !== undefined);
  // Something required and without a default starts with its first example, so that Run works at once.
  const initial =
    schema.default ?? (required ? (example ?? (kind === "choice" ? choices[0]?.value : undefined)) : undefined);
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
    schema,
    root,
  };
}

function toChoices(schema: JsonSchema, nullable: boolean): Choice[] {
  if (schema.oneOf)
    return schema.oneOf.map((option) => ({
      value: option.const,
      label: option.title ?? humanize(String(option.const)),
    }));
  const values = schema.enum ?? (schema.const === undefined ? [] : [schema.const]);
  return values
    .filter((value) => !(nullable && value === null))
    .map((value) => ({ value, label: humanize(words(String(value))) }));
}

function toKind(schema: JsonSchema, choices: Choice[], root: JsonSchema): FieldKind {
  const hint = schema["x-control"] ?? "";
  if (CONTROLS.has(hint)) return hint as FieldKind;
  if (choices.length > 0) return "choice";
  switch (schema.type) {
    case "string":
      return "text";
    case "integer":
    case "number":
    case "boolean":
      return schema.type;
    case "array":
      return arrayKind(schema, root);
    default:
      return "json";
  }
}

const isNumber = ({ type }: JsonSchema): boolean => type === "number" || type === "integer";
const isScalar = (schema: JsonSchema): boolean => isNumber(schema) || schema.type === "string";

/** What an array is, where the schema does not say which control it wants. */
function arrayKind(schema: JsonSchema, root: JsonSchema): FieldKind {
  if (schema.prefixItems) return "json";
  const item = itemSchema(schema, 0, root);
  if (isScalar(item) || item.anyOf?.every((one) => isScalar(resolve(one, root).schema))) return "list";
  if (item.type !== "array") return "json";
  if (!item.prefixItems) return isNumber(itemSchema(item, 0, root)) ? "matrix" : "json";
  const kinds = item.prefixItems.map((one) => resolve(one, root).schema);
  if (kinds.length === 2 && kinds[0]!.type === "string" && isNumber(kinds[1]!)) return "terms";
  return kinds.length === 3 && kinds[0]!.type === "integer" && kinds[1]!.type === "integer" && isNumber(kinds[2]!)
    ? "graph"
    : "json";
}

/** `backend_type` → "Backend type". */
export function humanize(name: string): string {
  const words = name.replace(/[_-]+/g, " ").trim();
  return /^[a-z]/.test(words) ? words[0]!.toUpperCase() + words.slice(1) : words;
}

/** A value as it would be typed into the field. */
export function show(value: unknown, kind: FieldKind): string {
  if (value === undefined || value === null) return "";
  if (
    kind === "list" &&
    Array.isArray(value) &&
    value.every((item) => typeof item !== "object" && !/[,\n]/.test(String(item)))
  ) {
    // Beside numbers, quotation marks show that a text is not a number.
    const mixed = value.some((item) => typeof item === "number");
    return value.map((item) => (mixed && typeof item === "string" ? JSON.stringify(item) : String(item))).join(", ");
  }
  return kind === "json" || typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** A bound as a person writes it: multiples of π as such. */
function bound(value: number): string {
  const parts = value / Math.PI;
  const whole = Math.round(parts);
  if (whole === 0 || Math.abs(parts - whole) > 1e-9) return number(value);
  return `${whole < 0 ? "−" : ""}${Math.abs(whole) === 1 ? "" : Math.abs(whole)}π`;
}

/** What a person may type, in a few words; empty if there is nothing to say. */
export function constraint(field: Field): string {
  const { kind, schema } = field;
  const { minLength, maxLength, minimum, maximum, minItems, maxItems } = schema;
  switch (kind) {
    case "text":
      return (minLength ?? 0) > 1 || maxLength !== undefined
        ? between(minLength ?? 0, maxLength ?? null, "character")
        : "";
    case "integer":
    case "number":
      if (minimum !== undefined && maximum !== undefined) return `${bound(minimum)} to ${bound(maximum)}`;
      if (minimum !== undefined) return `${bound(minimum)} or more`;
      return maximum !== undefined ? `${bound(maximum)} or less` : "";
    case "list":
      if (itemSchema(field.schema, 0, field.root).anyOf)
        return 'Separated by commas; a text of digits in quotation marks, as "101"';
      return [
        minItems !== undefined || maxItems !== undefined ? between(minItems ?? 0, maxItems ?? null, "value") : "",
        "Separated by commas",
      ]
        .filter(Boolean)
        .join(". ");
    case "json":
      return "Written as JSON";
    default:
      return "";
  }
}

function between(least: number, most: number | null, unit: string): string {
  const units = (count: number): string => `${number(count)} ${count === 1 ? unit : `${unit}s`}`;
  if (most === null) return `At least ${units(least)}`;
  if (least === most) return units(most);
  return least > 0 ? `${number(least)} to ${units(most)}` : `At most ${units(most)}`;
}
