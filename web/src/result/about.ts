/** A job's circuit, and the data about the job. */
import { circuitPicture } from "../circuit/picture";
import { copyButton } from "../shared/clipboard";
import { h } from "../shared/dom";
import { backendTypeWords, count } from "../shared/format";
import { toHash } from "../page/route";
import type { StoredJob } from "../jobs/job";
import { definitions } from "../views/answer";

/** The circuit as a picture, and its program to copy. */
export function circuit(job: StoredJob): HTMLElement | null {
  const given = job.params.program;
  // A program of the person's own is part of the input.
  const program = job.circuit?.openqasm3 ?? (typeof given === "string" ? given : undefined);
  if (!program)
    return job.status === "LOST" || (job.circuit && !job.circuit.openqasm3)
      ? null
      : h(
          "section",
          { class: "answer", "data-testid": "circuit-missing" },
          h("h3", {}, "Circuit"),
          h(
            "p",
            { class: "quiet" },
            job.trimmed
              ? "The picture of this older job's circuit is no longer kept in this browser. Run it again to see it."
              : "The gateway did not send this job's circuit, so there is no picture of it. Run it again to see it.",
          ),
        );
  return h(
    "section",
    { class: "answer" },
    h("h3", {}, "Circuit"),
    circuitPicture(program),
    h(
      "details",
      { class: "disclosure" },
      h("summary", {}, "OpenQASM 3"),
      h(
        "div",
        { class: "code-frame" },
        copyButton("Copy", () => program, "copy-openqasm"),
        h("pre", { class: "code", tabindex: 0, role: "group", "aria-label": "OpenQASM 3 program" }, program),
      ),
    ),
  );
}

export function metadata(job: StoredJob, name: HTMLElement): HTMLElement {
  const values: Record<string, unknown> = {
    Backend: job.backend || "–",
    "Backend type": backendTypeWords(job.backend_type, job.backend),
  };
  if (job.result?.shots) values.Shots = job.result.shots;
  const { depth, size, transpiled_depth, transpiled_size } = job.circuit ?? {};
  // Without the transpiled depth, an older version of this page has stored the circuit as run.
  if (transpiled_depth !== undefined && (depth || size)) values.Circuit = extent(depth, size);
  const run = transpiled_depth === undefined ? extent(depth, size) : extent(transpiled_depth, transpiled_size);
  if (run) values["Circuit as run"] = `${run}, after translation into the gates of the backend`;
  values.Job = job.process_job_id;
  const extra = job.result?.metadata ?? {};
  return h(
    "section",
    { class: "metadata", "data-testid": "metadata" },
    h("h3", {}, "About this job"),
    name,
    definitions(values, { plain: true }),
    copyButton(
      "Copy link to this job",
      () => new URL(toHash({ page: "jobs", id: job.process_job_id }), location.href).href,
      "copy-job",
    ),
    providerJobs(job),
    Object.keys(job.params).length > 0
      ? h("details", { class: "disclosure" }, h("summary", {}, "Input"), definitions(job.params, { plain: true }))
      : null,
    Object.keys(extra).length > 0
      ? h(
          "details",
          { class: "disclosure" },
          h("summary", {}, "More from the backend"),
          definitions(extra, { plain: true }),
        )
      : null,
  );
}

function extent(depth: number | null | undefined, size: number | null | undefined): string {
  return [depth && `depth ${count(depth)}`, size && `${count(size)} ${size === 1 ? "gate" : "gates"}`]
    .filter(Boolean)
    .join(", ");
}

/** The ids that the provider gave to the job's steps. */
function providerJobs(job: StoredJob): HTMLElement | null {
  const all = Object.entries(job.provider_jobs);
  if (all.length === 0) return null;
  const row = ([step, id]: [string, string]): [string, string] => [
    all.length > 1 ? `Step ${Number(step) + 1}` : "Id",
    id,
  ];
  return h(
    "details",
    { class: "disclosure", "data-testid": "provider-jobs" },
    h("summary", {}, all.length > 1 ? `The provider's ${count(all.length)} jobs` : "The provider's job"),
    definitions(Object.fromEntries(all.map(row)), { plain: true }),
  );
}
