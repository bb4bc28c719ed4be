/** One call of a function, in no particular language: what every printed program does. Pure. */

export interface Call {
  /** The address of the gateway's API, such as `https://host/api/v1`. */
  api: string;
  /** The function's id, as a part of an address. */
  name: string;
  /** What the form submits: all fields, those with defaults too. */
  input: Record<string, unknown>;
  /** A session needs a key, which the program reads from the environment variable `KEY`. */
  signIn: boolean;
}

export interface Language {
  id: string;
  label: string;
  /** The program of a call, which works as it is printed. */
  print: (call: Call) => string;
}

/** The environment variable of the key. A key that is written into a program is soon copied with it. */
export const KEY = "QWHISK_API_KEY";

/** The most characters of an input as JSON. A constant text of a Java class has at most 65,535 bytes. */
const LONGEST = 20_000;
/** The most levels of lists and objects that the gateway takes. */
const DEEPEST = 64;

export const toCall = (api: string, functionId: string, input: Record<string, unknown>, signIn: boolean): Call => ({
  api,
  name: encodeURIComponent(functionId),
  input,
  signIn,
});

/** True if an input can be written into a program. */
export const isPrintable = (input: Record<string, unknown>): boolean =>
  isWithin(input, DEEPEST) && JSON.stringify(input).length <= LONGEST;

const isWithin = (value: unknown, levels: number): boolean =>
  typeof value !== "object" ||
  value === null ||
  (levels > 0 && Object.values(value).every((item) => isWithin(item, levels - 1)));
