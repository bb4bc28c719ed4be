/** Jobs as files: JSON in the model of `store.ts`, CSV for a spreadsheet. Pure. */
import { toPoints } from "../views/line";
import type { StoredJob } from "./job";

export type Format = "json" | "csv";

export interface Export {
  name: string;
  type: string;
  text: string;
}

const TYPES: Record<Format, string> = { json: "application/json", csv: "text/csv" };

/** One job with everything that is known of it. */
export function exportJob(job: StoredJob, format: Format): Export {
  return {
    name: `${job.function}-${job.process_job_id}.${format}`,
    type: TYPES[format],
    text: format === "json" ? json({ v: 1, jobs: [job] }) : csv(rowsOf(job)),
  };
}

/** All jobs: as JSON in full, as CSV one line each. */
export function exportJobs(jobs: StoredJob[], format: Format): Export {
  return {
    name: `qwhisk-jobs.${format}`,
    type: TYPES[format],
    text: format === "json" ? json({ v: 1, jobs }) : csv([HEAD, ...jobs.map(line)]),
  };
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const HEAD = [
  "process_job_id",
  "provider_jobs",
  "function",
  "status",
  "backend",
  "backend_type",
  "shots",
  "submitted_at",
  "finished_at",
  "input",
  "summary",
  "answer",
  "error",
];

function line(job: StoredJob): unknown[] {
  const summary = job.answer?.summary ?? "";
  return [
    job.process_job_id,
    Object.values(job.provider_jobs).join(" "),
    job.function,
    job.status,
    job.backend,
    job.backend_type,
    job.result?.shots ?? "",
    job.submitted_at,
    job.finished_at ?? "",
    job.params,
    summary,
    job.answer ?? "",
    job.error?.message ?? "",
  ];
}

/** The numbers of one job: its counts, and where it has one its convergence. */
function rowsOf(job: StoredJob): unknown[][] {
  const rows: unknown[][] = [["kind", "name", "outcome_or_step", "count_or_value", "share"]];
  for (const [register, counts] of Object.entries(job.result?.counts ?? {})) {
    const other = job.result?.other[register] ?? 0;
    const total = Object.values(counts).reduce((sum, n) => sum + n, other);
    // An object begins with keys that look like numbers: sort again, the most frequent first.
    const sorted = Object.entries(counts).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    for (const [bits, n] of sorted) rows.push(["counts", register, bits, n, n / total]);
    if (other > 0) rows.push(["counts", register, "other", other, other / total]);
  }
  for (const { step, value } of toPoints(job.answer?.convergence ?? job.history))
    rows.push(["convergence", "", step, value, ""]);
  const values = job.answer?.values;
  if (Array.isArray(values)) values.forEach((value, at) => rows.push(["values", "", at + 1, value, ""]));
  const matrix = job.answer?.matrix;
  if (Array.isArray(matrix))
    matrix.forEach(
      (row: unknown, i) =>
        Array.isArray(row) && row.forEach((value: unknown, j) => rows.push(["matrix", i + 1, j + 1, value, ""])),
    );
  return rows;
}

const csv = (rows: unknown[][]): string => rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");

function cell(value: unknown): string {
  const text = typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
  // A spreadsheet takes what begins so for a formula; bits keep their leading zeros as a text.
  const safe = typeof value !== "number" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}
