/** What a function is for, examples of its use, and its results explained; the texts are loaded when needed. */
import { h } from "../shared/dom";
import type { StoredJob } from "../jobs/job";
import type { Example } from "./purposes";

/** Shows the guide of a function in `place`; `choose` fills the form with an example. */
export async function showGuide(
  place: HTMLElement,
  functionId: string,
  choose: (typed: Record<string, string>) => void,
): Promise<void> {
  place.dataset.function = functionId;
  const { PURPOSES } = await import("./purposes");
  if (place.dataset.function !== functionId) return;
  const purpose = Object.hasOwn(PURPOSES, functionId) ? PURPOSES[functionId] : undefined;
  if (!purpose) {
    place.replaceChildren();
    return;
  }
  const example = ({ label, typed }: Example): HTMLElement =>
    h(
      "li",
      {},
      h("button", { type: "button", class: "example", "data-testid": "example", click: () => choose(typed) }, label),
    );
  place.replaceChildren(
    h("p", { "data-testid": "purpose" }, `${purpose.use} ${purpose.classical}`),
    h("p", { class: "guide__label", id: "examples" }, "Examples: choose one, then press Run"),
    h("ul", { class: "examples", "aria-labelledby": "examples" }, ...purpose.examples.map(example)),
  );
}

/** The result in words, unfolded on demand; empty for a function without an explanation. */
export function explanation(job: StoredJob): HTMLElement {
  const text = h("div", { class: "explanation__text" });
  const element = h(
    "details",
    { class: "disclosure explanation", "data-testid": "explanation", hidden: true },
    h("summary", {}, "Explain this result"),
    text,
  );
  const fill = async (): Promise<void> => {
    const { explain } = await import("./explanations");
    const lines = explain(job);
    text.replaceChildren(...lines.map((line) => h("p", {}, line)));
    element.hidden = lines.length === 0;
  };
  // Without its texts, the explanation stays hidden and the result is complete.
  void fill().catch(() => undefined);
  return element;
}
