/** What every answer has: what it says in words, its own fields, and the counts it was made from. */
import "@carbon/web-components/es/components/notification/inline-notification.js";
import { h } from "../shared/dom";
import { count } from "../shared/format";
import { humanize } from "../form/schema";
import type { StoredJob } from "../jobs/job";
import { hasCounts, histogram, toIdeal, type Naming } from "./histogram";

export interface Shown {
  /** What the view draws; nothing if the answer is not of its kind. */
  picture: Node | null;
  /** The answer's fields that the picture shows, and the table need not. */
  fields: string[];
  naming?: Naming;
}

/** Said in words at the top, or drawn in the histogram. */
const EVERYWHERE = new Set(["summary", "note", "ideal"]);

export function answerElement(job: StoredJob, shown: Shown): HTMLElement {
  const answer = job.answer ?? {};
  const rest = Object.entries(answer).filter(([name]) => !EVERYWHERE.has(name) && !shown.fields.includes(name));
  return h(
    "div",
    { class: "answer-view" },
    typeof answer.summary === "string"
      ? h("p", { class: "answer__summary", "data-testid": "summary" }, answer.summary)
      : null,
    typeof answer.note === "string" ? note(answer.note) : null,
    shown.picture,
    rest.length > 0
      ? h(
          "section",
          { class: "answer", "data-testid": "answer" },
          h("h3", {}, "Answer"),
          definitions(Object.fromEntries(rest)),
        )
      : null,
    job.result && job.result.evs !== null && !answer.convergence
      ? h(
          "section",
          { class: "answer", "data-testid": "values" },
          h("h3", {}, "Expectation values"),
          definitions({ Values: job.result.evs, "Standard errors": job.result.stds }),
        )
      : null,
    hasCounts(job.result) ? histogram(job.result, toIdeal(answer.ideal), shown.naming) : null,
  );
}

const note = (text: string): HTMLElement =>
  h(
    "cds-inline-notification",
    { kind: "warning", "low-contrast": true, "hide-close-button": true, class: "note", "data-testid": "note" },
    h("span", { slot: "title" }, "Please note"),
    h("span", { slot: "subtitle" }, text),
  );

export const definitions = (values: Record<string, unknown>): HTMLElement =>
  h(
    "dl",
    { class: "definitions" },
    ...Object.entries(values).flatMap(([name, value]) => [h("dt", {}, humanize(name)), h("dd", {}, rendered(value))]),
  );

/** Lists of records up to this many rows become a table. */
const MOST_ROWS = 100;

function rendered(value: unknown): string | HTMLElement {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "number") return Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(6)));
  if (typeof value === "boolean") return value ? "Yes" : "No";
  if (Array.isArray(value) && value.length > 0 && value.length <= MOST_ROWS && value.every(isRecord))
    return recordTable(value);
  if (Array.isArray(value) && value.every((item) => typeof item !== "object"))
    return value.length === 0 ? "None" : value.map((item) => plain(item)).join(", ");
  if (isRecord(value) && Object.values(value).every((item) => typeof item !== "object")) return definitions(value);
  if (typeof value === "object") return h("pre", { class: "code", tabindex: 0 }, JSON.stringify(value, null, 2));
  return String(value);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const plain = (value: unknown): string =>
  typeof value === "object" && value !== null ? JSON.stringify(value) : String(rendered(value));

function recordTable(rows: Record<string, unknown>[]): HTMLElement {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (value: unknown): HTMLElement =>
    h("td", { class: typeof value === "number" ? "number" : null }, plain(value));
  return h(
    "div",
    { class: "table-scroll", tabindex: 0, role: "group", "aria-label": "Records" },
    h(
      "table",
      { class: "table" },
      h("thead", {}, h("tr", {}, ...columns.map((name) => h("th", { scope: "col" }, humanize(name))))),
      h("tbody", {}, ...rows.map((row) => h("tr", {}, ...columns.map((name) => cell(row[name]))))),
    ),
  );
}
