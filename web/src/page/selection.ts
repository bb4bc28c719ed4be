/** Which jobs a page lists, and whose result it shows. Pure. */
import type { StoredJob } from "../jobs/job";
import type { Route } from "./route";

/** The jobs that the page lists: those of its function, or all. */
export function listedJobs(route: Route, jobs: StoredJob[]): StoredJob[] {
  return route.page === "run" ? jobs.filter((job) => job.function === route.id) : jobs;
}

/**
 * The id of the job whose result is shown; the address may name one that this browser does not have.
 * `chosen` has the job that was chosen on each function's page.
 */
export function selectedId(route: Route, jobs: StoredJob[], chosen: ReadonlyMap<string, string>): string | null {
  if (route.page !== "jobs" && route.page !== "run") return null;
  if (route.page === "jobs" && route.id !== null) return route.id;
  const wanted = route.page === "run" ? chosen.get(route.id) : undefined;
  const known = jobs.some((job) => job.process_job_id === wanted);
  return known ? wanted! : (listedJobs(route, jobs)[0]?.process_job_id ?? null);
}
