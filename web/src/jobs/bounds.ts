/** Bounds of what the page keeps of a job, so that it fits into the browser's storage. Pure. */
import type { Circuit, Counts, JobResult } from "../api/documents";
import { isFinal, type StoredJob, type StoredResult } from "./job";

export const MAX_JOBS = 1_000;
/** Characters of all jobs together; browsers give a site about 5 million. Beyond it the oldest jobs are trimmed. */
export const MAX_DOCUMENT = 3_000_000;
export const MAX_NAME = 80;
export const MAX_PROVIDER_JOBS = 100;
export const MAX_OUTCOMES = 256;
export const MAX_TEXT = 16_384;
export const MAX_POINTS = 1_000;

/** What remains of an old job so that many fit: what the list shows of it, and its input. */
export function trim(job: StoredJob): StoredJob {
  if (job.trimmed) return job;
  const summary = job.answer?.summary;
  const answer = typeof summary === "string" ? { summary } : null;
  return { ...job, circuit: null, result: null, answer, history: [], trimmed: true };
}

/** Trims the oldest jobs that have ended until the text of all has at most `room` characters. */
export function fit(jobs: StoredJob[], sizes: (job: StoredJob) => number, room = MAX_DOCUMENT): StoredJob[] {
  let left = room;
  let full = false;
  return jobs.map((job) => {
    left -= sizes(job);
    full ||= left < 0;
    return full && isFinal(job.status) ? trim(job) : job;
  });
}

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
