/** Counts as bars: the most frequent outcomes, with the ideal ones if they are known, and the others together. */
import { h } from "../shared/dom";
import { count, percent, shorten } from "../shared/format";
import type { StoredResult } from "../jobs/job";
import { isOver, toBars, TOP, type Bar, type Bars, type BarsOptions, type Ideal, type Naming } from "./bars";

export { toIdeal, type Naming } from "./bars";

/** Maximum number of bars when all are shown. */
const MORE = 64;

export const hasCounts = (result: StoredResult | null): result is StoredResult =>
  result !== null && Object.keys(result.counts).length > 0;

export function histogram(result: StoredResult, ideal: Ideal | null, naming?: Naming): HTMLElement {
  const registers = Object.keys(result.counts);
  let awaited = ideal;
  const parts = registers.map((register) => {
    const counts = result.counts[register]!;
    // The noiseless distribution is that of the first register it fits.
    const own = awaited && isOver(awaited, counts) ? awaited : null;
    if (own) awaited = null;
    const options: BarsOptions = {
      other: result.other[register] ?? 0,
      otherOutcomes: result.other_outcomes[register] ?? 0,
      ideal: own,
    };
    if (naming) options.naming = naming;
    const title = registers.length > 1 ? h("h4", { class: "histogram__register" }, `Register ${register}`) : null;
    return h(
      "div",
      { class: "histogram__part" },
      title,
      oneRegister(register, (more) => toBars(counts, { ...options, ...more })),
    );
  });
  return h(
    "section",
    {
      class: `histogram${naming ? "" : " histogram--plain"}`,
      "data-testid": "histogram",
      "aria-labelledby": "histogram-title",
    },
    h("h3", { id: "histogram-title" }, "Counts"),
    ...parts,
  );
}

/** One register's bars, with the choice of their order and number, and the same as a table. */
function oneRegister(register: string, make: (more: BarsOptions) => Bars): HTMLElement {
  let order: "count" | "outcome" = "count";
  let top = TOP;
  const place = h("div", {});
  const sort = h(
    "select",
    { class: "small-select", "aria-label": "Order of the outcomes" },
    h("option", { value: "count" }, "Most frequent first"),
    h("option", { value: "outcome" }, "In order of outcome"),
  );
  const more = h("button", { type: "button", class: "text-button" });
  const outcomes = make({ top: Infinity }).bars.length;
  const draw = (): void => {
    place.replaceChildren(bars(make({ order, top })));
    more.textContent =
      top === TOP ? `Show ${outcomes > MORE ? `${MORE} of ${count(outcomes)}` : `all ${outcomes}`}` : `Show ${TOP}`;
  };
  sort.addEventListener("change", () => {
    order = sort.value as typeof order;
    draw();
  });
  more.addEventListener("click", () => {
    top = top === TOP ? MORE : TOP;
    draw();
  });
  draw();
  const tools = outcomes > 2 ? h("div", { class: "histogram__tools" }, sort, outcomes > TOP ? more : null) : null;
  return h("div", {}, tools, place, table(make({ top: MORE }), register));
}

function bars(all: Bars): HTMLElement {
  const compared = all.bars.some((bar) => bar.ideal !== null);
  const most = Math.max(
    ...all.bars.map((bar) => Math.max(bar.share, bar.ideal ?? 0)),
    all.otherShare,
    Number.MIN_VALUE,
  );
  const rows = all.bars.map((bar) => row(bar, most));
  if (all.otherCount > 0)
    rows.push(
      row(
        {
          bits: "",
          text: `Other (${count(all.otherOutcomes)} ${all.otherOutcomes === 1 ? "outcome" : "outcomes"})`,
          count: all.otherCount,
          share: all.otherShare,
          ideal: null,
          series: 0,
        },
        most,
      ),
    );
  const legend = compared
    ? h(
        "div",
        { class: "legend" },
        h("span", { class: "legend__item legend__item--measured" }, "Measured"),
        h("span", { class: "legend__item legend__item--ideal" }, "Ideal, without noise"),
      )
    : null;
  return h("div", {}, legend, h("ul", { class: "bars" }, ...rows));
}

function row({ bits, text, count: times, share, ideal, series }: Bar, most: number): HTMLElement {
  const track = (kind: string, part: number): HTMLElement => {
    const bar = h("span", { class: `bar__value bar__value--${kind}` });
    bar.style.inlineSize = `${part > 0 ? Math.max(0.3, (part / most) * 100) : 0}%`;
    return h("span", { class: `bar__track bar__track--${kind}`, "aria-hidden": "true" }, bar);
  };
  const expected = !ideal ? null : h("span", { class: "bar__expected" }, `ideal ${percent(ideal)}`);
  return h(
    "li",
    { class: `bar bar--${series}`, "data-count": times },
    h(
      "span",
      { class: "bar__label", title: bits },
      text ? h("span", { class: "bar__name" }, text) : null,
      bits ? h("span", { class: "bar__bits" }, shorten(bits)) : null,
    ),
    h("span", { class: "bar__count" }, `${count(times)} · ${percent(share)}`, expected),
    track("measured", share),
    ideal ? track("ideal", ideal) : null,
  );
}

function table({ bars: rows, otherCount, otherOutcomes, otherShare }: Bars, register: string): HTMLElement {
  const named = rows.some((bar) => bar.text !== "");
  const compared = rows.some((bar) => bar.ideal !== null);
  const cells = (bits: string, text: string, n: number, share: number, ideal: number | null): HTMLElement =>
    h(
      "tr",
      {},
      named ? h("td", { class: "mono" }, text) : null,
      h("td", { class: "mono bits" }, bits),
      h("td", { class: "number" }, count(n)),
      h("td", { class: "number" }, percent(share)),
      compared ? h("td", { class: "number" }, ideal === null ? "" : percent(ideal)) : null,
    );
  const column = (label: string, numeric = true): HTMLElement =>
    h("th", { scope: "col", class: numeric ? "number" : null }, label);
  return h(
    "details",
    { class: "disclosure" },
    h("summary", {}, "Show as a table"),
    h(
      "div",
      {
        class: "table-scroll table-scroll--low",
        tabindex: 0,
        role: "group",
        "aria-label": `Counts of register ${register}`,
      },
      h(
        "table",
        { class: "table" },
        h("caption", { class: "visually-hidden" }, `Counts of register ${register}`),
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            named ? column("Reading", false) : null,
            column("Outcome", false),
            column("Count"),
            column("Share"),
            compared ? column("Ideal") : null,
          ),
        ),
        h(
          "tbody",
          {},
          ...rows.map((bar) => cells(bar.bits, bar.text, bar.count, bar.share, bar.ideal)),
          otherCount > 0 ? cells(`other (${count(otherOutcomes)})`, "", otherCount, otherShare, null) : null,
        ),
      ),
    ),
  );
}
