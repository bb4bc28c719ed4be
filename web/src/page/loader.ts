/** Loads functions, backends and results. A function that is deployed while the page is open appears on it. */
import type { Api } from "../api/api";
import type { Backend } from "../api/documents";
import type { Catalogue } from "../catalogue/catalogue";
import type { FunctionList } from "../catalogue/functions";
import type { Reconciler } from "../events/reconciler";
import type { Store } from "../jobs/store";
import type { ResultFetcher } from "../result/fetcher";

/** Milliseconds between requests while the page is visible. */
const EVERY = 15_000;

export interface LoaderOptions {
  api: Pick<Api, "backends">;
  functions: FunctionList;
  catalogue: Catalogue;
  store: Store;
  fetcher: ResultFetcher;
  reconciler: Reconciler;
  /** Called when the functions have changed. */
  changed: () => void;
  setBackends: (backends: Backend[]) => void;
  /** True while nothing can be requested, since the person is asked to sign in. */
  asking: () => boolean;
}

export class Loader {
  #options: LoaderOptions;

  constructor(options: LoaderOptions) {
    this.#options = options;
  }

  /** Loads everything now and then. */
  start(): void {
    const visible = (): boolean => document.visibilityState === "visible";
    setInterval(() => visible() && void this.load(), EVERY);
    document.addEventListener("visibilitychange", () => visible() && void this.load());
    addEventListener("online", () => void this.load());
  }

  async load(): Promise<void> {
    const { asking, functions, catalogue } = this.#options;
    if (asking()) return;
    if (navigator.onLine) await Promise.all([this.functions(), this.others()]);
    else if (!functions.all) catalogue.offline(() => void this.load());
  }

  async functions(): Promise<void> {
    const { functions, catalogue, changed } = this.#options;
    if (!(await functions.load())) return;
    if (functions.all) catalogue.setFunctions(functions.all);
    else catalogue.failed(functions.failure!, () => void this.load());
    changed();
  }

  /** Loads backends, and what the page lacks of its jobs. */
  async others(): Promise<void> {
    const { reconciler, store, fetcher } = this.#options;
    await Promise.all([this.#backends(), reconciler.run().catch(() => undefined)]);
    for (const job of store.jobs) await fetcher.fetch(job);
  }

  async #backends(): Promise<void> {
    const { api, setBackends } = this.#options;
    // The form works without backends: the service chooses one.
    const found = await api.backends().catch(() => null);
    if (found) setBackends(found);
  }
}
