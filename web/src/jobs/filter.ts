/** Finds jobs in the history. Pure. */
import { summary } from "../shared/format";
import { isFinal, type StoredJob } from "./job";

/** The choices of the filter by status. */
export const ALL = { all: "All", active: "Not ended", done: "Done", failed: "Failed or cancelled" } as const;
export type Filter = keyof typeof ALL;

const PASSES: Record<Filter, (job: StoredJob) => boolean> = {
  all: () => true,
  active: (job) => !isFinal(job.status),
  done: (job) => job.status === "DONE",
  failed: (job) => isFinal(job.status) && job.status !== "DONE",
};

/** The jobs of a status that contain every word of the query. */
export function matching(
  jobs: StoredJob[],
  query: string,
  filter: Filter,
  title: (job: StoredJob) => string,
): StoredJob[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return jobs.filter((job) => {
    if (!PASSES[filter](job)) return false;
    if (words.length === 0) return true;
    const text = [job.name, title(job), job.function, summary(job.params), job.backend, job.process_job_id]
      .join(" ")
      .toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
