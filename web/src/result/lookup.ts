/** Jobs that the address names: from this browser, or else from the gateway. */
import { ApiError, type Api } from "../api/api";
import type { ResultEvent } from "../api/documents";
import type { StoredJob } from "../jobs/job";
import { mergeEvent } from "../jobs/merger";
import type { Store } from "../jobs/store";
import type { Missing } from "./ending";

/** Jobs whose details are kept in memory. */
const MAX_DETAILS = 20;

type LookupApi = Pick<Api, "job" | "result">;

export class JobLookup {
  #api: LookupApi;
  #store: Store;
  #changed: () => void;
  #states = new Map<string, Missing>();
  /** Details of jobs that are too old to be kept in full. */
  #details = new Map<string, StoredJob>();

  constructor(api: LookupApi, store: Store, changed: () => void) {
    this.#api = api;
    this.#store = store;
    this.#changed = changed;
  }

  /** The job with all that is known of it, or null; asks the gateway once for what this browser does not have. */
  job(id: string): StoredJob | null {
    const job = this.#store.get(id);
    if (job && !job.trimmed) return job;
    const detailed = this.#details.get(id);
    if (detailed) return job ? { ...detailed, name: job.name } : null;
    if (!this.#states.has(id)) void this.#ask(id);
    return job ?? null;
  }

  /** Why there is no such job, after `job` has returned null. */
  state(id: string): Missing {
    return this.#states.get(id) ?? "unknown";
  }

  async #ask(id: string): Promise<void> {
    this.#states.set(id, "asking");
    try {
      const event = await this.#api.job(id);
      const job = this.#store.get(id);
      if (job) this.#remember(id, { ...mergeEvent(undefined, await this.#complete(event)), ...identity(job) });
      else this.#store.receive(event, null);
      this.#states.delete(id);
    } catch (error) {
      const gone = error instanceof ApiError && error.status === 404;
      this.#states.set(id, gone ? "unknown" : "failed");
    }
    this.#changed();
  }

  /** The event with its result, if that was too large for it. */
  async #complete(event: ResultEvent): Promise<ResultEvent> {
    if (event.result || !event.result_url) return event;
    return { ...event, result: await this.#api.result(event.process_job_id) };
  }

  #remember(id: string, job: StoredJob): void {
    this.#details.set(id, job);
    for (const oldest of this.#details.keys()) if (this.#details.size > MAX_DETAILS) this.#details.delete(oldest);
  }
}

/** What the browser knows better than an event. */
const identity = ({ function_title, view, params, submitted_at, sent_at, running_at, delivered_at }: StoredJob) => ({
  function_title,
  view,
  params,
  submitted_at,
  sent_at,
  running_at,
  delivered_at,
});
