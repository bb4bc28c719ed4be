/** What is said of a job that did not end well, that is not here, or that has not been chosen. */
import "@carbon/web-components/es/components/notification/inline-notification.js";
import { h } from "../shared/dom";
import { toHash } from "../page/route";
import type { StoredJob } from "../jobs/job";

/** Why there is nothing to show of a job that the address names. */
export type Missing = "asking" | "unknown" | "failed";

export function missing(id: string, why: Missing): HTMLElement {
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

export function placeholder(): HTMLElement {
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
export function ending(job: StoredJob): HTMLElement | null {
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
