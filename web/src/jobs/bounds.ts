/** Bounds of what the page keeps of a job, so that it fits into the browser's storage. Pure. */
import type { Circuit, Counts, JobResult } from "../api/documents";
import type { StoredResult } from "./job";

export const MAX_JOBS = 50;
export const MAX_OUTCOMES = 256;
export const MAX_TEXT = 16_384;
export const MAX_POINTS = 1_000;

/** The largest counts of each register, and the sum of the others. */
export function boundCounts(counts: Record<string, Counts>): Pick<StoredResult, "counts" | "other" | "other_outcomes"> {
  const bounded: Pick<StoredResult, "counts" | "other" | "other_outcomes"> = {
    counts: {},
    other: {},
    other_outcomes: {},
  };
  for (const [register, all] of Object.entries(counts)) {
    const sorted = Object.entries(all).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    const rest = sorted.slice(MAX_OUTCOMES);
    bounded.counts[register] = Object.fromEntries(sorted.slice(0, MAX_OUTCOMES));
    bounded.other[register] = rest.reduce((sum, [, count]) => sum + count, 0);
    bounded.other_outcomes[register] = rest.length;
  }
  return bounded;
}

export function boundCircuit(circuit: Circuit | undefined | null): Circuit | null {
  if (!circuit) return null;
  const { openqasm3, ...rest } = circuit;
  return openqasm3 && openqasm3.length <= MAX_TEXT ? { ...rest, openqasm3 } : rest;
}

export const boundJson = <T>(value: T | null | undefined): T | null =>
  value !== null && value !== undefined && JSON.stringify(value).length <= 4 * MAX_TEXT ? value : null;

export function toStored(result: JobResult | null | undefined): StoredResult | null {
  if (!result) return null;
  const { counts, shots, evs, stds, metadata } = result;
  const first = Object.values(counts ?? {})[0];
  const counted = first ? Object.values(first).reduce((sum, count) => sum + count, 0) : null;
  return {
    ...boundCounts(counts ?? {}),
    shots: shots ?? counted,
    evs: boundJson(evs),
    stds: boundJson(stds),
    metadata: boundJson(metadata) ?? {},
  };
}
