import { describe, expect, test } from "vitest";
import { MAX_JOBS, MAX_OUTCOMES, boundCounts } from "../../src/jobs/bounds";
import { mergeEvent, mergeSubmission } from "../../src/jobs/merger";
import { JOBS_KEY, Store, adopt, parseDocument } from "../../src/jobs/store";
import type { ResultEvent } from "../../src/api/documents";
import { Memory } from "../memory";

const event = (change: Partial<ResultEvent> = {}): ResultEvent => ({
  backend: "aer",
  backend_type: "simulator",
  function: "smile_super_position",
  client_id: "c1",
  process_job_id: "p1",
  provider_jobs: [{ step: 0, job_id: "d1" }],
  step: 0,
  submitted_at: "2026-01-01T00:00:00Z",
  params: { emoticon_1: ":)" },
  status: "QUEUED",
  ...change,
});

const done = (change: Partial<ResultEvent> = {}) =>
  event({
    status: "DONE",
    finished_at: "2026-01-01T00:00:02Z",
    result: { counts: { meas: { "01": 6, "10": 4 } }, shots: 10, metadata: {} },
    answer: { found: true },
    ...change,
  });

const accepted = event({ circuit: { qubits: 16, depth: 9 } });
const submission = {
  accepted,
  function: "smile_super_position",
  params: { emoticon_1: ":)" },
  title: "Smile",
  view: "emoticons",
  now: new Date("2026-01-01T00:00:00Z"),
};

describe("merging events", () => {
  test("a job goes from queued to done", () => {
    const queued = mergeEvent(
      undefined,
      event({ queue_position: 3, estimated_completion_time: "2026-01-01T01:00:00Z" }),
    );
    expect(queued).toMatchObject({ status: "QUEUED", queue_position: 3 });
    const final = mergeEvent(queued, done());
    expect(final).toMatchObject({
      status: "DONE",
      queue_position: null,
      estimated_completion_time: null,
      answer: { found: true },
    });
    expect(final.result).toMatchObject({ counts: { meas: { "01": 6, "10": 4 } }, shots: 10, other: { meas: 0 } });
  });

  test.each<[string, (number | null)[], number | null, number | null]>([
    ["the queue's length when it was submitted", [2, 1], 5, 5],
    ["a place behind that length's end", [7, 6], 5, 7],
    ["a place where no length was told", [3, 4, 1], null, 4],
    ["nothing", [null], null, null],
  ])("its way to the front began at %s", (_name, positions, length, start) => {
    const events = positions.map((position) => event({ queue_position: position, queue_length_at_submit: length }));
    expect(
      events.reduce<ReturnType<typeof mergeEvent> | undefined>((before, next) => mergeEvent(before, next), undefined)!
        .queue_start,
    ).toBe(start);
  });

  describe("a pooled job", () => {
    const SENT = "2026-01-01T00:00:30Z";
    const pooled = mergeEvent(undefined, event({ status: "POOLED", provider_jobs: [], queue_position: 9 }));
    const sent = mergeEvent(pooled, event({ submitted_at: SENT, queue_length_at_submit: 4 }));

    test("was submitted when its client did so, and sent when the provider got it", () => {
      expect([pooled.submitted_at, pooled.sent_at]).toEqual(["2026-01-01T00:00:00Z", null]);
      expect(sent).toMatchObject({ status: "QUEUED", submitted_at: "2026-01-01T00:00:00Z", sent_at: SENT });
      const final = mergeEvent(sent, done({ submitted_at: SENT }));
      expect([final.submitted_at, final.sent_at]).toEqual(["2026-01-01T00:00:00Z", SENT]);
    });

    test("begins its way through the provider's queue at its place there", () =>
      expect([pooled.queue_start, sent.queue_start, pooled.queue_position]).toEqual([null, 4, 9]));

    test("that ends in the pool was never sent", () => {
      const rejected = event({ status: "ERROR", provider_jobs: [], finished_at: "2026-01-01T00:00:09Z" });
      expect(mergeEvent(pooled, rejected)).toMatchObject({ status: "ERROR", sent_at: null });
    });

    test("that returns to the pool keeps when it was sent first", () => {
      const again = mergeEvent(sent, event({ status: "POOLED", provider_jobs: [], submitted_at: SENT }));
      expect(again).toMatchObject({ status: "POOLED", submitted_at: "2026-01-01T00:00:00Z", sent_at: SENT });
      const later = event({ submitted_at: "2026-01-01T00:00:59Z" });
      expect(mergeEvent(again, later)).toMatchObject({ status: "QUEUED", sent_at: SENT });
    });

    test("is one that was pooled: another has no such time", () =>
      expect(mergeEvent(mergeEvent(undefined, event()), done()).sent_at).toBeNull());
  });

  test("nothing follows a final event, not even another", () => {
    const final = mergeEvent(undefined, done());
    expect(mergeEvent(final, event({ status: "RUNNING" }))).toBe(final);
    expect(mergeEvent(final, event({ status: "CANCELLED" }))).toBe(final);
  });

  test("an earlier step's event does not take a hybrid job back", () => {
    const third = mergeEvent(
      undefined,
      event({ status: "RUNNING", step: 3, progress: { step: 3, of: 10, value: -1 } }),
    );
    expect(mergeEvent(third, event({ step: 2 }))).toBe(third);
    expect(mergeEvent(third, event({ status: "RUNNING", step: 4 })).step).toBe(4);
  });

  test("expectation values are kept where there are no counts", () => {
    const job = mergeEvent(undefined, done({ result: { counts: null, evs: 0, stds: [0.1], metadata: {} } }));
    expect(job.result).toMatchObject({ counts: {}, evs: 0, stds: [0.1], shots: null });
  });

  test("the values of a hybrid job's steps are kept in their order", () => {
    const steps = [1, 2, 2, 3].map((step) =>
      event({ status: "RUNNING", step, progress: { step, of: 3, value: -step } }),
    );
    const job = steps.reduce<ReturnType<typeof mergeEvent> | undefined>(
      (before, next) => mergeEvent(before, next),
      undefined,
    )!;
    expect(job.history).toEqual([
      { step: 1, value: -1 },
      { step: 2, value: -2 },
      { step: 3, value: -3 },
    ]);
    expect(mergeEvent(job, done({ step: 3 })).history).toHaveLength(3);
  });

  test("the times are those at which the page heard, unless it heard too late", () => {
    const at = (second: number): Date => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
    const running = mergeEvent(undefined, event({ status: "RUNNING" }), at(1));
    expect(mergeEvent(running, done(), at(3))).toMatchObject({
      running_at: at(1).toISOString(),
      delivered_at: at(3).toISOString(),
    });
    const late = mergeEvent(undefined, event({ status: "RUNNING" }), at(50));
    expect(mergeEvent(late, done(), at(50)).running_at).toBeNull();
  });

  test("a job is of the function that was asked for, whichever its action calls itself", () => {
    const asked = { ...submission, function: "grin" };
    const job = mergeSubmission(undefined, asked);
    expect([
      job.function,
      mergeEvent(job, done()).function,
      mergeSubmission(mergeEvent(undefined, done()), asked).function,
    ]).toEqual(["grin", "grin", "grin"]);
  });

  test("a lost job may be found", () => {
    const lost = { ...mergeEvent(undefined, event()), status: "LOST" as const };
    expect(mergeEvent(lost, done()).status).toBe("DONE");
  });

  test("a final event that came before the answer to the submission is kept", () => {
    const job = mergeSubmission(mergeEvent(undefined, done()), submission);
    expect(job).toMatchObject({ status: "DONE", function_title: "Smile", view: "emoticons", circuit: { qubits: 16 } });
  });
});

describe("bounds", () => {
  test("the largest counts are kept and the others summed", () => {
    const all = Object.fromEntries(
      Array.from({ length: MAX_OUTCOMES + 44 }, (_, n) => [n.toString(2).padStart(10, "0"), n + 1]),
    );
    const { counts, other, other_outcomes } = boundCounts({ meas: all });
    expect(Object.keys(counts.meas!)).toHaveLength(MAX_OUTCOMES);
    expect(other_outcomes.meas).toBe(44);
    expect(other.meas).toBe((44 * 45) / 2);
  });

  test("the newest jobs are kept", () => {
    const store = new Store(new Memory());
    for (let n = 0; n < MAX_JOBS + 5; n++) store.receive(done({ process_job_id: `p${n}` }), n);
    expect(store.jobs).toHaveLength(MAX_JOBS);
    expect(store.jobs[0]!.process_job_id).toBe(`p${MAX_JOBS + 4}`);
    expect(store.lastId("c1")).toBeNull();
  });

  test("when the browser's storage is full the oldest go and the page goes on", () => {
    const memory = new Memory();
    const store = new Store(memory);
    for (let n = 0; n < 8; n++) store.receive(done({ process_job_id: `p${n}` }), n);
    memory.quota = memory.getItem(JOBS_KEY)!.length;
    store.receive(done({ process_job_id: "p8" }), 8);
    const kept = parseDocument(memory.getItem(JOBS_KEY));
    expect(kept.jobs.map((job) => job.process_job_id)).toEqual(["p8", "p7", "p6", "p5"]);
    expect(kept.last_id).toBe(8);
  });
});

describe("the document", () => {
  test("a reload finds the jobs and where to resume", () => {
    const memory = new Memory();
    const store = new Store(memory);
    store.adopt("c1");
    store.submitted(submission);
    store.receive(done(), 5);
    store.receive(event({ process_job_id: "p2" }), 4);
    const again = new Store(memory);
    expect(again.get("p1")!.status).toBe("DONE");
    expect(again.lastId("c1")).toBe(5);
    expect(again.lastId("c2")).toBeNull();
  });

  test("in a new session unfinished jobs are lost, results stay, and events begin anew", () => {
    const memory = new Memory();
    const store = new Store(memory);
    store.adopt("c1");
    store.receive(done(), 1);
    store.receive(event({ process_job_id: "p2" }), 2);
    store.adopt("c2");
    expect(store.get("p1")!.status).toBe("DONE");
    expect(store.get("p2")!.status).toBe("LOST");
    expect(store.lastId("c2")).toBeNull();
    expect(adopt(parseDocument(memory.getItem(JOBS_KEY)), "c2").client_id).toBe("c2");
  });

  test("two tabs do not overwrite each other", () => {
    const memory = new Memory();
    const [one, two] = [new Store(memory), new Store(memory)];
    one.receive(event({ process_job_id: "p1" }), 1);
    two.receive(event({ process_job_id: "p2" }), 2);
    one.receive(done({ process_job_id: "p1" }), 3);
    expect(one.jobs.map((job) => [job.process_job_id, job.status])).toEqual([
      ["p2", "QUEUED"],
      ["p1", "DONE"],
    ]);
  });

  test("what cannot be read, or is of another version, is begun anew", () => {
    for (const text of [null, "", "{", "[]", '{"v":2,"jobs":[]}', '{"v":1}'])
      expect(parseDocument(text).jobs).toEqual([]);
    expect(parseDocument('{"v":1,"jobs":[null,{"process_job_id":"p"}]}').jobs).toHaveLength(1);
  });

  test("rewinding hears everything again, and changes nothing", () => {
    const store = new Store(new Memory());
    store.adopt("c1");
    store.receive(done(), 7);
    store.rewind();
    expect(store.lastId("c1")).toBeNull();
    store.receive(event(), 0);
    expect([store.get("p1")!.status, store.lastId("c1")]).toEqual(["DONE", 0]);
  });

  test("clearing leaves what has not ended", () => {
    const store = new Store(new Memory());
    store.receive(done(), 1);
    store.receive(event({ process_job_id: "p2" }), 2);
    store.clearFinished();
    expect(store.jobs.map((job) => job.process_job_id)).toEqual(["p2"]);
    store.remove("p2");
    expect(store.jobs).toEqual([]);
  });
});
