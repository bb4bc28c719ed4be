/** The list of jobs. Rows are kept and changed in place, so that focus and screen readers stay where they are. */
import "@carbon/web-components/es/components/button/button.js";
import "@carbon/web-components/es/components/tag/tag.js";
import { h, setText } from "../shared/dom";
import { download } from "../shared/download";
import { exportJobs, type Format } from "./export";
import { count, dayAndTime, deviceWords, shotsOf, STATUS_WORDS, summary } from "../shared/format";
import type { JobCommands } from "./commands";
import { outlook } from "./estimate";
import { ALL, matching, type Filter } from "./filter";
import { toHash } from "../page/route";
import { isFinal, type JobStatus, type StoredJob } from "./job";

export const TAG_TYPES: Record<JobStatus, string> = {
  POOLED: "teal",
  QUEUED: "gray",
  RUNNING: "blue",
  DONE: "green",
  CANCELLED: "warm-gray",
  ERROR: "red",
  LOST: "purple",
};

export interface JobActions {
  select(job: StoredJob): void;
  /** What the buttons do. */
  commands(): Pick<JobCommands, "cancel" | "remove" | "erase" | "clear">;
  title(job: StoredJob): string;
}

class Row {
  readonly element: HTMLElement;
  #job: StoredJob;
  #name = h("span", { class: "job__name" });
  #title = h("span", { class: "job__title" });
  #input = h("span", { class: "job__input" });
  #about = h("span", { class: "job__about" });
  #outlook = h("span", { class: "job__outlook" });
  #tag = h("cds-tag", { size: "md" });
  #open: HTMLButtonElement;
  #action = h("cds-button", { kind: "ghost", size: "sm" });
  #erase = h("cds-button", { kind: "danger-ghost", size: "sm" }, "Erase data");
  #actions: JobActions;
  #asked = false;

  constructor(job: StoredJob, actions: JobActions) {
    this.#job = job;
    this.#actions = actions;
    this.#open = h(
      "button",
      { type: "button", class: "job__open", click: () => actions.select(this.#job) },
      h("span", { class: "job__heading" }, this.#name, this.#title, this.#input),
      this.#about,
    );
    this.#action.addEventListener("click", () => void this.#act());
    this.#erase.addEventListener("click", () => void this.#actions.commands().erase(this.#job));
    this.element = h(
      "li",
      { class: "job", "data-testid": `job-${job.process_job_id}` },
      this.#open,
      h("div", { class: "job__state" }, this.#tag, this.#outlook),
      h("div", { class: "job__actions" }, this.#action, this.#erase),
    );
  }

  update(job: StoredJob, selected: boolean): void {
    this.#job = job;
    const final = isFinal(job.status);
    this.element.dataset.status = job.status;
    this.element.toggleAttribute("data-selected", selected);
    this.#open.setAttribute("aria-pressed", String(selected));
    setText(this.#name, job.name);
    this.#name.hidden = job.name === "";
    setText(this.#title, this.#actions.title(job));
    setText(this.#input, summary(job.params));
    setText(
      this.#about,
      [deviceWords(job.backend), shotsOf(job.params.shots), dayAndTime(job.submitted_at)].filter(Boolean).join(" · "),
    );
    setText(this.#outlook, outlook(job));
    this.#tag.setAttribute("type", TAG_TYPES[job.status]);
    setText(this.#tag, STATUS_WORDS[job.status]);
    const label = final ? "Remove" : this.#asked ? "Cancelling…" : "Cancel";
    setText(this.#action, label);
    this.#action.setAttribute("data-testid", `${final ? "remove" : "cancel"}-${job.process_job_id}`);
    this.#action.toggleAttribute("disabled", !final && this.#asked);
    this.#erase.hidden = !final;
    this.#erase.setAttribute("data-testid", `erase-${job.process_job_id}`);
  }

  async #act(): Promise<void> {
    if (isFinal(this.#job.status)) {
      this.#actions.commands().remove(this.#job);
      return;
    }
    this.#asked = true;
    this.#action.toggleAttribute("disabled", true);
    setText(this.#action, "Cancelling…");
    try {
      await this.#actions.commands().cancel(this.#job);
    } catch {
      this.#asked = false;
      this.#action.toggleAttribute("disabled", false);
      setText(this.#action, "Cancel");
    }
  }
}

/** Rows that are shown at first, and that each press of the button adds. */
const PAGE = 50;

export class JobList {
  readonly element: HTMLElement;
  #actions: JobActions;
  #rows = new Map<string, Row>();
  #title = h("h2", { id: "jobs-title" }, "Jobs");
  #all = h("a", { href: toHash({ page: "jobs", id: null }), class: "jobs__all" }, "All jobs");
  #list = h("ul", { class: "jobs__list", "data-testid": "jobs" });
  #empty = h("p", { class: "quiet" });
  #clear = h("cds-button", { kind: "ghost", size: "sm", "data-testid": "clear" }, "Clear finished");
  #tools = h("div", { class: "jobs__tools" });
  #search = h("input", {
    type: "search",
    class: "cds--text-input cds--text-input--sm",
    id: "jobs-search",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "Name, function, input, device",
    "data-testid": "jobs-search",
  });
  #status = h(
    "select",
    { class: "small-select", "aria-label": "Status", "data-testid": "jobs-status" },
    ...Object.entries(ALL).map(([value, label]) => h("option", { value }, label)),
  );
  #filters: HTMLElement;
  #shownOf = h("p", { class: "jobs__count", role: "status", "data-testid": "jobs-count" });
  #more = h("button", { type: "button", class: "text-button", "data-testid": "jobs-more" });
  #limit = PAGE;
  #jobs: StoredJob[] = [];
  #selected: string | null = null;
  #part = false;

  constructor(actions: JobActions) {
    this.#actions = actions;
    this.#clear.addEventListener("click", () => actions.commands().clear());
    const save = (format: Format): HTMLElement => {
      const one = h(
        "cds-button",
        { kind: "ghost", size: "sm", "data-testid": `export-all-${format}` },
        format.toUpperCase(),
      );
      one.addEventListener("click", () => download(exportJobs(this.#matching(), format)));
      return one;
    };
    this.#tools.append(h("span", { class: "tools__label" }, "Download"), save("json"), save("csv"), this.#clear);
    this.#filters = h(
      "div",
      { class: "jobs__filters" },
      h("label", { class: "visually-hidden", for: "jobs-search" }, "Search your jobs"),
      this.#search,
      this.#status,
    );
    const refilter = (): void => {
      this.#limit = PAGE;
      this.#draw();
    };
    this.#search.addEventListener("input", refilter);
    this.#status.addEventListener("change", refilter);
    this.#more.addEventListener("click", () => {
      this.#limit += PAGE;
      this.#draw();
    });
    this.element = h(
      "section",
      { class: "jobs panel", "aria-labelledby": "jobs-title" },
      h("div", { class: "panel__heading" }, this.#title, this.#all),
      this.#filters,
      this.#shownOf,
      this.#empty,
      this.#list,
      this.#more,
      this.#tools,
    );
  }

  /** Shows these jobs; `part` says that there may be others, of other functions. */
  show(jobs: StoredJob[], selected: string | null, part: boolean): void {
    this.#jobs = jobs;
    this.#selected = selected;
    this.#part = part;
    this.#draw();
  }

  #matching(): StoredJob[] {
    if (this.#part) return this.#jobs;
    const filter = this.#status.value as Filter;
    return matching(this.#jobs, this.#search.value, filter, (job) => this.#actions.title(job));
  }

  #draw(): void {
    const jobs = this.#matching();
    setText(this.#title, this.#part ? "Your jobs of this function" : "Your jobs");
    this.#all.hidden = !this.#part;
    this.#filters.hidden = this.#part || this.#jobs.length === 0;
    const rows = jobs.slice(0, this.#limit);
    this.#drawRows(rows);
    const left = jobs.length - rows.length;
    this.#more.hidden = left <= 0;
    setText(this.#more, `Show ${Math.min(PAGE, left)} more`);
    const total = `${count(this.#jobs.length)} ${this.#jobs.length === 1 ? "job" : "jobs"}`;
    const some = jobs.length < this.#jobs.length ? `${count(jobs.length)} of ${total} match` : total;
    setText(this.#shownOf, left > 0 ? `${some}, the newest ${count(rows.length)} are shown` : some);
    this.#shownOf.hidden = this.#jobs.length === 0;
    this.#empty.hidden = jobs.length > 0;
    setText(
      this.#empty,
      this.#jobs.length > 0
        ? "No job matches. Change the search or the status."
        : "No jobs yet. What you run is listed here, and kept in this browser.",
    );
    this.#tools.hidden = this.#jobs.length === 0 || this.#part;
    this.#clear.hidden = !this.#jobs.some((job) => isFinal(job.status));
  }

  #drawRows(jobs: StoredJob[]): void {
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
      row.update(job, job.process_job_id === this.#selected);
      if (this.#list.children[at] !== row.element)
        this.#list.insertBefore(row.element, this.#list.children[at] ?? null);
    });
  }
}
