/** What the fields of each function's answer mean, by its output schema. */
import { ApiError, type Api } from "../api/api";
import type { FunctionDetails, JsonSchema } from "../api/documents";
import type { KeyValue } from "../shared/storage";
import { meaningOf, UNKNOWN, type Meaning } from "../views/meaning";

/** localStorage key of the schemas, for a start without a network: {v, schemas: {function: schema}}. */
export const ANSWERS_KEY = "qwhisk.answers.v1";
/** Bounds of what is kept in the browser: functions, and characters of a schema. */
const MAX_FUNCTIONS = 40;
const MAX_SCHEMA = 20_000;
/** Milliseconds after which a schema is requested again: one that was received, and one that was not. */
const FRESH = 600_000;
const RETRY = 60_000;

type Schemas = Record<string, JsonSchema>;

export class AnswerMeanings {
  #api: Pick<Api, "function">;
  #storage: KeyValue;
  #changed: () => void;
  #known = new Map<string, { text: string; meaning: Meaning }>();
  /** When each function's schema may be requested again. */
  #next = new Map<string, number>();

  constructor(api: Pick<Api, "function">, storage: KeyValue, changed: () => void) {
    this.#api = api;
    this.#storage = storage;
    this.#changed = changed;
    for (const [id, schema] of Object.entries(this.#read())) this.#learn(id, schema);
  }

  /** The meaning of a function's answer as far as it is known; asks the gateway if that is not fresh. */
  of(functionId: string): Meaning {
    if (Date.now() >= (this.#next.get(functionId) ?? 0)) void this.#ask(functionId);
    return this.#known.get(functionId)?.meaning ?? UNKNOWN;
  }

  async #ask(id: string): Promise<void> {
    this.#next.set(id, Date.now() + RETRY);
    let found: FunctionDetails;
    try {
      found = await this.#api.function(id);
    } catch (error) {
      // Of a function that is no longer deployed, what was known stays true.
      if (error instanceof ApiError && error.status === 404) this.#next.set(id, Date.now() + FRESH);
      return;
    }
    this.#next.set(id, Date.now() + FRESH);
    const schema = found.output_schema ?? {};
    if (!this.#learn(id, schema)) return;
    this.#keep(id, schema);
    this.#changed();
  }

  /** Returns whether the schema is a new one. */
  #learn(id: string, schema: JsonSchema): boolean {
    const text = JSON.stringify(schema);
    if (this.#known.get(id)?.text === text) return false;
    this.#known.set(id, { text, meaning: meaningOf(schema) });
    return true;
  }

  #read(): Schemas {
    try {
      const { v, schemas } = JSON.parse(this.#storage.getItem(ANSWERS_KEY) ?? "{}") as {
        v?: number;
        schemas?: Schemas;
      };
      const all = Object.entries(v === 1 && schemas ? schemas : {}) as [string, JsonSchema | null][];
      return Object.fromEntries(
        all.filter((one): one is [string, JsonSchema] => typeof one[1] === "object" && !!one[1]),
      );
    } catch {
      return {};
    }
  }

  /** Adds a schema to those in the browser, which other tabs may have changed. The oldest go first. */
  #keep(id: string, schema: JsonSchema): void {
    const { [id]: _, ...others } = this.#read();
    const all = JSON.stringify(schema).length <= MAX_SCHEMA ? { ...others, [id]: schema } : others;
    const schemas = Object.fromEntries(Object.entries(all).slice(-MAX_FUNCTIONS));
    try {
      this.#storage.setItem(ANSWERS_KEY, JSON.stringify({ v: 1, schemas }));
    } catch {
      // Storage full or forbidden: it is known as long as the page is open.
    }
  }
}
