/**
 * The fields of answers as text. Titles and units are those of the function's output schema, and a number has the
 * digits that its uncertainty leaves. A field that the schema does not have is shown with its name in words.
 */
import { humanize } from "../form/schema";
import { fixed, measured, places, sampling, share, significant, signSampling } from "../shared/numbers";
import { words } from "../shared/words";
import { fieldMeaning, type Meaning } from "./meaning";

/** Shares of the job's shots: their uncertainty follows from the number of shots. */
const SAMPLED = new Set([
  "agreement",
  "alice",
  "all_one",
  "all_zero",
  "optimum_probability",
  "success",
  "success_probability",
  "success_rate",
  "zeros_probability",
]);
/** Averages over the job's shots of values that are 1 or -1. */
const AVERAGES = new Set(["correlations"]);
/** The fields that have other fields' uncertainties. */
const UNCERTAINTIES = new Map([
  ["difference", "error"],
  ["energy", "uncertainty"],
  // A difference from the exact value, where there is an `uncertainty` too.
  ["error", "uncertainty"],
  ["estimate", "error"],
  ["fidelity", "fidelity_error"],
  ["phase", "error"],
]);
/** Values that are read beside a measured one have as many digits as its uncertainty leaves. */
const BESIDE = new Map([
  ["exact", "error"],
  ["exact_energy", "uncertainty"],
  ["exact_phase", "error"],
  ["lower", "error"],
  ["upper", "error"],
]);
/** Estimates of errors: more than two digits of them mean nothing. */
const ROUGH = new Set(["classical_error", "expected_error", "largest_difference", "smallest_eigenvalue"]);
/** Shown elsewhere: in the counts, or as the job's data. */
const ELSEWHERE = new Set(["outcomes", "registers", "shots"]);

export interface Row {
  title: string;
  /** Text, or what is not text yet. */
  value: unknown;
  meaning: Meaning;
}

/** The fields of an answer, those that are another's uncertainty left out. */
export function described(answer: Record<string, unknown>, meaning: Meaning, shots: number | null): Row[] {
  const uncertainties = new Set(
    Object.keys(answer)
      .map((name) => UNCERTAINTIES.get(name))
      .filter((name) => name !== undefined && typeof answer[name] === "number"),
  );
  return rows(answer, meaning)
    .filter(([name]) => !uncertainties.has(name) && !ELSEWHERE.has(name))
    .map(([name, row]) => ({ ...row, value: written(name, row, answer, shots) }));
}

/** The fields of an object of which no more is known than its schema. */
export const plain = (values: Record<string, unknown>, meaning: Meaning): Row[] =>
  rows(values, meaning).map(([, row]) => row);

const rows = (values: Record<string, unknown>, meaning: Meaning): [string, Row][] =>
  Object.entries(values).map(([name, value]) => {
    const own = fieldMeaning(meaning, name);
    return [name, { title: own.title || humanize(name), value, meaning: own }];
  });

function written(
  name: string,
  { value, meaning }: Row,
  answer: Record<string, unknown>,
  shots: number | null,
): unknown {
  const sampled = SAMPLED.has(name) || AVERAGES.has(name);
  if (sampled && shots && typeof value === "object" && value !== null && !Array.isArray(value))
    return Object.fromEntries(
      Object.entries(value).map(([part, one]) => [part, typeof one === "number" ? inShots(name, one, shots) : one]),
    );
  if (typeof value !== "number") return value;
  if (sampled && shots) return inShots(name, value, shots);
  if (ROUGH.has(name)) return numberText(value, meaning, { digits: 2 });
  const error = (names: ReadonlyMap<string, string>): number | null => known(answer, names.get(name));
  return numberText(value, meaning, { uncertainty: error(UNCERTAINTIES), beside: error(BESIDE) });
}

function known(answer: Record<string, unknown>, name: string | undefined): number | null {
  const error = name === undefined ? null : answer[name];
  return typeof error === "number" && error > 0 ? error : null;
}

const inShots = (name: string, value: number, shots: number): string =>
  AVERAGES.has(name) ? measured(value, signSampling(value, shots)) : share(value, sampling(value, shots));

interface Precision {
  /** The value's standard error. */
  uncertainty?: number | null;
  /** That of another value, which this one is compared with. */
  beside?: number | null;
  /** Significant digits, where neither is known. */
  digits?: number;
}

/** A number with its unit. */
const numberText = (value: number, meaning: Meaning, precision: Precision = {}): string =>
  bareNumber(value, meaning, precision) + suffix(meaning, value);

function bareNumber(value: number, { unit }: Meaning, { uncertainty, beside, digits }: Precision): string {
  if (/^(share|fidelity|ratio)\b/.test(unit) && digits === undefined) return share(value, uncertainty);
  if (unit === "factor") return `${fixed(value, 1)} times`;
  if (uncertainty) return measured(value, uncertainty);
  return beside ? fixed(value, places(beside)) : significant(value, digits);
}

/** Units that say only that a number has no dimension. */
const BARE = new Set(["factor", "number", "overlap", "ratio"]);

/** A unit to be read after a number; empty if the title has it, or if it describes the number's range or origin. */
function suffix({ unit, title }: Meaning, value: number): string {
  if (!/^[a-z]+( [a-z]+)*$/.test(unit) || BARE.has(unit) || unit.startsWith("unit of")) return "";
  if (title.toLowerCase().includes(unit)) return "";
  return ` ${value === 1 ? unit.replace(/(ies|s)\b/, (end) => (end === "ies" ? "y" : "")) : unit}`;
}

/** A list in one line, with the unit of its numbers once. */
export function listText(values: unknown[], meaning: Meaning): string {
  const last = values.at(-1);
  const texts = values.map((value) =>
    typeof value === "number" ? bareNumber(value, meaning, {}) : scalarText(value, meaning),
  );
  return texts.join(", ") + (typeof last === "number" ? suffix(meaning, values.length > 1 ? 2 : last) : "");
}

/** A number or text of an answer, or of a cell of its tables. */
export function scalarText(value: unknown, meaning: Meaning): string {
  if (typeof value === "number") return numberText(value, meaning);
  if (typeof value === "boolean") return value ? "Yes" : "No";
  return typeof value === "string" ? words(value) : "–";
}
