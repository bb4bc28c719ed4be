import type { StoredJob } from "../store";

/** Draws a finished job's answer. */
export type View = (job: StoredJob) => Node;
