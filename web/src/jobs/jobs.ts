/** The list of jobs. Rows are kept and changed in place, so that focus and screen readers stay where they are. */
import "@carbon/web-components/es/components/button/button.js";
import "@carbon/web-components/es/components/tag/tag.js";
import { h, setText } from "../shared/dom";
import { download } from "../shared/download";
import { exportJobs, type Format } from "./export";
import { clock, expected, STATUS_WORDS, summary } from "../shared/format";
import { toHash } from "../page/route";
import { isFinal, type JobStatus, type StoredJob } from "./job";

export const TAG_TYPES: Record<JobStatus, string> = {
  QUEUED: "gray",
  RUNNING: "blue",
  DONE: "green",
  CANCELLED: "warm-gray",
  ERROR: "red",
  LOST: "purple",
};

export interface JobActions {
  select(job: StoredJob): void;
  cancel(job: StoredJob): Promise<void>;
  remove(job: StoredJob): void;
  clear(): void;
  title(job: StoredJob): string;
}

/** What is known of a job that has not ended, in a line. */
export function outlook(job: StoredJob, now: Date = new Date()): string {
  if (isFinal(job.status)) return "";
  const parts: string[] = [];
  if (job.status === "QUEUED" && job.queue_position !== null) parts.push(`position ${job.queue_position}`);
  if (job.status === "RUNNING" && job.progress)
    parts.push(job.progress.of ? `step ${job.progress.step} of ${job.progress.of}` : `step ${job.progress.step}`);
  parts.push(expected(job.estimated_completion_time, now));
  return parts.filter(Boolean).join(", ");
}

class Row {
  readonly element: HTMLElement;
  #job: StoredJob;
  #title = h("span", { class: "job__title" });
  #input = h("span", { class: "job__input" });
  #about = h("span", { class: "job__about" });
  #outlook = h("span", { class: "job__outlook" });
  #tag = h("cds-tag", { size: "md" });
  #open: HTMLButtonElement;
  #action = h("cds-button", { kind: "ghost", size: "sm" });
  #actions: JobActions;
  #asked = false;

  constructor(job: StoredJob, actions: JobActions) {
    this.#job = job;
    this.#actions = actions;
    this.#open = h(
      "button",
      { type: "button", class: "job__open", click: () => actions.select(this.#job) },
      h("span", { class: "job__heading" }, this.#title, this.#input),
      this.#about,
    );
    this.#action.addEventListener("click", () => void this.#act());
    this.element = h(
      "li",
      { class: "job", "data-testid": `job-${job.process_job_id}` },
      this.#open,
      h("div", { class: "job__state" }, this.#tag, this.#outlook),
      this.#action,
    );
  }

  update(job: StoredJob, selected: boolean): void {
    this.#job = job;
    const final = isFinal(job.status);
    this.element.dataset.status = job.status;
    this.element.toggleAttribute("data-selected", selected);
    this.#open.setAttribute("aria-pressed", String(selected));
    setText(this.#title, this.#actions.title(job));
    setText(this.#input, summary(job.params));
    setText(this.#about, [job.backend, clock(job.submitted_at)].filter(Boolean).join(" · "));
    setText(this.#outlook, outlook(job));
    this.#tag.setAttribute("type", TAG_TYPES[job.status]);
    setText(this.#tag, STATUS_WORDS[job.status]);
    const label = final ? "Remove" : this.#asked ? "Cancelling…" : "Cancel";
    setText(this.#action, label);
    this.#action.setAttribute("data-testid", `${final ? "remove" : "cancel"}-${job.process_job_id}`);
    this.#action.toggleAttribute("disabled", !final && this.#asked);
  }

  async #act(): Promise<void> {
    if (isFinal(this.#job.status)) {
      this.#actions.remove(this.#job);
      return;
    }
    this.#asked = true;
    this.#action.toggleAttribute("disabled", true);
    setText(this.#action, "Cancelling…");
    try {
      await this.#actions.cancel(this.#job);
    } catch {
      this.#asked = false;
      this.#action.toggleAttribute("disabled", false);
      setText(this.#action, "Cancel");
    }
  }
}

export class JobList {
  readonly element: HTMLElement;
  #actions: JobActions;
  #rows = new Map<string, Row>();
  #title = h("h2", { id: "jobs-title" }, "Jobs");
  #all = h("a", { href: toHash({ page: "jobs", id: null }), class: "jobs__all" }, "All jobs");
  #list = h("ul", { class: "jobs__list", "data-testid": "jobs" });
  #empty = h("p", { class: "quiet" }, "No jobs yet. What you run is listed here, and kept in this browser.");
  #clear = h("cds-button", { kind: "ghost", size: "sm", "data-testid": "clear" }, "Clear finished");
  #tools = h("div", { class: "jobs__tools" });
  #shown: StoredJob[] = [];

  constructor(actions: JobActions) {
    this.#actions = actions;
    this.#clear.addEventListener("click", () => actions.clear());
    const save = (format: Format): HTMLElement => {
      const one = h(
        "cds-button",
        { kind: "ghost", size: "sm", "data-testid": `export-all-${format}` },
        format.toUpperCase(),
      );
      one.addEventListener("click", () => download(exportJobs(this.#shown, format)));
      return one;
    };
    this.#tools.append(h("span", { class: "tools__label" }, "Download"), save("json"), save("csv"), this.#clear);
    this.element = h(
      "section",
      { class: "jobs panel", "aria-labelledby": "jobs-title" },
      h("div", { class: "panel__heading" }, this.#title, this.#all),
      this.#empty,
      this.#list,
      this.#tools,
    );
  }

  /** Shows these jobs; `part` says that there may be others, of other functions. */
  show(jobs: StoredJob[], selected: string | null, part: boolean): void {
    this.#shown = jobs;
    setText(this.#title, part ? "Your jobs of this function" : "Your jobs");
    this.#all.hidden = !part;
    const present = new Set(jobs.map((job) => job.process_job_id));
    for (const [id, row] of this.#rows) {
      if (present.has(id)) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
    jobs.forEach((job, at) => {
      let row = this.#rows.get(job.process_job_id);
      if (!row) {
        row = new Row(job, this.#actions);
        this.#rows.set(job.process_job_id, row);
      }
      row.update(job, job.process_job_id === selected);
      if (this.#list.children[at] !== row.element)
        this.#list.insertBefore(row.element, this.#list.children[at] ?? null);
    });
    this.#empty.hidden = jobs.length > 0;
    this.#tools.hidden = jobs.length === 0 || part;
    this.#clear.hidden = !jobs.some((job) => isFinal(job.status));
  }
}
