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
/** How often backends are asked about their queues while the page is seen, in milliseconds. */
const BACKENDS_EVERY = 30_000;
/** A job the gateway does not know is given up only when it is older than this, in milliseconds. */
const GRACE = 60_000;

const storage = browserStorage();
const session = new SessionKeeper(storage, createSession);
const api = new Api(session);
const store = new Store(storage);
const notifier = new Notifier();
const badge = new ConnectionBadge();

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
  state: (state) => badge.show(state),
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

/** Jobs that had not ended when the page was last seen, and of which no event may come any more. */
async function reconcile(): Promise<void> {
  const { client_id } = await session.get();
  for (const job of store.jobs.filter((one) => !isFinal(one.status) && one.client_id === client_id)) {
    try {
      store.receive(await api.job(job.process_job_id), null);
    } catch (error) {
      const old = Date.now() - Date.parse(job.submitted_at) > GRACE;
      if (error instanceof ApiError && error.status === 404 && old) store.lost(job.process_job_id);
    }
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

const load = (): Promise<unknown> => Promise.all([loadFunctions(), loadBackends()]);
const describe = (error: unknown): string => (error instanceof ApiError ? `${error.title}. ${error.message}` : String(error));

store.subscribe(draw);
addEventListener("storage", ({ key }) => key === JOBS_KEY && store.reload());
addEventListener("online", () => stream.connect());
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void load());
setInterval(() => store.jobs.some((job) => !isFinal(job.status)) && draw(), TICK);
setInterval(() => document.visibilityState === "visible" && void loadBackends(), BACKENDS_EVERY);

draw();
const begin = async (): Promise<void> => {
  try {
    store.adopt((await session.get()).client_id);
    void reconcile();
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
