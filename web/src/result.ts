/** The selected job: what is awaited, what went wrong, or what came out. */
import "@carbon/web-components/es/components/inline-loading/inline-loading.js";
import "@carbon/web-components/es/components/notification/inline-notification.js";
import "@carbon/web-components/es/components/tag/tag.js";
import { h, setText } from "./dom";
import { backendTypeWords, count, moment, span, STATUS_WORDS } from "./format";
import { outlook, TAG_TYPES } from "./jobs";
import { isFinal, type StoredJob } from "./store";
import { definitions } from "./views/counts";
import { viewOf } from "./views/registry";

export interface ResultActions {
  title(job: StoredJob): string;
  view(job: StoredJob): string | null;
  again(job: StoredJob): void;
}

export class ResultPanel {
  readonly element: HTMLElement;
  #actions: ResultActions;
  #title = h("h2", { id: "result-title", tabindex: -1 }, "Result");
  #tag = h("cds-tag", { size: "md", hidden: true });
  #body = h("div", { class: "result__body" });
  #drawn = "";
  #waiting: Waiting | null = null;

  constructor(actions: ResultActions) {
    this.#actions = actions;
    this.element = h("section", { class: "result panel", "aria-labelledby": "result-title", "data-testid": "result" }, h("div", { class: "panel__heading" }, this.#title, this.#tag), this.#body);
    this.show(null);
  }

  show(job: StoredJob | null): void {
    setText(this.#title, job ? this.#actions.title(job) : "Result");
    this.#tag.hidden = job === null;
    this.element.dataset["status"] = job?.status ?? "";
    if (job) {
      this.#tag.setAttribute("type", TAG_TYPES[job.status]);
      setText(this.#tag, STATUS_WORDS[job.status]);
    }
    // A finished job is drawn once; one that is awaited is told about again at every event.
    const key = job ? `${job.process_job_id} ${isFinal(job.status) ? job.status : "waiting"} ${this.#actions.view(job)}` : "none";
    if (key !== this.#drawn) {
      this.#drawn = key;
      this.#waiting = job && !isFinal(job.status) ? new Waiting(job) : null;
      this.#body.replaceChildren(job ? (this.#waiting?.element ?? this.#final(job)) : placeholder());
    }
    if (job) this.#waiting?.update(job);
  }

  focus(): void {
    this.#title.focus({ preventScroll: true });
  }

  #final(job: StoredJob): Node {
    const again = h("cds-button", { kind: "tertiary", size: "md", "data-testid": "again" }, "Use this input again");
    again.addEventListener("click", () => this.#actions.again(job));
    const parts: Node[] = [];
    const message = ending(job);
    if (message) parts.push(message);
    if (job.status === "DONE" && (job.result || job.answer)) {
      parts.push(viewOf(job.answer ? this.#actions.view(job) : null)(job));
    }
    return h("div", {}, ...parts, metadata(job), again);
  }
}

function placeholder(): HTMLElement {
  return h("div", { class: "placeholder" }, h("div", { class: "placeholder__art", "aria-hidden": "true" }, h("span", {}, "|0⟩"), h("span", {}, "+"), h("span", {}, "|1⟩")), h("p", {}, "Run a function and its result appears here, as soon as the backend has it."));
}

/** What the page says while a job waits or runs. */
class Waiting {
  readonly element: HTMLElement;
  #loading = h("cds-inline-loading", { status: "active" });
  #where = h("p", { class: "waiting__where" });
  #bar = h("progress", { class: "waiting__bar", "aria-label": "Progress", hidden: true });

  constructor(job: StoredJob) {
    this.element = h(
      "div",
      { class: "waiting", "data-testid": "waiting" },
      this.#loading,
      this.#where,
      this.#bar,
      h("p", { class: "waiting__hint" }, "You may close this page: the result will be here when you come back."),
      metadata(job),
    );
  }

  update(job: StoredJob): void {
    const running = job.status === "RUNNING";
    setText(this.#loading, running ? "Running" : "In the queue");
    const about = outlook(job);
    setText(this.#where, `${running ? "On" : "For"} ${job.backend || backendTypeWords(job.backend_type)}${about ? `: ${about}` : ""}`);
    const { progress } = job;
    this.#bar.hidden = !progress?.of;
    if (progress?.of) {
      this.#bar.max = progress.of;
      this.#bar.value = progress.step;
    }
  }
}

/** How a job ended, in plain words, unless it ended well. */
function ending(job: StoredJob): HTMLElement | null {
  switch (job.status) {
    case "ERROR":
      return note("error", "The job ended with an error", `${job.error?.message ?? "The backend gave no reason."}`, job.error?.code);
    case "CANCELLED":
      return note("info", "The job was cancelled", job.error?.message ?? "It has no result.");
    case "LOST":
      return note("warning", "Lost with its session", "The session this job belonged to has ended, so its result can no longer be fetched. Run it again to get one.");
    default:
      if (job.error) return note("warning", "The result could not be interpreted", `${job.error.message} The raw counts are below.`, job.error.code);
      if (!job.result && !job.answer) return note("info", "The result is not kept in this browser", job.result_url ? "It is too large, and stored with the service." : "It was too large to keep.");
      return null;
  }
}

function note(kind: string, title: string, text: string, code?: string): HTMLElement {
  return h(
    "cds-inline-notification",
    { kind, "low-contrast": true, "hide-close-button": true, "data-testid": "ending", class: "note" },
    h("span", { slot: "title" }, title),
    h("span", { slot: "subtitle" }, text, code ? h("span", { class: "note__code" }, ` (${code})`) : null),
  );
}

function metadata(job: StoredJob): HTMLElement {
  const values: Record<string, unknown> = { Backend: job.backend || "–", "Backend type": backendTypeWords(job.backend_type) };
  if (job.result?.shots) values["Shots"] = job.result.shots;
  if (job.circuit) values["Circuit"] = [`${count(job.circuit.qubits)} ${job.circuit.qubits === 1 ? "qubit" : "qubits"}`, job.circuit.depth && `depth ${count(job.circuit.depth)}`, job.circuit.size && `${count(job.circuit.size)} gates`].filter(Boolean).join(", ");
  values["Submitted"] = moment(job.submitted_at);
  if (job.finished_at) {
    values["Finished"] = moment(job.finished_at);
    const took = Date.parse(job.finished_at) - Date.parse(job.submitted_at);
    if (Number.isFinite(took)) values["Took"] = span(took);
  }
  values["Job"] = job.job_id || job.process_job_id;
  const extra = job.result?.metadata ?? {};
  return h(
    "section",
    { class: "metadata", "aria-label": "About this job", "data-testid": "metadata" },
    h("h3", {}, "About this job"),
    definitions(values),
    Object.keys(extra).length > 0 ? h("details", { class: "disclosure" }, h("summary", {}, "More from the backend"), definitions(extra)) : null,
    job.circuit?.openqasm3 ? h("details", { class: "disclosure" }, h("summary", {}, "Circuit in OpenQASM 3"), h("pre", { class: "code", tabindex: 0 }, job.circuit.openqasm3)) : null,
  );
}
