/** A job after a submission or an event. Pure. */
import type { Point, Progress, ProviderJob, ResultEvent } from "../api/documents";
import { MAX_POINTS, MAX_PROVIDER_JOBS, boundCircuit, boundJson, toStored } from "./bounds";
import { BLANK, isFinal, type StoredJob } from "./job";

/**
 * The job after an event. A final status stays: events are delivered at least once and a late one changes
 * nothing, except that a job given up for LOST may still be found.
 */
export function mergeEvent(job: StoredJob | undefined, event: ResultEvent, now: Date = new Date()): StoredJob {
  if (job && job.status !== "LOST" && isFinal(job.status)) return job;
  const step = event.step ?? 0;
  if (job && !isFinal(event.status) && step < job.step) return job;
  const final = isFinal(event.status);
  const running = job?.running_at ?? (event.status === "RUNNING" ? now.toISOString() : null);
  const sent = job?.sent_at ?? (job?.status === "POOLED" && isSent(event) ? event.submitted_at : null);
  return {
    ...BLANK,
    process_job_id: event.process_job_id,
    client_id: event.client_id,
    // The requested function: several functions may share one action, which names itself in its events.
    function: job?.function ?? event.function,
    function_title: job?.function_title ?? event.function,
    view: job?.view ?? null,
    backend: event.backend || job?.backend || "",
    backend_type: event.backend_type || job?.backend_type || "",
    params: job?.params ?? boundJson(event.params) ?? {},
    status: event.status,
    step,
    // A later step has its own time of submission, and so has a pooled job once it is sent; the job's is the first.
    submitted_at: ((step > 0 || sent !== null) && job?.submitted_at) || event.submitted_at,
    finished_at: event.finished_at ?? null,
    queue_position: event.queue_position ?? null,
    estimated_completion_time: event.estimated_completion_time ?? null,
    queue_length_at_submit: job?.queue_length_at_submit ?? event.queue_length_at_submit ?? null,
    // The place in the pool is not one in the provider's queue.
    queue_start: most(
      job?.queue_start,
      event.queue_length_at_submit,
      event.status === "POOLED" ? null : event.queue_position,
    ),
    progress: event.progress ?? job?.progress ?? null,
    history: grown(job?.history ?? [], event.progress),
    sent_at: sent,
    // The page learned of it only after it ended, so it is unknown when it started to run.
    running_at: running && event.finished_at && Date.parse(running) > Date.parse(event.finished_at) ? null : running,
    delivered_at: final ? (job?.delivered_at ?? now.toISOString()) : null,
    circuit: boundCircuit(event.circuit) ?? job?.circuit ?? null,
    result: toStored(event.result),
    result_url: event.result_url ?? null,
    answer: boundJson(event.answer),
    error: event.error ?? null,
    provider_jobs: withProviderJobs(job?.provider_jobs ?? {}, event.provider_jobs),
    name: job?.name ?? "",
    trimmed: false,
  };
}

/** True if the provider has the job of the first step. */
const isSent = ({ step, provider_jobs: jobs }: ResultEvent): boolean => (step ?? 0) === 0 && jobs.length > 0;

/** The provider's jobs so far and more of them. Those of the first steps are dropped if there are too many. */
function withProviderJobs(jobs: Record<string, string>, more: ProviderJob[]): Record<string, string> {
  const added = Object.fromEntries(more.map(({ step, job_id }) => [step, job_id]));
  const all = Object.entries<string>({ ...jobs, ...added }).sort(([a], [b]) => Number(a) - Number(b));
  return Object.fromEntries(all.slice(-MAX_PROVIDER_JOBS));
}

/** The largest of what is known. */
function most(...numbers: (number | null | undefined)[]): number | null {
  const known = numbers.filter((number) => typeof number === "number");
  return known.length > 0 ? Math.max(...known) : null;
}

/** The steps reported so far and one more. The oldest are dropped when there are too many. */
function grown(history: Point[], progress: Progress | null | undefined): Point[] {
  if (!progress || typeof progress.value !== "number" || !Number.isFinite(progress.value)) return history;
  const { step, value } = progress;
  return [...history.filter((point) => point.step < step), { step, value }].slice(-MAX_POINTS);
}

export interface Submission {
  accepted: ResultEvent;
  /** The requested function. */
  function: string;
  params: Record<string, unknown>;
  title: string;
  view: string | null;
  now: Date;
}

/** The job after the gateway accepted it; its first events may have come before that answer. */
export function mergeSubmission(
  job: StoredJob | undefined,
  { accepted, function: asked, params, title, view, now }: Submission,
): StoredJob {
  const begun: StoredJob = job ?? {
    ...BLANK,
    process_job_id: accepted.process_job_id,
    client_id: accepted.client_id,
    function: asked,
    function_title: title,
    view,
    backend: accepted.backend,
    backend_type: accepted.backend_type,
    params,
    status: accepted.status,
    step: 0,
    submitted_at: now.toISOString(),
    provider_jobs: withProviderJobs({}, accepted.provider_jobs),
  };
  return {
    ...begun,
    function: asked,
    function_title: title,
    view,
    params,
    circuit: boundCircuit(accepted.circuit) ?? begun.circuit,
  };
}
