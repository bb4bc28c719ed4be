/** What a person at the page does with jobs: submit, submit again, cancel. */
import { describe, type Api } from "../api/api";
import type { Notifier } from "../notifications/notifications";
import type { StoredJob } from "./job";
import type { Store } from "./store";

export interface CommandOptions {
  api: Pick<Api, "submit" | "cancel">;
  store: Store;
  notifier: Notifier;
  title: (job: StoredJob) => string;
  /** A submission begins or ends. */
  submitting: (busy: boolean) => void;
}

export class JobCommands {
  #options: CommandOptions;

  constructor(options: CommandOptions) {
    this.#options = options;
  }

  async submit(
    functionId: string,
    name: string,
    view: string | null,
    input: Record<string, unknown>,
  ): Promise<StoredJob> {
    const { api, store, notifier, title, submitting } = this.#options;
    notifier.clear();
    submitting(true);
    const accepted = await api.submit(functionId, input).finally(() => submitting(false));
    const job = store.submitted({
      accepted,
      function: functionId,
      params: input,
      title: name,
      view,
      now: new Date(),
    });
    notifier.announce(`${title(job)} was submitted to ${job.backend}.`);
    return job;
  }

  /** Submits the input of an earlier job again. Shows why if that fails, and returns null. */
  repeat(job: StoredJob): Promise<StoredJob | null> {
    const { title, notifier } = this.#options;
    return this.submit(job.function, title(job), job.view, job.params).catch((error: unknown) => {
      notifier.show("error", "The job was not submitted", describe(error));
      return null;
    });
  }

  async cancel(job: StoredJob): Promise<void> {
    const { api, title, notifier } = this.#options;
    try {
      await api.cancel(job.process_job_id);
      notifier.show("info", "Cancelling", `${title(job)} on ${job.backend} is being stopped.`);
    } catch (error) {
      notifier.show("error", "The job was not cancelled", describe(error));
      throw error;
    }
  }
}
