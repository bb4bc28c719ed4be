/** Which view shows which function's answer: the key is `functionView` of its config document. */
import type { StoredJob } from "../jobs/job";
import { h } from "../shared/dom";
import { answerElement } from "./answer";
import { amplificationView } from "./parts/amplification";
import { blochView } from "./parts/bloch";
import { keyView } from "./parts/key";
import { likelihoodView } from "./parts/likelihood";
import { spectrumView } from "./parts/spectrum";
import { convergenceView } from "./convergence";
import { emoticonsView } from "./emoticons";
import { graphView } from "./graph";
import { matrixView } from "./matrix";
import { valuesView } from "./values";
import type { Meaning } from "./meaning";
import { NOTHING, type View } from "./view";

const VIEWS: Record<string, View> = {
  emoticons: emoticonsView,
  values: valuesView,
  matrix: matrixView,
  convergence: convergenceView,
  graph: graphView,
};

/** Pictures for parts of an answer, independent of its view. */
const PARTS: View[] = [blochView, spectrumView, amplificationView, likelihoodView, keyView];

/** The default needs nothing but counts and an answer, so a new function needs no code here. */
export function drawAnswer(job: StoredJob, view: string | null, meaning: Meaning): HTMLElement {
  const main = view !== null && Object.hasOwn(VIEWS, view) ? VIEWS[view]!(job) : NOTHING;
  const shown = [main, ...PARTS.map((part) => part(job))];
  const pictures = shown.map(({ picture }) => picture).filter((picture) => picture !== null);
  const picture = pictures.length > 0 ? h("div", { class: "pictures" }, ...pictures) : null;
  return answerElement(job, { ...main, picture, fields: shown.flatMap(({ fields }) => fields) }, meaning);
}
