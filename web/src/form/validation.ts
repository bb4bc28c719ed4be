/** Checks a value against a JSON Schema and describes the first error in plain words. Pure. */
import { itemSchema, resolve } from "./resolution";
import type { JsonSchema } from "../api/documents";

export interface Violation {
  path: (string | number)[];
  message: string;
}

/** The first thing wrong with `value`, or null. What a browser cannot judge is left to the gateway. */
export function violation(
  value: unknown,
  schema: JsonSchema,
  root: JsonSchema = schema,
  path: Violation["path"] = [],
): Violation | null {
  // A schema that refers to itself is followed as deep as the value goes, and not further.
  if (path.length > 16) return null;
  const { schema: resolved, nullable } = resolve(schema, root);
  if (value === null && nullable) return null;
  const message = own(value, resolved);
  if (message) return { path, message };
  if (resolved.anyOf) return ofAny(value, resolved.anyOf, root, path);
  if (Array.isArray(value)) return ofArray(value, resolved, root, path);
  if (isObject(value)) return ofObject(value, resolved, root, path);
  return null;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function ofAny(value: unknown, variants: JsonSchema[], root: JsonSchema, path: Violation["path"]): Violation | null {
  const found = variants.map((variant) => violation(value, variant, root, path));
  if (found.includes(null)) return null;
  // The variant of the value's own type says best what is wrong.
  const fitting = variants.findIndex((variant) => wrongType(value, resolve(variant, root).schema.type) === null);
  return found[Math.max(0, fitting)] ?? null;
}

function ofArray(value: unknown[], schema: JsonSchema, root: JsonSchema, path: Violation["path"]): Violation | null {
  for (const [index, item] of value.entries()) {
    const found = violation(item, itemSchema(schema, index, root), root, [...path, index]);
    if (found) return found;
  }
  return null;
}

function ofObject(
  value: Record<string, unknown>,
  schema: JsonSchema,
  root: JsonSchema,
  path: Violation["path"],
): Violation | null {
  const missing = (schema.required ?? []).find((name) => !(name in value));
  if (missing !== undefined) return { path, message: `"${missing}" is missing.` };
  for (const [name, item] of Object.entries(value)) {
    const property = schema.properties?.[name];
    const found = property ? violation(item, property, root, [...path, name]) : null;
    if (found) return found;
  }
  return null;
}

/** What is wrong with the value itself, apart from its contents. */
function own(value: unknown, schema: JsonSchema): string | null {
  const type = typeof schema.type === "string" ? wrongType(value, schema.type) : null;
  if (type) return type;
  const options =
    schema.oneOf?.map((option) => option.const) ?? schema.enum ?? (schema.const === undefined ? null : [schema.const]);
  if (options && !options.some((option) => same(option, value)))
    return `Choose one of ${options.map(String).join(", ")}.`;
  if (typeof value === "string") return wrongText(value, schema);
  if (typeof value === "number") return wrongNumber(value, schema);
  return Array.isArray(value) ? wrongLength(value, schema) : null;
}

const same = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

function wrongType(value: unknown, type: JsonSchema["type"]): string | null {
  switch (type) {
    case "integer":
      return typeof value !== "number" || !Number.isFinite(value)
        ? "Write a number."
        : Number.isInteger(value)
          ? null
          : "Write a whole number.";
    case "number":
      return typeof value === "number" && Number.isFinite(value) ? null : "Write a number.";
    case "string":
      return typeof value === "string" ? null : "Write a text.";
    case "boolean":
      return typeof value === "boolean" ? null : "Write true or false.";
    case "array":
      return Array.isArray(value) ? null : "Write a list.";
    case "object":
      return isObject(value) ? null : "Write an object.";
    default:
      return null;
  }
}

function wrongText(text: string, schema: JsonSchema): string | null {
  // Counted as a person counts, not in UTF-16 units.
  const length = Array.from(text).length;
  if (schema.minLength !== undefined && length < schema.minLength)
    return length === 0 ? "Fill in this field." : `Use at least ${characters(schema.minLength)}.`;
  if (schema.maxLength !== undefined && length > schema.maxLength)
    return `Use at most ${characters(schema.maxLength)}; there are ${number(length)}.`;
  return schema.pattern !== undefined && !matches(schema.pattern, text) ? patternMessage(schema) : null;
}

const characters = (count: number): string => `${number(count)} ${count === 1 ? "character" : "characters"}`;

/** Common patterns are described in words, others by an example or by the pattern itself. */
function patternMessage({ pattern = "", examples }: JsonSchema): string {
  if (/^\^\[( -~|\\x20-\\x7[eE])\][+*]\$$/.test(pattern))
    return "Use only letters, digits and signs of a plain keyboard (printable ASCII).";
  const example = examples?.find((one) => typeof one === "string");
  const form = pattern.startsWith("^[01]")
    ? "Use only the digits 0 and 1"
    : pattern.startsWith("^[IXYZ]")
      ? "Use only the letters I, X, Y and Z"
      : null;
  if (form) return `${form}${example ? `, for example ${example}` : ""}.`;
  return `This does not have the expected form${example ? `, for example ${example}` : ` (${pattern})`}.`;
}

function matches(pattern: string, text: string): boolean {
  try {
    return new RegExp(pattern, "u").test(text);
  } catch {
    return true; // Not a pattern this browser knows.
  }
}

function wrongNumber(
  value: number,
  { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf }: JsonSchema,
): string | null {
  if (minimum !== undefined && value < minimum) return `The least is ${number(minimum)}.`;
  if (maximum !== undefined && value > maximum) return `The most is ${number(maximum)}.`;
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum)
    return `It must be more than ${number(exclusiveMinimum)}.`;
  if (exclusiveMaximum !== undefined && value >= exclusiveMaximum)
    return `It must be less than ${number(exclusiveMaximum)}.`;
  if (multipleOf !== undefined && Math.abs(value / multipleOf - Math.round(value / multipleOf)) > 1e-9)
    return `It must be a multiple of ${multipleOf}.`;
  return null;
}

function wrongLength(value: unknown[], { minItems, maxItems, uniqueItems }: JsonSchema): string | null {
  if (minItems !== undefined && value.length < minItems)
    return `Give at least ${number(minItems)}; there ${value.length === 1 ? "is" : "are"} ${number(value.length)}.`;
  if (maxItems !== undefined && value.length > maxItems)
    return `Give at most ${number(maxItems)}; there are ${number(value.length)}.`;
  if (uniqueItems && new Set(value.map((item) => JSON.stringify(item))).size < value.length)
    return "Give each one only once.";
  return null;
}

export const number = (value: number): string => value.toLocaleString("en", { maximumFractionDigits: 12 });
