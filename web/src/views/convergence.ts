/** How a hybrid algorithm came to its value. */
import { h } from "../shared/dom";
import { count } from "../shared/format";
import { lineChart, toPoints } from "./line";
import { NOTHING, type View } from "./view";

export const convergenceView: View = (job) => {
  const points = toPoints(job.answer?.convergence);
  if (points.length === 0) return NOTHING;
  const reference = job.answer?.reference;
  const exact = typeof reference === "number" ? reference : null;
  const rows = points.map(({ step, value }) =>
    h(
      "tr",
      {},
      h("td", { class: "number" }, count(step)),
      h("td", { class: "number" }, String(Number(value.toPrecision(8)))),
    ),
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
      lineChart(points, exact, "Value at each step"),
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
