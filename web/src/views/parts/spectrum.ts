/** The outcomes in the order of their numbers, as a spectrum: measured beside ideal. */
import { h, s } from "../../shared/dom";
import { share } from "../../shared/numbers";
import type { StoredJob } from "../../jobs/job";
import { toIdeal, type Ideal } from "../bars";
import { toScale } from "../line";
import { NOTHING, type View } from "../view";

/** Pixels: height of the plot, and of the room below. */
const HEIGHT = 200;
const BELOW = 44;
/** More outcomes than this are not drawn. */
const MOST = 1 << 10;

export const spectrumView: View = (job) => {
  const answer = job.answer;
  const registers = Object.values(job.result?.counts ?? {});
  const counts = registers.length === 1 ? registers[0]! : null;
  const bits = counts ? Object.keys(counts)[0]?.length : undefined;
  if (!Array.isArray(answer?.peaks) || !counts || bits === undefined || 2 ** bits > MOST) return NOTHING;
  const total = Object.values(counts).reduce((sum, n) => sum + n, 0) + otherOf(job);
  const ideal = toIdeal(answer.ideal);
  const shares = Array.from({ length: 2 ** bits }, (_, value) => {
    const key = value.toString(2).padStart(bits, "0");
    return { value, measured: (counts[key] ?? 0) / total, ideal: ideal?.[key] ?? (ideal ? 0 : null) };
  });
  return {
    picture: h(
      "section",
      { class: "answer", "data-testid": "spectrum" },
      h("h3", {}, "Spectrum"),
      picture(shares, ideal),
    ),
    fields: ["peaks"],
  };
};

const otherOf = (job: StoredJob): number => Object.values(job.result?.other ?? {}).reduce((sum, n) => sum + n, 0);

interface Share {
  value: number;
  measured: number;
  ideal: number | null;
}

function picture(shares: Share[], ideal: Ideal | null): HTMLElement {
  const scale = toScale([0, ...shares.flatMap((one) => [one.measured, one.ideal ?? 0])]);
  const y = (value: number): number => (1 - value / scale.most) * HEIGHT;
  const width = 100 / shares.length;
  const bars = shares.flatMap(({ value, measured, ideal: expected }) => {
    const title = `${value}: ${share(measured)}${expected === null ? "" : `, ideal ${share(expected)}`}`;
    const left = value * width;
    const all = [
      s(
        "rect",
        {
          class: "spectrum__bar",
          x: `${left + width * 0.2}%`,
          width: `${width * 0.6}%`,
          y: y(measured),
          height: HEIGHT - y(measured),
        },
        s("title", {}, title),
      ),
    ];
    if (expected)
      all.push(
        s("line", {
          class: "spectrum__ideal",
          x1: `${left}%`,
          x2: `${left + width}%`,
          y1: y(expected),
          y2: y(expected),
        }),
      );
    return all;
  });
  const every = Math.max(1, Math.ceil(shares.length / 8));
  const ticks = shares
    .filter(({ value }) => value % every === 0)
    .map(({ value }) =>
      s(
        "text",
        { class: "plot__number", x: `${(value + 0.5) * width}%`, y: HEIGHT + 18, "text-anchor": "middle" },
        value,
      ),
    );
  const grid = scale.ticks.flatMap((tick) => [
    s("line", { class: "plot__grid", x1: 0, x2: "100%", y1: y(tick), y2: y(tick) }),
    s("text", { class: "plot__number", x: -8, y: y(tick) + 4, "text-anchor": "end" }, `${Math.round(tick * 100)} %`),
  ]);
  const strongest = [...shares].sort((a, b) => b.measured - a.measured).slice(0, 4);
  const said = strongest.map((one) => `${one.value} ${share(one.measured)}`).join(", ");
  return h(
    "figure",
    { class: "plot" },
    s(
      "svg",
      {
        class: "plot__picture",
        role: "img",
        "aria-label": `Spectrum, strongest: ${said}`,
        width: "100%",
        height: HEIGHT + BELOW,
      },
      ...grid,
      ...bars,
      ...ticks,
      s("text", { class: "plot__number", x: "50%", y: HEIGHT + 38, "text-anchor": "middle" }, "Frequency"),
    ),
    h(
      "figcaption",
      { class: "legend" },
      h("span", { class: "legend__item" }, "Measured"),
      ideal ? h("span", { class: "legend__item legend__item--ideal-line" }, "Ideal, without noise") : null,
    ),
  );
}
