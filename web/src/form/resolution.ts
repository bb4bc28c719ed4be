/** JSON Schema's indirections: $ref, allOf, and `null` as one of several types. Pure. */
import type { JsonSchema } from "../api/documents";

/** Deeper than this, a schema refers to itself. */
const DEEPEST = 16;

export interface Resolved {
  schema: JsonSchema;
  nullable: boolean;
}

/** Follows $ref, merges allOf, and takes `null` out of anyOf, oneOf and type. */
export function resolve(schema: JsonSchema, root: JsonSchema, depth = 0): Resolved {
  if (depth > DEEPEST) return { schema, nullable: false };
  const { $ref, allOf, anyOf, oneOf, ...own } = schema;
  let merged: JsonSchema = own;
  let nullable = false;

  for (const part of [...($ref ? [lookup($ref, root)] : []), ...(allOf ?? [])]) {
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
    } else {
      merged = { ...merged, anyOf: others };
    }
  }
  if (Array.isArray(merged.type)) {
    nullable ||= merged.type.includes("null");
    const types = merged.type.filter((type) => type !== "null");
    const { type: _type, ...rest } = merged;
    merged = types.length === 1 ? { ...rest, type: types[0]! } : { ...rest, anyOf: types.map((type) => ({ type })) };
  }
  return { schema: merged, nullable };
}

/** The schema of an array's item at `index`, resolved; an empty one if the schema has none. */
export function itemSchema(schema: JsonSchema, index: number, root: JsonSchema): JsonSchema {
  const item = schema.prefixItems?.[index] ?? (typeof schema.items === "object" ? schema.items : {});
  return resolve(item, root).schema;
}

function lookup(ref: string, root: JsonSchema): JsonSchema {
  let at: unknown = root;
  for (const part of ref.replace(/^#\/?/, "").split("/").filter(Boolean)) {
    at = (at as Record<string, unknown> | undefined)?.[part.replace(/~1/g, "/").replace(/~0/g, "~")];
  }
  return (at as JsonSchema | undefined) ?? {};
}
