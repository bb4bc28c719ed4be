/** When a job is expected to end, in words. Pure. */
import { expected, span } from "../shared/format";
import { isFinal, type StoredJob } from "./job";

/** Where a job stands in its queue: `ahead` jobs come before it. */
export const queueWords = (ahead: number): string =>
  ahead <= 0 ? "next in the queue" : ahead === 1 ? "1 job ahead" : `about ${ahead} jobs ahead`;

/** Where a job stands among those that wait to be sent in one provider job: `ahead` of them came before it. */
export const poolWords = (ahead: number): string =>
  ahead <= 0 ? "first in line" : ahead === 1 ? "1 job came before it" : `${ahead} jobs came before it`;

/** Where a job stands, in words; empty if that is unknown. */
function placeWords({ status, queue_position: ahead }: StoredJob): string {
  if (ahead === null) return "";
  return status === "POOLED" ? poolWords(ahead) : status === "QUEUED" ? queueWords(ahead) : "";
}

/**
 * Milliseconds that the rest of a run of several steps takes at most; null if that is unknown.
 *
 * The remaining steps are assumed to last as long as those before them on average. Before the first step has ended, its
 * own expected duration is used.
 */
export function restOfRun(job: StoredJob, now: Date = new Date()): number | null {
  const { progress } = job;
  if (!progress?.of || progress.of <= progress.step) return null;
  const since = now.getTime() - Date.parse(job.submitted_at);
  const ahead = job.estimated_completion_time ? Date.parse(job.estimated_completion_time) - now.getTime() : Number.NaN;
  if (progress.step > 0 && since > 0) {
    const each = since / progress.step;
    return Math.max(0, each * (progress.of - progress.step));
  }
  return Number.isFinite(ahead) ? Math.max(0, ahead) + (since + Math.max(0, ahead)) * (progress.of - 1) : null;
}

/** What is known of a job that has not ended, in a line. */
export function outlook(job: StoredJob, now: Date = new Date()): string {
  if (isFinal(job.status)) return "";
  const { progress } = job;
  const queue = placeWords(job);
  const parts: string[] = [];
  if (progress?.of) {
    // A search may end before its last step.
    parts.push(`step ${Math.min(progress.step + 1, progress.of)} of at most ${progress.of}`, queue);
    const rest = restOfRun(job, now);
    if (rest !== null) parts.push(`the whole run is expected to end within ${span(rest)}`);
  } else {
    parts.push(queue);
    if (job.status === "RUNNING" && progress) parts.push(`step ${progress.step}`);
    parts.push(expected(job.estimated_completion_time, now));
  }
  return parts.filter(Boolean).join(", ");
}
