/**
 * The browser's own record of jobs and results: one JSON document in localStorage.
 *
 *   key    qwhisk.jobs.v1
 *   value  {"v": 1,
 *           "client_id": the session the jobs' events come from, or null,
 *           "last_id":   the last event seen in that session (where the WebSocket resumes), or null,
 *           "jobs":      [StoredJob, ...] newest first}
 *
 * It is bounded: at most MAX_JOBS jobs, of which the oldest are trimmed beyond MAX_DOCUMENT characters, MAX_OUTCOMES
 * bit strings of a register (what is left out is summed in `other`), MAX_POINTS steps of a hybrid algorithm, MAX_TEXT
 * characters of a circuit, and four times as many of an answer. A document of another version, or one that cannot be
 * read, is ignored and a new one started. `last_id` and the jobs are one value, so they cannot disagree.
 */
import type { JobResult, ResultEvent } from "../api/documents";
import { fit, MAX_JOBS, MAX_NAME, toStored } from "./bounds";
import { BLANK, isFinal, type StoredJob } from "./job";
import { mergeEvent, mergeSubmission, type Submission } from "./merger";
import type { KeyValue } from "../shared/storage";

export const JOBS_KEY = "qwhisk.jobs.v1";

export interface StoreDocument {
  v: 1;
  client_id: string | null;
  last_id: number | null;
  jobs: StoredJob[];
}

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

/** The document in a new session: its events start from the beginning, and jobs that have not ended are lost. */
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
  /** The text that this tab wrote last: what is stored need not be read again while it is the same. */
  #written: string | null = null;
  /** Each job as JSON. */
  #texts = new WeakMap<StoredJob, string>();

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

  /** Forgets the last event, so that a new stream delivers all events again. */
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

  /** Gives a job a name; an empty one removes it. */
  rename(processJobId: string, name: string): void {
    if (this.get(processJobId))
      this.#put(processJobId, (job) => ({ ...job!, name: name.trim().slice(0, MAX_NAME) }), null);
  }

  remove(processJobId: string): void {
    this.#change(
      (document) => ({ ...document, jobs: document.jobs.filter((job) => job.process_job_id !== processJobId) }),
      null,
    );
  }

  /** Forgets everything. */
  clear(): void {
    this.#change(() => empty(), null);
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
    this.#document = next(stored === null || stored === this.#written ? this.#document : parseDocument(stored));
    this.#write();
    this.#tell(changed?.() ?? null);
  }

  /** The text of a job. Jobs do not change in place, so that of an unchanged one is known. */
  #text(job: StoredJob): string {
    const known = this.#texts.get(job);
    if (known !== undefined) return known;
    const text = JSON.stringify(job);
    this.#texts.set(job, text);
    return text;
  }

  #serialize(jobs: StoredJob[]): string {
    const { jobs: _, ...rest } = this.#document;
    return `${JSON.stringify(rest).slice(0, -1)},"jobs":[${jobs.map((job) => this.#text(job)).join(",")}]}`;
  }

  /** The oldest jobs are trimmed to make room. When the browser's quota is used up, the oldest go first. */
  #write(): void {
    const jobs = fit(this.#document.jobs, (job) => this.#text(job).length);
    this.#document = { ...this.#document, jobs };
    if (this.#save(jobs)) return;
    for (let kept = jobs.length; kept > 0;) {
      kept = Math.floor(kept / 2);
      if (this.#save(jobs.slice(0, kept))) return;
    }
  }

  #save(jobs: StoredJob[]): boolean {
    const text = this.#serialize(jobs);
    try {
      this.#storage.setItem(JOBS_KEY, text);
    } catch {
      return false;
    }
    this.#written = text;
    return true;
  }

  #tell(changed: StoredJob | null): void {
    for (const listener of this.#listeners) listener(this.#document.jobs, changed);
  }
}
