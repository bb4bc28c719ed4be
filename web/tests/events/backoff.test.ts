import { expect, test } from "vitest";
import { backoff, BASE_DELAY, MAX_DELAY } from "../../src/events/backoff";

test("waits grow, and half of each is random", () => {
  expect([0, 1, 2, 3].map((attempt) => backoff(attempt, () => 1))).toEqual([500, 1000, 2000, 4000]);
  expect(backoff(2, () => 0)).toBe(1000);
});

test("a wait is never longer than the bound, however long the outage", () => {
  for (const attempt of [6, 7, 30, 1000]) {
    expect(backoff(attempt, () => 1)).toBe(MAX_DELAY);
    expect(backoff(attempt, () => 0)).toBe(MAX_DELAY / 2);
  }
  expect(backoff(0, () => 0)).toBe(BASE_DELAY / 2);
});
