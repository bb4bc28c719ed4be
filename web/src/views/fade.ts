/** One turn of the cross-fade, in milliseconds. */
export const CYCLE = 6_000;

/** The part of a turn one change takes. */
const CHANGE = 0.3;

export interface Step extends Keyframe {
  offset: number;
  opacity: number;
  easing?: string;
}

/**
 * Opacity over one turn of two faces that share it as their probabilities do: each is half faded in at the
 * borders of its share, and at every moment the two opacities add up to one. A face never measured never shows.
 */
export function fade(p1: number, p2: number): [Step[], Step[]] {
  const total = p1 + p2;
  const share = total > 0 ? p1 / total : 0.5;
  if (share >= 1) return [constant(1), constant(0)];
  if (share <= 0) return [constant(0), constant(1)];
  const half = Math.min(CHANGE, share, 1 - share) / 2;
  // The turn begins in the middle of the first face's share, so that its ends meet.
  const out = share / 2;
  const back = 1 - share / 2;
  const first = [
    at(0, 1),
    at(out - half, 1, "ease-in-out"),
    at(out + half, 0),
    at(back - half, 0, "ease-in-out"),
    at(back + half, 1),
    at(1, 1),
  ];
  return [first, first.map((step) => ({ ...step, opacity: 1 - step.opacity }))];
}

const constant = (opacity: number): Step[] => [at(0, opacity), at(1, opacity)];
const at = (offset: number, opacity: number, easing?: string): Step => ({
  offset: Math.min(1, Math.max(0, offset)),
  opacity,
  ...(easing ? { easing } : {}),
});
