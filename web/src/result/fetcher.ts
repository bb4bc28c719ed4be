/** Fetches results that were too large for their events. */
import type { Api } from "../api/api";
import type { StoredJob } from "../jobs/job";
import type { Store } from "../jobs/store";

export class ResultFetcher {
  #api: Pick<Api, "result">;
  #store: Store;
  #failed: (error: unknown) => void;
  /** A result is fetched once per job and visit. One that is too large to keep would be fetched again and again. */
  #asked = new Set<string>();

  constructor(api: Pick<Api, "result">, store: Store, failed: (error: unknown) => void) {
    this.#api = api;
    this.#store = store;
    this.#failed = failed;
  }

  /** Fetches the result of a job that has ended without it; does nothing for other jobs, and for trimmed ones. */
  async fetch({ process_job_id: id, status, result, result_url: url, trimmed }: StoredJob): Promise<void> {
    if (status !== "DONE" || result !== null || url === null || trimmed || this.#asked.has(id)) return;
    this.#asked.add(id);
    try {
      this.#store.fetched(id, await this.#api.result(id));
    } catch (error) {
      this.#failed(error);
    }
  }
}
