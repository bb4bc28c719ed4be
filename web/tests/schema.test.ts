import { describe, expect, test } from "vitest";
import { constraint, humanize, parse, schemaToFields, type Field } from "../src/schema";
import type { JsonSchema } from "../src/types";

const emoticon = (title: string, example: string): JsonSchema => ({ type: "string", minLength: 1, maxLength: 8, pattern: "^[ -~]+$", title, examples: [example] });
const smile: JsonSchema = {
  type: "object",
  required: ["emoticon_1", "emoticon_2"],
  $defs: { BackendType: { type: "string", enum: ["simulator", "noisy_simulator", "hardware"], title: "BackendType" } },
  properties: {
    emoticon_1: emoticon("First emoticon", ":)"),
    emoticon_2: emoticon("Second emoticon", ":("),
    backend_type: { $ref: "#/$defs/BackendType", default: "simulator", title: "Backend type" },
    backend: { anyOf: [{ type: "string", maxLength: 64 }, { type: "null" }], default: null },
    shots: { type: "integer", minimum: 1, maximum: 100000, default: 1024, title: "Shots" },
    client_id: { anyOf: [{ type: "string" }, { type: "null" }], default: null },
  },
};

const one = (property: JsonSchema, required = true): Field => schemaToFields({ properties: { x: property }, required: required ? ["x"] : [] })[0]!;
const message = (field: Field, typed: string): string => {
  const parsed = parse(field, typed);
  return parsed.ok ? "" : parsed.message;
};

describe("fields", () => {
  test("the schema of a function becomes its form, in its order", () => {
    const fields = schemaToFields(smile);
    expect(fields.map(({ name, kind, initial, required }) => [name, kind, initial, required])).toEqual([
      ["emoticon_1", "text", ":)", true],
      ["emoticon_2", "text", ":(", true],
      ["backend_type", "choice", "simulator", false],
      ["backend", "text", "", false],
      ["shots", "integer", "1024", false],
    ]);
    expect(fields[2]).toMatchObject({ label: "Backend type", choices: [{ value: "simulator", label: "Simulator" }, { value: "noisy_simulator", label: "Noisy simulator" }, { value: "hardware" }] });
    expect(fields[3]).toMatchObject({ label: "Backend", nullable: true, maxLength: 64 });
    expect(fields.map(constraint)).toEqual(["1 to 8 characters", "1 to 8 characters", "", "At most 64 characters", "1 to 100,000"]);
  });

  test.each<[string, JsonSchema, Partial<Field>]>([
    ["null in type", { type: ["number", "null"] }, { kind: "number", nullable: true }],
    ["null in enum", { anyOf: [{ enum: ["a", "b"] }, { type: "null" }] }, { kind: "choice", nullable: true }],
    ["const titles", { oneOf: [{ const: 1, title: "One" }, { const: 2, title: "Two" }] }, { kind: "choice", choices: [{ value: 1, label: "One" }, { value: 2, label: "Two" }] }],
    ["allOf around $ref", { allOf: [{ type: "integer", minimum: 2 }], title: "N" }, { kind: "integer", minimum: 2, label: "N" }],
    ["array", { type: "array", examples: [["101"]] }, { kind: "json", initial: '["101"]' }],
    ["union of types", { anyOf: [{ type: "string" }, { type: "integer" }] }, { kind: "json" }],
    ["boolean", { type: "boolean", default: true }, { kind: "boolean", initial: "true" }],
    ["required choice without default", { enum: ["a", "b"] }, { initial: "a" }],
    ["unknown $ref", { $ref: "#/$defs/none" }, { kind: "json" }],
  ])("%s", (_name, property, expected) => expect(one(property)).toMatchObject(expected));

  test("a schema that refers to itself does not hang the page", () => {
    expect(schemaToFields({ $defs: { a: { $ref: "#/$defs/a" } }, properties: { x: { $ref: "#/$defs/a" } } })).toHaveLength(1);
  });

  test("what is the function's own comes first", () => {
    const { properties, ...rest } = smile;
    const { backend_type, backend, shots, ...own } = properties!;
    const fields = schemaToFields({ ...rest, properties: { backend_type: backend_type!, backend: backend!, shots: shots!, ...own } });
    expect(fields.map(({ name }) => name)).toEqual(["emoticon_1", "emoticon_2", "backend_type", "backend", "shots"]);
  });

  test("names become labels", () => expect([humanize("max_iterations"), humanize("N"), humanize("backend")]).toEqual(["Max iterations", "N", "Backend"]));
});

describe("what is typed", () => {
  const [first, , type, backend, shots] = schemaToFields(smile) as [Field, Field, Field, Field, Field];

  test("is the value the function takes", () => {
    expect(parse(first, " :) ")).toEqual({ ok: true, value: " :) ", absent: false });
    expect(parse(shots, "1e3")).toEqual({ ok: true, value: 1000, absent: false });
    expect(parse(type, "hardware")).toEqual({ ok: true, value: "hardware", absent: false });
    expect(parse(backend, "")).toEqual({ ok: true, value: null, absent: true });
    expect(parse(one({ type: "array" }), "[1, 2]")).toEqual({ ok: true, value: [1, 2], absent: false });
    expect(parse(one({ type: "boolean" }), "false")).toEqual({ ok: true, value: false, absent: false });
    expect(parse(one({ enum: [3, 5] }), "5")).toEqual({ ok: true, value: 5, absent: false });
    expect(parse(one({ type: "string" }), "")).toEqual({ ok: true, value: "", absent: false });
  });

  test.each<[string, Field, string, string]>([
    ["empty", first, "", "Fill in"],
    ["too long", first, "123456789", "at most 8 characters; there are 9"],
    ["not ASCII", first, "☺", "printable ASCII"],
    ["too small", shots, "0", "The least is 1"],
    ["too large", shots, "100001", "The most is 100,000"],
    ["not whole", shots, "1.5", "whole number"],
    ["not a number", shots, "NaN", "Write a number"],
    ["not an option", type, "cloud", "one of the options"],
    ["not JSON", one({ type: "object" }), "{", "not valid JSON"],
    ["not above", one({ type: "number", exclusiveMinimum: 0 }), "0", "more than 0"],
    ["not a multiple", one({ type: "number", multipleOf: 0.1 }), "0.25", "multiple of 0.1"],
    ["another pattern", one({ type: "string", pattern: "^[01]+$", examples: ["101"] }), "102", "for example 101"],
  ])("%s is told in words", (_name, field, typed, words) => expect(message(field, typed)).toContain(words));

  test("0.3 is a multiple of 0.1, and a pattern unknown to the browser is left to the gateway", () => {
    expect(message(one({ type: "number", multipleOf: 0.1 }), "0.3")).toBe("");
    expect(message(one({ type: "string", pattern: "(?P<a>x)" }), "y")).toBe("");
  });

  test("length is counted in characters, not in UTF-16 units", () => expect(message(one({ type: "string", maxLength: 1 }), "😀")).toBe(""));
});
