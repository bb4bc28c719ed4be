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

/** The environment variable of the key. A key in the program would be copied together with it. */
export const KEY = "QWHISK_API_KEY";

/** The most seconds that a program waits for one answer. The gateway answers within the 60 s of `?wait=60`. */
export const TIMEOUT = 90;

export const toCall = (api: string, functionId: string, input: Record<string, unknown>, signIn: boolean): Call => ({
  api,
  name: encodeURIComponent(functionId),
  input,
  signIn,
});
