/** What the page says while a job waits or runs: no more than is known. */
import "@carbon/web-components/es/components/inline-loading/inline-loading.js";
import { h, setText } from "../shared/dom";
import { backendTypeWords, deviceWords, span, STATUS_WORDS, upperFirst } from "../shared/format";
import { outlook, queueWords } from "../jobs/estimate";
import type { StoredJob } from "../jobs/job";
import { lineChart } from "../views/line";

export interface Bar {
  value: number;
  max: number;
  label: string;
}

/** How far a job is, where that is known: steps done, or places gone in the queue. Pure. */
export function progressOf(job: StoredJob): Bar | null {
  const { progress, queue_position: position, queue_start: start } = job;
  if (progress?.of)
    return {
      value: Math.min(progress.step, progress.of),
      max: progress.of,
      label: `${progress.step} of at most ${progress.of} steps done`,
    };
  if (job.status !== "QUEUED" || position === null || !start) return null;
  return {
    value: start - position,
    max: start,
    label: upperFirst(queueWords(position)),
  };
}

/** Which state it is in, in words. A simulator reports no queue, so none is shown. */
export function stateWords(job: StoredJob): string {
  if (job.status === "RUNNING") return "Running";
  if (job.status === "POOLED") return STATUS_WORDS.POOLED;
  return job.backend_type === "hardware" ? "In the queue" : "Submitted, waiting for the result";
}

/** What a shared job is, for someone who has never heard of one. */
const SHARED =
  "Several people's jobs go to the device as one, so that they wait in its queue only once. " +
  "No one else sees your circuits or your result.";

export class Waiting {
  readonly element: HTMLElement;
  #loading = h("cds-inline-loading", { status: "active" });
  #where = h("p", { class: "waiting__where", "data-testid": "where" });
  #shared = h("p", { class: "waiting__hint", hidden: true, "data-testid": "shared" }, SHARED);
  #bar = h("progress", { class: "waiting__bar", hidden: true, "data-testid": "progress" });
  #label = h("p", { class: "waiting__label", hidden: true });
  #plot = h("div", {});
  #plotted = 0;
  #job: StoredJob;

  constructor(job: StoredJob) {
    this.#job = job;
    this.element = h(
      "div",
      { class: "waiting", "data-testid": "waiting" },
      this.#loading,
      this.#where,
      this.#shared,
      this.#bar,
      this.#label,
      this.#plot,
      h("p", { class: "waiting__hint" }, "You may close this page: the result will be here when you come back."),
    );
    const tick = setInterval(() => (this.element.isConnected ? this.#tell() : clearInterval(tick)), 1_000);
    this.update(job);
  }

  update(job: StoredJob): void {
    this.#job = job;
    this.#tell();
    const bar = progressOf(job);
    this.#bar.hidden = this.#label.hidden = bar === null;
    if (bar) {
      this.#bar.max = bar.max;
      this.#bar.value = bar.value;
      this.#bar.setAttribute("aria-label", bar.label);
      setText(this.#label, bar.label);
    }
    if (job.history.length > 0 && job.history.length !== this.#plotted) {
      this.#plotted = job.history.length;
      this.#plot.replaceChildren(lineChart(job.history, null, "Value so far"));
    }
  }

  #tell(): void {
    const job = this.#job;
    setText(this.#loading, stateWords(job));
    this.#shared.hidden = job.status !== "POOLED";
    const about = outlook(job);
    const since = Date.now() - Date.parse(job.submitted_at);
    setText(
      this.#where,
      [
        `On ${deviceWords(job.backend) || backendTypeWords(job.backend_type)}`,
        about,
        since > 3_000 ? `${span(since)} since you submitted it` : "",
      ]
        .filter(Boolean)
        .join(", "),
    );
  }
}
