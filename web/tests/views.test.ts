import { expect, test } from "vitest";
import { expected, percent, shorten, span, summary } from "../src/format";
import { fade } from "../src/views/fade";
import { toBars } from "../src/views/histogram";

test("bars are the most frequent outcomes, and the others together", () => {
  const bars = toBars({ "00": 1, "01": 50, "10": 40, "11": 5 }, 4, 3, (bits) => (bits === "01" ? { text: ":)", series: 1 } : null), 2);
  expect(bars.bars).toEqual([
    { bits: "01", count: 50, share: 0.5, text: ":)", series: 1 },
    { bits: "10", count: 40, share: 0.4, text: "", series: 0 },
  ]);
  expect(bars).toMatchObject({ otherCount: 10, otherShare: 0.1, otherOutcomes: 5, total: 100 });
});

test("no counts are no bars", () => expect(toBars({})).toMatchObject({ bars: [], otherCount: 0, otherShare: 0, total: 0 }));

/** Opacity of a track at a time, between its steps in a straight line. */
function opacityAt(track: ReturnType<typeof fade>[0], time: number): number {
  const next = track.findIndex((step) => step.offset >= time);
  const [a, b] = [track[Math.max(0, next - 1)]!, track[next]!];
  return a === b || a.offset === b.offset ? b.opacity : a.opacity + ((b.opacity - a.opacity) * (time - a.offset)) / (b.offset - a.offset);
}

test.each([
  [0.5, 0.5],
  [0.41, 0.399],
  [0.9, 0.1],
  [0.02, 0.7],
])("faces of %d and %d are seen for as long as they were measured", (p1, p2) => {
  const tracks = fade(p1, p2);
  const times = Array.from({ length: 2000 }, (_, n) => (n + 0.5) / 2000);
  const [one, two] = tracks.map((track) => times.reduce((sum, time) => sum + opacityAt(track, time), 0) / times.length) as [number, number];
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
  expect([percent(0.4985), percent(0), percent(0.0004), percent(Number.NaN)]).toEqual(["49.9 %", "0.0 %", "< 0.1 %", "–"]);
  expect([span(300), span(8_000), span(180_000), span(7_500_000), span(1e9)]).toEqual(["less than 1 s", "8 s", "3 min", "2 h 5 min", "12 days"]);
  expect([expected(null, now), expected("2026-01-01T11:00:00Z", now), expected("2026-01-01T12:00:30Z", now)]).toEqual(["", "expected any moment", "expected in 30 s"]);
  expect(expected("2026-01-01T12:06:00Z", now)).toMatch(/^expected in 6 min, about /);
  expect([shorten("0101"), shorten("0".repeat(20) + "1".repeat(20))]).toEqual(["0101", "00000000…11111111"]);
  expect(summary({ emoticon_1: ":)", emoticon_2: ":(", backend_type: "simulator", backend: null, shots: 5, deep: true })).toBe(":)  :(");
});
