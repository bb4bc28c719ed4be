/** The page as a whole: creates the components and connects them. */
import { Api, createSession, describe } from "./api/api";
import { AnswerMeanings, ANSWERS_KEY } from "./catalogue/answers";
import { Catalogue } from "./catalogue/catalogue";
import { FunctionList } from "./catalogue/functions";
import { titleOf } from "./catalogue/search";
import { ConnectionBadge } from "./connection/connection";
import { Devices } from "./devices/devices";
import { EventStream, type ConnectionState, type Frame } from "./events/events";
import { Reconciler } from "./events/reconciler";
import { isFinal, type StoredJob } from "./jobs/job";
import { JobCommands } from "./jobs/commands";
import { JobList } from "./jobs/jobs";
import { JOBS_KEY, Store } from "./jobs/store";
import { announceJob } from "./notifications/jobs";
import { Notifier } from "./notifications/notifications";
import { Loader } from "./page/loader";
import { Page } from "./page/page";
import { toHash, toRoute, type Route } from "./page/route";
import { listedJobs, selectedId } from "./page/selection";
import { ResultFetcher } from "./result/fetcher";
import { JobLookup } from "./result/lookup";
import { helpPage, notFound } from "./page/texts";
import { ResultPanel } from "./result/result";
import { SESSION_KEY, SessionKeeper } from "./session/session";
import { baseAddress } from "./shared/base";
import { h } from "./shared/dom";
import { browserStorage, storageKey } from "./shared/storage";
import { SignIn } from "./sign-in/sign-in";
import { Workbench } from "./workbench/workbench";

/** Milliseconds between updates of the expected times. */
const TICK = 5_000;

export class App {
  #storage = browserStorage();
  #signInForm = new SignIn(createSession, () => this.#show());
  #session = new SessionKeeper(this.#storage, () => this.#signInForm.session());
  #api = new Api(this.#session);
  #store = new Store(this.#storage);
  #notifier = new Notifier();
  #badge = new ConnectionBadge();
  #page = new Page({
    connection: this.#badge.element,
    toasts: this.#notifier.element,
    announcer: this.#notifier.announcer,
    storage: this.#storage,
    signOut: () => this.#signOut(),
  });
  #catalogue = new Catalogue();
  #devices = new Devices();
  #jobsHeading = h("h1", { id: "page-title", tabindex: -1 }, "Jobs");
  #functions = new FunctionList(this.#api);
  #meanings = new AnswerMeanings(this.#api, this.#storage, () => this.#draw());
  #route = toRoute(location.hash);
  /** The job that was chosen on a function's page. */
  #chosenJob = new Map<string, string>();

  #functionOf = (job: StoredJob) => this.#functions.find(job.function);
  #title = (job: StoredJob) => this.#functionOf(job)?.title || job.function_title;
  #selected = (): string | null => selectedId(this.#route, this.#store.jobs, this.#chosenJob);

  #workbench = new Workbench({
    signIn: () => this.#session.signedIn,
    submit: (chosen, input) =>
      this.#selectSubmitted(this.#commands.submit(chosen.id, titleOf(chosen), chosen.view ?? null, input)),
  });
  #result = new ResultPanel({
    title: this.#title,
    view: (job) => job.view ?? this.#functionOf(job)?.view ?? null,
    meaning: (job) => this.#meanings.of(job.function),
    again: (job) => this.#selectSubmitted(this.#commands.repeat(job)),
    edit: (job) => this.#edit(job),
    rename: (job, name) => this.#store.rename(job.process_job_id, name),
  });
  #jobs = new JobList({
    title: this.#title,
    select: (job) => {
      this.#select(job);
      this.#result.focus();
    },
    commands: () => this.#commands,
  });
  #commands = new JobCommands({
    api: this.#api,
    store: this.#store,
    notifier: this.#notifier,
    title: this.#title,
    removed: (remove) => this.#removed(remove),
    submitting: (busy) => this.#result.setSubmitting(busy),
  });
  #bench = h("div", { class: "bench" }, this.#workbench.place, this.#result.element, this.#jobs.element);

  #fetcher = new ResultFetcher(this.#api, this.#store, (error) =>
    this.#notifier.show("warning", "The result was not fetched", describe(error)),
  );
  #lookup = new JobLookup(this.#api, this.#store, () => this.#draw());
  #reconciler = new Reconciler(this.#api, this.#store, () => this.#stream.connect());
  #loader = new Loader({
    api: this.#api,
    functions: this.#functions,
    catalogue: this.#catalogue,
    store: this.#store,
    fetcher: this.#fetcher,
    reconciler: this.#reconciler,
    changed: () => this.#show(),
    setBackends: (found) => [this.#devices, this.#workbench].forEach((place) => place.setBackends(found)),
    asking: () => this.#signInForm.asking,
  });
  #stream = new EventStream({
    open: (url) => new WebSocket(url),
    session: () => this.#api.jobs().then(() => this.#session.get()),
    check: async () => void (await this.#api.jobs()),
    lastId: ({ client_id }) => this.#store.lastId(client_id),
    receive: (frame) => this.#receive(frame),
    state: (state) => this.#connectionChanged(state),
    online: () => navigator.onLine,
    base: baseAddress().href.replace(/^http/, "ws"),
  });

  /** Puts the page into `place` and connects to the gateway. */
  start(place: HTMLElement): void {
    place.replaceChildren(...this.#page.nodes);
    this.#store.subscribe(() => this.#draw());
    this.#listen();
    setInterval(() => this.#store.jobs.some((job) => !isFinal(job.status)) && this.#draw(), TICK);
    this.#loader.start();
    this.#show();
    // The stream keeps trying, and its state is shown.
    this.#begin().catch(() => void this.#loader.load());
  }

  #listen(): void {
    addEventListener("hashchange", () => this.#arrive());
    addEventListener("storage", ({ key, newValue }) => {
      if (key === storageKey(JOBS_KEY)) this.#store.reload();
      if (key === storageKey(SESSION_KEY) && newValue === null) this.#restart();
    });
    for (const change of ["online", "offline"]) addEventListener(change, () => this.#stream.connect());
  }

  /** Draws everything that depends on the jobs. */
  #draw(): void {
    const id = this.#selected();
    this.#jobs.show(listedJobs(this.#route, this.#store.jobs), id, this.#route.page === "run");
    const job = id === null ? null : this.#lookup.job(id);
    if (id !== null && !job) this.#result.showMissing(id, this.#lookup.state(id));
    else this.#result.show(job);
    this.#page.setActive(this.#store.jobs.filter((job) => !isFinal(job.status)).length);
  }

  /** Shows the page that the address names. `typed` in the address fills the form. */
  #show(): void {
    this.#page.setSignedIn(this.#session.signedIn);
    if (this.#signInForm.asking) {
      this.#badge.show("signed-out");
      return this.#page.show(this.#route.page, "Sign in", this.#signInForm.element);
    }
    const at = this.#route;
    switch (at.page) {
      case "functions":
        this.#page.show("functions", "Functions", this.#catalogue.element);
        break;
      case "devices":
        this.#page.show("devices", "Devices", this.#devices.element);
        break;
      case "jobs":
        this.#bench.replaceChildren(this.#jobs.element, this.#result.element);
        this.#page.show("jobs", "Jobs", h("header", { class: "page-head" }, this.#jobsHeading), this.#bench);
        break;
      case "run":
        this.#showFunction(at.id, at.typed);
        break;
      case "help":
        this.#page.show("help", "Help", helpPage());
        break;
      case "unknown":
        this.#page.show("unknown", "Not found", notFound(at.hash));
    }
    this.#draw();
  }

  #showFunction(id: string, typed: Record<string, string>): void {
    const found = this.#functions.find(id);
    if (found) this.#workbench.show(found, Object.keys(typed).length > 0 ? typed : null);
    else this.#workbench.missing(this.#functions.all !== null, this.#functions.failure);
    if (!this.#workbench.place.isConnected || this.#bench.firstChild !== this.#workbench.place)
      this.#bench.replaceChildren(this.#workbench.place, this.#result.element, this.#jobs.element);
    this.#page.show("run", found ? titleOf(found) : "Function", this.#workbench.element, this.#bench);
  }

  /** Removes jobs. Where the address names one of them, it is then the list's. */
  #removed(remove: () => void): void {
    const named = this.#route.page === "jobs" && this.#route.id !== null ? this.#store.get(this.#route.id) : undefined;
    remove();
    if (named && !this.#store.get(named.process_job_id)) {
      this.#route = { page: "jobs", id: null };
      history.replaceState(null, "", toHash(this.#route));
      this.#draw();
    }
  }

  /** Ends the session in this browser, and removes what the session's jobs have left here. */
  #signOut(): void {
    this.#session.forget();
    this.#store.clear();
    this.#storage.removeItem(ANSWERS_KEY);
    this.#restart();
  }

  /** Loads the page again, so that nothing of the session is in memory: this tab or another one has signed out. */
  #restart(): void {
    this.#stream.stop();
    location.assign(baseAddress());
  }

  #go(to: Route): void {
    history.pushState(null, "", toHash(to));
    this.#arrive();
  }

  #arrive(): void {
    this.#route = toRoute(location.hash);
    this.#show();
    scrollTo(0, 0);
    document.getElementById("page-title")?.focus({ preventScroll: true });
  }

  #select(job: StoredJob): void {
    if (this.#route.page === "run" && this.#route.id === job.function)
      this.#chosenJob.set(this.#route.id, job.process_job_id);
    else {
      this.#route = { page: "jobs", id: job.process_job_id };
      history.replaceState(null, "", toHash(this.#route));
    }
    this.#draw();
    this.#result.reveal();
  }

  /** Selects the job of a submission, unless the user has gone elsewhere before the submission ended. */
  async #selectSubmitted(submission: Promise<StoredJob | null>): Promise<void> {
    const from = this.#route;
    const job = await submission;
    if (job && this.#route === from) this.#select(job);
  }

  /** Opens the form of a job's function with the job's input. */
  #edit(job: StoredJob): void {
    const found = this.#functionOf(job);
    if (!found) return this.#notifier.show("warning", "This function is no longer deployed");
    this.#go({ page: "run", id: found.id, typed: {} });
    this.#workbench.fill(found, job.params);
  }

  #receive({ id, event }: Frame): void {
    const before = this.#store.get(event.process_job_id)?.status;
    const job = this.#store.receive(event, id);
    if (job.status !== before)
      announceJob(this.#notifier, job, this.#title(job), this.#selected() === job.process_job_id);
    void this.#fetcher.fetch(job);
  }

  #connectionChanged(state: ConnectionState): void {
    this.#badge.show(this.#signInForm.asking ? "signed-out" : state);
    this.#reconciler.live(state === "live");
    // What could not be loaded while there was no connection.
    if (state === "live" && this.#functions.all === null && this.#functions.failure !== null) void this.#loader.load();
  }

  async #begin(): Promise<void> {
    const functions = this.#loader.functions();
    try {
      // A stored token that is no longer valid is renewed here, before anything depends on it.
      await this.#api.jobs();
      this.#store.adopt((await this.#session.get()).client_id);
    } finally {
      this.#stream.connect();
      this.#session.onChange(({ client_id }) => {
        this.#store.adopt(client_id);
        this.#stream.connect();
      });
    }
    await functions;
    await this.#loader.others();
  }
}
