/** Random inputs of texts, numbers, lists and objects that are easy to write wrongly in some language. */

/** Quotation marks, escapes, substitutions, comments, ends of scripts and texts, invisible and wide characters. */
const PIECES = [
  ...Array.from("'\"`\\$%!#&|;<>(){}[]*?~^@=:,./- \t\n\r\b\f\v\0\x7f"),
  ...[
    "\\n",
    "\\u0041",
    "\\",
    "\\\\",
    "\n\n",
    "\r\n",
    "  ",
    "\n  ",
    " \n",
    "\n\t",
    '"""',
    "'''",
    "'\\''",
    "\\\n",
    "\\'",
  ],
  ...[
    "${HOME}",
    "$(id)",
    "`id`",
    "$HOME",
    "%s",
    "%n",
    "{0}",
    "{{",
    "!!",
    "//",
    "/*",
    "*/",
    "#",
    "-- ",
    "\nJSON\n",
    "EOF",
  ],
  ...[
    "</script>",
    "<!--",
    "-->",
    "<script>",
    "]]>",
    "&amp;",
    "OPENQASM 3.0;\n",
    "h q[0];\n",
    "True",
    "null",
    "__proto__",
  ],
  ...[
    "é",
    "ß",
    "ж",
    "中",
    "😀",
    "👩‍💻",
    "🇮🇹",
    "e\u0301",
    "\u00a0",
    "\u00ad",
    "\u0085",
    "\u200b",
    "\u200d",
    "\u202e",
    "\u2028",
  ],
  ...["\u2029", "\u2066", "\ufeff", "\ufffd", "\uffff", "\ud800", "\udc00", "\u{e0001}", "\u{10ffff}", "a", "b c", "0"],
];
const NUMBERS = [
  ...[0, -0, 1, -1, 0.1, -2.5, 1e-7, 5e-324, 1e21, 1.7976931348623157e308, 123456789, 2 ** 31, 2 ** 53, -(2 ** 53)],
  ...[Number.MAX_SAFE_INTEGER, 12345678901234567000, 1 / 3, Math.PI],
];
const NAMES = [
  "a",
  "a_b",
  "class",
  "true",
  "constructor",
  "__proto__",
  "",
  "1",
  "a b",
  "a-b",
  'a"b',
  "a'b",
  "$a",
  "é",
  "</script>",
];

/** Random numbers from 0 to 1, the same ones for the same seed (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** All pieces and numbers, each at least once, and random compositions of them. */
export function oddInput(seed: number): Record<string, unknown> {
  const random = generator(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const of = <T>(all: T[]): T => all[below(all.length)]!;
  const list = <T>(most: number, make: () => T): T[] => Array.from({ length: below(most + 1) }, make);
  const text = (): string => list(8, () => of(PIECES)).join("");
  const value = (levels: number): unknown => {
    const kind = below(levels > 0 ? 7 : 4);
    if (kind < 2) return text();
    if (kind === 2) return of(NUMBERS);
    if (kind === 3) return of([true, false, null]);
    return kind < 6 ? list(5, () => value(levels - 1)) : object(4, levels - 1);
  };
  // Unlike an assignment, this makes `__proto__` a field like any other.
  const object = (most: number, levels: number): Record<string, unknown> =>
    Object.fromEntries(list(most, () => [of(NAMES), value(levels)]));
  return {
    pieces: PIECES,
    numbers: NUMBERS,
    names: Object.fromEntries(NAMES.map((name) => [name, name])),
    ...Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`random_${at}`, value(3)])),
  };
}
