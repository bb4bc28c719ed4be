/** Wires the parts together. */
import "./styles/main.scss";
import { Api, ApiError, createSession } from "./api/api";
import { Catalogue } from "./catalogue/catalogue";
import { ConnectionBadge } from "./connection/connection";
import { Devices } from "./devices/devices";
import { h, reducedMotion } from "./shared/dom";
import { EventStream } from "./events/events";
import { STATUS_WORDS } from "./shared/format";
import { JobList, outlook } from "./jobs/jobs";
import { Notifier } from "./notifications/notifications";
import { Page } from "./page/page";
import { Reconciler } from "./events/reconciler";
import { ResultPanel } from "./result/result";
import { toHash, toRoute, type Route } from "./page/route";
import { titleOf } from "./catalogue/search";
import { SessionKeeper } from "./session/session";
import { SignIn } from "./sign-in/sign-in";
import { isFinal, type StoredJob } from "./jobs/job";
import { JOBS_KEY, Store, browserStorage } from "./jobs/store";
import type { QuantumFunction } from "./api/documents";
import { Workbench } from "./workbench/workbench";

/** How often what is expected is told anew, in milliseconds. */
const TICK = 5_000;
/** How often functions and queues are asked for while the page is seen, in milliseconds. */
const LOAD_EVERY = 15_000;

const storage = browserStorage();
const signIn = new SignIn(createSession, () => show());
const session = new SessionKeeper(storage, () => signIn.session());
const api = new Api(session);
const store = new Store(storage);
const notifier = new Notifier();
const badge = new ConnectionBadge();
const page = new Page({ connection: badge.element, toasts: notifier.element, announcer: notifier.announcer });
const catalogue = new Catalogue();
const devices = new Devices();
const jobsHeading = h("h1", { id: "page-title", tabindex: -1 }, "Jobs");

let functions: QuantumFunction[] | null = null;
let failure: string | null = null;
let route = toRoute(location.hash);
/** The job that was chosen on a function's page. */
const chosenJob = new Map<string, string>();
/** Jobs whose result was fetched from its own address. */
const asked = new Set<string>();

const functionOf = (job: StoredJob): QuantumFunction | undefined => functions?.find((one) => one.id === job.function);
const title = (job: StoredJob): string => functionOf(job)?.title || job.function_title;

const workbench = new Workbench({
  submit: (chosen, input) => submit(chosen.id, titleOf(chosen), chosen.view ?? null, input),
});
const result = new ResultPanel({
  title,
  view: (job) => job.view ?? functionOf(job)?.view ?? null,
  again: async (job) => {
    await submit(job.function, title(job), job.view, job.params).catch((error: unknown) =>
      notifier.show("error", "The job was not submitted", describe(error)),
    );
  },
  edit: (job) => {
    const found = functionOf(job);
    if (!found) return notifier.show("warning", "This function is no longer deployed");
    go({ page: "run", id: found.id, typed: {} });
    workbench.fill(found, job.params);
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
const bench = h("div", { class: "bench" }, workbench.place, result.element, jobs.element);

const reconciler = new Reconciler(api, store, () => stream.connect());
const stream = new EventStream({
  open: (url) => new WebSocket(url),
  session: async () => {
    await api.jobs();
    return session.get();
  },
  check: async () => void (await api.jobs()),
  lastId: ({ client_id }) => store.lastId(client_id),
  receive: ({ id, event }) => {
    const before = store.get(event.process_job_id)?.status;
    const job = store.receive(event, id);
    if (job.status !== before) tell(job);
    if (isToFetch(job)) void fetchResult(job);
  },
  state: (state) => {
    badge.show(state);
    reconciler.live(state === "live");
    // Whatever could not be asked for when there was no connection.
    if (state === "live" && functions === null && failure !== null) void load();
  },
  online: () => navigator.onLine,
  origin: location.origin.replace(/^http/, "ws"),
});

function selected(): string | null {
  if (route.page === "jobs")
    return route.id !== null && store.get(route.id) ? route.id : (store.jobs[0]?.process_job_id ?? null);
  if (route.page !== "run") return null;
  const chosen = chosenJob.get(route.id);
  return chosen && store.get(chosen) ? chosen : (listed()[0]?.process_job_id ?? null);
}

function listed(): StoredJob[] {
  const { page: name, id } = { id: null, ...route };
  return name === "run" ? store.jobs.filter((job) => job.function === id) : store.jobs;
}

/** Everything that depends on the jobs. */
function draw(): void {
  const id = selected();
  jobs.show(listed(), id, route.page === "run");
  result.show(id === null ? null : (store.get(id) ?? null));
  page.setActive(store.jobs.filter((job) => !isFinal(job.status)).length);
}

/** Shows what the address says. `typed` in the address fills the form. */
function show(): void {
  if (signIn.asking) return page.show(route.page, "Sign in", signIn.element);
  const at = route;
  switch (at.page) {
    case "functions":
      page.show("functions", "Functions", catalogue.element);
      break;
    case "devices":
      page.show("devices", "Devices", devices.element);
      break;
    case "jobs":
      bench.replaceChildren(jobs.element, result.element);
      page.show("jobs", "Jobs", h("header", { class: "page-head" }, jobsHeading), bench);
      break;
    case "run": {
      const found = functions?.find((one) => one.id === at.id);
      if (found) workbench.show(found, Object.keys(at.typed).length > 0 ? at.typed : null);
      else
        workbench.missing(
          functions === null
            ? (failure ?? "Asking the gateway for this function…")
            : "This function is not deployed. It may have been removed.",
        );
      if (!workbench.place.isConnected || bench.firstChild !== workbench.place)
        bench.replaceChildren(workbench.place, result.element, jobs.element);
      page.show("run", found ? titleOf(found) : "Function", workbench.element, bench);
    }
  }
  draw();
}

function go(to: Route): void {
  history.pushState(null, "", toHash(to));
  arrive();
}

function arrive(): void {
  route = toRoute(location.hash);
  show();
  scrollTo(0, 0);
  document.getElementById("page-title")?.focus({ preventScroll: true });
}

function select(job: StoredJob): void {
  if (route.page === "run" && route.id === job.function) chosenJob.set(route.id, job.process_job_id);
  else {
    route = { page: "jobs", id: job.process_job_id };
    history.replaceState(null, "", toHash(route));
  }
  draw();
  // On a narrow screen the result stands apart from the list.
  const { top, bottom } = result.element.getBoundingClientRect();
  if (top < 48 || top > innerHeight / 2 || bottom < 0)
    result.element.scrollIntoView({ behavior: reducedMotion() ? "auto" : "smooth", block: "start" });
}

async function submit(
  functionId: string,
  name: string,
  view: string | null,
  input: Record<string, unknown>,
): Promise<void> {
  notifier.clear();
  const accepted = await api.submit(functionId, input);
  const job = store.submitted({ accepted, function: functionId, params: input, title: name, view, now: new Date() });
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

/** Says how a job stands: quietly, and aloud where it has ended and is not what is looked at. */
function tell(job: StoredJob): void {
  notifier.announce([`${title(job)}: ${STATUS_WORDS[job.status]}`, outlook(job)].filter(Boolean).join(", "));
  if (!isFinal(job.status) || selected() === job.process_job_id) return;
  const summary = job.answer?.summary;
  notifier.show(
    job.status === "ERROR" ? "error" : "success",
    `${title(job)}: ${STATUS_WORDS[job.status].toLowerCase()}`,
    typeof summary === "string" ? `${summary} ` : "",
    { href: toHash({ page: "jobs", id: job.process_job_id }), label: "Show the result" },
  );
}

/** Once for each job and visit: what was too large to keep would be fetched for ever. */
const isToFetch = (job: StoredJob): boolean =>
  job.status === "DONE" && job.result === null && job.result_url !== null && !asked.has(job.process_job_id);

async function fetchResult(job: StoredJob): Promise<void> {
  asked.add(job.process_job_id);
  try {
    store.fetched(job.process_job_id, await api.result(job.result_url!));
  } catch (error) {
    notifier.show("warning", "The result was not fetched", describe(error));
  }
}

async function loadFunctions(): Promise<void> {
  const found = await api.functions().catch((error: unknown) => {
    failure = describe(error);
    return null;
  });
  if (found === null && functions === null) catalogue.failed(failure!, () => void load());
  else if (found !== null && JSON.stringify(found) !== JSON.stringify(functions))
    catalogue.setFunctions((functions = found));
  else return;
  show();
}

async function loadBackends(): Promise<void> {
  try {
    const found = await api.backends();
    devices.setBackends(found);
    workbench.setBackends(found);
  } catch {
    // The form works without: the service chooses the backend.
  }
}

/** Also what is new: a function deployed while the page is open appears in it. */
async function load(): Promise<void> {
  if (!navigator.onLine || signIn.asking) return;
  await Promise.all([loadFunctions(), loadBackends(), reconciler.run().catch(() => undefined)]);
  for (const job of store.jobs) if (isToFetch(job)) await fetchResult(job);
}

const describe = (error: unknown): string =>
  error instanceof ApiError ? `${error.title}. ${error.message}` : String(error);

async function begin(): Promise<void> {
  try {
    // A stored token that does not hold any more is renewed here, before anything depends on it.
    await api.jobs();
    store.adopt((await session.get()).client_id);
  } finally {
    stream.connect();
    session.onChange(({ client_id }) => {
      store.adopt(client_id);
      stream.connect();
    });
  }
  await load();
}

document.getElementById("app")!.replaceChildren(...page.nodes);
store.subscribe(draw);
addEventListener("hashchange", arrive);
addEventListener("storage", ({ key }) => key === JOBS_KEY && store.reload());
addEventListener("online", () => {
  stream.connect();
  void load();
});
addEventListener("offline", () => stream.connect());
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void load());
setInterval(() => store.jobs.some((job) => !isFinal(job.status)) && draw(), TICK);
setInterval(() => document.visibilityState === "visible" && void load(), LOAD_EVERY);

show();
begin().catch(() => void load()); // The stream goes on trying, and its state is shown.
