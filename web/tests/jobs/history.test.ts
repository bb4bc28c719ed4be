import { describe, expect, test } from "vitest";
import { fit, MAX_DOCUMENT, trim } from "../../src/jobs/bounds";
import { outlook, queueWords, restOfRun } from "../../src/jobs/estimate";
import { matching } from "../../src/jobs/filter";
import type { StoredJob } from "../../src/jobs/job";
import { mergeEvent } from "../../src/jobs/merger";
import { JOBS_KEY, Store } from "../../src/jobs/store";
import type { ResultEvent } from "../../src/api/documents";
import { ResultFetcher } from "../../src/result/fetcher";
import { JobLookup } from "../../src/result/lookup";
import { ApiError } from "../../src/api/api";
import { Memory } from "../memory";

const event = (change: Partial<ResultEvent> = {}): ResultEvent => ({
  backend: "fake_fez",
  backend_type: "hardware",
  function: "vqe",
  client_id: "c",
  process_job_id: "p",
  provider_jobs: [{ step: 0, job_id: "provider-0" }],
  submitted_at: "2026-01-01T00:00:00Z",
  status: "QUEUED",
  params: { shots: 100 },
  ...change,
});
const job = (change: Partial<StoredJob> = {}): StoredJob => ({ ...mergeEvent(undefined, event()), ...change });
const at = (seconds: number): Date => new Date(Date.parse("2026-01-01T00:00:00Z") + 1000 * seconds);

describe("when a run ends", () => {
  test("the whole run is estimated, not the step", () => {
    const begun = job({ progress: { step: 0, of: 21 }, estimated_completion_time: at(8).toISOString() });
    expect(restOfRun(begun, at(0))).toBe(8_000 * 21);
    expect(outlook(begun, at(0))).toBe("step 1 of at most 21, the whole run is expected to end within 3 min");
  });

  test("later, from the steps that are done", () => {
    const later = job({ status: "RUNNING", progress: { step: 5, of: 21 } });
    expect(restOfRun(later, at(50))).toBe(160_000);
    expect(restOfRun(job({ progress: { step: 21, of: 21 } }), at(50))).toBeNull();
  });

  test("the next job in the queue is next", () => {
    expect([0, 1, 7].map(queueWords)).toEqual(["next in the queue", "1 job ahead", "about 7 jobs ahead"]);
    expect(outlook(job({ queue_position: 0 }))).toBe("next in the queue");
  });
});

test("the circuit of an event stays while later events have none", () => {
  const circuit = { qubits: 2, depth: 3, size: 4, transpiled_depth: 7, transpiled_size: 9, openqasm3: "OPENQASM 3.0;" };
  const run = mergeEvent(undefined, event({ circuit }));
  expect(run.circuit).toEqual(circuit);
  expect(mergeEvent(run, event({ status: "RUNNING", circuit: null })).circuit).toEqual(circuit);
});

test("every step's provider job is known, under one job id", () => {
  let run = mergeEvent(undefined, event());
  for (const step of [1, 2])
    run = mergeEvent(run, event({ step, provider_jobs: [{ step, job_id: `provider-${step}` }] }));
  expect(run.provider_jobs).toEqual({ 0: "provider-0", 1: "provider-1", 2: "provider-2" });
  expect(run.process_job_id).toBe("p");
  expect(mergeEvent(run, event({ step: 2, provider_jobs: [] })).provider_jobs).toEqual(run.provider_jobs);
});

describe("a long history", () => {
  const done = (n: number, size = 10): ResultEvent =>
    event({
      process_job_id: `p${n}`,
      status: "DONE",
      answer: { summary: `answer ${n}`, values: "x".repeat(size) },
      result: { counts: { c: { 0: 1 } }, shots: 1 },
    });

  test("the oldest details go first; the list keeps every job", () => {
    const memory = new Memory();
    const store = new Store(memory);
    for (let n = 0; n < 120; n += 1) store.receive(done(n, 50_000), n);
    expect(store.jobs).toHaveLength(120);
    expect(store.get("p119")).toMatchObject({ trimmed: false });
    expect(store.get("p0")).toMatchObject({ trimmed: true, answer: { summary: "answer 0" }, result: null });
    expect([...memory.values.values()][0]!.length).toBeLessThan(MAX_DOCUMENT + 200_000);
    expect(new Store(memory).get("p0")!.trimmed).toBe(true);
  });

  test("a job that has not ended is never trimmed", () => {
    const kept = fit([job({ status: "QUEUED" })], () => 10, 5);
    expect(kept[0]!.trimmed).toBe(false);
    expect(trim(job({ status: "DONE" })).trimmed).toBe(true);
  });

  test("a name stays through events and a reload", () => {
    const memory = new Memory();
    const store = new Store(memory);
    store.receive(event(), 0);
    store.rename("p", "  first try ");
    store.receive(event({ status: "DONE" }), 1);
    expect(new Store(memory).get("p")!.name).toBe("first try");
  });

  test("search and status narrow it", () => {
    const jobs = [
      job({ process_job_id: "a", status: "DONE", name: "first try" }),
      job({ process_job_id: "b", status: "ERROR", params: { marked: [5] } }),
      job({ process_job_id: "c" }),
    ];
    const ids = (query: string, filter: Parameters<typeof matching>[2]): string[] =>
      matching(jobs, query, filter, () => "VQE").map((one) => one.process_job_id);
    expect(ids("", "all")).toEqual(["a", "b", "c"]);
    expect(ids("vqe TRY", "all")).toEqual(["a"]);
    expect(ids("", "failed")).toEqual(["b"]);
    expect(ids("", "active")).toEqual(["c"]);
    expect(ids("5", "done")).toEqual([]);
  });
});

describe("looking a job up", () => {
  const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

  test("one that only the gateway has is fetched once", async () => {
    const store = new Store(new Memory());
    let asked = 0;
    const api = { job: async () => ((asked += 1), event({ status: "DONE" })), result: async () => ({}) };
    const lookup = new JobLookup(api, store, () => undefined);
    expect(lookup.job("p")).toBeNull();
    expect(lookup.state("p")).toBe("asking");
    await settled();
    expect(lookup.job("p")).toMatchObject({ status: "DONE" });
    expect(asked).toBe(1);
  });

  test("a trimmed one is completed in memory only, with a result that was too large for its event", async () => {
    const memory = new Memory();
    const stored = trim(job({ status: "DONE", result_url: "/results/p" }));
    memory.setItem(JOBS_KEY, JSON.stringify({ v: 1, client_id: "c", last_id: 0, jobs: [stored] }));
    const store = new Store(memory);
    const fetched: string[] = [];
    const api = {
      job: async () => event({ status: "DONE", result_url: "/results/p" }),
      result: async (id: string) => (fetched.push(id), { counts: { c: { 0: 7 } } }),
    };
    const lookup = new JobLookup(api, store, () => undefined);
    lookup.job("p");
    await settled();
    expect(lookup.job("p")).toMatchObject({ trimmed: false, result: { counts: { c: { 0: 7 } } } });
    await new ResultFetcher(api, store, () => undefined).fetch(store.get("p")!);
    expect(fetched).toEqual(["p"]);
    expect(store.get("p")).toMatchObject({ trimmed: true, result: null });
  });

  test("one that nothing has is said to be unknown", async () => {
    const api = { job: async () => Promise.reject(new ApiError(404, "Not found", "")), result: async () => ({}) };
    const lookup = new JobLookup(api, new Store(new Memory()), () => undefined);
    lookup.job("p");
    await settled();
    expect(lookup.job("p")).toBeNull();
    expect(lookup.state("p")).toBe("unknown");
  });
});
