import { expect, test } from "vitest";
import { ApiError } from "../../src/api/api";
import { JobCommands } from "../../src/jobs/commands";
import { BLANK, type StoredJob } from "../../src/jobs/job";
import { Store } from "../../src/jobs/store";
import type { Notifier } from "../../src/notifications/notifications";
import { Memory } from "../memory";

const JOB = {
  ...BLANK,
  process_job_id: "p1",
  function: "bell",
  function_title: "Bell",
  backend: "aer",
  status: "DONE",
  params: {},
} as unknown as StoredJob;

/** What erasing a job did, if the person gives `answer` and the gateway fails with `error`. */
async function erased(answer: boolean, error: Error | null = null) {
  const did: string[] = [];
  const store = new Store(new Memory());
  store.subscribe((jobs) => did.push(`${jobs.length} jobs`));
  const commands = new JobCommands({
    api: {
      submit: () => Promise.reject(new Error("not asked for")),
      cancel: () => Promise.reject(new Error("not asked for")),
      erase: (id) => {
        did.push(`erase ${id}`);
        return error ? Promise.reject(error) : Promise.resolve();
      },
    },
    store,
    notifier: { show: (kind: string, title: string) => did.push(`${kind}: ${title}`) } as unknown as Notifier,
    title: (job) => job.function_title,
    confirmed: ({ text, yes }) => {
      did.push(`asked ${text.includes("Bell on aer") && yes}`);
      return Promise.resolve(answer);
    },
    removed: (remove) => {
      did.push("remove");
      remove();
    },
    submitting: () => undefined,
  });
  await commands.erase(JOB);
  return did;
}

test("a job is erased at the gateway first, and then here", async () => {
  expect(await erased(true)).toEqual(["asked Erase data", "erase p1", "remove", "0 jobs", "success: Erased"]);
});

test("without a yes nothing happens", async () => {
  expect(await erased(false)).toEqual(["asked Erase data"]);
});

test("a job stays here if the gateway could not erase it", async () => {
  const refusal = new ApiError(503, "Service unavailable", "Try again.");
  expect(await erased(true, refusal)).toEqual(["asked Erase data", "erase p1", "error: The data was not erased"]);
});

test("a job that the gateway does not know is removed here, and the page says so", async () => {
  const unknown = new ApiError(404, "Not found", "There is no such job.");
  expect(await erased(true, unknown)).toEqual([
    "asked Erase data",
    "erase p1",
    "remove",
    "0 jobs",
    "info: Removed here",
  ]);
});
