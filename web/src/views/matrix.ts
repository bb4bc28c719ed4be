/** Matrices as heat maps: the answer's, and where they are known the exact one and the one as measured. */
import { h } from "../shared/dom";
import { fixed } from "../shared/numbers";
import { NOTHING, type View } from "./view";

/** Larger ones are left to the table of fields. */
const MOST = 64;
/** The darkest background, in percent of the series' colour. The number must stay readable. */
const DEEPEST = 45;
/** Fields of the scale; with negative values as many on each side of zero, which both have. */
const STEPS = 5;
const STEPS_TO_EACH_SIDE = 3;

export const matrixView: View = (job) => {
  const rows = job.answer?.matrix;
  if (!isMatrix(rows)) return NOTHING;
  const labels = job.answer?.labels;
  const named = Array.isArray(labels) && labels.length >= Math.max(rows.length, rows[0]!.length);
  const name = (at: number): string => (named ? String(labels[at]).replace(/^vector /, "") : String(at + 1));
  const { measured_matrix: raw, exact_matrix: exact } = job.answer ?? {};
  const maps: [string, number[][]][] = [[isMatrix(raw) ? "Errors corrected" : "Measured", rows]];
  if (isMatrix(raw)) maps.push(["As measured", raw]);
  if (isMatrix(exact)) maps.push(["Exact", exact]);
  const most = Math.max(...maps.flatMap(([, map]) => map.flat().map(Math.abs)), Number.MIN_VALUE);
  const negative = maps.some(([, map]) => map.flat().some((value) => value < 0));
  return {
    picture: h(
      "section",
      { class: "answer", "data-testid": "matrix" },
      h("h3", {}, "Matrix"),
      h("div", { class: "matrices" }, ...maps.map(([title, map]) => heatMap(title, map, name, most))),
      legend(most, negative),
    ),
    fields: ["matrix", "labels", "measured_matrix", "exact_matrix"].filter((field) => field !== "labels" || named),
  };
};

function heatMap(title: string, rows: number[][], name: (at: number) => string, most: number): HTMLElement {
  const cell = (value: number, i: number, j: number): HTMLElement => {
    const text = fixed(value, 3);
    return shaded("td", value / most, { class: "number matrix__cell", title: `${name(i)}, ${name(j)}: ${text}` }, text);
  };
  const head = h("tr", {}, h("td", {}), ...rows[0]!.map((_, j) => h("th", { scope: "col", class: "number" }, name(j))));
  const body = rows.map((row, i) =>
    h("tr", {}, h("th", { scope: "row" }, name(i)), ...row.map((value, j) => cell(value, i, j))),
  );
  return h(
    "div",
    { class: "table-scroll", tabindex: 0, role: "group", "aria-label": `Matrix: ${title}` },
    h(
      "table",
      { class: "table matrix" },
      h("caption", { class: "matrix__title" }, title),
      h("thead", {}, head),
      h("tbody", {}, ...body),
    ),
  );
}

/** An element whose background is the darker the larger the part of the largest value is. */
function shaded(tag: string, part: number, attributes: Record<string, string>, text: string): HTMLElement {
  const element = h(tag, attributes, text);
  element.style.setProperty("--depth", `${Math.round(Math.abs(part) * DEEPEST)}%`);
  element.classList.toggle("matrix__cell--negative", part < 0);
  return element;
}

function legend(most: number, negative: boolean): HTMLElement {
  const steps = negative ? STEPS_TO_EACH_SIDE : STEPS;
  const parts = Array.from({ length: steps }, (_, at) => at / (steps - 1));
  const all = negative
    ? [
        ...parts
          .slice(1)
          .map((part) => -part)
          .reverse(),
        ...parts,
      ]
    : parts;
  return h(
    "div",
    {
      class: "matrix__scale",
      role: "img",
      "aria-label": `Scale from ${fixed(all[0]! * most, 2)} to ${fixed(most, 2)}`,
    },
    ...all.map((part) => shaded("span", part, { class: "matrix__cell matrix__step" }, fixed(part * most, 2))),
  );
}

function isMatrix(value: unknown): value is number[][] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MOST) return false;
  const width = Array.isArray(value[0]) ? value[0].length : 0;
  if (width === 0 || width > MOST) return false;
  return value.every(
    (row) => Array.isArray(row) && row.length === width && row.every((one) => typeof one === "number"),
  );
}
