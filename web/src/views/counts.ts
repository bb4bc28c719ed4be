/** The default view: the answer as a list of names and values, and the counts. */
import { h } from "../dom";
import { count } from "../format";
import { humanize } from "../schema";
import { hasCounts, histogram } from "./histogram";
import type { View } from "./view";

export const countsView: View = (job) => {
  const answer = job.answer && Object.keys(job.answer).length > 0 ? h("section", { class: "answer", "data-testid": "answer" }, h("h3", {}, "Answer"), definitions(job.answer)) : null;
  const values = job.result && job.result.evs !== null ? h("section", { class: "answer", "data-testid": "values" }, h("h3", {}, "Expectation values"), definitions({ Values: job.result.evs, "Standard errors": job.result.stds })) : null;
  return h("div", {}, answer, values, hasCounts(job.result) ? histogram(job.result) : null);
};

export function definitions(values: Record<string, unknown>): HTMLElement {
  return h("dl", { class: "definitions" }, ...Object.entries(values).flatMap(([name, value]) => [h("dt", {}, humanize(name)), h("dd", {}, rendered(value))]));
}

function rendered(value: unknown): string | HTMLElement {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "number") return Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(6)));
  if (typeof value === "boolean") return value ? "Yes" : "No";
  if (Array.isArray(value) && value.every((item) => typeof item !== "object")) return value.join(", ");
  if (typeof value === "object") return h("pre", { class: "code" }, JSON.stringify(value, null, 2));
  return String(value);
}
