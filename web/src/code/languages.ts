/** The languages in which a call is printed, and the inputs that they can print; loaded when they are needed. */
import { curl } from "./curl";
import { java } from "./java";
import { javascript } from "./javascript";
import { ASCII_JSON_DIALECT, printInput } from "./literals";
import { python } from "./python";
import type { Language } from "./call";

export const LANGUAGES: Language[] = [curl, python, javascript, java];

/**
 * The most characters of an input as ASCII JSON, with its line breaks and indentation. That is the constant of the Java
 * program, and javac takes at most 65,535 bytes. The other languages have no lower limit.
 */
const LONGEST = 60_000;
/** The most levels of lists and objects that the gateway takes. */
const DEEPEST = 64;

/** True if an input can be written into a program. */
export const isPrintable = (input: Record<string, unknown>): boolean =>
  isWithin(input, DEEPEST) &&
  // The indentation of a deep input can be a hundred times as long as its values: the first test bounds the second.
  JSON.stringify(input).length <= LONGEST &&
  printInput(input, ASCII_JSON_DIALECT).length <= LONGEST;

const isWithin = (value: unknown, levels: number): boolean =>
  typeof value !== "object" ||
  value === null ||
  (levels > 0 && Object.values(value).every((item) => isWithin(item, levels - 1)));
