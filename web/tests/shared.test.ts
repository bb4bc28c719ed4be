import { describe, expect, test } from "vitest";
import type { JsonSchema } from "../src/api/documents";
import { conditions, isFixed } from "../src/form/conditions";
import { measured, share, significant } from "../src/shared/numbers";
import { described, listText, plain, scalarText } from "../src/views/fields";
import { meaningOf, type Meaning } from "../src/views/meaning";
import { logLikelihood } from "../src/views/parts/likelihood";
import { words } from "../src/shared/words";

describe("numbers", () => {
  test.each([
    [0.93, 0.008, "0.930 ± 0.008"],
    [-1.8505, 0.0027, "−1.8505 ± 0.0027"],
    [0.19990295, 0.002129, "0.1999 ± 0.0021"],
    [1234.5, 31, "1,235 ± 31"],
    [0.5, null, "0.5"],
    [0.5, 0, "0.5"],
  ])("%d with %d is %s", (value, error, text) => expect(measured(value, error)).toBe(text));

  test.each([
    [0.9999999999999987, "1"],
    [-1.2207031249988898e-5, "−1.22 × 10⁻⁵"],
    [0.123456789, "0.1235"],
    [1024, "1,024"],
    [0, "0"],
    [Number.NaN, "–"],
  ])("%d is written as %s", (value, text) => expect(significant(value)).toBe(text));

  test("shares are percent", () => {
    expect([share(0.25), share(1), share(0.9834, 0.0029), share(2 / 3)]).toEqual([
      "25 %",
      "100 %",
      "98.34 ± 0.29 %",
      "66.7 %",
    ]);
  });
});

describe("an answer's fields", () => {
  const turns = { type: "number", title: "Phase", "x-unit": "turns" };
  const meaning = meaningOf({
    properties: {
      fidelity: { title: "Fidelity", "x-unit": "fidelity from 0 to 1" },
      success_probability: { title: "Shots that found it", "x-unit": "share from 0 to 1" },
      lower: { title: "Lower end", "x-unit": "probability from 0 to 1" },
      phase: turns,
      difference: { title: "Difference", "x-unit": "turns" },
      queries: { title: "Asked", "x-unit": "queries on average" },
      bits: { title: "Sifted bits", "x-unit": "bits" },
      energy: { title: "Energy", "x-unit": "unit of the coefficients" },
      exact_energy: { title: "Exact energy", "x-unit": "unit of the coefficients" },
      pairs: { title: "By pair", items: { "x-unit": "share from 0 to 1" } },
      found: { title: "Found", anyOf: [{ $ref: "#/$defs/Found" }, { type: "null" }] },
    },
    $defs: { Found: { properties: { phase: turns } } },
  });
  const shown = (answer: Record<string, unknown>, shots: number | null = null): unknown[] =>
    described(answer, meaning, shots).map(({ title, value, meaning: own }) => [
      title,
      typeof value === "number" ? scalarText(value, own) : value,
    ]);

  test("have the schema's titles and units, and one row for a value with its uncertainty", () =>
    expect(
      shown(
        { fidelity: 0.9834, fidelity_error: 0.0029, success_probability: 0.77, unheard_of: 0.123456, queries: 1 },
        1024,
      ),
    ).toEqual([
      ["Fidelity", "98.34 ± 0.29 %"],
      ["Shots that found it", "77.0 ± 1.3 %"],
      ["Unheard of", "0.1235"],
      ["Asked", "1 query on average"],
    ]));

  test("have the digits that the uncertainty beside them leaves", () =>
    expect(
      shown({ phase: 0.29974, error: 0.00049, difference: -0.000256, lower: 0.29, bits: 57 }).concat(
        shown({ energy: -1.85209, uncertainty: 0.0034, exact_energy: -1.857275 }),
      ),
    ).toEqual([
      ["Phase", "0.2997 ± 0.0005 turns"],
      ["Difference", "−0.0003 ± 0.0005 turns"],
      ["Lower end", "0.2900"],
      ["Sifted bits", "57"],
      ["Energy", "−1.8521 ± 0.0034"],
      ["Exact energy", "−1.8573"],
    ]));

  test("are exact where an uncertainty is zero or unknown", () =>
    expect(shown({ energy: -1.85209, uncertainty: null, exact_energy: -1.857275 })).toEqual([
      ["Energy", "−1.852"],
      ["Uncertainty", null],
      ["Exact energy", "−1.857"],
    ]));

  test("are known in lists and objects too", () => {
    const [pairs, found] = described({ pairs: [0.5], found: { phase: 0.25 } }, meaning, null);
    expect(listText([0.5, 1], pairs!.meaning.items!)).toBe("50 %, 100 %");
    const [radians, queries] = ["radians", "queries"].map((unit) => meaningOf({ "x-unit": unit }));
    expect([listText([0.25, -1], radians!), listText([1], queries!), listText(["a", true], radians!)]).toEqual([
      "0.25, −1 radians",
      "1 query",
      "a, Yes",
    ]);
    expect(
      plain({ phase: 0.25 }, found!.meaning).map((row) => [row.title, scalarText(row.value, row.meaning)]),
    ).toEqual([["Phase", "0.25 turns"]]);
  });

  test("may have any name, and a schema any value", () => {
    const odd = meaningOf({ properties: { a: null, b: true, ["__proto__"]: { title: "P" } } } as unknown as JsonSchema);
    const rows = described({ "": 0.5, other: 0.25, a: 1, ["__proto__"]: 2 }, odd, null);
    expect(rows.map(({ title, value }) => [title, String(value)])).toEqual([
      ["", "0.5"],
      ["Other", "0.25"],
      ["A", "1"],
      ["P", "2"],
    ]);
  });

  test("of a schema that refers to itself are followed to a bound", () => {
    let deep: Meaning | null = meaningOf({ $ref: "#/$defs/A", $defs: { A: { items: { $ref: "#/$defs/A" } } } });
    for (let depth = 0; deep; depth += 1, deep = deep.items) expect(depth).toBeLessThan(10);
  });
});

test("names of the service are words", () => {
  expect(words("phi_plus")).toBe("Φ⁺ (phi plus)");
  expect(words("aer_simulator_noisy_fez")).toBe("aer_simulator_noisy_fez");
});

describe("fields that apply", () => {
  const schema = {
    properties: {
      kind: { type: "string" },
      mask: { type: "string" },
      truth_table: {},
      own: { "x-when": { kind: ["a"] } },
    },
    if: { properties: { kind: { const: "truth_table" } } },
    else: { properties: { truth_table: { type: "null" } } },
  };

  test("are found in the schema, and for known functions", () =>
    expect(Object.fromEntries(conditions("deutsch_jozsa", schema))).toEqual({
      mask: { field: "kind", values: ["balanced"] },
      truth_table: { field: "kind", values: ["truth_table"] },
      own: { field: "kind", values: ["a"] },
    }));

  test("one value is no choice", () =>
    expect([isFixed({ minimum: 1, maximum: 1 }), isFixed({ minimum: 1 })]).toEqual([true, false]));
});

test("the likelihood is largest at the probability that the counts show", () => {
  const counts = {
    powers: [0, 1],
    hits: [200, 1000 * Math.sin(3 * Math.asin(Math.sqrt(0.2))) ** 2],
    shots: [1000, 1000],
  };
  const at = (p: number): number => logLikelihood(p, counts, 0);
  expect(at(0.2)).toBeGreaterThan(at(0.19));
  expect(at(0.2)).toBeGreaterThan(at(0.21));
});
