import { expect, test } from "vitest";
import { expected, percent, shorten, span, summary } from "../../src/shared/format";
import { isOver, toBars, toIdeal } from "../../src/views/bars";
import { fade } from "../../src/views/fade";
import { toGraph } from "../../src/views/graph";
import { toPoints, toScale } from "../../src/views/line";

test("bars are the most frequent outcomes, and the others together", () => {
  const bars = toBars(
    { "00": 1, "01": 50, "10": 40, "11": 5 },
    { other: 4, otherOutcomes: 3, naming: (bits) => (bits === "01" ? { text: ":)", series: 1 } : null), top: 2 },
  );
  expect(bars.bars).toEqual([
    { bits: "01", count: 50, share: 0.5, ideal: null, text: ":)", series: 1 },
    { bits: "10", count: 40, share: 0.4, ideal: null, text: "", series: 0 },
  ]);
  expect(bars).toMatchObject({ otherCount: 10, otherShare: 0.1, otherOutcomes: 5, total: 100 });
});

test("beside what is ideal, also what never came is shown", () => {
  const bars = toBars({ "01": 3, "10": 1 }, { ideal: { "01": 0.5, "11": 0.5, "00": 1e-17 } }).bars;
  expect(bars.map(({ bits, count, ideal }) => [bits, count, ideal])).toEqual([
    ["01", 3, 0.5],
    ["10", 1, 0],
    ["11", 0, 0.5],
  ]);
});

test("bars in the order of their outcomes are still the most frequent ones", () => {
  expect(toBars({ "00": 1, "11": 5, "01": 9 }, { order: "outcome", top: 2 }).bars.map(({ bits }) => bits)).toEqual([
    "01",
    "11",
  ]);
});

test.each([[null], [[0.5]], [{}], [{ "0x": 1 }], [{ "0": 2 }], [{ "0": "1" }], ["01"]])(
  "%j is no distribution",
  (raw) => expect(toIdeal(raw)).toBeNull(),
);

test("a distribution belongs to the register of its length", () => {
  expect([isOver({ "01": 1 }, { "11": 3 }), isOver({ "01": 1 }, { "111": 3 })]).toEqual([true, false]);
});

test("a scale has round numbers around all values", () => {
  expect(toScale([0.2, 9.7])).toEqual({ least: 0, most: 10, ticks: [0, 5, 10] });
  expect(toScale([-1.137, 0.163]).ticks).toEqual([-1.5, -1, -0.5, 0, 0.5]);
  const flat = toScale([3, 3]);
  expect(flat.least < 3 && flat.most > 3).toBe(true);
  expect(toScale([0, 0]).ticks.length).toBeGreaterThan(1);
});

test("only finite points are drawn", () => {
  expect(toPoints([{ step: 0, value: 1 }, { step: 1, value: null }, null, 3, { step: 2, value: 0.5 }])).toEqual([
    { step: 0, value: 1 },
    { step: 2, value: 0.5 },
  ]);
  expect(toPoints("no")).toEqual([]);
});

test("a graph has as many nodes as its edges name; what is no edge is left out", () => {
  expect(
    toGraph({
      edges: [
        [0, 3, 2],
        ["", 1, 1],
        [1, 2],
      ],
    }),
  ).toEqual({
    nodes: 4,
    edges: [
      [0, 3, 2],
      [1, 2, 1],
    ],
  });
  expect(toGraph({ nodes: 5, edges: [] })).toEqual({ nodes: 5, edges: [] });
  expect([toGraph(null), toGraph({ edges: [[0, 1_000_000, 1]] })]).toEqual([null, null]);
});

test("no counts are no bars", () =>
  expect(toBars({})).toMatchObject({ bars: [], otherCount: 0, otherShare: 0, total: 0 }));

/** Opacity of a track at a time, between its steps in a straight line. */
function opacityAt(track: ReturnType<typeof fade>[0], time: number): number {
  const next = track.findIndex((step) => step.offset >= time);
  const [a, b] = [track[Math.max(0, next - 1)]!, track[next]!];
  return a === b || a.offset === b.offset
    ? b.opacity
    : a.opacity + ((b.opacity - a.opacity) * (time - a.offset)) / (b.offset - a.offset);
}

test.each([
  [0.5, 0.5],
  [0.41, 0.399],
  [0.9, 0.1],
  [0.02, 0.7],
])("faces of %d and %d are seen for as long as they were measured", (p1, p2) => {
  const tracks = fade(p1, p2);
  const times = Array.from({ length: 2000 }, (_, n) => (n + 0.5) / 2000);
  const [one, two] = tracks.map(
    (track) => times.reduce((sum, time) => sum + opacityAt(track, time), 0) / times.length,
  ) as [number, number];
  expect(one).toBeCloseTo(p1 / (p1 + p2), 2);
  expect(one + two).toBeCloseTo(1, 6);
  for (const track of tracks) {
    expect(track[0]!.opacity).toBe(track.at(-1)!.opacity);
    expect(track.map((step) => step.offset)).toEqual([...track.map((step) => step.offset)].sort((a, b) => a - b));
  }
});

test("a face that was never measured never shows", () => {
  expect(fade(1, 0)[1].every((step) => step.opacity === 0)).toBe(true);
  expect(fade(0, 0.8)[0].every((step) => step.opacity === 0)).toBe(true);
});

test("numbers and times are told as people say them", () => {
  const now = new Date("2026-01-01T12:00:00Z");
  expect([percent(0.4985), percent(0), percent(0.0004), percent(Number.NaN)]).toEqual([
    "49.9 %",
    "0.0 %",
    "< 0.1 %",
    "–",
  ]);
  expect([span(300), span(8_000), span(180_000), span(7_500_000), span(1e9)]).toEqual([
    "less than 1 s",
    "8 s",
    "3 min",
    "2 h 5 min",
    "12 days",
  ]);
  expect([expected(null, now), expected("2026-01-01T11:00:00Z", now), expected("2026-01-01T12:00:30Z", now)]).toEqual([
    "",
    "expected any moment",
    "expected in 30 s",
  ]);
  expect(expected("2026-01-01T12:06:00Z", now)).toMatch(/^expected in 6 min, about /);
  expect([shorten("0101"), shorten("0".repeat(20) + "1".repeat(20))]).toEqual(["0101", "00000000…11111111"]);
  expect(
    summary({ emoticon_1: ":)", emoticon_2: ":(", backend_type: "simulator", backend: null, shots: 5, deep: true }),
  ).toBe(":)  :(");
  expect(
    summary({
      edges: [
        [0, 1, 1],
        [1, 2, 1],
      ],
      angles: [0.1, 0.2],
      program: "a\nb\nc",
    }),
  ).toBe("2 rows  0.1, 0.2  3 lines");
});
