import { describe, expect, test } from "vitest";
import { parse } from "../../src/form/input";
import { constraint, humanize, schemaToFields, show, type Field } from "../../src/form/schema";
import type { JsonSchema } from "../../src/api/documents";

const emoticon = (title: string, example: string): JsonSchema => ({
  type: "string",
  minLength: 1,
  maxLength: 8,
  pattern: "^[ -~]+$",
  title,
  examples: [example],
});
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

const one = (property: JsonSchema, required = true): Field =>
  schemaToFields({ properties: { x: property }, required: required ? ["x"] : [] })[0]!;
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
    expect(fields[2]).toMatchObject({
      label: "Backend type",
      choices: [
        { value: "simulator", label: "Simulator" },
        { value: "noisy_simulator", label: "Noisy simulator" },
        { value: "hardware" },
      ],
    });
    expect(fields[3]).toMatchObject({ label: "Backend", nullable: true, schema: { maxLength: 64 } });
    expect(fields.map(constraint)).toEqual([
      "1 to 8 characters",
      "1 to 8 characters",
      "",
      "At most 64 characters",
      "1 to 100,000",
    ]);
  });

  test.each<[string, JsonSchema, Partial<Field>]>([
    ["null in type", { type: ["number", "null"] }, { kind: "number", nullable: true }],
    ["null in enum", { anyOf: [{ enum: ["a", "b"] }, { type: "null" }] }, { kind: "choice", nullable: true }],
    [
      "const titles",
      {
        oneOf: [
          { const: 1, title: "One" },
          { const: 2, title: "Two" },
        ],
      },
      {
        kind: "choice",
        choices: [
          { value: 1, label: "One" },
          { value: 2, label: "Two" },
        ],
      },
    ],
    [
      "allOf around $ref",
      { allOf: [{ type: "integer", minimum: 2 }], title: "N" },
      { kind: "integer", schema: { minimum: 2 }, label: "N" },
    ],
    ["array of anything", { type: "array", examples: [["101"]] }, { kind: "json", initial: '["101"]' }],
    [
      "array of texts",
      { type: "array", items: { type: "string" }, examples: [["101", "011"]] },
      { kind: "list", initial: "101, 011" },
    ],
    [
      "array of texts with commas",
      { type: "array", items: { type: "string" }, default: ["a,b"] },
      { kind: "list", initial: '["a,b"]' },
    ],
    [
      "array of number lists",
      { type: "array", items: { type: "array", items: { type: "number" } }, default: [[1, 2]] },
      { kind: "matrix", initial: "[[1,2]]" },
    ],
    [
      "array of edges",
      {
        type: "array",
        items: { type: "array", prefixItems: [{ type: "integer" }, { type: "integer" }, { type: "number" }] },
      },
      { kind: "graph" },
    ],
    [
      "array of terms",
      { type: "array", items: { type: "array", prefixItems: [{ type: "string" }, { type: "number" }] } },
      { kind: "terms" },
    ],
    ["array of objects", { type: "array", items: { type: "object" } }, { kind: "json" }],
    ["a hint over the type", { type: "array", items: {}, "x-control": "graph" }, { kind: "graph" }],
    [
      "a program",
      { type: "string", "x-control": "openqasm", default: "OPENQASM 3.0;" },
      { kind: "openqasm", initial: "OPENQASM 3.0;" },
    ],
    ["an unknown hint", { type: "integer", "x-control": "hologram" }, { kind: "integer" }],
    ["union of types", { anyOf: [{ type: "string" }, { type: "integer" }] }, { kind: "json" }],
    ["boolean", { type: "boolean", default: true }, { kind: "boolean", initial: "true" }],
    ["required choice without default", { enum: ["a", "b"] }, { initial: "a" }],
    ["unknown $ref", { $ref: "#/$defs/none" }, { kind: "json" }],
  ])("%s", (_name, property, expected) => expect(one(property)).toMatchObject(expected));

  test("a schema that refers to itself does not hang the page", () => {
    expect(
      schemaToFields({ $defs: { a: { $ref: "#/$defs/a" } }, properties: { x: { $ref: "#/$defs/a" } } }),
    ).toHaveLength(1);
  });

  test("what is the function's own comes first", () => {
    const { properties, ...rest } = smile;
    const { backend_type, backend, shots, ...own } = properties!;
    const fields = schemaToFields({
      ...rest,
      properties: { backend_type: backend_type!, backend: backend!, shots: shots!, ...own },
    });
    expect(fields.map(({ name }) => name)).toEqual(["emoticon_1", "emoticon_2", "backend_type", "backend", "shots"]);
  });

  test("what must be given comes before what may be", () => {
    const fields = schemaToFields({
      required: ["b", "shots"],
      properties: { a: { type: "integer" }, shots: { type: "integer" }, b: { type: "integer" } },
    });
    expect(fields.map(({ name }) => name)).toEqual(["b", "a", "shots"]);
  });

  test("names become labels", () =>
    expect([humanize("max_iterations"), humanize("N"), humanize("backend")]).toEqual([
      "Max iterations",
      "N",
      "Backend",
    ]));
});

describe("what is typed", () => {
  const list = one({ type: "array", items: { type: "number", maximum: 5 }, minItems: 2 });
  const matrix = one({ type: "array", items: { type: "array", items: { type: "number" }, maxItems: 2 } });
  const edge = {
    type: "array",
    prefixItems: [{ type: "integer", minimum: 0 }, { type: "integer", minimum: 0 }, { type: "number" }],
  };
  const graph = one({ type: "array", items: edge, "x-control": "graph" });
  const terms = one({
    type: "array",
    items: { type: "array", prefixItems: [{ type: "string", pattern: "^[IXYZ]+$" }, { type: "number" }] },
  });
  const [first, , type, backend, shots] = schemaToFields(smile) as [Field, Field, Field, Field, Field];

  test("is the value the function takes", () => {
    expect(parse(first, " :) ")).toEqual({ ok: true, value: " :) ", absent: false });
    expect(parse(shots, "1e3")).toEqual({ ok: true, value: 1000, absent: false });
    expect(parse(type, "hardware")).toEqual({ ok: true, value: "hardware", absent: false });
    expect(parse(backend, "")).toEqual({ ok: true, value: null, absent: true });
    expect(parse(list, "0.1; 2\n3")).toEqual({ ok: true, value: [0.1, 2, 3], absent: false });
    expect(parse(list, "[1, 2]")).toEqual({ ok: true, value: [1, 2], absent: false });
    expect(parse(graph, "[[0,1,2.5]]")).toEqual({ ok: true, value: [[0, 1, 2.5]], absent: false });
    expect(parse(one({ type: "array", "x-control": "graph" }, false), "[]")).toEqual({
      ok: true,
      value: null,
      absent: true,
    });
    expect(parse(one({ anyOf: [{ type: "string" }, { type: "integer" }] }), "101")).toEqual({
      ok: true,
      value: 101,
      absent: false,
    });
    expect(parse(one({ anyOf: [{ type: "string" }, { type: "integer" }] }), "abc")).toEqual({
      ok: true,
      value: "abc",
      absent: false,
    });
    expect(parse(one({ type: "array" }), "[1, 2]")).toEqual({ ok: true, value: [1, 2], absent: false });
    expect(parse(one({ type: "boolean" }), "false")).toEqual({ ok: true, value: false, absent: false });
    expect(parse(one({ enum: [3, 5] }), "5")).toEqual({ ok: true, value: 5, absent: false });
    expect(parse(one({ type: "string" }), "")).toEqual({ ok: true, value: "", absent: false });
  });

  test.each<[string, Field, string, string]>([
    ["empty", first, "", "Fill in"],
    ["a list with too few", list, "0.1", "at least 2; there is 1"],
    ["a word in a list of numbers", list, "0.1, x, 3", "Entry 2: Write a number."],
    ["a list out of range", list, "0.1 0.2 7", "Entry 3: The most is 5."],
    ["a text in a matrix", matrix, '[[1,"x"],[3,4]]', "Row 1, column 2: Write a number."],
    ["a row too long", matrix, "[[1,2,3],[3,4]]", "Row 1: Give at most 2; there are 3."],
    ["a node that is none", graph, "[[0,1,1],[1,1.5,1]]", "Edge 2, to: Write a whole number."],
    ["an empty node", graph, '[["",1,1]]', "Edge 1, from: Write a number."],
    ["no edges", graph, "[]", "Fill in"],
    ["not a Pauli string", terms, '[["XQ",1]]', "Term 1, Pauli string: Use only the letters I, X, Y and Z"],
    ["an object without a field", one({ type: "object", required: ["a"] }), "{}", '"a" is missing'],
    ["twice the same", one({ type: "array", items: { type: "string" }, uniqueItems: true }), "a, b, a", "only once"],
    [
      "none of several types",
      one({ anyOf: [{ type: "integer", maximum: 3 }, { type: "boolean" }] }),
      "7",
      "The most is 3",
    ],
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

  test("numbers and texts in one list are told apart", () => {
    const marked = one({
      type: "array",
      items: {
        anyOf: [
          { type: "integer", minimum: 0 },
          { type: "string", pattern: "^[01]+$" },
        ],
      },
    });
    expect(parse(marked, '5, "101", 011')).toEqual({ ok: true, value: [5, "101", "011"], absent: false });
    expect(show([5, "101"], "list")).toBe('5, "101"');
    expect(constraint(marked)).toContain("quotation marks");
    expect(message(marked, "5, abc")).toContain("Entry 2: Use only the digits 0 and 1");
  });

  test("what is shown is read back as it was", () => {
    for (const [field, value] of [
      [list, [0.1, 2]],
      [matrix, [[1, 2]]],
      [graph, [[0, 1, 2]]],
      [terms, [["XZ", -0.5]]],
      [shots, 7],
      [first, ":)"],
    ] as [Field, unknown][])
      expect(parse(field, show(value, field.kind))).toMatchObject({ ok: true, value });
  });

  test("a schema that refers to itself is followed as deep as the value goes", () => {
    const [tree] = schemaToFields({
      $defs: { t: { type: "array", items: { $ref: "#/$defs/t" } } },
      properties: { x: { $ref: "#/$defs/t" } },
      required: ["x"],
    });
    expect(message(tree!, "[[[]], [3]]")).toContain("Entry 2, 1: Write a list.");
  });

  test("0.3 is a multiple of 0.1, and a pattern unknown to the browser is left to the gateway", () => {
    expect(message(one({ type: "number", multipleOf: 0.1 }), "0.3")).toBe("");
    expect(message(one({ type: "string", pattern: "(?P<a>x)" }), "y")).toBe("");
  });

  test("length is counted in characters, not in UTF-16 units", () =>
    expect(message(one({ type: "string", maxLength: 1 }), "😀")).toBe(""));
});
