/** A table of numbers. The larger a number, the darker its background. */
import { h } from "../shared/dom";
import { NOTHING, type View } from "./view";

/** Larger ones are left to the table of fields. */
const MOST = 64;
/** The darkest background, in percent of the series' colour. The number must stay readable. */
const DEEPEST = 45;

export const matrixView: View = (job) => {
  const rows = job.answer?.matrix;
  if (!isMatrix(rows)) return NOTHING;
  const labels = job.answer?.labels;
  const named = Array.isArray(labels) && labels.length >= Math.max(rows.length, rows[0]!.length);
  const name = (at: number): string => (named ? String(labels[at]) : String(at + 1));
  const most = Math.max(...rows.flat().map(Math.abs), Number.MIN_VALUE);
  const cell = (value: number, i: number, j: number): HTMLElement => {
    const element = h(
      "td",
      { class: "number matrix__cell", title: `${name(i)}, ${name(j)}: ${value}` },
      String(Number(value.toPrecision(3))),
    );
    element.style.setProperty("--depth", `${Math.round((Math.abs(value) / most) * DEEPEST)}%`);
    element.classList.toggle("matrix__cell--negative", value < 0);
    return element;
  };
  const head = h("tr", {}, h("td", {}), ...rows[0]!.map((_, j) => h("th", { scope: "col", class: "number" }, name(j))));
  const body = rows.map((row, i) =>
    h("tr", {}, h("th", { scope: "row" }, name(i)), ...row.map((value, j) => cell(value, i, j))),
  );
  const table = h(
    "table",
    { class: "table matrix" },
    h("caption", { class: "visually-hidden" }, "Matrix"),
    h("thead", {}, head),
    h("tbody", {}, ...body),
  );
  return {
    picture: h(
      "section",
      { class: "answer", "data-testid": "matrix" },
      h("h3", {}, "Matrix"),
      h("div", { class: "table-scroll", tabindex: 0, role: "group", "aria-label": "Matrix" }, table),
    ),
    fields: named ? ["matrix", "labels"] : ["matrix"],
  };
};

function isMatrix(value: unknown): value is number[][] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MOST) return false;
  const width = Array.isArray(value[0]) ? value[0].length : 0;
  if (width === 0 || width > MOST) return false;
  return value.every(
    (row) => Array.isArray(row) && row.length === width && row.every((one) => typeof one === "number"),
  );
}
