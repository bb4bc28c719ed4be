import { describe, expect, test } from "vitest";
import { exportJob, exportJobs } from "../src/jobs/export";
import { toHash, toRoute, type Route } from "../src/page/route";
import { categories, grouped, matches } from "../src/catalogue/search";
import { outlook } from "../src/jobs/estimate";
import { matching } from "../src/jobs/filter";
import { isFinal, type StoredJob } from "../src/jobs/job";
import { mergeEvent } from "../src/jobs/merger";
import { stages } from "../src/result/timeline";
import type { QuantumFunction } from "../src/api/documents";
import { progressOf, stateWords } from "../src/result/waiting";

const fun = (id: string, title: string, category: string | null, description = ""): QuantumFunction => ({
  id,
  title,
  category,
  description,
  input_schema: {},
});
const all = [
  fun("grover", "Grover search", "Search", "Finds a marked element."),
  fun("bell", "Bell state", "Basics"),
  fun("deutsch_jozsa", "Deutsch-Jozsa", "Oracles"),
  fun("x", "", null),
  fun("y", "Aaa", "Zoo"),
];

describe("search", () => {
  test("categories come in the order one learns them, the unknown after, and none at the end", () =>
    expect(categories(all)).toEqual(["Basics", "Oracles", "Search", "Zoo", "More"]));

  test.each([
    ["", 5],
    ["deutsch jozsa", 1],
    ["MARKED grover", 1],
    ["grover shor", 0],
    ["basics", 1],
  ])('"%s" finds %d', (query, number) => expect(all.filter((one) => matches(one, query))).toHaveLength(number));

  test("a category narrows what is found", () => {
    expect(
      grouped(all, "", "Search").map(({ category, functions }) => [category, functions.map(({ id }) => id)]),
    ).toEqual([["Search", ["grover"]]]);
    expect(grouped(all, "bell", "Search")).toEqual([]);
  });
});

describe("addresses", () => {
  test.each<Route>([
    { page: "functions" },
    { page: "devices" },
    { page: "help" },
    { page: "jobs", id: null },
    { page: "jobs", id: "a/b?c" },
    { page: "run", id: "grover", typed: {} },
    { page: "run", id: "grover", typed: { marked: "101, 011", program: 'a;\n"b" & #c=1?', empty: "" } },
  ])("%j comes back", (route) => expect(toRoute(toHash(route))).toEqual(route));

  test("an empty address is the first page", () =>
    expect(["", "#", "#/"].map((hash) => toRoute(hash).page)).toEqual(Array(3).fill("functions")));

  test("an unknown address is not silently another page", () =>
    expect(["#/nowhere", "#/run/", "#/%"].map((hash) => toRoute(hash))).toEqual(
      ["#/nowhere", "#/run/", "#/%"].map((hash) => ({ page: "unknown", hash })),
    ));
});

const base = mergeEvent(undefined, {
  provider_jobs: [{ step: 0, job_id: "d1" }],
  backend: "fez",
  backend_type: "hardware",
  function: "f",
  client_id: "c",
  process_job_id: "p",
  submitted_at: "2026-01-01T00:00:00Z",
  status: "QUEUED",
  params: { a: 1 },
});
const job = (change: Partial<StoredJob>): StoredJob => ({ ...base, ...change });

describe("a job that has not ended", () => {
  test.each<[string, Partial<StoredJob>, string | null]>([
    ["steps of a hybrid job", { status: "RUNNING", progress: { step: 3, of: 10 } }, "3 of at most 10 steps done"],
    ["places in a queue", { queue_position: 2, queue_start: 5 }, "About 2 jobs ahead"],
    ["the next", { queue_position: 0, queue_start: 5 }, "Next in the queue"],
    ["nothing known", {}, null],
    ["a running job without steps", { status: "RUNNING", queue_position: 0, queue_start: 5 }, null],
    [
      "a place in the pool, which is no place in the queue",
      { status: "POOLED", queue_position: 2, queue_start: 5 },
      null,
    ],
    ["an empty queue", { queue_position: 0, queue_start: 0 }, null],
  ])("%s", (_name, change, label) => expect(progressOf(job(change))?.label ?? null).toBe(label));

  test("the bar never goes beyond its end", () =>
    expect(progressOf(job({ status: "RUNNING", progress: { step: 12, of: 10 } }))).toMatchObject({
      value: 10,
      max: 10,
    }));

  test.each<[string, StoredJob["status"], number | null, string]>([
    ["in the pool, the first", "POOLED", 0, "first in line"],
    ["in the pool, the second", "POOLED", 1, "1 job came before it"],
    ["in the pool, a later one", "POOLED", 7, "7 jobs came before it"],
    ["in the pool, its place unknown", "POOLED", null, ""],
    ["in the queue", "QUEUED", 7, "about 7 jobs ahead"],
    ["running", "RUNNING", 7, ""],
    ["ended", "DONE", 7, ""],
  ])("the line about a job %s", (_name, status, position, line) =>
    expect(outlook(job({ status, queue_position: position }))).toBe(line),
  );

  test("a job in the pool is unfinished, on every kind of device", () => {
    expect(isFinal("POOLED")).toBe(false);
    for (const backend_type of ["hardware", "simulator"])
      expect(stateWords(job({ status: "POOLED", backend_type }))).toBe("Waiting for a shared job");
    expect(matching([job({ status: "POOLED" })], "", "active", () => "")).toHaveLength(1);
    expect(matching([job({ status: "POOLED" })], "", "failed", () => "")).toEqual([]);
  });

  test("no queue is claimed for a simulator", () =>
    expect([stateWords(job({})), stateWords(job({ backend_type: "simulator" }))]).toEqual([
      "In the queue",
      "Submitted, waiting for the result",
    ]));
});

test("a timeline has the times that are known, never backwards", () => {
  const ended = job({
    status: "DONE",
    running_at: "2026-01-01T00:00:05Z",
    finished_at: "2026-01-01T00:00:04Z",
    delivered_at: "2026-01-01T00:00:09Z",
  });
  expect(stages(ended).map(({ name, after }) => [name, after])).toEqual([
    ["Submitted", ""],
    ["Running", "+ 5 s"],
    ["Result ready", "+ less than 1 s"],
    ["Delivered here", "+ 4 s"],
  ]);
  expect(stages(base).map(({ name }) => name)).toEqual(["Submitted"]);
});

test("a timeline has when a pooled job was sent to the provider", () => {
  const ended = job({
    status: "DONE",
    sent_at: "2026-01-01T00:00:07Z",
    running_at: "2026-01-01T00:00:09Z",
    finished_at: "2026-01-01T00:00:12Z",
  });
  expect(stages(ended).map(({ name, after }) => [name, after])).toEqual([
    ["Submitted", ""],
    ["Sent in a shared job", "+ 7 s"],
    ["Running", "+ 2 s"],
    ["Result ready", "+ 3 s"],
  ]);
});

describe("export", () => {
  const done = job({
    status: "DONE",
    result: {
      counts: { c: { "01": 3, "10": 1 } },
      other: { c: 4 },
      other_outcomes: { c: 2 },
      shots: 8,
      evs: null,
      stds: null,
      metadata: {},
    },
    answer: { summary: 'It is "so", =1', convergence: [{ step: 0, value: -1.5 }] },
  });

  test("JSON is the job as it is kept", () =>
    expect(JSON.parse(exportJob(done, "json").text)).toEqual({ v: 1, jobs: [done] }));

  test("CSV has the numbers", () => {
    expect(exportJob(done, "csv").text.trim().split("\r\n")).toEqual([
      "kind,name,outcome_or_step,count_or_value,share",
      "counts,c,01,3,0.375",
      "counts,c,10,1,0.125",
      "counts,c,other,4,0.5",
      "convergence,,0,-1.5,",
    ]);
  });

  test("all jobs are a line each, quoted, and no formula for a spreadsheet", () => {
    const lines = exportJobs([done, job({ error: { message: "=HYPERLINK(1)" } })], "csv")
      .text.trim()
      .split("\r\n");
    expect(lines).toHaveLength(3);
    expect(lines[1]).toContain('"It is ""so"", =1"');
    expect(lines[2]).toMatch(/,'=HYPERLINK\(1\)$/);
  });
});
