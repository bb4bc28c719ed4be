/** When a job was submitted, ran, ended, and reached this page. */
import { h } from "../shared/dom";
import { moment, span } from "../shared/format";
import { isFinal, type StoredJob } from "../jobs/job";

export interface Stage {
  name: string;
  at: string;
  /** How long it took to get here from the stage before, in words; empty for the first. */
  after: string;
}

const ENDS: Record<string, string> = { DONE: "Result ready", CANCELLED: "Cancelled", ERROR: "Failed" };

/** The stages whose times are known, in their order. Pure. */
export function stages(job: StoredJob): Stage[] {
  const known: [string, string | null][] = [
    ["Submitted", job.submitted_at],
    ["Sent in a shared job", job.sent_at],
    ["Running", job.running_at],
    [ENDS[job.status] ?? "Ended", job.finished_at],
    ["Delivered here", job.delivered_at],
  ];
  const found: Stage[] = [];
  let before = Number.NaN;
  for (const [name, at] of known) {
    const time = at === null ? Number.NaN : Date.parse(at);
    if (Number.isNaN(time)) continue;
    // Several machines' clocks: what comes later is never shown as earlier.
    const took = Math.max(0, time - before);
    found.push({ name, at: at!, after: Number.isNaN(before) ? "" : `+ ${span(took)}` });
    before = Math.max(time, Number.isNaN(before) ? time : before);
  }
  return found;
}

export function timeline(job: StoredJob): HTMLElement {
  const all = stages(job);
  const item = ({ name, at, after }: Stage): HTMLElement =>
    h(
      "li",
      { class: "timeline__stage" },
      h("span", { class: "timeline__name" }, name),
      h("time", { class: "timeline__at", datetime: at }, moment(at)),
      h("span", { class: "timeline__after" }, after),
    );
  return h(
    "section",
    { class: "answer", "data-testid": "timeline" },
    h("h3", {}, "Timeline"),
    h("ol", { class: `timeline${isFinal(job.status) ? "" : " timeline--open"}` }, ...all.map(item)),
  );
}
