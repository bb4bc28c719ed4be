/** Counts as bars: the most frequent outcomes, and the others together. */
import { h, s } from "../dom";
import { count, percent, shorten } from "../format";
import type { StoredResult } from "../store";
import type { Counts } from "../types";

/** Bars drawn before the others are summed. */
export const TOP = 8;

export interface Bar {
  bits: string;
  text: string;
  count: number;
  share: number;
  /** 1 and 2 are the outcomes the answer is about, 0 is any other. */
  series: number;
}

export interface Bars {
  bars: Bar[];
  otherCount: number;
  otherShare: number;
  otherOutcomes: number;
  total: number;
}

/** What an outcome is called, and its series. */
export type Naming = (bits: string) => { text: string; series: number } | null;

export function toBars(counts: Counts, other = 0, otherOutcomes = 0, naming: Naming = () => null, top = TOP): Bars {
  const sorted = Object.entries(counts).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const total = sorted.reduce((sum, [, n]) => sum + n, 0) + other;
  const share = (n: number): number => (total > 0 ? n / total : 0);
  const bars = sorted.slice(0, top).map(([bits, n]) => ({ bits, count: n, share: share(n), ...(naming(bits) ?? { text: "", series: 0 }) }));
  const rest = sorted.slice(top);
  const otherCount = rest.reduce((sum, [, n]) => sum + n, 0) + other;
  return { bars, otherCount, otherShare: share(otherCount), otherOutcomes: rest.length + otherOutcomes, total };
}

export const hasCounts = (result: StoredResult | null): result is StoredResult => result !== null && Object.keys(result.counts).length > 0;

const ROW = 44;
const BAR = 12;

export function histogram(result: StoredResult, naming?: Naming): HTMLElement {
  const registers = Object.keys(result.counts);
  const parts = registers.map((register) => {
    const bars = toBars(result.counts[register]!, result.other[register], result.other_outcomes[register], naming);
    const title = registers.length > 1 ? h("h4", { class: "histogram__register" }, `Register ${register}`) : null;
    return h("div", { class: "histogram__part" }, title, draw(bars), table(bars, register));
  });
  return h("section", { class: `histogram${naming ? "" : " histogram--plain"}`, "data-testid": "histogram", "aria-labelledby": "histogram-title" }, h("h3", { id: "histogram-title" }, "Counts"), ...parts);
}

function draw(bars: Bars): SVGElement {
  const rows = bars.bars.map((bar) => ({ ...bar, label: [bar.text, shorten(bar.bits)].filter(Boolean) }));
  if (bars.otherCount > 0) rows.push({ bits: "", text: "", series: 0, count: bars.otherCount, share: bars.otherShare, label: [`Other (${count(bars.otherOutcomes)} ${bars.otherOutcomes === 1 ? "outcome" : "outcomes"})`] });
  const most = Math.max(...rows.map((row) => row.share), Number.MIN_VALUE);
  const top = bars.bars[0];
  const described = top ? `Bar chart of ${count(bars.total)} shots. Most frequent: ${top.text || top.bits}, ${percent(top.share)}. The table below has all the numbers.` : "No counts.";
  return s(
    "svg",
    { class: "histogram__chart", role: "img", "aria-label": described, width: "100%", height: Math.max(1, rows.length) * ROW },
    ...rows.map((row, at) => {
      const [name, ...bits] = row.label;
      return s(
        "g",
        { class: `bar bar--${row.series}`, "data-count": row.count },
        s("title", {}, `${row.bits || "other"}: ${count(row.count)}`),
        s("text", { x: 0, y: at * ROW + 16, class: "bar__label" }, s("tspan", { class: bits.length > 0 ? "bar__name" : "bar__bits" }, name ?? ""), ...bits.map((one) => s("tspan", { class: "bar__bits", dx: "0.75em" }, one))),
        s("text", { x: "100%", y: at * ROW + 16, class: "bar__count", "text-anchor": "end" }, `${count(row.count)} · ${percent(row.share)}`),
        s("rect", { x: 0, y: at * ROW + 22, width: "100%", height: BAR, class: "bar__track" }),
        s("rect", { x: 0, y: at * ROW + 22, width: `${Math.max(0.3, (row.share / most) * 100)}%`, height: BAR, class: "bar__value" }),
      );
    }),
  );
}

function table(bars: Bars, register: string): HTMLElement {
  const named = bars.bars.some((bar) => bar.text !== "");
  const cells = (bits: string, text: string, n: number, share: number): HTMLElement =>
    h("tr", {}, named ? h("td", { class: "mono" }, text) : null, h("td", { class: "mono bits" }, bits), h("td", { class: "number" }, count(n)), h("td", { class: "number" }, percent(share)));
  return h(
    "details",
    { class: "disclosure" },
    h("summary", {}, "Show as a table"),
    h(
      "div",
      { class: "table-scroll", tabindex: 0, role: "region", "aria-label": `Counts of register ${register}` },
      h(
        "table",
        { class: "table" },
        h("caption", { class: "visually-hidden" }, `Counts of register ${register}`),
        h("thead", {}, h("tr", {}, named ? h("th", { scope: "col" }, "Reading") : null, h("th", { scope: "col" }, "Outcome"), h("th", { scope: "col", class: "number" }, "Count"), h("th", { scope: "col", class: "number" }, "Share"))),
        h("tbody", {}, ...bars.bars.map((bar) => cells(bar.bits, bar.text, bar.count, bar.share)), bars.otherCount > 0 ? cells(`other (${count(bars.otherOutcomes)})`, "", bars.otherCount, bars.otherShare) : null),
      ),
    ),
  );
}
