import { expect, test, vi } from "vitest";
import { Reconciler } from "../../src/events/reconciler";
import { Store } from "../../src/jobs/store";
import type { ResultEvent } from "../../src/api/documents";
import { Memory } from "../memory";

const NOW = Date.parse("2026-01-01T01:00:00Z");
const event = (id: string, change: Partial<ResultEvent> = {}): ResultEvent => ({
  provider_jobs: [{ step: 0, job_id: "d" }],
  backend: "b",
  backend_type: "simulator",
  function: "f",
  client_id: "c",
  process_job_id: id,
  submitted_at: "2026-01-01T00:00:00Z",
  status: "QUEUED",
  ...change,
});

function setup(known: ResultEvent[], liveFor: number | null) {
  const store = new Store(new Memory());
  const reconnect = vi.fn();
  const reconciler = new Reconciler({ jobs: async () => known }, store, reconnect);
  if (liveFor !== null) reconciler.live(true, NOW - liveFor);
  return { store, reconnect, run: () => reconciler.run(() => NOW) };
}

test("a job the gateway does not know is lost, once it is old enough", async () => {
  const { store, run } = setup([], 60_000);
  store.receive(event("old"), 1);
  store.receive(event("young", { submitted_at: new Date(NOW - 1_000).toISOString() }), 2);
  await run();
  expect([store.get("old")?.status, store.get("young")?.status]).toEqual(["LOST", "QUEUED"]);
});

test("an end that the stream should have told is taken, and the stream begun anew", async () => {
  const { store, reconnect, run } = setup([event("a", { status: "DONE" })], 60_000);
  store.adopt("c");
  store.receive(event("a"), 7);
  await run();
  expect(store.get("a")?.status).toBe("DONE");
  expect(store.lastId("c")).toBeNull();
  expect(reconnect).toHaveBeenCalledOnce();
});

test.each([[1_000], [null]])("a stream live for %s ms is still trusted to tell", async (liveFor) => {
  const { store, reconnect, run } = setup([event("a", { status: "DONE" })], liveFor);
  store.receive(event("a"), 7);
  await run();
  expect(store.get("a")?.status).toBe("QUEUED");
  expect(reconnect).not.toHaveBeenCalled();
});

test("nothing is asked when nothing is awaited", async () => {
  const jobs = vi.fn(async () => []);
  await new Reconciler({ jobs }, new Store(new Memory()), () => undefined).run();
  expect(jobs).not.toHaveBeenCalled();
});
