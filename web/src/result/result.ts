/** The selected job: what is awaited, what went wrong, or what came out. */
import "@carbon/web-components/es/components/button/button.js";
import "@carbon/web-components/es/components/notification/inline-notification.js";
import "@carbon/web-components/es/components/tag/tag.js";
import { circuitPicture } from "../circuit/picture";
import { explanation } from "../guides/guide";
import { offerPictures } from "../shared/picture";
import { copyButton } from "../shared/clipboard";
import { h, reducedMotion, setText } from "../shared/dom";
import { download } from "../shared/download";
import { exportJob, type Format } from "../jobs/export";
import { backendTypeWords, count, moment, namedInput, shotsOf, STATUS_WORDS } from "../shared/format";
import { MAX_NAME } from "../jobs/bounds";
import { toHash } from "../page/route";
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
  rename(job: StoredJob, name: string): void;
}

/** Why there is nothing to show of a job that the address names. */
export type Missing = "asking" | "unknown" | "failed";

export class ResultPanel {
  readonly element: HTMLElement;
  #actions: ResultActions;
  #title = h("h2", { id: "result-title", tabindex: -1 }, "Result");
  #tag = h("cds-tag", { size: "md", hidden: true });
  #whose = h("p", { class: "result__whose", "data-testid": "whose", hidden: true });
  #submitting = h("p", { class: "result__submitting", role: "status", "data-testid": "submitting", hidden: true });
  #busy = false;
  #job: StoredJob | null = null;
  #body = h("div", { class: "result__body" });
  #drawn = "";
  #waiting: Waiting | null = null;

  constructor(actions: ResultActions) {
    this.#actions = actions;
    this.element = h(
      "section",
      { class: "result panel", "aria-labelledby": "result-title", "data-testid": "result" },
      this.#submitting,
      h("div", { class: "panel__heading" }, this.#title, this.#tag),
      this.#whose,
      this.#body,
    );
    this.show(null);
  }

  /** Says that a new run is on its way: until it is accepted, the panel still shows an earlier one. */
  setSubmitting(busy: boolean): void {
    this.#busy = busy;
    this.#drawSubmitting();
  }

  #drawSubmitting(): void {
    this.element.toggleAttribute("data-submitting", this.#busy);
    this.#submitting.hidden = !this.#busy;
    const earlier = this.#job ? ` Below is your earlier run of ${moment(this.#job.submitted_at)}.` : "";
    setText(this.#submitting, this.#busy ? `Your new run is being submitted.${earlier}` : "");
  }

  /** Says that this browser does not have the job that the address names. */
  showMissing(id: string, why: Missing): void {
    this.#job = null;
    setText(this.#title, "Result");
    this.#tag.hidden = this.#whose.hidden = true;
    this.element.dataset.status = "";
    this.#drawSubmitting();
    const key = `missing ${id} ${why}`;
    if (key === this.#drawn) return;
    this.#drawn = key;
    this.#waiting = null;
    this.#body.replaceChildren(missing(id, why));
  }

  show(job: StoredJob | null): void {
    this.#job = job;
    this.#drawSubmitting();
    this.#whose.hidden = job === null;
    setText(this.#whose, job ? whose(job) : "");
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
          job.trimmed,
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
    const content = h(
      "div",
      {},
      this.#waiting?.element ?? ending(job),
      job.status === "DONE" && (job.result || job.answer)
        ? drawAnswer(job, job.answer ? this.#actions.view(job) : null)
        : null,
      job.status === "DONE" && job.answer ? explanation(job) : null,
      final ? this.#tools(job) : null,
      circuit(job),
      final ? timeline(job) : null,
      metadata(job, this.#name(job)),
    );
    if (final) offerPictures(content, `${job.function}-${job.process_job_id}`);
    return content;
  }

  #name(job: StoredJob): HTMLElement {
    const input = h("input", {
      type: "text",
      class: "cds--text-input cds--text-input--sm",
      id: "job-name",
      maxlength: MAX_NAME,
      autocomplete: "off",
      value: job.name,
      placeholder: "For example: first try on hardware",
      "data-testid": "job-name",
    });
    input.addEventListener("change", () => this.#actions.rename(job, input.value));
    return h(
      "div",
      { class: "cds--form-item metadata__name" },
      h("label", { class: "cds--label", for: "job-name" }, "Your name for this job"),
      input,
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

/** Whose result it is: the run's time, device, shots and input. */
function whose(job: StoredJob): string {
  const where = [job.backend, shotsOf(job.result?.shots ?? job.params.shots)].filter(Boolean).join(", ");
  return [`Run of ${moment(job.submitted_at)}`, where, namedInput(job.params)].filter(Boolean).join(" · ");
}

function missing(id: string, why: Missing): HTMLElement {
  if (why === "asking") return h("p", { class: "quiet", "data-testid": "missing-job" }, "Looking for this job…");
  const reason =
    why === "failed"
      ? "This browser does not have the job, and the service cannot be reached to ask for it. Try again later."
      : "Neither this browser nor its session with the service has this job. It may have been submitted in another " +
        "browser, or been removed here.";
  return h(
    "div",
    { "data-testid": "missing-job" },
    note("warning", "This job is not here", reason),
    h("p", {}, "What you can do: open the link in the browser that submitted the job, or run the function again."),
    h("p", { class: "missing__id" }, `Job ${id.slice(0, 200)}`),
    h(
      "p",
      { class: "missing__ways" },
      h("a", { href: toHash({ page: "jobs", id: null }) }, "Show your own jobs"),
      " ",
      h("a", { href: toHash({ page: "functions" }) }, "Choose a function"),
    ),
  );
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
      if (job.trimmed)
        return note(
          "info",
          "Only a summary is kept of this job",
          "It is one of your oldest jobs. Its details are fetched from the service if it still has them.",
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
  const given = job.params.program;
  // A program of the person's own is part of the input; other circuits come with the answer to the submission alone.
  const program = job.circuit?.openqasm3 ?? (typeof given === "string" ? given : undefined);
  if (!program)
    return job.status === "LOST" || (job.circuit && !job.circuit.openqasm3)
      ? null
      : h(
          "section",
          { class: "answer", "data-testid": "circuit-missing" },
          h("h3", {}, "Circuit"),
          h(
            "p",
            { class: "quiet" },
            job.trimmed
              ? "The picture of this older job's circuit is no longer kept in this browser. Run it again to see it."
              : "The circuit came while this page was closed, so there is no picture of it. Run it again to see it.",
          ),
        );
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

function metadata(job: StoredJob, name: HTMLElement): HTMLElement {
  const values: Record<string, unknown> = {
    Backend: job.backend || "–",
    "Backend type": backendTypeWords(job.backend_type),
  };
  if (job.result?.shots) values.Shots = job.result.shots;
  const { depth, size } = job.circuit ?? {};
  if (depth || size)
    values["Circuit as run"] = [
      depth && `depth ${count(depth)}`,
      size && `${count(size)} ${size === 1 ? "gate" : "gates"}, after translation into the gates of the backend`,
    ]
      .filter(Boolean)
      .join(", ");
  values.Job = job.process_job_id;
  const extra = job.result?.metadata ?? {};
  return h(
    "section",
    { class: "metadata", "data-testid": "metadata" },
    h("h3", {}, "About this job"),
    name,
    definitions(values, { plain: true }),
    copyButton("Copy link to this job", () => new URL(toHash({ page: "jobs", id: job.process_job_id }), location.href).href, "copy-job"),
    providerJobs(job),
    Object.keys(job.params).length > 0
      ? h("details", { class: "disclosure" }, h("summary", {}, "Input"), definitions(job.params, { plain: true }))
      : null,
    Object.keys(extra).length > 0
      ? h(
          "details",
          { class: "disclosure" },
          h("summary", {}, "More from the backend"),
          definitions(extra, { plain: true }),
        )
      : null,
  );
}

/** The ids that the provider gave to the job's steps. */
function providerJobs(job: StoredJob): HTMLElement | null {
  const known = Object.keys(job.provider_jobs).length > 0 ? job.provider_jobs : { [job.step]: job.job_id };
  const all = Object.entries(known).filter(([, id]) => id !== "");
  if (all.length === 0) return null;
  const row = ([step, id]: [string, string]): [string, string] => [all.length > 1 ? `Step ${Number(step) + 1}` : "Id", id];
  return h(
    "details",
    { class: "disclosure", "data-testid": "provider-jobs" },
    h("summary", {}, all.length > 1 ? `The provider's ${count(all.length)} jobs` : "The provider's job"),
    definitions(Object.fromEntries(all.map(row)), { plain: true }),
  );
}
