/** What an output schema says of the fields of an answer. Pure. */
import type { JsonSchema } from "../api/documents";
import { resolve } from "../form/resolution";

export interface Meaning {
  /** Empty if the schema has none. */
  title: string;
  /** The unit of a number in words, or its range; empty if the schema has none. */
  unit: string;
  fields: Record<string, Meaning>;
  /** That of a list's items, or of an object's values whose names the schema does not know. */
  items: Meaning | null;
}

/** Objects in objects that are followed. A schema that refers to itself has no end. */
const DEEPEST = 4;

export const UNKNOWN: Meaning = { title: "", unit: "", fields: {}, items: null };

export function meaningOf(schema: JsonSchema, root: JsonSchema = schema, depth = 0): Meaning {
  if (depth > DEEPEST || !isSchema(schema)) return UNKNOWN;
  const { title, properties, items, additionalProperties: others, "x-unit": unit } = resolve(schema, root).schema;
  const each = isSchema(items) ? items : isSchema(others) ? others : null;
  return {
    title: typeof title === "string" ? title : "",
    unit: typeof unit === "string" ? unit : "",
    fields: Object.fromEntries(
      Object.entries(properties ?? {}).map(([name, field]) => [name, meaningOf(field, root, depth + 1)]),
    ),
    items: each && meaningOf(each, root, depth + 1),
  };
}

/** The meaning of a field of an object, or of all its fields. */
export const fieldMeaning = ({ fields, items }: Meaning, name: string): Meaning =>
  Object.hasOwn(fields, name) ? fields[name]! : (items ?? UNKNOWN);

const isSchema = (schema: unknown): schema is JsonSchema => typeof schema === "object" && schema !== null;
