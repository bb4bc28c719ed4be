/** What is said of a job whose status has changed. */
import { outlook } from "../jobs/estimate";
import { isFinal, type StoredJob } from "../jobs/job";
import { toHash } from "../page/route";
import { STATUS_WORDS } from "../shared/format";
import type { Notifier } from "./notifications";

/** Announces the status of a job. A notification follows if the job has ended and is not `shown` on the page. */
export function announceJob(notifier: Notifier, job: StoredJob, title: string, shown: boolean): void {
  notifier.announce([`${title}: ${STATUS_WORDS[job.status]}`, outlook(job)].filter(Boolean).join(", "));
  if (!isFinal(job.status) || shown) return;
  const summary = job.answer?.summary;
  notifier.show(
    job.status === "ERROR" ? "error" : "success",
    `${title}: ${STATUS_WORDS[job.status].toLowerCase()}`,
    typeof summary === "string" ? `${summary} ` : "",
    { href: toHash({ page: "jobs", id: job.process_job_id }), label: "Show the result" },
  );
}
