/** Compares the page's jobs with the gateway's. */
import { isFinal } from "../jobs/job";
import { Store } from "../jobs/store";
import type { ResultEvent } from "../api/documents";

/** Milliseconds after which a live stream has delivered all earlier events. */
const SETTLED = 10_000;
/** A job the gateway does not know is given up only when it is older than this, in milliseconds. */
const GRACE = 60_000;

export class Reconciler {
  #api: { jobs(): Promise<ResultEvent[]> };
  #store: Store;
  #reconnect: () => void;
  #liveSince = Infinity;

  constructor(api: { jobs(): Promise<ResultEvent[]> }, store: Store, reconnect: () => void) {
    this.#api = api;
    this.#store = store;
    this.#reconnect = reconnect;
  }

  live(live: boolean, now = Date.now()): void {
    this.#liveSince = live ? now : Infinity;
  }

  /**
   * Asks about jobs that have not ended. The stream delivers everything in order, so this matters in
   * two cases only: the gateway no longer knows the job, or the stream's numbers have started again.
   */
  async run(now: () => number = Date.now): Promise<void> {
    const unfinished = this.#store.jobs.filter((job) => !isFinal(job.status));
    if (unfinished.length === 0) return;
    const known = new Map((await this.#api.jobs()).map((event) => [event.process_job_id, event]));
    const settled = now() - this.#liveSince > SETTLED;
    let missed = false;
    for (const job of unfinished) {
      const event = known.get(job.process_job_id);
      if (event && isFinal(event.status) && settled && this.#store.get(job.process_job_id)?.status !== event.status) {
        this.#store.receive(event, null);
        missed = true;
      }
      if (!event && now() - Date.parse(job.submitted_at) > GRACE) this.#store.lost(job.process_job_id);
    }
    if (missed) {
      this.#store.rewind();
      this.#reconnect();
    }
  }
}
