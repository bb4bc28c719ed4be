/** How a hybrid algorithm came to its value. */
import { h } from "../shared/dom";
import { count } from "../shared/format";
import { significant } from "../shared/numbers";
import type { StoredJob } from "../jobs/job";
import { lineChart, toPoints, type LineOptions } from "./line";
import { NOTHING, type View } from "./view";

/** What is plotted, with its unit. */
const QUANTITIES: Record<string, string> = {
  vqe: "Energy, in the unit of the coefficients",
  qaoa_maxcut: "Average weight of the measured cuts",
  amplitude_estimation: "Estimated probability after each circuit",
};

const quantity = (job: StoredJob): string =>
  Object.hasOwn(QUANTITIES, job.function) ? QUANTITIES[job.function]! : "Value at each step";

/** The answer as a point after the last step, with its uncertainty where that is known. */
function answerMark(job: StoredJob, last: number): LineOptions["marked"] {
  const { energy, uncertainty, average_value: average } = job.answer ?? {};
  const value = typeof energy === "number" ? energy : average;
  if (typeof value !== "number") return null;
  const error = typeof uncertainty === "number" ? uncertainty : null;
  return { step: last + 1, value, error, name: typeof energy === "number" ? "Answer" : "Last job" };
}

export const convergenceView: View = (job) => {
  const points = toPoints(job.answer?.convergence);
  if (points.length === 0) return NOTHING;
  const reference = job.answer?.reference;
  const exact = typeof reference === "number" ? reference : null;
  const rows = points.map(({ step, value }) =>
    h("tr", {}, h("td", { class: "number" }, count(step)), h("td", { class: "number" }, significant(value, 5))),
  );
  const table = h(
    "table",
    { class: "table" },
    h("caption", { class: "visually-hidden" }, "The value at each step"),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col", class: "number" }, "Step"),
        h("th", { scope: "col", class: "number" }, "Value"),
      ),
    ),
    h("tbody", {}, ...rows),
  );
  return {
    picture: h(
      "section",
      { class: "answer" },
      h("h3", {}, "Convergence"),
      lineChart(points, exact, quantity(job), {
        marked: answerMark(job, points.at(-1)!.step),
        referenceName: job.function === "qaoa_maxcut" ? "Best possible" : "Exact",
      }),
      h(
        "details",
        { class: "disclosure" },
        h("summary", {}, "Show as a table"),
        h(
          "div",
          {
            class: "table-scroll table-scroll--low",
            tabindex: 0,
            role: "group",
            "aria-label": "The value at each step",
          },
          table,
        ),
      ),
    ),
    fields: exact === null && reference !== null ? ["convergence"] : ["convergence", "reference"],
  };
};
