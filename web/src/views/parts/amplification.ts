/** Grover's search: how probable the marked elements are after each iteration. */
import { h } from "../../shared/dom";
import { sampling, share } from "../../shared/numbers";
import { lineChart } from "../line";
import { NOTHING, type View } from "../view";

export const amplificationView: View = (job) => {
  const { iterations, guess_probability: guess, success_probability: found } = job.answer ?? {};
  if (typeof iterations !== "number" || typeof guess !== "number" || typeof found !== "number") return NOTHING;
  if (!(guess > 0 && guess <= 1)) return NOTHING;
  const angle = Math.asin(Math.sqrt(guess));
  const last = Math.min(24, Math.max(4, 2 * iterations));
  const points = Array.from({ length: last + 1 }, (_, step) => ({
    step,
    value: 100 * Math.sin((2 * step + 1) * angle) ** 2,
  }));
  const shots = job.result?.shots ?? null;
  const error = shots ? 100 * sampling(found, shots) : null;
  return {
    picture: h(
      "section",
      { class: "answer", "data-testid": "amplification" },
      h("h3", {}, "Probability to find what is marked, in percent"),
      lineChart(points, 100 * guess, "Without noise, after each iteration", {
        step: "Iteration",
        referenceName: "Guessing",
        marked: { step: iterations, value: 100 * found, error, name: "Measured" },
      }),
      h(
        "p",
        { class: "caption" },
        `Each iteration turns the state towards the marked elements, and beyond them if there are too many. ` +
          `This run used ${iterations}; guessing succeeds in ${share(guess)} of all tries.`,
      ),
    ),
    fields: [],
  };
};
