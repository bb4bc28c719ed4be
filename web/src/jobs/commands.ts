/** What a person at the page does with jobs: submit, submit again, cancel, remove, erase. */
import { ApiError, describe, type Api } from "../api/api";
import type { Notifier } from "../notifications/notifications";
import { confirmed as ask, type Question } from "../shared/confirm";
import type { StoredJob } from "./job";
import type { Store } from "./store";

export interface CommandOptions {
  api: Pick<Api, "submit" | "cancel" | "erase">;
  store: Store;
  notifier: Notifier;
  title: (job: StoredJob) => string;
  /** Calls `remove`, which removes jobs, and shows others if they were shown. */
  removed: (remove: () => void) => void;
  /** Asks the person, and returns whether to go on. */
  confirmed?: (question: Question) => Promise<boolean>;
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

  /** Removes a job from this browser. */
  remove(job: StoredJob): void {
    const { store, removed } = this.#options;
    removed(() => store.remove(job.process_job_id));
  }

  /** Removes all jobs that have ended from this browser. */
  clear(): void {
    const { store, removed } = this.#options;
    removed(() => store.clearFinished());
  }

  /** Erases a job's data at the gateway and here, if the person confirms it. */
  async erase(job: StoredJob): Promise<void> {
    const { api, confirmed = ask, title, notifier } = this.#options;
    const name = job.name || title(job);
    const text =
      `The input and the result of ${name} on ${job.backend} are erased here and at the service. ` +
      "This cannot be undone. A copy in another browser stays there until it is removed.";
    if (!(await confirmed({ title: "Erase this job's data?", text, yes: "Erase data", no: "Keep" }))) return;
    let known = true;
    try {
      await api.erase(job.process_job_id);
    } catch (error) {
      known = !(error instanceof ApiError && error.status === 404);
      if (known) {
        notifier.show("error", "The data was not erased", describe(error));
        return;
      }
    }
    this.remove(job);
    if (known) notifier.show("success", "Erased", `The data of ${name} was erased.`);
    else notifier.show("info", "Removed here", `The service does not know ${name} in this session.`);
  }
}
