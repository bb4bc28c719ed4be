/** Counts as the bars of a histogram. Pure. */
import type { Counts } from "../api/documents";

export interface Bar {
  bits: string;
  text: string;
  count: number;
  share: number;
  /** The noiseless probability; null if it is unknown. */
  ideal: number | null;
  /** 1 and 2 are the outcomes the answer is about, 0 is any other. */
  series: number;
}

export interface Bars {
  bars: Bar[];
  otherCount: number;
  otherShare: number;
  otherOutcomes: number;
  total: number;
}

export interface BarsOptions {
  /** Shots and outcomes that were not kept. */
  other?: number;
  otherOutcomes?: number;
  naming?: Naming;
  ideal?: Ideal | null;
  top?: number;
  order?: "count" | "outcome";
}

/** What an outcome is called, and its series. */
export type Naming = (bits: string) => { text: string; series: number } | null;

/** The noiseless probability of each outcome. */
export type Ideal = Record<string, number>;

/** Bars drawn before the others are summed. */
export const TOP = 8;

/** Improbable outcomes, left by rounding, are no expectation. */
const NEVER = 1e-9;

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export function toBars(
  counts: Counts,
  { other = 0, otherOutcomes = 0, naming = () => null, ideal = null, top = TOP, order = "count" }: BarsOptions = {},
): Bars {
  const all: Counts = {
    ...Object.fromEntries(Object.entries(ideal ?? {}).flatMap(([bits, p]) => (p > NEVER ? [[bits, 0]] : []))),
    ...counts,
  };
  const likely = (bits: string): number => ideal?.[bits] ?? 0;
  const sorted = Object.entries(all).sort(([a, m], [b, n]) => n - m || likely(b) - likely(a) || byText(a, b));
  const total = sorted.reduce((sum, [, n]) => sum + n, 0) + other;
  const share = (n: number): number => (total > 0 ? n / total : 0);
  const bars = sorted.slice(0, top).map(([bits, n]) => ({
    bits,
    count: n,
    share: share(n),
    ideal: ideal ? likely(bits) : null,
    ...(naming(bits) ?? { text: "", series: 0 }),
  }));
  if (order === "outcome") bars.sort((a, b) => byText(a.bits, b.bits));
  const rest = sorted.slice(top);
  const otherCount = rest.reduce((sum, [, n]) => sum + n, 0) + other;
  return { bars, otherCount, otherShare: share(otherCount), otherOutcomes: rest.length + otherOutcomes, total };
}

/** Reads an answer's `ideal`; null if it is no distribution over bit strings. */
export function toIdeal(raw: unknown): Ideal | null {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return null;
  const entries = Object.entries(raw as Ideal);
  return entries.length > 0 &&
    entries.every(([bits, p]) => /^[01]+$/.test(bits) && typeof p === "number" && p >= 0 && p <= 1 + NEVER)
    ? (raw as Ideal)
    : null;
}

/** True if the distribution is over outcomes of this register. */
export function isOver(ideal: Ideal, counts: Counts): boolean {
  const length = Object.keys(ideal)[0]?.length;
  return Object.keys(counts).every((bits) => bits.length === length);
}
