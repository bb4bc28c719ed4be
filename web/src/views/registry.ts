/** Which view shows which function's answer: the key is `functionView` of its config document. */
import type { StoredJob } from "../jobs/job";
import { answerElement } from "./answer";
import { convergenceView } from "./convergence";
import { emoticonsView } from "./emoticons";
import { graphView } from "./graph";
import { matrixView } from "./matrix";
import { valuesView } from "./values";
import { NOTHING, type View } from "./view";

const VIEWS: Record<string, View> = {
  emoticons: emoticonsView,
  values: valuesView,
  matrix: matrixView,
  convergence: convergenceView,
  graph: graphView,
};

/** The default needs nothing but counts and an answer, so a new function needs no code here. */
export function drawAnswer(job: StoredJob, view: string | null): HTMLElement {
  return answerElement(job, view !== null && Object.hasOwn(VIEWS, view) ? VIEWS[view]!(job) : NOTHING);
}
