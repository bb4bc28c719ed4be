/** A value over the steps of an algorithm, with the exact value as a line where it is known. */
import { h, s } from "../shared/dom";
import { count } from "../shared/format";
import { measured, significant } from "../shared/numbers";
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

const short = (value: number): string => significant(value);

export interface LineOptions {
  /** What a step is called. */
  step?: string;
  /** What the reference is called. */
  referenceName?: string;
  /** A measured value with its standard error, marked beside the curve. */
  marked?: { step: number; value: number; error: number | null; name: string } | null;
  /** Numbers along the horizontal axis, instead of the first and the last step. */
  ends?: [string, string];
  /** An interval on the horizontal axis. */
  band?: { from: number; to: number; name: string } | null;
  /** A place on the horizontal axis. */
  place?: { at: number; name: string } | null;
  /** True to draw the curve alone, without a dot for each point. */
  smooth?: boolean;
}

export function lineChart(
  points: Point[],
  reference: number | null,
  title: string,
  options: LineOptions = {},
): HTMLElement {
  const { marked = null, band = null, place = null, step: stepName = "Step", referenceName = "Exact" } = options;
  const values = points.map(({ value }) => value);
  const edges = marked ? [marked.value - (marked.error ?? 0), marked.value + (marked.error ?? 0)] : [];
  const scale = toScale([...values, ...edges, ...(reference === null ? [] : [reference])]);
  const first = points[0]!.step;
  const last = Math.max(points.at(-1)!.step, marked?.step ?? first, options.smooth ? first : first + 1);
  const x = (step: number): number => ((step - first) / (last - first || 1)) * 100;
  const y = (value: number): number => (1 - (value - scale.least) / (scale.most - scale.least)) * HEIGHT;
  const range = `from ${short(values[0]!)} to ${short(values.at(-1)!)}`;
  const known = reference === null ? "" : `; ${referenceName.toLowerCase()}: ${short(reference)}`;
  const said = `${title}: ${count(points.length)} points, ${range}${known}.`;
  const grid = scale.ticks.flatMap((tick) => [
    s("line", { class: "plot__grid", x1: 0, x2: "100%", y1: y(tick), y2: y(tick) }),
    s("text", { class: "plot__number", x: -8, y: y(tick) + 4, "text-anchor": "end" }, short(tick)),
  ]);
  const shade = band
    ? [
        s("rect", {
          class: "plot__band",
          x: `${Math.max(0, x(band.from))}%`,
          width: `${Math.min(100, x(band.to)) - Math.max(0, x(band.from))}%`,
          y: 0,
          height: HEIGHT,
        }),
      ]
    : [];
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
    points.length <= 60 && !options.smooth
      ? points.map(({ step, value }) =>
          s(
            "circle",
            { class: "plot__dot", cx: `${x(step)}%`, cy: y(value), r: 3 },
            s("title", {}, `${stepName} ${step}: ${short(value)}`),
          ),
        )
      : [];
  const exact =
    reference === null
      ? []
      : [s("line", { class: "plot__reference", x1: 0, x2: "100%", y1: y(reference), y2: y(reference) })];
  const [left, right] = options.ends ?? [`${stepName} ${first}`, `${stepName} ${last}`];
  const ends = [
    s("text", { class: "plot__number", x: 0, y: HEIGHT + 20 }, left),
    s("text", { class: "plot__number", x: "100%", y: HEIGHT + 20, "text-anchor": "end" }, right),
  ];
  const legend = (kind: string, text: string): HTMLElement =>
    h("span", { class: `legend__item legend__item--${kind}` }, text);
  return h(
    "figure",
    { class: "plot", "data-testid": "convergence", "data-points": points.length },
    s(
      "svg",
      { class: "plot__picture", role: "img", "aria-label": said, width: "100%", height: HEIGHT + BELOW },
      ...grid,
      ...shade,
      ...exact,
      ...(place
        ? [s("line", { class: "plot__reference", x1: `${x(place.at)}%`, x2: `${x(place.at)}%`, y1: 0, y2: HEIGHT })]
        : []),
      curve,
      ...dots,
      ...(marked
        ? marker(`${x(marked.step)}%`, y(marked.value), marked.error === null ? 0 : y(0) - y(marked.error))
        : []),
      ...ends,
    ),
    h(
      "figcaption",
      { class: "legend" },
      legend("line", title),
      reference === null ? null : legend("reference", `${referenceName}: ${short(reference)}`),
      band ? legend("band", band.name) : null,
      place ? legend("reference", place.name) : null,
      marked ? legend("marked", `${marked.name}: ${measured(marked.value, marked.error)}`) : null,
    ),
  );
}

/** A measured value with a bar of one standard error up and down. */
function marker(x: string, y: number, error: number): SVGElement[] {
  return [
    s("line", { class: "plot__error", x1: x, x2: x, y1: y - error, y2: y + error }),
    s("circle", { class: "plot__marked", cx: x, cy: y, r: 5 }),
  ];
}
