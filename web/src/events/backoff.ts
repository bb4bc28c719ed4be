/** First wait, in milliseconds. */
export const BASE_DELAY = 500;
/** Longest wait in milliseconds. A page left open overnight notices within half a minute that the gateway is back. */
export const MAX_DELAY = 30_000;

/**
 * How long to wait before reconnection number `attempt` (from 0), in milliseconds: exponential, bounded, and
 * with half of it random, so that the pages of a restarted gateway do not all come back in the same instant.
 */
export function backoff(attempt: number, random: () => number = Math.random): number {
  const whole = Math.min(MAX_DELAY, BASE_DELAY * 2 ** Math.min(attempt, 30));
  return Math.round(whole / 2 + (whole / 2) * random());
}
