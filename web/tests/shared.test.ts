import { describe, expect, test } from "vitest";
import { conditions, isFixed } from "../src/form/conditions";
import { measured, share, significant } from "../src/shared/numbers";
import { described } from "../src/views/fields";
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

test("an answer's fields have titles, units, and one row for a value with its uncertainty", () => {
  const rows = described(
    { fidelity: 0.9834, fidelity_error: 0.0029, success_probability: 0.77, unheard_of: 0.123456 },
    1024,
  );
  expect(rows).toEqual([
    ["Fidelity", "98.34 ± 0.29 %"],
    ["Shots that found it", "77.0 ± 1.3 %"],
    ["Unheard of", "0.1235"],
  ]);
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
