/** Wires the parts together. */
import "./styles/main.scss";
import { Api, ApiError, createSession } from "./api";
import { Chooser } from "./chooser";
import { ConnectionBadge } from "./connection";
import { reducedMotion } from "./dom";
import { EventStream } from "./events";
import { STATUS_WORDS } from "./format";
import { JobList, outlook } from "./jobs";
import { Notifier } from "./notify";
import { page } from "./page";
import { ResultPanel } from "./result";
import { SessionKeeper } from "./session";
import { browserStorage, isFinal, JOBS_KEY, Store, type StoredJob } from "./store";
import type { QuantumFunction } from "./types";

/** How often what is expected is told anew, in milliseconds. */
const TICK = 10_000;
/** How often functions and queues are asked for while the page is seen, in milliseconds. */
const LOAD_EVERY = 30_000;
/** A stream that has been live for this long has told what there was to tell, in milliseconds. */
const TOLD = 10_000;
/** A job the gateway does not know is given up only when it is older than this, in milliseconds. */
const GRACE = 60_000;

const storage = browserStorage();
const session = new SessionKeeper(storage, createSession);
const api = new Api(session);
const store = new Store(storage);
const notifier = new Notifier();
const badge = new ConnectionBadge();

let liveSince = Infinity;
let selected: string | null = store.jobs[0]?.process_job_id ?? null;

const functionOf = (job: StoredJob): QuantumFunction | undefined => chooser.functions.find((one) => one.id === job.function);
const title = (job: StoredJob): string => functionOf(job)?.title ?? job.function_title;
const view = (job: StoredJob): string | null => job.view ?? functionOf(job)?.view ?? null;

const chooser = new Chooser(submit);
const result = new ResultPanel({
  title,
  view,
  again: (job) => {
    if (!chooser.show(job.function, job.params)) notifier.show("warning", "This function is no longer deployed");
  },
});
const jobs = new JobList({
  title,
  select: (job) => {
    select(job);
    result.focus();
  },
  cancel,
  remove: (job) => store.remove(job.process_job_id),
  clear: () => store.clearFinished(),
});

document.getElementById("app")!.replaceChildren(...page({ connection: badge.element, chooser: chooser.element, result: result.element, jobs: jobs.element, toasts: notifier.element, announcer: notifier.announcer }));

const stream = new EventStream({
  open: (url) => new WebSocket(url),
  session: () => session.get(),
  check: async () => void (await api.jobs()),
  lastId: ({ client_id }) => store.lastId(client_id),
  receive: ({ id, event }) => {
    const before = store.get(event.process_job_id)?.status;
    const job = store.receive(event, id);
    if (job.status !== before) notifier.announce([`${title(job)}: ${STATUS_WORDS[job.status]}`, outlook(job)].filter(Boolean).join(", "));
  },
  state: (state) => {
    badge.show(state);
    liveSince = state === "live" ? Date.now() : Infinity;
    if (state === "live" && chooser.functions.length === 0) void load();
  },
  origin: location.origin.replace(/^http/, "ws"),
});

function draw(): void {
  if (selected === null || !store.get(selected)) selected = store.jobs[0]?.process_job_id ?? null;
  jobs.show(store.jobs, selected);
  result.show(selected === null ? null : (store.get(selected) ?? null));
}

function select(job: StoredJob): void {
  selected = job.process_job_id;
  draw();
  // On a narrow screen the result stands apart from the list.
  const { top, bottom } = result.element.getBoundingClientRect();
  if (top < 48 || top > innerHeight / 2 || bottom < 0) result.element.scrollIntoView({ behavior: reducedMotion() ? "auto" : "smooth", block: "start" });
}

async function submit(chosen: QuantumFunction, input: Record<string, unknown>): Promise<void> {
  notifier.clear();
  const accepted = await api.submit(chosen.id, input);
  const job = store.submitted({ accepted, params: input, title: chosen.title ?? chosen.id, view: chosen.view ?? null, now: new Date() });
  notifier.show("success", "Job submitted", `${title(job)} on ${job.backend}`);
  select(job);
}

async function cancel(job: StoredJob): Promise<void> {
  try {
    await api.cancel(job.process_job_id);
    notifier.show("info", "Cancelling", `${title(job)} on ${job.backend} is asked to stop.`);
  } catch (error) {
    notifier.show("error", "The job was not cancelled", describe(error));
    throw error;
  }
}

/**
 * Asks about jobs that have not ended. The stream tells everything, in order, so there is nothing to learn but in
 * two cases: the gateway does not know the job any more, or the stream's numbers have begun anew.
 */
async function reconcile(): Promise<void> {
  const unfinished = store.jobs.filter((job) => !isFinal(job.status));
  if (unfinished.length === 0) return;
  const known = new Map((await api.jobs()).map((event) => [event.process_job_id, event]));
  const told = Date.now() - liveSince > TOLD;
  let missed = false;
  for (const job of unfinished) {
    const event = known.get(job.process_job_id);
    if (event && isFinal(event.status) && told && store.get(job.process_job_id)?.status !== event.status) {
      store.receive(event, null);
      missed = true;
    }
    if (!event && Date.now() - Date.parse(job.submitted_at) > GRACE) store.lost(job.process_job_id);
  }
  if (missed) {
    store.rewind();
    stream.connect();
  }
}

async function loadFunctions(): Promise<void> {
  try {
    chooser.setFunctions(await api.functions());
    draw();
  } catch (error) {
    if (chooser.functions.length === 0) chooser.failed(describe(error), () => void load());
  }
}

async function loadBackends(): Promise<void> {
  try {
    chooser.setBackends(await api.backends());
  } catch {
    // The form works without: the service chooses the backend.
  }
}

/** Also what is new: a function deployed while the page is open appears in it. */
const load = (): Promise<unknown> => Promise.all([loadFunctions(), loadBackends(), reconcile().catch(() => undefined)]);
const describe = (error: unknown): string => (error instanceof ApiError ? `${error.title}. ${error.message}` : String(error));

store.subscribe(draw);
addEventListener("storage", ({ key }) => key === JOBS_KEY && store.reload());
addEventListener("online", () => stream.connect());
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void load());
setInterval(() => store.jobs.some((job) => !isFinal(job.status)) && draw(), TICK);
setInterval(() => document.visibilityState === "visible" && void load(), LOAD_EVERY);

draw();
const begin = async (): Promise<void> => {
  try {
    store.adopt((await session.get()).client_id);
  } finally {
    stream.connect();
    session.onChange(({ client_id }) => {
      store.adopt(client_id);
      stream.connect();
    });
  }
};
begin().catch(() => undefined); // The stream goes on trying, and its state is shown.
void load();
