/** What every answer has: what it says in words, its own fields, and the counts it was made from. */
import "@carbon/web-components/es/components/notification/inline-notification.js";
import { h } from "../shared/dom";
import { humanize } from "../form/schema";
import type { StoredJob, StoredResult } from "../jobs/job";
import { cellText, described } from "./fields";
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
          definitions(Object.fromEntries(rest), { shots: job.result?.shots ?? null }),
        )
      : null,
    job.result && job.result.evs !== null && !answer.convergence
      ? h(
          "section",
          { class: "answer", "data-testid": "values" },
          h("h3", {}, "Expectation values"),
          definitions({ Values: job.result.evs, "Standard errors": job.result.stds }, { plain: true }),
        )
      : null,
    hasCounts(job.result) && tells(job.result) ? histogram(job.result, toIdeal(answer.ideal), shown.naming) : null,
  );
}

/** False for counts in which every outcome was seen once: a picture of them says nothing. */
const tells = (result: StoredResult): boolean =>
  Object.entries(result.counts).some(
    ([register, counts]) =>
      Object.values(counts).some((times) => times > 1) ||
      (Object.keys(counts).length === 1 && result.shots !== 1) ||
      (result.other_outcomes[register] ?? 0) < (result.other[register] ?? 0),
  );

const note = (text: string): HTMLElement =>
  h(
    "cds-inline-notification",
    { kind: "warning", "low-contrast": true, "hide-close-button": true, class: "note", "data-testid": "note" },
    h("span", { slot: "title" }, "Please note"),
    h("span", { slot: "subtitle" }, text),
  );

export interface DefinitionOptions {
  /** True for values that are not an answer's: nothing is known of their meaning. */
  plain?: boolean;
  /** Shots that shares were seen in. */
  shots?: number | null;
}

export function definitions(values: Record<string, unknown>, options: DefinitionOptions = {}): HTMLElement {
  const rows = options.plain
    ? Object.entries(values).map(([name, value]): [string, unknown] => [humanize(name), value])
    : described(values, options.shots ?? null);
  return h(
    "dl",
    { class: "definitions" },
    ...rows.flatMap(([title, value]) => {
      const content = rendered(value);
      const wide = typeof content !== "string" && content.classList.contains("table-scroll");
      return [h("dt", {}, title), h("dd", { class: wide ? "definitions__wide" : null }, content)];
    }),
  );
}

/** Lists of records, and matrices, up to this many rows become a table. */
const MOST_ROWS = 100;

function rendered(value: unknown): string | HTMLElement {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value !== "object") return cellText("", value);
  if (Array.isArray(value)) {
    if (value.length === 0) return "None";
    if (value.length <= MOST_ROWS && value.every(isRecord)) return recordTable(value);
    if (value.length <= MOST_ROWS && value.every(isRow)) return rowTable(value);
    if (value.every((item) => typeof item !== "object")) return value.map((item) => cellText("", item)).join(", ");
  }
  if (isRecord(value))
    return definitions(
      Object.fromEntries(
        Object.entries(value).map(([name, part]) => [name, typeof part === "number" ? cellText(name, part) : part]),
      ),
      { plain: true },
    );
  return h("pre", { class: "code", tabindex: 0 }, JSON.stringify(value, null, 2));
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isRow = (value: unknown): value is unknown[] =>
  Array.isArray(value) && value.every((item) => typeof item !== "object" || item === null);

function recordTable(rows: Record<string, unknown>[]): HTMLElement {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return scrollingTable(
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ...columns.map((name) => {
          const numeric = rows.every((row) => typeof row[name] === "number");
          return h("th", { scope: "col", class: numeric ? "number" : null }, humanize(name));
        }),
      ),
    ),
    rows.map((row) => columns.map((name) => cell(name, row[name]))),
  );
}

const rowTable = (rows: unknown[][]): HTMLElement =>
  scrollingTable(
    null,
    rows.map((row) => row.map((value) => cell("", value))),
  );

const cell = (column: string, value: unknown): HTMLElement =>
  h(
    "td",
    { class: typeof value === "number" ? "number" : null },
    isScalar(value) ? cellText(column, value) : rendered(value),
  );

const isScalar = (value: unknown): boolean => typeof value !== "object";

const scrollingTable = (head: HTMLElement | null, rows: HTMLElement[][]): HTMLElement =>
  h(
    "div",
    { class: "table-scroll", tabindex: 0, role: "group", "aria-label": "Table" },
    h("table", { class: "table" }, head, h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row)))),
  );
