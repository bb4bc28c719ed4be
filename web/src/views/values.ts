/** A list of values, to be read and to be copied. */
import { copyButton } from "../shared/clipboard";
import { h } from "../shared/dom";
import { count } from "../shared/format";
import { NOTHING, type View } from "./view";

/** Values shown before the rest is folded away. */
const SHOWN = 48;

export const valuesView: View = (job) => {
  const raw = job.answer?.values;
  if (!Array.isArray(raw) || raw.length === 0 || raw.some((value) => typeof value === "object")) return NOTHING;
  const values = raw.map(String);
  const items = (some: string[]): HTMLElement =>
    h("ol", { class: "values" }, ...some.map((value) => h("li", { class: "values__item" }, value)));
  const rest = values.slice(SHOWN);
  return {
    picture: h(
      "section",
      { class: "answer", "data-testid": "answer-values" },
      h(
        "div",
        { class: "answer__heading" },
        h("h3", {}, values.length === 1 ? "Value" : `${count(values.length)} values`),
        copyButton("Copy", () => values.join("\n")),
      ),
      items(values.slice(0, SHOWN)),
      rest.length > 0
        ? h("details", { class: "disclosure" }, h("summary", {}, `Show the other ${count(rest.length)}`), items(rest))
        : null,
    ),
    fields: ["values"],
  };
};
