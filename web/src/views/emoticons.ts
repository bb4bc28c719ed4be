/** The two emoticons of a smile in superposition, each seen for as long as it was measured. */
import "@carbon/web-components/es/components/button/button.js";
import "@carbon/web-components/es/components/tag/tag.js";
import { h, reducedMotion } from "../shared/dom";
import { count, percent } from "../shared/format";
import { fade, CYCLE } from "./fade";
import { NOTHING, type View } from "./view";

interface Reading {
  text: string;
  bitstring: string;
  count: number;
  probability: number;
}

export interface EmoticonsAnswer {
  emoticons: Reading[];
  others?: Reading[];
  others_probability?: number;
  shots?: number;
}

export function isEmoticonsAnswer(answer: unknown): answer is EmoticonsAnswer {
  const emoticons = (answer as EmoticonsAnswer | null)?.emoticons;
  return (
    Array.isArray(emoticons) &&
    emoticons.length > 0 &&
    (emoticons as (Reading | null)[]).every(
      (one) => typeof one?.text === "string" && typeof one.probability === "number",
    )
  );
}

/** Others listed by name. */
const LISTED = 6;

export const emoticonsView: View = (job) => {
  if (!isEmoticonsAnswer(job.answer)) return NOTHING;
  const { emoticons, others = [] } = job.answer;
  const shown = emoticons.slice(0, 2);
  const names = new Map<string, { text: string; series: number }>();
  others.forEach((one) => names.set(one.bitstring, { text: one.text, series: 0 }));
  shown.forEach((one, at) => names.set(one.bitstring, { text: one.text, series: at + 1 }));
  return {
    picture: h(
      "div",
      { class: "emoticons" },
      stage(shown),
      readings(shown),
      noise(others, job.answer.others_probability ?? 0),
    ),
    fields: ["emoticons", "others", "others_probability", "shots"],
    naming: (bits) => names.get(bits) ?? null,
  };
};

function stage(shown: Reading[]): HTMLElement {
  const faces = shown.map((one, at) =>
    h(
      "span",
      {
        class: `stage__face stage__face--${at + 1}`,
        "data-testid": `emoticon-${at + 1}`,
        "data-probability": one.probability,
      },
      one.text,
    ),
  );
  const said = shown.map((one) => `${one.text} ${percent(one.probability)}`).join(", ");
  const element = h("div", { class: "stage", role: "img", "aria-label": `Superposition of ${said}` }, ...faces);
  const most = Math.max(...shown.map((one) => one.probability), Number.MIN_VALUE);
  const still = (): void => {
    element.classList.add("stage--still");
    faces.forEach((face, at) => (face.style.opacity = String(Math.max(0.15, shown[at]!.probability / most))));
  };
  if (reducedMotion() || shown.length < 2) {
    still();
    return element;
  }
  const tracks = fade(shown[0]!.probability, shown[1]!.probability);
  const animations = faces.map((face, at) =>
    face.animate(tracks[at]!, { duration: CYCLE, iterations: Infinity, easing: "linear" }),
  );
  // What moves by itself for longer than five seconds needs a way to stop it (WCAG 2.2.2).
  const pause = h("cds-button", { kind: "ghost", size: "sm", class: "stage__pause", "data-testid": "pause" }, "Pause");
  pause.addEventListener("click", () => {
    const running = animations[0]?.playState === "running";
    for (const animation of animations)
      if (running) animation.cancel();
      else animation.play();
    if (running) still();
    else {
      element.classList.remove("stage--still");
      faces.forEach((face) => (face.style.opacity = ""));
    }
    pause.textContent = running ? "Play" : "Pause";
  });
  return h("div", { class: "stage__frame" }, element, pause);
}

function readings(shown: Reading[]): HTMLElement {
  return h(
    "ul",
    { class: "readings" },
    ...shown.map((one, at) =>
      h(
        "li",
        { class: `reading reading--${at + 1}` },
        h("span", { class: "reading__text" }, one.text),
        h("span", { class: "reading__share" }, percent(one.probability)),
        h("span", { class: "reading__count" }, `${count(one.count)} times`),
      ),
    ),
  );
}

function noise(others: Reading[], probability: number): HTMLElement | null {
  if (others.length === 0 && probability <= 0) return null;
  // The answer names the most frequent of them, not all.
  const named = others.slice(0, LISTED).reduce((sum, one) => sum + one.probability, 0);
  const more = others.length > LISTED || probability - named > 1e-9;
  return h(
    "div",
    { class: "noise", "data-testid": "others" },
    h("p", {}, `Noise turned ${percent(probability)} of the shots into something else:`),
    h(
      "div",
      { class: "noise__list" },
      ...others
        .slice(0, LISTED)
        .map((one) =>
          h(
            "cds-tag",
            { type: "gray", size: "md", class: "mono", title: one.bitstring },
            `${one.text} ${percent(one.probability)}`,
          ),
        ),
      more ? h("span", { class: "noise__more" }, "and more") : null,
    ),
  );
}
