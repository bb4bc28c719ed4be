/** Values as literals of a language. Pure. */

export interface Dialect {
  text: (value: string, indent: string) => string;
  /** The name of an object's field. */
  key: (name: string) => string;
  yes: string;
  no: string;
  nothing: string;
  /** One level of indentation. */
  step: string;
  /** Between the braces and the fields of an object on one line. */
  padding: string;
  /** After the last item, if each has a line of its own. */
  last: string;
}

/** Columns in which a list or an object stays on one line. */
const WIDTH = 88;

/** The escape of each UTF-16 unit: an emoji has two. */
const escaped = (characters: string): string =>
  characters
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");

/**
 * A text in quotation marks, with escapes that mean the same in JSON, JavaScript and Python. Characters that cannot be
 * seen, or that change the direction of a line, are escapes too.
 */
export const quoted = (text: string): string =>
  JSON.stringify(text).replace(/[\p{C}\p{Z}]/gu, (found) => (found === " " ? found : escaped(found)));

/** The same in ASCII, for files whose encoding depends on the machine. */
export const ascii = (text: string): string => JSON.stringify(text).replace(/[^ -~]/g, escaped);

/** The lines of a text, each with its line break. */
export const lines = (text: string): string[] => text.split(/(?<=\n)/);

export const JSON_DIALECT: Dialect = {
  text: quoted,
  key: quoted,
  yes: "true",
  no: "false",
  nothing: "null",
  step: "  ",
  padding: "",
  last: "",
};

export const ASCII_JSON_DIALECT: Dialect = { ...JSON_DIALECT, text: ascii, key: ascii };

/** An input, with a line for each of its fields; `indent` is that of the line that it begins on. */
export const printInput = (input: Record<string, unknown>, dialect: Dialect, indent = ""): string =>
  print(input, dialect, indent, false);

function print(value: unknown, dialect: Dialect, indent: string, compact = true): string {
  switch (typeof value) {
    case "string":
      return dialect.text(value, indent);
    case "boolean":
      return value ? dialect.yes : dialect.no;
    case "object":
      return value === null ? dialect.nothing : printItems(value, dialect, indent, compact);
    default:
      // A number is written as in JSON, which all languages here read as the same number.
      return JSON.stringify(value);
  }
}

function printItems(value: object, dialect: Dialect, indent: string, compact: boolean): string {
  const deeper = indent + dialect.step;
  const isList = Array.isArray(value);
  const items = isList
    ? value.map((item) => print(item, dialect, deeper))
    : Object.entries(value).map(([name, item]) => `${dialect.key(name)}: ${print(item, dialect, deeper)}`);
  const [open, close, padding] = isList ? ["[", "]", ""] : ["{", "}", dialect.padding];
  if (items.length === 0) return open + close;
  const line = [open, padding, items.join(", "), padding, close].join("");
  if (compact && !line.includes("\n") && indent.length + line.length <= WIDTH) return line;
  return [open, "\n", items.map((item) => deeper + item).join(",\n"), dialect.last, "\n", indent, close].join("");
}
