/** A value over the steps of an algorithm, with the exact value as a line where it is known. */
import { h, s } from "../shared/dom";
import { count } from "../shared/format";
import type { Point } from "../api/documents";

/** Pixels: height of the plot, and the room for the numbers below; that at its left is in the style sheet. */
const HEIGHT = 220;
const BELOW = 28;

export interface Scale {
  least: number;
  most: number;
  ticks: number[];
}

/** A scale with round numbers around the values. */
export function toScale(values: number[], wanted = 4): Scale {
  let least = Math.min(...values);
  let most = Math.max(...values);
  if (!(most > least)) {
    const room = Math.abs(least) * 0.1 || 1;
    least -= room;
    most += room;
  }
  const rough = (most - least) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((one) => one * power >= rough) ?? 10) * power;
  const first = Math.floor(least / step);
  const last = Math.ceil(most / step);
  const ticks = Array.from({ length: last - first + 1 }, (_, at) => Number(((first + at) * step).toPrecision(12)));
  return { least: ticks[0]!, most: ticks.at(-1)!, ticks };
}

export function toPoints(raw: unknown): Point[] {
  return Array.isArray(raw)
    ? (raw as (Partial<Point> | null)[]).filter(
        (one): one is Point => Number.isFinite(one?.step) && Number.isFinite(one?.value),
      )
    : [];
}

const short = (value: number): string => String(Number(value.toPrecision(5)));

export function lineChart(points: Point[], reference: number | null, title: string): HTMLElement {
  const values = points.map(({ value }) => value);
  const scale = toScale(reference === null ? values : [...values, reference]);
  const first = points[0]!.step;
  const last = Math.max(points.at(-1)!.step, first + 1);
  const x = (step: number): number => ((step - first) / (last - first)) * 100;
  const y = (value: number): number => (1 - (value - scale.least) / (scale.most - scale.least)) * HEIGHT;
  const range = `from ${short(values[0]!)} to ${short(values.at(-1)!)}`;
  const known = reference === null ? "" : `; the exact value is ${short(reference)}`;
  const said = `${title}: ${count(points.length)} steps, ${range}${known}.`;
  const grid = scale.ticks.flatMap((tick) => [
    s("line", { class: "plot__grid", x1: 0, x2: "100%", y1: y(tick), y2: y(tick) }),
    s("text", { class: "plot__number", x: -8, y: y(tick) + 4, "text-anchor": "end" }, short(tick)),
  ]);
  // The curve is stretched to the room there is; its line keeps its width.
  const curve = s(
    "svg",
    {
      x: 0,
      y: 0,
      width: "100%",
      height: HEIGHT,
      viewBox: `0 0 100 ${HEIGHT}`,
      preserveAspectRatio: "none",
      class: "plot__curve",
    },
    s("polyline", { class: "plot__line", points: points.map(({ step, value }) => `${x(step)},${y(value)}`).join(" ") }),
  );
  const dots =
    points.length <= 60
      ? points.map(({ step, value }) =>
          s(
            "circle",
            { class: "plot__dot", cx: `${x(step)}%`, cy: y(value), r: 3 },
            s("title", {}, `Step ${step}: ${short(value)}`),
          ),
        )
      : [];
  const exact =
    reference === null
      ? []
      : [s("line", { class: "plot__reference", x1: 0, x2: "100%", y1: y(reference), y2: y(reference) })];
  const ends = [
    s("text", { class: "plot__number", x: 0, y: HEIGHT + 20 }, `Step ${first}`),
    s(
      "text",
      { class: "plot__number", x: "100%", y: HEIGHT + 20, "text-anchor": "end" },
      `Step ${points.at(-1)!.step}`,
    ),
  ];
  return h(
    "figure",
    { class: "plot", "data-testid": "convergence", "data-points": points.length },
    s(
      "svg",
      { class: "plot__picture", role: "img", "aria-label": said, width: "100%", height: HEIGHT + BELOW },
      ...grid,
      ...exact,
      curve,
      ...dots,
      ...ends,
    ),
    h(
      "figcaption",
      { class: "legend" },
      h("span", { class: "legend__item legend__item--line" }, title),
      reference === null
        ? null
        : h("span", { class: "legend__item legend__item--reference" }, `Exact: ${short(reference)}`),
    ),
  );
}
