/** The selected job: what is awaited, what went wrong, or what came out. */
import "@carbon/web-components/es/components/button/button.js";
import "@carbon/web-components/es/components/notification/inline-notification.js";
import "@carbon/web-components/es/components/tag/tag.js";
import { circuitPicture } from "../circuit/picture";
import { copyButton } from "../shared/clipboard";
import { h, reducedMotion, setText } from "../shared/dom";
import { download } from "../shared/download";
import { exportJob, type Format } from "../jobs/export";
import { backendTypeWords, count, STATUS_WORDS } from "../shared/format";
import { TAG_TYPES } from "../jobs/jobs";
import { isFinal, type StoredJob } from "../jobs/job";
import { timeline } from "./timeline";
import { definitions } from "../views/answer";
import { drawAnswer } from "../views/registry";
import { Waiting } from "./waiting";

export interface ResultActions {
  title(job: StoredJob): string;
  view(job: StoredJob): string | null;
  again(job: StoredJob): Promise<void>;
  edit(job: StoredJob): void;
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
    this.element = h(
      "section",
      { class: "result panel", "aria-labelledby": "result-title", "data-testid": "result" },
      h("div", { class: "panel__heading" }, this.#title, this.#tag),
      this.#body,
    );
    this.show(null);
  }

  show(job: StoredJob | null): void {
    setText(this.#title, job ? this.#actions.title(job) : "Result");
    this.#tag.hidden = job === null;
    this.element.dataset.status = job?.status ?? "";
    if (job) {
      this.#tag.setAttribute("type", TAG_TYPES[job.status]);
      setText(this.#tag, STATUS_WORDS[job.status]);
    }
    // A finished job is drawn once; an unfinished one is updated at every event.
    const key = job
      ? [
          job.process_job_id,
          isFinal(job.status) ? job.status : "waiting",
          this.#actions.view(job),
          job.result !== null,
          job.circuit !== null,
        ].join(" ")
      : "none";
    if (key !== this.#drawn) {
      this.#drawn = key;
      this.#waiting = job && !isFinal(job.status) ? new Waiting(job) : null;
      this.#body.replaceChildren(job ? this.#content(job) : placeholder());
    } else if (job) this.#waiting?.update(job);
  }

  focus(): void {
    this.#title.focus({ preventScroll: true });
  }

  /** Scrolls to the result where it is out of sight: on a narrow screen it is below the list. */
  reveal(): void {
    const { top, bottom } = this.element.getBoundingClientRect();
    if (top < 48 || top > innerHeight / 2 || bottom < 0)
      this.element.scrollIntoView({ behavior: reducedMotion() ? "auto" : "smooth", block: "start" });
  }

  #content(job: StoredJob): Node {
    const final = isFinal(job.status);
    return h(
      "div",
      {},
      this.#waiting?.element ?? ending(job),
      job.status === "DONE" && (job.result || job.answer)
        ? drawAnswer(job, job.answer ? this.#actions.view(job) : null)
        : null,
      final ? this.#tools(job) : null,
      circuit(job),
      final ? timeline(job) : null,
      metadata(job),
    );
  }

  #tools(job: StoredJob): HTMLElement {
    const button = (kind: string, label: string, testid: string, act: () => void): HTMLElement => {
      const one = h("cds-button", { kind, size: "md", "data-testid": testid }, label);
      one.addEventListener("click", act);
      return one;
    };
    const again = button("tertiary", "Run again", "again", () => {
      again.toggleAttribute("disabled", true);
      void this.#actions.again(job).finally(() => again.toggleAttribute("disabled", false));
    });
    const save = (format: Format): HTMLElement =>
      button("ghost", format.toUpperCase(), `export-${format}`, () => download(exportJob(job, format)));
    const kept = job.result !== null || job.answer !== null;
    return h(
      "div",
      { class: "tools" },
      again,
      button("ghost", "Edit the input", "edit", () => this.#actions.edit(job)),
      kept
        ? h(
            "div",
            { class: "tools__save", role: "group", "aria-label": "Download" },
            h("span", { class: "tools__label" }, "Download"),
            save("json"),
            save("csv"),
          )
        : null,
    );
  }
}

function placeholder(): HTMLElement {
  return h(
    "div",
    { class: "placeholder" },
    h(
      "div",
      { class: "placeholder__art", "aria-hidden": "true" },
      h("span", {}, "|0⟩"),
      h("span", {}, "+"),
      h("span", {}, "|1⟩"),
    ),
    h("p", {}, "Run it, and the result appears here as soon as the backend has it."),
  );
}

/** How a job ended, in plain words, unless it ended well. */
function ending(job: StoredJob): HTMLElement | null {
  switch (job.status) {
    case "ERROR":
      return note(
        "error",
        "The job ended with an error",
        job.error?.message ?? "The backend gave no reason.",
        job.error?.code,
      );
    case "CANCELLED":
      return note("info", "The job was cancelled", job.error?.message ?? "It has no result.");
    case "LOST":
      return note(
        "warning",
        "Lost with its session",
        "The session this job belonged to has ended, so its result can no longer be fetched. Run it again to get one.",
      );
    default:
      if (job.error)
        return note(
          "warning",
          "The result could not be interpreted",
          `${job.error.message} The raw counts are below.`,
          job.error.code,
        );
      if (!job.result && !job.answer)
        return note(
          "info",
          "The result is not kept in this browser",
          job.result_url ? "It is large, and is being fetched." : "It was too large to keep.",
        );
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

/** The circuit as a picture, and its program to copy. */
function circuit(job: StoredJob): HTMLElement | null {
  const program = job.circuit?.openqasm3;
  if (!program) return null;
  return h(
    "section",
    { class: "answer" },
    h("h3", {}, "Circuit"),
    circuitPicture(program),
    h(
      "details",
      { class: "disclosure" },
      h("summary", {}, "OpenQASM 3"),
      h(
        "div",
        { class: "code-frame" },
        copyButton("Copy", () => program, "copy-openqasm"),
        h("pre", { class: "code", tabindex: 0, role: "group", "aria-label": "OpenQASM 3 program" }, program),
      ),
    ),
  );
}

function metadata(job: StoredJob): HTMLElement {
  const values: Record<string, unknown> = {
    Backend: job.backend || "–",
    "Backend type": backendTypeWords(job.backend_type),
  };
  if (job.result?.shots) values.Shots = job.result.shots;
  if (job.circuit)
    values.Circuit = [
      `${count(job.circuit.qubits)} ${job.circuit.qubits === 1 ? "qubit" : "qubits"}`,
      job.circuit.depth && `depth ${count(job.circuit.depth)}`,
      job.circuit.size && `${count(job.circuit.size)} gates`,
    ]
      .filter(Boolean)
      .join(", ");
  values.Job = job.job_id || job.process_job_id;
  const extra = job.result?.metadata ?? {};
  return h(
    "section",
    { class: "metadata", "data-testid": "metadata" },
    h("h3", {}, "About this job"),
    definitions(values),
    Object.keys(job.params).length > 0
      ? h("details", { class: "disclosure" }, h("summary", {}, "Input"), definitions(job.params))
      : null,
    Object.keys(extra).length > 0
      ? h("details", { class: "disclosure" }, h("summary", {}, "More from the backend"), definitions(extra))
      : null,
  );
}
