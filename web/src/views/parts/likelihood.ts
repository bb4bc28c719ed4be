/** Amplitude estimation: what each circuit showed, and how likely each probability is after all of them. */
import { h } from "../../shared/dom";
import { fixed, sampling, share, significant } from "../../shared/numbers";
import { lineChart } from "../line";
import { NOTHING, type View } from "../view";

const POINTS = 240;

interface Measurements {
  powers: number[];
  hits: number[];
  shots: number[];
}

export const likelihoodView: View = (job) => {
  const answer = job.answer ?? {};
  const { estimate, lower, upper, exact, decay } = answer;
  const measurements = answer as unknown as Measurements;
  if (![measurements.powers, measurements.hits, measurements.shots].every(isNumbers)) return NOTHING;
  if (![estimate, lower, upper].every((one) => typeof one === "number")) return NOTHING;
  const [from, to] = [lower as number, upper as number];
  return {
    picture: h(
      "div",
      {},
      h(
        "section",
        { class: "answer", "data-testid": "likelihood" },
        h("h3", {}, "How likely each probability is"),
        chart(measurements, from, to, typeof exact === "number" ? exact : null, typeof decay === "number" ? decay : 0),
      ),
      circuits(measurements),
    ),
    fields: ["powers", "hits", "shots", "lower", "upper"],
  };
};

const isNumbers = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "number");

/** The logarithm of the likelihood of a probability. With noise each round loses a part of the signal. */
export function logLikelihood(p: number, { powers, hits, shots }: Measurements, decay: number): number {
  const angle = Math.asin(Math.sqrt(p));
  return powers.reduce((sum, power, at) => {
    const kept = Math.exp(-decay * power);
    const chance = Math.sin((2 * power + 1) * angle) ** 2 * kept + 0.5 * (1 - kept);
    const safe = Math.min(1 - 1e-12, Math.max(1e-12, chance));
    return sum + hits[at]! * Math.log(safe) + (shots[at]! - hits[at]!) * Math.log1p(-safe);
  }, 0);
}

function chart(all: Measurements, lower: number, upper: number, exact: number | null, decay: number): HTMLElement {
  const room = Math.max(upper - lower, 1e-4);
  const least = Math.max(0, Math.min(lower, exact ?? lower) - room);
  const most = Math.min(1, Math.max(upper, exact ?? upper) + room);
  const values = Array.from({ length: POINTS + 1 }, (_, at) => least + ((most - least) * at) / POINTS);
  const logs = values.map((p) => logLikelihood(p, all, decay));
  const top = Math.max(...logs);
  const points = values.map((step, at) => ({ step, value: Math.exp(logs[at]! - top) }));
  const decimals = Math.min(6, Math.max(2, 1 - Math.floor(Math.log10(room))));
  return lineChart(points, null, "Likelihood, the largest is 1", {
    smooth: true,
    ends: [`Probability ${fixed(least, decimals)}`, fixed(most, decimals)],
    band: { from: lower, to: upper, name: `95 % interval: ${fixed(lower, decimals)} to ${fixed(upper, decimals)}` },
    place: exact === null ? null : { at: exact, name: `Exact: ${significant(exact)}` },
  });
}

function circuits({ powers, hits, shots }: Measurements): HTMLElement {
  const column = (label: string): HTMLElement => h("th", { scope: "col", class: "number" }, label);
  const number = (text: string): HTMLElement => h("td", { class: "number" }, text);
  return h(
    "section",
    { class: "answer", "data-testid": "circuits" },
    h("h3", {}, "What each circuit showed"),
    h(
      "div",
      { class: "table-scroll", tabindex: 0, role: "group", "aria-label": "What each circuit showed" },
      h(
        "table",
        { class: "table" },
        h("thead", {}, h("tr", {}, ...["Rounds", "Seen", "Shots", "Share"].map(column))),
        h(
          "tbody",
          {},
          ...powers.map((power, at) => {
            const part = hits[at]! / shots[at]!;
            return h(
              "tr",
              {},
              number(significant(power)),
              number(significant(hits[at]!)),
              number(significant(shots[at]!)),
              number(share(part, sampling(part, shots[at]!))),
            );
          }),
        ),
      ),
    ),
  );
}
