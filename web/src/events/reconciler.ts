/** Compares what this page believes of its jobs with what the gateway knows. */
import { isFinal } from "../jobs/job";
import { Store } from "../jobs/store";
import type { ResultEvent } from "../api/documents";

/** A stream that has been live for this long has told what there was to tell, in milliseconds. */
const TOLD = 10_000;
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
   * Asks about jobs that have not ended. The stream tells everything, in order, so there is nothing to learn but in
   * two cases: the gateway does not know the job any more, or the stream's numbers have begun anew.
   */
  async run(now: () => number = Date.now): Promise<void> {
    const unfinished = this.#store.jobs.filter((job) => !isFinal(job.status));
    if (unfinished.length === 0) return;
    const known = new Map((await this.#api.jobs()).map((event) => [event.process_job_id, event]));
    const told = now() - this.#liveSince > TOLD;
    let missed = false;
    for (const job of unfinished) {
      const event = known.get(job.process_job_id);
      if (event && isFinal(event.status) && told && this.#store.get(job.process_job_id)?.status !== event.status) {
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
