import type { StoredJob } from "../jobs/job";
import type { Shown } from "./answer";

/** Draws what is particular to a finished job's answer. */
export type View = (job: StoredJob) => Shown;

/** Where the answer is not of the view's kind: the default is enough. */
export const NOTHING: Shown = { picture: null, fields: [] };
