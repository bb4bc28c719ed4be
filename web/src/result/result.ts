/** The selected job: what is awaited, what went wrong, or what came out. */
import "@carbon/web-components/es/components/button/button.js";
import "@carbon/web-components/es/components/tag/tag.js";
import { explanation } from "../guides/guide";
import { MAX_NAME } from "../jobs/bounds";
import { exportJob, type Format } from "../jobs/export";
import { isFinal, type StoredJob } from "../jobs/job";
import { TAG_TYPES } from "../jobs/jobs";
import { h, reducedMotion, setText } from "../shared/dom";
import { download } from "../shared/download";
import { deviceWords, moment, namedInput, shotsOf, STATUS_WORDS } from "../shared/format";
import { offerPictures } from "../shared/picture";
import { UNKNOWN, type Meaning } from "../views/meaning";
import { drawAnswer } from "../views/registry";
import { circuit, metadata } from "./about";
import { ending, missing, placeholder, type Missing } from "./ending";
import { timeline } from "./timeline";
import { Waiting } from "./waiting";

export interface ResultActions {
  title(job: StoredJob): string;
  view(job: StoredJob): string | null;
  meaning(job: StoredJob): Meaning;
  again(job: StoredJob): Promise<void>;
  edit(job: StoredJob): void;
  rename(job: StoredJob, name: string): void;
}

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
  #meaning: Meaning | null = null;
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
    // Known before the answer is there, unless the page begins with a result.
    const meaning = job && this.#actions.meaning(job);
    const explained = meaning !== this.#meaning && job !== null && isFinal(job.status);
    this.#meaning = meaning;
    if (key !== this.#drawn || explained) {
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
        ? drawAnswer(job, job.answer ? this.#actions.view(job) : null, this.#meaning ?? UNKNOWN)
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
    // The job as it is then: it may have been named since this was drawn.
    const save = (format: Format): HTMLElement =>
      button("ghost", format.toUpperCase(), `export-${format}`, () => download(exportJob(this.#job ?? job, format)));
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
  const where = [deviceWords(job.backend), shotsOf(job.result?.shots ?? job.params.shots)].filter(Boolean).join(", ");
  return [`Run of ${moment(job.submitted_at)}`, where, namedInput(job.params)].filter(Boolean).join(" · ");
}
