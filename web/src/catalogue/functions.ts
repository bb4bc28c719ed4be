/** The deployed functions, as the gateway listed them last. */
import { describe, type Api } from "../api/api";
import type { QuantumFunction } from "../api/documents";

export class FunctionList {
  /** Null until they have been loaded once. */
  all: QuantumFunction[] | null = null;
  /** Why the gateway did not list them; null if it always did. */
  failure: string | null = null;
  #api: Pick<Api, "functions">;

  constructor(api: Pick<Api, "functions">) {
    this.#api = api;
  }

  find(id: string): QuantumFunction | undefined {
    return this.all?.find((one) => one.id === id);
  }

  /** Loads them; returns true if there is something new to show: other functions, or why there are none. */
  async load(): Promise<boolean> {
    try {
      const listed = await this.#api.functions();
      if (JSON.stringify(listed) === JSON.stringify(this.all)) return false;
      this.all = listed;
      return true;
    } catch (error) {
      this.failure = describe(error);
      return this.all === null;
    }
  }
}
