/**
 * The browser's own record of jobs and results: one JSON document in localStorage.
 *
 *   key    qwhisk.jobs.v1
 *   value  {"v": 1,
 *           "client_id": the session the jobs' events come from, or null,
 *           "last_id":   the last event seen in that session (where the WebSocket resumes), or null,
 *           "jobs":      [StoredJob, ...] newest first}
 *
 * It is bounded: at most MAX_JOBS jobs, MAX_OUTCOMES bit strings of a register (what is left out is summed in
 * `other`), MAX_POINTS steps of a hybrid algorithm, MAX_TEXT characters of a circuit, and four times
 * as many of an answer. A document of another version, or one that cannot be read, is ignored and a new one started.
 * `last_id` and the jobs are one value, so they cannot disagree.
 */
import type {
  Accepted,
  Circuit,
  Counts,
  EventStatus,
  JobError,
  JobResult,
  Point,
  Progress,
  ResultEvent,
} from "./types";
import type { KeyValue } from "./session";

export const JOBS_KEY = "qwhisk.jobs.v1";
export const MAX_JOBS = 50;
export const MAX_OUTCOMES = 256;
export const MAX_TEXT = 16_384;
export const MAX_POINTS = 1_000;

/** LOST is the page's own: the session that would have told the end of the job is gone. */
export type JobStatus = EventStatus | "LOST";

export interface StoredResult {
  counts: Record<string, Counts>;
  /** Shots of the outcomes that were not kept, per register. */
  other: Record<string, number>;
  /** How many outcomes those were, per register. */
  other_outcomes: Record<string, number>;
  shots: number | null;
  /** Expectation values and their standard errors. */
  evs: unknown;
  stds: unknown;
  metadata: Record<string, unknown>;
}

export interface StoredJob {
  process_job_id: string;
  client_id: string;
  job_id: string;
  function: string;
  function_title: string;
  view: string | null;
  backend: string;
  backend_type: string;
  params: Record<string, unknown>;
  status: JobStatus;
  step: number;
  submitted_at: string;
  finished_at: string | null;
  queue_position: number | null;
  estimated_completion_time: string | null;
  queue_length_at_submit: number | null;
  /** The most jobs it was ever told to have before it: where the way to the front began. */
  queue_start: number | null;
  progress: Progress | null;
  /** The values that a hybrid algorithm told of its steps. */
  history: Point[];
  /** When this page heard that the job runs, and when it got the result. */
  running_at: string | null;
  delivered_at: string | null;
  circuit: Circuit | null;
  result: StoredResult | null;
  result_url: string | null;
  answer: Record<string, unknown> | null;
  error: JobError | null;
}

export interface StoreDocument {
  v: 1;
  client_id: string | null;
  last_id: number | null;
  jobs: StoredJob[];
}

export const isFinal = (status: JobStatus): boolean => status !== "QUEUED" && status !== "RUNNING";

/** What a job has before anything is known; also what an older page did not write. */
const BLANK = {
  queue_position: null,
  queue_length_at_submit: null,
  queue_start: null,
  estimated_completion_time: null,
  progress: null,
  history: [],
  running_at: null,
  delivered_at: null,
  circuit: null,
  result: null,
  result_url: null,
  answer: null,
  error: null,
  finished_at: null,
} satisfies Partial<StoredJob>;

const empty = (): StoreDocument => ({ v: 1, client_id: null, last_id: null, jobs: [] });

export function parseDocument(text: string | null): StoreDocument {
  try {
    const document = JSON.parse(text ?? "null") as StoreDocument | null;
    if (document?.v !== 1 || !Array.isArray(document.jobs)) return empty();
    return {
      ...empty(),
      ...document,
      jobs: (document.jobs as (StoredJob | null)[])
        .filter((job): job is StoredJob => typeof job?.process_job_id === "string")
        .map((job) => ({ ...BLANK, ...job })),
    };
  } catch {
    return empty();
  }
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

function boundCircuit(circuit: Circuit | undefined | null): Circuit | null {
  if (!circuit) return null;
  const { openqasm3, ...rest } = circuit;
  return openqasm3 && openqasm3.length <= MAX_TEXT ? { ...rest, openqasm3 } : rest;
}

const boundJson = <T>(value: T | null | undefined): T | null =>
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
  return {
    ...BLANK,
    process_job_id: event.process_job_id,
    client_id: event.client_id,
    job_id: event.job_id,
    // What was asked for: several functions may share one action, which names itself in its events.
    function: job?.function ?? event.function,
    function_title: job?.function_title ?? event.function,
    view: job?.view ?? null,
    backend: event.backend || job?.backend || "",
    backend_type: event.backend_type || job?.backend_type || "",
    params: job?.params ?? boundJson(event.params) ?? {},
    status: event.status,
    step,
    // A later step has its own time of submission; the job's is the first.
    submitted_at: (step > 0 && job?.submitted_at) || event.submitted_at,
    finished_at: event.finished_at ?? null,
    queue_position: event.queue_position ?? null,
    estimated_completion_time: event.estimated_completion_time ?? null,
    queue_length_at_submit: job?.queue_length_at_submit ?? event.queue_length_at_submit ?? null,
    queue_start: most(job?.queue_start, event.queue_length_at_submit, event.queue_position),
    progress: event.progress ?? job?.progress ?? null,
    history: grown(job?.history ?? [], event.progress),
    // Heard of only after it had ended: then nobody here knows when it began to run.
    running_at: running && event.finished_at && Date.parse(running) > Date.parse(event.finished_at) ? null : running,
    delivered_at: final ? now.toISOString() : null,
    circuit: job?.circuit ?? null,
    result: toStored(event.result),
    result_url: event.result_url ?? null,
    answer: boundJson(event.answer),
    error: event.error ?? null,
  };
}

/** The largest of what is known. */
function most(...numbers: (number | null | undefined)[]): number | null {
  const known = numbers.filter((number) => typeof number === "number");
  return known.length > 0 ? Math.max(...known) : null;
}

/** The steps told so far, with one more; the oldest go first when there are too many. */
function grown(history: Point[], progress: Progress | null | undefined): Point[] {
  if (!progress || typeof progress.value !== "number" || !Number.isFinite(progress.value)) return history;
  const { step, value } = progress;
  return [...history.filter((point) => point.step < step), { step, value }].slice(-MAX_POINTS);
}

export interface Submission {
  accepted: Accepted;
  /** The function that was asked for. */
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
    job_id: accepted.job_id,
    function: asked,
    function_title: title,
    view,
    backend: accepted.backend,
    backend_type: accepted.backend_type,
    params,
    status: accepted.status ?? "QUEUED",
    step: 0,
    submitted_at: now.toISOString(),
  };
  return { ...begun, function: asked, function_title: title, view, params, circuit: boundCircuit(accepted.circuit) };
}

/** The document in a new session: its events begin anew, and jobs that had not ended are lost with the old one. */
export function adopt(document: StoreDocument, clientId: string): StoreDocument {
  if (document.client_id === clientId) return document;
  return {
    ...document,
    client_id: clientId,
    last_id: null,
    jobs: document.jobs.map((job) =>
      isFinal(job.status) || job.client_id === clientId
        ? job
        : { ...job, status: "LOST", queue_position: null, estimated_completion_time: null },
    ),
  };
}

type Listener = (jobs: StoredJob[], changed: StoredJob | null) => void;

/** Reads before each write, so that several open tabs can share the document. */
export class Store {
  #storage: KeyValue;
  #document: StoreDocument;
  #listeners: Listener[] = [];

  constructor(storage: KeyValue) {
    this.#storage = storage;
    this.#document = parseDocument(storage.getItem(JOBS_KEY));
  }

  get jobs(): StoredJob[] {
    return this.#document.jobs;
  }

  get(processJobId: string): StoredJob | undefined {
    return this.#document.jobs.find((job) => job.process_job_id === processJobId);
  }

  lastId(clientId: string): number | null {
    return this.#document.client_id === clientId ? this.#document.last_id : null;
  }

  subscribe(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** Another tab has written. */
  reload(): void {
    this.#document = parseDocument(this.#storage.getItem(JOBS_KEY));
    this.#tell(null);
  }

  adopt(clientId: string): void {
    this.#change((document) => adopt(document, clientId), null);
  }

  submitted(submission: Submission): StoredJob {
    return this.#put(submission.accepted.process_job_id, (job) => mergeSubmission(job, submission), null);
  }

  receive(event: ResultEvent, id: number | null): StoredJob {
    return this.#put(event.process_job_id, (job) => mergeEvent(job, event), id);
  }

  /** Forgets where the events stopped: the stream, made anew, tells them all again. */
  rewind(): void {
    this.#change((document) => ({ ...document, last_id: null }), null);
  }

  /** A result that was too large for its event, fetched since. */
  fetched(processJobId: string, result: JobResult): void {
    if (this.get(processJobId)) this.#put(processJobId, (job) => ({ ...job!, result: toStored(result) }), null);
  }

  /** The gateway does not know this job any more. */
  lost(processJobId: string): void {
    if (!this.get(processJobId)) return;
    this.#put(processJobId, (job) => (job && !isFinal(job.status) ? { ...job, status: "LOST" } : job!), null);
  }

  remove(processJobId: string): void {
    this.#change(
      (document) => ({ ...document, jobs: document.jobs.filter((job) => job.process_job_id !== processJobId) }),
      null,
    );
  }

  clearFinished(): void {
    this.#change((document) => ({ ...document, jobs: document.jobs.filter((job) => !isFinal(job.status)) }), null);
  }

  #put(processJobId: string, merge: (job: StoredJob | undefined) => StoredJob, id: number | null): StoredJob {
    let merged!: StoredJob;
    this.#change(
      (document) => {
        const at = document.jobs.findIndex((job) => job.process_job_id === processJobId);
        merged = merge(document.jobs[at]);
        const jobs =
          at < 0 ? [merged, ...document.jobs] : document.jobs.map((job, index) => (index === at ? merged : job));
        const last_id = id === null ? document.last_id : Math.max(id, document.last_id ?? id);
        return { ...document, last_id, jobs: jobs.slice(0, MAX_JOBS) };
      },
      () => merged,
    );
    return merged;
  }

  #change(next: (document: StoreDocument) => StoreDocument, changed: (() => StoredJob) | null): void {
    const stored = this.#storage.getItem(JOBS_KEY);
    this.#document = next(stored === null ? this.#document : parseDocument(stored));
    this.#write();
    this.#tell(changed?.() ?? null);
  }

  /** When the browser's quota is used up, the oldest results go first. */
  #write(): void {
    for (let kept = this.#document.jobs.length; ; kept = Math.floor(kept / 2)) {
      try {
        this.#storage.setItem(
          JOBS_KEY,
          JSON.stringify({ ...this.#document, jobs: this.#document.jobs.slice(0, kept) }),
        );
        return;
      } catch {
        if (kept === 0) return;
      }
    }
  }

  #tell(changed: StoredJob | null): void {
    for (const listener of this.#listeners) listener(this.#document.jobs, changed);
  }
}

/** Storage for a browser that forbids localStorage: the page works, and forgets when it is closed. */
export function browserStorage(): KeyValue {
  try {
    localStorage.setItem("qwhisk.probe", "");
    localStorage.removeItem("qwhisk.probe");
    return localStorage;
  } catch {
    const memory = new Map<string, string>();
    return {
      getItem: (key) => memory.get(key) ?? null,
      setItem: (key, value) => void memory.set(key, value),
      removeItem: (key) => void memory.delete(key),
    };
  }
}
