/** What every answer has: what it says in words, its own fields, and the counts it was made from. */
import "@carbon/web-components/es/components/notification/inline-notification.js";
import { h } from "../shared/dom";
import type { StoredJob, StoredResult } from "../jobs/job";
import { described, listText, plain, scalarText } from "./fields";
import { hasCounts, histogram, toIdeal, type Naming } from "./histogram";
import { fieldMeaning, UNKNOWN, type Meaning } from "./meaning";

export interface Shown {
  /** What the view draws; nothing if the answer is not of its kind. */
  picture: Node | null;
  /** The answer's fields that the picture shows, and the table need not. */
  fields: string[];
  naming?: Naming;
}

/** Said in words at the top, or drawn in the histogram. */
const EVERYWHERE = new Set(["summary", "note", "ideal"]);

export function answerElement(job: StoredJob, shown: Shown, meaning: Meaning): HTMLElement {
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
          definitions(Object.fromEntries(rest), { meaning, shots: job.result?.shots ?? null }),
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
  /** True for values that are not an answer's own fields. */
  plain?: boolean;
  /** What their schema says of them. */
  meaning?: Meaning;
  /** Shots that shares were seen in. */
  shots?: number | null;
}

export function definitions(values: Record<string, unknown>, options: DefinitionOptions = {}): HTMLElement {
  const { meaning = UNKNOWN, shots = null } = options;
  const rows = options.plain ? plain(values, meaning) : described(values, meaning, shots);
  return h(
    "dl",
    { class: "definitions" },
    ...rows.flatMap((row) => {
      const content = rendered(row.value, row.meaning);
      const wide = typeof content !== "string" && content.classList.contains("table-scroll");
      return [h("dt", {}, row.title), h("dd", { class: wide ? "definitions__wide" : null }, content)];
    }),
  );
}

/** Lists of records, and matrices, up to this many rows become a table. */
const MOST_ROWS = 100;

function rendered(value: unknown, meaning: Meaning): string | HTMLElement {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value !== "object") return scalarText(value, meaning);
  const items = meaning.items ?? UNKNOWN;
  if (Array.isArray(value)) {
    if (value.length === 0) return "None";
    if (value.length <= MOST_ROWS && value.every(isRecord)) return recordTable(value, items);
    if (value.length <= MOST_ROWS && value.every(isRow)) return rowTable(value, items.items ?? UNKNOWN);
    if (value.every(isScalar)) return listText(value, items);
  }
  if (isRecord(value)) return definitions(value, { plain: true, meaning });
  return h("pre", { class: "code", tabindex: 0 }, JSON.stringify(value, null, 2));
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isScalar = (value: unknown): boolean => typeof value !== "object" || value === null;
const isRow = (value: unknown): value is unknown[] => Array.isArray(value) && value.every(isScalar);

function recordTable(records: Record<string, unknown>[], meaning: Meaning): HTMLElement {
  const columns = Object.fromEntries(records.flatMap((record) => Object.entries(record)));
  const heads = plain(columns, meaning).map((row) => row.title);
  const names = Object.keys(columns);
  return scrollingTable(
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ...names.map((name, at) => {
          const numeric = records.every((record) => typeof record[name] === "number");
          return h("th", { scope: "col", class: numeric ? "number" : null }, heads[at]);
        }),
      ),
    ),
    records.map((record) => names.map((name) => cell(record[name], fieldMeaning(meaning, name)))),
  );
}

const rowTable = (rows: unknown[][], meaning: Meaning): HTMLElement =>
  scrollingTable(
    null,
    rows.map((row) => row.map((value) => cell(value, meaning))),
  );

const cell = (value: unknown, meaning: Meaning): HTMLElement =>
  h(
    "td",
    { class: typeof value === "number" ? "number" : null },
    isScalar(value) ? scalarText(value, meaning) : rendered(value, meaning),
  );

const scrollingTable = (head: HTMLElement | null, rows: HTMLElement[][]): HTMLElement =>
  h(
    "div",
    { class: "table-scroll", tabindex: 0, role: "group", "aria-label": "Table" },
    h("table", { class: "table" }, head, h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row)))),
  );
