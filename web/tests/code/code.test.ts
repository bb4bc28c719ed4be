import { describe, expect, test } from "vitest";
import { KEY, toCall } from "../../src/code/call";
import { isPrintable, LANGUAGES } from "../../src/code/languages";
import { target } from "../../src/code/tabs";

const PROGRAM = 'OPENQASM 3.0;\nqubit[2] q;\n  h q[0]; // "it\'s"\n';
const printed = (input: Record<string, unknown>, signIn = false): Record<string, string> =>
  Object.fromEntries(LANGUAGES.map(({ id, print }) => [id, print(toCall("https://host/api/v1", "f", input, signIn))]));

test("a text of several lines keeps them, where the language can", () => {
  const { python, javascript, java, curl } = printed({ program: PROGRAM });
  expect(python).toContain(
    String.raw`    "program": (
        "OPENQASM 3.0;\n"
        "qubit[2] q;\n"
        "  h q[0]; // \"it's\"\n"
    ),`,
  );
  expect(javascript).toContain(
    String.raw`  program: [
    "OPENQASM 3.0;",
    "qubit[2] q;",
    "  h q[0]; // \"it's\"",
    "",
  ].join("\n"),`,
  );
  expect(java).toContain(
    String.raw`          "program": "OPENQASM 3.0;\\n\
        qubit[2] q;\\n\
          h q[0]; // \\"it's\\"\\n"
`,
  );
  expect(curl).toContain(String.raw`"program": "OPENQASM 3.0;\nqubit[2] q;\n  h q[0]; // \"it'\''s\"\n"`);
});

test("short lists stay on one line, and long ones have a line for each item", () => {
  const edges = Array.from({ length: 12 }, (_, at) => [at, at + 1, 0.5]);
  const { python } = printed({ marked: ["101", "011"], edges, none: [], empty: {}, seed: null, deep: true });
  expect(python).toContain('    "marked": ["101", "011"],\n    "edges": [\n        [0, 1, 0.5],\n');
  expect(python).toContain('    "none": [],\n    "empty": {},\n    "seed": None,\n    "deep": True,\n}');
});

test("nothing that ends or changes a script is in a JavaScript program", () => {
  const { javascript } = printed({ text: "</script><!--", "</script>": 1 });
  expect(javascript).not.toMatch(/<[/!]/);
});

test("characters that cannot be seen, or that turn a line around, are escapes", () => {
  for (const text of Object.values(printed({ text: "\u202e\u200b\u00a0\u2028\u007f\ufeff" })))
    expect(text).toMatch(/^[ -~\n]*$/);
});

test("a key is the environment's, and is asked for only where a session needs one", () => {
  for (const text of Object.values(printed({}, true))) expect(text).toContain(KEY);
  for (const text of Object.values(printed({}))) expect(text).not.toContain(KEY);
});

test("the comments of the shell script have no quotation marks: an interactive zsh runs them as commands", () => {
  const comments = printed({}, true)
    .curl!.split("\n")
    .filter((line) => line.startsWith("#"));
  expect(comments.length).toBeGreaterThan(3);
  for (const comment of comments) expect(comment).toMatch(/^[^'"`$*?[\]()]*$/);
});

describe("an input that is too long or too deep", () => {
  const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
  /** A list of a hundred numbers, at this level. */
  const wide = (level: number): unknown => (level === 0 ? Array(100).fill(1) : [wide(level - 1)]);
  test.each<[string, Record<string, unknown>, boolean]>([
    ["short enough", { text: "a".repeat(59_900) }, true],
    ["too long", { text: "a".repeat(60_000) }, false],
    ["with line breaks, short enough", { text: "\n".repeat(29_900) }, true],
    ["with line breaks, too long", { text: "\n".repeat(30_000) }, false],
    ["with Cyrillic letters, short enough", { text: "ж".repeat(9_900) }, true],
    ["with Cyrillic letters, too long", { text: "ж".repeat(10_000) }, false],
    ["with Cyrillic names, too long", { ["ж".repeat(10_000)]: 1 }, false],
    ["with indentation, too long", { list: Array(30).fill(wide(60)) }, false],
    ["deep enough", { list: nested(63) }, true],
    ["too deep", { list: nested(64) }, false],
    ["much too deep", { list: nested(5_000) }, false],
  ])("is not printed: %s", (_, input, printable) => expect(isPrintable(input)).toBe(printable));
});

test.each<[string, number, number | null]>([
  ["ArrowRight", 0, 1],
  ["ArrowRight", 3, 0],
  ["ArrowLeft", 0, 3],
  ["Home", 2, 0],
  ["End", 1, 3],
  ["Enter", 1, null],
])("%s on tab %d leads to %s", (key, at, to) => expect(target(key, at, 4)).toBe(to));
